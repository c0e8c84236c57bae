"""Likelihoods of data with categories: a channel whose probability and whose measurement follow one parameter."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from wilks._base.errors import InvalidData, UnknownName
from wilks.inference.fitting import fit
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.mixed_likelihood import train_mixed_likelihood
from wilks.inference.sbi.saving import load_network, save_network
from wilks.inference.sbi.synthetic import GaussianSynthetic
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace

SPACE = ParameterSpace([Parameter("a", 0.5, 0.0, 1.0, prior=Uniform(0.0, 1.0))])
POINTS = [(0.3, 0.0, 0.2), (0.3, 1.0, -0.4), (0.8, 1.0, -0.7)]


class Channels(AbstractSimulator):
    """Channel 1 with probability 0.2 + 0.6 a; y ~ N(a, 0.2^2) in channel 0, N(-a, 0.4^2) in channel 1."""

    space: ParameterSpace = SPACE

    def simulate(self, key, values):
        one, two = jax.random.split(key)
        channel = jax.random.bernoulli(one, 0.2 + 0.6 * values["a"]).astype(float)
        z = jax.random.normal(two, (1,), float)
        return {"channel": channel, "y": jnp.where(channel > 0, -values["a"] + 0.4 * z, values["a"] + 0.2 * z)}

    def expected(self, values):
        return {"channel": 0.2 + 0.6 * values["a"], "y": jnp.reshape(values["a"], (1,))}


def exact(a, channel, y):
    share = 0.2 + 0.6 * a
    if channel:
        return math.log(share) + norm(-a, 0.4).logpdf(y)
    return math.log(1 - share) + norm(a, 0.2).logpdf(y)


def data(channel, y):
    return {"channel": np.array(channel), "y": np.array([y])}


@pytest.fixture(scope="module")
def mixed():
    return train_mixed_likelihood(
        1, Channels(), SPACE, discrete=("channel",), density=GaussianSynthetic(width=16, depth=1), pairs=8000,
        budget=Budget(1500),
    )  # fmt: skip


def test_categories_and_numbers_are_judged_together(mixed):
    for a, channel, y in POINTS:
        found = float(mixed.log_prob({"a": a}, data(channel, y)))
        assert found == pytest.approx(exact(a, channel, y), abs=0.15)  # normalised; 8,000 pairs
    assert float(mixed.log_prob({"a": 0.3}, data(2.0, 0.1))) == -math.inf
    grid = np.linspace(-3.0, 3.0, 601)
    many = jax.jit(jax.vmap(lambda c, y: mixed.log_prob({"a": 0.3}, {"channel": c, "y": y[None]})))
    total = sum(np.exp(many(np.full(601, c), grid)).sum() for c in (0.0, 1.0))
    assert total * 0.01 == pytest.approx(1.0, abs=1e-3)  # single precision


def test_it_draws_what_it_judges_and_is_fitted(mixed):
    drawn = jax.jit(jax.vmap(lambda k: mixed.simulate(k, {"a": 0.5})))(jax.random.split(jax.random.key(3), 4000))
    channel, y = np.asarray(drawn["channel"]), np.asarray(drawn["y"])[:, 0]
    assert channel.mean() == pytest.approx(0.5, abs=0.05)
    assert [y[channel == c].mean() for c in (0, 1)] == pytest.approx([0.5, -0.5], abs=0.05)
    assert [y[channel == c].std() for c in (0, 1)] == pytest.approx([0.2, 0.4], rel=0.12)
    assert float(mixed.expected({"a": 0.5})["channel"]) == pytest.approx(0.5, abs=0.05)
    # maximum of ln(0.8 - 0.6 a) - (0.7 - a)^2/0.08, found by hand on a fine grid
    a = np.linspace(0, 1, 100_001)
    best = a[np.argmax(np.log(0.8 - 0.6 * a) - (0.7 - a) ** 2 / 0.08)]
    assert fit(mixed, data(0.0, 0.7)).values["a"] == pytest.approx(best, abs=0.05)


def test_it_comes_back_from_a_file(mixed, tmp_path):
    again = load_network(save_network(mixed, tmp_path / "mixed"))
    for a, channel, y in POINTS:
        assert float(again.log_prob({"a": a}, data(channel, y))) == float(mixed.log_prob({"a": a}, data(channel, y)))


@pytest.mark.parametrize(
    ("discrete", "error", "message"),
    [
        (("chanel",), UnknownName, "no block 'chanel'; did you mean 'channel'"),
        (("channel", "y"), InvalidData, "leave at least one block"),
        ((), InvalidData, "discrete blocks none of channel, y; name some"),
        (("y",), InvalidData, r"y: 300 categories in 300 pairs, at most 256"),
    ],
)
def test_blocks_that_cannot_be_categories_are_refused(discrete, error, message):
    with pytest.raises(error, match=message):
        train_mixed_likelihood(1, Channels(), SPACE, discrete=discrete, pairs=300)
