"""Score matching: its loss told what is known of its noise, and its stochastic sampler with Langevin steps."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from tests.inference.sbi.analytic_fields import CENTRE, SPREAD, drawn, normal_denoiser
from wilks._base.errors import InvalidOption
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.score_paths import WEIGHTS, ScoreMatching, known_of_noise

N = 20_000
KEY = jax.random.key(5)
Y = jnp.asarray(np.random.default_rng(0).normal(size=(64, 2)), dtype=jnp.float32)
CONTEXT = jnp.zeros((64, 1), dtype=jnp.float32)


@jax.jit
def known(eps, s):
    return jax.vmap(lambda e: known_of_noise(e, s, jnp.tanh(jnp.asarray([3.0, -1.0]) + s)))(eps)


@pytest.mark.parametrize("s", [0.01, 0.25])
def test_what_is_known_of_the_noise_has_mean_zero_for_any_score(s):
    found = np.asarray(known(jax.random.normal(KEY, (N, 2)), jnp.asarray(s)))
    assert abs(found.mean()) < 4 * found.std() / N**0.5  # four sigma
    assert found.std() > 1.0 / s  # it is not zero itself


@jax.jit
def slopes(slope, s, eps):
    """Gradients of the loss by the slope of a score -slope tanh(z), with and without the control variate."""

    def loss(slope, eps, share):
        score = lambda z: -slope * jnp.tanh(z)  # noqa: E731
        clean = jnp.asarray([0.4, -1.3])
        return jnp.sum((score(clean + s * eps) + eps / s) ** 2) + share * known_of_noise(eps, s, score(clean))

    one = jax.vmap(jax.grad(loss), in_axes=(None, 0, None))
    return one(slope, eps, 0.0), one(slope, eps, 1.0)


def test_it_takes_out_what_grows_with_one_over_the_noise():
    eps, spreads = jax.random.normal(KEY, (N, 2)), []
    for s in (0.1, 0.01):
        without, steady = (np.asarray(g) for g in slopes(jnp.asarray(1.5), jnp.asarray(s), eps))
        assert steady.mean() == pytest.approx(without.mean(), abs=4 * without.std() / N**0.5)
        spreads.append((without.std(), steady.std()))
    (wide, narrow), (wider, same) = spreads
    assert wider == pytest.approx(10 * wide, rel=0.1)
    assert same == pytest.approx(narrow, rel=0.2)  # what is left does not depend on s
    assert same < 0.05 * wider


def field(noise, weight="variance", *, control_variate):
    path = ScoreMatching(
        noise=noise, weight=weight, network=Residual(width=16, depth=1), control_variate=control_variate
    )
    fresh = path.build(jax.random.key(1), 2, 1, 100)
    return eqx.tree_at(lambda f: f.trunk.head, fresh, 30.0 * fresh.trunk.head)


@eqx.filter_jit
def gradients(density, keys):
    def loss(head, key):
        return jnp.mean(eqx.tree_at(lambda f: f.trunk.head, density, head).losses(Y, CONTEXT, key))

    found = jax.vmap(jax.value_and_grad(loss), in_axes=(None, 0))(density.trunk.head, keys)
    return found[0], found[1].reshape(len(keys), -1)


@pytest.mark.parametrize("noise", ["ve", "vp", "subvp"])
def test_losses_of_networks_keep_their_mean_and_have_steadier_gradients(noise):
    keys = jax.random.split(jax.random.key(3), 400)
    (loss, slope), (steady_loss, steady) = (
        (np.asarray(a, float) for a in gradients(field(noise, control_variate=how), keys)) for how in (False, True)
    )
    assert steady_loss.mean() == pytest.approx(loss.mean(), abs=5 * (steady_loss - loss).std() / 20)
    error = (steady - slope).std(axis=0) / 20
    assert np.all(np.abs((steady - slope).mean(axis=0)) < 5 * error)  # five sigma, as there are 32 of them
    # measured: 0.18 (ve), 0.5 (vp) and 0.33 (subvp) of the variance are left
    assert steady.var(axis=0).sum() < 0.7 * slope.var(axis=0).sum()


@pytest.mark.parametrize("weight", WEIGHTS)
def test_the_control_variate_carries_the_weight_of_the_loss(weight):
    # the same weights of every error: a loss of 400 x 64 rows keeps its mean, whatever lambda
    keys = jax.random.split(jax.random.key(4), 400)
    loss, steady = (
        np.asarray(gradients(field("ve", weight, control_variate=how), keys)[0], float) for how in (False, True)
    )
    assert np.abs((steady - loss).mean()) < 5 * (steady - loss).std() / 20
    assert steady.std() < loss.std()


def test_the_schedule_of_denoisers_needs_none():
    keys = jax.random.split(jax.random.key(3), 4)
    one, two = (gradients(field("edm", control_variate=how), keys)[0] for how in (False, True))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("noise", ["edm", "vp"])
def test_langevin_steps_keep_the_law_and_repair_coarse_steps(noise):
    coarse = {"sampler": "sde", "steps": 25, "noise": noise}
    plain, repaired = (
        np.asarray(drawn(normal_denoiser(**coarse, corrector=n, corrector_step=0.2), KEY, N), float) for n in (0, 6)
    )

    def off(z):  # standard errors of mean and sd: 0.007 and 0.005 sd
        return np.abs(np.concatenate([(z.mean(axis=0) - CENTRE) / SPREAD, z.std(axis=0) / SPREAD - 1])).max()

    assert off(repaired) < 0.04
    assert off(repaired) < 0.5 * off(plain)


def test_langevin_steps_with_fine_steps_change_nothing():
    z = np.asarray(drawn(normal_denoiser(sampler="sde", corrector=1), KEY, N), float)
    law = norm(CENTRE, SPREAD)
    assert z.mean(axis=0) == pytest.approx(law.mean(), abs=4 * float(SPREAD.max()) / N**0.5)
    assert z.std(axis=0) == pytest.approx(law.std(), rel=0.03)  # 500 steps of first order


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"corrector": -1}, "corrector -1 must be a number of steps"),
        ({"corrector": 1, "sampler": "sde", "corrector_step": 0.0}, r"corrector_step 0.0 lie in \(0, 1\]"),
        ({"corrector": 1}, "take sampler='sde' with it"),
    ],
)
def test_impossible_correctors_are_refused(settings, message):
    with pytest.raises(InvalidOption, match=message):
        ScoreMatching(**settings)
