"""Priors of the gamma and beta families, whose quantiles are found by bisection over all floating-point numbers."""

import math
from collections.abc import Callable
from typing import TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import betainc, betaln, gammainc, gammaincc, gammaln, xlog1py, xlogy
from jaxtyping import Array, Bool, Int64, Integer

from wilks._base.typing import LogProb, Scalar

from .priors import AbstractPrior, Number, check_positive

Bits: TypeAlias = Int64[Array, ""]
Step: TypeAlias = Integer[Array, ""] | int
Truth: TypeAlias = Bool[Array, ""]

_BITS = 63  # bisecting the bit patterns of non-negative doubles ends at neighbours after so many steps


class Gamma(AbstractPrior):
    """Density x^(shape-1) exp(-x/scale), normalised, of a parameter that is not negative.

    Args:
        shape: positive number without unit; the mean is shape * scale.
        scale: positive, in the parameter's unit; the variance is shape * scale^2.
    """

    shape: float = eqx.field(static=True, converter=float)
    scale: float = eqx.field(static=True, converter=float)

    def __check_init__(self) -> None:
        check_positive(self, shape=self.shape, scale=self.scale)

    def _scaled(self, value: Number) -> Scalar:
        return jnp.maximum(jnp.asarray(value, dtype=float), 0.0) / self.scale

    def log_prob(self, value: Number) -> LogProb:
        """(shape-1) ln t - t - ln Gamma(shape) - ln(scale) for t = x/scale >= 0."""
        x = jnp.asarray(value, dtype=float)
        inside = (x >= 0) & (x < jnp.inf)
        t = self._scaled(jnp.where(inside, x, self.scale))
        log_density = xlogy(self.shape - 1.0, t) - t - gammaln(self.shape) - math.log(self.scale)
        return jnp.where(inside, log_density, -jnp.inf)

    def cdf(self, value: Number) -> Scalar:
        """Regularised lower incomplete gamma function P(shape, x/scale)."""
        return gammainc(self.shape, self._scaled(value))

    def survival(self, value: Number) -> Scalar:
        """Regularised upper incomplete gamma function Q(shape, x/scale)."""
        return gammaincc(self.shape, self._scaled(value))

    def quantile(self, probability: Number) -> Scalar:
        """Inverse of ``cdf``."""
        return _invert(self, jnp.asarray(probability, dtype=float), jnp.inf)


class Beta(AbstractPrior):
    """Density x^(a-1) (1-x)^(b-1), normalised, of a parameter between 0 and 1; ``a`` and ``b`` are positive."""

    a: float = eqx.field(static=True, converter=float)
    b: float = eqx.field(static=True, converter=float)

    def __check_init__(self) -> None:
        check_positive(self, a=self.a, b=self.b)

    def log_prob(self, value: Number) -> LogProb:
        """(a-1) ln x + (b-1) ln(1-x) - ln B(a, b) for 0 <= x <= 1."""
        x = jnp.asarray(value, dtype=float)
        inside = (x >= 0) & (x <= 1)
        safe = jnp.where(inside, x, 0.5)
        log_density = xlogy(self.a - 1.0, safe) + xlog1py(self.b - 1.0, -safe) - betaln(self.a, self.b)
        return jnp.where(inside, log_density, -jnp.inf)

    def cdf(self, value: Number) -> Scalar:
        """Regularised incomplete beta function I_x(a, b)."""
        return betainc(self.a, self.b, jnp.clip(jnp.asarray(value, dtype=float), 0.0, 1.0))

    def survival(self, value: Number) -> Scalar:
        """I_(1-x)(b, a)."""
        x = jnp.clip(jnp.asarray(value, dtype=float), 0.0, 1.0)
        return jnp.where(x < 0.5, 1.0 - betainc(self.a, self.b, x), betainc(self.b, self.a, 1.0 - x))

    def quantile(self, probability: Number) -> Scalar:
        """Inverse of ``cdf``."""
        return _invert(self, jnp.asarray(probability, dtype=float), 1.0)


def _invert(prior: AbstractPrior, probability: Scalar, upper: float) -> Scalar:
    """Quantile of a density on [0, upper], with the derivative 1/density."""
    found = jax.lax.stop_gradient(_bisect(_is_below(prior, jax.lax.stop_gradient(probability)), upper))
    density = jnp.exp(prior.log_prob(found))
    usable = (density > 0) & jnp.isfinite(density)
    # a Newton step whose value is zero and whose derivative is that of the inverse function
    step = (probability - jax.lax.stop_gradient(probability)) / jnp.where(usable, density, 1.0)
    return jnp.where(probability >= 1.0, upper, found) + jnp.where(usable, step, 0.0)


def _is_below(prior: AbstractPrior, probability: Scalar) -> Callable[[Scalar], Truth]:
    def is_below(value: Scalar) -> Truth:
        left, right = prior.cdf(value) < probability, prior.survival(value) > 1.0 - probability
        return jnp.where(probability < 0.5, left, right)

    return is_below


def _bisect(is_below: Callable[[Scalar], Truth], upper: float) -> Scalar:
    """Largest double in [0, upper] that is below, found on the bit pattern, which grows with the number."""

    def halve(_: Step, bounds: tuple[Bits, Bits]) -> tuple[Bits, Bits]:
        low, high = bounds
        middle = low + (high - low) // 2
        below = is_below(jax.lax.bitcast_convert_type(middle, jnp.float64))
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    ends = (jnp.float64(0.0), jnp.float64(upper))
    low, high = (jax.lax.bitcast_convert_type(end, jnp.int64) for end in ends)
    return jax.lax.bitcast_convert_type(jax.lax.fori_loop(0, _BITS, halve, (low, high))[0], jnp.float64)
