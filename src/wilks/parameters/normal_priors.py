"""Priors made of the normal distribution: whole, cut, of a logarithm, and folded."""

import math

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import erf, log_ndtr, ndtr, ndtri

from wilks._base.errors import InvalidParameter
from wilks._base.typing import LogProb, Scalar

from .priors import AbstractPrior, Number, check_ordered, check_positive

_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


def _check_mean(prior: AbstractPrior, mean: float) -> None:
    if not math.isfinite(mean):
        raise InvalidParameter(f"{type(prior).__name__} prior: mean {mean} must be finite")


class Normal(AbstractPrior):
    """Normal density of given mean and standard deviation, both in the parameter's unit.

    >>> round(float(Normal(1.0, 0.5).quantile(0.8413447460685429)), 6)
    1.5
    """

    mean: float = eqx.field(static=True, converter=float)
    sigma: float = eqx.field(static=True, converter=float)

    def __check_init__(self) -> None:
        _check_mean(self, self.mean)
        check_positive(self, sigma=self.sigma)

    def _z(self, value: Number) -> Scalar:
        return (jnp.asarray(value, dtype=float) - self.mean) / self.sigma

    def log_prob(self, value: Number) -> LogProb:
        """-z^2/2 - ln(sigma sqrt(2 pi)) with z = (x - mean)/sigma."""
        return -0.5 * self._z(value) ** 2 - (math.log(self.sigma) + _LOG_SQRT_2PI)

    def cdf(self, value: Number) -> Scalar:
        """Phi(z)."""
        return ndtr(self._z(value))

    def survival(self, value: Number) -> Scalar:
        """Phi(-z)."""
        return ndtr(-self._z(value))

    def quantile(self, probability: Number) -> Scalar:
        """Mean + sigma Phi^-1(u)."""
        return self.mean + self.sigma * ndtri(jnp.asarray(probability, dtype=float))


class TruncatedNormal(AbstractPrior):
    """Normal density cut at two bounds and normalised between them; mean and sigma are those before the cut.

    Args:
        mean: centre of the uncut density.
        sigma: standard deviation of the uncut density.
        lower: lower end, ``-inf`` for none.
        upper: upper end, ``inf`` for none.
    """

    mean: float = eqx.field(static=True, converter=float)
    sigma: float = eqx.field(static=True, converter=float)
    lower: float = eqx.field(static=True, converter=float)
    upper: float = eqx.field(static=True, converter=float)

    def __check_init__(self) -> None:
        _check_mean(self, self.mean)
        check_positive(self, sigma=self.sigma)
        check_ordered(self, self.lower, self.upper)
        nearest = min(max(self.mean, self.lower), self.upper)
        if abs(nearest - self.mean) > 37.0 * self.sigma:  # Phi(-37) is the last one that a double holds
            raise InvalidParameter(
                f"TruncatedNormal prior: [{self.lower}, {self.upper}] lies over 37 sigma away from the mean "
                f"{self.mean}; no probability is left there"
            )

    @property
    def _sign(self) -> float:
        """-1 where the cut keeps the right tail only: it is then computed as the left one, which keeps its digits."""
        return -1.0 if self.lower > self.mean else 1.0

    def _z(self, value: Number) -> Scalar:
        x = jnp.clip(jnp.asarray(value, dtype=float), self.lower, self.upper)
        return self._sign * (x - self.mean) / self.sigma

    def _between(self, one: Number, two: Number) -> Scalar:
        return jnp.abs(ndtr(self._z(two)) - ndtr(self._z(one)))

    def log_prob(self, value: Number) -> LogProb:
        """Density of the uncut normal over its mass between the bounds."""
        x = jnp.asarray(value, dtype=float)
        low, high = log_ndtr(self._z(self.lower)), log_ndtr(self._z(self.upper))
        larger, smaller = jnp.maximum(low, high), jnp.minimum(low, high)
        log_mass = larger + jnp.log1p(-jnp.exp(smaller - larger))
        inside = (x >= self.lower) & (x <= self.upper)
        log_density = -0.5 * self._z(x) ** 2 - (math.log(self.sigma) + _LOG_SQRT_2PI) - log_mass
        return jnp.where(inside, log_density, -jnp.inf)

    def cdf(self, value: Number) -> Scalar:
        """Mass from the lower bound to x over the mass between the bounds."""
        return self._between(self.lower, value) / self._between(self.lower, self.upper)

    def survival(self, value: Number) -> Scalar:
        """Mass from x to the upper bound over the mass between the bounds."""
        return self._between(value, self.upper) / self._between(self.lower, self.upper)

    def quantile(self, probability: Number) -> Scalar:
        """Phi^-1 of the probability, scaled to the mass between the bounds."""
        u = jnp.asarray(probability, dtype=float)
        low, high = ndtr(self._z(self.lower)), ndtr(self._z(self.upper))
        z = self._sign * ndtri(low * (1.0 - u) + high * u)
        return jnp.clip(self.mean + self.sigma * z, self.lower, self.upper)


class LogNormal(AbstractPrior):
    """Normal density of the logarithm: ln x ~ N(ln median, ln factor).

    Args:
        median: middle of the density, positive, in the parameter's unit.
        factor: one standard deviation up multiplies by it, one down divides by it; above 1.
    """

    median: float = eqx.field(static=True, converter=float)
    factor: float = eqx.field(static=True, converter=float)

    def __check_init__(self) -> None:
        check_positive(self, median=self.median, factor=self.factor)
        if self.factor <= 1.0:
            raise InvalidParameter(f"LogNormal prior: factor {self.factor} must exceed 1; 1.1 means about 10 percent")

    def _z(self, value: Number) -> Scalar:
        x = jnp.asarray(value, dtype=float)
        positive = x > 0
        log = jnp.log(jnp.where(positive, x, 1.0))
        return jnp.where(positive, (log - math.log(self.median)) / math.log(self.factor), -jnp.inf)

    def log_prob(self, value: Number) -> LogProb:
        """-z^2/2 - ln(x ln(factor) sqrt(2 pi)) for x > 0, with z = ln(x/median)/ln(factor)."""
        x = jnp.asarray(value, dtype=float)
        inside = (x > 0) & (x < jnp.inf)
        safe = jnp.where(inside, x, self.median)
        norm = math.log(math.log(self.factor)) + _LOG_SQRT_2PI
        return jnp.where(inside, -0.5 * self._z(safe) ** 2 - jnp.log(safe) - norm, -jnp.inf)

    def cdf(self, value: Number) -> Scalar:
        """Phi(z)."""
        return ndtr(self._z(value))

    def survival(self, value: Number) -> Scalar:
        """Phi(-z)."""
        return ndtr(-self._z(value))

    def quantile(self, probability: Number) -> Scalar:
        """Median factor^z with z = Phi^-1(u)."""
        return self.median * jnp.exp(math.log(self.factor) * ndtri(jnp.asarray(probability, dtype=float)))


class HalfNormal(AbstractPrior):
    """Normal density around zero, folded to x >= 0.

    Args:
        sigma: standard deviation of the unfolded density, in the parameter's unit.
    """

    sigma: float = eqx.field(static=True, converter=float)

    def __check_init__(self) -> None:
        check_positive(self, sigma=self.sigma)

    def _z(self, value: Number) -> Scalar:
        return jnp.maximum(jnp.asarray(value, dtype=float), 0.0) / self.sigma

    def log_prob(self, value: Number) -> LogProb:
        """ln 2 - z^2/2 - ln(sigma sqrt(2 pi)) for x >= 0."""
        inside = jnp.asarray(value, dtype=float) >= 0
        norm = math.log(self.sigma) + _LOG_SQRT_2PI - math.log(2.0)
        return jnp.where(inside, -0.5 * self._z(value) ** 2 - norm, -jnp.inf)

    def cdf(self, value: Number) -> Scalar:
        """erf(z/sqrt 2)."""
        return erf(self._z(value) / math.sqrt(2.0))

    def survival(self, value: Number) -> Scalar:
        """2 Phi(-z)."""
        return 2.0 * ndtr(-self._z(value))

    def quantile(self, probability: Number) -> Scalar:
        """-sigma Phi^-1((1 - u)/2)."""
        return -self.sigma * ndtri(0.5 * (1.0 - jnp.asarray(probability, dtype=float)))
