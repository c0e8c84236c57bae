"""Truncated rounds: they run for every path, account for every simulation, and are worth it where the data lie."""

import numpy as np
import pytest

from tests.inference.sbi import tasks
from wilks._base.errors import NotAmortised
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.score_paths import ScoreMatching
from wilks.inference.sbi.truncation import Truncation
from wilks.inference.sbi.two_samples import c2st

MODEL = tasks.GaussianMixture()
DATA = np.array([1.0, -2.0])
TINY = Residual(width=8, depth=1)
PATHS = {
    "flow matching": FlowMatching(network=TINY, steps=4),
    "splines": SplineFlow(layers=2, bins=4, width=8),
}


def trained(path, rounds, pairs, steps, draws):
    return train_posterior(
        3, MODEL, MODEL.space, path=path, rounds=rounds, data=DATA if rounds > 1 else None, pairs=pairs,
        coordinate="box", standardise="none", budget=Budget(steps=steps), truncation=Truncation(2e-3, draws=draws),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_sbi_1_three_rounds_run_for_every_path_and_account_for_every_simulation(path):
    found = trained(PATHS[path], 3, 700, 20, 500)
    assert [line["simulated"] for line in found.ledger] == [234, 233, 233]
    assert all(line["failed"] == 0 for line in found.ledger)
    masses = [line["prior_mass"] for line in found.ledger]
    assert masses[0] == 1.0
    assert 0.0 < masses[2] <= masses[1] * 1.1  # nested, up to the error of masses known from some hundred candidates
    assert found.ledger[2]["trained_on"] <= 700
    draws = found.sample(1, DATA, 200).draws[0]
    assert found.region.contains(draws).all()
    with pytest.raises(NotAmortised):
        found.sample(1, DATA + 1.0, 10)


@pytest.mark.slow
def test_sbi_1_three_rounds_beat_the_first_at_the_data():
    generator = np.random.default_rng(1)
    width = np.where(generator.random(2000) < 0.5, 1.0, 0.1)[:, None]
    exact = DATA + width * generator.normal(size=(2000, 2))  # the box ends eight widths away
    path = ScoreMatching(network=Residual(width=64, depth=3))

    def score(rounds, pairs):
        return c2st(trained(path, rounds, pairs, 2500, 2000).sample(1, DATA, 2000).draws[0], exact, key=1)

    first, third = score(1, 2000), score(3, 6000)
    assert third < first - 0.03, (first, third)  # smaller differences are noise between seeds
    assert third < 0.58
