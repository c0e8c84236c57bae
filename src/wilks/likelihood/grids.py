"""Functions of one to three quantities from tables on uniform grids: cubic B-splines, smooth to second derivatives."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Array, Float, Int

from wilks._base import runtime  # noqa: F401  64 bit before any array exists
from wilks._base.errors import InvalidData

_UNIFORM = 1e-6  # departure of a step from the mean step, relative, that counts as none
_FEWEST_POINTS = 3
_SECOND = 2  # the highest order of derivatives that are evaluated

Weights = tuple[tuple[Array, ...], ...]
"""By order of the derivative (0 to 2) and tap (four): weights of the coefficients, one per axis."""


class GridValues(NamedTuple):
    """Value, gradient and second derivatives at one point."""

    value: Float[Array, ""]
    gradient: Float[Array, " quantities"]
    hessian: Float[Array, "quantities quantities"]


class Grid(eqx.Module):
    """A function on a box, through all points of a table.

    Outside the box the value is that of the nearest point of the box; the slope vanishes at the edges of axes that are
    not periodic, so that the function stays smooth there.

    Args:
        coefficients: of the B-splines, one more on each side than the table has (two more above for a cycle); zeros
            may follow, so that grids of unlike size share one shape.
        origin: first value of each axis.
        step: distance of its points.
        intervals: number of its steps.
        period: length of its cycle, ``inf`` if it has none.
    """

    coefficients: Float[np.ndarray | Array, "..."]
    origin: Float[np.ndarray | Array, " quantities"]
    step: Float[np.ndarray | Array, " quantities"]
    intervals: Float[np.ndarray | Array, " quantities"]
    period: Float[np.ndarray | Array, " quantities"]

    @classmethod
    def of(
        cls,
        axes: Sequence[Float[np.ndarray, "_"]],
        values: Float[np.ndarray, "..."],
        *,
        periods: Sequence[float | None] | None = None,
        multiple: int = 1,
    ) -> "Grid":
        """Splines through a table.

        Args:
            axes: uniformly spaced increasing values of each quantity.
            values: one axis per quantity, in the same order.
            periods: length of each axis' cycle, which its values cover exactly, or None.
            multiple: pad every axis of the coefficients to a multiple of this.

        Raises:
            InvalidData: if an axis is not uniform, or shapes do not fit.
        """
        periods = periods or [None] * len(axes)
        table = np.asarray(values, dtype=float)
        if table.shape != tuple(len(axis) for axis in axes):
            raise InvalidData(f"table of shape {table.shape} on axes of {', '.join(str(len(a)) for a in axes)} values")
        if not np.isfinite(table).all():
            raise InvalidData(f"table: entry {tuple(map(int, np.argwhere(~np.isfinite(table))[0]))} is not finite")
        steps = [_step(axis, period, i) for i, (axis, period) in enumerate(zip(axes, periods, strict=True))]
        for number, period in enumerate(periods):
            table = _filtered(table, number, period is not None)
        short = [(0, -size % multiple) for size in table.shape]
        return cls(
            np.pad(table, short),
            np.array([float(axis[0]) for axis in axes]),
            np.array(steps),
            np.array([float(len(axis) - 1) for axis in axes]),
            np.array([math.inf if period is None else float(period) for period in periods]),
        )

    def evaluate(self, u: Float[Array, " quantities"]) -> GridValues:
        """Value and derivatives at one point."""
        start, weights = self._taps(u)
        size = u.shape[0]
        found: dict[tuple[int, ...], Array] = {(): self._block(start)}
        for axis in range(size):  # from coefficients to derivatives by their orders, axis by axis
            found = {
                (*orders, order): _four([tap[axis] for tap in weights[order]], block)
                for orders, block in found.items()
                for order in range(_SECOND + 1 - sum(orders))
            }
        units = np.eye(size, dtype=int)
        gradient = [found[tuple(unit)] for unit in units]
        hessian = [[found[tuple(one + other)] for other in units] for one in units]
        return GridValues(found[(0,) * size], jnp.stack(gradient), jnp.array(hessian))

    def slope_along(self, u: Float[Array, " quantities"], axis: int) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """First and second derivative by one quantity."""
        start, weights = self._taps(u)
        block = jnp.moveaxis(self._block(start), axis, -1)
        for other in (n for n in range(u.shape[0]) if n != axis):
            block = _four([tap[other] for tap in weights[0]], block)
        first, second = (_four([tap[axis] for tap in weights[order]], block) for order in (1, 2))
        return first, second

    def _block(self, start: Int[Array, " quantities"]) -> Float[Array, "..."]:
        """The four coefficients per axis that count between two points of each."""
        strides = np.cumprod((1, *self.coefficients.shape[:0:-1]))[::-1]
        taps = np.tensordot(strides, np.indices((4,) * len(strides)), axes=1)
        flat = jnp.asarray(self.coefficients).reshape(-1)
        return flat.at[jnp.sum(start * strides) + taps].get(mode="promise_in_bounds")

    def along(self, u: Float[Array, " quantities"], axis: int) -> Float[Array, " points"]:
        """Values at the grid's own points of one axis, through a point; those of padding follow."""
        start, weights = self._taps(u)
        block = jnp.moveaxis(jnp.asarray(self.coefficients), axis, -1)
        for other in (n for n in range(u.shape[0]) if n != axis):
            four = jax.lax.dynamic_slice_in_dim(block, start[other], 4, axis=0)
            block = _four([tap[other] for tap in weights[0]], four)
        return jnp.convolve(block, np.array([1.0, 4.0, 1.0]) / 6.0, mode="valid")

    def clipped(self, u: Float[Array, " quantities"]) -> Float[Array, " quantities"]:
        """Nearest point of the box, periodic quantities brought into their cycle."""
        origin, step, period = jnp.asarray(self.origin), jnp.asarray(self.step), jnp.asarray(self.period)
        cyclic = jnp.isfinite(period)
        length = jnp.where(cyclic, period, 1.0)
        wrapped = jnp.where(cyclic, u - length * jnp.floor((u - origin) / length), u)
        return jnp.clip(wrapped, origin, origin + step * jnp.asarray(self.intervals))

    def outside(self, u: Float[Array, " quantities"]) -> Float[Array, " quantities"]:
        """How far a point lies beyond the edges of the box, per quantity; zero inside and along cycles."""
        return jnp.where(jnp.isfinite(jnp.asarray(self.period)), 0.0, u - self.clipped(u))

    def _taps(self, u: Float[Array, " quantities"]) -> tuple[Array, Weights]:
        """First coefficient per axis, and weights of the four."""
        step, intervals = jnp.asarray(self.step), jnp.asarray(self.intervals)
        place = (self.clipped(u) - jnp.asarray(self.origin)) / step
        first = jnp.clip(jnp.floor(place), 0.0, intervals - 1.0)
        t = place - first
        s = 1.0 - t
        still = jnp.where(self.outside(u) == 0, 1.0, 0.0)
        once, twice = still / (2 * step), still / step**2
        value = (s**3 / 6, (4 - 6 * t**2 + 3 * t**3) / 6, (4 - 6 * s**2 + 3 * s**3) / 6, t**3 / 6)
        slope = (-(s**2) * once, t * (3 * t - 4) * once, s * (4 - 3 * s) * once, t**2 * once)
        curve = (s * twice, (3 * t - 2) * twice, (3 * s - 2) * twice, t * twice)
        return first.astype(int), (value, slope, curve)


def _four(weights: Sequence[Float[Array, ""]], block: Float[Array, "4 *more"]) -> Float[Array, "*more"]:
    """A weighted sum along the first axis, written out: it becomes part of the loop that fetches the block."""
    return (weights[0] * block[0] + weights[1] * block[1]) + (weights[2] * block[2] + weights[3] * block[3])


def lowest_point(
    grid: Grid, axes: Sequence[Float[np.ndarray, "_"]], values: Float[np.ndarray, "..."]
) -> tuple[Float[np.ndarray, " quantities"], float]:
    """Point and value of the minimum of a grid, sought around its lowest entry."""
    where = np.unravel_index(int(np.argmin(values)), values.shape)
    start = np.array([axis[i] for axis, i in zip(axes, where, strict=True)])

    def at(moved: np.ndarray) -> float:
        return point_value(grid, start + moved * grid.step)

    simplex = np.vstack([np.zeros(len(start)), 0.5 * np.eye(len(start))])
    options = {"xatol": 1e-9, "fatol": 1e-13, "initial_simplex": simplex, "maxfev": 4000}
    found = scipy.optimize.minimize(at, np.zeros(len(start)), method="Nelder-Mead", options=options)
    return start + found.x * grid.step, float(found.fun)


def point_value(grid: Grid, u: Float[np.ndarray, " quantities"]) -> float:
    """Value of a grid at one point, without compiling anything."""
    origin, step = np.asarray(grid.origin), np.asarray(grid.step)
    cyclic = np.isfinite(grid.period)
    length = np.where(cyclic, grid.period, 1.0)
    u = np.where(cyclic, u - length * np.floor((u - origin) / length), u)
    place = np.clip((u - origin) / step, 0.0, grid.intervals)
    first = np.clip(np.floor(place), 0, np.asarray(grid.intervals) - 1).astype(int)
    block = np.asarray(grid.coefficients)[tuple(slice(i, i + 4) for i in first)]
    for t in place - first:
        s = 1.0 - t
        block = np.tensordot(np.array([s**3, 4 - 6 * t**2 + 3 * t**3, 4 - 6 * s**2 + 3 * s**3, t**3]) / 6, block, 1)
    return float(block)


def _step(axis: np.ndarray, period: float | None, number: int) -> float:
    axis = np.asarray(axis, dtype=float)
    if len(axis) < _FEWEST_POINTS or not (np.diff(axis) > 0).all():
        raise InvalidData(f"axis {number}: expected {_FEWEST_POINTS} or more increasing values")
    step = (axis[-1] - axis[0]) / (len(axis) - 1)
    if np.abs(np.diff(axis) / step - 1).max() > _UNIFORM:
        raise InvalidData(
            f"axis {number}: values from {axis[0]:g} to {axis[-1]:g} are not evenly spaced; resample them"
        )
    if period is not None and abs(axis[-1] - axis[0] - period) > _UNIFORM * period:
        raise InvalidData(f"axis {number}: {axis[0]:g} to {axis[-1]:g} is not one cycle of {period:g}, ends included")
    return float(step)


def _filtered(table: np.ndarray, axis: int, cyclic: bool) -> np.ndarray:
    """Coefficients along one axis with those beyond its ends: mirrored, or those of the other end of the cycle."""
    table = np.moveaxis(table, axis, 0)
    if cyclic:
        inner = scipy.ndimage.spline_filter1d(table[:-1], axis=0, mode="grid-wrap")
        outer = np.concatenate([inner[-1:], inner, inner[:2]])
    else:
        inner = scipy.ndimage.spline_filter1d(table, axis=0, mode="mirror")
        outer = np.concatenate([inner[1:2], inner, inner[-2:-1]])
    return np.moveaxis(outer, 0, axis)
