"""Standard normal numbers in batches, and the product that gives them a covariance."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, UInt

from .typing import Key

_TERMS = 11  # of Taylor's series, right to rounding within a quarter turn
_SINE = tuple((-1) ** n * math.pi ** (2 * n + 1) / math.factorial(2 * n + 1) for n in range(_TERMS))
_COSINE = tuple((-1) ** n * math.pi ** (2 * n) / math.factorial(2 * n) for n in range(_TERMS + 1))
_ONE = 0x3FF0000000000000  # bits of 1.0
_BANDS = 4  # of rows of a triangle; more gain nothing
_FEWEST_IN_A_BAND = 16


def standard_normals(key: Key, n: int) -> Float[Array, " n"]:
    """Independent standard normal numbers, two from each pair of uniform ones.

    With u, v uniform in (0, 1), r = sqrt(-2 ln u) with a random sign (a spare bit of v) and an angle of pi (v - 1/2),
    r cos and r sin are independent normal numbers. Logarithm and root are shared by two, and the angle never leaves the
    half turn in which short series hold: half of what `draws.normal_quantile` costs.

    References:
        G. E. P. Box and M. E. Muller, Ann. Math. Statist. 29 (1958) 610.
    """
    first, second = jax.random.bits(key, (2, (n + 1) // 2), jnp.uint64)
    size = jnp.sqrt(-2.0 * jnp.log(2.0 - _from_one_to_two(first)))
    sign = jnp.where((second & np.uint64(1)) == 0, 1.0, -1.0)
    turn = _from_one_to_two(second) - 1.5
    radius, square = sign * size, turn * turn
    pair = (radius * _series(_COSINE, square), radius * (turn * _series(_SINE, square)))
    return jnp.concatenate(pair)[:n]


def lower_product(
    factor: Float[Array, "n n"] | Float[np.ndarray, "n n"], vector: Float[Array, " n"]
) -> Float[Array, " n"]:
    """A lower triangle times a vector, by bands of rows that end where the triangle does: many vectors cost 5/8.

    Args:
        factor: the triangle; what stands above its diagonal must be zero.
        vector: what it multiplies.
    """
    n, factor = len(vector), jnp.asarray(factor)
    bands = max(min(_BANDS, n // _FEWEST_IN_A_BAND), 1)
    ends = [n * band // bands for band in range(bands + 1)]
    parts = [factor[low:high, :high] @ vector[:high] for low, high in itertools.pairwise(ends)]
    return jnp.concatenate(parts)


def _from_one_to_two(bits: UInt[Array, "*shape"]) -> Float[Array, "*shape"]:
    """Numbers in [1, 2) with the upper 52 of 64 bits."""
    return jax.lax.bitcast_convert_type((bits >> np.uint64(12)) | np.uint64(_ONE), jnp.float64)


def _series(coefficients: tuple[float, ...], at: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    total = jnp.full_like(at, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        total = total * at + coefficient
    return total
