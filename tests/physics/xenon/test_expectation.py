import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from wilks.physics.xenon.expectation import accepted_electrons, signal_nodes
from wilks.physics.xenon.light import Light, binomial, doubling, photoelectrons_of, probability_between

SIZE = 400
P = np.array([0.05, 0.3, 0.75, 0.96, 1.0])


def accepted(low, high, spread=5.0):
    n = np.arange(SIZE)[:, None]
    width = np.sqrt(n * spread**2 + 9e-6)
    return stats.norm.cdf((high - 20 * n) / width) - stats.norm.cdf((low - 20 * n) / width)


@pytest.mark.parametrize(("low", "high"), [(2.0, 6000.0), (200.0, 3000.0)])
def test_strided_sums_are_the_full_sums(low, high):
    table = accepted(low, high)
    probability = np.broadcast_to(P, (SIZE, len(P)))
    found = np.asarray(accepted_electrons(jnp.asarray(probability), jnp.broadcast_to(table, probability.shape)))
    e, n = np.arange(SIZE)[:, None], np.arange(SIZE)[None]
    expected = np.stack([stats.binom.pmf(n, e, p) @ table[:, 0] for p in P], axis=1)
    # what strides miss at a sharp edge alternates between neighbours; a spectrum averages it
    spectrum = np.exp(-0.5 * ((np.arange(SIZE) - 120) / 60) ** 2)
    assert spectrum @ found == pytest.approx(spectrum @ expected, rel=2e-6)
    assert found == pytest.approx(expected, abs=2e-3)


def test_derivatives_of_strided_sums():
    table = jnp.broadcast_to(accepted(200.0, 3000.0), (SIZE, 2))
    spectrum = np.exp(-0.5 * ((np.arange(SIZE) - 120) / 60) ** 2)

    def total(x):
        return jnp.sum(spectrum @ accepted_electrons(jnp.broadcast_to(x[:2], (SIZE, 2)), table * x[2]))

    at, step = np.array([0.4, 0.8, 0.9]), 1e-6
    gradient = jax.grad(total)(at)
    for i in range(3):
        move = step * np.eye(3)[i]
        assert float(gradient[i]) == pytest.approx(float(total(at + move) - total(at - move)) / (2 * step), rel=1e-5)


def test_nodes_integrate_a_signal():
    nodes, weights = signal_nodes(np.array([2.0, 0.0]), np.array([70.0, 400.0]))
    density = stats.norm.pdf(nodes, 30.0, 3.0)
    expected = stats.norm.cdf([70.0, 400.0], 30, 3) - stats.norm.cdf([2.0, 0.0], 30, 3)
    assert (density * weights).sum(axis=1) == pytest.approx(expected, rel=1e-9)


def test_light_tables_are_binomials():
    p = np.full(50, 0.1)
    expected = stats.binom.pmf(np.arange(12)[:, None], np.arange(50)[None], 0.1)
    assert np.asarray(binomial(jnp.asarray(p), 12)) == pytest.approx(expected, rel=1e-11, abs=1e-300)
    twice = np.asarray(doubling(jnp.asarray(0.2), 12))
    assert twice[7, 5] == pytest.approx(stats.binom.pmf(2, 5, 0.2))
    assert twice[4, 5] == 0
    light = Light(jnp.asarray(p), jnp.asarray((np.arange(30) >= 3) * 1.0), jnp.asarray(0.2))
    total = np.asarray(photoelectrons_of(light)).sum(axis=0)
    assert total == pytest.approx(stats.binom.sf(2, np.arange(50), 0.1), abs=1e-9)  # 30 are held


def test_probabilities_in_far_tails_do_not_cancel():
    found = probability_between(jnp.array([2.0]), jnp.array([3.0]), jnp.array([[100.0], [-20.0]]), jnp.ones((2, 1)))
    expected = [[stats.norm.cdf(-97) - stats.norm.cdf(-98)], [stats.norm.sf(22) - stats.norm.sf(23)]]
    assert np.asarray(found) == pytest.approx(np.array(expected), rel=1e-10, abs=0)
