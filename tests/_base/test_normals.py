"""Normal numbers follow the normal law, two and two independent; triangular products are products."""

import jax
import numpy as np
import pytest
from scipy import stats

from wilks._base.normals import lower_product, standard_normals

N, CELLS = 20_000, 7


@pytest.fixture(scope="module")
def drawn():
    """One row per key; cells i and i + 4 are a pair."""
    return np.asarray(jax.vmap(lambda key: standard_normals(key, CELLS))(jax.random.split(jax.random.key(2), N)))


def test_every_cell_is_standard_normal(drawn):
    assert drawn.shape == (N, CELLS)
    for cell in drawn.T:
        assert stats.kstest(cell, "norm").pvalue > 1e-4  # fixed seed: seven values that are uniform


def test_tails_are_as_long_as_they_should_be(drawn):
    for far in (2.0, 3.0, 4.0):
        expected = drawn.size * stats.norm.sf(far)
        for seen in ((drawn > far).sum(), (drawn < -far).sum()):
            assert abs(seen - expected) < 4.5 * np.sqrt(expected)  # Poisson errors; six comparisons


def test_the_two_of_a_pair_are_independent(drawn):
    limit = 4.5 / np.sqrt(N)  # standard deviations of a correlation, 21 of them
    for form in (lambda z: z, np.square, lambda z: z**2 * np.sign(z)):
        correlation = np.corrcoef(form(drawn).T) - np.eye(CELLS)
        assert np.abs(correlation).max() < limit
    quadrants = np.bincount(2 * (drawn[:, 0] > 0) + (drawn[:, 4] > 0), minlength=4)
    assert stats.chisquare(quadrants).pvalue > 1e-4  # fixed seed
    angle = np.arctan2(drawn[:, 4], drawn[:, 0])
    assert stats.kstest(angle, "uniform", args=(-np.pi, 2 * np.pi)).pvalue > 1e-4


@pytest.mark.parametrize("n", [1, 2, 5])
def test_any_number_can_be_drawn(n):
    numbers = np.asarray(standard_normals(jax.random.key(1), n))
    assert numbers.shape == (n,)
    assert len(np.unique(numbers)) == n
    assert np.isfinite(numbers).all()


@pytest.mark.parametrize("n", [1, 7, 40, 90])
def test_product_with_a_triangle(n):
    generator = np.random.default_rng(n)
    factor, vectors = np.tril(generator.normal(size=(n, n))), generator.normal(size=(3, n))
    found = jax.vmap(lambda vector: lower_product(factor, vector))(vectors)
    np.testing.assert_allclose(found, vectors @ factor.T, rtol=0, atol=1e-13)  # rounding of at most 90 terms
