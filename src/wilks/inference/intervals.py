"""Intervals of parameters: profile likelihood ends by root finding, or from the curvature."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import InvalidOption, check_option
from wilks.likelihood.interface import AbstractLikelihood
from wilks.parameters.space import ParameterSpace
from wilks.results.fits import FitResult
from wilks.results.intervals import Interval, Intervals
from wilks.results.provenance import Provenance
from wilks.results.status import Status

from .calibrated_intervals import Critical, critical_interval, toy_interval
from .calibration import AbstractCalibration, ByToys
from .counting_belts import ORDERINGS
from .crossings import Crossings, Directions, find_crossings
from .lanes import stack_lanes, take_lanes
from .minimisers import AbstractMinimiser
from .neyman import neyman_interval
from .pieces import Fold, scan_fold
from .probabilities import check_level, threshold
from .problem import Clock, Problem, pose
from .profiles import LOWER, Minimum, adopt, free_fit, minimum_of

METHODS = ("profile", "hesse")
Method = Literal["profile", "hesse", "feldman-cousins", "central", "upper", "lower", "shortest"]
_RESTARTS = 3


def interval(
    likelihood: AbstractLikelihood,
    data: Any,
    name: str,
    *,
    level: float = 0.6827,
    method: Method = "profile",
    critical: Critical | None = None,
    calibration: AbstractCalibration | None = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> Interval:
    """Confidence interval of one parameter, the others refitted.

    Args:
        likelihood: judges the data.
        data: as for `fit`.
        name: the parameter.
        level: confidence level in (0, 1).
        method: ``"profile"``: where 2 delta nll reaches the chi-square quantile (MINOS); ``"hesse"``: value
            +- z times the error from the curvature; ``"feldman-cousins"``, ``"central"``, ``"upper"``, ``"lower"`` or
            ``"shortest"``: Neyman construction, exact for one Poisson count and for Gaussian residuals that are a
            straight line in one free parameter; the first of them by toys elsewhere.
        critical: threshold of 2 delta nll in place of the chi-square quantile: a number, or a function of the
            parameter's value (no derivatives are needed).
        calibration: `Asymptotic`, or `ByToys`: the interval of all values at which toys, each refitted, give a profile
            likelihood ratio at least as large as the data's with a probability above 1 - level.
        space: as for `fit`.
        minimiser: as for `fit`.

    Returns:
        The interval; an end is open where a bound comes before the threshold.

    References:
        G. J. Feldman and R. D. Cousins, Phys. Rev. D 57 (1998) 3873 (calibration by toys, without nuisances).
    """
    by_toys = isinstance(calibration, ByToys)
    check_option("method", method, (*METHODS, *ORDERINGS))
    if method in ORDERINGS and critical is None:
        clock = Clock.start()
        plain = intervals(likelihood, data, (name,), level=level, space=space, minimiser=minimiser).items[0]
        return neyman_interval(pose(likelihood, data, space, minimiser), clock, plain, method, calibration)
    if method != "profile" and (critical is not None or by_toys):
        raise InvalidOption(f"method {method!r} knows no critical values and no toys; use method='profile'")
    if critical is not None and by_toys:
        raise InvalidOption("give a critical value or toys to find it, not both")
    clock = Clock.start()
    if critical is not None:
        problem = pose(likelihood, data, space, minimiser)
        _chosen(problem.space, (name,))
        return critical_interval(problem, clock, name, check_level(level), critical)
    hesse = "hesse" if method == "hesse" else "profile"
    plain = intervals(likelihood, data, (name,), level=level, method=hesse, space=space, minimiser=minimiser).items[0]
    if isinstance(calibration, ByToys):
        return toy_interval(pose(likelihood, data, space, minimiser), clock, plain, calibration)
    return plain


def intervals(
    likelihood: AbstractLikelihood,
    data: Any,
    names: Sequence[str] | None = None,
    *,
    level: float = 0.6827,
    method: Literal["profile", "hesse"] = "profile",
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> Intervals:
    """Intervals of several parameters (all free ones by default), both sides of all in one batch."""
    clock = Clock.start()
    check_level(level)
    check_option("method", method, METHODS)
    problem = pose(likelihood, data, space, minimiser)
    where = _chosen(problem.space, names)
    best = free_fit(problem)
    settings = {"level": level, "method": method}
    flags: dict[str, str] = {}
    items: list[Interval] = []
    for attempt in range(_RESTARTS + 1 if where else 0):
        if method == "hesse":
            origin = clock.provenance(problem, "intervals", settings=settings)
            items = [_from_curvature(problem, best, i, level, origin) for i in where]
            break
        sides = walk_both_sides(
            problem._replace(data=stack_lanes(problem.data, 1)), minimum_of(problem, best), where, threshold(level)
        )
        folds = {
            k: scan_fold(problem, best, i, (float(sides.value[0, k, 0]), float(sides.value[0, k, 1])), threshold(level))
            for k, i in enumerate(where)
            if sides.folded[0, k].any()
        }
        value, theta = _lowest(sides, folds)
        if attempt == _RESTARTS or not value < best.excess - LOWER:
            origin = clock.provenance(problem, "intervals", settings=settings)
            items = [_item(problem, best, i, k, sides, folds, level, origin, flags) for k, i in enumerate(where)]
            break
        best = adopt(problem, theta, best, flags)
    return Intervals(
        items=tuple(items),
        flags={**best.flags, **flags},
        how=items[0].how if items else "no free parameter",
        provenance=items[0].provenance if items else clock.provenance(problem, "intervals", settings=settings),
    )


class Sides(NamedTuple):
    """Ends of both sides of several parameters of many data sets; arrays have shape (sets, parameters, 2)."""

    ends: Crossings
    value: Float[np.ndarray, "sets parameters 2"]
    open_: Bool[np.ndarray, "sets parameters 2"]
    failed: Bool[np.ndarray, "sets parameters 2"]
    residual: Float[np.ndarray, "sets parameters 2"]
    folded: Bool[np.ndarray, "sets parameters 2"]


def walk_both_sides(problem: Problem, minimum: Minimum, where: Sequence[int], level: float) -> Sides:
    """Profile ends of parameters of many data sets (the problem's data are stacked), lower end first."""
    sets, size = minimum.theta.shape
    lane_set = np.repeat(np.arange(sets), 2 * len(where))
    lane_parameter = np.tile(np.repeat(np.asarray(where), 2), sets)
    lane_side = np.tile([-1.0, 1.0], sets * len(where))
    lanes = np.arange(len(lane_set))
    columns = minimum.metric[lane_set, :, lane_parameter]
    drifts = lane_side[:, None] * columns / np.sqrt(columns[lanes, lane_parameter])[:, None]
    held = lane_parameter[:, None] == np.arange(size)
    best = minimum.theta[lane_set]
    data = take_lanes(problem.data, lane_set)
    ends = find_crossings(problem, data, best, minimum.value[lane_set], Directions(drifts, held), level)
    value = best[lanes, lane_parameter] + ends.radius * drifts[lanes, lane_parameter]
    bound = np.where(lane_side < 0, problem.space.lowers[lane_parameter], problem.space.uppers[lane_parameter])
    value = np.where(ends.open_, bound, value)
    shape = (sets, len(where), 2)
    per_lane = (value, ends.open_, ends.failed, ends.residual, ends.folded)
    return Sides(ends, *(array.reshape(shape) for array in per_lane))


def _chosen(space: ParameterSpace, names: Sequence[str] | None) -> tuple[int, ...]:
    where = space.indices(space.free if names is None else names)
    for i in where:
        if not space.parameters[i].is_free:
            raise InvalidOption(f"parameter {space.names[i]!r} is fixed and has no interval; release it first")
    return where


def _lowest(sides: Sides, folds: dict[int, Fold]) -> tuple[float, Float[np.ndarray, " parameters"]]:
    """The lowest point met on the way to the ends."""
    walked = int(np.argmin(sides.ends.lowest))
    met = [(float(sides.ends.lowest[walked]), sides.ends.lowest_theta[walked])]
    met += [(fold.lowest, fold.lowest_theta) for fold in folds.values()]
    return min(met, key=lambda point: point[0])


def _item(
    problem: Problem,
    best: FitResult,
    i: int,
    k: int,
    sides: Sides,
    folds: dict[int, Fold],
    level: float,
    origin: Provenance,
    moved: dict[str, str],
) -> Interval:
    p = problem.space.parameters[i]
    (lower, upper), opened = sides.value[0, k].tolist(), sides.open_[0, k].tolist()
    flags = dict(moved)
    status = best.status
    if any(opened):
        which = " and ".join(s for s, o in zip(("lower", "upper"), opened, strict=True) if o)
        bounded = np.isfinite([lower, upper])[opened].all()
        why = "the bound comes before" if bounded else "the profile does not reach"
        flags["open_interval"] = f"the {which} end of {p.name} is open: {why} the threshold"
    if sides.failed[0, k].any():
        status = Status.FAILED
        flags["failed_end"] = (
            f"a profile fit of {p.name} failed before the threshold was reached; the end is a bound on it"
        )
    pieces = folds[k].pieces if k in folds else ((lower, upper),)
    if len(pieces) > 1:
        flags["disconnected"] = f"the interval of {p.name} has {len(pieces)} pieces"
    low, high = np.where(opened, np.nan, sides.residual[0, k]).tolist()  # an open end meets no threshold
    return Interval(
        name=p.name,
        unit=p.unit,
        level=level,
        method="profile",
        lower=min(piece[0] for piece in pieces),
        upper=max(piece[1] for piece in pieces),
        lower_open=opened[0],
        upper_open=opened[1],
        pieces=pieces,
        threshold=threshold(level),
        best=float(best.theta[i]),
        residuals=(low, high),
        status=status,
        flags=flags,
        how="ends where the profile of 2 delta nll meets the chi-square quantile of one degree of freedom (asymptotic)",
        provenance=origin,
    )


def _from_curvature(problem: Problem, best: FitResult, i: int, level: float, origin: Provenance) -> Interval:
    p = problem.space.parameters[i]
    sigma = np.nan if best.sigma is None else float(best.sigma[i])
    flags: dict[str, str] = {}
    half = np.sqrt(threshold(level)) * sigma
    lower, upper = float(best.theta[i] - half), float(best.theta[i] + half)
    opened = (not lower >= p.lower, not upper <= p.upper)
    if not np.isfinite(sigma):
        flags["open_interval"] = f"the curvature gives no error of {p.name}; use the profile method"
    elif any(opened):
        flags["open_interval"] = f"the interval of {p.name} is cut at a bound"
    lower, upper = (p.lower if opened[0] else lower), (p.upper if opened[1] else upper)
    return Interval(
        name=p.name,
        unit=p.unit,
        level=level,
        method="hesse",
        lower=lower,
        upper=upper,
        lower_open=opened[0],
        upper_open=opened[1],
        pieces=((lower, upper),),
        threshold=threshold(level),
        best=float(best.theta[i]),
        residuals=(0.0, 0.0),
        status=best.status,
        flags=flags,
        how="value +- z times the error from the exact Hessian (asymptotic, symmetric)",
        provenance=origin,
    )
