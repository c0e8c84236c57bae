"""Commands on a workspace that throw toys: goodness of fit, and toy studies."""

import click
import numpy as np

from wilks._base.errors import InvalidOption
from wilks.inference.calibration import Asymptotic, ByToys
from wilks.inference.fitting import fit
from wilks.inference.goodness import conditioned, goodness_of_fit
from wilks.inference.statistics import DISTANCES, AbstractStatistic, Distance, ProfileRatio
from wilks.inference.toys import toys
from wilks.results.status import Status

from .delivery import Delivery, deliver, notice
from .figures import figure_of
from .options import delivery_options, executor_of, toy_options
from .outcome import Outcome
from .posed import Posed, named_numbers, workspace_options
from .progress import progress_of

_MOST_FAILED = 0.01


@click.command("gof", help="Goodness of fit of a workspace, by law and by toys.")
@workspace_options
@toy_options(default=0)
@delivery_options
@click.option("--statistic", type=click.Choice(DISTANCES), default="saturated", show_default=True)
@click.option("--no-refit", is_flag=True, help="Do not fit the toys (the p-value is then not that of the fit).")
def gof_command(
    posed: Posed, delivery: Delivery, statistic: str, no_refit: bool, toys: int, seed: int, workers: int
) -> None:
    """Judge the fit and deliver."""
    with progress_of("toys", quiet=delivery.quiet) as progress:
        calibration = ByToys(seed, toys, executor=executor_of(workers), progress=progress) if toys else Asymptotic()
        result = goodness_of_fit(
            posed.likelihood,
            posed.data,
            statistic=statistic,
            refit=not no_refit,
            calibration=calibration,
            space=posed.space,
            minimiser=posed.minimiser,
        )
    deliver(
        Outcome(
            command="gof",
            title="Goodness of fit",
            status="ok",
            result={
                "name": statistic,
                "statistic": result.observed,
                "p_value": result.p_value,
                "p_asymptotic": result.p_asymptotic,
                "p_toys": result.p_toys,
                "p_toys_interval": result.p_toys_interval,
                "dof": result.dof,
                "toys": result.n,
                "exceedances": result.exceedances,
                "failed": result.failed,
                "refit": result.refit,
                "seed": seed,
            },
            results={"goodness of fit": result},
            provenance=result.provenance,
            flags=result.flags,
            notes=[f"seed {seed}"] if toys else [],
            draw=lambda: {"Distribution of the statistic": figure_of(result)} if result.n else {},
        ),
        delivery,
    )


@click.command("toys", help="Throw toys from a workspace and fit them.")
@workspace_options
@toy_options(default=1000)
@delivery_options
@click.option("--at", default="best", show_default=True, metavar="best|NAME=VALUE,..", help="Truth of the toys.")
@click.option("--statistic", type=click.Choice(["t", *DISTANCES]), help="Also compute this statistic of each toy.")
def toys_command(
    posed: Posed, delivery: Delivery, at: str, statistic: str | None, toys: int, seed: int, workers: int
) -> None:
    """Throw toys and deliver."""
    if toys < 1:
        raise InvalidOption("--toys 0 throws nothing; ask for at least 1")
    truth, simulator = _truth(posed, at)
    with progress_of("toys", quiet=delivery.quiet) as progress:
        result = _throw(posed, simulator, truth, statistic, toys, seed, executor_of(workers), progress)
    free = [i for i, name in enumerate(result.names) if name in posed.space.free]
    sound = result.status <= Status.FALLBACK_OK.code
    summary = {
        result.names[i]: {
            "truth": truth[result.names[i]],
            "mean": float(result.theta[sound, i].mean()) if sound.any() else None,
            "standard_deviation": float(result.theta[sound, i].std()) if sound.any() else None,
        }
        for i in free
    }
    if delivery.output is not None:
        saved = result.save(delivery.output / "toys.npz")
        notice(f"wrote {saved}", delivery.quiet)
    deliver(
        Outcome(
            command="toys",
            title="Toys",
            status="ok" if result.failed <= _MOST_FAILED * len(result) else "failed",
            result={
                "toys": len(result),
                "failed": result.failed,
                "seed": seed,
                "parameters": summary,
                "statistic": statistic,
                "quantiles": None
                if result.t is None
                else {str(q): float(np.nanquantile(result.t, q)) for q in (0.05, 0.16, 0.5, 0.84, 0.95)},
            },
            results={"toys": result},
            provenance=result.provenance,
            flags=result.flags,
            notes=[f"seed {seed}"],
            draw=lambda: {"Toys": figure_of(result)},
        ),
        delivery,
    )


def _truth(posed: Posed, at: str):
    """Values at which toys are thrown, and the simulator there."""
    if at == "best":
        best = fit(posed.likelihood, posed.data, space=posed.space, minimiser=posed.minimiser)
        return best.values, conditioned(posed.likelihood, posed.space.unpack(best.theta), posed.data)
    theta = posed.space.complete(named_numbers(tuple(at.split(",")), "--at"))
    return dict(zip(posed.space.names, theta.tolist(), strict=True)), posed.likelihood


def _throw(
    posed: Posed, simulator, truth: dict[str, float], statistic: str | None, n: int, seed: int, executor, progress
):
    measure: AbstractStatistic | None = None
    if statistic == "t":
        if posed.poi is None:
            raise InvalidOption("statistic t needs a parameter of interest; name it with --poi")
        measure = ProfileRatio({posed.poi: truth[posed.poi]})
    elif statistic is not None:
        measure = Distance(statistic)
    return toys(
        seed,
        simulator,
        posed.likelihood,
        truth,
        n,
        statistic=measure,
        space=posed.space,
        minimiser=posed.minimiser,
        executor=executor,
        progress=progress,
    )
