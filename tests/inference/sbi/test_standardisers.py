"""Least squares before training: exact on linear Gaussian models, and no worse a start elsewhere."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sbi import tasks
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.estimator import linear_standardiser, standardise_rows
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.pairs import Pairs
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior_training import train_posterior

MODEL = tasks.GaussianLinear(3)
DATA = np.array([0.3, -0.5, 0.1])
PATHS = {
    "flow matching": FlowMatching(network=Residual(width=32, depth=2), steps=20),
    "affine flow": SplineFlow(layers=2, width=16, kind="affine"),
}


def linear_pairs(n):
    generator = np.random.default_rng(4)
    theta = math.sqrt(0.1) * generator.standard_normal((n, 3))
    return theta, theta + math.sqrt(0.1) * generator.standard_normal((n, 3))


def test_least_squares_find_mean_and_spread_of_blocks_in_the_order_of_their_names():
    generator = np.random.default_rng(1)
    a, b = generator.standard_normal((5_000, 2)), generator.standard_normal((5_000, 1))
    z = np.stack([a[:, 0] - b[:, 0], 2.0 * a[:, 1]], axis=1) + 0.5 + 0.1 * generator.standard_normal((5_000, 2))
    z = z.astype(np.float32)
    blocks = {"b": b.astype(np.float32), "a": a.astype(np.float32)}
    standard = linear_standardiser(blocks, z, {"a": (2,), "b": (1,)})
    mean, log_spread = standard({"a": jnp.array([1.0, -1.0]), "b": jnp.array([2.0])})
    # 5,000 rows with a spread of 0.1 know every number to 0.1/sqrt(5000); the ridge of one row pulls by 1/5000
    np.testing.assert_allclose(mean, [1.0 - 2.0 + 0.5, -2.0 + 0.5], atol=0.02)
    np.testing.assert_allclose(np.exp(log_spread), 0.1, rtol=0.05)
    rest = np.asarray(standardise_rows(standard, {n: jnp.asarray(x) for n, x in blocks.items()}, jnp.asarray(z)))
    np.testing.assert_allclose(rest.std(axis=0), 1.0, atol=1e-3)


@pytest.mark.parametrize("name", PATHS)
def test_a_linear_gaussian_posterior_needs_hardly_any_training(name):
    given = Pairs.from_arrays(*linear_pairs(4_000), MODEL.space)
    options = {"coordinate": "normal", "standardise": "linear", "budget": Budget(steps=60)}
    found = train_posterior(1, MODEL, MODEL.space, path=PATHS[name], pairs=given, **options)
    draws = found.sample(2, DATA, 4_000).draws[0]
    sd = math.sqrt(0.05)
    # least squares of 4,000 rows know the mean to 0.05 sd here; 60 steps add some hundredths
    np.testing.assert_allclose(draws.mean(axis=0), DATA / 2, atol=0.15 * sd)
    np.testing.assert_allclose(draws.std(axis=0), sd, rtol=0.08)


def test_it_is_tried_and_taken_where_data_are_linear_in_the_parameters():
    given = Pairs.from_arrays(*linear_pairs(4_000), MODEL.space)
    path = SplineFlow(layers=2, width=16, kind="affine")
    found = train_posterior(1, MODEL, MODEL.space, path=path, pairs=given, budget=Budget(steps=200))
    assert found.settings["coordinate"] == "normal linear"
    assert set(found.settings["trials"]) == {"normal none", "normal linear"}
