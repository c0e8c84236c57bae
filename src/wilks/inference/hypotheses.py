"""Tests of a hypothesis: likelihood ratios with asymptotic laws and toys, discovery among them."""

from typing import Any, Literal, overload

import numpy as np

from wilks._base.errors import FitFailed, InvalidOption, check_option
from wilks._base.typing import Values
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import as_simulator
from wilks.parameters.space import ParameterSpace
from wilks.results.hypotheses import HypothesisTest
from wilks.results.limits import SignalTest

from .calibration import AbstractCalibration, Asymptotic, ByToys
from .counted_toys import count_toys
from .goodness import conditioned
from .ladder import Climbed
from .lanes import stack_lanes
from .minimisers import AbstractMinimiser
from .probabilities import chi2_tail, significance, tail
from .problem import Clock, Problem, pose
from .profiles import boundary_note, conditional, free_fit
from .signal_tests import signal_test
from .statistics import AbstractStatistic, Discovery, ProfileRatio
from .toys import ToyStudy, pose_study

STATISTICS = ("q0", "ratio", "q", "qtilde")


@overload
def hypothesis_test(
    likelihood: AbstractLikelihood,
    data: Any,
    null: Values,
    *,
    statistic: Literal["q0", "ratio"] = "q0",
    calibration: AbstractCalibration | None = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> HypothesisTest: ...


@overload
def hypothesis_test(
    likelihood: AbstractLikelihood,
    data: Any,
    null: Values,
    *,
    statistic: Literal["q", "qtilde"],
    calibration: AbstractCalibration | None = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> SignalTest: ...


def hypothesis_test(
    likelihood: AbstractLikelihood,
    data: Any,
    null: Values,
    *,
    statistic: Literal["q0", "ratio", "q", "qtilde"] = "q0",
    calibration: AbstractCalibration | None = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> HypothesisTest | SignalTest:
    """p-value of a hypothesis that fixes parameters, against all other values of them.

    Args:
        likelihood: judges the data.
        data: as for `fit`.
        null: parameters and their values under the hypothesis, e.g. ``{"mu": 0.0}``.
        statistic: ``"q0"`` for discovery of one signal (one-sided: only an excess counts; p = 1 - Phi(sqrt q0)), or
            ``"ratio"`` (two-sided; chi-square law with one degree of freedom per fixed parameter). ``"q"`` and
            ``"qtilde"`` exclude one signal (one-sided: only a deficit counts against it) and give a `SignalTest` with
            CLs+b, CLb and CLs, observed and expected.
        calibration: `Asymptotic`, or `ByToys` from the hypothesis with nuisances at their best values there.
        space: as for `fit`.
        minimiser: as for `fit`.

    Raises:
        InvalidOption: for a hypothesis outside the bounds, or of a fixed parameter.
        FitFailed: if a fit to the data finds no minimum.
        TooManyFailures: if more than 1 % of the toys fail.

    References:
        G. Cowan et al., Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727, eqs. 12, 14, 16 and 52.
    """
    clock = Clock.start()
    check_option("statistic", statistic, STATISTICS)
    if not null:
        raise InvalidOption("the hypothesis fixes no parameter; give at least one value")
    calibration = calibration or Asymptotic()
    problem = pose(likelihood, data, space, minimiser)
    held = _check_null(problem, null)
    if statistic == "q" or statistic == "qtilde":
        name, value = _only(held, statistic)
        return signal_test(problem, clock, name, value, statistic, calibration)
    measure = _statistic(statistic, held)
    best = free_fit(problem)
    single = problem._replace(data=stack_lanes(problem.data, 1))
    observed = float(measure.measure(single, _as_lane(best.theta, best.excess))[0])
    if not observed >= 0:
        raise FitFailed(f"the fit under the hypothesis {held} finds no minimum; try other starts or bounds", best)
    p_asymptotic = tail(observed**0.5) if statistic == "q0" else chi2_tail(observed, len(null))
    counted, missed = None, {}
    if isinstance(calibration, ByToys):
        study = _null_study(problem, measure, held, best.theta, calibration)
        _, counted, missed = count_toys(study, observed, calibration, "hypothesis test")
    p_value = p_asymptotic if counted is None else counted.p_value
    return HypothesisTest(
        statistic=statistic,
        observed=observed,
        p_value=p_value,
        p_interval=None if counted is None else counted.interval,
        p_interval_95=None if counted is None else counted.interval_95,
        p_low=None if counted is None else counted.low,
        p_high=None if counted is None else counted.high,
        z=None if p_value is None else significance(p_value),
        n=0 if counted is None else counted.n,
        exceedances=0 if counted is None else counted.exceedances,
        ties=0 if counted is None else counted.ties,
        failed=0 if counted is None else counted.failed,
        p_asymptotic=p_asymptotic,
        z_asymptotic=significance(p_asymptotic),
        flags={**best.flags, **missed, **(boundary_note(best, held) if statistic == "ratio" else {})},
        how="asymptotic law"
        if counted is None
        else f"{counted.n} toys from the hypothesis, nuisances at their best values there, auxiliary data fluctuated, "
        "each toy refitted",
        provenance=clock.provenance(
            problem,
            "hypothesis_test",
            seed=calibration.settings()["seed"],
            settings={"null": held, "statistic": statistic, "toys": calibration.settings()["toys"]},
        ),
    )


def _check_null(problem: Problem, null: Values) -> dict[str, float]:
    """The hypothesis as numbers, inside the bounds of free parameters."""
    held = {name: float(value) for name, value in null.items()}
    for name, value in held.items():
        p = problem.space[name]
        if not p.is_free:
            raise InvalidOption(f"parameter {name!r} is fixed; release it to test a value of it")
        if not p.lower <= value <= p.upper:
            raise InvalidOption(
                f"the hypothesis {name} = {value} lies outside [{p.lower}, {p.upper}]; widen the bounds or move it"
            )
    return held


def _statistic(name: str, null: dict[str, float]) -> AbstractStatistic:
    if name == "ratio":
        return ProfileRatio(null)
    return Discovery(*_only(null, name))


def _only(null: dict[str, float], statistic: str) -> tuple[str, float]:
    """The one parameter and its value that a one-sided test takes."""
    if len(null) != 1:
        raise InvalidOption(f"{statistic} tests one signal parameter, not {', '.join(null)}; use statistic='ratio'")
    ((parameter, value),) = null.items()
    return parameter, value


def _null_study(
    problem: Problem, measure: AbstractStatistic, null: dict[str, float], best: np.ndarray, calibration: ByToys
) -> ToyStudy:
    """Toys thrown under the hypothesis, nuisances at their best values there."""
    where = list(problem.space.indices(null))
    held = np.zeros((1, len(problem.space)), dtype=bool)
    held[0, where] = True
    start = best[None].copy()
    start[0, where] = list(null.values())
    theta = conditional(problem, stack_lanes(problem.data, 1), start, held).theta[0]
    values = problem.space.unpack(theta)
    simulator = as_simulator(problem.likelihood if calibration.simulator is None else calibration.simulator)
    return pose_study(
        calibration.key,
        conditioned(simulator, values, problem.data),
        problem.likelihood,
        values,
        measure,
        space=problem.space,
        minimiser=problem.minimiser,
    )


def _as_lane(theta: np.ndarray, value: float) -> Climbed:
    zero = np.zeros(1, dtype=np.int8)
    return Climbed(theta[None], np.array([value]), np.zeros((1, theta.size)), np.zeros(1), zero.astype(int), zero, zero)
