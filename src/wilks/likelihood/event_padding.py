"""Lists of events of any length in few shapes: padded to buckets with a weight that is zero on padding."""

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base import runtime  # noqa: F401  64 bit before any array exists

SMALLEST_BUCKET = 32
_FINER_ABOVE = 8192  # events, from where padding costs more than another compilation


class EventTable(eqx.Module):
    """The events of one data set in the form that its sources judge.

    Padding repeats a real event, so that rates and derivatives stay finite there, and has weight 0.

    Args:
        prepared: for each source what its ``prepare`` gave, or the logarithm of its rates if these never change;
            every array with a leading axis of events, after that of the lanes.
        weights: 1 for an event, 0 for padding; a fraction in Asimov data.
    """

    prepared: tuple[Any, ...]
    weights: Float[Array | np.ndarray, "*lanes events"]


def bucket_of(events: int) -> int:
    """Smallest bucket that holds a number of events: 0, 32, 48, 64, 96, 128, ..., in finer steps above 8192.

    >>> [bucket_of(n) for n in (0, 1, 33, 64, 65, 8000, 10_000, 11_000)]
    [0, 32, 48, 64, 96, 8192, 10240, 12288]
    """
    if events == 0:
        return 0
    size = SMALLEST_BUCKET
    while size < events:
        size *= 2
    step = size // 8 if size > _FINER_ABOVE else size // 4
    return max(-(-events // step) * step, SMALLEST_BUCKET)


def pad_rows(prepared: Any, rows: int) -> Any:
    """Arrays with a leading axis of events, lengthened to ``rows`` by repeating the first event."""

    def lengthen(array: Any) -> np.ndarray:
        array = np.asarray(array)
        missing = rows - len(array)
        return array if missing == 0 else np.concatenate([array, np.repeat(array[:1], missing, axis=0)])

    return jax.tree.map(lengthen, prepared)


def gather(
    prepared: Sequence[Any], counts: Int[np.ndarray, " sets"], weights: Float[np.ndarray, " pool"]
) -> EventTable:
    """A stacked table from the pooled events of all sets, one set after the other in the pool."""
    bucket = bucket_of(int(counts.max(initial=0)))
    first = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(int)
    place = np.arange(bucket)
    real = place[None] < counts[:, None]
    where = np.where(real, first[:, None] + place[None], 0)  # event 0 of the pool pads; an empty pool has no bucket
    taken = tuple(jax.tree.map(lambda array: np.asarray(array)[where], item) for item in prepared)
    return EventTable(taken, np.where(real, weights[where], 0.0) if bucket else np.zeros((len(counts), 0)))


def stack_tables(tables: Sequence[EventTable]) -> EventTable:
    """Prepared tables, each without lanes, in the shape of the largest."""
    bucket = max(table.weights.shape[0] for table in tables)
    filler = next((t for t in tables if t.weights.shape[0]), tables[0])

    def widened(table: EventTable) -> EventTable:
        own = table.weights.shape[0]
        where = np.where(np.arange(bucket) < own, np.arange(bucket), 0)
        source = table if own else filler
        prepared = jax.tree.map(lambda array: np.asarray(array)[where], source.prepared)
        weights = np.concatenate([np.asarray(table.weights), np.zeros(bucket - own)])
        return EventTable(prepared, weights)

    return jax.tree.map(lambda *leaves: np.stack(leaves), *[widened(table) for table in tables])


def sum_over_blocks(function: Callable[[EventTable], Any], table: EventTable, block: int) -> Any:
    """Sum of a function of a table over blocks of at most ``block`` events, one block in memory at a time."""
    if table.weights.shape[0] <= block:
        return function(table)
    blocks = _in_blocks(table, table.weights.shape[0], block)
    shapes = jax.eval_shape(function, jax.tree.map(lambda x: x[0], blocks))
    zero = jax.tree.map(lambda like: jnp.zeros(like.shape, like.dtype), shapes)
    lean = jax.checkpoint(function, prevent_cse=False)  # derivatives recompute a block instead of keeping all of them

    def add(total: Any, piece: EventTable) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, lean(piece)), None

    return jax.lax.scan(add, zero, blocks)[0]


def map_over_blocks(function: Callable[[Any], Array], prepared: Any, block: int) -> Array:
    """A function of each event, computed in blocks of at most ``block`` events."""
    events = jax.tree.leaves(prepared)[0].shape[0]
    if events <= block:
        return function(prepared)
    return jax.lax.map(function, _in_blocks(prepared, events, block)).reshape(events)


def _in_blocks(tree: Any, events: int, block: int) -> Any:
    """Arrays with the axis of events split into equal blocks."""
    count = -(-events // block)
    while events % count:  # buckets are products of small numbers: two steps at most
        count += 1
    return jax.tree.map(lambda x: jnp.asarray(x).reshape(count, events // count, *x.shape[1:]), tree)
