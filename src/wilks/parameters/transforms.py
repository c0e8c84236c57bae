"""Maps from the whole real line to the room between bounds, for samplers only: no such map ever reaches a bound."""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp

from wilks._base.errors import InvalidParameter
from wilks._base.typing import LogProb, Scalar


class AbstractTransform(eqx.Module):
    """A smooth one-to-one map from an unbounded coordinate y to a parameter theta."""

    @abc.abstractmethod
    def bounded(self, y: Scalar) -> Scalar:
        """The parameter at a coordinate."""

    @abc.abstractmethod
    def unbounded(self, theta: Scalar) -> Scalar:
        """The coordinate of a parameter strictly inside its bounds."""

    @abc.abstractmethod
    def log_jacobian(self, y: Scalar) -> LogProb:
        """ln |d theta / d y|, to be added to a log density of theta to make one of y."""


class Identity(AbstractTransform):
    """No bounds: theta = y."""

    def bounded(self, y: Scalar) -> Scalar:
        """Y itself."""
        return y

    def unbounded(self, theta: Scalar) -> Scalar:
        """Theta itself."""
        return theta

    def log_jacobian(self, y: Scalar) -> LogProb:
        """Zero."""
        return jnp.zeros_like(y)


class AboveLower(AbstractTransform):
    """Lower bound only: theta = lower + e^y."""

    lower: float = eqx.field(static=True, converter=float)

    def bounded(self, y: Scalar) -> Scalar:
        """Lower + e^y."""
        return self.lower + jnp.exp(y)

    def unbounded(self, theta: Scalar) -> Scalar:
        """ln(theta - lower)."""
        return jnp.log(theta - self.lower)

    def log_jacobian(self, y: Scalar) -> LogProb:
        """Y itself."""
        return y


class BelowUpper(AbstractTransform):
    """Upper bound only: theta = upper - e^y."""

    upper: float = eqx.field(static=True, converter=float)

    def bounded(self, y: Scalar) -> Scalar:
        """Upper - e^y."""
        return self.upper - jnp.exp(y)

    def unbounded(self, theta: Scalar) -> Scalar:
        """ln(upper - theta)."""
        return jnp.log(self.upper - theta)

    def log_jacobian(self, y: Scalar) -> LogProb:
        """Y itself."""
        return y


class Between(AbstractTransform):
    """Two bounds: theta = lower + (upper - lower) s(y) with the logistic function s."""

    lower: float = eqx.field(static=True, converter=float)
    upper: float = eqx.field(static=True, converter=float)

    def bounded(self, y: Scalar) -> Scalar:
        """Lower + (upper - lower) s(y)."""
        return self.lower + (self.upper - self.lower) * jax.nn.sigmoid(y)

    def unbounded(self, theta: Scalar) -> Scalar:
        """ln((theta - lower)/(upper - theta))."""
        return jnp.log(theta - self.lower) - jnp.log(self.upper - theta)

    def log_jacobian(self, y: Scalar) -> LogProb:
        """ln(upper - lower) + ln s(y) + ln(1 - s(y))."""
        return math.log(self.upper - self.lower) + jax.nn.log_sigmoid(y) + jax.nn.log_sigmoid(-y)


def transform_between(lower: float, upper: float) -> AbstractTransform:
    """The transform for a pair of closed bounds, either of which may be infinite.

    Raises:
        InvalidParameter: if the bounds leave no room, as those of a fixed parameter.
    """
    if not lower < upper:
        raise InvalidParameter(f"bounds [{lower}, {upper}] leave no room for a transform; fixed parameters need none")
    if math.isfinite(lower) and math.isfinite(upper):
        return Between(lower, upper)
    if math.isfinite(lower):
        return AboveLower(lower)
    return BelowUpper(upper) if math.isfinite(upper) else Identity()
