"""Predictions of the drop-in as ensembles of the engine: sums over indices, users' functions, scales and new names."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel
from wilks.model.ensembles import AbstractEnsemble, LinearEnsemble, Points, Predicted
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

_COLUMNS = 128  # parameters whose columns are computed at a time


class EinsumEnsemble(AbstractEnsemble):
    """A linear map written as a sum over indices, parameters reshaped first.

    Args:
        space: the parameters.
        subscripts: as for ``numpy.einsum``; the first index of the coefficients is the variation.
        coefficients: first operand.
        constants: added to the flattened result, one row per variation or one for all.
        weights: one per variation.
        shape: shape of the parameters.
    """

    space: ParameterSpace
    subscripts: str = eqx.field(static=True)
    coefficients: Float[np.ndarray, "..."]
    constants: Float[np.ndarray, "some outputs"]
    weights: Float[np.ndarray, " variations"]
    shape: tuple[int, ...] = eqx.field(static=True)
    outputs: int = eqx.field(static=True)
    linear: bool = eqx.field(static=True)

    def __init__(
        self,
        space: ParameterSpace,
        subscripts: str,
        coefficients: np.ndarray,
        constants: np.ndarray,
        weights: np.ndarray,
        shape: tuple[int, ...],
    ) -> None:
        self.space, self.coefficients, self.weights, self.shape = space, coefficients, weights, shape
        self.subscripts, self.linear, self.outputs = _normalised(subscripts), True, 0
        self.constants = np.zeros((1, 1))
        self.outputs = self.predict(np.zeros((1, len(space), 1))).shape[1]
        self.constants = np.broadcast_to(constants, (len(constants), self.outputs))

    def predict(self, points: Points) -> Predicted:
        """The sums at every point."""
        xp: Any = np if isinstance(points, np.ndarray) else jnp
        left, right, result = _letters(self.subscripts)
        own = xp.moveaxis(points, 2, 0)
        own = own.reshape(*own.shape[:2], *self.shape)
        if points.shape[0] == 1:
            found = xp.einsum(f"{left},...{right}->...{result}", self.coefficients, own[:, 0], optimize=True)
        else:
            found = xp.einsum(f"{left},...{result[0]}{right}->...{result}", self.coefficients, own, optimize=True)
        return xp.moveaxis(found.reshape(*found.shape[:2], -1), 0, 2) + self.constants[..., None]


class UserEnsemble(AbstractEnsemble):
    """A user's own predictor, called with arrays of numpy."""

    space: ParameterSpace
    prediction: Any = eqx.field(static=True)
    weights: Float[np.ndarray, " variations"]
    outputs: int = eqx.field(static=True)
    linear: bool = eqx.field(static=True)

    def __init__(self, prediction: Any, bounds: np.ndarray, defaults: np.ndarray) -> None:
        self.space, self.prediction, self.linear = space_of(bounds, defaults), prediction, False
        found, weights = prediction(np.asarray(defaults, dtype=float))
        if np.ndim(found) != 2 or np.shape(weights) != np.shape(found)[:1]:
            raise InvalidModel(
                f"a prediction of shape {np.shape(found)} with weights of shape {np.shape(weights)}; expected "
                "(variations, outputs) and (variations,)"
            )
        self.weights, self.outputs = np.asarray(weights, dtype=float), np.shape(found)[1]

    def predict(self, points: Points) -> Predicted:
        """All points in one call, one call per variation if each has points of its own."""
        vectors = np.moveaxis(np.asarray(points, dtype=float), 1, 2)
        if len(vectors) == 1:
            return np.moveaxis(np.asarray(self.prediction(vectors[0])[0], dtype=float), 0, 2)
        each = [np.asarray(self.prediction(own, s)[0], dtype=float).T for s, own in enumerate(vectors)]
        return np.stack(each)


class ScaledEnsemble(AbstractEnsemble):
    """Predictions times a factor, one for all or one per variation and output."""

    space: ParameterSpace
    part: AbstractEnsemble
    factor: Float[np.ndarray, "..."]
    weights: Float[np.ndarray, " variations"]
    outputs: int = eqx.field(static=True)
    linear: bool = eqx.field(static=True)

    def __init__(self, part: AbstractEnsemble, factor: Any) -> None:
        self.space, self.part, self.weights = part.space, part, part.weights
        self.factor = np.asarray(factor, dtype=float)
        self.outputs, self.linear = part.outputs, part.linear

    def predict(self, points: Points) -> Predicted:
        """Scaled predictions."""
        return self.part.predict(points) * self.factor[..., None]


class RenamedEnsemble(AbstractEnsemble):
    """The same predictions of parameters with other names."""

    space: ParameterSpace
    part: AbstractEnsemble
    weights: Float[np.ndarray, " variations"]
    outputs: int = eqx.field(static=True)
    linear: bool = eqx.field(static=True)

    def __init__(self, part: AbstractEnsemble, space: ParameterSpace) -> None:
        self.space, self.part, self.weights = space, part, part.weights
        self.outputs, self.linear = part.outputs, part.linear

    def predict(self, points: Points) -> Predicted:
        """Predictions of the part."""
        return self.part.predict(points)


def space_of(bounds: Any, defaults: Any, first: int = 0) -> ParameterSpace:
    """Parameters by number, starting at their defaults, or at the nearest allowed value.

    Args:
        bounds: (lower, upper) of each.
        defaults: start of each.
        first: number of the first.
    """
    pairs = zip(np.asarray(bounds, dtype=float).tolist(), np.asarray(defaults, dtype=float).tolist(), strict=True)
    return ParameterSpace(
        tuple(
            Parameter(f"p{number}", min(max(start, low), high), lower=low, upper=high)
            for number, ((low, high), start) in enumerate(pairs, first)
        )
    )


def renamed(ensemble: AbstractEnsemble, space: ParameterSpace) -> AbstractEnsemble:
    """The ensemble as a function of other parameters; stored ones stay stored."""
    if not isinstance(ensemble, LinearEnsemble):
        return RenamedEnsemble(ensemble, space)
    return LinearEnsemble(
        space, ensemble.matrices, constants=ensemble.constants, weights=ensemble.weights, columns=ensemble.columns
    )


def stored(ensemble: AbstractEnsemble, limits: Any = ()) -> LinearEnsemble:
    """A linear ensemble with its matrices, some columns at a time.

    Args:
        ensemble: linear.
        limits: where it is supported.
    """
    if isinstance(ensemble, LinearEnsemble):
        return ensemble
    size, variations = len(ensemble.space), len(ensemble.weights)
    constants = np.asarray(ensemble.predict(np.zeros((1, size, 1))))
    matrices = np.empty((variations, ensemble.outputs, size))
    for first in range(0, size, _COLUMNS):
        columns = np.eye(size)[None, :, first : first + _COLUMNS]
        matrices[:, :, first : first + _COLUMNS] = np.asarray(ensemble.predict(columns)) - constants
    return LinearEnsemble(
        ensemble.space, matrices, constants=constants[..., 0], weights=ensemble.weights, limits=limits
    )


def _letters(subscripts: str) -> tuple[str, str, str]:
    left, _, rest = subscripts.partition(",")
    right, _, result = rest.partition("->")
    return left, right, result


def _normalised(subscripts: str) -> str:
    """Subscripts without dots and blanks, checked."""
    left, right, result = _letters(subscripts.replace(" ", "").replace("...", ""))
    if not left or not result or left[0] != result[0] or left[0] in right:
        raise InvalidModel(
            f"subscripts {subscripts!r}: the first index of the coefficients and of the result must be the variation, "
            'as in "ijk,...k->...ij"'
        )
    return f"{left},{right}->{result}"
