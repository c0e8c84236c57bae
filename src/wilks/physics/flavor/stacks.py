"""Lists of points, and how they are computed in chunks of one size: one program serves all, memory does not grow."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel, UnknownName, near_names
from wilks.execution.chunks import plan
from wilks.parameters.space import ParameterSpace

LANES = 512
"""Points per call; with them, the arrays of a diagonalisation fit into the cache of a processor core."""


def in_chunks(function: Callable[..., Any], arrays: Any, length: int) -> Any:
    """Results of a batched function for arrays with ``length`` points along their first axis, as numpy arrays.

    One program serves lists of all lengths: the numbers of a point depend neither on its place nor on its neighbours.

    Args:
        function: takes the tree ``arrays`` for as many points as it is given.
        arrays: a tree of numpy arrays.
        length: number of points; 0 is allowed.
    """
    pieces = []
    for chunk in plan(max(length, 1), LANES):
        here = min(chunk.size, length - chunk.start)
        batch = jax.tree.map(lambda x, start=chunk.start: _padded(x[start : start + LANES]), arrays)
        found = function(batch)
        pieces.append(jax.tree.map(lambda x, here=here: np.asarray(x)[:here], found))
    return pieces[0] if len(pieces) == 1 else jax.tree.map(lambda *parts: np.concatenate(parts), *pieces)


def alone(function: Callable[..., Any], arrays: Any, length: int) -> Any:
    """The same for a list of one, by a program for one point: it is quicker, but the last digit may differ.

    Args:
        function: as for :func:`in_chunks`.
        arrays: as there.
        length: 1.
    """
    return jax.tree.map(lambda x: np.asarray(x)[:length], function(arrays))


def _padded(array: np.ndarray) -> np.ndarray:
    missing = LANES - len(array)
    if missing == 0:
        return array
    filling = array[:1] if len(array) else np.ones((1, *array.shape[1:]), dtype=array.dtype)
    return np.concatenate([array, np.repeat(filling, missing, axis=0)])


def rows_of(space: ParameterSpace, points: Any) -> Float[np.ndarray, "points parameters"]:
    """Points as one array, one row each; parameters that are absent have their start.

    Args:
        space: the parameters.
        points: arrays by name, or such rows.

    Raises:
        UnknownName: for a name that is no parameter.
        InvalidModel: for arrays of different lengths, or rows of another one than the space's.
    """
    if not isinstance(points, Mapping):
        theta = np.asarray(points, dtype=float)
        if theta.ndim != 2 or theta.shape[1] != len(space):
            raise InvalidModel(f"points of shape {theta.shape}; expected (points, {len(space)}), one row per point")
        return theta
    for name in points:
        if name not in space:
            raise UnknownName(f"no parameter {name!r}; {near_names(name, space.names)}")
    columns = {name: np.atleast_1d(np.asarray(column, dtype=float)) for name, column in points.items()}
    try:
        shared = np.broadcast_shapes(*(column.shape for column in columns.values()), (1,))
    except ValueError:
        lengths = {name: len(column) for name, column in columns.items()}
        raise InvalidModel(f"columns of points have different lengths: {lengths}") from None
    theta = np.tile(space.starts, (*shared, 1))
    for name, column in columns.items():
        theta[:, space.index(name)] = column
    return theta
