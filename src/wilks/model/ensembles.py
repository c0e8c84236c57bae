"""Predictions under weighted systematic variations: what is predicted, once per variation.

An ensemble maps a vector of parameters to S vectors, one per variation of the detector, the flux or the simulation.
Its only method takes many points at once, each possibly another one per variation, so that ensembles can be chained
without ever forming the matrix of the chain.
"""

import abc
import functools
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base.errors import InvalidModel
from wilks._base.tracing import ADVICE, UNTRACEABLE
from wilks._base.typing import Theta, Values
from wilks.parameters.space import ParameterSpace

from .ensemble_labels import NO_LABELS, EnsembleLabels
from .predictor import AbstractPredictor

Points = Float[Array | np.ndarray, "each inputs points"]
"""Parameter vectors; the first axis has one entry per variation, or a single one for all."""

Predicted = Float[Array | np.ndarray, "variations outputs points"]
"""Predictions of every variation at every point."""


class AbstractEnsemble(AbstractPredictor[Float[Array, "variations outputs"]]):
    """A prediction per weighted systematic variation.

    To write one: give the parameters in ``space``, one weight per variation in ``weights``, the length of a prediction
    in ``outputs``, whether predictions are linear (affine) in the parameters, and ``predict``.
    """

    space: eqx.AbstractVar[ParameterSpace]
    weights: eqx.AbstractVar[Float[np.ndarray, " variations"]]
    outputs: eqx.AbstractVar[int]
    linear: eqx.AbstractVar[bool]

    @abc.abstractmethod
    def predict(self, points: Points) -> Predicted:
        """Predictions at many points; numpy in, numpy out."""

    def __call__(self, values: Values) -> Float[Array, "variations outputs"]:
        """Prediction of every variation at the named values."""
        return self.at(self.space.pack(values))

    def at(self, theta: Theta) -> Float[Array, "variations outputs"]:
        """Prediction of every variation at one parameter vector."""
        predicted = jnp.asarray(self.predict(theta[None, :, None]))[..., 0]
        return jnp.broadcast_to(predicted, (len(self.weights), self.outputs))


def predicted(ensemble: AbstractEnsemble, points: Points) -> Predicted:
    """What an ensemble predicts, without binding its method, which would cost more than a small prediction."""
    return type(ensemble).predict(ensemble, points)


class Limit(eqx.Module):
    """Where a chain is supported: what an inner ensemble predicts must stay inside the bounds of an outer one.

    A response matrix, for example, is bounded by the statistics of its simulation.

    Args:
        inner: from the chain's parameters to the bounded numbers.
        bounded: the bounded numbers.
    """

    inner: AbstractEnsemble
    bounded: ParameterSpace

    @functools.cached_property
    def _extremes(self) -> tuple[np.ndarray, ...]:
        """Lowest coefficients and constants of a linear inner ensemble's variations, then the highest ones."""
        kept = (self.inner.matrices, self.inner.constants) if isinstance(self.inner, LinearEnsemble) else ()
        return (*(part.min(axis=0) for part in kept), *(part.max(axis=0) for part in kept))

    def surely_kept(self, theta: Float[np.ndarray, " parameters"]) -> bool:
        """Whether the extremes of all variations together are inside the bounds; a fraction of the cost of `excess`."""
        if not isinstance(self.inner, LinearEnsemble):
            return False
        theta = theta[self.inner.columns]
        up, down = np.maximum(theta, 0.0), np.minimum(theta, 0.0)
        low, least, high, most = self._extremes
        highest, lowest = high @ up + low @ down + most, low @ up + high @ down + least
        return bool((highest <= self.bounded.uppers).all() and (lowest >= self.bounded.lowers).all())

    def excess(self, theta: Theta | Float[np.ndarray, " parameters"]) -> Float[Array | np.ndarray, " bounded"]:
        """How far each number lies outside of its bounds at worst; negative inside."""
        numbers = predicted(self.inner, theta[None, :, None])[..., 0]
        above, below = numbers.max(axis=0) - self.bounded.uppers, self.bounded.lowers - numbers.min(axis=0)
        return np.maximum(above, below) if isinstance(numbers, np.ndarray) else jnp.maximum(above, below)


class LinearEnsemble(AbstractEnsemble):
    """mu_s = M_s x + c_s with stored matrices.

    Args:
        space: the parameters x.
        weights: one per variation.
        matrices: M, one per variation or one for all; the columns of the parameters in ``columns`` only.
        constants: c, one per variation or one for all.
        columns: positions of the parameters that matter, all by default; the others have no effect.
        limits: where the matrices are supported, if they come from a chain.
        labels: names and units of the predicted numbers and names of the variations, where they are known.
    """

    space: ParameterSpace
    weights: Float[np.ndarray, " variations"]
    matrices: Float[np.ndarray, "each outputs used"]
    constants: Float[np.ndarray, "some outputs"]
    columns: Int[np.ndarray, " used"]
    limits: tuple[Limit, ...]
    outputs: int = eqx.field(static=True)
    linear: bool = eqx.field(static=True)
    labels: EnsembleLabels = eqx.field(static=True)

    def __init__(
        self,
        space: ParameterSpace,
        matrices: Any,
        *,
        constants: Any = None,
        weights: Any = None,
        columns: Any = None,
        limits: Sequence[Limit] = (),
        labels: EnsembleLabels = NO_LABELS,
    ) -> None:
        matrices = _finite("matrices", matrices)
        matrices = matrices[None] if matrices.ndim == 2 else matrices
        if matrices.ndim != 3 or 0 in matrices.shape[:2]:
            raise InvalidModel(f"matrices of shape {matrices.shape}; expected (variations, outputs, parameters)")
        self.space, self.matrices, self.limits, self.labels = space, matrices, tuple(limits), labels
        self.outputs, self.linear = matrices.shape[1], True
        self.weights = checked_weights(weights, matrices.shape[0])
        self.constants = np.zeros((1, self.outputs)) if constants is None else _rows(constants, self.outputs)
        size, given = len(self.weights), matrices.shape
        if given[0] not in (1, size) or self.constants.shape[0] not in (1, size):
            raise InvalidModel(
                f"{given[0]} matrices, {self.constants.shape[0]} constants and {size} weights; expected as many of each"
            )
        if columns is None and given[2] == len(space):
            self.columns = np.arange(given[2])
            return
        self.columns = np.arange(given[2]) if columns is None else np.asarray(columns, dtype=np.int64)
        if self.columns.shape != (given[2],):
            raise InvalidModel(f"{len(self.columns)} columns for matrices of {given[2]}; expected one each")
        if columns_outside(self.columns, len(space)):
            raise InvalidModel(f"columns {self.columns.tolist()} do not belong to {len(space)} parameters")
        if given[2] == len(space):  # all of them, in the space's order
            order = np.argsort(self.columns)
            self.columns, self.matrices = self.columns[order], matrices[:, :, order]

    def predict(self, points: Points) -> Predicted:
        """M_s x + c_s at every point."""
        used = points if len(self.columns) == len(self.space) else points[:, self.columns]
        if used.shape[0] > 1:
            return self.matrices @ used + self.constants[..., None]
        variations, outputs, size = self.matrices.shape  # one product of two matrices is faster than many small ones
        product = self.matrices.reshape(variations * outputs, size) @ used[0]
        return product.reshape(variations, outputs, used.shape[2]) + self.constants[..., None]


class ResampledEnsemble(AbstractEnsemble):
    """n_si = sum over j of F_sj x_ij: parameters in blocks of equal length, each block weighed by the same numbers.

    Folding a table of cross sections (truth bin, flux bin) with throws of the flux is of this form.

    Args:
        space: x, the block's index slowest.
        weights: one per variation.
        factors: F, one row per variation.
        labels: names of the variations, where they are known.
    """

    space: ParameterSpace
    weights: Float[np.ndarray, " variations"]
    factors: Float[np.ndarray, "variations length"]
    outputs: int = eqx.field(static=True)
    linear: bool = eqx.field(static=True)
    labels: EnsembleLabels = eqx.field(static=True)

    def __init__(
        self, space: ParameterSpace, factors: Any, *, weights: Any = None, labels: EnsembleLabels = NO_LABELS
    ) -> None:
        factors = _finite("factors", factors)
        if factors.ndim != 2 or factors.shape[1] == 0 or len(space) % factors.shape[1]:
            raise InvalidModel(f"{len(space)} parameters cannot be folded with factors of shape {factors.shape}")
        self.space, self.factors, self.labels = space, factors, labels
        self.weights = checked_weights(weights, factors.shape[0])
        self.outputs, self.linear = len(space) // factors.shape[1], True

    def predict(self, points: Points) -> Predicted:
        """Folded blocks at every point."""
        each, _, many = points.shape
        xp: Any = np if isinstance(points, np.ndarray) else jnp
        blocks = points.reshape(each, self.outputs, self.factors.shape[1], many)
        moved = xp.moveaxis(blocks, 2, 1).reshape(each, self.factors.shape[1], self.outputs * many)
        folded = self.factors @ moved[0] if each == 1 else self.factors[:, None, :] @ moved
        return folded.reshape(self.factors.shape[0], self.outputs, many)


class FunctionEnsemble(AbstractEnsemble):
    """One predictor of a vector in the role of an ensemble of a single variation."""

    space: ParameterSpace
    weights: Float[np.ndarray, " variations"]
    predictor: AbstractPredictor
    outputs: int = eqx.field(static=True)
    linear: bool = eqx.field(static=True)

    def __init__(self, predictor: AbstractPredictor) -> None:
        self.space, self.predictor = predictor.space, predictor
        try:
            shape = jax.eval_shape(lambda theta: predictor(predictor.space.unpack(theta)), predictor.space.starts).shape
        except UNTRACEABLE as error:
            raise InvalidModel(f"{type(predictor).__name__} cannot be compiled: {ADVICE}") from error
        if len(shape) != 1:
            raise InvalidModel(f"{type(predictor).__name__} predicts shape {shape}; expected a vector")
        self.weights, self.outputs, self.linear = np.ones(1), shape[0], False

    def predict(self, points: Points) -> Predicted:
        """The predictor at every point."""

        def one(theta: Theta) -> Array:
            return self.predictor(self.space.unpack(theta))

        over_points = jax.vmap(one, in_axes=1, out_axes=1)
        return jax.vmap(over_points)(jnp.asarray(points))


class FixedEnsemble(AbstractEnsemble):
    """An ensemble with some of its parameters at fixed values.

    Args:
        space: the free parameters.
        part: the ensemble of all parameters.
        values: all parameters; the free ones at any value.
        free: positions of the free ones.
    """

    space: ParameterSpace
    part: AbstractEnsemble
    values: Float[np.ndarray, " inputs"]
    free: Int[np.ndarray, " parameters"]
    weights: Float[np.ndarray, " variations"]
    outputs: int = eqx.field(static=True)
    linear: bool = eqx.field(static=True)

    def __init__(self, part: AbstractEnsemble, fixed: dict[str, float]) -> None:
        self.part, self.weights = part, part.weights
        self.values = np.array(part.space.complete(fixed), dtype=float)
        names = [name for name in part.space.names if name not in fixed]
        self.free = np.array(part.space.indices(names), dtype=np.int64)
        self.space = part.space.fix(fixed).part(names)
        self.outputs, self.linear = part.outputs, part.linear

    def predict(self, points: Points) -> Predicted:
        """The whole ensemble with the fixed parameters put in."""
        shape = (points.shape[0], len(self.values), points.shape[2])
        if isinstance(points, np.ndarray):
            full = np.broadcast_to(self.values[None, :, None], shape).copy()
            full[:, self.free] = points
            return predicted(self.part, full)
        return predicted(self.part, jnp.broadcast_to(self.values[None, :, None], shape).at[:, self.free].set(points))


def checked_weights(weights: Any, size: int) -> Float[np.ndarray, " variations"]:
    """Weights of variations, uniform by default.

    Raises:
        InvalidModel: if their number differs, or one is negative or not finite, or all are zero.
    """
    if weights is None:
        return np.ones(size)
    array = _finite("weights", weights)
    if array.ndim != 1 or len(array) == 0 or (size > 1 and len(array) != size):
        raise InvalidModel(f"weights of shape {array.shape} for {size} variations")
    if (array < 0).any() or not array.sum() > 0:
        raise InvalidModel(f"weights of variations must not be negative, nor all zero: {array.tolist()[:5]} ...")
    return array


def columns_outside(columns: Int[np.ndarray, " used"], size: int) -> bool:
    """Whether positions repeat or lie outside of a number of parameters."""
    return len(np.unique(columns)) != len(columns) or bool(((columns < 0) | (columns >= size)).any())


def _finite(what: str, given: Any) -> np.ndarray:
    array = np.asarray(given, dtype=float)
    if not np.isfinite(array).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise InvalidModel(f"{what}: the value {array[where]} at {where} is not finite")
    return array


def _rows(constants: Any, outputs: int) -> np.ndarray:
    array = np.atleast_2d(_finite("constants", constants))
    if array.ndim != 2 or array.shape[1] not in (1, outputs):
        raise InvalidModel(f"constants of shape {np.shape(constants)}; expected (variations, {outputs})")
    return array.copy() if array.shape[1] == outputs else np.repeat(array, outputs, axis=1)


def as_ensemble(predictor: AbstractPredictor) -> AbstractEnsemble:
    """The predictor itself if it is an ensemble, else in the role of one with a single variation."""
    return predictor if isinstance(predictor, AbstractEnsemble) else FunctionEnsemble(predictor)


def common_weights(ensembles: Sequence[AbstractEnsemble], systematics: str) -> Float[np.ndarray, " variations"]:
    """Weights of a combination: the product of all, first one slowest, or the ones that paired ensembles share.

    Raises:
        InvalidModel: if paired ensembles have different numbers of variations or different weights.
    """
    if systematics == "product":
        total = np.ones(1)
        for ensemble in ensembles:
            total = np.multiply.outer(total, ensemble.weights).ravel()
        return total
    size = max(len(ensemble.weights) for ensemble in ensembles)
    chosen = np.ones(size)
    for ensemble in ensembles:
        weights = ensemble.weights
        if len(weights) not in (1, size):
            raise InvalidModel(
                f"paired ensembles have {len(weights)} and {size} variations; expected equal numbers, or one"
            )
        if len(weights) == 1 or np.ptp(weights) == 0:
            continue
        if np.ptp(chosen) > 0 and not np.allclose(chosen / chosen.sum(), weights / weights.sum(), rtol=1e-12):
            where = int(np.argmax(np.abs(chosen / chosen.sum() - weights / weights.sum())))
            raise InvalidModel(
                f"paired ensembles have different weights, {chosen[where]:g} of {chosen.sum():g} and "
                f"{weights[where]:g} of {weights.sum():g} in variation {where}; give one of them uniform weights"
            )
        chosen = weights
    return chosen
