"""Costs of problem c for iminuit: -ln L by numpy, by numpy with a gradient written by hand, and by jax."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from problems.unbinned import DECAY, PEAK, SCALE

jax.config.update("jax_enable_x64", True)

Cost = Callable[[np.ndarray], float]
Gradient = Callable[[np.ndarray], np.ndarray]


def plain(x: np.ndarray) -> tuple[Cost, None]:
    """No gradient."""
    falling = DECAY * np.exp(-x / SCALE)

    def nll(theta: np.ndarray) -> float:
        f, m, s = theta
        z = (x - m) / s
        return -np.log(f * PEAK / s * np.exp(-0.5 * z * z) + (1.0 - f) * falling).sum()

    return nll, None


def by_hand(x: np.ndarray) -> tuple[Cost, Gradient]:
    """The gradient written out."""
    falling = DECAY * np.exp(-x / SCALE)

    def parts(theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        f, m, s = theta
        z = (x - m) / s
        peak = PEAK / s * np.exp(-0.5 * z * z)
        return z, peak, f * peak + (1.0 - f) * falling

    def nll(theta: np.ndarray) -> float:
        return -np.log(parts(theta)[2]).sum()

    def slope(theta: np.ndarray) -> np.ndarray:
        z, peak, total = parts(theta)
        f, _, s = theta
        share = peak / total
        return -np.array(
            [((peak - falling) / total).sum(), f / s * (share * z).sum(), f / s * (share * (z * z - 1)).sum()]
        )

    return nll, slope


@jax.jit
def _nll(theta: jax.Array, x: jax.Array, falling: jax.Array) -> jax.Array:
    f, m, s = theta
    z = (x - m) / s
    return -jnp.log(f * PEAK / s * jnp.exp(-0.5 * z * z) + (1.0 - f) * falling).sum()


_slope = jax.jit(jax.grad(_nll))


def by_jax(x: np.ndarray) -> tuple[Cost, Gradient]:
    """Value and gradient compiled."""
    events = jnp.asarray(x)
    falling = jnp.asarray(DECAY * np.exp(-x / SCALE))
    return (
        lambda theta: float(_nll(jnp.asarray(theta), events, falling)),
        lambda theta: np.asarray(_slope(jnp.asarray(theta), events, falling)),
    )


COSTS = {"numpy": plain, "numpy with gradient": by_hand, "JAX gradient": by_jax}
