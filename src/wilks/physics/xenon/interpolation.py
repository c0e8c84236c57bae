"""Smooth functions of an integer, known at few integers and summed over all of them.

A function f(e) whose logarithm is smooth in ln(e + 1) is evaluated at nodes only; between them its logarithm is the
polynomial through the nodes, in barycentric form (J.-P. Berrut, L. N. Trefethen, SIAM Review 46 (2004) 501, eq. 3.3).
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

NODES = 24
_OFFSET = 1e-11  # in ln(e + 1): keeps the points off the nodes
_NOTHING, _MOST = -800.0, 600.0  # exponents: one that stands for zero, and the largest (its weight is zero)


def nodes_between(low: Float[Array, " events"], high: Float[Array, " events"]) -> Float[Array, "nodes events"]:
    """Distinct integers from low to high, close to the Chebyshev nodes in ln(e + 1); needs high >= low + NODES - 1."""
    place = np.arange(NODES)[:, None]
    angle = np.cos(np.pi * (place + 0.5) / NODES)
    share = (angle[0] - angle) / (angle[0] - angle[-1])
    start, end = jnp.log(low + 1)[None], jnp.log(high + 1)[None]
    wanted = jnp.round(jnp.exp(start + share * (end - start)) - 1)
    before = jnp.asarray(np.tril(np.ones((NODES, NODES), dtype=bool)))[:, :, None]
    spread = jnp.max(jnp.where(before, (wanted - place)[None], -jnp.inf), axis=1)  # each at least one above the last
    return jnp.minimum(spread, high[None] - (NODES - 1)) + place


def log_sum(
    weights: Float[Array, "integers events"],
    logs: Float[Array, "nodes events"],
    nodes: Float[Array, "nodes events"],
) -> Float[Array, " events"]:
    """ln of the sum over integers e from the first to the last node of weights[e] f(e), from ln f at the nodes.

    Args:
        weights: at e = 0, 1, ..., not negative.
        logs: ln f at the nodes.
        nodes: ascending integers.
    """
    logs_at_nodes = jax.lax.stop_gradient(logs)
    inside = jnp.take_along_axis(weights, nodes.astype(int), axis=0)
    reference = jax.lax.stop_gradient(_reference(inside, logs_at_nodes))
    total = _weighted_sum(weights, logs, nodes, reference)
    some = total > 0
    return jnp.where(some, reference + jnp.log(jnp.where(some, total, 1.0)), -jnp.inf)


def _reference(weights, logs):
    """ln f where the product is largest, so that neither it nor the sum leaves the range of numbers."""
    product = jnp.where(weights > 0, jnp.log(jnp.where(weights > 0, weights, 1.0)), -jnp.inf) + logs
    best = jnp.argmax(product, axis=0)
    return jnp.take_along_axis(logs, best[None], axis=0)[0]


@jax.custom_jvp
def _weighted_sum(weights, logs, nodes, reference):
    return jnp.sum(weights * _between(logs, nodes, reference, weights.shape[0]), axis=0)


def _weighted_sum_jvp(at, move):
    weights, logs, nodes, reference = at
    d_weights, d_logs, *_ = move
    values = jax.lax.optimization_barrier(_between(logs, nodes, reference, weights.shape[0]))
    product = weights * values
    total = jnp.sum(product, axis=0)
    change = jnp.zeros_like(total)
    if not isinstance(d_logs, SymbolicZero):
        change = change + jnp.sum(_spread(product, nodes) * d_logs, axis=0)
    if not isinstance(d_weights, SymbolicZero):
        change = change + jnp.sum(values * d_weights, axis=0)
    return total, change


_weighted_sum.defjvp(_weighted_sum_jvp, symbolic_zeros=True)


@functools.partial(jax.custom_jvp, nondiff_argnums=(3,))
def _between(logs, nodes, reference, size):
    """f / exp(reference) at all integers, 0 outside the nodes."""
    e = jnp.arange(size, dtype=float)[:, None]
    inside = (e >= nodes[:1]) & (e <= nodes[-1:])
    heights = _polynomial(logs, nodes, size) - reference[None]
    return jnp.exp(jnp.where(inside, jnp.minimum(heights, _MOST), _NOTHING))


@_between.defjvp
def _between_jvp(size, at, move):
    values = _between(*at, size)
    return values, jnp.where(values > 0, values * _polynomial(move[0], at[1], size), 0.0)


@jax.custom_jvp
def _spread(values, nodes):
    """Values at all integers, shared out to the nodes: the transpose of `_polynomial`."""
    position, factors, scale = _barycentric(nodes)
    x = _points(values.shape[0])
    polynomial = jnp.prod((x[None] - position[:, None]) * scale[None], axis=0)
    weighted = jax.lax.optimization_barrier(values * polynomial)
    return factors / scale * jax.lax.map(lambda node: jnp.sum(weighted / (x - node[None]), axis=0), position)


@_spread.defjvp
def _spread_jvp(at, move):
    return _spread(*at), _spread(move[0], at[1])


def _polynomial(heights, nodes, size):
    """The polynomial through heights at the nodes, at all integers."""
    position, factors, scale = _barycentric(nodes)
    x, weighted = _points(size), factors * heights
    total, polynomial = 0.0, 1.0
    for j in range(nodes.shape[0]):
        distance = (x - position[j][None]) * scale
        total, polynomial = total + weighted[j][None] / distance, polynomial * distance
    return total * polynomial


def _barycentric(nodes):
    """Positions ln(e + 1) of the nodes, their barycentric factors, and the scale in which these are finite."""
    position = jnp.log(nodes + 1)
    scale = 4 / (position[-1:] - position[:1])
    distance = (position[:, None] - position[None]) * scale[None] + jnp.eye(nodes.shape[0])[:, :, None]
    return jax.lax.optimization_barrier((position, 1 / jnp.prod(distance, axis=1), scale))


def _points(size: int) -> Float[Array, "integers 1"]:
    return (jnp.log(jnp.arange(size) + 1.0) + _OFFSET)[:, None]
