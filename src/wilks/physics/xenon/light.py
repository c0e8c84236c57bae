"""The S1 of given photons: detection, double photoelectrons, gain, and the acceptance of the signal."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erfc
from jaxtyping import Array, Float

from .binomials import floored_log, log_choices
from .signals import Signal
from .splitting import clipped_probability


class Light(eqx.Module):
    """What happens to photons, by their number.

    Args:
        efficiency: probability that a photon is detected, by number of produced photons.
        acceptance: probability that an event is kept, by number of detected photons.
        double: probability that a detected photon gives two photoelectrons.
    """

    efficiency: Float[Array, " photons"]
    acceptance: Float[Array, " detected"]
    double: Float[Array, ""]


def photoelectrons_of(light: Light) -> Float[Array, "photoelectrons photons"]:
    """P(photoelectrons, kept; photons), for as many photoelectrons as there are numbers of detected photons."""
    detected = binomial(light.efficiency, light.acceptance.shape[0])
    return doubling(light.double, light.acceptance.shape[0]) @ (light.acceptance[:, None] * detected)


def binomial(p: Float[Array, " trials"], successes: int) -> Float[Array, "successes trials"]:
    """Binomial(k; n, p[n]) for k < successes and n = 0, 1, ..."""
    n = jnp.arange(p.shape[0], dtype=float)[None]
    k = jnp.arange(successes, dtype=float)[:, None]
    return _binomial(n, k, p[None], max(p.shape[0], successes))


def doubling(double: Float[Array, ""], size: int) -> Float[Array, "photoelectrons detected"]:
    """P(photoelectrons; detected photons) when each may count twice."""
    detected = jnp.arange(size, dtype=float)[None]
    photoelectrons = jnp.arange(size, dtype=float)[:, None]
    return _binomial(detected, photoelectrons - detected, double, size)


def log_densities(
    size: int, gain: Float[Array, " events"], spread: Float[Array, " events"], signal: Signal
) -> Float[Array, "quanta events"]:
    """ln density of the observed signal, given 0, 1, ... size - 1 quanta of a gain and a spread."""
    number = jnp.arange(size, dtype=float)[:, None]
    mean = number * (signal.scale * gain)[None]
    variance = number * (signal.scale * spread)[None] ** 2 + signal.variance[None]
    views = signal.log_weights[:, None] - 0.5 * (signal.positions[:, None] - mean[None]) ** 2 / variance[None]
    seen = views[0] if views.shape[0] == 1 else jax.scipy.special.logsumexp(views, axis=0)
    return seen - 0.5 * jnp.log(2 * jnp.pi * variance)


def probability_between(
    low: Float[Array, " #nodes"],
    high: Float[Array, " #nodes"],
    mean: Float[Array, "quanta nodes"],
    width: Float[Array, "quanta nodes"],
) -> Float[Array, "quanta nodes"]:
    """Probability that a normal signal lies between two edges."""
    return _between((low[None] - mean) / width, (high[None] - mean) / width)


@jax.custom_jvp
def _between(low, high):
    """Phi(high) - Phi(low), as a difference of what lies beyond the two edges on the side where nothing cancels."""
    side = jnp.where(low > 0, 1.0, -1.0)
    beyond = erfc(jnp.stack([side * low, side * high]) * np.sqrt(0.5))
    return 0.5 * side * (beyond[0] - beyond[1])


@_between.defjvp
def _between_jvp(at, move):
    heights = [jnp.exp(-0.5 * x**2) * np.sqrt(0.5 / np.pi) for x in at]
    return _between(*at), heights[1] * move[1] - heights[0] * move[0]


def _binomial(n, k, p, size):
    inside = (k >= 0) & (k <= n)
    k = jnp.where(inside, k, 0.0)
    p = clipped_probability(p)
    log_p = k * floored_log(p) + jnp.where(inside, n - k, 0.0) * floored_log(1 - p)
    return jnp.where(inside, jnp.exp(log_choices(n, k, n - k, size + 1) + log_p), 0.0)
