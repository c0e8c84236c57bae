"""Beliefs before the data: one-dimensional densities with their sampling, quantiles and mass between bounds."""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from wilks._base.typing import LogProb


class AbstractPrior(eqx.Module):
    """A one-dimensional probability density of a parameter."""

    @abc.abstractmethod
    def log_prob(self, value: Float[Array, ""] | float) -> LogProb:
        """Natural logarithm of the normalised density at a value."""

    @abc.abstractmethod
    def cdf(self, value: Float[Array, ""] | float) -> Float[Array, ""]:
        """Probability below a value."""

    @abc.abstractmethod
    def quantile(self, probability: Float[Array, ""] | float) -> Float[Array, ""]:
        """Value below which the given probability lies."""
