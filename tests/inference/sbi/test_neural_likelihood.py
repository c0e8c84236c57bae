import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sbi.exact import LinearGaussian
from wilks._base.errors import InvalidData
from wilks.inference.fitting import fit
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.neural_likelihood import DataScaling, train_likelihood
from wilks.inference.sbi.pairs import Pairs
from wilks.inference.sbi.synthetic import GaussianSynthetic, train_predictor
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.interface import AbstractSimulator
from wilks.likelihood.joint import Joint
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace

MODEL = LinearGaussian(2)
DATA = np.array([0.8, -0.4])
BUDGET = Budget(steps=1000, batch=128, rate=3e-3)
POINTS = [{"a": a, "b": b} for a, b in ((0.8, -0.4), (0.3, 0.0), (1.2, -0.9))]


@pytest.fixture(scope="module")
def neural():
    return train_likelihood(1, MODEL, MODEL.space, density=GaussianSynthetic(width=32), pairs=6000, budget=BUDGET)


def test_a_gaussian_synthetic_likelihood_is_the_exact_density(neural):
    found = [float(neural.log_prob(point, DATA)) for point in POINTS]
    exact = [float(MODEL.log_prob(point, DATA)) for point in POINTS]
    assert found == pytest.approx(exact, abs=0.25)  # normalised: no free constant; 6,000 pairs


def test_it_draws_what_it_judges(neural):
    values = {"a": 0.5, "b": -0.5}
    keys = jax.random.split(jax.random.key(3), 2000)
    rows = np.asarray(jax.jit(jax.vmap(lambda k: neural.simulate(k, values)))(keys))
    assert rows.mean(axis=0) == pytest.approx([0.5, -0.5], abs=0.1)
    assert rows.std(axis=0) == pytest.approx([0.5, 0.5], rel=0.15)
    assert np.asarray(neural.expected(values)) == pytest.approx([0.5, -0.5], abs=0.1)


def test_it_is_fitted_together_with_exact_likelihoods(neural):
    both = fit(Joint({"neural": neural, "exact": MODEL}), {"neural": DATA, "exact": DATA + 0.4})
    assert both.values["b"] == pytest.approx(-0.2, abs=0.12)


class Failing(AbstractSimulator):
    """x ~ N(a, 0.1^2), lost with probability a."""

    space: ParameterSpace

    def simulate(self, key, values):
        noise, lost = jax.random.split(key)
        x = values["a"] + 0.1 * jax.random.normal(noise, (1,), float)
        return jnp.where(jax.random.uniform(lost) < values["a"], jnp.nan, x)

    def expected(self, values):
        return jnp.atleast_1d(values["a"])


def test_failed_simulations_enter_as_the_probability_to_be_valid():
    space = ParameterSpace([Parameter("a", 0.5, 0.0, 1.0, prior=Uniform(0.0, 1.0))])
    simulator = Failing(space)
    theta = np.linspace(0.0005, 0.9995, 1000)[:, None]
    keys = jax.random.split(jax.random.key(0), 1000)
    data = np.asarray(jax.vmap(lambda k, a: simulator.simulate(k, {"a": a}))(keys, jnp.asarray(theta[:, 0])))
    pairs = Pairs.from_arrays(theta, data, space)
    assert 400 < pairs.failed < 600
    found = train_likelihood(1, simulator, space, density=GaussianSynthetic(width=16), pairs=pairs, budget=Budget(400))
    for a in (0.25, 0.75):
        x = np.array([a])
        exact = np.log(1 - a) - np.log(0.1 * np.sqrt(2 * np.pi))
        assert float(found.log_prob({"a": a}, x)) == pytest.approx(exact, abs=0.5)


class Counting(AbstractSimulator):
    """Three bins with means 5 (1 + a), 20 and 50 e^a."""

    space: ParameterSpace

    def simulate(self, key, values):
        return jax.random.poisson(key, self.expected(values)).astype(float)

    def expected(self, values):
        a = values["a"]
        return jnp.stack([5 * (1 + a), 20.0 + 0 * a, 50 * jnp.exp(a)])


def test_expected_counts_are_learned_and_serve_poisson_likelihoods():
    simulator = Counting(ParameterSpace([Parameter("a", 0.5, 0.0, 1.0, prior=Uniform(0.0, 1.0))]))
    predictor = train_predictor(1, simulator, simulator.space, pairs=3000, hidden=(32,), budget=Budget(600, rate=3e-3))
    for a in (0.2, 0.8):
        exact = np.asarray(simulator.expected({"a": jnp.asarray(a)}))
        # 3,000 counts spread over a: a percent or two of each mean
        assert np.asarray(predictor({"a": a})) == pytest.approx(exact, rel=0.06)
    found = fit(PoissonCounts(predictor), np.array([7.5, 20.0, 82.4]))
    assert found.values["a"] == pytest.approx(0.5, abs=0.1)


def test_scaling_goes_both_ways_and_refuses_constants():
    blocks = {"near": np.random.default_rng(0).normal(size=(50, 2, 2)), "far.counts": np.arange(50.0)[:, None]}
    scaling = DataScaling.of(blocks)
    one = {name: block[7] for name, block in blocks.items()}
    back = scaling.unscaled(scaling.scaled(one))
    assert np.asarray(back["far"]["counts"]) == pytest.approx(one["far.counts"])
    assert np.asarray(back["near"]) == pytest.approx(one["near"])
    with pytest.raises(InvalidData, match="never varies"):
        DataScaling.of({"x": np.ones((50, 2))})


@pytest.mark.slow
def test_a_spline_flow_learns_a_density_that_is_no_gaussian():
    found = train_likelihood(1, MODEL, MODEL.space, density=SplineFlow(layers=3), pairs=10_000, budget=Budget(4000))
    assert [float(found.log_prob(p, DATA)) for p in POINTS] == pytest.approx(
        [float(MODEL.log_prob(p, DATA)) for p in POINTS], abs=0.3
    )
