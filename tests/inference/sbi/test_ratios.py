import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float32
from scipy import stats

from tests.inference.sbi.exact import GaussianPosterior, LinearGaussian
from wilks._base.errors import InvalidData, InvalidModel, InvalidOption
from wilks.inference.fitting import fit
from wilks.inference.goodness import goodness_of_fit
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.evidence import log_evidence_at
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.ratio_losses import (
    BalancedRatio,
    BinaryRatio,
    ContrastiveRatio,
    DirectRatio,
    MultiClassRatio,
    stepped,
)
from wilks.inference.sbi.ratio_networks import AbstractRatioFunction
from wilks.inference.sbi.ratios import train_ratio
from wilks.likelihood.joint import Joint

LOSSES = {
    "binary": BinaryRatio(),
    "balanced": BalancedRatio(strength=10.0),
    "classes": MultiClassRatio(atoms=4),
    "contrastive": ContrastiveRatio(classes=3, gamma=0.7),
    "difference": DirectRatio(),
    "pair": DirectRatio(form="pair"),
    "near": DirectRatio(nearest=0.02),
}
MODEL = LinearGaussian(1)
DATA = np.array([0.8])


class NearExact(AbstractRatioFunction):
    """ln p(x|theta)/p(x) of a linear Gaussian of width 1 and noise 0.5, plus a little of another function."""

    amount: Float32[Array, ""]
    power: int = eqx.field(static=True)

    def scores(self, z, x):
        z, x = z[:, 0], x[:, 0]
        exact = -0.5 * ((x - z) / 0.5) ** 2 + 0.5 * x**2 / 1.25 + 0.5 * math.log(1.25 / 0.25)
        return exact + self.amount * jnp.tanh(z + 0.3 * x) ** self.power

    def pair_scores(self, one, two, x):
        return self.scores(one, x) - self.scores(two, x)


@pytest.mark.parametrize("uniform", [True, False])
def test_steps_leave_the_prior_as_it_is_and_are_as_likely_back_as_forth(uniform):
    n, generator = 100_000, np.random.default_rng(1)
    half = math.sqrt(3.0)
    z = (generator.uniform(-half, half, (n, 1)) if uniform else generator.normal(size=(n, 1))).astype(np.float32)
    other = np.asarray(stepped(jax.random.key(1), jnp.asarray(z), 0.01, uniform=uniform))
    law = stats.uniform(-half, 2 * half) if uniform else stats.norm()
    assert stats.kstest(other[:, 0], law.cdf).pvalue > 0.01
    # detailed balance: antisymmetric functions of both ends have mean zero
    for function in (lambda a, b: a**3 - b**3, lambda a, b: a**2 * b - b**2 * a, lambda a, b: np.sign(a - b)):
        values = function(z, other)
        assert abs(values.mean()) < 4 * values.std() / math.sqrt(n)
    # half of the lengths lie below 0.1 of the prior's width of 2 or 2 sqrt3
    assert 0.4 < np.mean(np.abs(other - z) < 0.1 * 2 * (half if uniform else 1.0)) < 0.9


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("power", [1, 2])
def test_exact_ratios_are_stationary_points_of_every_loss(name, power):
    loss, rows, blocks = LOSSES[name], 4000, 40
    generator = np.random.default_rng(1)

    @jax.jit
    def slope(joint, others, x):
        return jax.grad(lambda a: loss.judge(NearExact(a, power), joint, others, x))(jnp.float32(0.0))

    found = []
    for _ in range(blocks):
        joint = generator.normal(size=(rows, 1)).astype(np.float32)
        x = (joint + 0.5 * generator.normal(size=joint.shape)).astype(np.float32)
        others = generator.normal(size=(loss.contrasts, rows, 1)).astype(np.float32)
        found.append(float(slope(joint, others, x)))
    error = np.std(found) / np.sqrt(blocks)
    assert abs(np.mean(found)) < 4 * error
    assert error < 0.02  # a ratio that is wrong by 0.1 has slopes of some 0.05


@pytest.fixture(scope="module")
def ratio():
    return trained(BinaryRatio())


def trained(loss, **options):
    budget = Budget(steps=1500, batch=128, rate=3e-3)
    network = Residual(width=32, depth=2)
    return train_ratio(1, MODEL, MODEL.space, loss=loss, pairs=6000, network=network, budget=budget, **options)


def error_of(ratio):
    """Largest error of ln p(x|theta)/p(x|0) over two posterior standard deviations."""
    theta = np.linspace(-0.25, 1.5, 15)
    found = np.array([float(ratio.log_prob({"a": t}, DATA)) for t in theta])
    exact = np.array([float(MODEL.log_prob({"a": t}, DATA)) for t in theta])
    return float(np.abs((found - found[7]) - (exact - exact[7])).max())


def test_a_trained_ratio_is_the_likelihood_up_to_a_constant(ratio):
    assert error_of(ratio) < 0.35  # 6,000 pairs; ln L itself changes by 8
    assert not ratio.normalised
    assert ratio.record.done == 1500


def test_a_product_is_linear_in_the_data_as_the_exact_ratio_of_gaussians_is():
    ratio = trained(DirectRatio(), product=True, scale="none")
    assert error_of(ratio) < 0.35
    far = np.array([[-3.0], [1.0], [5.0]])  # four noises apart: a network that sees x would have bent
    one, two = ([float(ratio.log_prob({"a": a}, x)) for x in far] for a in (0.2, 1.1))
    second = np.diff(np.subtract(one, two), n=2)
    assert second == pytest.approx([0.0], abs=1e-3)  # single precision of numbers of some ten
    with pytest.raises(InvalidOption, match="form='difference'"):
        trained(DirectRatio(form="pair"), product=True)


def test_ratios_are_fitted_and_joined_like_likelihoods(ratio):
    joint = Joint({"neural": ratio, "exact": MODEL})
    both = fit(joint, {"neural": DATA, "exact": np.array([0.4])})
    assert both.values["a"] == pytest.approx(0.6, abs=0.1)


@pytest.mark.slow
def test_equal_keys_give_equal_ratios(ratio):
    assert float(trained(BinaryRatio()).log_prob({"a": 0.3}, DATA)) == float(ratio.log_prob({"a": 0.3}, DATA))


def test_ratios_give_no_evidence_and_no_goodness_of_fit(ratio):
    for model, data in ((ratio, DATA), (Joint({"one": ratio}), {"one": DATA})):
        with pytest.raises(InvalidModel, match="no evidence"):
            reweight(1, GaussianPosterior(MODEL), model, data, 100)
        with pytest.raises(InvalidModel, match="no evidence"):
            log_evidence_at(model, data, {"a": 0.0})
        with pytest.raises(InvalidModel, match=r"NeuralRatio is known up to .* no goodness of fit"):
            goodness_of_fit(model, data)


def test_ratios_of_blocks_add():
    joint = Joint({"near": LinearGaussian(1), "far": LinearGaussian(1, noise=1.0)})
    options = {"network": Residual(width=16, depth=1), "budget": Budget(steps=40, batch=64)}
    both = train_ratio(1, joint, joint.space, pairs=400, blocks="each", **options)
    data = {"near": np.array([0.1]), "far": np.array([0.4])}
    parts = [float(r.log_prob({"a": 0.2}, data[name])) for name, r in both.ratios.items()]
    assert sorted(both.ratios) == ["far", "near"]
    assert float(both.log_prob({"a": 0.2}, data)) == pytest.approx(sum(parts), abs=1e-5)  # single precision
    with pytest.raises(InvalidData, match="blocks='together'"):
        train_ratio(1, MODEL, MODEL.space, pairs=400, blocks="each", **options)


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_trains_a_good_ratio(name):
    assert error_of(trained(LOSSES[name])) < 0.5


def test_sbi_9_unknown_options_and_wrong_numbers_are_errors():
    with pytest.raises(InvalidOption, match="atoms 1"):
        MultiClassRatio(atoms=1)
    with pytest.raises(InvalidOption, match="difference, pair"):
        DirectRatio(form="sum")
    with pytest.raises(InvalidOption, match=r"nearest 0\.0"):
        DirectRatio(nearest=0.0)
    with pytest.raises(InvalidOption, match=r"gamma 0\.0"):
        ContrastiveRatio(gamma=0.0)
    with pytest.raises(InvalidOption, match="strength -1"):
        BalancedRatio(strength=-1.0)
    with pytest.raises(InvalidOption, match="box, normal"):
        train_ratio(1, MODEL, MODEL.space, coordinate="cube")
    with pytest.raises(InvalidOption, match="a number, Pairs, or the folder"):
        train_ratio(1, MODEL, MODEL.space, pairs="nowhere/at/all")
