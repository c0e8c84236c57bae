"""Bad input: what each kind of it gives, whether an error that says what to do, a flag, or a number that is right."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sbi import tasks
from tests.inference.sbi.exact import GaussianPosterior, LinearGaussian
from tests.inference.sbi.fresh import box, fresh_posterior
from wilks._base.errors import (
    InvalidData,
    InvalidOption,
    InvalidParameter,
    NotAmortised,
    RegionTooSmall,
    TooManyFailures,
)
from wilks.inference.sbi import rounds
from wilks.inference.sbi.atoms import Atoms
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.checkpoints import Checkpoints
from wilks.inference.sbi.embeddings import BlockEncoder
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.pairs import NOT_FINITE, RAISED, VALID, Pairs
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.scaling import constant_features, fit_scaling
from wilks.inference.sbi.simulation import simulate_pairs
from wilks.inference.sbi.training_record import TrainingRecord
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

GENERATOR = np.random.default_rng(3)


class Plain(AbstractSimulator):
    """x ~ N(theta1, 1) by a function of a generator, point by point."""

    space: ParameterSpace
    make: Callable[..., Any]

    def simulate(self, key, values):
        generator = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        return self.make(generator, float(values["theta1"]))

    def expected(self, values):
        return np.array([float(values["theta1"])])


def pairs_of(theta, x, size=1):
    return Pairs.from_arrays(theta, x, box(size))


def uniform_pairs(n=400, size=1):
    theta = GENERATOR.random((n, size))
    return theta, theta + GENERATOR.normal(size=(n, size))


def quick(pairs, size=1, **settings):
    model = Plain(box(size), lambda generator, theta: generator.normal(theta, 1.0, 1))
    path = SplineFlow(layers=2, bins=4, width=8)
    options = {"path": path, "coordinate": "box", "standardise": "none", "budget": Budget(steps=10)} | settings
    return train_posterior(1, model, model.space, pairs=pairs, **options)


def test_a_parameter_without_a_proper_prior_is_named_with_the_priors_that_work():
    space = ParameterSpace((Parameter("theta1", 0.5),))
    model = Plain(space, lambda generator, theta: generator.normal(theta, 1.0, 1))
    with pytest.raises(InvalidParameter, match=r"'theta1' has no prior.*Uniform, LogUniform, Normal"):
        simulate_pairs(1, model, space, 100)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda g, t: g.normal(t, 1.0, 1 if t < 0.9 else 2), r"simulation \d+ has blocks .*\(2,\).*the first had"),
        (lambda g, t: {"a" if t < 0.9 else "b": g.normal(t, 1.0, 1)}, r"simulation \d+ has blocks \{'b'.*'a'"),
        (lambda g, t: np.array([t]), "same data for different keys"),
        (lambda g, t: np.array([1.0]), "same data for different keys"),
    ],
    ids=["shape", "keys", "deterministic", "constant"],
)
def test_simulators_whose_output_changes_or_ignores_the_key_are_refused(make, message):
    model = Plain(box(1), make)
    with pytest.raises(InvalidData, match=message):
        simulate_pairs(1, model, model.space, 100)


def test_a_deterministic_simulator_may_be_allowed():
    model = Plain(box(1), lambda g, t: np.array([t]))
    assert len(simulate_pairs(1, model, model.space, 20, allow_deterministic=True)) == 20


def failing(share):
    def make(generator, theta):
        if theta > 1.0 - share / 2:
            raise ValueError("no solution")
        return np.array([np.nan]) if theta > 1.0 - share else generator.normal(theta, 1.0, 1)

    return Plain(box(1), make)


def test_sbi_14_failed_simulations_are_counted_and_too_many_end_the_run_with_their_range():
    model = failing(0.2)
    with pytest.raises(TooManyFailures, match=r"of 200 simulations failed, at theta1 in \[0\.8") as caught:
        simulate_pairs(1, model, model.space, 200)
    pairs = simulate_pairs(1, model, model.space, 200, allow_invalid=True)
    assert len(caught.value.result) == len(pairs) == 200
    counts = [int(np.count_nonzero(pairs.status == status)) for status in (VALID, NOT_FINITE, RAISED)]
    assert sum(counts) == 200
    assert min(counts) > 0
    assert f"{pairs.failed} of 200 simulations failed" in pairs.flags["failed_simulations"]
    assert np.all(pairs.theta[pairs.status != VALID] > 0.8)


def test_few_valid_pairs_are_an_error_and_few_batches_a_flag():
    theta, x = uniform_pairs(120)
    x[:30] = np.nan
    with pytest.raises(InvalidData, match="90 of 120 pairs are valid; at least 100"):
        quick(pairs_of(theta, x))
    found = quick(pairs_of(*uniform_pairs(400)))
    assert "only 400 valid pairs" in found.flags["few_simulations"]
    assert found.record.batch == 32  # max(32, N/20)


def test_parameters_outside_the_space_or_on_a_bound_are_counted_and_shown():
    theta, x = uniform_pairs()
    theta[[7, 9], 0] = 1.5
    with pytest.raises(InvalidData, match=r"2 of 400 rows lie outside the space; the first is row 7: theta1 = 1\.5"):
        pairs_of(theta, x)
    theta[[7, 9], 0] = 1.0
    with pytest.raises(InvalidData, match=r"2 pairs lie exactly on a bound.*row 7: theta1 = 1\.0; take 'box'"):
        quick(pairs_of(theta, x), coordinate="normal")


def test_pairs_of_another_prior_are_refused_unless_their_proposal_is_declared():
    theta = GENERATOR.beta(3.0, 1.0, (400, 1))
    x = theta + GENERATOR.normal(size=theta.shape)
    with pytest.raises(InvalidData, match=r"'theta1' was not drawn from its prior.*proposal="):
        pairs_of(theta, x)
    assert Pairs.from_arrays(theta, x, box(1), proposal="beta").proposal == "beta"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"near": np.zeros(3), "far": np.zeros(3)}, r"block 'far' has shape \(3,\); the network was trained on \(2,\)"),
        ({"near": np.zeros(3)}, "block 'far' is missing; found 'near'"),
        ({"near": np.zeros(3), "far": np.zeros(2), "new": np.zeros(1)}, "unknown block 'new'"),
        ({"near": np.zeros(3), "far": np.array([0.0, np.nan])}, "block 'far' is nan at entry 1"),
    ],
)
def test_observed_data_that_do_not_fit_are_named_block_by_block(data, message):
    posterior = fresh_posterior(box(1), {"near": (3,), "far": (2,)})
    with pytest.raises(InvalidData, match=message):
        posterior.sample(1, data, 10)


def test_data_far_from_all_simulations_are_flagged():
    posterior = fresh_posterior(box(1), {"x": (2,)})
    assert "outside_training" not in posterior.sample(1, np.zeros(2), 10).flags
    flags = posterior.sample(1, np.array([0.0, 40.0]), 10).flags
    assert "see the misspecification check" in flags["outside_training"]


def test_sbi_10_data_and_key_are_arguments_without_defaults():
    posterior = fresh_posterior(box(1), {"x": (2,)})
    with pytest.raises(TypeError, match="data"):
        posterior.sample(key=1, n=10)
    with pytest.raises(TypeError, match="key"):
        posterior.sample(data=np.zeros(2), n=10)
    one, two = (posterior.sample(key, np.zeros(2), 10).draws for key in (1, 2))
    np.random.seed(0)  # noqa: NPY002  a global seed must not matter
    assert np.array_equal(posterior.sample(1, np.zeros(2), 10).draws, one)
    assert not np.array_equal(one, two)


@pytest.mark.parametrize("size", [1, 2])
def test_sbi_3_a_density_that_leaks_out_of_its_box_is_normalised_inside(size):
    posterior = fresh_posterior(box(size), {"x": (2,)})
    axis = (np.arange(60) + 0.5) / 60
    grid = np.stack(np.meshgrid(*[axis] * size, indexing="ij"), axis=-1).reshape(-1, size)
    values = {f"theta{i + 1}": grid[:, i] for i in range(size)}
    mass = np.exp(np.asarray(posterior.log_prob(values, np.zeros(2)))).mean()
    # a fresh flow is nearly N(0, 1) in a box of +-sqrt 3: without the correction 8 % per direction would be missing
    assert mass == pytest.approx(1.0, abs=0.01)
    inside = posterior.sample(1, np.zeros(2), 4000).facts["accepted"]
    assert inside == pytest.approx(0.917**size, abs=0.03)


@pytest.mark.parametrize("coordinate", ["box", "normal"])
def test_densities_outside_the_support_are_minus_infinity(coordinate):
    posterior = fresh_posterior(box(2), {"x": (2,)}, coordinate=coordinate)
    values = {"theta1": np.array([0.5, 1.2, -0.1, 0.5]), "theta2": np.array([0.5, 0.5, 0.5, 7.0])}
    found = np.asarray(posterior.log_prob(values, np.zeros(2)))
    assert np.isfinite(found[0])
    assert np.all(found[1:] == -np.inf)


def test_whole_numbers_ties_and_large_counts_are_scaled_in_double_precision():
    counts = GENERATOR.poisson(1e12, (500, 2))  # +- 1e6, where single precision has steps of 65,536
    data = {"large": counts, "small": GENERATOR.integers(0, 3, (500, 1)), "same": np.full((500, 2), 4.0)}
    scalings = fit_scaling(data)
    scaled = np.asarray(jax.vmap(scalings["large"])(counts))
    assert scaled.dtype == np.float32
    assert len(np.unique(scaled[:, 0])) == len(np.unique(counts[:, 0])) > 450
    assert scaled.std(axis=0) == pytest.approx(np.ones(2), abs=1e-3)
    assert constant_features(scalings, {"large": (2,), "small": (1,), "same": (2,)}) == ["same[0]", "same[1]"]


def test_constant_features_are_dropped_and_listed():
    theta, x = uniform_pairs()
    found = quick(pairs_of(theta, np.concatenate([x, np.full_like(x, 3.0)], axis=1)))
    assert "x[1]" in found.flags["constant_features"]
    assert found.sample(1, np.array([0.5, 3.0]), 10).draws.shape == (1, 10, 1)


def test_weights_need_a_likelihood_of_all_inferred_parameters():
    model = LinearGaussian()
    with pytest.raises(InvalidParameter, match="the posterior lacks b"):
        reweight(1, GaussianPosterior(LinearGaussian(1)), model, np.zeros(2), 100)


def test_a_region_that_holds_hardly_any_prior_is_refused_with_round_and_mass():
    last = fresh_posterior(box(1), {"x": (2,)})
    with pytest.raises(RegionTooSmall, match="round 3 would keep 1e-07 of the prior") as caught:
        rounds.refuse_small(1e-7, 2, last)
    assert caught.value.result is last
    rounds.refuse_small(1e-5, 2, last)


def test_sbi_19_a_truncated_posterior_serves_its_data_alone():
    posterior = fresh_posterior(box(1), {"x": (2,)}, only_for="another digest")
    for ask in (posterior.sample, lambda key, data, n: posterior.log_prob({"theta1": 0.5}, data)):
        with pytest.raises(NotAmortised, match="holds for no other"):
            ask(1, np.zeros(2), 10)


def test_sbi_9_batches_and_atoms_beyond_what_there_is_are_refused():
    with pytest.raises(InvalidOption, match="batch 900 exceeds the"):
        quick(pairs_of(*uniform_pairs()), budget=Budget(steps=10, batch=900))
    with pytest.raises(InvalidOption, match="atoms"):
        Atoms(count=50).refuse_small(32)


def test_a_network_that_may_miss_blocks_gives_the_prior_without_any():
    layout = {"far": (2,), "near": (3,)}
    encoder = BlockEncoder(hidden=(8,), features=4, drop_blocks=0.3)
    posterior = fresh_posterior(box(2), layout, encoder=encoder)
    samples = posterior.sample(1, {}, 4000)
    assert "draws of the prior" in samples.flags["no_data"]
    # uniform: mean 1/2 and sd 0.289, known to 0.289/sqrt(4000) each
    assert samples.draws[0].mean(axis=0) == pytest.approx([0.5, 0.5], abs=0.02)
    assert samples.draws[0].std(axis=0) == pytest.approx([0.289, 0.289], abs=0.02)
    one = posterior.sample(1, {"near": np.zeros(3)}, 50)
    assert "no_data" not in one.flags
    whole = fresh_posterior(box(2), layout, encoder=BlockEncoder(hidden=(8,), features=4))
    with pytest.raises(InvalidData, match="block 'far' is missing"):
        whole.sample(1, {"near": np.zeros(3)}, 50)


def test_a_segment_that_was_cut_short_leaves_the_one_before(tmp_path):
    points = Checkpoints(tmp_path, {"rate": 1e-3})
    for done in (10, 20):
        record = TrainingRecord(100, 10, 30, steps=(done,), losses=(1.0,))
        points.write({"w": jnp.full(3, float(done))}, record)
    newest = max(tmp_path.iterdir())
    newest.write_bytes(newest.read_bytes()[:100])
    found = points.latest({"w": jnp.zeros(3)})
    assert found is not None
    state, record = found
    assert np.array_equal(state["w"], np.full(3, 10.0))
    assert record.done == 10


def test_a_store_of_other_pairs_or_settings_does_not_resume(tmp_path):
    pairs, others = (pairs_of(*uniform_pairs()) for _ in range(2))
    first = quick(pairs, store=tmp_path)
    again = quick(pairs, store=tmp_path)
    assert again.record.done == first.record.done == 10
    with pytest.raises(InvalidOption, match="belongs to another run: coordinate: stored 'box none', asked for 'normal"):
        quick(pairs, store=tmp_path, coordinate="normal")
    with pytest.raises(InvalidOption, match="belongs to another run: pairs: stored"):
        quick(others, store=tmp_path)
    with pytest.raises(InvalidOption, match="belongs to another run: scale: stored 'auto', asked for 'robust'"):
        quick(pairs, store=tmp_path, scale="robust")


@pytest.mark.parametrize("task", [tasks.GaussianLinear(1)], ids=["one parameter, one feature, one block"])
def test_the_smallest_problem_works(task):
    found = train_posterior(
        1, task, task.space, path=SplineFlow(layers=2, bins=4, width=8), pairs=400, budget=Budget(steps=10)
    )
    assert found.sample(1, np.zeros(1), 20).draws.shape == (1, 20, 1)
