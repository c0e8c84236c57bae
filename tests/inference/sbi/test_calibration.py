import numpy as np
import pytest
from scipy.stats import kstest

from tests.inference.sbi.exact import GaussianPosterior, LinearGaussian
from wilks._base.errors import InvalidOption, InvalidParameter, TooManyFailures
from wilks.inference.sbi.calibration import calibrate_ranks, expected_coverage
from wilks.inference.sbi.random_points import tarp
from wilks.inference.sbi.uniformity import gap_p_value, largest_gap, rank_band, rank_uniformity

MODEL = LinearGaussian()
EXACT = GaussianPosterior(MODEL)
NARROW = GaussianPosterior(MODEL, stretch=0.6)


def ranks_of(posterior, n=120, draws=20):
    return calibrate_ranks(3, MODEL, MODEL.space, lambda k, x: posterior.sample(k, x, draws), n, draws=draws)


def test_ranks_of_exact_posteriors_are_uniform_and_narrow_ones_are_found():
    good, bad = ranks_of(EXACT), ranks_of(NARROW)
    assert good.ok
    assert not bad.ok
    assert "not calibrated" in str(bad)
    edges = np.isin(bad.finished, (0, 20)).mean()
    assert edges > 2 * 2 / 21  # a narrow posterior leaves the truth outside its draws too often


def test_sbi_15_the_test_of_ranks_is_exact_for_few_draws():
    generator = np.random.default_rng(5)
    p = np.array([rank_uniformity(generator.integers(0, 4, 120), 3) for _ in range(300)])
    # 300 exact p-values below 0.05: 5 % within four binomial errors; discreteness can only lower it
    assert (p <= 0.05).mean(axis=0) == pytest.approx([0.05, 0.05], abs=0.05)
    assert (p <= 0.5).mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.12)
    # a continuous law would reject all of them
    assert kstest(generator.integers(0, 4, 120) / 3, "uniform").pvalue < 1e-3


def test_bands_of_ranks_hold_whole_distributions():
    band, generator = rank_band(100, 9), np.random.default_rng(1)
    inside = 0
    for _ in range(400):
        share = np.cumsum(np.bincount(generator.integers(0, 10, 100), minlength=10)) / 100
        inside += bool(((share >= band.lower) & (share <= band.upper)).all())
    assert inside / 400 == pytest.approx(0.95, abs=0.04)  # four binomial errors, and steps of the ranks


def test_ties_are_broken_at_random():
    result = calibrate_ranks(1, MODEL, MODEL.space, lambda k, x: _rounded(k, x), 80, draws=10)
    assert result.ranks.max() == 10
    assert result.ranks.min() == 0


def _rounded(key, data):
    samples = EXACT.sample(key, data, 10)
    values = {f: getattr(samples, f) for f in samples.__dataclass_fields__}
    return type(samples)(**{**values, "draws": np.round(samples.draws)})


def test_failed_sets_keep_their_place():
    def fragile(key, data):
        if data[0] > 1.0:
            raise ValueError("too high")
        return EXACT.sample(key, data, 10)

    result = calibrate_ranks(1, MODEL, MODEL.space, fragile, 60, draws=10)
    assert len(result) == 60
    assert 0 < result.failed == int((result.ranks < 0).all(axis=1).sum())
    assert "too high" in result.flags["failed_sets"]
    with pytest.raises(TooManyFailures, match="for all of 20 sets"):
        calibrate_ranks(1, MODEL, MODEL.space, lambda k, x: 1 / 0, 20, draws=10)


def test_equal_keys_give_equal_ranks():
    assert np.array_equal(ranks_of(EXACT, 25).ranks, ranks_of(EXACT, 25).ranks)


@pytest.mark.parametrize("check", [tarp, expected_coverage])
def test_coverage_of_exact_posteriors_is_nominal_and_narrow_ones_are_overconfident(check):
    good = check(3, EXACT, MODEL, n=120, draws=30)
    bad = check(3, NARROW, MODEL, n=120, draws=30)
    assert good.ok
    assert good.p_value > 0.01
    assert not bad.ok
    assert bad.at(0.6827) < 0.6 if check is expected_coverage else bad.gap > bad.band


def test_sbi_5_the_grid_of_tarp_is_fixed_and_its_p_value_uniform():
    found = [tarp(seed, EXACT, MODEL, n=20, draws=5) for seed in range(20)]
    for result in found:
        assert result.credibility[0] == 0.0
        assert result.credibility[-1] == 1.0
        assert len(result.credibility) == 101
    p = np.array([result.p_value for result in found])
    assert kstest(p, "uniform").pvalue > 1e-3


def test_p_values_of_gaps_are_uniform():
    generator = np.random.default_rng(2)
    p = [gap_p_value(largest_gap(generator.random(25)), 25) for _ in range(1000)]
    assert kstest(p, "uniform").pvalue > 1e-3  # Stephens' form is right to some 1e-3


def test_bad_requests_are_refused():
    with pytest.raises(InvalidOption, match="5 sets of data"):
        tarp(1, EXACT, MODEL, n=5)
    with pytest.raises(InvalidOption, match="0 draws per set"):
        expected_coverage(1, EXACT, MODEL, draws=0)
    flat = MODEL.space.replace("b", prior=None)
    with pytest.raises(InvalidParameter, match="b: no prior"):
        calibrate_ranks(1, MODEL, flat, lambda k, x: EXACT.sample(k, x, 9), 50, draws=9)
