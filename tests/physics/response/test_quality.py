"""Comparison of response matrices and their variation between truth bins."""

import jax
import numpy as np
import pytest

from tests.physics.response.experiment import RECO, TRUTH, events, models, small
from wilks._base.errors import InvalidData, InvalidOption
from wilks.data.boxes import Boxes
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.physics.response.counts import ResponseCounts
from wilks.physics.response.posterior import MatrixPosterior
from wilks.physics.response.quality import compatibility, expected_distance, in_bin_variation, mahalanobis

KEY = jax.random.key(5)


def sampled(seed, n=4000, shift=0.0):
    """Events smeared over three reco bins, a third of them lost."""
    random = np.random.default_rng(seed)
    true = random.uniform(0, 2, n)
    seen = np.where(random.uniform(size=n) < 0.66, true + 0.5 + shift + 0.4 * random.standard_normal(n), np.nan)
    return ResponseCounts(RECO, TRUTH).fill({"r": np.clip(seen, 0.0, 2.999), "t": true})


def test_equal_matrices_have_distance_zero():
    assert np.abs(mahalanobis(sampled(1), sampled(1))).max() < 1e-20


def test_distances_of_equal_simulations_follow_chi_square():
    distances = [compatibility(sampled(2 * i), sampled(2 * i + 1)).distance for i in range(100)]
    # mean and variance of chi-square with 6 degrees of freedom, from 100 values: +-0.35 and, by its kurtosis, +-2.4
    assert abs(np.mean(distances) - 6) < 3.5 * 0.35
    assert abs(np.var(distances) - 12) < 3.5 * 2.4


def test_a_shifted_detector_is_incompatible():
    result = compatibility(sampled(1), sampled(2, shift=0.15))
    assert result.degrees == 6
    assert result.p_chi2 < 1e-6
    assert result.p_count is None
    assert "2 truth bins" in str(result)


def test_throws_calibrate_the_distance_and_never_give_zero():
    equal = compatibility(sampled(1), sampled(2), throws=2000, key=KEY)
    assert equal.p_count == pytest.approx(equal.p_chi2, abs=0.05)  # binomial error 0.011, and not quite Gaussian
    assert equal.p_count == compatibility(sampled(1), sampled(2), throws=2000, key=KEY).p_count
    assert compatibility(sampled(1), sampled(2, shift=0.3), throws=100, key=KEY).p_count == 1 / 101
    with pytest.raises(InvalidOption, match="need a random key"):
        compatibility(sampled(1), sampled(2), throws=100)


def test_distances_from_throws_are_unbiased():
    exact = mahalanobis(sampled(1), sampled(2, shift=0.1))
    few = [mahalanobis(sampled(1), sampled(2, shift=0.1), throws=20, key=jax.random.key(i)) for i in range(200)]
    # 200 times 20 throws: each distance scatters by about sqrt(2/14) of itself; uncorrected it would be 1.27 too high
    assert np.allclose(np.mean(few, axis=0) / exact, 1.0, rtol=0, atol=4 * np.sqrt(2 / 14 / 200))
    with pytest.raises(InvalidOption, match="5 throws"):
        mahalanobis(sampled(1), sampled(2), throws=5, key=KEY)
    with pytest.raises(InvalidOption, match="key None"):
        mahalanobis(sampled(1), sampled(2), throws=50)


def test_bins_with_few_events_are_expected_closer():
    assert expected_distance(small(), small()).tolist() == [3, 3]
    few = ResponseCounts(RECO, TRUTH).fill(events((3, 0.5, 0.5, 1)))
    assert expected_distance(few, small()).tolist() == [1.5, 0]
    with pytest.raises(InvalidData, match=r"best expected distance is 1\.5, at least 2\.85 is needed"):
        compatibility(few, small())


def test_only_equal_bins_are_compared():
    for other, what in (
        (small(nuisance=[1]), "nuisance bins"),
        (ResponseCounts(RECO, Grid((Intervals("t", [0, 2]),))), "truth binnings"),
        (ResponseCounts(RECO, TRUTH, impossible=[1]), "impossible bins"),
    ):
        with pytest.raises(InvalidData, match=f"different {what}"):
            mahalanobis(small(), other)


def test_columns_that_cannot_vary_do_not_count():
    seen = events((30, 0.5, 0.5, 1), (20, 1.5, 0.5, 1), (10, 2.5, 0.5, 1))
    other = events((20, 0.5, 0.5, 1), (20, 1.5, 0.5, 1), (20, 2.5, 0.5, 1))
    first, second = (ResponseCounts(RECO, TRUTH, nuisance=[0]).fill(table) for table in (seen, other))
    distance = mahalanobis(first, second)[0]
    # the sum of a column is 1: the distance in the first two reco bins is that of all three
    one, two = MatrixPosterior(first), MatrixPosterior(second)
    d = (one.mean() - two.mean())[:2, 0]
    covariance = (one.covariance() + two.covariance())[0][:2, :2]
    assert distance == pytest.approx(d @ np.linalg.solve(covariance, d), rel=1e-10)


def test_variation_is_the_largest_step_to_a_neighbour():
    truth = Grid((Intervals("t", [0, 1, 2, 3]),))
    counts = ResponseCounts(RECO, truth).fill(
        events((9, 0.5, 0.5, 1), (5, 1.5, 1.5, 1), (7, 2.5, 2.5, 1), (3, np.nan, 2.5, 1))
    )
    posterior, found = MatrixPosterior(counts), in_bin_variation(counts)
    mean, variance = posterior.mean(), posterior.variance()
    assert np.array_equal(found.variation[:, 0], np.abs(mean[:, 0] - mean[:, 1]))
    both_sides = np.maximum(np.abs(mean[:, 1] - mean[:, 0]), np.abs(mean[:, 1] - mean[:, 2]))
    assert np.array_equal(found.variation[:, 1], both_sides)
    relative = in_bin_variation(counts, relative=True).variation
    assert np.allclose(relative[:, 0], found.variation[:, 0] / np.sqrt(variance[:, 0] + variance[:, 1]), rtol=1e-14)


def test_bins_without_neighbours_are_flagged():
    truth = Grid((Intervals("k", [0, 1, 2]),)).refined({1: Boxes(("t",), [[(0, 1)], [(1, 2)]])})
    found = in_bin_variation(ResponseCounts(RECO, truth), relative=True)
    assert found.isolated.tolist() == [True, True, True]
    assert found.variation.tolist() == np.zeros((3, 3)).tolist()
    assert in_bin_variation(ResponseCounts(RECO, Grid((Intervals("t", [0, 1]),)))).isolated.tolist() == [True]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("truth", "bins", "distance"),
    [("coarse-truth", 13, 406.0), ("fine-truth", 87, 457.6), ("optimised-truth", 80, 412.9)],
)
def test_the_models_of_the_tutorial_agree_where_the_truth_is_fine(shared_data, truth, bins, distance):
    result = compatibility(*models(shared_data, truth))
    assert len(result.truth_bins) == bins
    assert result.degrees == 8 * bins
    assert result.distance == pytest.approx(distance, abs=0.05)  # printed with one decimal
    assert (result.p_chi2 > 0.05) == (truth != "coarse-truth")


@pytest.mark.shared
def test_throws_agree_with_the_closed_form_on_the_tutorial(shared_data):
    first, second = models(shared_data, "coarse-truth")
    used = compatibility(first, second).truth_bins
    distance = mahalanobis(first, second, throws=4000, key=KEY)[used].sum()
    assert distance == pytest.approx(406.0, abs=12)  # another program found 411.6 with as many throws
