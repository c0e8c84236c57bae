"""Where a network's function of the parameters is largest, for many sets of data at once: candidates, then zooms."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32
from scipy.special import ndtri

from wilks._base import runtime  # noqa: F401  64 bit before any array exists

_CLOUD = 32  # points of one zoom
ZOOMS = 8
_SHRINK = 0.55  # of the radius from zoom to zoom

Score = Callable[[Float32[Array, " size"], Any], Float32[Array, ""]]
"""``score(z, context)`` at one point."""


def halton(points: int, size: int) -> Float[np.ndarray, "points size"]:
    """Points spread evenly over the unit cube (J. Halton, Numer. Math. 2 (1960) 84)."""
    columns = [_van_der_corput(points, base) for base in _primes(size)]
    return np.stack(columns, axis=1)


def spread(candidates: int, size: int, *, uniform: bool) -> Float32[np.ndarray, "candidates size"]:
    """Candidates over the prior: coordinates uniform within sqrt3, or standard normal."""
    u = halton(candidates, size)
    if uniform:
        return (math.sqrt(3.0) * (2.0 * u - 1.0)).astype(np.float32)
    return ndtri(np.clip(u, 1e-4, 1 - 1e-4)).astype(np.float32)


def largest(
    score: Score,
    candidates: Float32[Array, "candidates size"],
    context: Any,
    bound: float,
    zooms: int = ZOOMS,
) -> tuple[Float32[Array, " size"], Float32[Array, ""]]:
    """Place and value of the maximum for ONE set of data: the best candidate, improved by shrinking clouds around it.

    Args:
        score: function of the coordinates.
        candidates: where the search begins.
        context: encoded data.
        bound: largest absolute coordinate.
        zooms: clouds, each about half as wide as the one before.
    """
    values = jax.vmap(lambda z: score(z, context))(candidates)
    first = jnp.argmax(values)
    size = candidates.shape[1]
    cloud = jnp.asarray(2.0 * halton(_CLOUD, size) - 1.0, candidates.dtype)
    radius = np.float32(2.0 * bound / len(candidates) ** (1.0 / size))

    def zoom(carry: tuple, number: Any) -> tuple[tuple, None]:
        z, best = carry
        reach = radius * np.float32(_SHRINK) ** number.astype(z.dtype)
        tried = jnp.clip(z[None] + reach * cloud, -np.float32(bound), np.float32(bound))
        found = jax.vmap(lambda at: score(at, context))(tried)
        top = jnp.argmax(found)
        better = found[top] > best
        return (jnp.where(better, tried[top], z), jnp.maximum(found[top], best)), None

    end, _ = jax.lax.scan(zoom, (candidates[first], values[first]), jnp.arange(zooms))
    return end


def _van_der_corput(points: int, base: int) -> Float[np.ndarray, " points"]:
    """Digits of 1, 2, 3, ... mirrored at the point."""
    left, weight, found = np.arange(1, points + 1), 1.0 / base, np.zeros(points)
    while left.any():
        found += weight * (left % base)
        left, weight = left // base, weight / base
    return found


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % p for p in found):
            found.append(number)
        number += 1
    return found
