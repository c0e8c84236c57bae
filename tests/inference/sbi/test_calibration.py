import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import kstest, norm

from tests.inference.sbi.exact import GaussianPosterior, LinearGaussian
from wilks._base.errors import InvalidOption, InvalidParameter, TooManyFailures
from wilks.inference.sbi.calibration import calibrate_ranks, expected_coverage
from wilks.inference.sbi.local_tests import local_c2st
from wilks.inference.sbi.random_points import tarp
from wilks.inference.sbi.uniformity import gap_p_value, largest_gap, rank_band, rank_uniformity
from wilks.likelihood.interface import AbstractSimulator

MODEL = LinearGaussian()
EXACT = GaussianPosterior(MODEL)
NARROW = GaussianPosterior(MODEL, stretch=0.6)


class Failing(AbstractSimulator):
    """`LinearGaussian` whose data are lost where the first of them is large: compiled, or raising outside of JAX."""

    model: LinearGaussian
    raises: bool = eqx.field(static=True)
    most: float = 0.8

    @property
    def space(self):
        return self.model.space

    def simulate(self, key, values):
        x = self.model.simulate(key, values)
        if not self.raises:
            return jnp.where(x[0] > self.most, jnp.nan, x)
        x = np.asarray(x)
        if x[0] > self.most:
            raise ValueError("the detector saturates")
        return x

    def expected(self, values):
        return self.model.expected(values)


LOST = norm(0.0, np.hypot(MODEL.width, MODEL.noise)).sf(0.8)  # share of simulations that fail: 24 %


@pytest.mark.parametrize("raises", [False, True])
def test_failed_simulations_are_counted_and_say_nothing_of_the_posterior(raises):
    simulator, n = Failing(MODEL, raises), 120
    # what fails depends on the data alone: the posterior given valid data is the exact one still
    balls = tarp(1, EXACT, simulator, n=n, draws=30)
    regions = expected_coverage(1, EXACT, simulator, n=n, draws=30)
    ranks = calibrate_ranks(1, simulator, MODEL.space, lambda k, x: EXACT.sample(k, x, 20), n, draws=20)
    local = local_c2st(1, EXACT, simulator, np.array([0.4, -0.3]), n=n, draws=20, permutations=3)
    for found in (balls, regions, ranks, local):
        assert found.failed == pytest.approx(LOST * n, abs=4 * np.sqrt(n * LOST * (1 - LOST)))  # binomial
        what = "0 not finite" if raises else "0 raised"
        assert what in found.flags["failed_simulations"]
    assert balls.ok
    assert regions.ok
    assert ranks.ok
    assert len(balls) + balls.failed == len(regions) + regions.failed == local.valid + local.failed == n
    assert len(ranks) == n
    assert len(ranks.finished) == n - ranks.failed
    assert f"{n} sets of data, {balls.failed} failed" in str(balls)


def test_simulators_that_nearly_always_fail_are_refused():
    with pytest.raises(TooManyFailures, match=r"of 40 simulations failed .* at a in"):
        tarp(1, EXACT, Failing(MODEL, False, -1.5), n=40)
    with pytest.raises(TooManyFailures, match=r"raised at all of 40 points.*the detector saturates"):
        tarp(1, EXACT, Failing(MODEL, True, -99.0), n=40)


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
