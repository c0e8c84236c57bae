"""What every model is: a function from named parameter values to a prediction."""

import abc
import dataclasses
from typing import Generic, Literal, TypeVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Values
from wilks.parameters.space import ParameterSpace

Prediction = TypeVar("Prediction")


class AbstractPredictor(eqx.Module, Generic[Prediction]):
    """From parameter values to a prediction, for one point; the engine batches and differentiates it.

    To write one: hold the parameters in ``space`` and arrays as fields, and compute with ``jax.numpy``.
    """

    space: eqx.AbstractVar[ParameterSpace]

    @abc.abstractmethod
    def __call__(self, values: Values) -> Prediction:
        """Prediction at the named values."""


class TemplateParts(eqx.Module):
    """Expected counts split by how well simulation knows them.

    Args:
        exact: part without statistical error of the simulation, per bin.
        simulated: part with it, per bin.
        variance: variance of ``simulated`` from the finite simulation at the current norms, per bin.
    """

    exact: Float[Array, " bins"]
    simulated: Float[Array, " bins"]
    variance: Float[Array, " bins"]


@dataclasses.dataclass(frozen=True)
class Auxiliary:
    """An auxiliary measurement of one parameter: its observed value is data, and toys fluctuate it.

    Args:
        parameter: name of the parameter that is measured.
        kind: ``"gaussian"``: observed ~ Normal(theta, width); ``"poisson"``: observed ~ Poisson(theta * width),
            with ``width`` the expected auxiliary count tau at theta = 1 (tau may be real-valued).
        width: standard deviation, or tau.
        observed: the measured value (Gaussian) or count (Poisson).
    """

    parameter: str
    kind: Literal["gaussian", "poisson"]
    width: float
    observed: float


class AbstractTemplatePredictor(AbstractPredictor[Float[Array, " bins"]]):
    """A predictor of expected counts that knows the finite statistics of its simulation."""

    bin_names: eqx.AbstractVar[tuple[tuple[str, int], ...]]
    """Channels in order, each with its number of bins."""

    auxiliary: eqx.AbstractVar[tuple[Auxiliary, ...]]
    """Auxiliary measurements that constrain its parameters."""

    @abc.abstractmethod
    def parts(self, values: Values) -> TemplateParts:
        """Expected counts split into exact and simulated parts."""

    @abc.abstractmethod
    def relative_error(self) -> Float[Array, " bins"]:
        """Relative statistical error of the simulated part at the nominal parameters."""


class SourceParts(eqx.Module):
    """Expected counts with each simulated source apart.

    Args:
        exact: part without statistical error of the simulation, per bin.
        simulated: part of each source with it, per bin.
    """

    exact: Float[Array, " bins"]
    simulated: Float[Array, "sources bins"]


class AbstractSourcePredictor(AbstractTemplatePredictor):
    """A predictor of expected counts that tells its simulated sources apart."""

    @abc.abstractmethod
    def sources(self, values: Values) -> SourceParts:
        """Expected counts with each simulated source apart."""

    @abc.abstractmethod
    def simulated_events(self) -> Float[np.ndarray, "sources bins"]:
        """Effective number of simulated events sumw^2/sumw2; 0 where a source is exact or empty."""


class AbstractLinearisedPredictor(AbstractTemplatePredictor):
    """A predictor of expected counts that knows its derivatives better than general differentiation finds them."""

    @abc.abstractmethod
    def linearised(self, values: Values) -> tuple[Float[Array, " bins"], Float[Array, "parameters bins"]]:
        """Expected counts and their exact derivatives, one row per parameter in the order of ``space``."""

    @abc.abstractmethod
    def bent(self, values: Values, weights: Float[Array, " bins"]) -> Float[Array, "parameters parameters"]:
        """Second derivatives of the sum of expected counts, each times a weight that stays as it is."""
