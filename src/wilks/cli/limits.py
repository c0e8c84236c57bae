"""The command that quotes limits of a workspace's parameter of interest, observed and expected."""

from typing import Any

import click

from wilks._base.errors import InvalidOption
from wilks.inference.calibration import Asymptotic, ByToys
from wilks.inference.limits import limit
from wilks.results.limits import SIGMAS, Limit

from .delivery import Delivery, deliver
from .figures import figure_of
from .options import delivery_options, executor_of, toy_options
from .outcome import Outcome
from .posed import Posed, workspace_options
from .progress import progress_of


@click.command("limit", help="Upper limit of a workspace's parameter of interest: CLs, profile, or power-constrained.")
@workspace_options
@toy_options(default=0, meaning="Toys per tested value and hypothesis; 0 for the asymptotic laws.")
@delivery_options
@click.option("--level", type=float, default=0.95, show_default=True, help="Confidence level in (0, 1).")
@click.option("--method", type=click.Choice(["cls", "profile", "power-constrained"]), default="cls", show_default=True)
@click.option("--statistic", type=click.Choice(["qtilde", "q"]), default="qtilde", show_default=True)
@click.option("--plot", "plot_file", type=click.Path(dir_okay=False), help="Also draw the confidences into this file.")
def limit_command(
    posed: Posed,
    delivery: Delivery,
    level: float,
    method: Any,
    statistic: Any,
    plot_file: str | None,
    toys: int,
    seed: int,
    workers: int,
) -> None:
    """Find the limit and deliver."""
    if posed.poi is None:
        raise InvalidOption("a limit needs a parameter of interest; name it with --poi")
    with progress_of("toys", quiet=delivery.quiet) as progress:
        calibration = ByToys(seed, toys, executor=executor_of(workers), progress=progress) if toys else Asymptotic()
        result = limit(
            posed.likelihood,
            posed.data,
            posed.poi,
            level=level,
            method=method,
            statistic=statistic,
            calibration=calibration,
            expected=True,
            space=posed.space,
            minimiser=posed.minimiser,
        )
    if plot_file:
        figure_of(result).savefig(plot_file)
    deliver(
        Outcome(
            command="limit",
            title=f"Limit of {posed.poi}",
            status="ok",
            result=_document(result, seed),
            results={"limit": result},
            provenance=result.provenance,
            flags=result.flags,
            notes=[f"seed {seed}"] if toys else [],
            draw=lambda: {f"Confidence in values of {result.name}": figure_of(result)},
        ),
        delivery,
    )


def _document(result: Limit, seed: int) -> dict[str, Any]:
    """Expected values by number of standard deviations."""
    return {
        "name": result.name,
        "level": result.level,
        "method": result.method,
        "statistic": result.statistic,
        "observed": result.observed,
        "observed_error": result.observed_error,
        "open": result.open_,
        "expected": _by_sigma(result.expected),
        "expected_errors": _by_sigma(result.expected_errors),
        "best": result.best,
        "toys": result.n,
        "failed": result.failed,
        "seed": seed,
    }


def _by_sigma(band: Any) -> dict[str, float]:
    return {str(sigma): float(value) for sigma, value in zip(SIGMAS, band, strict=False)}
