"""Draws for many sets of data at once are those of single calls, and each set is encoded once."""

import jax
import numpy as np
import pytest

from tests.inference.sbi import tasks
from wilks._base.errors import InvalidData, InvalidOption
from wilks.inference.sbi import posterior as posteriors
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.many_sets import sample_many
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.operations import ensemble
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior_training import train_posterior

MODEL = tasks.TwoMoons()
DATA = np.array([[0.1, -0.2], [-0.3, 0.2], [0.0, 0.4]])
KEY = jax.random.key(8)


@pytest.fixture(scope="module")
def posterior():
    path = FlowMatching(network=Residual(width=16, depth=1), steps=4)
    settings = {"coordinate": "box", "standardise": "none", "budget": Budget(steps=60), "pairs": 1000}
    return train_posterior(3, MODEL, MODEL.space, path=path, **settings)


def test_each_set_gets_the_draws_densities_and_flags_of_a_single_call(posterior):
    data = np.concatenate([DATA, [[40.0, -40.0]]])  # the last lies far outside
    together = sample_many(KEY, posterior, data, 15, density=True)
    assert len(together) == 4
    for i, found in enumerate(together):
        alone = posterior.sample(jax.random.fold_in(KEY, i), data[i], 15, density=True)
        # single precision: equal up to the order of sums in a block
        assert found.draws == pytest.approx(alone.draws, abs=1e-5)
        assert found.log_prob == pytest.approx(alone.log_prob, abs=1e-3)
        assert found.facts["inside"] == pytest.approx(alone.facts["inside"], abs=1e-3)
        assert found.flags == alone.flags
        assert found.names == alone.names
    assert [("outside_training" in found.flags) for found in together] == [False, False, False, True]
    assert 0.0 < together[0].facts["inside"] < 1.0


def test_sets_are_encoded_once_and_together(posterior, monkeypatch):
    encoded, encode = [], posteriors._encoded

    def counted(*args):
        encoded.append(len(args[3]["x"]))
        return encode(*args)

    monkeypatch.setattr(posteriors, "_encoded", counted)
    found = sample_many(4, posterior, {"x": DATA}, 5)
    assert encoded == [3]
    assert np.isnan(found[0].log_prob).all()  # nobody asked for densities


def test_other_posteriors_go_set_by_set(posterior):
    mixed = ensemble([posterior, posterior])
    together = sample_many(KEY, mixed, DATA, 6)
    alone = mixed.sample(jax.random.fold_in(KEY, 2), DATA[2], 6)
    assert together[2].draws == pytest.approx(alone.draws, abs=1e-6)


def test_bad_sets_are_named(posterior):
    bad = DATA.copy()
    bad[1, 0] = np.nan
    with pytest.raises(InvalidData, match="set 1: "):
        sample_many(1, posterior, bad, 5)
    with pytest.raises(InvalidData, match="lengths 2, 3"):
        sample_many(1, posterior, {"x": DATA, "y": DATA[:2]}, 5)
    with pytest.raises(InvalidData, match="lengths 0; give arrays with one leading axis"):
        sample_many(1, posterior, DATA[:0], 5)
    with pytest.raises(InvalidOption, match="0 draws of each set"):
        sample_many(1, posterior, DATA, 0)
    with pytest.raises(InvalidData, match="for many sets of data take `sample_many`"):
        posterior.sample(1, DATA, 5)
