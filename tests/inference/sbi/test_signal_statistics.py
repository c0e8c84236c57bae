"""The profile ratio of a signal: as high as a fit, zero at its best point, and what it refuses."""

import jax
import numpy as np
import pytest

from tests.likelihood.signal_models import grid, scaled, spectra
from wilks._base.errors import InvalidData, InvalidModel
from wilks.inference.lanes import take_one
from wilks.inference.sbi.points import log_likelihoods, prior_draws, values_at
from wilks.inference.sbi.pseudo_data import simulate_each
from wilks.inference.sbi.signal_statistics import SignalStatistic
from wilks.likelihood.tabulation import tabulate


@pytest.fixture(scope="module")
def signal():
    return tabulate(spectra(), grid(), form="auto")


def test_maxima_are_those_of_a_fine_grid(signal) -> None:
    statistic = SignalStatistic.of(signal)
    theta = prior_draws(jax.random.key(1), signal.space, 6)
    data = simulate_each(jax.random.key(2), signal, signal.space, theta)
    measured = statistic.measure(theta, data)
    shares = np.stack(np.meshgrid((np.arange(60) + 0.5) / 60, (np.arange(500) + 0.5) / 500, indexing="ij"), axis=-1)
    fine = values_at(signal.space, shares.reshape(-1, 2))
    for i, t in enumerate(measured):
        one = take_one(data, i)
        here = log_likelihoods(signal, one, theta[i : i + 1])[0]
        top = np.max(log_likelihoods(signal, one, fine))
        # the grid may lie a little below the maximum, or the search in a lesser one of nearly the same height
        assert -0.2 < t - 2 * max(top - here, 0.0) < 0.5
        curve = statistic.curve(theta, one)
        assert curve.min() >= 0.0
        assert curve[i] >= t - 1e-6  # other points take part in its maximum
    with pytest.raises(InvalidData):
        statistic.curve(theta, np.full(3, 1.0))


def test_nuisances_are_refused() -> None:
    with pytest.raises(InvalidModel, match="nuisances besides s, m"):
        SignalStatistic.of(tabulate(scaled(), grid(), form="grid"))
