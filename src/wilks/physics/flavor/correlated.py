"""Chi-square of all six oscillation parameters together, from the two- and three-dimensional tables of a release.

chi2 = T(s12,m21) + T(s23,m3l,delta) + [T(s13,s23) - T(s23)] + [T(s13,m3l) - T(m3l)] - T(s13), each T minus its own
minimum. It is exact for (s12,m21) and every projection of (s23,m3l,delta); the other pairs of NuFIT 5.3 come out within
0.45 (s13 with s23 or m3l) or 1.05 (s13 with delta) below Delta chi-square 9.
"""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize

from wilks.likelihood.grids import Grid, GridValues, point_value
from wilks.likelihood.surfaces import CellDraws, SurfaceValues, positive_curvature

from .nufit_files import ReleaseTable

QUANTITIES = ("s12^2", "m21^2", "s13^2", "s23^2", "m3l^2", "d/pi")
"""Order of the six; m21^2 enters by its log10, m3l^2 in eV^2, delta in units of pi."""

_BOX = 50.0  # Delta chi-square within which tables are followed
_FAR = 40.0  # Delta chi-square beyond which nothing is drawn
_STEPS = {"s13^2": 1e-4, "log10 m21^2": 1e-3}  # axes of uneven steps are resampled
_UNITS = {"m3l^2": 1e-3, "delta": 1 / 180}  # of the release's columns
_PADDED = 16  # shapes are padded to multiples of this, so that exchanged orderings share one compiled program
_SOLAR, _ATMOSPHERIC, _WITH_S23, _WITH_M3L = ([0, 1], [3, 4, 5], [2, 3], [2, 4])

Table = tuple[tuple[np.ndarray, ...], np.ndarray]
Six = Float[Array, " quantities"]


class Correlated(eqx.Module):
    """The joint chi-square, zero at its minimum.

    Args:
        solar: T(s12,m21).
        atmospheric: T(s23,m3l,delta).
        with_s23: T(s13,s23) - T(s23) - T(s13).
        with_m3l: T(s13,m3l) - T(m3l).
        minimum: of the whole sum, subtracted.
        best, sigma: best value and 1-sigma width of each quantity.
        solar_draws: distribution of (s12,m21).
        pairs: cumulative probability of the grid points of (s23,m3l), all else integrated out.
        log_norm: logarithm of the integral of exp(-chi2/2).
    """

    solar: Grid
    atmospheric: Grid
    with_s23: Grid
    with_m3l: Grid
    minimum: Float[np.ndarray | Array, ""]
    best: Float[np.ndarray | Array, " quantities"]
    sigma: Float[np.ndarray | Array, " quantities"]
    solar_draws: CellDraws
    pairs: Float[np.ndarray | Array, " pairs"]
    log_norm: Float[np.ndarray | Array, ""]

    def evaluate(self, u: Six) -> SurfaceValues:
        """Chi-square and derivatives; outside the tables' box it grows by ((u-e)/sigma)^2 per quantity."""
        parts = [
            (np.array(_SOLAR), self.solar.evaluate(u[np.array(_SOLAR)])),
            (np.array(_ATMOSPHERIC), self.atmospheric.evaluate(u[np.array(_ATMOSPHERIC)])),
            (np.array(_WITH_S23), self.with_s23.evaluate(u[np.array(_WITH_S23)])),
            (np.array(_WITH_M3L), self.with_m3l.evaluate(u[np.array(_WITH_M3L)])),
        ]
        value, gradient, hessian = -jnp.asarray(self.minimum), jnp.zeros(6), jnp.zeros((6, 6))
        for where, part in parts:
            value = value + part.value
            gradient = gradient.at[where].add(part.gradient)
            hessian = hessian.at[np.ix_(where, where)].add(part.hessian)
        over, precision = self._outside(u), jnp.asarray(self.sigma) ** -2.0
        value = jnp.maximum(value, 0.0) + jnp.sum(precision * over**2)  # the minimum is zero up to rounding
        hessian = hessian + jnp.diag(jnp.where(over != 0, 2 * precision, 0.0))
        weight = jnp.zeros((6, 6))
        for block in ((0, 1), (2, 3, 4, 5)):
            where = np.ix_(block, block)
            weight = weight.at[where].set(positive_curvature(hessian[where]))
        return SurfaceValues(value, gradient + 2 * precision * over, hessian, weight)

    def shares(self, u: Six) -> Six:
        """The chi-square divided up: of (s12,m21) under m21^2, of (s23,m3l,delta) under m3l^2, the rest under s13^2."""
        growth = (self._outside(u) / jnp.asarray(self.sigma)) ** 2
        solar = self.solar.evaluate(u[np.array(_SOLAR)]).value + growth[0] + growth[1]
        atmospheric = self.atmospheric.evaluate(u[np.array(_ATMOSPHERIC)]).value + jnp.sum(growth[3:])
        rest = self.evaluate(u).value - solar - atmospheric
        zero = jnp.zeros(())
        return jnp.stack([zero, solar, rest, zero, atmospheric, zero])

    def _outside(self, u: Six) -> Six:
        """How far a point lies beyond the tables' box."""
        solar = self.solar.outside(u[np.array(_SOLAR)])
        return jnp.concatenate(
            [solar, self.with_s23.outside(u[np.array(_WITH_S23)])[:1], self.atmospheric.outside(u[np.array(_ATMOSPHERIC)])]
        )

    def draw(self, uniform: Float[Array, " nine"]) -> Six:
        """A point distributed as exp(-chi2/2), cell by cell: first (s12,m21); then (s23,m3l), delta and s13 in turn."""
        solar = self.solar_draws.draw(uniform[:3])
        size = self.with_m3l.coefficients.shape[1] - 2
        cell = jnp.minimum(jnp.searchsorted(jnp.asarray(self.pairs), uniform[3], side="right"), len(self.pairs) - 1)
        i, j = cell // size, cell % size
        delta = _column(self.atmospheric, (i, j), 2)
        s13 = _column(self.with_s23, (i,), 0) + _column(self.with_m3l, (j,), 0)
        k, first = _pick(delta, self.atmospheric.intervals[2], uniform[4])
        m, second = _pick(s13, self.with_s23.intervals[0] + 1, uniform[5])
        places = jnp.stack([m, i + uniform[6], j + uniform[7], k])
        origin, step = self.atmospheric.origin, self.atmospheric.step
        origins = jnp.concatenate([jnp.asarray(self.with_s23.origin)[:1], jnp.asarray(origin)])
        steps = jnp.concatenate([jnp.asarray(self.with_s23.step)[:1], jnp.asarray(step)])
        shifts = jnp.stack([second, jnp.asarray(0.0), jnp.asarray(0.0), first]) - 0.5
        return jnp.concatenate([solar, origins + steps * (places + shifts)])


def correlated(tables: Mapping[tuple[str, ...], ReleaseTable], sigmas: Sequence[float]) -> Correlated:
    """The joint chi-square of the tables of a release.

    Args:
        tables: at least the pairs and the triple that the formula needs, and the one-dimensional tables.
        sigmas: 1-sigma widths of `QUANTITIES` in their coordinates.
    """
    atmospheric = _even(tables, ("s23^2", "m3l^2", "delta"), {})
    (s23, m3l, _), _ = atmospheric
    limits = {"s23^2": (s23[0], s23[-1]), "m3l^2": (m3l[0], m3l[-1])}
    with_s23 = _even(tables, ("s13^2", "s23^2"), limits)
    with_m3l = _even(tables, ("s13^2", "m3l^2"), limits | {"s13^2": (with_s23[0][0][0], with_s23[0][0][-1])})
    one = {name: _along(tables, name, axis) for name, axis in (("s13^2", with_s23[0][0]), ("s23^2", s23), ("m3l^2", m3l))}
    rest_s23 = with_s23[1] - one["s23^2"][None, :] - one["s13^2"][:, None]
    rest_m3l = with_m3l[1] - one["m3l^2"][None, :]
    solar_axes, solar = _even(tables, ("s12^2", "log10 m21^2"), {})
    periods = [None, None, 2.0]
    grids = (
        Grid.of(solar_axes, solar, multiple=_PADDED),
        Grid.of(atmospheric[0], atmospheric[1], periods=periods, multiple=_PADDED),
        Grid.of(with_s23[0], rest_s23, multiple=_PADDED),
        Grid.of(with_m3l[0], rest_m3l, multiple=_PADDED),
    )
    best, minimum = _lowest(grids, (solar_axes, solar), (atmospheric, rest_s23, rest_m3l, with_s23[0][0]))
    pairs, log_norm = _pairs(grids, atmospheric, rest_s23, rest_m3l, minimum)
    draws = CellDraws.of(solar_axes, solar, multiple=4096)
    return Correlated(
        *grids, np.array(minimum), best, np.asarray(sigmas, dtype=float), draws, pairs, draws.log_norm + log_norm
    )


def _even(
    tables: Mapping[tuple[str, ...], ReleaseTable], names: tuple[str, ...], limits: Mapping[str, tuple[float, float]]
) -> Table:
    """A table on even axes in the units of `QUANTITIES`, cut to its box and to limits, its minimum subtracted."""
    table = tables[names]
    axes = [axis * _UNITS.get(name, 1.0) for name, axis in zip(names, table.axes, strict=True)]
    chi2 = table.chi2 - table.chi2.min()
    for number, name in enumerate(names):
        others = tuple(other for other in range(len(names)) if other != number)
        where = np.flatnonzero((chi2 <= _BOX).any(axis=others))
        low, high = limits.get(name, (axes[number][where[0]], axes[number][where[-1]]))
        slack = 1e-9 * abs(high - low)
        keep = np.flatnonzero((axes[number] >= low - slack) & (axes[number] <= high + slack))
        axes[number], chi2 = axes[number][keep], np.take(chi2, keep, axis=number)
        if name in _STEPS:
            even = np.arange(round((axes[number][-1] - axes[number][0]) / _STEPS[name]) + 1) * _STEPS[name]
            chi2 = CubicSpline(axes[number], chi2, axis=number)(axes[number][0] + even)
            axes[number] = axes[number][0] + even
    return tuple(axes), chi2 - chi2.min()


def _along(
    tables: Mapping[tuple[str, ...], ReleaseTable], name: str, axis: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " points"]:
    """A one-dimensional table at given points, its minimum there subtracted."""
    table = tables[(name,)]
    values = CubicSpline(table.axes[0] * _UNITS.get(name, 1.0), table.chi2)(axis)
    return values - values.min()


def _lowest(
    grids: tuple[Grid, Grid, Grid, Grid], solar: Table, rest: tuple[Table, np.ndarray, np.ndarray, np.ndarray]
) -> tuple[Float[np.ndarray, " quantities"], float]:
    """Point and value of the minimum of the whole sum."""
    (axes, atmospheric), rest_s23, rest_m3l, s13 = rest
    i, j, k = np.unravel_index(int(np.argmin(atmospheric)), atmospheric.shape)
    m = int(np.argmin(rest_s23[:, i] + rest_m3l[:, j]))
    p, q = np.unravel_index(int(np.argmin(solar[1])), solar[1].shape)
    start = np.array([solar[0][0][p], solar[0][1][q], s13[m], axes[0][i], axes[1][j], axes[2][k]])
    step = np.concatenate([grids[0].step, grids[2].step[:1], grids[1].step])

    def lower(where: list[int], parts: Sequence[tuple[Grid, list[int]]]) -> tuple[np.ndarray, float]:
        def at(moved: np.ndarray) -> float:
            u = start.copy()
            u[where] += moved * step[where]
            return sum(point_value(grid, u[places]) for grid, places in parts)

        simplex = np.vstack([np.zeros(len(where)), 0.5 * np.eye(len(where))])
        options = {"xatol": 1e-8, "fatol": 1e-12, "initial_simplex": simplex, "maxfev": 5000}
        found = minimize(at, np.zeros(len(where)), method="Nelder-Mead", options=options)
        return start[where] + found.x * step[where], float(found.fun)

    first, one = lower(_SOLAR, [(grids[0], _SOLAR)])
    second, two = lower(
        [2, *_ATMOSPHERIC], [(grids[1], _ATMOSPHERIC), (grids[2], _WITH_S23), (grids[3], _WITH_M3L)]
    )
    return np.concatenate([first, second]), one + two


def _pairs(
    grids: tuple[Grid, Grid, Grid, Grid], atmospheric: Table, rest_s23: np.ndarray, rest_m3l: np.ndarray, minimum: float
) -> tuple[Float[np.ndarray, " pairs"], float]:
    """Cumulative probability of the pairs (s23,m3l), padded like their coefficients, and ln of the integral."""
    given_s13 = np.exp(-0.5 * rest_s23).T @ np.exp(-0.5 * rest_m3l)
    given_delta = np.exp(-0.5 * (atmospheric[1][..., :-1] - minimum)).sum(axis=-1)
    weights = given_s13 * given_delta
    shape = (grids[2].coefficients.shape[1] - 2, grids[3].coefficients.shape[1] - 2)
    padded = np.zeros(shape)
    padded[: weights.shape[0], : weights.shape[1]] = weights
    cumulative = np.cumsum(padded.ravel())
    volume = np.prod(grids[1].step) * grids[2].step[0]
    return cumulative / cumulative[-1], float(np.log(cumulative[-1] * volume))


def _column(grid: Grid, places: tuple[Array, ...], free: int) -> Float[Array, " points"]:
    """Values of a grid at its own points along one axis, at given points of the others."""
    weights = np.array([1.0, 4.0, 1.0]) / 6.0
    block = jnp.moveaxis(jnp.asarray(grid.coefficients), free, -1)
    for place in places:
        three = jax.lax.dynamic_slice_in_dim(block, place, 3, axis=0)
        block = jnp.tensordot(weights, three, axes=1)
    return jnp.convolve(block, weights, mode="valid")


def _pick(chi2: Float[Array, " points"], count: Float[Array, ""], uniform: Array) -> tuple[Array, Array]:
    """A point by exp(-chi2/2) among the first ``count``, and how far the uniform number lies within its share."""
    there = np.arange(chi2.shape[0]) < count
    weights = jnp.where(there, jnp.exp(-0.5 * (chi2 - jnp.min(jnp.where(there, chi2, jnp.inf)))), 0.0)
    below = jnp.cumsum(weights)
    target = uniform * below[-1]
    place = jnp.minimum(jnp.searchsorted(below, target, side="right"), chi2.shape[0] - 1)
    return place, 1.0 - (below[place] - target) / weights[place]
