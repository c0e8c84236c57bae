"""The training loop: single precision, one program for any budget, resuming, divergence, bad budgets."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sbi.exact import LinearGaussian
from wilks._base.errors import InvalidData, InvalidOption, TrainingDiverged
from wilks.inference.sbi import training
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.checkpoints import Checkpoints
from wilks.inference.sbi.likelihood_training import train_likelihood
from wilks.inference.sbi.networks import Residual, perceptron
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.ratios import train_ratio
from wilks.inference.sbi.synthetic import GaussianSynthetic
from wilks.inference.sbi.training import train

X = np.linspace(-2.0, 2.0, 400, dtype=np.float32)[:, None]
ROWS = (X, np.sin(3.0 * X))


def loss(network, rows, key):
    return jnp.mean((jax.vmap(network)(rows[0]) - rows[1]) ** 2)


def network():
    return perceptron(jax.random.key(0), 1, (16, 16), 1)


def weights(trained):
    return [np.asarray(leaf) for leaf in jax.tree.leaves(trained.network)]


def test_no_number_of_a_segment_is_in_double_precision():
    run = training._Run(jax.random.key(1), loss, network(), ROWS, Budget(steps=50), None, None)
    program = training._segment.lower(run._state, run._task, run._settings(), jnp.int32(5), batch=run.batch).as_text()
    assert "f32" in program
    assert "f64" not in program


def test_one_program_serves_any_budget_and_equal_keys_give_equal_networks():
    one = train(jax.random.key(1), loss, network(), ROWS, budget=Budget(steps=200))
    before = training._segment._cached._cache_size()
    train(jax.random.key(2), loss, network(), ROWS, budget=Budget(steps=77))
    assert training._segment._cached._cache_size() == before
    again = train(jax.random.key(1), loss, network(), ROWS, budget=Budget(steps=200))
    assert all(np.array_equal(a, b) for a, b in zip(weights(one), weights(again), strict=True))
    assert one.record.done == 200
    assert one.record.held_out[-1] < one.record.held_out[0]


def test_progress_is_told_the_loss_before_each_state():
    told = []

    class Listener:
        def __call__(self, done, total, failed, seconds):
            told.append((done, total))

        def note(self, text):
            told.append(text)

    record = train(jax.random.key(1), loss, network(), ROWS, budget=Budget(steps=200), progress=Listener()).record
    assert told[0::2] == [f"loss {value:.4g}" for value in record.losses]
    assert told[1::2] == [(step, 200) for step in record.steps]


def test_an_interrupted_run_resumes_bit_for_bit_and_refuses_other_settings(tmp_path):
    whole = train(jax.random.key(1), loss, network(), ROWS, budget=Budget(steps=200))
    points = Checkpoints(tmp_path, {"rate": 1e-3}, every_s=0.0)

    def stop(done, total, failed, seconds):
        if done >= 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(jax.random.key(1), loss, network(), ROWS, budget=Budget(steps=200), checkpoints=points, progress=stop)
    rest = train(jax.random.key(1), loss, network(), ROWS, budget=Budget(steps=200), checkpoints=points)
    assert all(np.array_equal(a, b) for a, b in zip(weights(whole), weights(rest), strict=True))
    with pytest.raises(InvalidOption, match=r"rate: stored 0\.001"):
        train(jax.random.key(1), loss, network(), ROWS, checkpoints=Checkpoints(tmp_path, {"rate": 1e-2}))


def test_a_loss_that_diverges_ends_the_run_and_keeps_a_network():
    def hopeless(network, rows, key):
        return loss(network, rows, key) * jnp.float32(jnp.nan)

    with pytest.raises(TrainingDiverged, match="no finite loss") as caught:
        train(jax.random.key(1), hopeless, network(), ROWS, budget=Budget(steps=50))
    assert all(np.isfinite(leaf).all() for leaf in weights(caught.value.result))
    kept = train(jax.random.key(1), hopeless, network(), ROWS, budget=Budget(steps=50), throw=False)
    assert "no finite loss" in kept.record.flags["diverged"]
    assert all(np.array_equal(a, b) for a, b in zip(weights(kept), weights(caught.value.result), strict=True))


def test_each_kind_of_training_gives_back_its_last_good_network_when_asked():
    model = LinearGaussian(1)
    small = Residual(width=8, depth=1)
    # the first step throws the weights to the end of single precision, where no loss is finite
    common = {"pairs": 200, "budget": Budget(steps=60, rate=1e38)}
    for learn, options in [
        (train_likelihood, {"density": GaussianSynthetic(width=8)}),
        (train_ratio, {"network": small}),
        (train_posterior, {"path": FlowMatching(network=small), "coordinate": "normal", "standardise": "none"}),
    ]:
        with pytest.raises(TrainingDiverged, match="no finite loss"):
            learn(1, model, model.space, **common, **options)
        kept = learn(1, model, model.space, **common, **options, throw=False)
        assert "no finite loss" in kept.flags["diverged"]
        assert kept.record.done < 60
        network = kept.estimator if learn is train_posterior else kept.network
        # weights of 1e38 are finite and useless: without a snapshot of finite loss the fresh ones come back
        assert all((np.abs(leaf) < 1e3).all() for leaf in jax.tree.leaves(eqx.filter(network, eqx.is_inexact_array)))


def test_a_first_snapshot_without_a_finite_loss_keeps_no_later_one_from_being_chosen():
    losses = iter([jnp.nan, 2.0, jnp.inf, 1.0, 1.5])

    def held_out(network, rows):
        return jax.pure_callback(lambda: np.float32(next(losses, 3.0)), jax.ShapeDtypeStruct((), np.float32))

    record = train(jax.random.key(1), loss, network(), ROWS, budget=Budget(steps=100), held_out=held_out).record
    assert record.held_out[3] == 1.0
    assert record.chosen == record.snapshot_steps[3]


@pytest.mark.parametrize("settings", [{"steps": 0}, {"seconds": -1.0}, {"rate": 0.0}, {"held_out": 0.6}])
def test_impossible_budgets_are_refused(settings):
    with pytest.raises(InvalidOption, match="budget"):
        Budget(**settings)


def test_a_budget_within_the_warm_up_a_batch_beyond_the_pairs_and_few_pairs_are_refused():
    with pytest.raises(InvalidOption, match="warm-up"):
        Budget(steps=5).steps_for(10)
    with pytest.raises(InvalidOption, match="exceeds"):
        Budget(batch=500).batch_for(100)
    with pytest.raises(InvalidData, match="at least 100"):
        train(jax.random.key(1), loss, network(), (X[:50], X[:50]))
