import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from wilks.physics.xenon.splitting import beta_binomial_split, beta_parameters, binomial_pairs, by_electrons

N = 90
QUANTA = np.arange(N)


def parameters(shift=0.0):
    mean = 0.3 + 0.5 * QUANTA / N + shift
    return beta_parameters(jnp.asarray(mean), jnp.full(N, 0.06))


def test_beta_binomial_rows_are_those_of_scipy():
    alpha, beta = (np.asarray(x) for x in parameters())
    found = np.asarray(beta_binomial_split(jnp.asarray(alpha), jnp.asarray(beta), 60))
    expected = stats.betabinom.pmf(np.arange(60)[:, None], QUANTA[None], alpha[None], beta[None])
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-300)
    assert (found[:, 5][6:] == 0).all()


def test_derivatives_of_beta_binomials_are_those_of_finite_differences():
    def split(x):
        alpha, beta = parameters()
        return beta_binomial_split(alpha * (1 + x[0]), beta * (1 + x[1]), 60)

    step = 1e-5
    forward, backward = jax.jacfwd(split)(np.zeros(2)), jax.jacrev(split)(np.zeros(2))
    for i in range(2):
        move = step * np.eye(2)[i]
        difference = np.asarray(split(move) - split(-move)) / (2 * step)
        assert np.asarray(forward[..., i]) == pytest.approx(difference, abs=1e-8)
    assert np.asarray(backward) == pytest.approx(np.asarray(forward), abs=1e-12)
    second = jax.jacfwd(jax.jacrev(lambda x: jnp.sum(split(x) ** 2)))(np.zeros(2))
    assert np.asarray(second) == pytest.approx(np.asarray(second).T, rel=1e-10)


def test_beta_parameters_have_mean_and_width_within_the_clips():
    mean, width = np.array([0.5, 0.7, 0.3]), np.array([0.05, 0.1, 0.02])
    alpha, beta = beta_parameters(mean, width, np)
    assert stats.beta.mean(alpha, beta) == pytest.approx(mean)
    assert stats.beta.std(alpha, beta) == pytest.approx(width)
    alpha, beta = beta_parameters(np.array([0.001, 0.999, 0.5, 0.5]), np.array([0.01, 0.01, 0.0, 9.0]), np)
    assert stats.beta.mean(alpha, beta)[:2] == pytest.approx([0.011, 0.95])
    assert stats.beta.std(alpha, beta)[2] == pytest.approx(0.005)
    assert np.maximum(alpha, beta)[3] >= 1


def test_pairs_are_read_off_along_the_quanta():
    table = np.where(np.arange(4)[:, None] <= np.arange(6)[None], np.arange(24.0).reshape(4, 6), 0.0)
    found = np.asarray(by_electrons(jnp.asarray(table), 5))
    expected = [[table[ph, ph + e] if ph + e < 6 else 0.0 for e in range(5)] for ph in range(4)]
    assert found.tolist() == expected
    assert np.asarray(by_electrons(jnp.asarray(table), 9)).shape == (4, 9)


def test_binomial_pairs_are_those_of_scipy():
    p, rates = 0.2 + 0.5 * QUANTA / N, np.where(QUANTA % 3 == 0, 0.0, 1.0 + QUANTA)
    found = np.asarray(binomial_pairs(jnp.asarray(p), jnp.asarray(rates), 70, 50))
    ph, e = np.arange(70)[:, None], np.arange(50)[None]
    n = np.minimum(ph + e, N - 1)
    expected = np.where(ph + e < N, rates[n] * stats.binom.pmf(e, n, p[n]), 0.0)
    assert found == pytest.approx(expected, rel=1e-11, abs=1e-300)
