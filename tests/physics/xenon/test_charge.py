import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from wilks.physics.xenon.charge import Charge, coarse_grid, exact_log_charge_sum, find_windows, log_charge_sum
from wilks.physics.xenon.interpolation import NODES, log_sum, nodes_between
from wilks.physics.xenon.signals import folded

SIZE = 400
E = np.arange(SIZE)


def charge(p, s2, gain=20.0, spread=5.0):
    p, s2 = np.broadcast_arrays(np.asarray(p, dtype=float), np.asarray(s2, dtype=float))
    ones = jnp.ones(p.shape)
    signal = folded(jnp.asarray(s2), ones, 3e-3 * ones)
    return Charge(jnp.asarray(p), None, None, gain * ones, spread * ones, signal)


def joint(centres, width=25.0):
    return jnp.asarray(np.exp(-0.5 * ((E[:, None] - np.asarray(centres)[None]) / width) ** 2))


def plain(weights, p, s2, gain=20.0, spread=5.0):
    n = np.arange(SIZE)[None]
    density = stats.norm.pdf(s2, n * gain, np.sqrt(n * spread**2 + 9e-6))
    return np.log(np.sum(weights * (stats.binom.pmf(n, E[:, None], p) * density).sum(axis=1)))


CASES = [
    # p, S2, middle of the electrons: everyday, few electrons, all detected, none expected, far in the tail
    (0.75, 2000.0, 140.0),
    (0.6, 45.0, 8.0),
    (0.999, 1500.0, 80.0),
    (0.05, 300.0, 250.0),
    (0.5, 4000.0, 150.0),
    (0.3, 25.0, 30.0),
    (0.96, 5900.0, 300.0),
]


def test_fast_and_full_sums_are_the_plain_sum():
    p, s2, middle = np.array(CASES).T
    weights = joint(middle, 12.0)
    expected = [plain(np.asarray(weights[:, i]), p[i], s2[i]) for i in range(len(p))]
    at = charge(p, s2)
    assert np.asarray(exact_log_charge_sum(weights, at)) == pytest.approx(expected, abs=1e-9)
    assert np.asarray(log_charge_sum(weights, at, find_windows(weights, at))) == pytest.approx(expected, abs=1e-5)


def test_events_without_electrons_keep_their_share():
    # a smear as wide as the S2 of an electron: much of the rate comes from no electron at all
    s2 = np.array([2.0, 15.0, 40.0, 2000.0])
    weights = joint([2.0] * 4, 3.0)
    ones = jnp.ones(4)
    at = Charge(0.7 * ones, None, None, 20.0 * ones, 5.0 * ones, folded(jnp.asarray(s2), ones, 20.0 * ones))
    found = np.asarray(log_charge_sum(weights, at, find_windows(weights, at)))
    assert found == pytest.approx(np.asarray(exact_log_charge_sum(weights, at)), abs=1e-5)  # the fast sums' own
    without = weights.at[0].set(0.0)
    less = np.asarray(log_charge_sum(without, at, find_windows(without, at)))
    assert less[0] < found[0] - 0.1  # so the term is seen
    slope = jax.grad(lambda x: jnp.sum(log_charge_sum(x, at, find_windows(x, at))))(without)
    assert np.isfinite(np.asarray(slope)).all()


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_certain_and_impossible_detection_give_finite_derivatives(p):
    weights = joint([80.0], 12.0)

    def total(p):
        at = charge(0.5, [1500.0])
        at = Charge(p[None], None, None, at.gain, at.spread, at.signal)
        return log_charge_sum(weights, at, find_windows(weights, at))[0]

    value, slope = jax.value_and_grad(total)(jnp.asarray(p))
    assert np.isfinite(slope)
    if p == 1.0:
        assert float(value) == pytest.approx(plain(np.asarray(weights[:, 0]), 1.0, 1500.0), abs=1e-6)
        # one-sided: d/dp of the plain sum below 1
        below = [plain(np.asarray(weights[:, 0]), 1.0 - h, 1500.0) for h in (0.0, 1e-6)]
        assert float(slope) == pytest.approx((below[0] - below[1]) / 1e-6, rel=1e-3)


def test_windows_follow_the_product():
    weights = joint([60.0], 10.0)
    for p, s2 in ((0.01, 2000.0), (0.9, 200.0)):  # the S2 alone would ask for 10000 and for 11 electrons
        at = charge(p, [s2])
        found = find_windows(weights, at)
        low, high = float(found.electrons[0, 0]), float(found.electrons[-1, 0])
        terms = np.asarray(weights[:, 0]) * np.exp([_log_term(e, p, s2) for e in E])
        best = int(np.argmax(terms))
        assert low < best < high
        inside = terms[int(low) : int(high) + 1].sum()
        assert inside == pytest.approx(terms.sum(), rel=1e-7)


def _log_term(e, p, s2):
    n = np.arange(e + 1)
    logs = stats.binom.logpmf(n, e, p) + stats.norm.logpdf(s2, 20 * n, np.sqrt(25 * n + 9e-6))
    return np.logaddexp.reduce(logs) + 300 * np.log(10) * (p < 0.1)  # tiny terms scaled into range


def test_nodes_are_distinct_integers_from_end_to_end():
    low = jnp.array([1.0, 1.0, 50.0, 300.0])
    high = low + jnp.array([NODES - 1.0, 398.0, 60.0, 99.0])
    nodes = np.asarray(nodes_between(low, high))
    assert (np.diff(nodes, axis=0) >= 1).all()
    assert np.array_equal(nodes, np.round(nodes))
    assert np.array_equal(nodes[0], low)
    assert np.array_equal(nodes[-1], high)


def test_sums_of_interpolated_functions():
    nodes = nodes_between(jnp.array([20.0]), jnp.array([180.0]))

    def log_f(e):
        return -0.5 * (e - 90) ** 2 / (2 * e + 10)

    weights = 1 + (E % 3 == 0)[:, None].astype(float)  # a comb, which coarse sums would alias
    inside = (E >= 20) & (E <= 180)
    expected = np.log(np.sum(weights[inside, 0] * np.exp(log_f(E[inside]))))
    assert float(log_sum(jnp.asarray(weights), log_f(nodes), nodes)[0]) == pytest.approx(expected, abs=1e-9)
    assert float(log_sum(jnp.zeros((SIZE, 1)), log_f(nodes), nodes)[0]) == -np.inf


def test_the_coarse_grid_covers_all_electrons():
    for size in (30, 400, 731):
        grid = coarse_grid(size)
        assert (grid[0], grid[-1]) == (1, size - 1)
        assert (np.diff(grid) > 0).all()
        assert (np.diff(grid) <= np.sqrt(grid[1:]) + 1).all()
