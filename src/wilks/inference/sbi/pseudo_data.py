"""Pseudo-data at many points, one set per point: compiled where the simulator allows, else point by point."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Int8

from wilks._base.errors import TooManyFailures
from wilks._base.notices import notice
from wilks._base.tracing import UNTRACEABLE
from wilks._base.typing import Key
from wilks.inference.lanes import take_one
from wilks.likelihood.interface import AbstractHostSimulator, AbstractSimulator
from wilks.likelihood.joint import Joint
from wilks.parameters.space import ParameterSpace

from .pairs import NOT_FINITE, RAISED, VALID
from .points import Points

_BLOCK = 1024  # sets of data of one compiled call

_UNTRACEABLE = (*UNTRACEABLE, TypeError)


def simulate_each(key: Key, simulator: AbstractSimulator, space: ParameterSpace, theta: Points) -> Any:
    """One set of data per point, stacked along a first axis; set i depends on the key, i and its point alone.

    Args:
        key: random key; set i is drawn with ``fold_in(key, i)``.
        simulator: makes the data; its ``simulate`` gets the values of all parameters of the space.
        space: names of the columns.
        theta: one point per set.
    """
    if not _is_compilable(simulator, space, theta[0]):
        sets = [simulator.simulate(jax.random.fold_in(key, i), space.unpack(row)) for i, row in enumerate(theta)]
        return jax.tree.map(lambda *leaves: np.stack([np.asarray(leaf) for leaf in leaves]), *sets)
    size = min(_BLOCK, 1 << max(len(theta) - 1, 0).bit_length())
    pieces = []
    for first in range(0, len(theta), size):
        where = np.minimum(np.arange(first, first + size), len(theta) - 1)
        pieces.append(_simulate(simulator, space, key, where, theta[where]))
    return jax.tree.map(lambda *leaves: np.concatenate([np.asarray(x) for x in leaves])[: len(theta)], *pieces)


def simulate_tried(
    key: Key, simulator: AbstractSimulator, space: ParameterSpace, theta: Points
) -> tuple[Any, Int8[np.ndarray, " points"]]:
    """The data of `simulate_each` with a status per point, as `Pairs` keep it; where it raised, zeros.

    Args:
        key: random key; set i is drawn with ``fold_in(key, i)``.
        simulator: makes the data, or raises.
        space: names of the columns.
        theta: one point per set.

    Raises:
        TooManyFailures: if the simulator raised at all points.
    """
    if _is_compilable(simulator, space, theta[0]):
        data, raised = simulate_each(key, simulator, space, theta), np.zeros(len(theta), dtype=bool)
    else:
        data, raised = _caught(key, simulator, space, theta)
    finite = np.isfinite(flat_rows(data, len(theta))).all(axis=1)
    return data, np.where(raised, RAISED, np.where(finite, VALID, NOT_FINITE)).astype(np.int8)


def each_set(data: Any, count: int) -> Callable[[int], Any]:
    """How to take one set out of stacked data."""

    def take(i: int) -> Any:
        if not 0 <= i < count:
            raise IndexError(f"set {i} of {count}")
        return take_one(data, i)

    return take


def flat_rows(data: Any, count: int) -> np.ndarray:
    """Stacked data as one row of numbers per set: blocks in the order of their sorted names."""
    return np.concatenate([np.asarray(leaf, float).reshape(count, -1) for leaf in jax.tree.leaves(data)], axis=1)


def flat_row(data: Any) -> np.ndarray:
    """One set of data as a row of numbers, in the order of `flat_rows`."""
    return np.concatenate([np.asarray(leaf, float).ravel() for leaf in jax.tree.leaves(data)])


def _caught(key: Key, simulator: AbstractSimulator, space: ParameterSpace, theta: Points) -> tuple[Any, np.ndarray]:
    """Data point by point, and where the simulator raised; there stand zeros in the shape of the others."""
    sets: list[Any] = []
    cause: Exception | None = None
    for i, row in enumerate(theta):
        try:
            one = simulator.simulate(jax.random.fold_in(key, i), space.unpack(row))
            sets.append(jax.tree.map(np.asarray, one))
        except Exception as error:
            sets.append(None)
            cause = error
    raised = np.array([one is None for one in sets])
    if raised.all():
        raise TooManyFailures(f"the simulator raised at all of {len(theta)} points; the last: {cause!r}")
    absent = jax.tree.map(np.zeros_like, next(one for one in sets if one is not None))
    each = [absent if one is None else one for one in sets]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *each), raised


def _is_compilable(simulator: AbstractSimulator, space: ParameterSpace, theta: np.ndarray) -> bool:
    if _draws_on_host(simulator):
        return False
    try:
        jax.eval_shape(lambda k, t: simulator.simulate(k, space.unpack(t)), jax.random.key(0), theta)
    except _UNTRACEABLE:
        notice(f"{type(simulator).__name__} cannot be compiled; its data are simulated point by point")
        return False
    return True


def _draws_on_host(simulator: object) -> bool:
    if isinstance(simulator, Joint):
        return any(_draws_on_host(part) for part in simulator.parts.values())
    return isinstance(simulator, AbstractHostSimulator)


@eqx.filter_jit
def _simulate(simulator, space, key, where, theta):
    def one(i: Any, point: Any) -> Any:
        return simulator.simulate(jax.random.fold_in(key, i), space.unpack(point))

    return jax.vmap(one)(where, theta)
