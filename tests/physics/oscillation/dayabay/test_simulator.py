"""Pseudo-data: expectation, statistical scatter, and the scatter of drawn inputs."""

import equinox as eqx
import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidOption
from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis

N = 400


def toys(analysis: DayaBayAnalysis, simulator) -> tuple[np.ndarray, np.ndarray]:
    """Counts and auxiliary measurements of N pseudo-experiments at the start values."""
    values = analysis.likelihood.space.unpack(analysis.likelihood.space.starts)
    keys = jax.random.split(jax.random.key(1), N)
    found = eqx.filter_jit(lambda ks: jax.lax.map(lambda key: simulator.simulate(key, values), ks))(keys)
    return np.asarray(found.counts), np.asarray(found.auxiliary)


def check_scatter(counts: np.ndarray, mean: np.ndarray, rows: np.ndarray) -> None:
    """Mean and variance of counts, bin by bin and along the largest common change."""
    variance = mean + (rows**2).sum(axis=0)
    pull = (counts.mean(axis=0) - mean) / np.sqrt(variance / N)
    assert np.abs(pull).max() < 4.5  # of 156 normal numbers
    ratio = counts.var(axis=0, ddof=1) / variance
    assert ratio.mean() == pytest.approx(1.0, abs=5 * np.sqrt(2 / N))  # common inputs make bins fluctuate together
    if not len(rows):
        assert ratio.mean() == pytest.approx(1.0, abs=5 * np.sqrt(2 / N / len(mean)))
        return
    direction = np.linalg.svd(rows / np.sqrt(mean), full_matrices=False)[2][0] / np.sqrt(mean)
    expected = direction @ (np.diag(mean) + rows.T @ rows) @ direction
    assert (counts @ direction).var(ddof=1) == pytest.approx(expected, rel=5 * np.sqrt(2 / N))


def test_the_likelihood_draws_from_its_own_covariance(near_and_far):
    counts, auxiliary = toys(near_and_far, near_and_far.likelihood)
    rows = np.asarray(near_and_far.likelihood.root).T
    check_scatter(counts, near_and_far.systematics.mean, rows)
    widths = np.asarray(near_and_far.likelihood.pulls.widths)
    np.testing.assert_allclose(auxiliary.std(axis=0, ddof=1), widths, rtol=5 / np.sqrt(2 * N))


@pytest.mark.parametrize("fluctuations", ["normal", "poisson"])
def test_statistical_toys_scatter_by_the_expected_counts(near_and_far, fluctuations):
    counts, _ = toys(near_and_far, near_and_far.simulator(fluctuations, drawn=False))
    check_scatter(counts, near_and_far.systematics.mean, np.zeros((0, counts.shape[1])))
    assert (counts == np.rint(counts)).all() == (fluctuations == "poisson")


def test_drawn_inputs_scatter_counts_as_their_covariance_says(near_and_far):
    simulator = near_and_far.simulator("poisson")
    assert simulator.drawn == ("eres", "thermal_power", "background_rate")
    rows = np.concatenate([near_and_far.systematics.columns[group] for group in simulator.drawn])
    check_scatter(toys(near_and_far, simulator)[0], near_and_far.systematics.mean, rows)


def test_without_fluctuations_a_toy_is_the_expectation(near_and_far):
    simulator = near_and_far.simulator("asimov", drawn=False)
    values = near_and_far.likelihood.space.unpack(near_and_far.likelihood.space.starts)
    toy, expected = simulator.simulate(jax.random.key(1), values), simulator.expected(values)
    np.testing.assert_allclose(toy.counts, expected.counts, rtol=1e-12)
    np.testing.assert_allclose(toy.counts, near_and_far.asimov().counts, rtol=1e-12)  # rounding
    assert float(near_and_far.likelihood.chi2(values, near_and_far.asimov())) == pytest.approx(0.0, abs=1e-12)
    with pytest.raises(InvalidOption, match="choose one of asimov, normal, poisson"):
        near_and_far.simulator("gaussian")
