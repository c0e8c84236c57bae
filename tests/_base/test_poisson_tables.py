"""Tables of Poisson distributions and their inversion, against scipy and the traced draws."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from wilks._base.draws import poisson_quantile, uniforms
from wilks._base.poisson_tables import counts_at, poisson_tables

MEANS = np.array([[0.0, 1e-9, 0.3, 3.0], [26.0, 219.0, 399.9, 400.0]])


def test_tables_are_the_distributions():
    tables = poisson_tables(MEANS)
    count = tables.first[..., None] + np.arange(tables.below.shape[2])
    # what lies outside of 9.5 standard deviations; products of ratios keep 14 digits
    np.testing.assert_allclose(tables.below, stats.poisson.cdf(count, MEANS[..., None]), atol=1e-13)
    assert (tables.below[..., -1] == 1.0).all()


@given(st.floats(0.0, 400.0), st.floats(1e-12, 1.0, exclude_max=True))
def test_a_count_is_the_first_whose_probability_is_enough(mean, uniform):
    (got,) = counts_at(poisson_tables(np.array([[mean]])), np.array([[uniform]]), np.array([0]))
    # half a rounding error of the table decides where a probability is met exactly
    assert stats.poisson.cdf(got[0], mean) >= uniform - 1e-13
    assert got[0] == 0 or stats.poisson.cdf(got[0] - 1, mean) <= uniform + 1e-13


def test_draws_are_those_of_compiled_code():
    means = np.concatenate([MEANS, [[401.0, 1e4, 1e6, 12.0]]])
    uniform = np.asarray(uniforms(jax.random.key(1), 1200)).reshape(300, 4)
    row = np.arange(300) % 3
    got = counts_at(poisson_tables(means), uniform, row)
    many = jax.vmap(lambda u, r: poisson_quantile(u, jnp.asarray(means)[r]))(uniform, row)
    np.testing.assert_array_equal(got, many)


def test_a_draw_does_not_depend_on_its_batch():
    uniform, row = np.asarray(uniforms(jax.random.key(2), 40)).reshape(10, 4), np.arange(10) % 2
    whole = counts_at(poisson_tables(MEANS), uniform, row)
    alone = [counts_at(poisson_tables(MEANS), uniform[i : i + 1], row[i : i + 1])[0] for i in range(10)]
    np.testing.assert_array_equal(whole, alone)
