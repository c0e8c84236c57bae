"""Chi-square of observables that share the unknown overall factor of the neutrino mass matrix, with the factor fitted.

The mass matrix is known up to a factor Lambda, so that an observable is y x^p with x = Lambda^2, y the model's number
and p = 1 for splittings. C(y) = min over x of the sum of c_k(y_k x^p_k); its gradient needs no derivative of x (envelope
theorem), its curvature is the Schur complement.
"""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Scalar
from wilks.likelihood.curve_table import CurveTable

from .correlated import Correlated

_STEPS = 4
_LONGEST_STEP = 1.0  # in ln x
_TINY = 1e-300
_LN10 = math.log(10.0)
_SIX = 6  # quantities of the joint chi-square, which come first

Rows = Float[Array, " terms"]
Square = Float[Array, "terms terms"]


class Coupled(NamedTuple):
    """Chi-square of the coupled observables, minimal over the factor, with derivatives in the model's numbers.

    ``expected`` is never negative, ``observed`` the exact second derivative; ``shares`` is the chi-square by row.
    """

    value: Scalar
    slope: Rows
    expected: Square
    observed: Square
    shares: Rows
    log_x: Scalar


class _Local(NamedTuple):
    """Chi-square at given coordinates, with derivatives in them."""

    value: Scalar
    shares: Rows
    gradient: Rows
    weight: Square
    hessian: Square


class ScaledTerms(eqx.Module):
    """Rules of the coupled rows: how each depends on the factor.

    Args:
        powers: p per row.
        logs: whether the row's curve is one of log10.
        splittings: whether the row takes part in the first guess of the factor.
    """

    powers: tuple[float, ...] = eqx.field(static=True)
    logs: tuple[bool, ...] = eqx.field(static=True)
    splittings: tuple[bool, ...] = eqx.field(static=True)

    def __len__(self) -> int:
        return len(self.powers)

    def evaluate(self, y: Rows, best: Rows, table: CurveTable, joint: Correlated | None) -> Coupled:
        """Chi-square with the factor at its best.

        Args:
            y: the model's numbers.
            best: best values of the rows in their coordinates: the data.
            table: curves of the rows.
            joint: the joint chi-square of the first six rows, which then replaces their curves.
        """
        published = jnp.asarray(table.best)
        if joint is not None:
            published = published.at[:_SIX].set(jnp.asarray(joint.best))
        shift = best - published
        log_x = self.log_factor(y, best, table, joint)
        here = _local(self._coordinates(y, log_x) - shift, table, joint)
        by_y, by_l = self._derivatives(y, log_x)
        second_y, second_l, mixed = self._second_derivatives(y, log_x)
        curved = here.hessian * (by_y[:, None] * by_y[None, :]) + jnp.diag(here.gradient * second_y)
        cross = by_y * (here.hessian @ by_l) + here.gradient * mixed
        along = by_l @ here.hessian @ by_l + jnp.sum(here.gradient * second_l)
        pulled = here.weight @ by_l
        weight = here.weight - pulled[:, None] * pulled[None, :] / jnp.maximum(by_l @ pulled, _TINY)
        return Coupled(
            here.value,
            here.gradient * by_y,
            weight * (by_y[:, None] * by_y[None, :]),
            curved - cross[:, None] * cross[None, :] / jnp.where(jnp.abs(along) > _TINY, along, 1.0),
            here.shares,
            log_x,
        )

    def log_factor(self, y: Rows, best: Rows, table: CurveTable, joint: Correlated | None) -> Scalar:
        """ln x at the minimum: first guess from Gaussian splittings, then four safeguarded Newton steps."""
        published = jnp.asarray(table.best)
        if joint is not None:
            published = published.at[:_SIX].set(jnp.asarray(joint.best))
        shift = best - published

        def improve(_: Array, log_x: Scalar) -> Scalar:
            here = _local(self._coordinates(y, log_x) - shift, table, joint)
            _, by_l = self._derivatives(y, log_x)
            _, second_l, _ = self._second_derivatives(y, log_x)
            slope = jnp.sum(here.gradient * by_l)
            curve = by_l @ here.hessian @ by_l + jnp.sum(here.gradient * second_l)
            safe = by_l @ here.weight @ by_l
            step = -slope / jnp.maximum(jnp.where(curve > 0.1 * safe, curve, safe), _TINY)
            return log_x + jnp.clip(step, -_LONGEST_STEP, _LONGEST_STEP)

        return jax.lax.fori_loop(0, _STEPS, improve, self._first_guess(y, best, table))

    def predicted(self, y: Rows, log_x: Scalar) -> Rows:
        """Coordinates of the observables at a factor."""
        return self._coordinates(y, log_x)

    def _first_guess(self, y: Rows, best: Rows, table: CurveTable) -> Scalar:
        """ln of x = sum(y t/s^2)/sum(y^2/s^2) with t, s best values and errors of the splittings."""
        logs, used = np.array(self.logs), np.array(self.splittings, dtype=float)
        target = jnp.where(logs, 10.0 ** jnp.where(logs, best, 0.0), best)
        error = jnp.asarray(table.sigma) * jnp.where(logs, target * _LN10, 1.0)
        weight = used / error**2
        x = jnp.sum(weight * y * target) / jnp.maximum(jnp.sum(weight * y**2), _TINY)
        return jnp.log(jnp.maximum(x, _TINY))

    def _coordinates(self, y: Rows, log_x: Scalar) -> Rows:
        logs, powers = np.array(self.logs), np.array(self.powers)
        logarithm = jnp.log10(jnp.maximum(jnp.where(logs, y, 1.0), _TINY)) + powers / _LN10 * log_x
        return jnp.where(logs, logarithm, y * jnp.exp(powers * log_x))

    def _derivatives(self, y: Rows, log_x: Scalar) -> tuple[Rows, Rows]:
        """Of the coordinates, by y and by ln x."""
        logs, powers = np.array(self.logs), np.array(self.powers)
        factor = jnp.exp(powers * log_x)
        safe = jnp.maximum(jnp.where(logs, y, 1.0), _TINY)
        return jnp.where(logs, 1.0 / (safe * _LN10), factor), jnp.where(logs, powers / _LN10, powers * y * factor)

    def _second_derivatives(self, y: Rows, log_x: Scalar) -> tuple[Rows, Rows, Rows]:
        """Of the coordinates, by y twice, by ln x twice, and by both."""
        logs, powers = np.array(self.logs), np.array(self.powers)
        factor = jnp.exp(powers * log_x)
        safe = jnp.maximum(jnp.where(logs, y, 1.0), 1e-150)  # its square must not vanish
        return (
            jnp.where(logs, -1.0 / (safe**2 * _LN10), 0.0),
            jnp.where(logs, 0.0, powers**2 * y * factor),
            jnp.where(logs, 0.0, powers * factor),
        )


def _local(u: Rows, table: CurveTable, joint: Correlated | None) -> _Local:
    alone = table.evaluate(u)
    if joint is None:
        weight, hessian = jnp.diag(alone.weight), jnp.diag(alone.curvature)
        return _Local(jnp.sum(alone.value), alone.value, alone.slope, weight, hessian)
    six = joint.evaluate(u[:_SIX])
    shares = joint.shares(u[:_SIX])
    size = u.shape[0]
    hessian = jnp.diag(alone.curvature).at[:_SIX, :_SIX].set(six.hessian)
    weight = jnp.diag(alone.weight).at[:_SIX, :_SIX].set(six.weight)
    value = six.value + jnp.sum(alone.value[_SIX:]) if size > _SIX else six.value
    return _Local(
        value,
        alone.value.at[:_SIX].set(shares),
        alone.slope.at[:_SIX].set(six.gradient),
        weight,
        hessian,
    )
