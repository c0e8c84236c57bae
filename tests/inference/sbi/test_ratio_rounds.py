"""Rounds of ratios: boxes around the posterior of the targets, with every simulation accounted for."""

import numpy as np
import pytest
from scipy.stats import norm

from tests.inference.sbi.exact import LinearGaussian
from wilks._base.errors import InvalidOption, RegionTooSmall
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.points import log_likelihoods
from wilks.inference.sbi.ratio_rounds import Boxes, train_in_boxes
from wilks.inference.sbi.ratios import train_ratio
from wilks.inference.sbi.saving import load_network, save_network
from wilks.inference.sbi.truncation import Truncation
from wilks.parameters.space import ParameterSpace

MODEL = LinearGaussian(3, noise=0.05)
DATA = np.array([0.4, -0.3, 0.1])
TARGETS = ParameterSpace([MODEL.space[name] for name in "ab"])
EXACT = LinearGaussian(2, noise=0.05)
"""Its log density at the first two data is the exact ratio of a and b, up to a term of the data."""


def in_boxes(truncation, rounds=3):
    """Rounds whose ratios are exact, and what each was trained on."""
    seen = []

    def fit(number, pairs, box, ledger):
        seen.append((pairs, box, ledger))
        return EXACT

    plan = Boxes(1, MODEL, MODEL.space, DATA[:2], (2000,) * rounds, truncation, None)
    train_in_boxes(plan, TARGETS, fit)
    return seen


def trained(rounds, steps, pairs, **options):
    settings = {"targets": ("a", "b"), "network": Residual(width=32, depth=2), "budget": Budget(steps, rate=3e-3)}
    settings |= {"data": DATA if rounds > 1 else None, "truncation": Truncation(2e-3, draws=20_000)}
    return train_ratio(1, MODEL, MODEL.space, rounds=rounds, pairs=pairs, **(settings | options))


def test_boxes_hold_the_posterior_and_every_simulation_is_accounted_for():
    found = in_boxes(Truncation(2e-3, draws=20_000))
    law = norm(EXACT.shrinkage * DATA[:2], EXACT.posterior_sd)
    for number, (pairs, box, ledger) in enumerate(found[1:], start=1):
        assert np.all(law.cdf(box.uppers) - law.cdf(box.lowers) > 0.99)
        line = ledger[-1]
        assert [one["simulated"] for one in ledger] == [2000] * (number + 1)
        mass = np.prod(norm().cdf(box.uppers) - norm().cdf(box.lowers))
        assert line["prior_mass"] == pytest.approx(mass, rel=1e-6)
        theta = pairs.columns(("a", "b"))
        assert np.all((theta >= box.lowers) & (theta <= box.uppers))
        assert line["trained_on"] == len(pairs)
        # pairs of earlier rounds inside the box stay: at least those of the prior, to five errors
        assert len(pairs) - 2000 > 2000 * mass - 5 * np.sqrt(2000 * mass)
        # the other parameter keeps its prior, N(0, 1)
        assert pairs.columns(("c",)).std() == pytest.approx(1.0, abs=5 / np.sqrt(2 * len(pairs)))
    assert found[2][2][-1]["prior_mass"] < 0.05
    assert len(found[2][0]) > 3000  # the boxes of the last two rounds are nearly the same


def test_a_box_of_hardly_any_prior_is_refused():
    # the likeliest of 2,000 prior draws holds half of the mass: a box without width
    with pytest.raises(RegionTooSmall, match="round 2 would keep 0 of the prior") as caught:
        in_boxes(Truncation(0.499, draws=30, margin=0.0))
    assert caught.value.result is EXACT


def test_rounds_need_data_and_go_with_one_network():
    for options, message in [
        ({"rounds": 2, "data": None}, "give data="),
        ({"rounds": 0}, "0 rounds asked for"),
        ({"rounds": 2, "blocks": "each"}, "take blocks='together'"),
        ({"rounds": 2, "pairs": (300, 300, 300)}, "names 3 rounds; expected 2"),
    ]:
        with pytest.raises(InvalidOption, match=message):
            trained(**({"steps": 10, "pairs": 300} | options))


def test_a_ratio_of_rounds_has_the_bounds_of_its_box_and_comes_back_from_a_file(tmp_path):
    cut = trained(
        2, 10, (200, 150), truncation=Truncation(0.4, draws=100, margin=0.0), network=Residual(width=8, depth=1)
    )
    assert [line["simulated"] for line in cut.ledger] == [200, 150]
    assert np.all(np.isfinite(cut.space.lowers))
    again = load_network(save_network(cut, tmp_path / "ratio"))
    assert again.ledger == cut.ledger
    assert float(again.log_prob({"a": 0.4, "b": -0.3}, DATA)) == float(cut.log_prob({"a": 0.4, "b": -0.3}, DATA))


@pytest.mark.slow
def test_three_rounds_are_nearer_to_the_exact_ratio_than_one():
    theta = EXACT.shrinkage * DATA[:2] + EXACT.posterior_sd * np.random.default_rng(1).normal(size=(500, 2))
    exact = norm(theta, 0.05).logpdf(DATA[:2]).sum(axis=1)

    def error(rounds):
        found = log_likelihoods(trained(rounds, steps=3000, pairs=9000), DATA, theta)
        return np.std(found - exact)  # a ratio is known up to a term of the data

    one, three = error(1), error(3)
    assert three < 0.5 * one, (one, three)
