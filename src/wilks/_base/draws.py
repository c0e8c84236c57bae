"""Random draws written for batches: every datum is the image of one uniform number under the inverse distribution."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Array, Float, Int

from .poisson_tables import REACH, TABLE_UP_TO, cornish_fisher
from .typing import Key

_TABLE_LENGTH = 400  # counts in a table: 9.5 standard deviations to each side of the largest mean
_BLOCK = 20  # counts summed at a time; divides the length
_STEPS = 9  # halvings that find a place among 400

Coefficients = tuple[float, ...]
"""Of a polynomial, the constant first."""

# Wichura's a, c, e and b, d, f: numerators and denominators in the centre, near the ends, and within 1e-11 of them
_ABOVE: tuple[Coefficients, Coefficients, Coefficients] = (
    (3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
     1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
)  # fmt: skip
_BELOW: tuple[Coefficients, Coefficients, Coefficients] = (
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
    (1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)  # fmt: skip


def uniforms(key: Key, n: int) -> Float[Array, " n"]:
    """Uniform numbers in (0, 1)."""
    return jax.random.uniform(key, (n,), minval=jnp.finfo(float).tiny)


def normal_quantile(uniform: Float[Array, " cells"]) -> Float[Array, " cells"]:
    """Standard normal deviates at the given probabilities, right to 1e-15; 37.7 at the ends of [0, 1].

    One division of two polynomials per number, chosen among three pairs, which is two thirds of what a general inverse
    costs.

    References:
        M. J. Wichura, Appl. Statist. 37 (1988) 477, algorithm AS 241 (PPND16).
    """
    away = uniform - 0.5
    tail = jnp.maximum(jnp.minimum(uniform, 1.0 - uniform), jnp.finfo(float).tiny)
    depth = jnp.sqrt(-jnp.log(tail))
    central, deep, side = jnp.abs(away) <= 0.425, depth > 5.0, jnp.sign(away)
    inside, near, far = 0.180625 - away * away, depth - 1.6, depth - 5.0

    def chosen(centre: Coefficients, middle: Coefficients, end: Coefficients) -> tuple[Array, Array]:
        return _series(centre, inside), jnp.where(deep, _series(end, far), _series(middle, near))

    above, outer = chosen(*_ABOVE)
    below, under = chosen(*_BELOW)
    return jnp.where(central, away * above, side * outer) / jnp.where(central, below, under)


def _series(coefficients: Coefficients, at: Float[Array, " cells"]) -> Float[Array, " cells"]:
    total = jnp.full_like(at, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * at + coefficient
    return total


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
    below = _running_sum(jnp.exp(count * log_mean - mean[:, None] - jnp.asarray(_log_factorials())[count]))
    return first, below / below[:, -1:]  # ends at 1, above every uniform number


@functools.cache
def _log_factorials() -> Float[np.ndarray, " counts"]:
    return scipy.special.gammaln(np.arange(2 * _TABLE_LENGTH) + 1.0)


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
    return jnp.ceil(cornish_fisher(normal_quantile(uniform), jnp.maximum(mean, TABLE_UP_TO)))
