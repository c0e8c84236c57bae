"""Interpolation between templates at -1, 0 and +1 sigma of a nuisance parameter, for many of them at once.

Codes are numbered as in HistFactory (CERN-OPEN-2012-016) and pyhf (JOSS 6 (2021) 2823). For factors: 1, 4. For
additive shifts: 0, 2, 4p. Every additive code has the form

    shift(alpha) = alpha (I+ - I-)/2 + phi(alpha) (I+ + I- - 2 I0)/16

with an even function phi that is all that tells the codes apart, so that all shifts of a model are one product
of a vector with a matrix.
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base import runtime  # noqa: F401  64 bit before any array exists

FACTOR_CODES = ("1", "4")
"""Codes for normalisation systematics."""


def _even_part_piecewise_linear(alpha: Float[Array, " shifts"]) -> Float[Array, " shifts"]:
    return 8.0 * jnp.where(alpha >= 0, alpha, -alpha)


def _even_part_quadratic(alpha: Float[Array, " shifts"]) -> Float[Array, " shifts"]:
    size = jnp.abs(alpha)
    return 8.0 * jnp.where(size <= 1.0, alpha * alpha, 2.0 * size - 1.0)


def _even_part_polynomial(alpha: Float[Array, " shifts"]) -> Float[Array, " shifts"]:
    square = alpha * alpha
    return jnp.where(square <= 1.0, square * (15.0 + square * (-10.0 + 3.0 * square)), 8.0 * jnp.abs(alpha))


EVEN_PARTS: dict[str, Callable[[Float[Array, " shifts"]], Float[Array, " shifts"]]] = {
    "0": _even_part_piecewise_linear,
    "2": _even_part_quadratic,
    "4p": _even_part_polynomial,
}
"""phi of each additive code."""


def polynomial_coefficients(
    up: Float[np.ndarray, "*modifiers"], down: Float[np.ndarray, "*modifiers"]
) -> Float[np.ndarray, "6 *modifiers"]:
    """Coefficients a1..a6 of code 4: the polynomial in alpha that meets up^alpha and down^-alpha at +-1.

    Value, slope and curvature agree there.

    Args:
        up: factor at +1 sigma, above 0.
        down: factor at -1 sigma, above 0.
    """
    log_up, log_down = np.log(up), np.log(down)
    even = [(up * log_up**k + down * (-log_down) ** k) / 2 for k in range(3)]  # S_k
    odd = [(up * log_up**k - down * (-log_down) ** k) / 2 for k in range(3)]  # T_k
    return np.stack(
        [
            (15 * odd[0] - 7 * even[1] + odd[2]) / 8,
            (-24 + 24 * even[0] - 9 * odd[1] + even[2]) / 8,
            (-5 * odd[0] + 5 * even[1] - odd[2]) / 4,
            (12 - 12 * even[0] + 7 * odd[1] - even[2]) / 4,
            (3 * odd[0] - 3 * even[1] + odd[2]) / 8,
            (-8 + 8 * even[0] - 5 * odd[1] + even[2]) / 8,
        ]
    )


def product(factors: Float[Array, "factors *shape"]) -> Float[Array, "*shape"]:
    """Product along the first axis by halves: its derivative never divides, so a factor may be zero."""
    if factors.shape[0] == 0:
        return jnp.ones(factors.shape[1:])
    while (n := factors.shape[0]) > 1:
        pairs = factors[: n // 2] * factors[n // 2 : 2 * (n // 2)]
        factors = pairs if n % 2 == 0 else jnp.concatenate([pairs, factors[-1:]])
    return factors[0]


def pick(extended: Float[Array, " extended"], index: Int[Array | np.ndarray, "*shape"]) -> Float[Array, "*shape"]:
    """Entries of the parameter vector, whose last entry is the 1 that padding points to."""
    return extended.at[index].get(mode="promise_in_bounds")


class SystematicFactors(eqx.Module):
    """All normalisation systematics: a padded list of factors for each sample of each channel.

    Padding has up = down = 1, which is a factor of exactly 1.
    """

    code: str = eqx.field(static=True)
    index: Int[np.ndarray, "factors slots channels"]
    coefficients: Float[np.ndarray, "6 factors slots channels"]
    log_up: Float[np.ndarray, "factors slots channels"]
    log_down: Float[np.ndarray, "factors slots channels"]

    @classmethod
    def build(
        cls,
        code: str,
        index: Int[np.ndarray, "factors slots channels"],
        up: Float[np.ndarray, "factors slots channels"],
        down: Float[np.ndarray, "factors slots channels"],
    ) -> "SystematicFactors":
        """Precompute what does not depend on the parameters."""
        return cls(code, index, polynomial_coefficients(up, down), np.log(up), np.log(down))

    def __call__(self, extended: Float[Array, " extended"]) -> Float[Array, "slots channels"]:
        """Product of the factors of each sample in each channel."""
        if self.index.shape[0] == 0:
            return jnp.ones(self.index.shape[1:])
        return product(self._each(pick(extended, self.index)))

    def with_slopes(
        self, extended: Float[Array, " extended"]
    ) -> tuple[Float[Array, "factors slots channels"], Float[Array, "factors slots channels"]]:
        """Each factor, and its derivative by its own parameter."""
        if self.index.shape[0] == 0:
            return jnp.ones(self.index.shape), jnp.zeros(self.index.shape)
        alpha = pick(extended, self.index)
        return jax.jvp(self._each, (alpha,), (jnp.ones_like(alpha),))

    def _each(self, alpha: Float[Array, "factors slots channels"]) -> Float[Array, "factors slots channels"]:
        return self._power(alpha) if self.code == "1" else self._smooth(alpha)

    def _power(self, alpha: Float[Array, "factors slots channels"]) -> Float[Array, "factors slots channels"]:
        return jnp.exp(jnp.where(alpha >= 0, alpha * self.log_up, -alpha * self.log_down))

    def _smooth(self, alpha: Float[Array, "factors slots channels"]) -> Float[Array, "factors slots channels"]:
        inside = jnp.abs(alpha) <= 1.0
        near, far = jnp.where(inside, alpha, 0.0), jnp.where(inside, 0.0, alpha)  # finite on both sides
        polynomial = self.coefficients[5]
        for coefficient in self.coefficients[4::-1]:
            polynomial = coefficient + near * polynomial
        return jnp.where(inside, 1.0 + near * polynomial, self._power(far))


class TemplateShifts(eqx.Module):
    """All shape systematics: one matrix of odd and even shifts of every bin of every sample."""

    code: str = eqx.field(static=True)
    index: Int[np.ndarray, " shifts"]
    odd_and_even: Float[np.ndarray, "twice_shifts slots bins"]

    @classmethod
    def build(
        cls,
        code: str,
        index: Int[np.ndarray, " shifts"],
        up: Float[np.ndarray, "shifts slots bins"],
        down: Float[np.ndarray, "shifts slots bins"],
    ) -> "TemplateShifts":
        """Precompute the odd and even part; ``up`` and ``down`` are differences from the nominal template."""
        return cls(code, index, np.concatenate([(up - down) / 2, (up + down) / 16]))

    def __call__(self, extended: Float[Array, " extended"]) -> Float[Array, "slots bins"]:
        """Sum of the shifts of each bin of each sample."""
        rows, slots, bins = self.odd_and_even.shape
        if rows == 0:
            return jnp.zeros((slots, bins))
        alpha = pick(extended, self.index)
        weights = jnp.concatenate([alpha, EVEN_PARTS[self.code](alpha)])
        return (weights @ self.odd_and_even.reshape(rows, slots * bins)).reshape(slots, bins)

    def summed(self, weights: Float[Array, "bins sums"]) -> "TemplateShifts":
        """The same shifts of weighted sums of the bins."""
        return eqx.tree_at(lambda shifts: shifts.odd_and_even, self, jnp.asarray(self.odd_and_even) @ weights)

    def slopes(
        self, extended: Float[Array, " extended"], weights: Float[Array, "slots bins"]
    ) -> Float[Array, "shifts bins"]:
        """Derivatives of the weighted sum of all samples by the parameter of each shift."""
        if self.index.shape[0] == 0:
            return jnp.zeros((0, weights.shape[1]))
        alpha = pick(extended, self.index)
        _, slope = jax.jvp(EVEN_PARTS[self.code], (alpha,), (jnp.ones_like(alpha),))
        odd, even = jnp.split(jnp.sum(weights[None] * self.odd_and_even, axis=1), 2)
        return odd + slope[:, None] * even
