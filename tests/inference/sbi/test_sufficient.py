import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sbi.exact import LinearGaussian
from tests.likelihood.signal_models import both, grid, ratios, scaled, spectra
from wilks._base.errors import InvalidModel, InvalidOption
from wilks.inference.sbi.blocks import blocks_of
from wilks.inference.sbi.sufficient import ScoreCompression, SufficientStatistic
from wilks.likelihood.tabulation import tabulate

GENERATOR = np.random.default_rng(0)


def test_ratios_of_likelihoods_of_nodes_need_the_statistic_alone():
    means = GENERATOR.normal(size=(5, 12))
    root = GENERATOR.normal(size=(12, 12)) + 3 * np.eye(12)
    covariance = root @ root.T
    statistic = SufficientStatistic.of_means(means[0], means[1:] - means[0], covariance)
    assert statistic.features == 4
    x = GENERATOR.normal(size=12)
    full = [-0.5 * (x - m) @ np.linalg.solve(covariance, x - m) for m in means]
    y, nodes = statistic({"x": x}), [statistic({"x": m}) for m in means]
    short = [-0.5 * float(jnp.sum((y - node) ** 2)) for node in nodes]
    assert np.array(short) - short[0] == pytest.approx(np.array(full) - full[0], abs=1e-9)
    # unit noise: R^T L^-1 V L^-T R = 1
    assert np.asarray(statistic.matrix @ covariance @ statistic.matrix.T) == pytest.approx(np.eye(4), abs=1e-9)


@pytest.mark.parametrize("make", [spectra, ratios, scaled, both], ids=lambda f: f.__name__)
def test_statistics_of_signals_keep_their_likelihood(make):
    likelihood = make()
    signal = tabulate(likelihood, grid(), form="auto")
    statistic = SufficientStatistic.of(signal)
    cells = sum(signal.whitening.sizes)
    assert statistic.features < cells
    theta = signal.space.unpack(signal.space.starts)
    data = signal.simulate(jax.random.key(1), theta)
    y = statistic(blocks_of(data))
    changes = []
    for s, m in ((float(signal.grid.amplitudes[2]), 3), (float(signal.grid.amplitudes[-1]), 9)):
        values = {**dict(theta), signal.grid.names[0]: s, signal.grid.names[1]: float(signal.grid.shapes[m])}
        expected = statistic(blocks_of(signal.expected(values)))
        changes.append((-0.5 * float(jnp.sum((y - expected) ** 2)), float(signal.log_prob(values, data))))
    (short, full), (other_short, other_full) = changes
    # directions below 1e-4 of the largest are left out: a relative effect of 1e-8 of squares
    assert short - other_short == pytest.approx(full - other_full, rel=1e-8, abs=1e-3)


def test_scores_of_a_linear_gaussian_are_sufficient_and_of_unit_width():
    model = LinearGaussian()
    data = np.array([0.3, 1.1])
    statistic = ScoreCompression(model, {"a": 0.2, "b": -0.1}, data)
    # J^T V^-1 (x - mu) times F^(-1/2) = (x - mu)/noise
    assert np.asarray(statistic({"x": data})) == pytest.approx((data - np.array([0.2, -0.1])) / model.noise)
    two = ScoreCompression(model, [{"a": 0.0}, {"a": 1.0}], data)
    scores = np.asarray(eqx.filter_jit(two)({"x": data}))
    assert scores.shape == (4,)
    assert scores[2] == pytest.approx((0.3 - 1.0) / model.noise)


def test_bad_requests_are_refused():
    with pytest.raises(InvalidModel, match="say nothing"):
        SufficientStatistic.of_means(np.zeros(3), np.zeros((2, 3)), np.eye(3))
    with pytest.raises(InvalidModel, match="not positive definite"):
        SufficientStatistic.of_means(np.zeros(3), np.ones((2, 3)), -np.eye(3))
    with pytest.raises(InvalidOption, match="at least one point"):
        ScoreCompression(LinearGaussian(), [], np.zeros(2))
