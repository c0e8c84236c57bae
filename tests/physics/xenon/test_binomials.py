"""Tests of wilks.physics.xenon.binomials: probabilities of exactly 0 and 1, under compilation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks.physics.xenon.binomial_means import binomial_means
from wilks.physics.xenon.expectation import accepted_electrons
from wilks.physics.xenon.light import binomial

SIZE = 6


def _of_light(p):
    return binomial(jnp.full(SIZE, p), SIZE)


def _of_means(p):
    return binomial_means(p[None], jnp.arange(SIZE, dtype=float)[:, None] ** 2)[:, 0]


def _of_electrons(p):
    return accepted_electrons(jnp.full((SIZE, 1), p), jnp.arange(SIZE, dtype=float)[:, None] ** 2)[:, 0]


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_binomials_are_right_at_the_ends_with_their_slopes(p):
    value, slope = jax.jit(lambda x: jax.jvp(_of_light, (x,), (jnp.ones(()),)))(jnp.asarray(p))
    n, k = np.arange(SIZE)[None], np.arange(SIZE)[:, None]
    sure = n * int(p)
    np.testing.assert_allclose(value, (k == sure).astype(float), atol=1e-12)
    # d/dp of Binomial(k; n, p): at 0 it moves n from k = 0 to 1, at 1 from k = n - 1 to n
    expected = n * ((k == 1).astype(float) - (k == 0)) if p == 0 else n * ((k == n).astype(float) - (k == n - 1))
    np.testing.assert_allclose(slope, expected, atol=1e-12)


@pytest.mark.parametrize("function", [_of_means, _of_electrons])
@pytest.mark.parametrize("p", [0.0, 1.0])
def test_means_are_right_at_the_ends_with_their_slopes(function, p):
    value, slope = jax.jit(lambda x: jax.jvp(function, (x,), (jnp.ones(()),)))(jnp.asarray(p))
    n = np.arange(SIZE)
    # E k^2 = n p (1 - p) + n^2 p^2, and its derivative n (1 - 2 p) + 2 n^2 p
    np.testing.assert_allclose(value, n**2 * p, atol=1e-12)
    np.testing.assert_allclose(slope, n * (1 - 2 * p) + 2 * n**2 * p, atol=1e-10)
