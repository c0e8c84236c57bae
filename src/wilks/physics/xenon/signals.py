"""From the raw signal to the observed one: bias and smearing of the reconstruction."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

_NODES, _WEIGHTS = np.polynomial.hermite.hermgauss(32)
SMALLEST_SMEAR = 1e-15
_STEPS = 8


class Signal(eqx.Module):
    """Observed signals as views of the raw signal.

    The density of the observed signal, given k quanta of mean m and variance v each, is the sum over views of
    exp(log_weight) Normal(position; scale k m, scale^2 k v + variance). One view is enough if bias and smearing do not
    depend on the raw signal.

    Args:
        positions: where the raw signal is looked at.
        log_weights: ln of the weight of each view.
        scale: factor on the raw signal.
        variance: variance added to the raw signal's.
        centre: best guess of scale x raw signal.
    """

    positions: Float[Array, "views events"]
    log_weights: Float[Array, "views events"]
    scale: Float[Array, " events"]
    variance: Float[Array, " events"]
    centre: Float[Array, " events"]


def folded(observed: Float[Array, " events"], bias: Float[Array, " events"], smear: Float[Array, " events"]) -> Signal:
    """One view: a bias and a smearing that do not depend on the raw signal fold into one Gaussian."""
    zero = jnp.zeros_like(observed)
    return Signal(observed[None], zero[None], bias, jnp.maximum(smear, SMALLEST_SMEAR) ** 2, observed)


def raw_nodes(
    observed: Float[Array, " events"],
    bias: Callable[[Float[Array, " events"]], Float[Array, " events"]],
    smear: Callable[[Float[Array, " events"]], Float[Array, " events"]],
) -> Float[Array, "views events"]:
    """Raw signals at 32 Gauss-Hermite nodes around the one whose biased value is observed, as wide as the smearing.

    Args:
        observed: observed signals.
        bias: of raw signals, by Newton's method inverted.
        smear: of raw signals.
    """

    def step(_, raw):
        value, slope = jax.jvp(lambda x: x * bias(x), (raw,), (jnp.ones_like(raw),))
        return raw - (value - observed) / slope

    raw = jax.lax.fori_loop(0, _STEPS, step, observed / bias(observed))
    slope = jax.jvp(lambda x: x * bias(x), (raw,), (jnp.ones_like(raw),))[1]
    width = jnp.maximum(smear(raw), SMALLEST_SMEAR) / slope
    nodes = raw[None] + jnp.sqrt(2.0) * width[None] * jnp.asarray(_NODES)[:, None]
    return jax.lax.stop_gradient(nodes)  # the integral does not depend on where its nodes are


def integrated(
    observed: Float[Array, " events"],
    raw: Float[Array, "views events"],
    bias: Float[Array, "views events"],
    smear: Float[Array, "views events"],
) -> Signal:
    """Many views: the integral over the raw signal, with bias and smearing evaluated at its nodes."""
    smear = jnp.maximum(smear, SMALLEST_SMEAR)
    step = (raw[1] - raw[0]) / (_NODES[1] - _NODES[0])
    log_node = jnp.asarray(np.log(_WEIGHTS) + _NODES**2)[:, None] + jnp.log(step)[None]
    log_density = -0.5 * ((observed[None] - raw * bias) / smear) ** 2 - jnp.log(smear) - 0.5 * jnp.log(2 * jnp.pi)
    one, zero = jnp.ones_like(observed), jnp.zeros_like(observed)
    return Signal(raw, log_node + log_density, one, zero + SMALLEST_SMEAR**2, jnp.mean(raw, axis=0))
