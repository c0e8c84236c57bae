"""The S1 of given photons: detection, double photoelectrons, gain, and the acceptance of the signal."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from wilks._base.numerics import log_factorial

from .signals import Signal
from .splitting import clipped_probability

_TINY = 1e-290  # keeps the logarithm of a probability of zero finite


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
    above, below = (high[None] - mean) / width, (low[None] - mean) / width
    far = below > 0  # both in the upper tail: subtract there, where nothing cancels
    upper = jnp.where(far, ndtr(-below), ndtr(above))
    return upper - jnp.where(far, ndtr(-above), ndtr(below))


def _binomial(n, k, p, size):
    inside = (k >= 0) & (k <= n)
    k = jnp.where(inside, k, 0.0)
    table = log_factorial(jnp.arange(size + 1, dtype=float))
    log_choose = [table[x.astype(jnp.int32)] for x in (n, k, n - k)]
    p = clipped_probability(p)
    log_p = k * jnp.log(p + _TINY) + (n - k) * jnp.log(1 - p + _TINY)
    return jnp.where(inside, jnp.exp(log_choose[0] - log_choose[1] - log_choose[2] + log_p), 0.0)
