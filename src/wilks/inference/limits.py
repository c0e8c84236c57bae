"""Limits of a parameter: one-sided profile limits, CLs and power-constrained limits, with what was expected."""

from typing import Any, Literal

from wilks._base.errors import InvalidOption
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import as_simulator
from wilks.parameters.space import ParameterSpace
from wilks.results.limits import Limit

from .asymptotic_limits import asymptotic_limit, one_sided
from .calibration import AbstractCalibration, Asymptotic, ByToys
from .exclusion import MIN_POWER, Found, Question
from .minimisers import AbstractMinimiser
from .problem import Clock, Problem, pose
from .signals import SignalProfile, insist_on_null
from .toy_limits import toy_limit


def limit(
    likelihood: AbstractLikelihood,
    data: Any,
    name: str,
    *,
    level: float = 0.95,
    side: Literal["upper", "lower"] = "upper",
    method: Literal["cls", "profile", "power-constrained"] = "cls",
    statistic: Literal["qtilde", "q"] = "qtilde",
    calibration: AbstractCalibration | None = None,
    expected: bool | None = None,
    grid: Any = None,
    min_power: float = MIN_POWER,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> Limit:
    """One-sided limit of one parameter, the others refitted.

    Args:
        likelihood: judges the data (and makes Asimov data and toys, unless the calibration brings a simulator).
        data: as for `fit`.
        name: the parameter; without signal it is 0.
        level: confidence level in (0, 1).
        side: ``"upper"``, or with the profile method ``"lower"``.
        method: ``"cls"``: where CLs = CLs+b/CLb falls to 1 - level; ``"profile"``: where CLs+b does, that is (without
            toys) where 2 delta nll reaches Phi^-1(level)^2 on the wanted side; ``"power-constrained"``: the same, but
            not below the smallest value that would be excluded with the probability ``min_power`` without signal.
        statistic: ``"qtilde"`` (the best value counts as 0 where it is negative) or ``"q"``.
        calibration: `Asymptotic`, or `ByToys` at the tested values and without signal, with nuisances at their best
            values there, auxiliary data fluctuated, and equal random numbers for all values.
        expected: also the limits expected without signal; by default for all but the profile method.
        grid: values at which the curves are computed; the limit is then taken from them by linear interpolation.
        min_power: see ``method``.
        space: as for `fit`.
        minimiser: as for `fit`.

    Returns:
        The limit; ``open_`` if a bound comes before, or if the toys cannot tell.

    Raises:
        InvalidOption: for a fixed parameter, or one that cannot be 0.
        FitFailed: if a fit to the data finds no minimum.
        TooManyFailures: if more than 1 % of the toys fail.

    References:
        G. Cowan et al., Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727; A. L. Read, J. Phys. G 28 (2002) 2693 (CLs);
        G. Cowan et al., arXiv:1105.3166 (power constraint).
    """
    clock = Clock.start()
    expected = (method != "profile") if expected is None else expected
    question = Question(name, level, side, method, statistic, expected, min_power)
    question.check()
    calibration = calibration or Asymptotic()
    problem = pose(likelihood, data, space, minimiser)
    profile = SignalProfile(problem, name, statistic)
    found = _find(question, problem, profile, calibration, grid)
    settings = {**question._asdict(), "toys": calibration.settings()["toys"]}
    flags = {**profile.flags, **found.flags, **_open_flag(question, found)}
    return Limit(
        name=name,
        unit=problem.space[name].unit,
        level=level,
        side=side,
        method=method,
        statistic=statistic,
        observed=found.observed,
        open_=found.open_,
        observed_error=found.observed_error,
        expected=found.expected,
        expected_errors=found.expected_errors,
        **found.curve._asdict(),
        best=profile.best_value,
        least_power=found.least_power,
        n=found.n,
        failed=found.failed,
        flags=flags,
        how=found.how,
        provenance=clock.provenance(problem, "limit", seed=calibration.settings()["seed"], settings=settings),
    )


def _find(
    question: Question, problem: Problem, profile: SignalProfile, calibration: AbstractCalibration, grid: Any
) -> Found:
    by_toys = isinstance(calibration, ByToys)
    if question.method == "profile" and not question.expected and not by_toys and grid is None:
        return one_sided(question, profile)
    if question.side == "lower":
        raise InvalidOption("a lower limit knows no expected band, no grid and no toys; leave them out")
    insist_on_null(problem.space, question.name)
    own = calibration.simulator if isinstance(calibration, ByToys) else None
    simulator = as_simulator(problem.likelihood if own is None else own)
    if isinstance(calibration, ByToys):
        return toy_limit(question, profile, simulator, calibration, grid)
    return asymptotic_limit(question, profile, simulator, grid)


def _open_flag(question: Question, found: Found) -> dict[str, str]:
    if not found.open_ or "empty_tail" in found.flags:
        return {}
    return {
        "open_interval": f"the {question.side} limit of {question.name} is open: a bound, or the end of the search, "
        "comes before the confidence is reached"
    }
