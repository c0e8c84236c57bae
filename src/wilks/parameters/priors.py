"""Beliefs before the data: what every prior can do, and the priors with elementary formulas."""

import abc
import math
from typing import TypeAlias, final

import equinox as eqx
import jax
import jax.numpy as jnp

from wilks._base.errors import InvalidParameter
from wilks._base.typing import Key, LogProb, Scalar

Number: TypeAlias = Scalar | float | int
"""One number, inside or outside a computation."""


class AbstractPrior(eqx.Module):
    """A one-dimensional probability density of a parameter.

    A prior of one's own gives four formulas for one number, each true on the whole real line; samples and the mass
    between bounds follow from them. Fields are static numbers, so that a space of parameters can be hashed.
    """

    @abc.abstractmethod
    def log_prob(self, value: Number) -> LogProb:
        """Natural logarithm of the normalised density at a value; -inf outside the support."""

    @abc.abstractmethod
    def cdf(self, value: Number) -> Scalar:
        """Probability below a value."""

    @abc.abstractmethod
    def survival(self, value: Number) -> Scalar:
        """Probability above a value, accurate where ``cdf`` is near one."""

    @abc.abstractmethod
    def quantile(self, probability: Number) -> Scalar:
        """Value below which the given probability in [0, 1] lies."""

    @final
    def sample(self, key: Key) -> Scalar:
        """One random value: the quantile of a uniform number, never of exactly 0 or 1."""
        return self.quantile(jax.random.uniform(key, minval=2.0**-53, maxval=1.0))

    @final
    def log_mass(self, lower: float, upper: float) -> LogProb:
        """Logarithm of the probability between two bounds, exactly 0 where neither is finite.

        Raises:
            InvalidParameter: if no probability lies between the bounds.
        """
        if lower == -math.inf and upper == math.inf:
            return jnp.zeros(())
        with jax.ensure_compile_time_eval():  # bounds and priors are static: a number also inside a traced function
            mass = float(self._mass(lower, upper))
        if not mass > 0.0:
            raise InvalidParameter(
                f"{self} has no probability in the bounds [{lower}, {upper}]; widen the bounds or change the prior"
            )
        return jnp.log(mass)

    def _mass(self, lower: float, upper: float) -> Scalar:
        if self.cdf(lower) > 0.5:  # differences of small numbers keep their digits
            return self.survival(lower) - self.survival(upper)
        return self.cdf(upper) - self.cdf(lower)


def check_positive(prior: AbstractPrior, **settings: float) -> None:
    """Refuse settings of a prior that are not positive and finite.

    Raises:
        InvalidParameter: naming the prior, the setting and its value.
    """
    for name, value in settings.items():
        if not (math.isfinite(value) and value > 0):
            raise InvalidParameter(f"{type(prior).__name__} prior: {name} {value} must be positive and finite")


def check_ordered(prior: AbstractPrior, lower: float, upper: float) -> None:
    """Refuse bounds of a prior that are NaN or leave no room between them.

    Raises:
        InvalidParameter: naming the prior and the bounds.
    """
    if not lower < upper:
        raise InvalidParameter(f"{type(prior).__name__} prior: lower {lower} must lie below upper {upper}")


class Uniform(AbstractPrior):
    """Equal density everywhere between two finite bounds.

    >>> float(Uniform(0.0, 4.0).quantile(0.25))
    1.0
    """

    lower: float = eqx.field(static=True, converter=float)
    upper: float = eqx.field(static=True, converter=float)

    def __check_init__(self) -> None:
        check_ordered(self, self.lower, self.upper)
        check_positive(self, width=self.upper - self.lower)

    def log_prob(self, value: Number) -> LogProb:
        """-ln(upper - lower) inside."""
        x = jnp.asarray(value, dtype=float)
        return jnp.where((x >= self.lower) & (x <= self.upper), -math.log(self.upper - self.lower), -jnp.inf)

    def cdf(self, value: Number) -> Scalar:
        """(x - lower) / (upper - lower)."""
        return jnp.clip((jnp.asarray(value, dtype=float) - self.lower) / (self.upper - self.lower), 0.0, 1.0)

    def survival(self, value: Number) -> Scalar:
        """(upper - x) / (upper - lower)."""
        return jnp.clip((self.upper - jnp.asarray(value, dtype=float)) / (self.upper - self.lower), 0.0, 1.0)

    def quantile(self, probability: Number) -> Scalar:
        """Lower + u (upper - lower)."""
        u = jnp.asarray(probability, dtype=float)
        return jnp.clip(self.lower * (1.0 - u) + self.upper * u, self.lower, self.upper)


class LogUniform(AbstractPrior):
    """Equal density of the logarithm between two positive bounds: density 1/x, scale unknown."""

    lower: float = eqx.field(static=True, converter=float)
    upper: float = eqx.field(static=True, converter=float)

    def __check_init__(self) -> None:
        check_positive(self, lower=self.lower, upper=self.upper)
        check_ordered(self, self.lower, self.upper)

    @property
    def _width(self) -> float:
        return math.log(self.upper) - math.log(self.lower)

    def _log(self, value: Number) -> Scalar:
        return jnp.log(jnp.clip(jnp.asarray(value, dtype=float), self.lower, self.upper))

    def log_prob(self, value: Number) -> LogProb:
        """-ln x - ln ln(upper/lower) inside."""
        x = jnp.asarray(value, dtype=float)
        inside = (x >= self.lower) & (x <= self.upper)
        return jnp.where(inside, -self._log(x) - math.log(self._width), -jnp.inf)

    def cdf(self, value: Number) -> Scalar:
        """ln(x/lower) / ln(upper/lower)."""
        return (self._log(value) - math.log(self.lower)) / self._width

    def survival(self, value: Number) -> Scalar:
        """ln(upper/x) / ln(upper/lower)."""
        return (math.log(self.upper) - self._log(value)) / self._width

    def quantile(self, probability: Number) -> Scalar:
        """Lower (upper/lower)^u."""
        u = jnp.asarray(probability, dtype=float)
        return jnp.clip(self.lower * jnp.exp(u * self._width), self.lower, self.upper)


class Exponential(AbstractPrior):
    """Density exp(-x/mean)/mean of a parameter that is not negative.

    Args:
        mean: its mean, which is also its standard deviation, in the parameter's unit.
    """

    mean: float = eqx.field(static=True, converter=float)

    def __check_init__(self) -> None:
        check_positive(self, mean=self.mean)

    def _scaled(self, value: Number) -> Scalar:
        return jnp.maximum(jnp.asarray(value, dtype=float), 0.0) / self.mean

    def log_prob(self, value: Number) -> LogProb:
        """-x/mean - ln(mean) for x >= 0."""
        inside = jnp.asarray(value, dtype=float) >= 0
        return jnp.where(inside, -self._scaled(value) - math.log(self.mean), -jnp.inf)

    def cdf(self, value: Number) -> Scalar:
        """1 - exp(-x/mean)."""
        return -jnp.expm1(-self._scaled(value))

    def survival(self, value: Number) -> Scalar:
        """exp(-x/mean)."""
        return jnp.exp(-self._scaled(value))

    def quantile(self, probability: Number) -> Scalar:
        """-mean ln(1 - u)."""
        return -self.mean * jnp.log1p(-jnp.asarray(probability, dtype=float))
