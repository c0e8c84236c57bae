"""The statistical model of a response matrix: closed forms, its own random matrices, nuisance and impossible bins."""

import jax
import numpy as np
import pytest

from tests.physics.response.experiment import RECO, TRUTH, events, models, small
from wilks._base.errors import InvalidOption
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.response_matrices import ResponseMatrices
from wilks.physics.response.counts import ResponseCounts
from wilks.physics.response.posterior import MatrixPosterior, _dirichlet

KEY = jax.random.key(20)
PRINTED = {"rtol": 0, "atol": 5.1e-11}  # the reference is printed with ten decimals


def close(value, expected):
    return np.allclose(value, expected, **PRINTED)


def test_the_small_matrix_has_its_closed_forms():
    posterior = MatrixPosterior(small())
    assert posterior.beta.tolist() == [[9, 7], [5, 3]]
    assert posterior.alpha.tolist() == [[6, 1], [4, 3], [1, 5]]
    assert posterior.weight[0].tolist() == [[1, 0.75], [2, 1], [1.25, 0.5]]
    assert posterior.truth_weight[0].tolist() == [1.25, 0.75]
    assert close(posterior.weight[1], [[0, 0], [0.2165063509, 0], [0, 0.0894427191]])
    assert close(posterior.truth_weight[1], [0.1168545424, 0.0828173325])
    assert close(
        posterior.mean(), [[0.2805194805, 0.0777777778], [0.3740259740, 0.3111111111], [0.0584415584, 0.2592592593]]
    )
    assert close(
        posterior.variance(), [[0.0090668505, 0.0051489581], [0.0284447012, 0.0243092559], [0.0030025246, 0.0109664757]]
    )


def test_nuisance_bins_have_efficiency_one():
    posterior = MatrixPosterior(small(nuisance=[1]))
    assert close(posterior.mean()[:, 1], [0.1111111111, 0.4444444444, 0.3703703704])
    assert close(posterior.variance()[:, 1], [0.0100270773, 0.0419147187, 0.0170361129])
    assert np.array_equal(posterior.mean()[:, 0], MatrixPosterior(small()).mean()[:, 0])


def test_impossible_bins_have_probability_zero():
    counts = ResponseCounts(RECO, TRUTH, impossible=[0]).fill(events((3, 1.5, 0.5, 1), (5, 2.5, 0.5, 1)))
    posterior = MatrixPosterior(counts)
    assert posterior.prior_events == 1.0
    assert posterior.alpha[:, 0].tolist() == [0, 4, 6]
    assert posterior.mean()[0].tolist() == [0, 0]
    assert (posterior.throws(KEY, 5)[:, 0] == 0).all()
    assert (posterior.covariance()[:, 0] == 0).all()
    with pytest.raises(InvalidOption, match="all reco bins are impossible"):
        MatrixPosterior(ResponseCounts(RECO, TRUTH, impossible=[0, 1, 2])).mean()


def test_the_prior_shrinks_with_the_number_of_reco_bins():
    reco = Grid((Intervals("r", np.arange(13.0)),))
    assert MatrixPosterior(ResponseCounts(reco, TRUTH)).prior_events == 3 / 12
    plane = Grid((Intervals("r", np.arange(13.0)), Intervals("q", [0, 1])))
    assert MatrixPosterior(ResponseCounts(plane, TRUTH)).prior_events == 9 / 12
    assert MatrixPosterior(ResponseCounts(plane, TRUTH, impossible=[0, 1, 2, 3])).prior_events == 1.0


def test_a_single_reco_bin_is_never_missed():
    reco = Grid((Intervals("r", [0, 3]),))
    counts = ResponseCounts(reco, TRUTH).fill(events((3, 1.5, 0.5, 1), (1, np.nan, 0.5, 1)))
    posterior = MatrixPosterior(counts)
    assert posterior.mean()[0].tolist() == [4 / 6, 1 / 2]  # Beta(4, 2) and Beta(1, 1)
    assert np.allclose(posterior.variance()[0], [8 / (36 * 7), 1 / 12], rtol=1e-14, atol=0)
    assert np.allclose(posterior.covariance()[:, 0, 0], posterior.variance()[0], rtol=1e-12, atol=0)


def plain():
    """Unit weights, where the closed-form covariance is exact."""
    return events((25, 0.5, 0.5, 1), (13, 1.5, 0.5, 1), (4, 2.5, 1.5, 1), (9, 1.5, 1.5, 1), (12, np.nan, 0.5, 1))


def test_random_matrices_have_the_closed_form_mean_and_covariance():
    posterior = MatrixPosterior(ResponseCounts(RECO, TRUTH).fill(plain()))
    n = 100_000
    throws = posterior.throws(KEY, n)
    variance = np.diagonal(posterior.covariance(), axis1=1, axis2=2).T
    assert np.abs((throws.mean(axis=0) - posterior.mean()) / np.sqrt(variance / n)).max() < 4  # six elements
    for column in range(2):
        sampled = np.cov(throws[:, :, column].T)
        scale = np.sqrt(np.outer(variance[:, column], variance[:, column]))
        # a sampled covariance is uncertain by about sqrt(2/n) of its scale, more for skewed elements
        assert np.abs((sampled - posterior.covariance()[column]) / scale).max() < 5 * np.sqrt(2 / n)


def test_random_weights_have_their_spread():
    posterior = MatrixPosterior(small())
    throws = posterior.throws(KEY, 50_000)
    ratio = throws.var(axis=0) / np.diagonal(posterior.covariance(), axis1=1, axis2=2).T
    # true weights vary by 10 % here: the closed form is of first order in the square of that, and clips nothing
    assert np.abs(ratio - 1).max() < 0.12


def test_nuisance_columns_of_unit_weights_sum_to_one():
    posterior = MatrixPosterior(ResponseCounts(RECO, TRUTH, nuisance=[0]).fill(plain()))
    assert np.allclose(posterior.throws(KEY, 10)[:, :, 0].sum(axis=1), 1.0, rtol=1e-14, atol=0)
    assert np.abs(posterior.covariance()[0].sum(axis=0)).max() < 1e-16  # of elements near 5e-3


def test_random_matrices_are_reproducible_and_differ_between_keys():
    posterior = MatrixPosterior(small())
    assert np.array_equal(posterior.throws(KEY, 3), posterior.throws(KEY, 3))
    assert not np.array_equal(posterior.throws(KEY, 3), posterior.throws(jax.random.key(21), 3))
    assert posterior.throws(KEY, 3, np.array([1])).shape == (3, 3, 1)
    with pytest.raises(InvalidOption, match="0 random matrices"):
        posterior.throws(KEY, 0)


def test_tiny_dirichlet_parameters_do_not_underflow():
    draws = _dirichlet(np.random.default_rng(1), np.full((2, 1), 1e-6), 200)
    assert np.isfinite(draws).all()
    assert np.allclose(draws.sum(axis=1), 1.0)
    assert 60 < (draws[:, 0, 0] > 0.5).sum() < 140  # all weight in one bin, either with equal probability


@pytest.mark.shared
def test_the_mean_matrix_of_the_tutorial_is_reproduced_bit_by_bit(shared_data):
    a, b = models(shared_data, "optimised-truth")
    mean, stored = MatrixPosterior(a + b).mean_matrices(), shared_data / "response" / "01" / "response_matrix.npz"
    reference = ResponseMatrices.load(stored)
    assert np.abs(mean.matrices - reference.matrices).max() < 1e-15  # the same sums in the same order
    assert np.array_equal(mean.truth_entries, reference.truth_entries)
    assert np.array_equal(mean.columns, reference.columns)
