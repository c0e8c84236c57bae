"""A posterior at certain data, for procedures that hand it the same data in another form."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from wilks._base.typing import Key
from wilks.inference.sbi.posterior_interface import AbstractPosterior
from wilks.inference.sbi.proposals import random_key
from wilks.parameters.space import ParameterSpace
from wilks.results.samples import Samples


class PosteriorAtData(AbstractPosterior):
    """q(theta | x_o), whatever data are named in a call: so that a joint likelihood weights a product of posteriors.

    Args:
        space: parameters of the posterior.
        posterior: for data in its own form.
        data: x_o in that form.
    """

    space: ParameterSpace
    posterior: Any
    data: Any

    def sample(self, key: Key | int, data: Any, n: int, *, density: bool = False) -> Samples:
        """Draws at its own data.

        Args:
            key: random key or seed.
            data: not looked at.
            n: number of draws.
            density: they come as the posterior gives them.
        """
        return self.posterior.sample(random_key(key), self.data, n)

    def log_prob(self, values: Mapping[str, Any], data: Any) -> Float[Array, "*points"]:
        """Density at its own data."""
        return jnp.asarray(self.posterior.log_prob(values, self.data))


def at_data(posterior: Any, data: Any) -> PosteriorAtData:
    """A posterior with its data fixed.

    Args:
        posterior: with draws and a density.
        data: observed data in the form that it takes.
    """
    return PosteriorAtData(posterior.space, posterior, data)
