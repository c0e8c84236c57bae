"""Tests of the draws of binomial numbers."""

import numpy as np
import pytest
from scipy import stats

from wilks.physics.xenon.binomial_draws import binomial_numbers


@pytest.mark.parametrize(("number", "p"), [(1, 0.5), (28, 0.219), (60, 0.9), (300, 0.1), (300, 0.73)])
def test_numbers_follow_the_distribution(number, p):
    trials = 300_000
    drawn = binomial_numbers(np.random.default_rng(3), np.full(trials, float(number)), np.full(trials, p))
    expected = trials * stats.binom.pmf(np.arange(number + 1), number, p)
    often = expected > 10
    observed = np.bincount(drawn.astype(int), minlength=number + 1)[often]
    chi_square = np.sum((observed - expected[often]) ** 2 / expected[often])
    assert stats.chi2.sf(chi_square, often.sum()) > 1e-3  # one seed: fails by chance once in a thousand


def test_every_number_of_attempts_has_its_own_distribution():
    draws = np.random.default_rng(4)
    number = draws.integers(0, 200, 200_000).astype(float)
    drawn = binomial_numbers(draws, number, np.full(len(number), 0.3))
    assert np.all(drawn <= number)
    assert np.all(drawn >= 0)
    pulls = (drawn - 0.3 * number)[number > 0] / np.sqrt(0.21 * number[number > 0])
    assert abs(np.mean(pulls)) < 4 / np.sqrt(len(pulls))  # four standard errors
    assert abs(np.var(pulls) - 1) < 4 * np.sqrt(2 / len(pulls))


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_certain_outcomes(p):
    number = np.repeat([0.0, 3.0, 80.0], 5000)
    np.testing.assert_array_equal(binomial_numbers(np.random.default_rng(5), number, np.full(15_000, p)), p * number)


def test_few_trials_and_none():
    assert len(binomial_numbers(np.random.default_rng(6), np.zeros(0), np.zeros(0))) == 0
    assert binomial_numbers(np.random.default_rng(6), np.full(3, 1e6), np.full(3, 0.5)).shape == (3,)
