"""Contours of two parameters: the curve on which their profile reaches a threshold."""

from typing import Any, Literal, overload

import numpy as np
from contourpy import contour_generator

from wilks._base.errors import InvalidOption, check_option
from wilks.likelihood.count_signals import AbstractCountTable
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.signals import AbstractSignal
from wilks.parameters.space import ParameterSpace
from wilks.results.fits import FitResult
from wilks.results.intervals import Contour
from wilks.results.regions import Region

from .calibration import AbstractCalibration
from .count_regions import count_region
from .crossings import Crossings, Directions, find_crossings
from .lanes import stack_lanes
from .minimisers import AbstractMinimiser
from .probabilities import check_level, threshold
from .problem import Clock, Problem, pose
from .profiles import LOWER, adopt, drift, free_fit, minimum_of, profile
from .refitted_regions import refitted_region
from .regions import Axes, by_toys, signal_contour, signal_region

_ANGLES = 64
_JUMP = 2.0  # ratio of neighbouring radii above which the curve is taken from a grid instead
_GRID = 61
_RESTARTS = 3


@overload
def contour(
    likelihood: AbstractLikelihood,
    data: Any,
    names: tuple[str, str],
    *,
    level: float = 0.6827,
    dof: int = 2,
    method: Literal["profile"] = "profile",
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> Contour: ...


@overload
def contour(
    likelihood: AbstractLikelihood,
    data: Any,
    names: tuple[str, str],
    *,
    level: float = 0.6827,
    method: Literal["feldman-cousins"],
    calibration: AbstractCalibration | None = None,
    grid: Axes | None = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> Region: ...


def contour(
    likelihood: AbstractLikelihood,
    data: Any,
    names: tuple[str, str],
    *,
    level: float = 0.6827,
    dof: int = 2,
    method: Literal["profile", "feldman-cousins"] = "profile",
    calibration: AbstractCalibration | None = None,
    grid: Axes | None = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> Contour | Region:
    """Curve of two parameters at confidence ``level``, all others refitted; by toys a region on the nodes of a plane.

    Args:
        likelihood: judges the data.
        data: as for `fit`.
        names: the two parameters.
        level: confidence level in (0, 1).
        dof: of the asymptotic threshold: 2 for a joint region of both; 1 for the curve whose projections are the
            one-parameter intervals.
        method: ``"profile"``: where 2 delta nll meets the chi-square quantile; ``"feldman-cousins"``: critical values
            from toys at each node, each toy with its own best fit, which needs a ``calibration``.
        calibration: `ByToys`: most toys per node, their seed, and what draws them if not the likelihood itself.
        grid: nodes of both parameters for toys; by default those of a signal (see `wilks.likelihood.signals`), or 25
            each within three errors.
        space: as for `fit`; signals know their own.
        minimiser: as for `fit`.

    Raises:
        InvalidOption: for parameters that are fixed or equal, toys without a calibration, or a signal whose grid is
            too coarse for toys.

    References:
        G. J. Feldman and R. D. Cousins, Phys. Rev. D 57 (1998) 3873.
    """
    clock = Clock.start()
    check_level(level)
    check_option("method", method, ("profile", "feldman-cousins"))
    problem = pose(likelihood, data, space, minimiser)
    where = problem.space.indices(names)
    if len(set(where)) != 2 or not all(problem.space.parameters[i].is_free for i in where):
        raise InvalidOption(f"a contour takes two different free parameters, not {names}")
    if method == "feldman-cousins":
        toys = by_toys(calibration, method)
        if isinstance(likelihood, AbstractSignal):
            return signal_region(problem, clock, likelihood, names, level, toys, grid)
        if isinstance(likelihood, PoissonCounts) and isinstance(likelihood.predictor, AbstractCountTable):
            return count_region(problem, clock, likelihood.predictor, names, level, toys, grid)
        return refitted_region(problem, clock, names, level, toys, grid)
    if isinstance(likelihood, AbstractSignal):
        return signal_contour(problem, clock, likelihood, names, level, dof)
    return _profile_contour(problem, clock, names, where, level, dof)


def _profile_contour(
    problem: Problem, clock: Clock, names: tuple[str, str], where: tuple[int, ...], level: float, dof: int
) -> Contour:
    """The curve by root finding along rays from the best fit."""
    cut = threshold(level, dof)
    flags: dict[str, str] = {}
    best = free_fit(problem)
    for attempt in range(_RESTARTS + 1):
        ends, points = _rays(problem, best, where, cut)
        lowest = int(np.argmin(ends.lowest))
        if attempt == _RESTARTS or not ends.lowest[lowest] < best.excess - LOWER:
            break
        best = adopt(problem, ends.lowest_theta[lowest], best, flags)
    if ends.open_.any():
        flags["open_contour"] = (
            f"{ends.open_.sum()} of {_ANGLES} rays end at a bound, or far out, before they reach the threshold"
        )
    pieces = [points]
    if _torn(ends):
        flags["grid_contour"] = "rays from the best fit do not describe the curve; it is taken from a grid"
        pieces = _from_grid(problem, best, where, cut, points)
    return Contour(
        names=(names[0], names[1]),
        level=level,
        dof=dof,
        threshold=cut,
        pieces=tuple(pieces),
        at_bound=tuple(_on_bound(problem, where, piece) for piece in pieces),
        best=(float(best.theta[where[0]]), float(best.theta[where[1]])),
        flags={**best.flags, **flags},
        how=f"2 delta nll of the profile at the chi-square quantile of {dof} degrees of freedom (asymptotic)",
        provenance=clock.provenance(problem, "contour", settings={"names": list(names), "level": level, "dof": dof}),
    )


def _rays(problem: Problem, best: FitResult, where: tuple[int, ...], cut: float) -> tuple[Crossings, np.ndarray]:
    """Crossings along rays of equal probability, and the closed curve of their ends."""
    metric = minimum_of(problem, best).metric[0]
    factor = np.linalg.cholesky(metric[np.ix_(where, where)])
    angle = np.linspace(0.0, 2 * np.pi, _ANGLES, endpoint=False)
    moves = np.stack([np.cos(angle), np.sin(angle)], axis=1) @ factor.T
    drifts = drift(metric, where, moves)
    drifts[:, where] = moves
    held = np.zeros(drifts.shape, dtype=bool)
    held[:, where] = True
    theta = np.repeat(best.theta[None], _ANGLES, axis=0)
    value = np.full(_ANGLES, best.excess)
    data = stack_lanes(problem.data, _ANGLES)
    ends = find_crossings(problem, data, theta, value, Directions(drifts, held), cut)
    points = best.theta[list(where)] + ends.radius[:, None] * moves
    points = np.clip(points, problem.space.lowers[list(where)], problem.space.uppers[list(where)])
    return ends, np.concatenate([points, points[:1]])


def _torn(ends: Crossings) -> bool:
    radius = np.where(ends.open_, np.nan, ends.radius)
    ratio = radius / np.roll(radius, 1)
    jumps = np.isfinite(ratio) & ((ratio > _JUMP) | (ratio < 1 / _JUMP))
    return bool(jumps.any() or ends.failed.any() or (ends.folded & ~ends.open_).any())


def _from_grid(
    problem: Problem, best: FitResult, where: tuple[int, ...], cut: float, points: np.ndarray
) -> list[np.ndarray]:
    """Marching squares over twice the range of the rays."""
    middle, half = 0.5 * (points.max(0) + points.min(0)), points.max(0) - points.min(0)
    axes = [
        np.linspace(max(m - h, problem.space.lowers[i]), min(m + h, problem.space.uppers[i]), _GRID)
        for i, m, h in zip(where, middle, half, strict=True)
    ]
    names = tuple(problem.space.names[i] for i in where)
    scan = profile(problem.likelihood, problem.data, (names[0], names[1]), axes, space=problem.space)
    lines = contour_generator(x=axes[0], y=axes[1], z=scan.delta.T).lines(cut)
    return [np.asarray(line, dtype=float) for line in lines] or [points]


def _on_bound(problem: Problem, where: tuple[int, ...], piece: np.ndarray) -> np.ndarray:
    lower, upper = problem.space.lowers[list(where)], problem.space.uppers[list(where)]
    return np.any((piece <= lower) | (piece >= upper), axis=1)
