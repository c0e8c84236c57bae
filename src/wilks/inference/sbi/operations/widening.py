"""A truncated posterior as one over the whole prior, so that it is weighted and joined with posteriors of others."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidParameter
from wilks._base.typing import Key
from wilks.inference.sbi.posterior_interface import AbstractPosterior
from wilks.inference.sbi.proposals import random_key
from wilks.parameters.space import ParameterSpace
from wilks.results.samples import Samples


class WidenedPosterior(AbstractPosterior):
    """The same law with the bounds of the whole prior; its density is zero where the rounds have cut.

    Args:
        space: parameters before truncation.
        posterior: the truncated posterior.
    """

    space: ParameterSpace
    posterior: Any

    def __check_init__(self) -> None:
        if self.space.names != self.posterior.space.names:
            raise InvalidParameter(
                f"the posterior has the parameters {', '.join(self.posterior.space.names)}, the wider space "
                f"{', '.join(self.space.names)}; give the space that it was trained with"
            )

    def sample(self, key: Key | int, data: Any, n: int, *, density: bool = False) -> Samples:
        """Draws of the truncated posterior, with their density where it is asked for.

        Args:
            key: random key or seed.
            data: observed data.
            n: number of draws.
            density: also compute the density of each.
        """
        samples = self.posterior.sample(random_key(key), data, n)
        if density:
            values = {name: samples.values(name) for name in self.space.names}
            log_prob = np.asarray(self.log_prob(values, data), dtype=float)
            samples = dataclasses.replace(samples, log_prob=log_prob.reshape(samples.log_prob.shape))
        return dataclasses.replace(samples, lower=self.space.lowers, upper=self.space.uppers)

    def log_prob(self, values: Mapping[str, Any], data: Any) -> Float[Array, "*points"]:
        """Its density; -inf outside of where it was confined to."""
        return jnp.asarray(self.posterior.log_prob(values, data))
