"""Adam's steps in single precision throughout: no scalar of a training step is wider than the weights."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from wilks._base import runtime  # noqa: F401  64 bit before any array exists

_FIRST, _SECOND, _TINY = np.float32(0.9), np.float32(0.999), np.float32(1e-8)


class Moments(NamedTuple):
    """Running means of gradients and of their squares.

    Args:
        first: of the gradients.
        second: of their squares.
        first_bias: 0.9 to the power of the steps so far, what is still missing of the first.
        second_bias: 0.999 to that power.
    """

    first: Any
    second: Any
    first_bias: Float32[Array, ""]
    second_bias: Float32[Array, ""]


def no_moments(weights: Any) -> Moments:
    """Moments before the first step."""
    one = jnp.float32(1.0)
    return Moments(jax.tree.map(jnp.zeros_like, weights), jax.tree.map(jnp.zeros_like, weights), one, one)


def adam_step(gradient: Any, moments: Moments) -> tuple[Any, Moments]:
    """Direction of one step, to be taken times minus the rate, and the moments after it.

    Args:
        gradient: arrays in single precision in any tree.
        moments: before the step.

    References:
        D. P. Kingma, J. Ba, arXiv:1412.6980, algorithm 1.
    """
    first = jax.tree.map(lambda m, g: _FIRST * m + (1 - _FIRST) * g, moments.first, gradient)
    second = jax.tree.map(lambda v, g: _SECOND * v + (1 - _SECOND) * g**2, moments.second, gradient)
    first_bias, second_bias = _FIRST * moments.first_bias, _SECOND * moments.second_bias
    scale, spread = 1 / (1 - first_bias), 1 / (1 - second_bias)
    update = jax.tree.map(lambda m, v: scale * m / (jnp.sqrt(spread * v) + _TINY), first, second)
    return update, Moments(first, second, first_bias, second_bias)
