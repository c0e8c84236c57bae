"""Commands on a workspace that end in numbers with errors: fit, scan, interval."""

from typing import Any

import click
import numpy as np

from wilks._base.errors import InvalidOption
from wilks.inference.fitting import fit
from wilks.inference.intervals import intervals
from wilks.inference.profiles import profile
from wilks.results.fits import FitResult
from wilks.results.intervals import Interval, Intervals
from wilks.results.status import Status

from .delivery import Delivery, deliver
from .figures import fit_figures, scan_figure
from .options import delivery_options
from .outcome import Outcome
from .posed import Posed, workspace_options

_LEVELS = (0.6827, 0.95)


@click.command("fit", help="Fit a HistFactory workspace ('-' reads standard input).")
@workspace_options
@delivery_options
@click.option("--minos", metavar="NAME,..|all", help="Profile intervals of these parameters too.")
def fit_command(posed: Posed, delivery: Delivery, minos: str | None) -> None:
    """Fit and deliver."""
    result = fit(posed.likelihood, posed.data, space=posed.space, minimiser=posed.minimiser, throw=False)
    results: dict[str, Any] = {"fit": result}
    found: Intervals | None = None
    if minos and result.status.converged:
        found = intervals(
            posed.likelihood, posed.data, _names(minos, result), space=posed.space, minimiser=posed.minimiser
        )
        results["intervals"] = found
    deliver(
        Outcome(
            command="fit",
            title="Fit",
            status=result.status.word,
            result=fit_document(result, found),
            results=results,
            provenance=result.provenance,
            flags={**result.flags, **(found.flags if found else {})},
            draw=lambda: fit_figures(posed.likelihood, posed.data, result),
        ),
        delivery,
    )


@click.command("interval", help="Confidence intervals of a workspace's parameters.")
@workspace_options
@delivery_options
@click.option(
    "--parameter", "parameters", metavar="NAME,..", help="Which; the parameter of interest by default, or 'all'."
)
@click.option("--level", type=float, default=0.6827, show_default=True, help="Confidence level in (0, 1).")
@click.option("--method", type=click.Choice(["profile", "hesse"]), default="profile", show_default=True)
def interval_command(posed: Posed, delivery: Delivery, parameters: str | None, level: float, method: Any) -> None:
    """Intervals and deliver."""
    result = fit(posed.likelihood, posed.data, space=posed.space, minimiser=posed.minimiser)
    names = _names(parameters, result) if parameters else ([posed.poi] if posed.poi else list(result.free))
    found = intervals(
        posed.likelihood, posed.data, names, level=level, method=method, space=posed.space, minimiser=posed.minimiser
    )
    worst = max((item.status for item in found.items), key=lambda status: status.code, default=Status.OK)
    deliver(
        Outcome(
            command="interval",
            title="Intervals",
            status=worst.word,
            result={
                "level": level,
                "method": method,
                "parameters": {item.name: _interval_document(item, result) for item in found.items},
            },
            results={"intervals": found},
            provenance=found.provenance,
            flags={**found.flags, **{f"{i.name}: {k}": v for i in found.items for k, v in i.flags.items()}},
            draw=lambda: {
                f"Profile of {name}": scan_figure(profile(posed.likelihood, posed.data, name, space=posed.space))
                for name in names[:12]
            },
        ),
        delivery,
    )


@click.command("scan", help="Profile one or two parameters of a workspace.")
@workspace_options
@delivery_options
@click.option("--parameter", "parameters", metavar="A[,B]", help="Which; the parameter of interest by default.")
@click.option("--points", type=click.IntRange(min=2), help="Nodes per parameter.")
@click.option("--range", "ranges", multiple=True, metavar="LO:HI", help="Range, once per parameter.")
@click.option("--fixed-others", is_flag=True, help="Keep all other parameters at their best values.")
@click.option("--plot", "plot_file", type=click.Path(dir_okay=False), help="Also draw the scan into this file.")
def scan_command(
    posed: Posed,
    delivery: Delivery,
    parameters: str | None,
    points: int | None,
    ranges: tuple[str, ...],
    fixed_others: bool,
    plot_file: str | None,
) -> None:
    """Scan and deliver."""
    names = tuple(parameters.split(",")) if parameters else ((posed.poi,) if posed.poi else ())
    if len(names) not in (1, 2):
        raise InvalidOption("name one parameter or two: --parameter A or --parameter A,B")
    chosen: Any = names[0] if len(names) == 1 else names
    grid: Any = _grid(ranges, len(names), points)
    scan = profile(
        posed.likelihood,
        posed.data,
        chosen,
        grid[0] if grid and len(names) == 1 else grid,
        space=posed.space,
        minimiser=posed.minimiser,
        fixed_others=fixed_others,
        points=points,
    )
    results: dict[str, Any] = {"scan": scan}
    document: dict[str, Any] = {
        "parameters": list(names),
        "grid": [axis.tolist() for axis in scan.grid],
        "delta": scan.delta,
        "best": dict(zip(names, scan.best, strict=True)),
        "status": [Status.from_code(int(code)).word for code in scan.status.ravel()],
    }
    if len(names) == 1 and not fixed_others:
        for level in _LEVELS:
            item = intervals(posed.likelihood, posed.data, names, level=level, space=posed.space).items[0]
            results[f"interval at {level}"] = item
            document.setdefault("intervals", {})[str(level)] = [item.lower, item.upper]
    if plot_file:
        scan_figure(scan).savefig(plot_file)
    deliver(
        Outcome(
            command="scan",
            title=f"Scan of {' and '.join(names)}",
            status="ok" if np.all(scan.status <= Status.FALLBACK_OK.code) else "failed",
            result=document,
            results=results,
            provenance=scan.provenance,
            flags=scan.flags,
            draw=lambda: {"Scan": scan_figure(scan)},
        ),
        delivery,
    )


def fit_document(result: FitResult, found: Intervals | None = None) -> dict[str, Any]:
    """The JSON ``result`` of a fit: -2 ln L, values with errors by name, and the correlation matrix in their order."""
    ends = {item.name: item for item in found.items} if found else {}
    errors = result.errors
    parameters: dict[str, Any] = {}
    for name, value in result.values.items():
        entry: dict[str, Any] = {"value": value, "error": errors.get(name)}
        if name in ends:
            entry.update(_ends(ends[name]))
        if name in result.pulls:
            entry["pull"] = result.pulls[name][0]
        if name not in errors:
            entry["reason"] = _reason(result, name)
        parameters[name] = entry
    return {
        "twice_nll": result.twice_nll,
        "parameters": parameters,
        "correlation": result.correlation,
        "ndf": result.ndf,
        "goodness": 2 * result.excess,
        "edm": result.edm,
        "sentence": result.status.value,
        "cause": result.cause,
    }


def _interval_document(item: Interval, result: FitResult) -> dict[str, Any]:
    return {"value": item.best, "error": result.errors.get(item.name), **_ends(item)}


def _ends(item: Interval) -> dict[str, Any]:
    return {
        "interval": [item.lower, item.upper],
        "open": [item.lower_open, item.upper_open],
        "pieces": [list(piece) for piece in item.pieces],
    }


def _reason(result: FitResult, name: str) -> str:
    if name not in result.free:
        return "fixed"
    if name in result.at_lower + result.at_upper:
        return "on a bound"
    return result.status.value


def _names(text: str, result: FitResult) -> list[str]:
    return list(result.free) if text == "all" else text.split(",")


def _grid(ranges: tuple[str, ...], count: int, points: int | None) -> list[np.ndarray] | None:
    if not ranges:
        return None
    if len(ranges) != count:
        raise InvalidOption(f"{len(ranges)} ranges for {count} parameters; give --range once per parameter")
    axes = []
    for text in ranges:
        low, colon, high = text.partition(":")
        try:
            axes.append(np.linspace(float(low), float(high), points or (41 if count == 1 else 25)))
        except ValueError:
            raise InvalidOption(f"--range {text!r}: expected LO:HI, two numbers") from None
        if not colon:
            raise InvalidOption(f"--range {text!r}: expected LO:HI, two numbers")
    return axes
