"""Summaries by the likelihood of each shape: their heights are the signal's own, and what they refuse."""

import jax
import numpy as np
import pytest
from scipy.stats import norm

from tests.likelihood.signal_models import both, grid, scaled, spectra
from wilks._base.errors import InvalidModel, InvalidOption
from wilks.inference.sbi.blocks import blocks_of
from wilks.inference.sbi.points import log_likelihoods
from wilks.inference.sbi.shape_likelihoods import ShapeLikelihoods, _nodes
from wilks.likelihood.tabulation import tabulate


@pytest.fixture(scope="module", params=[spectra, both], ids=lambda make: make.__name__)
def signal(request):
    return tabulate(request.param(), grid(), form="auto")


def test_heights_are_log_likelihoods_at_the_nodes(signal) -> None:
    summary = ShapeLikelihoods.of(signal, amplitudes=3, shapes=5)
    data = signal.simulate(jax.random.key(1), signal.space.unpack(np.array([0.3, 1.1])))
    heights = np.asarray(summary.heights(blocks_of(data))).ravel()
    exact = log_likelihoods(signal, signal.prepare(data), _nodes(signal, 3, 5))
    # both count from other constants; 1e-6 is the rounding of sums of squares of 1e4
    assert heights - heights[0] == pytest.approx(exact - exact[0], rel=1e-9, abs=1e-6)


def test_numbers_are_averages_over_amplitudes(signal) -> None:
    summary = ShapeLikelihoods.of(signal, amplitudes=4, shapes=6)
    data = signal.simulate(jax.random.key(2), signal.space.unpack(np.array([0.1, 0.7])))
    numbers = np.asarray(summary(blocks_of(data)))
    likelihoods = np.exp(np.asarray(summary.heights(blocks_of(data))))
    assert numbers.shape == (summary.features,) == (12 + 16,)
    assert numbers[:6].min() == 0.0  # the highest shape
    mean = likelihoods.mean(axis=0)
    assert numbers[:6] == pytest.approx(np.log1p(np.log(mean.max() / mean)), abs=1e-9)
    assert numbers[6:12] == pytest.approx(np.arange(4) @ likelihoods / likelihoods.sum(axis=0), abs=1e-9)
    # at temperature 1 places are those of the likelihood itself
    share = likelihoods / likelihoods.sum()
    for k, (weight, count) in enumerate(((share.sum(axis=1), 4), (share.sum(axis=0), 6))):
        z = norm.ppf((np.arange(count) + 0.5) / count)
        spread = np.sqrt(weight @ (z - weight @ z) ** 2)
        assert numbers[12 + 2 * k : 14 + 2 * k] == pytest.approx([weight @ z, np.log(spread + 1e-3)], abs=1e-9)


def test_bad_requests_are_refused(signal) -> None:
    with pytest.raises(InvalidOption, match="at least 2 of each"):
        ShapeLikelihoods.of(signal, amplitudes=1)
    with pytest.raises(InvalidModel, match="take SufficientStatistic"):
        ShapeLikelihoods.of(tabulate(scaled(), grid(), form="grid"))
