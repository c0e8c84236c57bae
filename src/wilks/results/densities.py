"""Smooth densities of draws on a grid, and the highest-density regions cut out of them."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

_POINTS = 512  # grid of a density in one dimension
_POINTS_2D = 128  # grid of a density in two dimensions, per axis
_MARGIN = 3.0  # a free end of the grid lies so many bandwidths beyond the last draw
_DEEP = 0.5  # a gap splits a region only where the density falls below this part of the region's edge
_SHORTEST_HALF = 1.349  # width of the shortest interval with half of a normal density, in standard deviations
_LIGHT = 0.01  # pieces with less of the probability are noise

Range = tuple[float, float]
_ANYWHERE: Range = (-math.inf, math.inf)


def density(
    values: Float[np.ndarray, " draws"],
    bounds: Range = _ANYWHERE,
    *,
    effective: float | None = None,
    points: int = _POINTS,
) -> tuple[Float[np.ndarray, " grid"], Float[np.ndarray, " grid"]]:
    """Smooth probability density of draws: grid and density on it.

    A Gaussian kernel of Silverman's width (of the narrowest mode, if there are several), reflected at bounds, so that
    a density piled up at a bound stays high there.

    Args:
        values: draws of one quantity, at least two different ones.
        bounds: ends of the allowed range, infinite where there is none.
        effective: number of independent draws that they are worth; all of them by default.
        points: number of grid points.

    References:
        B. W. Silverman, Density Estimation (1986), eq. 3.31.
    """
    centres, weights, smoother = _binned(values, bounds, points, effective, exponent=0.2)
    width = centres[1] - centres[0]
    return centres, smoother @ weights / width


def density_2d(
    x: Float[np.ndarray, " draws"],
    y: Float[np.ndarray, " draws"],
    bounds: tuple[Range, Range] = (_ANYWHERE, _ANYWHERE),
    *,
    effective: float | None = None,
    points: int = _POINTS_2D,
) -> tuple[Float[np.ndarray, " x"], Float[np.ndarray, " y"], Float[np.ndarray, "x y"]]:
    """Smooth joint density of two quantities: both grids and the density on them."""
    (gx, _, across), (gy, _, up) = (
        _binned(v, b, points, effective, exponent=1 / 6) for v, b in zip((x, y), bounds, strict=True)
    )
    counts, _, _ = np.histogram2d(x, y, bins=[_edges(gx), _edges(gy)])
    area = (gx[1] - gx[0]) * (gy[1] - gy[0])
    return gx, gy, across @ (counts / len(x)) @ up.T / area


def heights(at_draws: Float[np.ndarray, " draws"], levels: Sequence[float]) -> tuple[float, ...]:
    """Density at the edge of the highest-density region of each level, from the density at the draws themselves.

    The region then holds its part of the draws, however smooth the density is.

    References:
        R. J. Hyndman, Am. Stat. 50 (1996) 120, section 3.
    """
    return tuple(float(np.quantile(at_draws, 1.0 - level)) for level in levels)


def at_points(
    grid: tuple[Float[np.ndarray, " x"], Float[np.ndarray, " y"]],
    height: Float[np.ndarray, "x y"],
    x: Float[np.ndarray, " draws"],
    y: Float[np.ndarray, " draws"],
) -> Float[np.ndarray, " draws"]:
    """A joint density at points, that of the grid point next to each."""
    where = [
        np.clip(np.rint((values - axis[0]) / (axis[1] - axis[0])).astype(int), 0, len(axis) - 1)
        for axis, values in zip(grid, (x, y), strict=True)
    ]
    return height[where[0], where[1]]


def shortest_interval(values: Float[np.ndarray, " draws"], level: float) -> Range:
    """The shortest interval that holds the given part of the draws."""
    ordered = np.sort(values)
    inside = min(max(math.ceil(level * len(ordered)), 1), len(ordered))
    first = int(np.argmin(ordered[inside - 1 :] - ordered[: len(ordered) - inside + 1]))
    return float(ordered[first]), float(ordered[first + inside - 1])


def highest_density(
    values: Float[np.ndarray, " draws"], level: float, bounds: Range = _ANYWHERE, *, effective: float | None = None
) -> tuple[Range, ...]:
    """Pieces of the region of highest density: the shortest interval, unless a deep gap of the density splits it."""
    if np.ptp(values) == 0.0:
        return (shortest_interval(values, level),)
    grid, height = density(values, bounds, effective=effective)
    (edge,) = heights(np.interp(values, grid, height), (level,))
    pieces = _without_shallow_gaps(_runs(height >= edge), height, edge)
    pieces = [(a, b) for a, b in pieces if height[a : b + 1].sum() > _LIGHT * height.sum()]
    if len(pieces) < 2:
        return (shortest_interval(values, level),)
    return tuple((_crossing(grid, height, edge, a, -1), _crossing(grid, height, edge, b, +1)) for a, b in pieces)


def mode(values: Float[np.ndarray, " draws"], bounds: Range = _ANYWHERE, *, effective: float | None = None) -> float:
    """Where the smooth density is highest."""
    if np.ptp(values) == 0.0:
        return float(values[0])
    grid, height = density(values, bounds, effective=effective)
    return float(grid[np.argmax(height)])


def _binned(
    values: Float[np.ndarray, " draws"], bounds: Range, points: int, effective: float | None, exponent: float
) -> tuple[Float[np.ndarray, " grid"], Float[np.ndarray, " grid"], Float[np.ndarray, "grid grid"]]:
    """Cell centres, share of the draws per cell, and the matrix that smooths them without losing any."""
    lowest, highest = float(values.min()), float(values.max())
    first, last = shortest_interval(values, 0.5)
    spreads = [s for s in (float(np.std(values)), (last - first) / _SHORTEST_HALF) if s > 0]
    width = 0.9 * min(spreads, default=max(abs(highest), 1.0) * 1e-9) * (effective or len(values)) ** -exponent
    low = max(lowest - _MARGIN * width, bounds[0]) if bounds[0] <= lowest else lowest - _MARGIN * width
    high = min(highest + _MARGIN * width, bounds[1]) if bounds[1] >= highest else highest + _MARGIN * width
    edges = np.linspace(low, high, points + 1)
    centres = 0.5 * (edges[1:] + edges[:-1])
    counts, _ = np.histogram(values, bins=edges)
    mirrors = [centres] + [2.0 * end - centres for end in (low, high) if end in bounds]
    width = max(width, 0.5 * float(edges[1] - edges[0]))
    smoother = np.sum([_kernel(centres, source, width) for source in mirrors], axis=0)
    return centres, counts / max(counts.sum(), 1), smoother / smoother.sum(axis=0)


def _kernel(at: np.ndarray, source: np.ndarray, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((at[:, None] - source[None]) / width) ** 2)


def _edges(centres: np.ndarray) -> np.ndarray:
    half = 0.5 * (centres[1] - centres[0])
    return np.append(centres - half, centres[-1] + half)


def _runs(inside: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of each run of True."""
    steps = np.diff(np.concatenate([[0], inside.astype(int), [0]]))
    return list(zip(np.flatnonzero(steps == 1).tolist(), (np.flatnonzero(steps == -1) - 1).tolist(), strict=True))


def _without_shallow_gaps(runs: list[tuple[int, int]], height: np.ndarray, edge: float) -> list[tuple[int, int]]:
    joined = runs[:1]
    for first, last in runs[1:]:
        if height[joined[-1][1] : first].min() > _DEEP * edge:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return joined


def _crossing(grid: np.ndarray, height: np.ndarray, edge: float, at: int, side: int) -> float:
    """Where the density passes the edge next to a grid point, on the line to its neighbour."""
    beyond = at + side
    half = 0.5 * (grid[1] - grid[0])
    if not 0 <= beyond < len(grid):
        return float(grid[at] + side * half)  # the end of the grid: a bound
    part = (height[at] - edge) / (height[at] - height[beyond])
    return float(grid[at] + part * (grid[beyond] - grid[at]))
