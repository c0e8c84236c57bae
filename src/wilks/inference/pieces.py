"""Intervals that fall apart: a scan beyond the ends finds the pieces of a profile that is not monotone."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wilks.results.fits import FitResult

from .lanes import stack_lanes
from .problem import Problem
from .profiles import conditional, drift, minimum_of

_POINTS = 20  # per side
_REACH = 3.0  # how far out, in units of the farthest end's distance
_PRECISION = 1e-6  # |2 delta nll - T| / T at which an edge is found
_STEPS = 60

Pieces = tuple[tuple[float, float], ...]


class Fold(NamedTuple):
    """A scanned profile: the pieces below the threshold, and the lowest point met."""

    pieces: Pieces
    lowest: float
    lowest_theta: Float[np.ndarray, " parameters"]


def scan_fold(problem: Problem, best: FitResult, i: int, ends: tuple[float, float], level: float) -> Fold:
    """All pieces of the interval of parameter ``i`` within three times its ends."""
    finite = [end for end in ends if np.isfinite(end)]
    if not finite:
        return Fold((ends,), best.excess, best.theta)
    profile = _Profile(problem, best, i, level)
    grid = _grid(problem, float(best.theta[i]), i, finite)
    theta, height = profile.at(grid)
    low = int(np.argmin(height))
    inside = height <= 0
    inside |= (grid >= ends[0]) & (grid <= ends[1]) & (height < 1e-4 * level)
    if not inside.any():
        return Fold((ends,), best.excess, best.theta)
    rises = np.flatnonzero(inside & ~np.concatenate([[False], inside[:-1]]))
    falls = np.flatnonzero(inside & ~np.concatenate([inside[1:], [False]]))
    lower, upper = profile.edges(grid, height, rises, rises - 1), profile.edges(grid, height, falls, falls + 1)
    lower[0] = lower[0] if np.isfinite(ends[0]) else ends[0]
    upper[-1] = upper[-1] if np.isfinite(ends[1]) else ends[1]
    pieces = tuple(zip(lower.tolist(), upper.tolist(), strict=True))
    return Fold(pieces, best.excess + 0.5 * (float(height[low]) + level), theta[low])


def _grid(problem: Problem, centre: float, i: int, ends: list[float]) -> np.ndarray:
    p = problem.space.parameters[i]
    reach = _REACH * max(abs(end - centre) for end in ends)
    span = (max(centre - reach, p.lower), min(centre + reach, p.upper))
    return np.unique(np.concatenate([np.linspace(*span, 2 * _POINTS), [*ends, centre]]))


class _Profile:
    """The profile of one parameter, as height above a threshold of 2 delta nll."""

    def __init__(self, problem: Problem, best: FitResult, i: int, level: float) -> None:
        self._problem, self._best, self._i, self._level = problem, best, i, level
        self._metric = minimum_of(problem, best).metric[0]

    def at(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Profiled points and heights; infinite where a fit failed."""
        best, i = self._best, self._i
        theta = best.theta + drift(self._metric, (i,), (values - best.theta[i])[:, None])
        theta[:, i] = values
        held = np.zeros(theta.shape, dtype=bool)
        held[:, i] = True
        ends = conditional(self._problem, stack_lanes(self._problem.data, len(values)), theta, held)
        height = 2 * (ends.value - best.excess) - self._level
        return ends.theta, np.where((ends.status <= 2) & np.isfinite(height), height, np.inf)

    def edges(self, grid: np.ndarray, height: np.ndarray, inner: np.ndarray, outer: np.ndarray) -> np.ndarray:
        """Where the height crosses zero between inside and outside nodes; the node itself at the scan's end."""
        known = (outer >= 0) & (outer < len(grid))
        near, far = grid[inner].copy(), grid[np.where(known, outer, inner)].copy()
        low, high = height[inner].copy(), height[np.where(known, outer, inner)].copy()
        todo = known & (np.abs(low) > _PRECISION * self._level)
        for _ in range(_STEPS):
            if not todo.any():
                break
            share = np.where(np.isfinite(high), -low / np.where(np.isfinite(high), high - low, 1.0), 0.5)
            middle = near + np.clip(share, 0.05, 0.95) * (far - near)  # never stuck at one end
            _, found = self.at(middle)
            below = found <= 0
            near, low = np.where(todo & below, middle, near), np.where(todo & below, found, low)
            far, high = np.where(todo & ~below, middle, far), np.where(todo & ~below, found, high)
            todo &= np.abs(low) > _PRECISION * self._level
        return near
