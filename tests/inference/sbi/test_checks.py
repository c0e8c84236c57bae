import jax
import numpy as np
import pytest
from scipy.stats import kstest

from tests.inference.sbi.exact import GaussianMixture, GaussianPosterior, LinearGaussian, flow_posterior
from wilks._base.errors import InvalidData, InvalidOption
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.grid_posteriors import posterior_on_grid, total_variation
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.local_tests import local_c2st
from wilks.inference.sbi.marginal_density import marginal_log_density
from wilks.inference.sbi.misspecified_data import misspecification, mmd
from wilks.inference.sbi.noise_space import noise_of
from wilks.inference.sbi.predictive import predictive_check
from wilks.inference.sbi.proposals import independent_draws
from wilks.likelihood.interface import AbstractSimulator
from wilks.likelihood.joint import Joint

MODEL = LinearGaussian()
EXACT = GaussianPosterior(MODEL)
DATA = np.array([0.4, -0.3])


def test_sbi_4_the_discrepancy_of_equal_laws_has_mean_zero():
    generator = np.random.default_rng(0)
    found = np.array([mmd(*generator.normal(size=(2, 40, 3)), bandwidth=2.0) for _ in range(300)])
    error = found.std() / np.sqrt(300)
    assert abs(found.mean()) < 4 * error
    assert error < 2e-3  # with the diagonal terms the mean would be 2 (1 - k)/40 = 0.03
    assert mmd(*(generator.normal(size=(2, 200, 3)) + np.array([0.0, 1.0])[:, None, None])) > 0.1


def test_data_like_the_simulations_pass_and_data_unlike_them_do_not():
    good = misspecification(1, EXACT, MODEL, DATA, n=300, held_out=200)
    bad = misspecification(1, EXACT, MODEL, np.array([6.0, -6.0]), n=300, held_out=200)
    assert good.ok
    assert not bad.ok
    assert "data unlike the simulations" in str(bad)


def test_sbi_6_p_values_are_never_zero():
    bad = misspecification(1, EXACT, MODEL, np.array([60.0, -60.0]), n=200, held_out=99)
    assert bad.p_mmd[0] == bad.p_mahalanobis[0] == 1 / 100
    local = local_c2st(1, GaussianPosterior(MODEL, shift=6.0), MODEL, DATA, n=100, draws=50, permutations=15)
    assert local.p_value == 1 / 16


def test_p_values_of_misspecification_are_uniform_under_the_model():
    x = [
        MODEL.simulate(jax.random.key(i), {n: float(v) for n, v in zip("ab", _prior(i), strict=True)})
        for i in range(40)
    ]
    found = [misspecification(7, EXACT, MODEL, np.asarray(one), n=100, held_out=60) for one in x]
    p = np.array([result.p_mahalanobis[0] for result in found])
    assert kstest(p, "uniform").pvalue > 1e-3


def _prior(i):
    return np.asarray(jax.random.normal(jax.random.key(1000 + i), (2,)))


class TwoRings(AbstractSimulator):
    """x at distance 1 or 3 from zero, with a tenth of spread: and nothing between."""

    model: LinearGaussian

    @property
    def space(self):
        return self.model.space

    def simulate(self, key, values):
        one, two, three = jax.random.split(key, 3)
        radius = 1.0 + 2.0 * jax.random.bernoulli(one) + 0.1 * jax.random.normal(two)
        angle = 2 * jax.numpy.pi * jax.random.uniform(three)
        return radius * jax.numpy.stack([jax.numpy.cos(angle), jax.numpy.sin(angle)])

    def expected(self, values):
        return jax.numpy.zeros(2)


def test_a_density_of_the_data_sees_gaps_that_distances_do_not():
    rings = TwoRings(MODEL)
    asked = {"n": 3000, "held_out": 400, "density": SplineFlow(layers=4, width=32), "budget": Budget(1500, rate=3e-3)}
    usual = misspecification(1, EXACT, rings, np.array([0.0, 3.0]), **asked)
    gap = misspecification(1, EXACT, rings, np.array([0.0, 2.0]), **asked)
    assert usual.ok
    assert gap.p_density[0] < 0.02 < 0.1 < min(gap.p_mahalanobis[0], usual.p_density[0])
    assert gap.log_density[0] < usual.log_density[0] - 1.0
    assert "ln density" in str(gap)
    assert misspecification(1, EXACT, MODEL, DATA, n=100, held_out=60).log_density is None


def test_the_density_of_normal_data_is_the_normal_density():
    rows = np.random.default_rng(1).normal(size=(4000, 2))
    at = np.array([[0.0, 0.0], [1.0, -1.0], [2.0, 0.0]])
    family = SplineFlow(layers=2, width=16)
    found = marginal_log_density(jax.random.key(2), family, rows, at, Budget(600, rate=3e-3))
    # 4,000 points: tenths of ln p in the middle, more in the tails
    assert found == pytest.approx(-np.log(2 * np.pi) - 0.5 * np.sum(at**2, axis=1), abs=0.3)


def test_encoded_features_are_compared_as_well():
    found = misspecification(
        1, EXACT, MODEL, np.array([2.0, -2.0]), n=300, held_out=200, encoders={"sum": lambda x: x.sum(axis=1)[:, None]}
    )
    assert found.spaces == ("data", "sum")
    assert found.p_mahalanobis[1] > 0.5 > found.p_mahalanobis[0]  # the sum is 0, its most usual value


def test_constant_features_are_left_out_unless_the_data_leave_them():
    simulator = WithConstant(MODEL)
    posterior = EXACT
    assert misspecification(1, posterior, simulator, np.array([0.4, -0.3, 7.0]), n=100, held_out=60).features == (2,)
    off = misspecification(1, posterior, simulator, np.array([0.4, -0.3, 9.0]), n=100, held_out=60)
    assert off.features == (3,)


class WithConstant(AbstractSimulator):
    model: LinearGaussian

    @property
    def space(self):
        return self.model.space

    def simulate(self, key, values):
        return jax.numpy.append(self.model.simulate(key, values), 7.0)

    def expected(self, values):
        return jax.numpy.append(self.model.expected(values), 7.0)


def test_local_tests_pass_exact_posteriors_and_find_shifted_ones():
    good = local_c2st(2, EXACT, MODEL, DATA, n=200, draws=200, permutations=31)
    bad = local_c2st(2, GaussianPosterior(MODEL, shift=1.5), MODEL, DATA, n=200, draws=200, permutations=31)
    assert good.p_value > 0.05
    assert bad.p_value == 1 / 32
    assert bad.probabilities.mean() > 0.53  # draws at the data are recognised as the posterior's


def test_local_tests_in_noise_pass_exact_flows_and_find_shifted_ones():
    exact, shifted = flow_posterior(MODEL), flow_posterior(MODEL, shift=1.5)
    data = MODEL.simulate(jax.random.key(5), {"a": 0.3, "b": -0.2})[None]
    theta = exact.sample(1, data[0], 50)
    back = noise_of(exact, theta.draws, data)
    # the flow only permutes numbers behind its standardisation: noise is the pull in widths of the posterior, to 1 %
    pull = (theta.draws - MODEL.shrinkage * np.asarray(data)[:, None]) / MODEL.posterior_sd
    assert np.sort(back, axis=-1) == pytest.approx(np.sort(pull, axis=-1), abs=0.05)
    asked = {"n": 200, "draws": 200, "permutations": 31, "compare": "noise"}
    good = local_c2st(2, exact, MODEL, DATA, **asked)
    bad = local_c2st(2, shifted, MODEL, DATA, **asked)
    assert good.p_value > 0.05
    assert bad.p_value == 1 / 32
    assert "two sets of noise" in good.how
    # no error of the posterior enters the null: both are what noise gives
    assert np.median(bad.null) == pytest.approx(np.median(good.null), rel=0.5)
    with pytest.raises(InvalidOption, match="no noise to compare"):
        local_c2st(2, EXACT, MODEL, DATA, compare="noise")
    with pytest.raises(InvalidOption, match="choose one of parameters, noise"):
        local_c2st(2, exact, MODEL, DATA, compare="noises")


def test_replicas_of_a_good_model_look_like_the_data_block_by_block():
    joint = Joint({"one": MODEL, "two": MODEL})
    posterior = EXACT.sample(jax.random.key(1), DATA, 500)
    data = {"one": DATA, "two": DATA + 0.2}
    check = predictive_check(3, posterior, joint, data, n=400)
    assert check.ok
    assert check.blocks == ("one", "two", "total")
    assert check.bands["one"].shape == (5, 2)
    # replicas are N(x_post mean, sd^2): median within the Monte-Carlo error of 400
    spread = np.hypot(MODEL.posterior_sd, MODEL.noise)
    assert check.bands["two"][2] == pytest.approx(MODEL.shrinkage * DATA, abs=5 * spread / 20)
    # deviance -2 ln L of the data: z^2 summed + 2 ln(noise^2 2 pi)
    constant = 2 * np.log(2 * np.pi * MODEL.noise**2)
    z2 = np.sum((DATA * (1 - MODEL.shrinkage)) ** 2 + MODEL.posterior_sd**2) / MODEL.noise**2
    assert check.observed[0] == pytest.approx(constant + z2, abs=0.3)
    far = predictive_check(3, posterior, joint, {"one": DATA, "two": DATA + 3.0}, n=400)
    assert not far.ok
    assert far.p_values[1] == 1 / 401
    assert far.p_values[0] > 0.05


def test_simulators_without_a_likelihood_and_statistics_of_ones_own():
    posterior = EXACT.sample(jax.random.key(1), DATA, 300)
    simulator = WithConstant(MODEL)
    observed = np.append(DATA, 7.0)
    plain = predictive_check(3, posterior, simulator, observed, n=200)
    assert plain.blocks == ("total",)
    assert plain.replicated[0] == pytest.approx(2.0, abs=1e-9)  # two features of unit variance, by construction
    own = predictive_check(
        3, posterior, simulator, observed, n=50, statistic=lambda v, x: {"sum": x[0] + x[1] - v["a"]}
    )
    assert own.blocks == ("sum",)
    assert own.statistic == "user's"


def test_a_grid_gives_the_exact_evidence_and_moments():
    wide = LinearGaussian(2, noise=0.5, width=1.0)
    found = posterior_on_grid(wide, DATA, {"a": 80, "b": 80})
    # midpoint rule, cells of 0.03 sd in the middle: second order
    assert found.log_evidence == pytest.approx(wide.log_evidence(DATA), abs=1e-3)
    for i, name in enumerate("ab"):
        assert found.mean(name) == pytest.approx(wide.shrinkage * DATA[i], abs=2e-3)
        assert found.std(name) == pytest.approx(wide.posterior_sd, rel=1e-2)
    assert found.best["a"] == pytest.approx(0.4, abs=0.05)  # density per prior peaks where the likelihood does
    assert found.prior_area(0.9) < 0.6


def test_total_variation_of_exact_draws_is_its_floor_and_of_shifted_ones_larger():
    exact = posterior_on_grid(MODEL, DATA, {"a": 120, "b": 120})
    draws = EXACT.sample(jax.random.key(4), DATA, 4000)
    good = total_variation(draws, exact)
    assert good.distance == pytest.approx(good.floor, rel=0.2)
    bad = total_variation(GaussianPosterior(MODEL, shift=1.0).sample(jax.random.key(4), DATA, 4000), exact)
    # two normal laws one sd apart in both directions: 2 Phi(sqrt2/2) - 1 = 0.52, less what coarse cells hide
    assert bad.distance == pytest.approx(0.5, abs=0.06)
    weighted = reweight(5, GaussianPosterior(MODEL, shift=1.0), MODEL, DATA, 8000)
    assert total_variation(weighted, exact).distance < 1.5 * total_variation(weighted, exact).floor


def test_masses_of_a_grid_that_does_not_divide_are_shared_out():
    mixture = GaussianMixture()
    exact = posterior_on_grid(mixture, np.array([1.0, 2.0]), {"a": 101, "b": 103})
    found = total_variation(BroadDraws().of(exact), exact, cells=(7, 9))
    assert found.exact.sum() == pytest.approx(1.0, abs=1e-12)
    assert found.distance == pytest.approx(found.floor, rel=0.35)


class BroadDraws:
    """Draws of the posterior of `GaussianMixture` in closed form, cut to the box."""

    def of(self, exact):
        generator = np.random.default_rng(1)
        width = np.where(generator.random(3000) < 0.5, 1.0, 0.1)
        theta = np.array([1.0, 2.0]) + width[:, None] * generator.normal(size=(3000, 2))
        return independent_draws(GaussianMixture().space, theta, np.zeros(3000), "closed form")


def test_bad_requests_are_refused():
    with pytest.raises(InvalidOption, match="10 simulations"):
        misspecification(1, EXACT, MODEL, DATA, n=10)
    with pytest.raises(InvalidData, match="the data hold 3 numbers, the simulations 2"):
        misspecification(1, EXACT, MODEL, np.zeros(3), n=100, held_out=100)
    with pytest.raises(InvalidData, match="at least two"):
        mmd(np.zeros((1, 2)), np.zeros((5, 2)))
    with pytest.raises(InvalidOption, match="5 replicas"):
        predictive_check(1, EXACT.sample(jax.random.key(1), DATA, 50), MODEL, DATA, n=5)
    with pytest.raises(InvalidOption, match="expected 1 to 3 axes"):
        posterior_on_grid(MODEL, DATA, {"b": 10, "a": 10})
    exact = posterior_on_grid(MODEL, DATA, {"a": 10, "b": 10})
    with pytest.raises(InvalidOption, match="cells"):
        total_variation(EXACT.sample(jax.random.key(1), DATA, 50), exact, cells=(3,))
