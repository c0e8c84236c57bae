"""Intervals that fall apart: a scan beyond the ends finds the pieces of a profile that is not monotone."""

import numpy as np

from wilks.results.fits import FitResult

from .lanes import stack_lanes
from .problem import Problem
from .profiles import conditional, drift, minimum_of

_POINTS = 20  # per side
_REACH = 3.0  # how far out, in units of the nearest end's distance


def pieces_of(
    problem: Problem, best: FitResult, i: int, ends: tuple[float, float], level: float
) -> tuple[tuple[float, float], ...]:
    """All pieces of the interval of parameter ``i`` within three times its ends, edges by linear interpolation."""
    p, centre = problem.space.parameters[i], float(best.theta[i])
    finite = [end for end in ends if np.isfinite(end)]
    if not finite:
        return (ends,)
    reach = _REACH * max(abs(end - centre) for end in finite)
    span = (max(centre - reach, p.lower), min(centre + reach, p.upper))
    grid = np.unique(np.concatenate([np.linspace(*span, 2 * _POINTS), [*finite, centre]]))
    height = _heights(problem, best, i, grid) - level
    inside = np.where(np.isfinite(height), height, np.inf) <= 0
    inside |= (grid >= ends[0]) & (grid <= ends[1]) & (height < 1e-4 * level)
    pieces: list[tuple[float, float]] = []
    k = 0
    while k < len(grid):
        if not inside[k]:
            k += 1
            continue
        first = k
        while k + 1 < len(grid) and inside[k + 1]:
            k += 1
        pieces.append((_edge(grid, height, first, first - 1), _edge(grid, height, k, k + 1)))
        k += 1
    if not pieces:
        return (ends,)
    if not np.isfinite(ends[0]):
        pieces[0] = (ends[0], pieces[0][1])
    if not np.isfinite(ends[1]):
        pieces[-1] = (pieces[-1][0], ends[1])
    return tuple(pieces)


def _heights(problem: Problem, best: FitResult, i: int, grid: np.ndarray) -> np.ndarray:
    metric = minimum_of(problem, best).metric[0]
    theta = best.theta + drift(metric, (i,), (grid - best.theta[i])[:, None])
    theta[:, i] = grid
    held = np.zeros(theta.shape, dtype=bool)
    held[:, i] = True
    profiled = conditional(problem, stack_lanes(problem.data, len(grid)), theta, held)
    return 2 * (profiled.value - best.excess)


def _edge(grid: np.ndarray, height: np.ndarray, inner: int, outer: int) -> float:
    """Where the height crosses zero between an inside and an outside node; the node itself at the scan's end."""
    if not 0 <= outer < len(grid) or not np.isfinite(height[outer]) or height[outer] <= 0:
        return float(grid[inner])
    share = -height[inner] / (height[outer] - height[inner])
    return float(grid[inner] + np.clip(share, 0, 1) * (grid[outer] - grid[inner]))
