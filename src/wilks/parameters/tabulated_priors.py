"""A prior from a table of log densities, for example the posterior of an earlier measurement."""

import functools
import math
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidParameter
from wilks._base.typing import LogProb, Scalar

from .priors import AbstractPrior, Number

Column: TypeAlias = Array | np.ndarray


def _numbers(values: object) -> tuple[float, ...]:
    return tuple(float(value) for value in np.asarray(values, dtype=float).ravel())


class Tabulated(AbstractPrior):
    """Density whose logarithm is linear between the points of a table, zero outside, normalised here.

    >>> float(Tabulated([0.0, 1.0, 3.0], [0.0, 0.0, 0.0]).cdf(1.0))
    0.333...

    Args:
        grid: increasing values of the parameter, at least two.
        log_density: logarithm of the density at each, finite; a common constant does not matter.
    """

    grid: tuple[float, ...] = eqx.field(static=True, converter=_numbers)
    log_density: tuple[float, ...] = eqx.field(static=True, converter=_numbers)

    def __check_init__(self) -> None:
        if len(self.grid) != len(self.log_density):
            raise InvalidParameter(
                f"Tabulated prior: {len(self.grid)} grid points, but {len(self.log_density)} log densities; "
                "give one for each"
            )
        if len(self.grid) < 2:
            raise InvalidParameter(f"Tabulated prior: {len(self.grid)} grid points; give at least two")
        for name, column in (("grid", self.grid), ("log_density", self.log_density)):
            for i, number in enumerate(column):
                if not math.isfinite(number):
                    raise InvalidParameter(f"Tabulated prior: {name}[{i}] = {number} is not finite")
        for i, (one, two) in enumerate(zip(self.grid, self.grid[1:], strict=False)):
            if not one < two:
                raise InvalidParameter(
                    f"Tabulated prior: grid[{i}] = {one} is not below grid[{i + 1}] = {two}; sort the table"
                )

    def log_prob(self, value: Number) -> LogProb:
        """Line through the logarithms of the two neighbours."""
        x, log = jnp.asarray(value, dtype=float), self._table.log
        inside = (x >= self.grid[0]) & (x <= self.grid[-1])
        return jnp.where(inside, jnp.interp(x, self._table.grid, log), -jnp.inf)

    def cdf(self, value: Number) -> Scalar:
        """Integral of the pieces, each an exponential, from the left."""
        table = self._table
        x = jnp.clip(jnp.asarray(value, dtype=float), self.grid[0], self.grid[-1])
        i = jnp.clip(jnp.searchsorted(table.grid, x) - 1, 0, len(self.grid) - 2)
        step = x - table.grid[i]
        inside = table.below[i] + jnp.exp(table.log[i]) * step * _mean_exponential(table.slope[i] * step)
        return jnp.where(x < self.grid[-1], inside, 1.0)

    def survival(self, value: Number) -> Scalar:
        """The same from the right."""
        table = self._table
        x = jnp.clip(jnp.asarray(value, dtype=float), self.grid[0], self.grid[-1])
        i = jnp.clip(jnp.searchsorted(table.grid, x) - 1, 0, len(self.grid) - 2)
        step = table.grid[i + 1] - x
        inside = table.above[i + 1] + jnp.exp(table.log[i + 1]) * step * _mean_exponential(-table.slope[i] * step)
        return jnp.where(x > self.grid[0], inside, 1.0)

    def quantile(self, probability: Number) -> Scalar:
        """Inverse of ``cdf`` within its piece."""
        table = self._table
        u = jnp.clip(jnp.asarray(probability, dtype=float), 0.0, 1.0)
        i = jnp.clip(jnp.searchsorted(table.below, u) - 1, 0, len(self.grid) - 2)
        rise = (u - table.below[i]) / jnp.exp(table.log[i])
        y = table.slope[i] * rise
        safe = jnp.where(jnp.abs(y) > 1e-8, y, 1.0)
        step = rise * jnp.where(jnp.abs(y) > 1e-8, jnp.log1p(safe) / safe, 1.0 - 0.5 * y)
        return jnp.clip(table.grid[i] + step, table.grid[i], table.grid[i + 1])

    @property
    def _table(self) -> "_Table":
        return jax.tree.map(jnp.asarray, _table_of(self.grid, self.log_density))


class _Table(eqx.Module):
    """Columns of a normalised table: log density, its slope per piece, probability below and above each point."""

    grid: Column
    log: Column
    slope: Column
    below: Column
    above: Column


@functools.lru_cache(maxsize=64)
def _table_of(points: tuple[float, ...], log_density: tuple[float, ...]) -> _Table:
    grid, log = np.array(points), np.array(log_density) - max(log_density)
    width, rise = np.diff(grid), np.diff(log)
    safe = np.where(np.abs(rise) > 1e-8, rise, 1.0)
    mean = np.where(np.abs(rise) > 1e-8, np.expm1(safe) / safe, 1.0 + 0.5 * rise)
    mass = np.exp(log[:-1]) * width * mean
    total = mass.sum()
    below = np.concatenate([[0.0], np.cumsum(mass)]) / total
    above = np.concatenate([np.cumsum(mass[::-1])[::-1], [0.0]]) / total
    return _Table(grid, log - math.log(total), rise / width, below, above)


def _mean_exponential(y: Float[Array, ""]) -> Float[Array, ""]:
    """(e^y - 1)/y, the mean of an exponential over a piece, smooth through y = 0."""
    small = jnp.abs(y) < 1e-8
    safe = jnp.where(small, 1.0, y)
    return jnp.where(small, 1.0 + 0.5 * y, jnp.expm1(safe) / safe)
