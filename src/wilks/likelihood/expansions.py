"""The role of a likelihood that knows its own derivatives: value, gradient and curvature in one evaluation."""

import abc
from typing import Any

import equinox as eqx
from jaxtyping import Array, Float

from wilks._base.typing import LogProb, Scalar, Theta

from .interface import AbstractLikelihood, Data


class Expanded(eqx.Module):
    """The excess around one point.

    Args:
        value: -ln L above the saturated model.
        gradient: its first derivatives.
        curvature: its second derivatives, or what stands for them.
    """

    value: Scalar
    gradient: Float[Array, " parameters"]
    curvature: Float[Array, "parameters parameters"]


class AbstractExpandedLikelihood(AbstractLikelihood[Data]):
    """A likelihood that gives value, gradient and curvature of its excess in closed form."""

    exact: eqx.AbstractVar[bool]
    """Whether it knows its exact Hessian; otherwise that is taken by differentiation of the excess."""

    @abc.abstractmethod
    def expand(self, theta: Theta, data: Data, *, exact: bool = False) -> Expanded:
        """The excess with its derivatives; continued outside the physical domain as solvers need it.

        Args:
            theta: parameters.
            data: prepared data.
            exact: the Hessian, which errors need; else what suits solvers may stand for it, e.g. a positive part.
        """

    @abc.abstractmethod
    def excess(self, theta: Theta, data: Data) -> Scalar:
        """-ln L above the saturated model; continued outside the physical domain."""

    @abc.abstractmethod
    def saturated(self, data: Data) -> LogProb:
        """Log density of the saturated model, which depends on the data alone."""

    @abc.abstractmethod
    def prepare(self, data: Any) -> Data:
        """Check data as a user hands them over and bring them into arrays.

        Raises:
            InvalidData: naming place, value, expectation and remedy.
        """
