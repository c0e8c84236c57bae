"""The prior restricted to where simulations succeed: a triangle that is known, and the posterior cut by it."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from wilks._base.errors import InvalidData, InvalidOption, InvalidParameter, RegionTooSmall
from wilks.inference.sbi.atoms import Atoms
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.pairs import Pairs
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.ratios import train_ratio
from wilks.inference.sbi.restricted import Attempts, refuse_tiny, restrict
from wilks.inference.sbi.rounds import first_round
from wilks.inference.sbi.saving import load_posterior, save_posterior
from wilks.inference.sbi.simulation import simulate_pairs
from wilks.inference.sbi.truncation import Truncation
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace
from wilks.results.numbers import with_error

NOISE = 0.3
SPACE = ParameterSpace([Parameter(n, 0.5, 0.0, 1.0, prior=Uniform(0.0, 1.0)) for n in "ab"])
DATA = np.array([0.3, 0.5])


class Triangle(AbstractSimulator):
    """x ~ N(theta, 0.3^2), lost where a + b > 1: half of the prior."""

    space: ParameterSpace = SPACE

    def simulate(self, key, values):
        x = self.expected(values) + NOISE * jax.random.normal(key, (2,), float)
        return jnp.where(values["a"] + values["b"] > 1.0, jnp.nan, x)

    def expected(self, values):
        return jnp.stack([values["a"], values["b"]])


MODEL = Triangle()


@pytest.fixture(scope="module")
def probe():
    return simulate_pairs(1, MODEL, SPACE, 2000, allow_invalid=True)


@pytest.fixture(scope="module")
def restricted(probe):
    return restrict(2, probe, SPACE)


@pytest.fixture(scope="module")
def pairs(restricted):
    return simulate_pairs(3, MODEL, SPACE, 4000, proposal=restricted, allow_invalid=True)


@pytest.fixture(scope="module")
def posterior(restricted, pairs):
    return train_posterior(
        5, MODEL, SPACE, pairs=pairs, proposal=restricted, path=SplineFlow(layers=3, bins=6, width=32),
        coordinate="box", standardise="none", budget=Budget(steps=1500, rate=3e-3),
    )  # fmt: skip


def quick(**options):
    settings = {"coordinate": "box", "standardise": "none", "budget": Budget(steps=10), "pairs": 300}
    settings |= {"path": SplineFlow(layers=2, bins=4, width=8), "allow_invalid": True}
    return train_posterior(4, MODEL, SPACE, **(settings | options))


def test_the_boundary_is_learned_and_hardly_a_valid_simulation_lies_outside(restricted, probe):
    grid = np.stack(np.meshgrid(*[np.linspace(0.01, 0.99, 50)] * 2), axis=-1).reshape(-1, 2)
    far = np.abs(grid.sum(axis=1) - 1.0) > 0.1  # 2,000 points know the line to a few hundredths
    np.testing.assert_array_equal(restricted.contains(grid)[far], (grid.sum(axis=1) < 1.0)[far])
    assert restricted.lost <= 1e-3
    valid = probe.valid
    assert np.mean(~restricted.contains(valid.theta)) == restricted.lost
    share = restricted.probability({"a": np.array([0.1, 0.9]), "b": 0.5})
    assert share[0] > 0.95 > 0.05 > share[1]


def test_pairs_say_what_they_were_drawn_from_with_its_binomial_error(restricted, pairs):
    assert pairs.failed < 0.15 * len(pairs)  # half of the prior's pairs fail
    assert f"from the {restricted.name}; x (2,)" in repr(pairs)
    assert "±" in restricted.name
    facts = pairs.provenance.settings
    assert facts["accepted_error"] == pytest.approx(
        math.sqrt(facts["accepted"] * (1 - facts["accepted"]) / facts["tried"])
    )
    assert abs(facts["accepted"] - restricted.attempts.share) < 5 * math.hypot(
        facts["accepted_error"], restricted.attempts.error
    )
    assert restricted.contains(pairs.theta).all()


def test_draws_are_those_of_the_prior_inside_and_begin_with_the_fewer_ones(restricted):
    many, attempts = restricted.draw(7, 3000)
    few, _ = restricted.draw(7, 500)
    np.testing.assert_array_equal(many[:500], few)
    assert attempts.tried == 20_000
    inside = many[many.sum(axis=1) < 0.9]  # the prior is flat in this triangle: mean 0.3, sd 0.9/sqrt(18)
    assert inside.mean(axis=0) == pytest.approx([0.3, 0.3], abs=5 * 0.9 / math.sqrt(18 * len(inside)))


def test_the_posterior_is_that_of_the_whole_prior_given_valid_data(restricted, posterior):
    found = posterior
    draws = found.sample(6, DATA, 4000).draws[0]
    assert restricted.contains(draws).all()
    count = 200
    middles = (np.arange(count) + 0.5) / count
    grid = np.stack(np.meshgrid(middles, middles), axis=-1).reshape(-1, 2)
    exact = norm(DATA, NOISE).pdf(grid).prod(axis=1) * (grid.sum(axis=1) < 1.0)
    exact /= exact.sum()
    mean = exact @ grid
    sd = np.sqrt(exact @ (grid - mean) ** 2)
    assert np.max(np.abs(draws.mean(axis=0) - mean) / sd) < 0.15  # of 4,000 pairs and 1,500 steps
    assert draws.std(axis=0) == pytest.approx(sd, rel=0.12)
    density = np.exp(np.asarray(found.log_prob({"a": grid[:, 0], "b": grid[:, 1]}, DATA)))
    # normalised on its support: 10,000 draws know the probability inside to half a per cent
    assert density.mean() == pytest.approx(1.0, abs=0.02)
    assert np.all(density[~restricted.contains(grid)] == 0.0)
    (line,) = found.ledger
    assert line["simulated"] == 4000 == line["trained_on"] + line["failed"]
    assert line["accepted"] == restricted.attempts.share
    assert line["accepted_error"] == restricted.attempts.error > 0.0
    share = with_error(line["accepted"], line["accepted_error"])
    assert "4000 simulations in 1 round" in str(found)
    assert f"{share}" in str(found)
    inside = found.sample(6, DATA, 10, density=True).facts
    assert 0.5 < inside["inside"] < 1.0
    assert inside["inside_error"] == pytest.approx(math.sqrt(inside["inside"] * (1 - inside["inside"]) / 10_000))


def test_pairs_of_the_prior_are_taken_where_they_lie_inside(restricted, probe, pairs):
    found = first_round(probe + pairs, restricted, SPACE)
    assert found.region is restricted
    assert found.line["simulated"] == len(probe) + len(pairs)
    assert found.line["trained_on"] == restricted.contains(probe.valid.theta).sum() + len(pairs.valid)
    np.testing.assert_array_equal(found.pairs.theta, (probe + pairs).theta[found.kept])
    # a nuisance is restricted with its target, but a law of the target alone cannot be confined
    assert first_round(pairs, restricted, ParameterSpace([SPACE["a"]])).region is None


@pytest.mark.slow
def test_rounds_stay_inside(restricted):
    cut = quick(rounds=2, data=DATA, proposal=restricted, truncation=Truncation(2e-3, draws=500))
    atoms = quick(
        rounds=2, data=DATA, proposal=restricted, correction=Atoms(5), coordinate="auto", standardise="auto"
    )  # fmt: skip
    for found in (cut, atoms):
        assert restricted.contains(found.sample(1, DATA, 200).draws[0]).all()
        assert [line["simulated"] for line in found.ledger] == [150, 150]
        assert found.ledger[1]["prior_mass"] <= 0.6
        assert found.ledger[1]["accepted_error"] > 0.0


def test_a_restricted_posterior_comes_back_from_a_file(restricted, posterior, tmp_path):
    again = load_posterior(save_posterior(posterior, tmp_path / "q"))
    np.testing.assert_array_equal(again.sample(1, DATA, 50).draws, posterior.sample(1, DATA, 50).draws)
    assert again.region.attempts == restricted.attempts


@pytest.mark.parametrize(
    ("bad", "message"), [(0, "0 of 200 simulations failed"), (200, "0 of 200 simulations are valid")]
)
def test_without_failures_or_successes_there_is_nothing_to_learn(bad, message):
    x = np.ones((200, 1))
    x[:bad] = np.nan
    given = Pairs.from_arrays((np.arange(400).reshape(2, 200).T % 199 + 0.5) / 200, x, SPACE, proposal="stripes")
    with pytest.raises(InvalidData, match=message):
        restrict(1, given, SPACE)
    with pytest.raises(InvalidData, match="at least 100"):
        restrict(1, given.take(np.arange(50)), SPACE)


def test_what_does_not_go_together_is_refused(restricted, probe):
    with pytest.raises(InvalidOption, match=r"threshold 1\.5"):
        restrict(1, probe, SPACE, threshold=1.5)
    with pytest.raises(InvalidOption, match=r"lost 0\.7"):
        restrict(1, probe, SPACE, lost=0.7)
    other = SPACE.replace("b", upper=0.9)
    with pytest.raises(InvalidParameter, match="b differ in name, bounds or prior"):
        simulate_pairs(1, MODEL, other, 100, proposal=restricted)
    with pytest.raises(InvalidOption, match="online pairs are drawn from the whole prior"):
        quick(pairs="online", proposal=restricted)
    given = simulate_pairs(1, MODEL, SPACE, 200, proposal=np.full((200, 2), 0.25))
    for refused in (lambda: quick(pairs=given), lambda: train_ratio(1, MODEL, SPACE, pairs=given)):
        with pytest.raises(InvalidData, match=r"drawn from 'given values'.*give weights="):
            refused()


def test_a_region_that_holds_hardly_any_prior_is_refused():
    with pytest.raises(RegionTooSmall, match=r"3 of 4000000 prior draws have P\(valid\) >= 0.999"):
        refuse_tiny(Attempts(4_000_000, 3), 0.999)
    refuse_tiny(Attempts(4_000_000, 5), 0.999)
    refuse_tiny(Attempts(20_000, 0), 0.999)
