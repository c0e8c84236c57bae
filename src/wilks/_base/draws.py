"""Random draws written for batches: every datum is the image of one uniform number under the inverse distribution."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jaxtyping import Array, Float, Int
from scipy.special import gammaln

from .poisson_tables import REACH, TABLE_UP_TO, cornish_fisher
from .typing import Key

_TABLE_LENGTH = 400  # counts in a table: 9.5 standard deviations to each side of the largest mean
_BLOCK = 20  # counts summed at a time; divides the length
_STEPS = 9  # halvings that find a place among 400
_LOG_FACTORIALS = gammaln(np.arange(2 * _TABLE_LENGTH) + 1.0)


def uniforms(key: Key, n: int) -> Float[Array, " n"]:
    """Uniform numbers in (0, 1)."""
    return jax.random.uniform(key, (n,), minval=jnp.finfo(float).tiny)


def normal_quantile(uniform: Float[Array, " cells"]) -> Float[Array, " cells"]:
    """Standard normal deviates at the given probabilities."""
    return ndtri(uniform)


def poisson_quantile(uniform: Float[Array, " cells"], mean: Float[Array, " cells"]) -> Float[Array, " cells"]:
    """Poisson counts at the given probabilities, as floats: the smallest k with P(n <= k) above the probability.

    Up to a mean of 400 the distribution is tabulated and inverted, and a batch of draws at common means shares one
    table; above, the Cornish-Fisher expansion to the second order inverts it with an error of its cumulative
    distribution below 2e-6. A count rises with its uniform number, so equal keys give smoothly related toys at
    neighbouring means.
    """
    mean = jnp.maximum(mean, 0.0)
    return jnp.where(mean <= TABLE_UP_TO, _by_table(uniform, mean), _by_expansion(uniform, mean))


def poisson_quantile_of_one(
    uniform: Float[Array, " cells"], means: Float[Array, "rows cells"], row: Int[Array, ""]
) -> Float[Array, " cells"]:
    """`poisson_quantile` at one row of means; a batch of draws from any rows of common means shares their tables."""
    means = jnp.maximum(means, 0.0)
    first, below = jax.vmap(_table)(means)
    found = first[row] + _place(below, row, uniform)
    return jnp.where(means[row] <= TABLE_UP_TO, found, _by_expansion(uniform, means[row]))


def _by_table(uniform: Float[Array, " cells"], mean: Float[Array, " cells"]) -> Float[Array, " cells"]:
    first, below = _table(mean)
    return first + jax.vmap(lambda cdf, u: jnp.searchsorted(cdf, u, side="right"))(below, uniform)


def _table(mean: Float[Array, " cells"]) -> tuple[Float[Array, " cells"], Float[Array, "cells length"]]:
    """First count of the table of each mean, and P(n <= count) from there on."""
    mean = jnp.minimum(mean, TABLE_UP_TO)
    first = jnp.maximum(jnp.floor(mean - REACH * jnp.sqrt(mean) - 5.0), 0.0)
    count = first.astype(int)[:, None] + jnp.arange(_TABLE_LENGTH)[None]
    log_mean = jnp.log(jnp.where(mean > 0, mean, 1e-300))[:, None]  # P(0) = 1 at a mean of zero
    below = _running_sum(jnp.exp(count * log_mean - mean[:, None] - jnp.asarray(_LOG_FACTORIALS)[count]))
    return first, below / below[:, -1:]  # ends at 1, above every uniform number


def _running_sum(terms: Float[Array, "cells length"]) -> Float[Array, "cells length"]:
    """Sums of all terms up to each, in blocks: products with a small triangle cost a quarter of one long sum."""
    blocks = terms.reshape(terms.shape[0], -1, _BLOCK)
    inside = blocks @ jnp.triu(jnp.ones((_BLOCK, _BLOCK)))
    before = jnp.cumsum(inside[..., -1], axis=1) - inside[..., -1]
    return (inside + before[..., None]).reshape(terms.shape)


def _place(
    below: Float[Array, "rows cells length"], row: Int[Array, ""], uniform: Float[Array, " cells"]
) -> Int[Array, " cells"]:
    """First place of a row's tables above each uniform number; touches only the entries that it compares."""
    cell = jnp.arange(uniform.shape[0])

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        middle = (low + high) // 2
        above = below[row, cell, middle] > uniform
        return jnp.where(above, low, middle + 1), jnp.where(above, middle, high)

    start = jnp.zeros(uniform.shape, dtype=int)
    return jax.lax.fori_loop(0, _STEPS, halve, (start, start + _TABLE_LENGTH))[0]


def _by_expansion(uniform: Float[Array, " cells"], mean: Float[Array, " cells"]) -> Float[Array, " cells"]:
    return jnp.ceil(cornish_fisher(ndtri(uniform), jnp.maximum(mean, TABLE_UP_TO)))
