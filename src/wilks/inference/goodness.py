"""Goodness of fit: how often data from the fitted model lie as far from it as the observed data."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from wilks._base.errors import InvalidModel, check_option
from wilks._base.typing import Values
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.interface import AbstractCellLikelihood, AbstractLikelihood, AbstractSimulator
from wilks.likelihood.joint import Joint, as_simulator
from wilks.likelihood.unnormalised import refuse_unnormalised
from wilks.parameters.space import ParameterSpace
from wilks.results.hypotheses import GoodnessOfFit

from .calibration import AbstractCalibration, Asymptotic, ByToys
from .compiled import compiled
from .counted_toys import count_toys
from .fitting import Start
from .ladder import Climbed
from .lanes import evaluate_lanes, stack_lanes
from .minimisers import AbstractMinimiser
from .multistart import Multistart
from .probabilities import chi2_tail
from .problem import Clock, Problem, averages, counted_parts, error_of_user, left_out_bins, pose
from .profiles import free_fit
from .statistics import DISTANCES, Distance, fitted_bins
from .tails import ToyTail
from .toys import ToyStudy, pose_study

_ASYMPTOTIC = ("saturated", "pearson")
_SMALL = 5.0  # expectation below which the chi-square law is doubtful


def goodness_of_fit(
    likelihood: AbstractLikelihood,
    data: Any,
    *,
    statistic: str = "saturated",
    values: Values | None = None,
    refit: bool = True,
    calibration: AbstractCalibration | None = None,
    start: Start | Multistart = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> GoodnessOfFit:
    """Probability of data at least as far from the fitted model as these.

    Args:
        likelihood: judges the data.
        data: as for `fit`.
        statistic: ``"saturated"`` (Baker-Cousins), ``"pearson"``, ``"ks"`` or ``"likelihood"``.
        values: test this point instead of the best fit; nothing is fitted then, toys neither, and the degrees of
            freedom are not reduced.
        refit: fit every toy, as the data were fitted; without, the degrees of freedom are not reduced.
        calibration: `Asymptotic` (the chi-square law, saturated and Pearson only) or `ByToys`.
        start: where the fit to the data begins, as for `fit`; toys are fitted from where it ends.
        space: as for `fit`.
        minimiser: as for `fit`.

    Raises:
        TooManyFailures: if more than 1 % of the toys fail.
        InvalidModel: if the statistic of the data is not a number, or the likelihood is known up to a term of the data.
    """
    clock = Clock.start()
    refuse_unnormalised(likelihood)
    check_option("statistic", statistic, DISTANCES)
    refit = refit and values is None
    calibration = calibration or Asymptotic()
    problem = pose(likelihood, data, space, minimiser)
    distance = Distance(statistic)
    theta = _tested_point(problem, values, start)
    observed = _observed(problem, distance, theta)
    if np.isnan(observed):
        raise error_of_user(likelihood, theta) or InvalidModel(f"the {statistic} statistic of the data is not a number")
    dof = _degrees(problem, statistic, fitted=refit)
    flags = _small_counts(problem, theta)
    tail, toy_values = None, np.zeros(0)
    if isinstance(calibration, ByToys):
        study = _study(problem, distance, theta, refit, calibration)
        toy_values, tail, missed = count_toys(study, observed, calibration, "goodness of fit")
        flags |= missed
    asymptotic = chi2_tail(observed, dof) if dof is not None and dof > 0 else None
    return GoodnessOfFit(
        statistic=statistic,
        observed=observed,
        dof=dof,
        p_asymptotic=asymptotic,
        p_toys=None if tail is None else tail.p_value,
        p_toys_interval=None if tail is None else tail.interval,
        n=0 if tail is None else tail.n,
        exceedances=0 if tail is None else tail.exceedances,
        ties=0 if tail is None else tail.ties,
        failed=0 if tail is None else tail.failed,
        refit=refit,
        contributions=_contributions(problem, theta),
        toys=toy_values,
        flags=flags,
        how=_how(problem, statistic, tail, refit, dof),
        provenance=clock.provenance(
            problem,
            "goodness_of_fit",
            seed=calibration.settings()["seed"],
            settings={"statistic": statistic, "refit": refit, "toys": calibration.settings()["toys"]},
        ),
    )


def conditioned(simulator: AbstractSimulator, values: Values, data: Any) -> AbstractSimulator:
    """The simulator with everything that was profiled in closed form at its best value for the data."""
    if isinstance(simulator, PoissonCounts):
        return PoissonCounts.conditioned(simulator, values, data)  # binding the method would cost more
    if isinstance(simulator, Joint):
        named = simulator.space.unpack(simulator.space.pack(values))
        parts: dict[str, Any] = {
            name: conditioned(as_simulator(part), simulator.values_of(name, named), data[name])
            for name, part in simulator.parts.items()
        }
        return Joint(parts)
    return simulator


def _tested_point(problem: Problem, values: Values | None, start: Start | Multistart) -> np.ndarray:
    if values is None:
        return free_fit(problem, start=start).theta
    return problem.space.complete(values)


def _observed(problem: Problem, distance: Distance, theta: np.ndarray) -> float:
    single = problem._replace(data=stack_lanes(problem.data, 1))
    value = evaluate_lanes(problem.likelihood, single.data, theta[None])
    zero = np.zeros(1, dtype=np.int8)
    ends = Climbed(theta[None], value, np.zeros((1, theta.size)), np.zeros(1), zero.astype(int), zero, zero)
    return float(distance.measure(single, ends)[0])


def _study(problem: Problem, distance: Distance, theta: np.ndarray, refit: bool, calibration: ByToys) -> ToyStudy:
    values = problem.space.unpack(theta)
    simulator = as_simulator(problem.likelihood if calibration.simulator is None else calibration.simulator)
    simulator = conditioned(simulator, values, problem.data)
    return pose_study(
        calibration.key,
        simulator,
        problem.likelihood,
        values,
        distance,
        refit=refit,
        space=problem.space,
        minimiser=problem.minimiser,
    )


def _degrees(problem: Problem, statistic: str, *, fitted: bool) -> int | None:
    if statistic not in _ASYMPTOTIC:
        return None
    parts = counted_parts(problem.likelihood, problem.data)
    if parts is None:
        return None
    if any(averages(part) for part, _ in parts):
        return None
    cells = sum(part.layout.bins + len(part.constraints) - left_out_bins(part, data) for part, data in parts)
    return cells - int(problem.space.free_mask.sum()) if fitted else cells


def _small_counts(problem: Problem, theta: np.ndarray) -> dict[str, str]:
    if counted_parts(problem.likelihood, problem.data) is None:
        return {}
    smallest = float(_smallest(problem.likelihood, theta, problem.data))
    if smallest >= _SMALL:
        return {}
    return {
        "small_expected_counts": f"the smallest expectation is {smallest:.2g}, below {_SMALL:g}: trust toys, not the "
        "chi-square law"
    }


@compiled()
def _smallest(likelihood, theta, data):
    return jnp.min(fitted_bins(likelihood, theta, data)[1])


def _contributions(problem: Problem, theta: np.ndarray) -> dict[str, np.ndarray]:
    """Twice the excess per cell, by channel; constraint terms last."""
    if not isinstance(problem.likelihood, AbstractCellLikelihood):
        return {}
    cells = np.asarray(_cell_excess(problem.likelihood, theta, problem.data)) * 2
    if not isinstance(problem.likelihood, (PoissonCounts, ChiSquareCounts)):
        return {"cells": cells}
    found, first = {}, 0
    for name, size in problem.likelihood.layout.channels:
        found[name] = cells[first : first + size]
        first += size
    if len(cells) > first:
        found["constraints"] = cells[first:]
    return found


@compiled()
def _cell_excess(likelihood, theta, data):
    return likelihood.judge(likelihood.mean(likelihood.space.unpack(theta)), data).excess


def _how(problem: Problem, statistic: str, tail: ToyTail | None, refit: bool, dof: int | None) -> str:
    if tail is not None:
        return f"{tail.n} toys of the {statistic} statistic, " + ("each refitted" if refit else "not refitted")
    parts = counted_parts(problem.likelihood, problem.data) or ()
    if statistic in _ASYMPTOTIC and any(averages(part) for part, _ in parts):
        return (
            f"no asymptotic law for the {statistic} statistic: the likelihood averages over the simulation "
            "(template_statistics='marginal'); calibrate it by toys"
        )
    if dof is None:
        return f"no asymptotic law for the {statistic} statistic; calibrate it by toys"
    return f"chi-square law with {dof} degrees of freedom (asymptotic)"
