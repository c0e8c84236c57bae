"""The fast square of a sine against that of numpy, with its slope, from small to large phases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks.physics.oscillation.sine_squares import sine_squared

PHASES = np.concatenate([[0.0], np.geomspace(1e-12, 3e6, 4001), -np.geomspace(1e-3, 1e4, 101)])


def test_values_are_right_to_rounding_of_the_phase():
    found = np.asarray(sine_squared(jnp.asarray(PHASES)))
    # products with the two parts of pi: 2e-16 of pi each
    np.testing.assert_allclose(found, np.sin(PHASES) ** 2, atol=2e-15)
    small = np.abs(PHASES) < 1.0
    np.testing.assert_allclose(found[small], np.sin(PHASES[small]) ** 2, rtol=2e-15)


def test_the_slope_is_the_sine_of_twice_the_phase():
    slope = jax.vmap(jax.grad(sine_squared))(jnp.asarray(PHASES))
    np.testing.assert_allclose(slope, np.sin(2 * PHASES), atol=5e-15)
    bend = jax.vmap(jax.grad(jax.grad(sine_squared)))(jnp.asarray(PHASES))
    np.testing.assert_allclose(bend, 2 * np.cos(2 * PHASES), atol=1e-14)


@pytest.mark.parametrize("k", [1, 1000, 10**6])
def test_nothing_is_lost_near_multiples_of_pi(k):
    phase = k * np.pi
    # the rounded multiple lies within 1e-16 k of the true one, and numpy reduces it exactly
    assert float(sine_squared(jnp.asarray(phase))) == pytest.approx(np.sin(phase) ** 2, rel=1e-3, abs=1e-31)
