"""Puts what a traced function returned together as one array: arrays of objects, nested lists and single numbers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from .arrays import TracedArray
from .scalars import CannotTrace, TracedScalar


def assemble(result: Any) -> Inexact[Array, "..."]:
    """One floating-point array.

    Raises:
        CannotTrace: for anything that is no number, array or list of them.
    """
    array = _joined(result)
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(float)


def _joined(result: Any) -> Array:
    if isinstance(result, (TracedScalar, TracedArray)):
        return jnp.asarray(result.value)
    if isinstance(result, np.ndarray) and result.dtype == object:
        return _stacked([_joined(entry) for entry in result.flat]).reshape(result.shape)
    if isinstance(result, (list, tuple)):
        return _stacked([_joined(entry) for entry in result])
    if isinstance(result, (jax.Array, np.ndarray, np.number, bool, int, float, complex)):
        return jnp.asarray(result)
    raise CannotTrace(f"it returns {type(result).__name__}")


def _stacked(entries: list[Array]) -> Array:
    if not entries:
        return jnp.zeros(0)
    kind = jnp.result_type(*entries)
    return jnp.stack([entry.astype(kind) for entry in entries])
