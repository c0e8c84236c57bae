"""Coordinates of chi-square terms: the model's number times a power of the overall factor, or its logarithm."""

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Scalar

LN10 = math.log(10.0)
_TINY = 1e-150  # stands for numbers whose logarithm is asked and that are zero or negative; its square is not zero

Rows = Float[Array, " terms"]


class Coordinates(eqx.Module):
    """u = y x^p, or its log10, of each term, with x = Lambda^2 the factor.

    Args:
        powers: p per term.
        logs: whether the term's curve is one of log10.
    """

    powers: tuple[float, ...] = eqx.field(static=True)
    logs: tuple[bool, ...] = eqx.field(static=True)

    def __len__(self) -> int:
        return len(self.powers)

    def at(self, y: Rows, log_x: Scalar) -> Rows:
        """The coordinates."""
        p, safe = np.array(self.powers), self._positive(y)
        return jnp.where(self._logs, (jnp.log(safe) + p * log_x) / LN10, y * jnp.exp(p * log_x))

    def slopes(self, y: Rows, log_x: Scalar) -> tuple[Rows, Rows]:
        """Their derivatives by y and by ln x."""
        p, factor = np.array(self.powers), jnp.exp(np.array(self.powers) * log_x)
        by_y = jnp.where(self._logs, 1.0 / (self._positive(y) * LN10), factor)
        return by_y, jnp.where(self._logs, p / LN10, p * y * factor)

    def bends(self, y: Rows, log_x: Scalar) -> tuple[Rows, Rows, Rows]:
        """Their second derivatives: by y twice, by ln x twice, by both."""
        p, factor = np.array(self.powers), jnp.exp(np.array(self.powers) * log_x)
        by_y = jnp.where(self._logs, -1.0 / (self._positive(y) ** 2 * LN10), 0.0)
        return by_y, jnp.where(self._logs, 0.0, p**2 * y * factor), jnp.where(self._logs, 0.0, p * factor)

    def values(self, u: Rows) -> Rows:
        """Numbers with the given coordinates at factor one."""
        return jnp.where(self._logs, jnp.exp(LN10 * jnp.where(self._logs, u, 0.0)), u)

    @property
    def _logs(self) -> np.ndarray:
        return np.array(self.logs, dtype=bool)

    def _positive(self, y: Rows) -> Rows:
        return jnp.maximum(jnp.where(self._logs, y, 1.0), _TINY)
