"""Means of tables under binomial distributions: against plain sums, with their derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import binom

from wilks.physics.xenon.binomial_means import binomial_means

SIZE = 400
P = np.array([0.0, 0.03, 0.5, 0.97, 1.0])
NUMBERS = np.arange(SIZE)[:, None]
# a lower edge at two electrons, and an upper one as sharp as a gain of 20 with a spread of 5 makes it
TABLE = np.where(NUMBERS < 2, 0.0, 1 / (1 + np.exp((NUMBERS - 250.0) / 3))) * np.ones(len(P))


def plain(p, table):
    return np.stack([[binom.pmf(np.arange(e + 1), e, q) @ t[: e + 1] for q, t in zip(p, table.T, strict=True)]
                     for e in range(len(table))])  # fmt: skip


@pytest.fixture(scope="module")
def slopes():
    return jax.jit(lambda p, dp, table, d_table: jax.jvp(binomial_means, (p, table), (dp, d_table)))


def test_means_are_the_plain_sums(slopes):
    found, _ = slopes(P, np.ones(len(P)), TABLE, np.zeros(TABLE.shape))
    # sums reach 6.5 standard deviations to each side: 1e-10 is left out
    np.testing.assert_allclose(found, plain(P, TABLE), atol=3e-10)


def test_derivatives_are_those_of_the_plain_sums(slopes):
    inside, step = P[1:4], 1e-6
    noise = np.random.default_rng(1).normal(size=(SIZE, len(P)))
    _, moved = slopes(P, np.r_[0.0, 1.0, 1.0, 1.0, 0.0], TABLE, noise)
    ends = [plain(inside + s, TABLE[:, 1:4]) for s in (-step, step)]
    expected = (ends[1] - ends[0]) / (2 * step) + plain(inside, noise[:, 1:4])
    # differences of plain sums are right to 1e-16 / step; slopes reach 40
    np.testing.assert_allclose(moved[:, 1:4], expected, atol=2e-8)
    assert np.isfinite(moved).all()


def test_second_derivatives_are_those_of_the_gradient():
    weights = jnp.asarray(np.random.default_rng(2).normal(size=(64, 2)))
    table = jnp.asarray(1 / (1 + np.exp((np.arange(64.0) - 30)[:, None] / 3)) * np.ones(2))

    def total(x):
        return jnp.sum(weights * binomial_means(x[0] * jnp.array([0.4, 0.8]), x[1] * table))

    gradient, at, step = jax.jit(jax.grad(total)), jnp.array([0.9, 1.1]), 1e-5
    found = jax.jit(jax.hessian(total))(at)
    expected = [(gradient(at + d) - gradient(at - d)) / (2 * step) for d in step * jnp.eye(2)]
    np.testing.assert_allclose(found, np.stack(expected), rtol=1e-5, atol=1e-5)
