"""Means of tables under binomial distributions of one probability, for all numbers of trials at once."""

import math

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from .binomials import floored_log, log_choices
from .splitting import clipped_probability

_REACH = 13.0  # width of the sums in standard deviations of the widest distribution
_STEP = 1.3  # length of the second step, in roots of the largest number of trials


@jax.custom_jvp
def binomial_means(
    probability: Float[Array, " nodes"], table: Float[Array, "numbers nodes"]
) -> Float[Array, "numbers nodes"]:
    """sum_n Binomial(n; e, p) table[n] for e = 0, 1, ... at every node.

    With e = b k + r the sum is taken in two steps: over the outcomes of b k trials, then over those of r < k, so that
    few probabilities are needed. Beyond the table its last entry goes on.

    Args:
        probability: p at every node.
        table: what is averaged, by number of successes.
    """
    size = table.shape[0]
    step = math.ceil(_STEP * math.sqrt(size))
    blocks = -(-size // step)
    width = math.ceil(_REACH * math.sqrt(size) / 2) + 1
    p = clipped_probability(probability)[None]
    trials = step * jnp.arange(blocks, dtype=float)[:, None]
    first = jnp.clip(jnp.round(jax.lax.stop_gradient(trials * p)) - width // 2, 0.0, None)
    outcome = first[:, None] + jnp.arange(width, dtype=float)[None, :, None]
    weights = _binomial(outcome, trials[:, None], p[None], size + step + width)
    place = first[:, None].astype(jnp.int32) + jnp.arange(width + step)[None, :, None]
    # in a loop, so that the table is worked out once and not again for every entry taken from it
    shifted = jax.lax.map(lambda rows: jnp.take_along_axis(table, jnp.minimum(rows, size - 1), axis=0), place)
    means = _correlation(weights, shifted, step)
    rest = jnp.arange(step, dtype=float)
    inner = _binomial(rest[None, :, None], rest[:, None, None], p[None], step)
    return jnp.einsum("rjn,bjn->brn", inner, means).reshape(blocks * step, -1)[:size]


def _binomial_means_jvp(at, move):
    """d/dp of the mean over e trials is e times the mean over e - 1 trials of the difference of neighbours."""
    probability, table = at
    d_probability, d_table = move
    if isinstance(d_probability, SymbolicZero):
        found = binomial_means(probability, table)
        change = jnp.zeros_like(found)
    else:
        rises = jnp.concatenate([table[1:] - table[:-1], jnp.zeros_like(table[:1])])
        both = binomial_means(jnp.tile(probability, 2), jnp.concatenate([table, rises], axis=1))  # one program for two
        found, fewer = jnp.split(both, 2, axis=1)
        number = jnp.arange(table.shape[0], dtype=float)[:, None]
        change = jnp.concatenate([jnp.zeros_like(table[:1]), fewer[:-1]]) * number * d_probability[None]
    if not isinstance(d_table, SymbolicZero):
        change = change + binomial_means(probability, d_table)
    return found, change


binomial_means.defjvp(_binomial_means_jvp, symbolic_zeros=True)


def _binomial(n, trials, p, size):
    inside = n <= trials
    n = jnp.minimum(n, trials)
    log_p, log_q = jax.lax.optimization_barrier((floored_log(p), floored_log(1 - p)))  # not once per term
    logs = log_choices(trials, n, trials - n, size + 1) + n * log_p + (trials - n) * log_q
    return jnp.where(inside, jnp.exp(logs), 0.0)


def _correlation(weights, values, shifts):
    """sum_i weights[b, i] values[b, i + j] for j < shifts."""
    width = weights.shape[1]

    def shifted(_, j):
        return None, jnp.sum(weights * jax.lax.dynamic_slice_in_dim(values, j, width, axis=1), axis=1)

    return jnp.moveaxis(jax.lax.scan(shifted, None, jnp.arange(shifts))[1], 0, 1)
