"""The role of a likelihood that judges lists of events."""

import abc
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from wilks._base.typing import Values

from .expansions import AbstractExpandedLikelihood
from .interface import Data


class AbstractEventLikelihood(AbstractExpandedLikelihood[Data]):
    """A likelihood of lists of events, each event with a density of its own.

    There is no saturated model: its excess is -ln L itself. The curvature of its ``expand`` is the sum of products of
    the events' scores, positive semidefinite and for large samples the Hessian. Sets of different length are padded to
    one shape by ``stack``.
    """

    @abc.abstractmethod
    def stack(self, datasets: Sequence[Any]) -> Data:
        """Several sets of data, each as ``prepare`` takes it, in one shape along a first axis."""

    @abc.abstractmethod
    def count_starts(
        self, data: Data, theta: Float[np.ndarray, " parameters"], free: Bool[np.ndarray, " parameters"]
    ) -> Float[np.ndarray, "*lanes parameters"]:
        """A start vector, for each lane of the data, with the free rates where the number of events wants them."""

    @abc.abstractmethod
    def unexplained(
        self, values: Values, data: Data, threshold: float | int = 0.0
    ) -> dict[str, Int[np.ndarray, " events"]]:
        """Positions of the events to which no source gives a rate, or one of at most a threshold, by data set."""
