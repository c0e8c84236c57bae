"""Chi-square of all six oscillation parameters together, from the two- and three-dimensional tables of a release.

chi2 = T(s12,m21) + T(s23,m3l,delta) + [T(s13,s23) - T(s23)] + [T(s13,m3l) - T(m3l)] - T(s13), each T minus its own
minimum. It is exact for (s12,m21) and every projection of (s23,m3l,delta); the other pairs of NuFIT 5.3 come out within
0.45 (s13 with s23 or m3l) or 1.05 (s13 with delta) below Delta chi-square 9. The tables' scatter along m3l, up to 0.06
from point to point, is evened out.
"""

import functools
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Array, Float

from wilks.likelihood.grids import Grid, GridValues, point_value
from wilks.likelihood.surfaces import CellDraws, positive_curvature

from .joint_tables import JointTables
from .nufit_files import ReleaseTable

JOINT_NUMBERS = 8
"""Uniform numbers that one draw takes."""

_BOX = 50.0  # Delta chi-square within which tables are followed
_STEPS = {"s13^2": 1e-4, "log10 m21^2": 1e-3}  # axes of uneven steps are resampled
_KNOTS_OF_M3L = 2e-5  # eV^2, less than 1 sigma
_UNITS = {"m3l^2": 1e-3, "delta": 1 / 180}  # of the release's columns
_PADDED = 16  # shapes are padded to multiples of this, so that exchanged orderings share one compiled program
_BLOCKS = ((0, 1), (2, 3, 4, 5))  # quantities that see each other
_SOLAR, _ATMOSPHERIC, _WITH_S23, _WITH_M3L = ([0, 1], [3, 4, 5], [2, 3], [2, 4])

Table = tuple[tuple[np.ndarray, ...], np.ndarray]
Six = Float[Array, " quantities"]
Square = Float[Array, "quantities quantities"]


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
        pairs: distribution of (s23,m3l), all else integrated out.
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
    pairs: CellDraws
    log_norm: Float[np.ndarray | Array, ""]

    def evaluate(self, u: Six) -> GridValues:
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
        return GridValues(value, gradient + 2 * precision * over, hessian)

    def along_scale(self, u: Six) -> tuple[Six, Six]:
        """First and second derivatives by the two splittings, zeros for the others; the splittings do not mix."""
        solar = self.solar.slope_along(u[np.array(_SOLAR)], 1)
        atmospheric = self.atmospheric.slope_along(u[np.array(_ATMOSPHERIC)], 1)
        with_m3l = self.with_m3l.slope_along(u[np.array(_WITH_M3L)], 1)
        over, precision = self._outside(u), 2.0 * jnp.asarray(self.sigma) ** -2.0
        zero, beyond = jnp.zeros(()), jnp.where(over != 0, precision, 0.0)
        gradient, curvature = (
            jnp.stack([zero, one, zero, zero, two + three, zero])
            for one, two, three in zip(solar, atmospheric, with_m3l, strict=True)
        )
        used = np.isin(np.arange(6), (1, 4))
        return jnp.where(used, gradient + precision * over, 0.0), jnp.where(used, curvature + beyond, 0.0)

    def weight(self, hessian: Square) -> Square:
        """A curvature that is never negative: the two blocks of the second derivatives, each where need be raised."""
        weight = jnp.zeros_like(hessian)
        for block in _BLOCKS:
            where = np.ix_(block, block)
            weight = weight.at[where].set(positive_curvature(hessian[where]))
        return weight

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
            [
                solar,
                self.with_s23.outside(u[np.array(_WITH_S23)])[:1],
                self.atmospheric.outside(u[np.array(_ATMOSPHERIC)]),
            ]
        )

    def draw(self, uniform: Float[Array, " numbers"]) -> Six:
        """A point distributed as exp(-chi2/2), cell by cell: first (s12,m21); then (s23,m3l), delta and s13 in turn."""
        solar = self.solar_draws.draw(uniform[:3])
        s23, m3l = self.pairs.draw(uniform[3:6])
        none = jnp.zeros(())
        delta_chi2 = self.atmospheric.along(jnp.stack([s23, m3l, none]), 2)
        s13_chi2 = self.with_s23.along(jnp.stack([none, s23]), 0) + self.with_m3l.along(jnp.stack([none, m3l]), 0)
        delta = _drawn(delta_chi2, self.atmospheric, 2, uniform[6])
        s13 = _drawn(s13_chi2, self.with_s23, 0, uniform[7])
        return jnp.stack([*solar, s13, s23, m3l, delta])


@functools.lru_cache(maxsize=4)
def correlated(joint: JointTables) -> Correlated:
    """The joint chi-square of the tables of a release."""
    tables = joint.tables
    atmospheric = _even(tables, ("s23^2", "m3l^2", "delta"), {})
    (s23, m3l, _), _ = atmospheric
    limits = {"s23^2": (s23[0], s23[-1]), "m3l^2": (m3l[0], m3l[-1])}
    with_s23 = _even(tables, ("s13^2", "s23^2"), limits)
    with_m3l = _even(tables, ("s13^2", "m3l^2"), limits | {"s13^2": (with_s23[0][0][0], with_s23[0][0][-1])})
    one = {
        name: _along(tables, name, axis) for name, axis in (("s13^2", with_s23[0][0]), ("s23^2", s23), ("m3l^2", m3l))
    }
    rest_s23 = with_s23[1] - one["s23^2"][None, :] - one["s13^2"][:, None]
    fine = with_m3l[1] - one["m3l^2"][None, :]
    pairs = atmospheric
    coarse, rest_m3l = _smoothed(m3l, fine)
    atmospheric = (s23, coarse, atmospheric[0][2]), _smoothed(m3l, atmospheric[1])[1]
    solar_axes, solar = _even(tables, ("s12^2", "log10 m21^2"), {})
    periods = [None, None, 2.0]
    grids = (
        Grid.of(solar_axes, solar, multiple=_PADDED),
        Grid.of(atmospheric[0], atmospheric[1], periods=periods, multiple=_PADDED),
        Grid.of(with_s23[0], rest_s23, multiple=_PADDED),
        Grid.of((with_m3l[0][0], coarse), rest_m3l, multiple=_PADDED),
    )
    best, minimum = _lowest(grids, (solar_axes, solar), (atmospheric, rest_s23, rest_m3l, with_s23[0][0]))
    draws = CellDraws.of(solar_axes, solar, multiple=16384), _pairs(grids, pairs, rest_s23, fine)
    log_norm = np.asarray(draws[0].log_norm + draws[1].log_norm + 0.5 * minimum)
    return Correlated(*grids, np.array(minimum), best, np.array(joint.sigmas), *draws, log_norm)


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
            chi2 = scipy.interpolate.CubicSpline(axes[number], chi2, axis=number)(axes[number][0] + even)
            axes[number] = axes[number][0] + even
    return tuple(axes), chi2 - chi2.min()


def _smoothed(
    axis: Float[np.ndarray, " points"], values: Float[np.ndarray, "..."]
) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, "..."]]:
    """A table on fewer values of m3l^2, its second axis: the tables scatter along it by up to 0.06 from point to point,
    which least-squares splines with wider knots even out.
    """
    nodes = np.linspace(axis[0], axis[-1], round((axis[-1] - axis[0]) / _KNOTS_OF_M3L) + 1)
    knots = np.concatenate([[nodes[0]] * 3, nodes, [nodes[-1]] * 3])
    return nodes, scipy.interpolate.make_lsq_spline(axis, values, knots, axis=1)(nodes)


def _along(
    tables: Mapping[tuple[str, ...], ReleaseTable], name: str, axis: Float[np.ndarray, " points"]
) -> Float[np.ndarray, " points"]:
    """A one-dimensional table at given points, its minimum there subtracted."""
    table = tables[(name,)]
    values = scipy.interpolate.CubicSpline(table.axes[0] * _UNITS.get(name, 1.0), table.chi2)(axis)
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
        found = scipy.optimize.minimize(at, np.zeros(len(where)), method="Nelder-Mead", options=options)
        return start[where] + found.x * step[where], float(found.fun)

    first, one = lower(_SOLAR, [(grids[0], _SOLAR)])
    second, two = lower([2, *_ATMOSPHERIC], [(grids[1], _ATMOSPHERIC), (grids[2], _WITH_S23), (grids[3], _WITH_M3L)])
    return np.concatenate([first, second]), one + two


def _pairs(
    grids: tuple[Grid, Grid, Grid, Grid], atmospheric: Table, rest_s23: np.ndarray, rest_m3l: np.ndarray
) -> CellDraws:
    """Distribution of (s23,m3l) with delta and s13 integrated out, from tables on their fine axes."""
    given_s13 = np.exp(-0.5 * rest_s23).T @ np.exp(-0.5 * rest_m3l)
    given_delta = np.exp(-0.5 * atmospheric[1][..., :-1]).sum(axis=-1)
    chi2 = -2.0 * np.log(given_s13 * given_delta * grids[2].step[0] * grids[1].step[2])
    return CellDraws.of(atmospheric[0][:2], chi2, multiple=8192)


def _drawn(chi2: Float[Array, " points"], grid: Grid, axis: int, uniform: Array) -> Float[Array, ""]:
    """A value of one axis by exp(-chi2/2), evenly inside the cell around a point of the axis."""
    cyclic = jnp.isfinite(jnp.asarray(grid.period)[axis])
    count = jnp.asarray(grid.intervals)[axis] + jnp.where(cyclic, 0.0, 1.0)
    there = np.arange(chi2.shape[0]) < count
    weights = jnp.where(there, jnp.exp(-0.5 * (chi2 - jnp.min(jnp.where(there, chi2, jnp.inf)))), 0.0)
    below = jnp.cumsum(weights)
    target = uniform * below[-1]
    place = jnp.minimum(jnp.searchsorted(below, target, side="right"), chi2.shape[0] - 1)
    within = 1.0 - (below[place] - target) / weights[place]
    return jnp.asarray(grid.origin)[axis] + jnp.asarray(grid.step)[axis] * (place + within - 0.5)
