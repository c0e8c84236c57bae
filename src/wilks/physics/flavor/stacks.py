"""Long lists of points in chunks of one size, so that one program serves them all and memory does not grow."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from wilks.execution.chunks import plan

LANES = 1024
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
