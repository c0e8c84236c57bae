"""Neural posteriors on a linear Gaussian model: density, draws, determinism, truncation, files."""

import dataclasses
import json
import subprocess
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sbi import tasks
from wilks._base.errors import InvalidFile, InvalidOption
from wilks.inference.sbi import drawing
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.calibration import calibrate_ranks
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.many_sets import draws_for_each
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.pairs import Pairs
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.saving import load_posterior, save_posterior
from wilks.inference.sbi.simulation import simulate_pairs
from wilks.inference.sbi.sufficient import SufficientStatistic
from wilks.likelihood.interface import AbstractSimulator

SMALL = Residual(width=32, depth=2)
STEPS = 400
MODEL = tasks.GaussianLinear(2)
DATA = np.array([0.1, -0.2])


def trained(path=None, **settings):
    path = FlowMatching(network=SMALL, steps=20) if path is None else path
    settings = {"coordinate": "normal", "budget": Budget(steps=STEPS), "pairs": 2000} | settings
    return train_posterior(3, MODEL, MODEL.space, path=path, **settings)


@pytest.fixture(scope="module")
def posterior():
    return trained()


def test_sbi_2_the_steps_of_a_run_equal_its_budget(posterior):
    assert posterior.record.done == STEPS


def test_a_draw_and_its_density_belong_together(posterior):
    samples = posterior.sample(1, DATA, 200, density=True)
    again = posterior.log_prob({n: samples.values(n) for n in samples.names}, DATA)
    assert np.allclose(samples.log_prob[0], again, atol=1e-3)  # the error of the solver, forward against backward


def test_draws_of_the_usual_steps_are_those_of_a_fine_integration(posterior):
    field = posterior.estimator.density

    def drawn(steps):
        settings = dataclasses.replace(field.settings, steps=steps)
        own = eqx.tree_at(lambda p: p.estimator.density, posterior, dataclasses.replace(field, settings=settings))
        return own.sample(2, DATA, 256).draws[0]

    fine = drawn(200)
    error = np.abs(drawn(FlowMatching().steps) - fine) / fine.std(axis=0)
    # networks are wrong by some 0.1 sd; where a posterior has two parts, single draws change sides
    assert np.quantile(error, 0.99) < 0.01


def test_many_sets_get_the_draws_of_single_ones_and_compile_nothing_new(posterior):
    data = DATA + np.linspace(-0.1, 0.1, 30)[:, None]
    key = jax.random.key(8)
    together = draws_for_each(key, posterior, data, 30, 20)
    alone = posterior.sample(jax.random.fold_in(key, 7), data[7], 20).draws[0]
    assert together[7] == pytest.approx(alone, abs=1e-6)  # equal up to the order of sums in a block
    before = drawing._draw_block._cached._cache_size()
    draws_for_each(jax.random.key(9), posterior, data + 0.05, 30, 20)
    posterior.sample(10, DATA - 0.05, 600)
    assert drawing._draw_block._cached._cache_size() == before


def test_ranks_of_a_network_are_made_chunk_by_chunk(posterior):
    found = calibrate_ranks(3, MODEL, MODEL.space, posterior, 64, draws=15)
    assert len(found) == 64
    assert found.failed == 0
    assert found.ranks.max() <= 15
    assert np.array_equal(found.ranks, calibrate_ranks(3, MODEL, MODEL.space, posterior, 64, draws=15).ranks)


def test_sbi_3_the_density_integrates_to_one(posterior):
    axis = np.linspace(-1.2, 1.4, 80)
    one, two = (a.ravel() for a in np.meshgrid(axis, axis))
    log_q = np.asarray(posterior.log_prob({"theta1": one, "theta2": two}, DATA))
    assert np.exp(log_q).sum() * (axis[1] - axis[0]) ** 2 == pytest.approx(1.0, abs=0.01)


def test_sbi_10_equal_keys_give_equal_draws_and_longer_runs_begin_alike(posterior):
    few, many = (posterior.sample(5, DATA, n).draws[0] for n in (50, 120))
    assert np.array_equal(few, many[:50])


def test_sbi_12_files_hold_no_objects_and_name_no_unknown_component(posterior, tmp_path):
    folder = save_posterior(posterior, tmp_path / "q")
    back = load_posterior(folder)
    assert np.array_equal(back.sample(1, DATA, 50).draws, posterior.sample(1, DATA, 50).draws)
    network = folder / "network.json"
    network.write_text(network.read_text().replace('"Trunk"', '"Evil"'))
    with pytest.raises(InvalidFile, match="altered"):
        load_posterior(folder)


def test_sbi_14_failed_simulations_keep_their_place():
    pairs = simulate_pairs(1, MODEL, MODEL.space, 300)
    x = pairs.data["x"].copy()
    x[7] = np.nan
    given = Pairs.from_arrays(pairs.theta, x, MODEL.space)
    assert len(given) == 300
    assert given.failed == 1
    assert len(given.valid) + given.failed == len(given)


def test_sbi_11_training_writes_nothing_without_a_store(posterior, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trained(budget=Budget(steps=20))
    assert list(tmp_path.iterdir()) == []


def test_rounds_need_the_observed_data():
    with pytest.raises(InvalidOption, match="truncated rounds need the observed data"):
        trained(rounds=2)


def test_sbi_17_the_import_loads_no_foreign_framework():
    program = (
        "import json, sys, wilks.inference.sbi as sbi; names = [getattr(sbi, name) for name in dir(sbi)]; "
        "print(json.dumps([len(names) > 30, *(m for m in ('torch', 'tensorflow', 'sklearn') if m in sys.modules)]))"
    )
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert json.loads(output.splitlines()[0]) == [True]  # every name of the lazy face was resolved


def test_a_sufficient_statistic_serves_as_encoder_and_is_stored(tmp_path):
    statistic = SufficientStatistic.of_means(np.zeros(2), np.eye(2), 0.1 * np.eye(2))
    posterior = trained(FlowMatching(network=SMALL, steps="auto"), encoder=statistic)
    assert isinstance(posterior.estimator.density.settings.steps, int)  # settled by the training
    draws = posterior.sample(1, DATA, 2000).draws[0]
    # exact mean x/2 and standard deviation 0.224; a short training stays within a fifth of it
    assert np.abs(draws.mean(axis=0) - DATA / 2).max() < 0.05
    back = load_posterior(save_posterior(posterior, tmp_path / "q"))
    assert np.array_equal(back.sample(1, DATA, 50).draws, posterior.sample(1, DATA, 50).draws)


class Switched(AbstractSimulator):
    """x ~ N(theta + 1, 0.1) or N(theta - 1, 0.1), and which of the two, one-hot."""

    model: tasks.GaussianLinear

    @property
    def space(self):
        return self.model.space

    def simulate(self, key, values):
        which, noise = jax.random.split(key)
        choice = jax.nn.one_hot(jax.random.bernoulli(which).astype(int), 2)
        return {"x": self.model.simulate(noise, values) + choice @ jnp.array([1.0, -1.0]), "switch": choice}

    def expected(self, values):
        return {"x": self.space.pack(values), "switch": jnp.full(2, 0.5)}


def test_a_switch_that_the_simulator_draws_is_given_with_the_data():
    simulator = Switched(tasks.GaussianLinear(1))
    posterior = train_posterior(
        3, simulator, simulator.space, path=SplineFlow(layers=3, kind="affine", width=16), pairs=2000,
        coordinate="normal", budget=Budget(steps=400, rate=3e-3),
    )  # fmt: skip
    for choice, offset in (([1.0, 0.0], 1.0), ([0.0, 1.0], -1.0)):
        observed = {"x": np.array([offset + 0.2]), "switch": np.array(choice)}
        draws = posterior.sample(1, observed, 1000).draws
        assert draws.mean() == pytest.approx(0.1, abs=0.08)  # x/2 after the offset; a third of the posterior's sd
        assert draws.std() == pytest.approx(np.sqrt(0.05), rel=0.3)


def test_an_encoder_that_is_none_is_refused():
    with pytest.raises(InvalidOption, match="encoder 'none'; give 'auto', an encoder such as"):
        trained(encoder="none", pairs=200)
