"""Fits and limits of a posed likelihood, in the form in which flamedisx returns them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from wilks._base.errors import FitFailed, InvalidOption, check_option
from wilks._base.notices import notice
from wilks.inference.endpoint import examine
from wilks.inference.fitting import climb_from, fit
from wilks.inference.intervals import interval, walk_both_sides
from wilks.inference.ladder import Climbed
from wilks.inference.lanes import stack_lanes
from wilks.inference.limits import limit
from wilks.inference.minimisers import AbstractMinimiser, Minuit
from wilks.inference.probabilities import check_level, threshold
from wilks.inference.problem import Problem, pose
from wilks.inference.profiles import LOWER, Minimum
from wilks.likelihood.unbinned import Unbinned, UnbinnedData
from wilks.parameters.space import ParameterSpace
from wilks.results.fits import FitResult
from wilks.results.status import Status

from .curvature import hessian_of_nll

OptimizerFailure = FitFailed
"""Raised where flamedisx raises its error of this name."""

_OPTIMIZERS = ("scipy", "tfp", "tf", "minuit", "nlin")


class OptimizerWarning(UserWarning):
    """A name for filters of warnings in old scripts; nothing warns with it."""


class Posed(NamedTuple):
    """A likelihood, its data, and the space in which its parameters move, with starts."""

    likelihood: Unbinned
    data: UnbinnedData
    space: ParameterSpace

    @property
    def start(self) -> dict[str, float]:
        """Starts of the free parameters."""
        return {p.name: float(p.start) for p in self.space.parameters if p.is_free}


def fit_posed(posed: Posed, optimizer: str, *, throw: bool) -> FitResult:
    """The best fit.

    Raises:
        InvalidOption: for an unknown optimizer.
        FitFailed: if there is no minimum that can be trusted.
    """
    return fit(*posed[:2], start=posed.start, space=posed.space, minimiser=_minimiser(optimizer), throw=throw)


def best_values(posed: Posed, optimizer: str) -> dict[str, float] | None:
    """Values at the minimum, by the program of fits alone; None where only a full fit can tell."""
    if _minimiser(optimizer) is not None:
        return None
    single, ends = _climbed(posed)
    if not Status.from_code(int(ends.status[0])).converged:
        return None
    return dict(zip(single.space.names, ends.theta[0].tolist(), strict=True))


def _climbed(posed: Posed) -> tuple[Problem, Climbed]:
    """The problem with its data in one lane, and where a fit of it ends."""
    problem = pose(*posed)
    single = problem._replace(data=stack_lanes(problem.data, 1))
    return single, climb_from(single, problem.space.starts[None], 1, keep=tuple(posed.start))


def _simple_ends(posed: Posed, parameter: str, level: float) -> dict[str, tuple[bool, float]] | None:
    """Ends of a central interval by the program of fits alone; None where only a full search can tell."""
    single, ends = _climbed(posed)
    space, theta = single.space, ends.theta[0]
    curved = examine(hessian_of_nll(posed.likelihood, posed.data, theta), space.free_mask)
    on_bound = ((theta <= space.lowers) | (theta >= space.uppers)) & space.free_mask
    if not Status.from_code(int(ends.status[0])).converged or curved.covariance is None or on_bound.any():
        return None
    minimum = Minimum(ends.theta, ends.value, curved.covariance[None])
    sides = walk_both_sides(single, minimum, space.indices((parameter,)), threshold(level))
    if sides.failed.any() or sides.folded.any() or sides.ends.lowest.min() < ends.value[0] - LOWER:
        return None
    return {
        side: (bool(sides.open_[0, 0, k]), float(sides.value[0, 0, k])) for k, side in enumerate(("lower", "upper"))
    }


def profile_limit(
    posed: Posed,
    parameter: str,
    kind: str,
    level: float,
    critical: Callable[[float], float] | None,
    optimizer: str,
    *,
    full: bool,
) -> Any:
    """A limit, or both ends of a central interval.

    Args:
        posed: what is asked.
        parameter: the parameter.
        kind: ``"upper"``, ``"lower"`` or ``"central"``.
        level: confidence level.
        critical: threshold of 2 delta nll as a function of the parameter.
        optimizer: as for `fit_posed`.
        full: return the result itself.

    Raises:
        InvalidOption: for an unknown kind.
    """
    check_option("kind", kind, ("upper", "lower", "central"))
    shared: dict[str, Any] = {"level": level, "space": posed.space, "minimiser": _minimiser(optimizer)}
    if kind != "central" and critical is None:
        one = limit(*posed[:2], parameter, side="upper" if kind == "upper" else "lower", method="profile", **shared)
        _say_open(parameter, kind, one.open_, one.observed)
        return one if full else one.observed
    simple = critical is None and not full and shared["minimiser"] is None and posed.space[parameter].is_free
    ends, both = _simple_ends(posed, parameter, check_level(level)) if simple else None, None
    if ends is None:
        both = interval(*posed[:2], parameter, critical=critical, **shared)
        ends = {"lower": (both.lower_open, both.lower), "upper": (both.upper_open, both.upper)}
    wanted = ("lower", "upper") if kind == "central" else (kind,)
    for side in wanted:
        _say_open(parameter, side, *ends[side])
    if full:
        return both
    return [ends[side][1] for side in wanted] if kind == "central" else ends[kind][1]


def _say_open(parameter: str, side: str, opened: bool, value: float) -> None:
    if opened:
        notice(
            f"the {side} limit of {parameter} is open: the profile does not reach the threshold before {value:g}, its "
            "bound or the end of the search"
        )


def _minimiser(optimizer: str) -> AbstractMinimiser | None:
    if optimizer not in _OPTIMIZERS:
        raise InvalidOption(f"optimizer {optimizer!r} does not exist; choose scipy, minuit or tfp")
    return Minuit() if optimizer == "minuit" else None
