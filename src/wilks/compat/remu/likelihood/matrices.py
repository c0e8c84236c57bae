"""Linear predictors: sums over indices, matrices, response matrices from files, templates."""

from typing import Any

import numpy as np

from wilks._base.errors import InvalidModel
from wilks.interchange.remu import read_response
from wilks.model.ensembles import LinearEnsemble, checked_weights

from .ensembles import EinsumEnsemble, space_of
from .predictors import (
    AbstractEnsemblePredictor,
    AbstractMatrixPredictor,
    ComposedMatrixPredictor,
    FixedParameterMatrixPredictor,
)


class LinearEinsumPredictor(AbstractEnsemblePredictor):
    """A linear combination of the parameters by ``numpy.einsum``.

    Args:
        subscripts: of coefficients and parameters, such as ``"ij,...kj->...ik"``; the first index is the variation.
        coefficients: first operand, variations first.
        constants: added to the flattened result; one row, or one per variation.
        weights: one for all variations, or one each.
        bounds: of the parameters, none by default.
        defaults: of the parameters, 1 by default.
        reshape_parameters: shape that the parameters take before the sum.

    Raises:
        InvalidModel: if nothing says how many parameters there are.
    """

    def __init__(
        self,
        subscripts: str,
        coefficients: Any,
        constants: Any = 0.0,
        weights: Any = 1.0,
        bounds: Any = None,
        defaults: Any = None,
        reshape_parameters: tuple[int, ...] | None = None,
    ) -> None:
        sizes = [len(given) for given in (bounds, defaults) if given is not None]
        if reshape_parameters is not None:
            sizes.append(int(np.prod(reshape_parameters)))
        if not sizes:
            raise InvalidModel("give bounds, defaults or reshape_parameters, to say how many parameters there are")
        bounds = np.tile([-np.inf, np.inf], (sizes[0], 1)) if bounds is None else np.asarray(bounds, dtype=float)
        defaults = np.ones(sizes[0]) if defaults is None else np.asarray(defaults, dtype=float)
        self.subscripts, self.reshape_parameters = subscripts, reshape_parameters
        self.coefficients = np.asarray(coefficients, dtype=float)
        ensemble = EinsumEnsemble(
            space_of(bounds, defaults),
            subscripts,
            self.coefficients,
            np.atleast_2d(np.asarray(constants, dtype=float)),
            _weights(weights, len(self.coefficients)),
            (sizes[0],) if reshape_parameters is None else tuple(reshape_parameters),
        )
        AbstractEnsemblePredictor.__init__(self, ensemble, bounds, defaults)

    @property
    def kind(self) -> str:
        """Its kind."""
        return "sum over indices"


class MatrixPredictor(AbstractMatrixPredictor):
    """Matrix times parameters plus constants.

    Args:
        matrices: shape (variations, outputs, parameters), or one matrix.
        constants: one row, or one per variation.
        sparse_indices: parameters that the columns belong to, all by default; others have no effect.
        weights: one for all variations, or one each.
        bounds: of all parameters, none by default.
        defaults: of all parameters, 1 by default.
    """

    def __init__(
        self,
        matrices: Any,
        constants: Any = 0.0,
        *,
        sparse_indices: Any = slice(None),
        weights: Any = 1.0,
        bounds: Any = None,
        defaults: Any = None,
    ) -> None:
        AbstractEnsemblePredictor.__init__(
            self, *_matrix(matrices, constants, sparse_indices, weights, bounds, defaults)
        )

    @property
    def kind(self) -> str:
        """Its kind."""
        return "matrix"


class ResponseMatrixPredictor(AbstractMatrixPredictor):
    """The response matrix of an exported file; the events of a truth bin stay below those that were simulated.

    Args:
        filename: npz file.
    """

    def __init__(self, filename: Any) -> None:
        ensemble = read_response(filename)
        space = ensemble.space
        bounds = np.stack([space.lowers, space.uppers], axis=1)
        AbstractEnsemblePredictor.__init__(self, ensemble, bounds, space.starts)

    @property
    def kind(self) -> str:
        """Its kind."""
        return "response matrix"


class TemplatePredictor(AbstractMatrixPredictor):
    """A weighted sum of templates.

    Args:
        templates: shape (templates, outputs), or (variations, templates, outputs).
        constants: one row, or one per variation.
        kwargs: ``bounds`` (from 0 by default), ``defaults`` (1) and ``weights`` as for `MatrixPredictor`.
    """

    def __init__(self, templates: Any, constants: Any = 0.0, **kwargs: Any) -> None:
        matrices = np.swapaxes(np.asarray(templates, dtype=float), -1, -2)
        kwargs.setdefault("bounds", [(0.0, np.inf)] * matrices.shape[-1])
        given = {"sparse_indices": slice(None), "weights": 1.0, "defaults": None, **kwargs}
        AbstractEnsemblePredictor.__init__(self, *_matrix(matrices, constants, **given))

    @property
    def kind(self) -> str:
        """Its kind."""
        return "sum of templates"


for _special in (ResponseMatrixPredictor, TemplatePredictor, ComposedMatrixPredictor, FixedParameterMatrixPredictor):
    MatrixPredictor.register(_special)
LinearEinsumPredictor.register(AbstractMatrixPredictor)


def _matrix(
    matrices: Any, constants: Any, sparse_indices: Any, weights: Any, bounds: Any, defaults: Any
) -> tuple[LinearEnsemble, np.ndarray, np.ndarray]:
    """Ensemble, bounds and defaults."""
    array = np.asarray(matrices, dtype=float)
    array = array.reshape((1,) * (3 - array.ndim) + array.shape)
    columns = None if isinstance(sparse_indices, slice) else np.asarray(sparse_indices, dtype=np.int64)
    size = array.shape[-1] if columns is None else int(columns.max(initial=-1)) + 1
    for given in (bounds, defaults):
        size = len(given) if given is not None else size
    bounds = np.tile([-np.inf, np.inf], (size, 1)) if bounds is None else np.asarray(bounds, dtype=float)
    defaults = np.ones(size) if defaults is None else np.asarray(defaults, dtype=float)
    ensemble = LinearEnsemble(
        space_of(bounds, defaults),
        array,
        constants=constants,
        weights=_weights(weights, len(array)),
        columns=columns,
    )
    return ensemble, bounds, defaults


def _weights(weights: Any, variations: int) -> np.ndarray:
    """One weight per variation."""
    given = np.atleast_1d(np.asarray(weights, dtype=float))
    return checked_weights(np.full(variations, given[0]) if len(given) == 1 else given, variations)
