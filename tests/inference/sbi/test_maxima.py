import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sbi.exact import GaussianPosterior, LinearGaussian
from wilks._base.errors import InvalidOption
from wilks.inference.ladder import climb
from wilks.inference.sbi import map_estimates
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.map_estimates import distinct, map_estimate
from wilks.inference.sbi.mixture_density import MixtureDensity
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.proposals import independent_draws
from wilks.inference.sbi.toys_from_draws import accelerated_toys
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace

MODEL = LinearGaussian()
DATA = np.array([0.7, -1.2])
EXACT = GaussianPosterior(MODEL)


@pytest.fixture(scope="module")
def mixture():
    options = {"coordinate": "normal", "standardise": "none", "budget": Budget(steps=800, batch=128, rate=3e-3)}
    return train_posterior(1, MODEL, MODEL.space, path=MixtureDensity(2, 32), pairs=5000, **options)


@pytest.mark.parametrize(("target", "factor"), [("posterior", MODEL.shrinkage), ("likelihood", 1.0)])
def test_sbi_13_maxima_with_a_likelihood_are_exact(target, factor):
    found = map_estimate(1, GaussianPosterior(MODEL, shift=0.5), DATA, likelihood=MODEL, target=target)
    assert [found.values["a"], found.values["b"]] == pytest.approx((factor * DATA).tolist(), abs=1e-6)
    assert found.status.converged
    assert found.iterations < 50


def test_sbi_13_maxima_of_a_mixture_take_few_polishings(mixture):
    found = map_estimate(1, mixture, DATA)
    # a network trained on 5,000 pairs: its mean is right to some tenths of a posterior sd
    assert [found.values["a"], found.values["b"]] == pytest.approx((MODEL.shrinkage * DATA).tolist(), abs=0.2)
    assert found.status.converged
    values = {"a": np.array([found.values["a"]]), "b": np.array([found.values["b"]])}
    draws = mixture.sample(2, DATA, 500)
    assert float(mixture.log_prob(values, DATA)[0]) > draws.log_prob.max() - 1e-3


class Counting:
    """The exact posterior, with every request for draws written down."""

    def __init__(self):
        self.space, self.asked = EXACT.space, []

    def sample(self, key, data, n):
        self.asked.append(n)
        return EXACT.sample(key, data, n)

    def log_prob(self, values, data):
        return EXACT.log_prob(values, data)


def test_sbi_13_a_maximum_takes_256_draws_and_8_polishings_at_most(monkeypatch):
    polished = []

    def climbed(likelihood, lanes, starts, *rest, **options):
        polished.append(len(np.unique(starts, axis=0)))
        return climb(likelihood, lanes, starts, *rest, **options)

    monkeypatch.setattr(map_estimates, "climb", climbed)
    posterior = Counting()
    map_estimate(1, posterior, DATA, likelihood=MODEL)
    assert posterior.asked == [256]
    assert len(polished) == 1
    assert 1 <= polished[0] <= 8


def test_draws_of_a_trained_mixture_are_made_exact(mixture):
    found = reweight(3, mixture, MODEL, DATA, 4000)
    assert found.reliable
    assert abs(found.log_evidence - MODEL.log_evidence(DATA)) < 4 * found.error


def test_maxima_of_fields_need_a_likelihood_and_estimated_densities_no_weights(mixture):
    density = FlowMatching(probes=1, network=Residual(width=8, depth=1)).build(jax.random.key(0), 2, 2, 100)
    field = eqx.tree_at(lambda p: p.estimator.density, mixture, density)
    with pytest.raises(InvalidOption, match="SplineFlow"):
        map_estimate(1, field, DATA)
    with pytest.raises(InvalidOption, match="random probes"):
        reweight(1, field, MODEL, DATA, 100)


def test_starts_are_the_highest_points_that_differ():
    theta = np.array([[0.0, 0.0], [0.001, 0.0], [1.0, 1.0], [-1.0, 0.5], [0.5, 0.5]])
    height = np.array([5.0, 4.9, 1.0, 3.0, -np.inf])
    chosen = distinct(MODEL.space, theta, height, 3)
    assert np.array_equal(chosen, theta[[0, 3, 2]])


class Cosine(AbstractLikelihood, AbstractSimulator):
    """x_i = cos(4 a + i) + noise: many maxima in a."""

    space: ParameterSpace

    def __init__(self) -> None:
        self.space = ParameterSpace([Parameter("a", 3.0, 0.0, 6.0, prior=Uniform(0.0, 6.0))])

    def expected(self, values):
        return jnp.cos(4.0 * values["a"] + jnp.arange(3.0)) * jnp.exp(-0.1 * values["a"])

    def simulate(self, key, values):
        return self.expected(values) + 0.1 * jax.random.normal(key, (3,), float)

    def log_prob(self, values, data):
        return -0.5 * jnp.sum(((data - self.expected(values)) / 0.1) ** 2) - 3 * jnp.log(0.1 * jnp.sqrt(2 * jnp.pi))


class Everywhere:
    """The prior as a proposal: enough draws find every maximum of one parameter."""

    def __init__(self, space):
        self.space = space

    def sample(self, key, data, n):
        from_prior = np.asarray(jax.random.uniform(key, (n, 1), float)) * 6.0
        return independent_draws(self.space, from_prior, np.zeros(n), "prior")

    def log_prob(self, values, data):
        return np.full(np.shape(values["a"]), -np.log(6.0))


def test_checks_of_accelerated_toys_find_maxima_that_few_starts_miss():
    model = Cosine()
    found = accelerated_toys(1, Everywhere(model.space), model, model, {"a": 2.0}, 40, polish=4, checked=0.1)
    assert len(found) == 40
    assert found.failed == 0
    assert "of 4 toys checked" in found.how
    assert "missed_maxima" in found.flags  # draws of the prior, four starts, and more than four maxima


def test_accelerated_toys_of_a_gaussian_are_the_exact_fits():
    found = accelerated_toys(2, EXACT, MODEL, MODEL, {"a": 0.5, "b": 0.0}, 30, draws=8, polish=2, checked=0.0)
    # -ln L at the maximum of a Gaussian is its constant, whatever the data
    constant = 2 * np.log(MODEL.noise * np.sqrt(2 * np.pi))
    assert found.nll == pytest.approx(np.full(30, constant), abs=1e-6)
    assert found.theta.mean(axis=0) == pytest.approx([0.5, 0.0], abs=4 * 0.5 / np.sqrt(30))
    with pytest.raises(InvalidOption, match="polish up to draws"):
        accelerated_toys(2, EXACT, MODEL, MODEL, {"a": 0.5, "b": 0.0}, 30, draws=2, polish=3)
