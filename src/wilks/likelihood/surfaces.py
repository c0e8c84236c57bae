"""Delta chi-square of two or three correlated quantities from a table, with its minimum at zero and growing edges."""

from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base.errors import InvalidData
from wilks._base.numerics import cholesky

from .grids import Grid, GridValues, lowest_point

_FAR = 40.0  # Delta chi-square beyond which nothing is drawn

Point = Float[Array, " quantities"]
Square = Float[Array, "quantities quantities"]


class SurfaceValues(NamedTuple):
    """Delta chi-square with gradient, second derivatives, and a curvature that is never negative."""

    value: Float[Array, ""]
    gradient: Point
    hessian: Square
    weight: Square


class CellDraws(eqx.Module):
    """Points drawn from the cells of a grid: a cell by its probability, then evenly inside it.

    Variances come out larger by step^2/12, which for steps of a third of sigma is one per cent.
    """

    cumulative: Float[np.ndarray | Array, " kept"]
    index: Int[np.ndarray | Array, "kept quantities"]
    origin: Float[np.ndarray | Array, " quantities"]
    step: Float[np.ndarray | Array, " quantities"]
    log_norm: Float[np.ndarray | Array, ""]

    @classmethod
    def of(
        cls, axes: Sequence[Float[np.ndarray, "_"]], chi2: Float[np.ndarray, "..."], *, multiple: int = 1
    ) -> "CellDraws":
        """Cells around the points of a table, by exp(-chi2/2); the second end of a cycle is left out by the caller.

        ``multiple`` pads their number, so that tables of unlike size share one shape.
        """
        lowest = chi2.min()
        index = np.argwhere(chi2 - lowest <= _FAR)
        weights = np.exp(-0.5 * (chi2[tuple(index.T)] - lowest))
        short = -len(index) % multiple
        index, weights = np.pad(index, ((0, short), (0, 0))), np.pad(weights, (0, short))
        step = np.array([axis[1] - axis[0] for axis in axes])
        total = weights.sum()
        log_norm = np.array(np.log(total * np.prod(step)) - 0.5 * lowest)
        origin = np.array([float(axis[0]) for axis in axes])
        return cls(np.cumsum(weights) / total, index.astype(np.int32), origin, step, log_norm)

    def draw(self, uniform: Float[Array, " numbers"]) -> Point:
        """One point from one uniform number per quantity and one more."""
        cell = jnp.searchsorted(jnp.asarray(self.cumulative), uniform[0], side="right")
        place = jnp.asarray(self.index)[jnp.minimum(cell, self.cumulative.shape[0] - 1)]
        return jnp.asarray(self.origin) + jnp.asarray(self.step) * (place + uniform[1:] - 0.5)


class Surface(eqx.Module):
    """Delta chi-square c(u) of two or three quantities: a cubic B-spline through a table, its own minimum subtracted.

    Outside the table's box c is that of the nearest point of the box plus the sum of ((u-e)/sigma)^2.

    Args:
        grid: the spline.
        best: where c = 0.
        sigma: scale of the continuation, per quantity.
        draws: the distribution exp(-c/2).
    """

    grid: Grid
    best: Float[np.ndarray | Array, " quantities"]
    sigma: Float[np.ndarray | Array, " quantities"]
    draws: CellDraws

    @classmethod
    def of(
        cls,
        axes: Sequence[Float[np.ndarray, "_"]],
        chi2: Float[np.ndarray, "..."],
        *,
        periods: Sequence[float | None] | None = None,
    ) -> "Surface":
        """Surface through a table.

        Args:
            axes: evenly spaced increasing values of each quantity.
            chi2: chi-square on their grid, up to a constant.
            periods: cycle of each quantity or None; a cycle is covered with both its ends.

        Raises:
            InvalidData: if the table does not fit its axes, or is flat.
        """
        chosen = tuple(periods or [None] * len(axes))
        table = np.asarray(chi2, dtype=float)
        grid = Grid.of(axes, table, periods=chosen)
        best, minimum = lowest_point(grid, axes, table)
        grid = Grid.of(axes, table - minimum, periods=chosen)
        open_axes = [axis if period is None else axis[:-1] for axis, period in zip(axes, chosen, strict=True)]
        cut = tuple(slice(len(axis)) for axis in open_axes)
        draws = CellDraws.of(open_axes, (table - minimum)[cut])
        return cls(grid, best, _widths(axes, table - minimum), draws)

    @property
    def size(self) -> int:
        """Number of quantities."""
        return self.best.shape[0]

    def evaluate(self, u: Point) -> SurfaceValues:
        """Delta chi-square and its derivatives at one point."""
        inner = self.grid.evaluate(u)
        return continued(inner, self.grid.outside(u), jnp.asarray(self.sigma))


def continued(inner: GridValues, outside: Point, sigma: Point) -> SurfaceValues:
    """Values of a grid plus the growth (outside/sigma)^2 beyond its box."""
    precision = sigma**-2.0
    hessian = inner.hessian + jnp.diag(jnp.where(outside != 0, 2 * precision, 0.0))
    value = jnp.maximum(inner.value, 0.0) + jnp.sum(precision * outside**2)  # the minimum is zero up to rounding
    return SurfaceValues(value, inner.gradient + 2 * precision * outside, hessian, positive_curvature(hessian))


def positive_curvature(hessian: Square) -> Square:
    """The matrix itself if it is positive definite, else with diagonal entries raised until its rows dominate."""
    _, positive = cholesky(hessian)
    diagonal = jnp.diagonal(hessian)
    others = jnp.sum(jnp.abs(hessian), axis=1) - jnp.abs(diagonal)
    return hessian + jnp.diag(jnp.where(positive, 0.0, jnp.maximum(others - diagonal, 0.0)))


def _widths(axes: Sequence[np.ndarray], chi2: np.ndarray) -> Float[np.ndarray, " quantities"]:
    """Half the width of the interval where the minimum over all other quantities is at most 1 (or one step)."""
    widths = []
    for number, axis in enumerate(axes):
        lowest = chi2.min(axis=tuple(other for other in range(chi2.ndim) if other != number))
        inside = np.flatnonzero(lowest <= 1.0)
        if len(inside) == len(axis):
            raise InvalidData(f"axis {number}: the table stays below 1 from {axis[0]:g} to {axis[-1]:g}; extend it")
        widths.append(max(0.5 * (axis[inside[-1]] - axis[inside[0]]), axis[1] - axis[0]))
    return np.array(widths)
