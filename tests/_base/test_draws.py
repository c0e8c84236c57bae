"""Draws follow the distributions they are named after."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special, stats

from wilks._base.draws import normal_quantile, poisson_quantile, poisson_quantile_of_one, uniforms

N = 40_000
MEANS = [0.0, 0.3, 5.0, 150.0, 399.0, 401.0, 1e5]


@pytest.fixture(scope="module")
def counts():
    """Draws at all means from one compiled program: one row per mean."""
    means = jnp.asarray(MEANS)

    @jax.jit
    def draw(keys):
        return jax.vmap(lambda key: poisson_quantile(uniforms(key, len(MEANS)), means))(keys)

    return np.asarray(draw(jax.random.split(jax.random.key(3), N))).T


@pytest.mark.parametrize("row", range(len(MEANS)))
def test_poisson_counts_have_mean_and_variance_of_the_law(counts, row):
    mean, drawn = MEANS[row], counts[row]
    assert (drawn == np.round(drawn)).all()
    assert (drawn >= 0).all()
    # five standard errors of the mean and of the variance (fourth central moment 3 m^2 + m)
    assert abs(drawn.mean() - mean) <= 5 * np.sqrt(mean / N)
    assert abs(drawn.var() - mean) <= 5 * np.sqrt((2 * mean**2 + mean) / N)


@pytest.mark.parametrize("row", range(1, len(MEANS)))
def test_poisson_frequencies_follow_the_law(counts, row):
    mean, drawn = MEANS[row], counts[row]
    edges = np.unique(stats.poisson.ppf(np.linspace(0, 1, 21)[1:-1], mean))
    expected = N * np.diff([0.0, *stats.poisson.cdf(edges, mean), 1.0])
    observed = np.bincount(np.searchsorted(edges, drawn, side="left"), minlength=len(expected))
    chi2 = np.sum((observed - expected) ** 2 / expected)
    assert stats.chi2.sf(chi2, len(expected) - 1) > 1e-4  # fixed seed; six laws are tested


@pytest.mark.parametrize("mean", [0.3, 5.0, 150.0, 399.0])
def test_tabulated_counts_are_exact_quantiles(mean):
    probability = np.array([1e-12, 1e-4, 0.02, 0.31, 0.5, 0.77, 0.999, 1 - 1e-9])
    drawn = poisson_quantile(jnp.asarray(probability), jnp.full(len(probability), mean))
    np.testing.assert_array_equal(drawn, stats.poisson.ppf(probability, mean))


@pytest.mark.parametrize("mean", [401.0, 1e5])
def test_expanded_counts_lie_within_one_of_the_quantile(mean):
    probability = np.linspace(1e-6, 1 - 1e-6, 501)
    drawn = np.asarray(poisson_quantile(jnp.asarray(probability), jnp.full(len(probability), mean)))
    exact = stats.poisson.ppf(probability, mean)
    assert np.abs(drawn - exact).max() <= 1
    # an error of the cumulative distribution of 2e-6 moves a quantile across a step of 1/sqrt(2 pi mean) rarely
    assert (drawn != exact).mean() < 0.01


def test_the_largest_uniform_number_gives_a_count_of_the_distribution():
    top = jnp.full(3, 1 - 2.0**-53)
    drawn = np.asarray(poisson_quantile(top, jnp.array([0.0, 0.3, 5.0])))
    assert drawn[0] == 0
    assert (drawn[1:] < 45).all()  # P(n >= 45) is below 1e-25 at a mean of 5


def test_counts_rise_with_the_mean_at_equal_uniform_numbers():
    uniform = uniforms(jax.random.key(1), 200)
    drawn = [np.asarray(poisson_quantile(uniform, jnp.full(200, m))) for m in (2.0, 2.5, 30.0, 399.0, 402.0)]
    assert all((after >= before).all() for before, after in itertools.pairwise(drawn))


def test_normal_quantile_and_uniforms():
    np.testing.assert_allclose(normal_quantile(jnp.array([0.5, 0.8413447460685429])), [0.0, 1.0], atol=1e-12)
    uniform = np.asarray(uniforms(jax.random.key(5), 10_000))
    assert uniform.min() > 0
    assert uniform.max() < 1
    assert stats.kstest(uniform, "uniform").pvalue > 1e-3


def test_normal_quantile_is_right_from_end_to_end():
    tails = np.logspace(-307.6, -0.31, 20_001)  # down to the smallest uniform number
    uniform = np.concatenate([tails, 1.0 - tails[tails > 1e-16], np.linspace(1e-6, 1.0 - 1e-6, 20_001)])
    found, expected = np.asarray(normal_quantile(jnp.asarray(uniform))), special.ndtri(uniform)
    # both are right to a few units in the last place; near 0 an error of a unit in the probability counts
    np.testing.assert_allclose(found, expected, rtol=4e-15, atol=1e-15)
    ends = np.asarray(normal_quantile(jnp.array([0.0, 0.5, 1.0])))
    assert np.isfinite(ends).all()
    assert ends[1] == 0.0
    assert ends[2] == -ends[0] > 37.0


def test_a_mean_that_is_no_number_gives_no_number():
    drawn = np.asarray(poisson_quantile(jnp.array([0.4, 0.4]), jnp.array([jnp.nan, 3.0])))
    assert np.isnan(drawn[0])
    assert drawn[1] == 2


def test_draws_at_one_row_of_means_are_those_at_that_row():
    means = jnp.array([[0.0, 3.0, 250.0], [2.0, 390.0, 1e4]])
    for row in range(2):
        uniform = uniforms(jax.random.key(row), 3)
        got = poisson_quantile_of_one(uniform, means, jnp.asarray(row))
        np.testing.assert_array_equal(got, poisson_quantile(uniform, means[row]))
