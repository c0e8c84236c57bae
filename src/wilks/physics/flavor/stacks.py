"""Long lists of points in chunks of fixed sizes, so that few programs are compiled and memory does not grow."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from wilks.execution.chunks import plan

SIZES = (1, 64, 2048)
"""Points per call: a list is padded to the first size that holds it, and cut into chunks of the last one.

The last size is where the arrays of the diagonalisation still fit into the cache of a processor core."""


def in_chunks(function: Callable[..., Any], arrays: Any, length: int) -> Any:
    """Results of a batched function for arrays with ``length`` points along their first axis, as numpy arrays.

    The numbers do not depend on how many points are asked for together.

    Args:
        function: takes the tree ``arrays`` for as many points as it is given.
        arrays: a tree of numpy arrays.
        length: number of points; 0 is allowed.
    """
    pieces = []
    for chunk in plan(max(length, 1), SIZES[-1]):
        here = min(chunk.size, length - chunk.start)
        size = next(size for size in SIZES if size >= here)
        batch = jax.tree.map(lambda x, start=chunk.start, size=size: _padded(x[start : start + size], size), arrays)
        found = function(batch)
        pieces.append(jax.tree.map(lambda x, here=here: np.asarray(x)[:here], found))
    return pieces[0] if len(pieces) == 1 else jax.tree.map(lambda *parts: np.concatenate(parts), *pieces)


def _padded(array: np.ndarray, size: int) -> np.ndarray:
    missing = size - len(array)
    if missing == 0:
        return array
    filling = array[:1] if len(array) else np.ones((1, *array.shape[1:]), dtype=array.dtype)
    return np.concatenate([array, np.repeat(filling, missing, axis=0)])
