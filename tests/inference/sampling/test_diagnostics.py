"""Convergence of chains: the numbers of arviz-stats, for chains that mix well, badly or not at all."""

import numpy as np
import pytest

from wilks.inference.sampling.convergence import effective_size, normal_scores
from wilks.inference.sampling.diagnostics import diagnose, energy_information

SAME = 1e-9  # relative: the same formulas in another order of summation


def _walk(rng, shape, memory):
    """Autoregressive chains."""
    noise = rng.normal(size=shape)
    for t in range(1, shape[1]):
        noise[:, t] += memory * noise[:, t - 1]
    return noise


def _rejecting(rng, shape):
    """Chains that often stay where they are, as those of a Metropolis step do."""
    fresh, where = _walk(rng, shape, 0.9), rng.integers(0, 3, size=shape) > 0
    last = np.maximum.accumulate(np.where(where, np.arange(shape[1]), 0), axis=1)
    return np.take_along_axis(fresh, last, axis=1)


CHAINS = {
    "independent": lambda rng: rng.normal(size=(4, 100)),
    "odd": lambda rng: rng.normal(size=(4, 101)),
    "slow": lambda rng: _walk(rng, (8, 400), 0.97),
    "alternating": lambda rng: _walk(rng, (4, 200), -0.8),
    "rejecting": lambda rng: _rejecting(rng, (8, 501)),
    "apart": lambda rng: rng.normal(size=(4, 60)) + np.arange(4)[:, None],
    "drifting": lambda rng: rng.normal(size=(4, 60)) + np.linspace(0, 3, 60),
    "few": lambda rng: rng.normal(size=(4, 5)),
    "one stuck": lambda rng: np.concatenate([np.ones((1, 50)), rng.normal(size=(3, 50))]),
    "two values": lambda rng: rng.integers(0, 2, size=(4, 90)).astype(float),
    "lopsided": lambda rng: rng.exponential(size=(4, 80)) ** 3,
}


@pytest.mark.parametrize("groups", [None, np.arange(4) % 2])
@pytest.mark.parametrize("name", CHAINS)
def test_diagnostics_are_those_of_arviz(name, groups):
    """Two parameters at once: each stands for itself."""
    stats = pytest.importorskip("arviz_stats.base.array").array_stats
    rng = np.random.default_rng(5)
    chains = np.stack([CHAINS[name](rng), CHAINS["slow"](rng)[:1, :1] + CHAINS[name](rng)], axis=-1)
    if groups is not None:
        groups = np.resize(groups, len(chains))
    found, series = diagnose(chains, groups=groups), np.moveaxis(chains, 2, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        rhat = stats.rhat(series) if groups is None else stats.rhat_nested(series, groups)
    np.testing.assert_allclose(found.rhat, rhat, rtol=SAME)
    np.testing.assert_allclose(found.ess_bulk, stats.ess(series), rtol=SAME)
    np.testing.assert_allclose(found.ess_tail, stats.ess(series, method="tail", prob=0.05), rtol=SAME)
    np.testing.assert_allclose(found.mcse, stats.mcse(series), rtol=SAME)


def test_energy_information_is_that_of_arviz():
    stats = pytest.importorskip("arviz_stats.base.array").array_stats
    energy = _walk(np.random.default_rng(1), (4, 100), 0.9)
    np.testing.assert_allclose(energy_information(energy), stats.bfmi(energy), rtol=SAME)


def test_a_single_chain_and_a_parameter_that_stands_still_have_no_rhat():
    drawn = np.random.default_rng(2).normal(size=(1, 50, 2))
    drawn[..., 1] = 3.0
    found = diagnose(drawn)
    assert np.isnan(found.rhat).all()
    assert found.ess_bulk[0] > 10
    assert np.isnan(found.ess_bulk[1])


def test_the_effective_size_of_an_autoregressive_chain_is_known():
    """n (1 - a)/(1 + a) draws for memory a (integrated autocorrelation time of an AR(1) process)."""
    a, series = 0.7, _walk(np.random.default_rng(3), (20, 4000), 0.7)
    # 80,000 draws leave 14,000 effective ones, and a statistical error of some 3 %; five of it
    np.testing.assert_allclose(effective_size(series), series.size * (1 - a) / (1 + a), rtol=0.15)


def test_scores_of_equal_draws_are_equal_and_rise_with_the_rank():
    values = np.array([[3.0, 1.0, 1.0, -2.0], [5.0, 0.0, 1.0, 9.0]])
    bulk, folded = (scores.ravel() for scores in normal_scores(values))
    flat = values.ravel()
    assert np.array_equal(np.sign(np.subtract.outer(bulk, bulk)), np.sign(np.subtract.outer(flat, flat)))
    far = np.abs(flat - np.median(flat))
    assert np.array_equal(np.sign(np.subtract.outer(folded, folded)), np.sign(np.subtract.outer(far, far)))
