"""What every neural posterior is, and what a region is to which it may be confined."""

import abc
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks._base.typing import Key
from wilks.parameters.space import ParameterSpace
from wilks.results.samples import Samples


class AbstractPosterior(eqx.Module):
    """A posterior for any data: draws, and their normalised density.

    Data and key are arguments of every call; nothing is remembered between calls but what a call would compute again.
    """

    space: eqx.AbstractVar[ParameterSpace]

    @abc.abstractmethod
    def sample(self, key: Key | int, data: Any, n: int, *, density: bool = False) -> Samples:
        """Independent draws.

        Args:
            key: random key, or a whole number; equal keys give equal draws.
            data: observed data in the form that the simulator gives.
            n: number of draws; more draws begin with the fewer ones.
            density: also compute the log density of each where it is not free.
        """

    @abc.abstractmethod
    def log_prob(self, values: Mapping[str, Any], data: Any) -> Float[Array, "*points"]:
        """Log density per declared unit of the free parameters, normalised over the support; -inf outside.

        Args:
            values: numbers, or arrays of one length, by name; held parameters may be left out.
            data: observed data in the form that the simulator gives.
        """


class AbstractRegion(eqx.Module):
    """A part of the prior's support, of which it is known whether it holds a point."""

    @abc.abstractmethod
    def contains(self, theta: Float[np.ndarray, "points parameters"]) -> Bool[np.ndarray, " points"]:
        """Which points lie inside."""
