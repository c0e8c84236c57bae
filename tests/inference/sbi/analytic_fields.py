"""Fields of flow matching and score matching in closed form: those that carry noise to a normal law."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.paths import FlowMatching, VelocityField
from wilks.inference.sbi.score_paths import ScoreField, ScoreMatching

CENTRE = np.array([0.7, -0.3], dtype=np.float32)
SPREAD = np.array([0.2, 0.5], dtype=np.float32)


class NormalVelocity(VelocityField):
    """The best velocity for N(CENTRE, SPREAD^2).

    z_t = a z0 + t z1 is normal with mean t CENTRE and variance a^2 + t^2 SPREAD^2, so that the mean of
    u = z1 - (1-sigma_min) z0 given z_t is linear in it.
    """

    def velocity(self, z, t, prepared, key=None):
        shrink = np.float32(1.0 - self.settings.sigma_min)
        a = 1 - shrink * t
        return CENTRE + (t * SPREAD**2 - shrink * a) / (a**2 + t**2 * SPREAD**2) * (z - t * CENTRE)


class NormalDenoiser(ScoreField):
    """The best denoiser for N(CENTRE, SPREAD^2)."""

    def denoised(self, z, s, prepared, key=None):
        return (SPREAD**2 * z + s**2 * CENTRE) / (SPREAD**2 + s**2)


def normal_denoiser(**settings):
    family = ScoreMatching(network=Residual(width=4, depth=1), **settings)
    return NormalDenoiser(trunk=family.build(jax.random.key(0), 2, 1, 100).trunk, size=2, settings=family)


def normal_velocity(context=1, **settings):
    family = FlowMatching(network=Residual(width=4, depth=1), **settings)
    return NormalVelocity(trunk=family.build(jax.random.key(0), 2, context, 100).trunk, size=2, settings=family)


@eqx.filter_jit
def drawn(density, key, n):
    return density.draw(jax.random.split(key, n), jnp.zeros((n, 1), dtype=jnp.float32))


@eqx.filter_jit
def drawn_with_density(density, key, n):
    return density.draw_with_density(jax.random.split(key, n), jnp.zeros((n, 1), dtype=jnp.float32))
