import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sbi.exact import LinearGaussian
from wilks._base.errors import InvalidData, InvalidOption
from wilks.inference.fitting import fit
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.likelihood_rounds import train_at_data
from wilks.inference.sbi.likelihood_training import train_likelihood
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.neural_likelihood import DataScaling
from wilks.inference.sbi.pairs import Pairs
from wilks.inference.sbi.ratio_rounds import Boxes
from wilks.inference.sbi.ratios import train_ratio
from wilks.inference.sbi.saving import load_network, save_network
from wilks.inference.sbi.synthetic import GaussianSynthetic, train_predictor
from wilks.inference.sbi.truncation import Truncation
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


def test_online_pairs_give_the_exact_likelihood_and_ratio_and_count_every_simulation():
    def budget(steps):
        return {"pairs": "online", "budget": Budget(steps=steps, batch=128, rate=3e-3)}

    neural = train_likelihood(1, MODEL, MODEL.space, density=GaussianSynthetic(width=32), **budget(800))
    ratio = train_ratio(1, MODEL, MODEL.space, network=Residual(width=32, depth=2), **budget(3000))
    exact = [float(MODEL.log_prob(point, DATA)) for point in POINTS]
    assert [float(neural.log_prob(point, DATA)) for point in POINTS] == pytest.approx(exact, abs=0.25)  # as from 6,000
    evidence = MODEL.log_evidence(DATA)
    # a small classifier after 400,000 pairs: a fifth in ln L was measured
    assert [float(ratio.log_prob(p, DATA)) + evidence for p in POINTS] == pytest.approx(exact, abs=0.35)
    for found, steps in ((neural, 800), (ratio, 3000)):
        (line,) = found.ledger
        assert line["trained_on"] == steps * 128
        assert line["simulated"] == steps * 128 + 5000  # 5,000 scale the data and judge
        assert f"{steps * 128 + 5000} simulations in 1 round" in str(found)


def test_rounds_simulate_at_the_posterior_and_keep_every_pair(tmp_path):
    seen = []

    def fit_exactly(number, pairs, ledger):
        seen.append((pairs, ledger))
        return MODEL

    plan = Boxes(3, MODEL, MODEL.space, DATA, (500, 400, 300), Truncation(draws=5000), None)
    assert train_at_data(plan, MODEL.space, fit_exactly) is MODEL
    assert [len(pairs) for pairs, _ in seen] == [500, 900, 1200]
    assert [line["simulated"] for line in seen[-1][1]] == [500, 400, 300]
    last = seen[-1][0].theta[900:]
    error = MODEL.posterior_sd / np.sqrt(300)
    # resampled evenly out of 3,000 candidates: the error of a mean is below that of 300 independent draws
    assert last.mean(axis=0) == pytest.approx(MODEL.shrinkage * DATA, abs=4 * error)
    assert last.std(axis=0) == pytest.approx(MODEL.posterior_sd, rel=0.15)
    assert seen[-1][0].theta[:500].std(axis=0) == pytest.approx(1.0, rel=0.15)  # those of the prior stay

    narrow = LinearGaussian(2, noise=0.1)
    found = train_likelihood(
        1, narrow, narrow.space, density=GaussianSynthetic(width=32), rounds=2, data=DATA, pairs=(3000, 3000),
        budget=BUDGET,
    )  # fmt: skip
    near = [{"a": 0.8 + da, "b": -0.4 + db} for da, db in ((0.0, 0.0), (0.1, 0.05), (-0.05, 0.1))]
    exact = [float(narrow.log_prob(point, DATA)) for point in near]
    assert [float(found.log_prob(p, DATA)) for p in near] == pytest.approx(exact, abs=0.5)  # of a drop by 0.6 and more
    assert "6000 simulations in 2 rounds" in str(found)
    again = load_network(save_network(found, tmp_path / "likelihood"))
    assert again.ledger == found.ledger


def test_what_does_not_go_together_is_refused():
    failing = Failing(ParameterSpace([Parameter("a", 0.5, 0.0, 1.0, prior=Uniform(0.0, 1.0))]))
    for learn, simulator, options, message in [
        (train_likelihood, MODEL, {"rounds": 2}, "give data="),
        (train_likelihood, MODEL, {"rounds": 2, "data": DATA, "pairs": "online"}, "a number of pairs"),
        (train_likelihood, MODEL, {"rounds": 0}, "0 rounds"),
        (train_likelihood, failing, {"pairs": "online"}, "of 5000 simulations failed"),
        (train_ratio, failing, {"pairs": "online"}, "of 5000 simulations failed"),
        (train_ratio, MODEL, {"rounds": 2, "data": DATA, "pairs": "online"}, "do not go together"),
        (train_ratio, MODEL, {"blocks": "each", "pairs": "online"}, "do not go together"),
    ]:
        with pytest.raises(InvalidOption, match=message):
            learn(1, simulator, simulator.space, **options)


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
