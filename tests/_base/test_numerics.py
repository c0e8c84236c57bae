"""Small numerical kernels agree with scipy and the textbook."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from wilks._base.numerics import cholesky, cholesky_solve, log_factorial


@pytest.mark.parametrize("n", [0, 1, 3, 6, 7, 12])
def test_cholesky_and_its_solution(n):
    generator = np.random.default_rng(n)
    root = generator.normal(size=(n, n))
    matrix, right = root @ root.T + np.eye(n), generator.normal(size=n)
    factor, good = cholesky(jnp.asarray(matrix))
    assert bool(good)
    # rounding of a well-conditioned matrix
    np.testing.assert_allclose(factor @ factor.T, matrix, rtol=0, atol=1e-12)
    np.testing.assert_allclose(matrix @ np.asarray(cholesky_solve(factor, jnp.asarray(right))), right, atol=1e-11)


@pytest.mark.parametrize("n", [1, 3, 8])
@pytest.mark.parametrize("bad", [-1.0, jnp.nan])
def test_cholesky_says_what_is_not_positive_definite_and_holds_no_nan(n, bad):
    factor, good = cholesky(jnp.eye(n).at[n - 1, n - 1].set(bad))
    assert not bool(good)
    assert bool(jnp.all(jnp.isfinite(factor)))


def test_log_factorial_is_scipys():
    n = np.concatenate([np.arange(0.0, 300.0), np.geomspace(1e-6, 1e12, 500), [278.7777778, 0.5]])
    exact = special.gammaln(n + 1.0)
    # a few units in the last place of the terms of size n ln n that cancel
    np.testing.assert_allclose(log_factorial(jnp.asarray(n)), exact, rtol=1e-14, atol=1e-13)
    assert float(log_factorial(jnp.array(0.0))) == 0.0
    assert np.isnan(float(log_factorial(jnp.array(jnp.nan))))
