"""The roles of statistical models: judging data, making data, and the forms that make fits fast."""

import abc
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float
from jaxtyping import Key as Keys

from wilks._base.typing import Key, LogProb, Scalar, Values
from wilks.parameters.space import ParameterSpace

Data = TypeVar("Data")


class AbstractLikelihood(eqx.Module, Generic[Data]):
    """Can judge data: the logarithm of the probability of any data of the right shape.

    To write one: hold the parameters in ``space``, and return the full normalised log density from ``log_prob``
    (priors are not in it). That is enough for every procedure; likelihoods of counts and residuals should be
    written as `AbstractCellLikelihood`, which lets a fit use Fisher curvature.
    """

    space: eqx.AbstractVar[ParameterSpace]

    @abc.abstractmethod
    def log_prob(self, values: Values, data: Data) -> LogProb:
        """Full normalised log density of the data at the named values; -inf where it is zero."""


class AbstractSimulator(eqx.Module, Generic[Data]):
    """Can make data: one pseudo-experiment per key."""

    space: eqx.AbstractVar[ParameterSpace]

    @abc.abstractmethod
    def simulate(self, key: Key, values: Values) -> Data:
        """One set of data drawn at the named values, auxiliary measurements included."""

    @abc.abstractmethod
    def expected(self, values: Values) -> Data:
        """Data equal to their expectation at the named values (Asimov data), auxiliary measurements included."""


class AbstractHostSimulator(AbstractSimulator[Data]):
    """Makes data outside compiled code, many sets in one call: lists of events, which differ in length."""

    @abc.abstractmethod
    def simulate_many(self, keys: Keys[Array, " sets"], values: Values) -> Data:
        """One set per key, brought to one shape and stacked along a first axis; a set depends on its own key alone."""

    @abc.abstractmethod
    def size(self, values: Values) -> int:
        """Numbers that one set holds on average, by which studies plan their memory."""


class AbstractNamedTerms(AbstractLikelihood[Data]):
    """A likelihood whose -2 ln L is a sum of named terms, one per observable for example, which fits report."""

    @abc.abstractmethod
    def contributions(self, values: Values, data: Data) -> Mapping[str, Scalar]:
        """Share of each term in -2 ln L, above the saturated model where there is one, in print order."""


class AbstractFlaggedLikelihood(AbstractLikelihood[Data]):
    """A likelihood that knows when a careful reader must be warned of its value at a point."""

    @abc.abstractmethod
    def flags_at(self, values: Values, data: Data) -> dict[str, str]:
        """Flag -> sentence, for the result of a fit that ended at the named values."""


class Cells(eqx.Module):
    """A likelihood judged cell by cell (a bin, a residual, a constraint), with derivatives in the cell's means.

    With y the means of one cell (one or two numbers), the excess is E(y) = -ln L + ln L(saturated) >= 0.

    Args:
        excess: E per cell.
        slope: dE/dy.
        expected: expectation of the second derivative over data (Fisher form, positive semidefinite).
        observed: second derivative at the data.
        inside: whether the means are in the physical domain; outside it ``excess`` is a convex continuation
            that leads a solver back, and the log density is -inf.
    """

    excess: Float[Array, " cells"]
    slope: Float[Array, "terms cells"]
    expected: Float[Array, "terms terms cells"]
    observed: Float[Array, "terms terms cells"]
    inside: Bool[Array, " cells"]


class AbstractCellLikelihood(AbstractLikelihood[Data]):
    """A likelihood whose parameters act only through a few means per cell.

    The solver takes the means and their Jacobian from ``mean`` once per iteration and forms
    f = sum E, g = J^T slope and H = J^T curvature J.
    """

    @abc.abstractmethod
    def mean(self, values: Values) -> Float[Array, "terms cells"]:
        """Means of all cells at the named values."""

    @abc.abstractmethod
    def judge(self, mean: Float[Array, "terms cells"], data: Data) -> Cells:
        """Excess and derivatives per cell."""

    @abc.abstractmethod
    def saturated(self, data: Data) -> LogProb:
        """Log density of the saturated model, which depends on the data alone."""

    @abc.abstractmethod
    def prepare(self, data: Any) -> Data:
        """Check data as a user hands them over and bring them into the form that ``judge`` takes.

        Raises:
            InvalidData: naming place, value, expectation and remedy.
        """

    def excess(self, values: Values, data: Data) -> Float[Array, ""]:
        """-ln L above the saturated model; infinite outside the physical domain."""
        cells = self.judge(self.mean(values), data)
        return jnp.where(jnp.all(cells.inside), jnp.sum(cells.excess), jnp.inf)

    def log_prob(self, values: Values, data: Data) -> LogProb:
        """Full normalised log density of the data at the named values; -inf where it is zero."""
        return self.saturated(data) - self.excess(values, data)
