"""What a likelihood of counts asks of a treatment of finite simulation: means, judgement, draws."""

import abc

import equinox as eqx
from jaxtyping import Array, Float

from wilks._base.typing import LogProb, Values
from wilks.model.predictor import AbstractTemplatePredictor

from .interface import Cells

Bins = Float[Array, " cells"]
Terms = Float[Array, "terms cells"]


class AbstractTemplateStatistics(eqx.Module):
    """How the finite simulation enters a fit.

    A treatment reads a few means per bin from the predictor (``terms``) and judges counts by them. It may have
    auxiliary data u, one per *scale* of simulated content: 1 in data, fluctuated in toys.
    """

    model: eqx.AbstractVar[str]
    """Name of the treatment."""

    errors: eqx.AbstractVar[str]
    """``"nominal"`` or ``"scaled"``: whether the error of the simulation follows the norms."""

    @property
    @abc.abstractmethod
    def scales(self) -> int:
        """Number of scales, which is that of auxiliary data."""

    @abc.abstractmethod
    def terms(self, predictor: AbstractTemplatePredictor, values: Values) -> Terms:
        """Means per bin that ``judge`` takes."""

    @abc.abstractmethod
    def judge(self, terms: Terms, n: Bins, u: Float[Array, " scales"]) -> Cells:
        """Excess above the saturated model, with its derivatives in the terms."""

    @abc.abstractmethod
    def scale(self, terms: Terms, n: Bins, u: Float[Array, " scales"]) -> Float[Array, " scales"]:
        """Best scales of simulated content for the counts."""

    @abc.abstractmethod
    def mean(self, terms: Terms, scale: Float[Array, " scales"]) -> Bins:
        """Expected counts at given scales."""

    @abc.abstractmethod
    def draw(
        self, uniform: Float[Array, " scales"], terms: Terms, scale: Float[Array, " scales"]
    ) -> Float[Array, " scales"]:
        """Auxiliary data at given scales, each the image of one uniform number."""

    @abc.abstractmethod
    def saturated(self, u: Float[Array, " scales"]) -> LogProb:
        """Log density of the auxiliary data at its own maximum."""
