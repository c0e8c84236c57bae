"""Rounds corrected by atoms on a linear Gaussian model: better at the data, and every simulation accounted for."""

import numpy as np
import pytest

from tests.inference.sbi import tasks
from wilks._base.errors import InvalidOption, NotAmortised
from wilks.inference.sbi.atoms import Atoms
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior_training import train_posterior

MODEL = tasks.GaussianLinear(2)
DATA = np.array([1.1, -0.9])  # at the edge of what the prior predicts, where one round has seen few pairs
PATH = SplineFlow(layers=2, width=16, kind="affine")


def trained(**settings):
    settings = {"path": PATH, "pairs": (300, 2000), "budget": Budget(steps=600, rate=3e-3)} | settings
    return train_posterior(5, MODEL, MODEL.space, data=DATA, **settings)


def distance(posterior):
    """Largest error of mean and standard deviation, in units of the exact standard deviation."""
    draws = posterior.sample(1, DATA, 4000).draws[0]
    sd = np.sqrt(0.05)
    return max(np.abs(draws.mean(axis=0) - DATA / 2).max(), np.abs(draws.std(axis=0) - sd).max()) / sd


@pytest.fixture(scope="module")
def corrected():
    return trained(rounds=2, correction=Atoms(combined=True))


def test_a_second_round_at_the_data_improves_on_the_first(corrected):
    assert distance(corrected) < distance(trained(rounds=1, pairs=300))
    # 2,000 pairs at the data leave errors of some 0.1 sd; without the correction the result is the product of
    # posterior and proposal over prior, whose width is 0.7 of the exact one
    assert distance(corrected) < 0.25


def test_every_simulation_is_accounted_for_and_the_posterior_holds_for_its_data(corrected):
    assert [line["simulated"] for line in corrected.ledger] == [300, 2000]
    assert [line["trained_on"] for line in corrected.ledger] == [300, 2300]
    with pytest.raises(NotAmortised):
        corrected.sample(1, DATA + 0.1, 10)


def test_sbi_9_atoms_that_do_not_fit_and_other_options_are_errors():
    with pytest.raises(InvalidOption, match="1 atoms"):
        Atoms(1)
    with pytest.raises(InvalidOption, match="40 atoms need batches"):
        trained(rounds=2, correction=Atoms(40), pairs=200, budget=Budget(steps=50, batch=32))
    with pytest.raises(InvalidOption, match="allowed: SplineFlow, MixtureDensity"):
        trained(rounds=2, correction=Atoms(), path=FlowMatching())
    with pytest.raises(InvalidOption, match="exact prior: coordinate 'box'"):
        trained(rounds=2, correction=Atoms(), coordinate="box")
    with pytest.raises(InvalidOption, match="rounds=2 or more"):
        trained(rounds=1, correction=Atoms())
