"""Predictors: from parameters to expected counts of every variation; the user's own, fixed ones, chains, matrices."""

import abc
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel, InvalidParameter, MissingRole, check_option
from wilks.model.ensemble_algebra import compose, fix, limits_of
from wilks.model.ensembles import AbstractEnsemble, LinearEnsemble

from .ensembles import UserEnsemble, stored

ALL = slice(None)
_STEP = 6e-6  # relative step of central differences
COMBINATIONS: Mapping[str, str] = {"cartesian": "product", "same": "paired"}
"""ReMU's names of the ways to combine variations, and the engine's."""

Prediction: TypeAlias = tuple[np.ndarray, np.ndarray]
"""Expected counts of shape (..., variations, outputs), and weights of shape (..., variations)."""


class AbstractPredictor(abc.ABC):
    """From sets of parameters to predictions of every systematic variation. Users write their own by subclassing it.

    ``prediction(parameters, systematics_index)`` takes parameters of shape (..., n) and returns predictions of shape
    (..., variations, outputs) with weights of shape (..., variations), or those of one variation.

    Args:
        bounds: lower and upper bound of each parameter, infinite where there is none.
        defaults: sensible values, where fits start.
    """

    def __init__(self, bounds: Any, defaults: Any) -> None:
        self.bounds: Float[np.ndarray, "parameters 2"] = np.array(bounds, dtype=float).reshape(-1, 2)
        self.defaults: Float[np.ndarray, " parameters"] = np.array(defaults, dtype=float)
        if len(self.bounds) != len(self.defaults):
            raise InvalidParameter(
                f"{len(self.bounds)} bounds and {len(self.defaults)} defaults; give one per parameter"
            )

    @abc.abstractmethod
    def prediction(self, parameters: Any, systematics_index: Any = ALL) -> Prediction:
        """Predictions and weights of the variations.

        Args:
            parameters: one vector, or an array of vectors.
            systematics_index: number of one variation, or a slice.
        """

    def __call__(self, parameters: Any, systematics_index: Any = ALL) -> Prediction:
        """The same as `prediction`."""
        return self.prediction(parameters, systematics_index)

    def check_bounds(self, parameters: Any) -> Any:
        """Whether all parameters of each vector lie within their bounds."""
        given = np.asarray(parameters, dtype=float)
        return np.all((given >= self.bounds[:, 0]) & (given <= self.bounds[:, 1]), axis=-1)

    def fix_parameters(self, fix_values: Sequence[float | None]) -> "AbstractPredictor":
        """The predictor of the remaining parameters.

        Args:
            fix_values: one per parameter; None or NaN leaves it free.
        """
        if isinstance(self, AbstractMatrixPredictor):
            return FixedParameterMatrixPredictor(self, fix_values)
        return FixedParameterPredictor(self, fix_values)

    def compose(self, other: "AbstractPredictor") -> "AbstractPredictor":
        """The predictor self(other(parameters)), every variation of one with every variation of the other."""
        if isinstance(self, AbstractMatrixPredictor) and isinstance(other, AbstractMatrixPredictor):
            return ComposedMatrixPredictor([self, other])
        return ComposedPredictor([self, other])


Predictor = AbstractPredictor
"""ReMU's name of the base class."""


class AbstractEnsemblePredictor(AbstractPredictor):
    """A predictor on an ensemble of the engine.

    Args:
        ensemble: predictions of all variations.
        bounds: as for every predictor.
        defaults: as for every predictor.
    """

    def __init__(self, ensemble: AbstractEnsemble, bounds: Any, defaults: Any) -> None:
        AbstractPredictor.__init__(self, bounds, defaults)
        self.ensemble = ensemble
        self._predict = functools.partial(type(ensemble).predict, ensemble)  # bound methods of modules cost 50 us each

    @property
    @abc.abstractmethod
    def kind(self) -> str:
        """What it is, in a word, for messages."""

    def prediction(self, parameters: Any, systematics_index: Any = ALL) -> Prediction:
        """Predictions and weights of the variations; see `AbstractPredictor`."""
        given, size = np.asarray(parameters, dtype=float), len(self.defaults)
        if given.shape[-1:] != (size,):
            raise InvalidParameter(f"parameters of shape {given.shape} for a {self.kind} of {size} parameters")
        shape, variations = given.shape[:-1], len(self.ensemble.weights)
        count = math.prod(shape)
        found = np.moveaxis(np.asarray(self._predict(given.reshape(count, size).T[None])), 2, 0)
        found = np.broadcast_to(found, (count, variations, found.shape[2]))
        weights = np.broadcast_to(self.ensemble.weights, (*shape, variations))
        predicted = found.reshape(*shape, variations, found.shape[2])
        return predicted[..., systematics_index, :], weights[..., systematics_index]


class FixedParameterPredictor(AbstractEnsemblePredictor):
    """Another predictor with some of its parameters fixed.

    Args:
        predictor: the predictor of all parameters.
        fix_values: one per parameter; None or NaN leaves it free.
    """

    def __init__(self, predictor: AbstractPredictor, fix_values: Sequence[float | None]) -> None:
        self.predictor, self.fix_values = predictor, fixed_values(fix_values, len(predictor.defaults))
        AbstractEnsemblePredictor.__init__(self, *_fixed(predictor, self.fix_values))

    @property
    def kind(self) -> str:
        """Its kind."""
        return "predictor with fixed parameters"

    def insert_fixed_parameters(self, parameters: Any) -> Float[np.ndarray, "..."]:
        """All parameters, from the free ones."""
        return inserted(parameters, self.fix_values)


class ComposedPredictor(AbstractEnsemblePredictor):
    """Predictors one after the other: the last one takes the parameters, the first one makes the prediction.

    Args:
        predictors: the outermost first.
        combine_systematics: ``"cartesian"`` for every variation with every other, the outermost slowest; ``"same"``
            for variation s with variation s.
    """

    def __init__(self, predictors: Sequence[AbstractPredictor], combine_systematics: str = "cartesian") -> None:
        self.predictors, self.combine_systematics = list(predictors), combine_systematics
        inner = self.predictors[-1]
        AbstractEnsemblePredictor.__init__(
            self, chain(self.predictors, combine_systematics), inner.bounds, inner.defaults
        )

    @property
    def kind(self) -> str:
        """Its kind."""
        return "chain"


class AbstractMatrixPredictor(AbstractEnsemblePredictor):
    """A predictor with stored matrices."""

    @property
    def linear(self) -> LinearEnsemble:
        """The ensemble, whose matrices are stored."""
        assert isinstance(self.ensemble, LinearEnsemble)
        return self.ensemble

    @property
    def matrices(self) -> Float[np.ndarray, "variations outputs used"]:
        """Matrices of the parameters that matter."""
        return self.linear.matrices

    @property
    def constants(self) -> Float[np.ndarray, "some outputs"]:
        """Added to the product."""
        return self.linear.constants

    @property
    def weights(self) -> Float[np.ndarray, " variations"]:
        """Weights of the variations."""
        return self.linear.weights

    @property
    def sparse_indices(self) -> Any:
        """Parameters that the columns of the matrices belong to."""
        return self.linear.columns


class ComposedMatrixPredictor(AbstractMatrixPredictor):
    """A chain of predictors as one matrix per variation.

    Linear chains are multiplied exactly; others are replaced by their tangent.

    Args:
        predictors: the outermost first.
        evaluation_point: where the tangent touches; the defaults by default.
        evaluation_steps: steps of the differences; tiny ones to both sides by default.
        combine_systematics: as for `ComposedPredictor`.
    """

    def __init__(
        self,
        predictors: Sequence[AbstractPredictor],
        evaluation_point: Any = None,
        evaluation_steps: Any = None,
        combine_systematics: str = "cartesian",
    ) -> None:
        self.predictors, self.combine_systematics = list(predictors), combine_systematics
        inner, whole = self.predictors[-1], chain(self.predictors, combine_systematics)
        if whole.linear:
            matrix = stored(whole, limits_of(whole))
        else:
            point = inner.defaults if evaluation_point is None else np.asarray(evaluation_point, dtype=float)
            matrix = _tangent(whole, point, evaluation_steps)
        AbstractEnsemblePredictor.__init__(self, matrix, inner.bounds, inner.defaults)

    @property
    def kind(self) -> str:
        """Its kind."""
        return "chain"


class FixedParameterMatrixPredictor(AbstractMatrixPredictor):
    """A matrix with some of its parameters fixed.

    Args:
        predictor: the predictor of all parameters.
        fix_values: one per parameter; None or NaN leaves it free.
    """

    def __init__(self, predictor: AbstractMatrixPredictor, fix_values: Sequence[float | None]) -> None:
        self.predictor, self.fix_values = predictor, fixed_values(fix_values, len(predictor.defaults))
        AbstractEnsemblePredictor.__init__(self, *_fixed(predictor, self.fix_values))

    @property
    def kind(self) -> str:
        """Its kind."""
        return "matrix with fixed parameters"

    def insert_fixed_parameters(self, parameters: Any) -> Float[np.ndarray, "..."]:
        """All parameters, from the free ones."""
        return inserted(parameters, self.fix_values)


ComposedPredictor.register(ComposedMatrixPredictor)
FixedParameterPredictor.register(FixedParameterMatrixPredictor)


def LinearizedPredictor(
    predictor: AbstractPredictor, evaluation_point: Any = None, evaluation_steps: Any = None
) -> ComposedMatrixPredictor:
    """One predictor as a matrix per variation; see `ComposedMatrixPredictor`."""
    return ComposedMatrixPredictor([predictor], evaluation_point, evaluation_steps)


def ensemble_of(predictor: Any) -> AbstractEnsemble:
    """The engine's form of any predictor.

    Raises:
        MissingRole: if it is none.
    """
    if isinstance(predictor, AbstractEnsemblePredictor):
        return predictor.ensemble
    if not isinstance(predictor, AbstractPredictor):
        raise MissingRole(f"{type(predictor).__name__} is no predictor; subclass Predictor and give it a prediction")
    return UserEnsemble(predictor.prediction, predictor.bounds, predictor.defaults)


def chain(predictors: Sequence[AbstractPredictor], combine_systematics: str) -> AbstractEnsemble:
    """The chain of predictors, the outermost first."""
    check_option("combination of systematics", combine_systematics, COMBINATIONS)
    if not predictors:
        raise InvalidModel("no predictors given; give at least one")
    whole = ensemble_of(predictors[-1])
    for outer in reversed(predictors[:-1]):
        whole = compose(ensemble_of(outer), whole, systematics=COMBINATIONS[combine_systematics])
    return whole


def fixed_values(fix_values: Sequence[float | None], size: int) -> Float[np.ndarray, " parameters"]:
    """Values of all parameters, NaN for free ones.

    Raises:
        InvalidParameter: if there is not one per parameter.
    """
    values = np.array([np.nan if value is None else value for value in fix_values], dtype=float)
    if values.shape != (size,):
        raise InvalidParameter(f"{len(values)} fixed values for {size} parameters; give one each, None for free ones")
    return values


def inserted(parameters: Any, fix_values: Float[np.ndarray, " parameters"]) -> Float[np.ndarray, "..."]:
    """Full vectors, from vectors of the free parameters."""
    given = np.asarray(parameters, dtype=float)
    full = np.broadcast_to(fix_values, (*given.shape[:-1], len(fix_values))).copy()
    full[..., np.isnan(fix_values)] = given
    return full


def _fixed(predictor: AbstractPredictor, values: np.ndarray) -> tuple[AbstractEnsemble, np.ndarray, np.ndarray]:
    """Ensemble, bounds and defaults of the free parameters."""
    whole, free = ensemble_of(predictor), np.isnan(values)
    named = {name: float(value) for name, value in zip(whole.space.names, values, strict=True) if not np.isnan(value)}
    return fix(whole, **named), predictor.bounds[free], predictor.defaults[free]


def _tangent(ensemble: AbstractEnsemble, point: np.ndarray, steps: Any) -> LinearEnsemble:
    size = len(point)
    step = _STEP * np.maximum(np.abs(point), 1.0) if steps is None else np.asarray(steps, dtype=float)
    low = point - step if steps is None else point
    low, high = np.maximum(low, ensemble.space.lowers), point + step
    high = np.where(high > ensemble.space.uppers, point if steps is None else point - step, high)
    ends = [np.where(np.eye(size, dtype=bool), end[:, None], point[:, None]) for end in (low, high)]
    found = np.asarray(ensemble.predict(np.concatenate([*ends, point[:, None]], axis=1)[None]))
    slopes = (found[..., size : 2 * size] - found[..., :size]) / (high - low)
    constants = found[..., -1] - slopes @ point
    return LinearEnsemble(ensemble.space, slopes, constants=constants, weights=ensemble.weights)
