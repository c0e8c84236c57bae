"""Parts of binomial probabilities: log factorials as tables, logarithms that are finite at probabilities 0 and 1."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import gammaln

_FLOOR = 1e-150  # stands for a probability of zero: it and the square of its inverse are numbers


@functools.lru_cache(maxsize=64)
def log_factorials(size: int) -> Float[np.ndarray, " numbers"]:
    """ln n! for n = 0, 1, ... size - 1: numbers, so that no program computes them."""
    return gammaln(np.arange(size) + 1.0)


def log_choices(
    n: Float[Array, "*#terms"], k: Float[Array, "*#terms"], rest: Float[Array, "*#terms"], size: int
) -> Float[Array, "*#terms"]:
    """ln of the binomial coefficients n! / (k! rest!), from a table of ``size`` entries.

    What lies outside the table gets its nearest entry.
    """
    table = jnp.asarray(log_factorials(size))
    of_n, of_k, of_rest = (table[x.astype(jnp.int32)] for x in (n, k, rest))
    return jax.lax.stop_gradient(of_n - of_k - of_rest)


@jax.custom_jvp
def floored_log(p: Float[Array, "*terms"]) -> Float[Array, "*terms"]:
    """ln p, large and finite at p = 0, with a derivative for which p^k is right there: 1 for k = 1, 0 above."""
    return jnp.log(jnp.maximum(p, _FLOOR))


@floored_log.defjvp
def _floored_log_jvp(at, move):
    return floored_log(at[0]), move[0] / jnp.maximum(at[0], _FLOOR)


def floored(p: Float[Array, "*terms"]) -> Float[Array, "*terms"]:
    """A probability by which can be divided."""
    return jnp.maximum(p, _FLOOR)
