"""Model functions at ordinary numbers, for simulation and checks: compiled once per size class of the arrays."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from .model import Model

_CLASSES = (64, 1024, 16384)


class Evaluator(eqx.Module):
    """Model functions of one source at one point of its parameters, from numpy arrays to numpy arrays.

    Args:
        model: the functions.
        source: what bound functions take first.
        values: parameters.
    """

    model: Model
    source: Any
    values: dict[str, float]

    def __call__(
        self, name: str, columns: dict[str, np.ndarray], hidden: np.ndarray | None = None
    ) -> Float[np.ndarray, " events"]:
        """A function for every event, with the value of its hidden variable if it has one."""
        number = len(next(iter(columns.values())))
        function = self.model.function(name)
        if function is None:
            return np.full(number, float(self.model.constants[name]))
        if name in columns:
            return columns[name]
        taken = {c: columns[c] for c in function.columns}
        values = {p: float(self.values[p]) for p in function.parameters}
        source = self.source if function.bound else None
        if hidden is not None:
            taken["hidden"] = hidden
            if not function.columns and (few := _few_whole(hidden)) is not None:
                table = {"hidden": np.arange(few.max() + 1.0)}
                return _in_classes(function, source, values, table, len(table["hidden"]))[few]
        if not taken:
            taken = {"": np.zeros(1)}
            return np.full(number, _in_classes(function, source, values, taken, 1)[0])
        return _in_classes(function, source, values, taken, number)


def _few_whole(numbers: np.ndarray) -> Int[np.ndarray, " events"] | None:
    """Numbers as integers, if they are whole and there are more of them than values they could have."""
    if not len(numbers) or numbers.min() < 0 or numbers.max() >= len(numbers):
        return None
    whole = numbers.astype(np.int64)
    return whole if (whole == numbers).all() else None


def _in_classes(function, source, values, taken, number):
    """In pieces of few lengths, so that arrays of any length need few compilations."""
    pieces = []
    for first in range(0, number, _CLASSES[-1]):
        part = {name: np.asarray(x[first : first + _CLASSES[-1]], dtype=float) for name, x in taken.items()}
        length = len(next(iter(part.values())))
        size = next(c for c in _CLASSES if length <= c)
        if length < size:
            part = {name: np.concatenate([x, np.repeat(x[:1], size - length, axis=0)]) for name, x in part.items()}
        pieces.append(np.asarray(_evaluate(function, source, values, part))[:length])
    return np.concatenate(pieces) if pieces else np.zeros(0)


@functools.partial(jax.jit, static_argnums=0)
def _evaluate(function, source, values, columns):
    def one(row):
        first = (row["hidden"],) if function.hidden else ()
        result = function.traced(source, (*first, *(row[c] for c in function.columns)), values)
        return jnp.asarray(result, dtype=float)

    return jax.vmap(one)(columns)
