"""Switches between alternatives: two Gaussian models whose posteriors and odds are known in closed form."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from tests.inference.sbi.fresh import fresh_posterior
from wilks._base.errors import InvalidData, InvalidOption, InvalidParameter, UnknownName
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.coordinates import PriorNormal
from wilks.inference.sbi.estimator import Preparation
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.mixture_density import MixtureDensity
from wilks.inference.sbi.odds import NeuralOdds, train_odds
from wilks.inference.sbi.online import OnlinePairs
from wilks.inference.sbi.operations.alternatives import average, choose
from wilks.inference.sbi.pairs import Pairs
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.proposals import draws_of
from wilks.inference.sbi.ratios import train_ratio
from wilks.inference.sbi.saving import load_network, save_network
from wilks.inference.sbi.scaling import fit_scaling
from wilks.inference.sbi.simulation import simulate_pairs
from wilks.inference.sbi.sufficient import SufficientStatistic
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.parameters.choices import Choice
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

SHIFTS, SHARES = np.array([0.0, 1.5]), (0.3, 0.7)
NOISE = 0.5
SPACE = ParameterSpace(
    (Parameter("mu", prior=Normal(0.0, 1.0)), Parameter("flux", prior=Choice(("HM", "HKSS"), SHARES)))
)


class Shifted(AbstractLikelihood, AbstractSimulator):
    """x ~ N(mu + shift of the alternative, 0.5^2), with mu ~ N(0, 1)."""

    space: ParameterSpace = SPACE

    def expected(self, values):
        shift = jnp.asarray(SHIFTS)[jnp.asarray(values["flux"]).astype(int)]
        return jnp.reshape(values["mu"] + shift, (1,))

    def simulate(self, key, values):
        return self.expected(values) + NOISE * jax.random.normal(key, (1,))

    def log_prob(self, values, data):
        residual = (jnp.asarray(data) - self.expected(values))[0]
        return -0.5 * (residual / NOISE) ** 2 - math.log(NOISE * math.sqrt(2 * math.pi))


def evidences(x):
    """p(x|c) of both alternatives."""
    return norm.pdf(x, SHIFTS, math.hypot(1.0, NOISE))


def odds_at(x):
    """p(c|x)."""
    both = np.array(SHARES) * evidences(x)
    return both / both.sum()


def law(x, alternative):
    """p(mu|x,c): precision 1 + 1/0.5^2."""
    return norm((x - SHIFTS[alternative]) / (1 + NOISE**2), NOISE / math.sqrt(1 + NOISE**2))


@pytest.fixture(scope="module")
def pairs():
    return simulate_pairs(1, Shifted(), SPACE, 20_000)


@pytest.fixture(scope="module")
def posterior(pairs):
    path = MixtureDensity(components=2, width=32, depth=2)
    options = {"coordinate": "normal", "standardise": "none", "budget": Budget(steps=2_000)}
    return train_posterior(1, Shifted(), SPACE, path=path, pairs=pairs, **options)


@pytest.fixture(scope="module")
def odds(pairs):
    return train_odds(1, Shifted(), SPACE, pairs=pairs, budget=Budget(steps=6_000))


def test_alternatives_are_drawn_by_their_probabilities_and_told_in_the_data(pairs):
    np.testing.assert_array_equal(pairs.data["flux"].sum(axis=1), 1.0)
    share = pairs.data["flux"][:, 1].mean()
    assert abs(share - SHARES[1]) < 5 * math.sqrt(0.3 * 0.7 / len(pairs))  # five binomial errors
    assert pairs.names == ("mu",)
    heard = [pairs.data["x"][pairs.data["flux"][:, i] == 1].mean() for i in (0, 1)]
    np.testing.assert_allclose(heard, SHIFTS, atol=5 * math.hypot(1, NOISE) / math.sqrt(0.3 * len(pairs)))


@pytest.mark.parametrize("x", [-0.7, 0.8, 2.5])
def test_odds_are_those_of_the_closed_form(odds, x):
    found = odds.probabilities(np.array([x]))
    assert list(found) == ["HM", "HKSS"]
    assert sum(found.values()) == pytest.approx(1.0, abs=1e-6)  # single precision
    # 20,000 pairs know a probability near these data to about 0.01
    np.testing.assert_allclose(list(found.values()), odds_at(x), atol=0.03)
    factor = np.diff(odds.log_bayes_factors(np.array([x])))[0]
    assert factor == pytest.approx(math.log(evidences(x)[1] / evidences(x)[0]), abs=0.2)


@pytest.mark.parametrize("alternative", [0, 1])
def test_the_posterior_of_each_alternative_is_that_of_its_model(posterior, alternative):
    x, name = 0.8, ("HM", "HKSS")[alternative]
    chosen = choose(posterior, flux=name)
    draws = chosen.sample(3, np.array([x]), 4_000, density=True)
    exact = law(x, alternative)
    assert set(draws.values("flux")) == {float(alternative)}
    assert draws.mean("mu") == pytest.approx(exact.mean(), abs=0.15 * exact.std())
    assert draws.std("mu") == pytest.approx(exact.std(), rel=0.1)
    at = exact.mean() + exact.std() * np.array([-1.0, 0.0, 1.0])
    found = np.asarray(chosen.log_prob({"mu": at}, np.array([x])))
    np.testing.assert_allclose(found, exact.logpdf(at), atol=0.25)  # what 2,000 steps leave of 0.15 sd and 10 %


def test_a_fixed_summary_leaves_the_switch_beside_it(pairs, tmp_path):
    x = np.array([0.8])
    summary = SufficientStatistic.of_means(np.zeros(1), np.ones((1, 1)), NOISE**2 * np.eye(1))
    path = MixtureDensity(components=1, width=16, depth=1)
    trained = train_posterior(
        1, Shifted(), SPACE, path=path, pairs=pairs, encoder=summary, coordinate="normal", standardise="none",
        budget=Budget(steps=1_500, rate=3e-3),
    )  # fmt: skip
    again = load_network(save_network(trained, tmp_path / "posterior"))
    for alternative, name in enumerate(("HM", "HKSS")):
        exact = law(0.8, alternative)
        draws = choose(trained, flux=name).sample(3, x, 4_000)
        assert draws.mean("mu") == pytest.approx(exact.mean(), abs=0.15 * exact.std())
        assert draws.std("mu") == pytest.approx(exact.std(), rel=0.1)
        np.testing.assert_array_equal(choose(again, flux=name).sample(3, x, 50).draws, draws.draws[:, :50])
    with pytest.raises(InvalidData, match="'flux' is a switch, and the data do not say"):
        trained.sample(1, x, 10)


def test_exact_weights_at_both_alternatives_give_the_exact_bayes_factor(posterior):
    x = np.array([0.8])
    found = [reweight(5, choose(posterior, flux=name), Shifted(), x, 4_000) for name in ("HM", "HKSS")]
    assert all(one.reliable for one in found)
    error = math.hypot(*(one.error for one in found))
    exact = math.log(evidences(0.8)[1] / evidences(0.8)[0])
    assert abs(found[1].log_evidence - found[0].log_evidence - exact) < 5 * error + 1e-3


def test_the_average_mixes_alternatives_by_their_odds(posterior, odds):
    x = np.array([0.8])
    both = average(posterior, odds, x)
    draws = draws_of(both.sample(7, x, 8_000))
    shares, exact = odds_at(0.8), [law(0.8, i) for i in (0, 1)]
    assert draws[:, 1].mean() == pytest.approx(shares[1], abs=0.03 + 5 * 0.5 / math.sqrt(8_000))
    mean = sum(w * one.mean() for w, one in zip(shares, exact, strict=True))
    assert draws[:, 0].mean() == pytest.approx(mean, abs=0.1)
    at = np.linspace(-2.0, 2.0, 9)
    density = sum(w * one.pdf(at) for w, one in zip(shares, exact, strict=True))
    np.testing.assert_allclose(np.exp(both.log_prob({"mu": at}, x)), density, atol=0.08)


def test_odds_come_back_from_a_file_bit_for_bit(odds, posterior, tmp_path):
    x = np.array([1.1])
    again = load_network(save_network(odds, tmp_path / "odds"))
    assert isinstance(again, NeuralOdds)
    np.testing.assert_array_equal(again.log_probabilities(x), odds.log_probabilities(x))
    kept = load_network(save_network(posterior, tmp_path / "posterior"))
    assert kept.space.switches == ("flux",)


def test_pairs_of_ones_own_name_their_alternatives():
    generator = np.random.default_rng(2)
    theta, c = generator.normal(size=(2_000, 1)), generator.choice(2, 2_000, p=SHARES)
    x = theta + SHIFTS[c][:, None]
    one = Pairs.from_arrays(theta, {"x": x, "flux": np.array(["HM", "HKSS"])[c]}, SPACE)
    two = Pairs.from_arrays(theta, {"x": x, "flux": c}, SPACE)
    np.testing.assert_array_equal(one.data["flux"], np.eye(2)[c])
    np.testing.assert_array_equal(two.data["flux"], np.eye(2)[c])
    for flux, message in [
        (None, "give the alternatives of the switch 'flux'"),
        (np.full(2_000, "Huber"), "'Huber' is no alternative of 'flux': HM, HKSS"),
        (c + 1, "expected names or numbers of the alternatives HM, HKSS"),
        (1 - c, "do not have their probabilities"),
    ]:
        data = {"x": x} if flux is None else {"x": x, "flux": flux}
        with pytest.raises(InvalidData, match=message):
            Pairs.from_arrays(theta, data, SPACE)


def test_what_a_switch_cannot_do_is_said():
    untrained = fresh_posterior(ParameterSpace((SPACE["mu"],)), {"x": (1,), "flux": (2,)}, coordinate="normal")
    untrained = dataclasses.replace(untrained, space=SPACE)
    x = np.zeros(1)
    with pytest.raises(InvalidData, match=r"take choose\(posterior, flux='HM'\), or average"):
        untrained.sample(1, x, 10)
    with pytest.raises(UnknownName, match=r"no alternative 'HKS'; .*HKSS"):
        choose(untrained, flux="HKS")
    with pytest.raises(InvalidParameter, match="'mu' is no switch"):
        choose(untrained, mu="HM")
    with pytest.raises(InvalidOption, match="'flux' is left open"):
        choose(untrained)
    with pytest.raises(InvalidParameter, match=r"reweight takes one alternative of 'flux' .*choose\(flux='HM'\)"):
        reweight(1, untrained, Shifted(), x, 100)
    with pytest.raises(InvalidParameter, match="train_ratio takes one alternative"):
        train_ratio(1, Shifted(), SPACE, pairs=100)
    with pytest.raises(InvalidParameter, match="training in rounds takes one alternative"):
        train_posterior(1, Shifted(), SPACE, rounds=2, data=x, pairs=100)
    with pytest.raises(InvalidParameter, match="no parameter is a switch"):
        train_odds(1, Shifted(SPACE.choose(flux="HM")), SPACE.choose(flux="HM"))


def test_a_block_with_the_name_of_a_switch_is_refused():
    class Telling(AbstractSimulator):
        space: ParameterSpace = SPACE

        def expected(self, values):
            return {"flux": jnp.zeros(1)}

        def simulate(self, key, values):
            return {"flux": jax.random.normal(key, (1,))}

    with pytest.raises(InvalidData, match="a block 'flux', the name of a switch"):
        simulate_pairs(1, Telling(), SPACE, 200)


def test_pairs_made_online_tell_their_alternative(pairs):
    preparation = Preparation(None, fit_scaling(dict(pairs.data), "none"))
    source = OnlinePairs(Shifted(), SPACE, PriorNormal(ParameterSpace((SPACE["mu"],))), None, preparation, 4_000)
    rows = source(jax.random.key(3))
    told, x = np.asarray(rows["x"]["flux"]), np.asarray(rows["x"]["x"])[:, 0]
    np.testing.assert_array_equal(told.sum(axis=1), 1.0)
    assert abs(told[:, 1].mean() - SHARES[1]) < 5 * math.sqrt(0.3 * 0.7 / 4_000)  # five binomial errors
    means = [x[told[:, i] == 1].mean() for i in (0, 1)]
    np.testing.assert_allclose(means, SHIFTS, atol=5 * math.hypot(1, NOISE) / math.sqrt(0.3 * 4_000))
