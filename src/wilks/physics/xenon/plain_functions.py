"""Model functions that cannot be compiled: called point by point, with central differences for derivatives."""

import functools
import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.notices import notice
from wilks._base.typing import Scalar

_STEP = 6e-6  # third root of the rounding error: the best step of a central difference
_SMALLEST = 1e-3  # number below which steps do not shrink further

Plain = Callable[..., Any]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1, 2))
def point_by_point(name: str, call: Plain, names: tuple[str, ...], numbers: Float[Array, " arguments"]) -> Scalar:
    """A user's function at one point of its arguments; a batch of points is one call that loops over them.

    Args:
        name: how notices call it.
        call: the function.
        names: of the last arguments, which are handed over by name.
        numbers: all arguments.
    """
    like = jax.ShapeDtypeStruct((), np.dtype(float))
    return jax.pure_callback(
        functools.partial(_at_points, name, call, names), like, numbers, vmap_method="broadcast_all"
    )


@point_by_point.defjvp
def _point_by_point_jvp(name, call, names, at, move):
    (numbers,), (change,) = at, move
    steps = jnp.diag(_STEP * jnp.maximum(jnp.abs(numbers), _SMALLEST))
    many = jax.vmap(lambda x: point_by_point(name, call, names, x))
    up, down = numbers[None] + steps, numbers[None] - steps
    slopes = (many(up) - many(down)) / jnp.diagonal(up - down)
    return point_by_point(name, call, names, numbers), slopes @ change


def _at_points(name: str, call: Plain, names: tuple[str, ...], numbers: Any) -> np.ndarray:
    points = np.asarray(numbers)
    flat = points.reshape(-1, points.shape[-1])
    first = points.shape[-1] - len(names)
    began = time.perf_counter()
    found = [float(call(*x[:first], **dict(zip(names, x[first:], strict=True)))) for x in flat.tolist()]
    _announce(name, call, (time.perf_counter() - began) / max(len(flat), 1))
    return np.array(found).reshape(points.shape[:-1])


def _announce(name: str, call: Plain, seconds: float) -> None:
    """Say once what a function that cannot be compiled costs."""
    if next(_batches(call)) == 0:
        notice(
            f"model function {name!r} cannot be compiled; it is called point by point, at {1e6 * seconds:.2g} us per "
            "point, with derivatives from central differences; write it with jax.numpy, without branches on values"
        )


@functools.lru_cache(maxsize=256)
def _batches(call: Plain) -> Iterator[int]:
    """Counts the batches of points at which a function was called."""
    return itertools.count()
