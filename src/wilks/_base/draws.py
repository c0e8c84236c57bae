"""Random draws written for batches: every datum is the image of one uniform number under the inverse distribution."""

import jax
import jax.numpy as jnp
from jax.scipy.special import gammaln, ndtri, xlogy
from jaxtyping import Array, Float

from .typing import Key

_TABLE_UP_TO = 400.0  # largest mean inverted from a table of its distribution
_TABLE_LENGTH = 400  # counts in a table: 9.5 standard deviations to each side of the largest mean
_REACH = 9.5


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

    References:
        E. A. Cornish and R. A. Fisher, Rev. Inst. Int. Stat. 5 (1938) 307; the variance is that of a lattice,
        mean - 1/12.
    """
    mean = jnp.maximum(mean, 0.0)
    return jnp.where(mean <= _TABLE_UP_TO, _by_table(uniform, mean), _by_expansion(uniform, mean))


def _by_table(uniform: Float[Array, " cells"], mean: Float[Array, " cells"]) -> Float[Array, " cells"]:
    mean = jnp.minimum(mean, _TABLE_UP_TO)
    first = jnp.maximum(jnp.floor(mean - _REACH * jnp.sqrt(mean) - 5.0), 0.0)
    count = first[:, None] + jnp.arange(_TABLE_LENGTH, dtype=float)[None]
    at = mean[:, None]
    below = jnp.cumsum(jnp.exp(xlogy(count, at) - at - gammaln(count + 1.0)), axis=1)
    below = below / below[:, -1:]  # ends at 1, above every uniform number
    return first + jax.vmap(lambda cdf, u: jnp.searchsorted(cdf, u, side="right"))(below, uniform)


def _by_expansion(uniform: Float[Array, " cells"], mean: Float[Array, " cells"]) -> Float[Array, " cells"]:
    mean = jnp.maximum(mean, _TABLE_UP_TO)
    z, skewness = ndtri(uniform), mean**-0.5
    shifted = z + (z**2 - 1) * skewness / 6 + ((z**3 - 3 * z) / 24 - (2 * z**3 - 5 * z) / 36) * skewness**2
    return jnp.ceil(mean + jnp.sqrt(mean - 1 / 12) * shifted - 0.5)
