"""Posterior means read off a field at its start: against closed forms and draws; refused where they are none."""

import dataclasses

import equinox as eqx
import jax
import numpy as np
import pytest

from tests.inference.sbi import tasks
from tests.inference.sbi.analytic_fields import CENTRE, normal_velocity
from wilks._base.errors import InvalidData, InvalidOption, MissingRole
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.coordinates import COORDINATES, is_affine
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior_means import posterior_mean
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.parameters.normal_priors import Normal, TruncatedNormal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import LogUniform, Uniform
from wilks.parameters.space import ParameterSpace

MODEL = tasks.GaussianLinear(2)
DATA = np.array([0.3, -0.2])


def trained(coordinate="affine", standardise="linear", steps=400):
    path = FlowMatching(network=Residual(width=32, depth=2))
    settings = {"coordinate": coordinate, "standardise": standardise, "budget": Budget(steps=steps), "pairs": 2000}
    return train_posterior(3, MODEL, MODEL.space, path=path, **settings)


@pytest.fixture(scope="module")
def posterior():
    return trained()


def test_the_mean_is_that_of_the_posterior_and_of_its_draws(posterior):
    found = posterior_mean(posterior, DATA)
    # posterior N(x/2, 0.05 I); a network of 400 steps is wrong by some 0.1 posterior sd
    assert found.mean == pytest.approx(DATA / 2, abs=0.15 * 0.05**0.5)
    draws = posterior.sample(1, DATA, 4000)
    for name in found.names:
        assert found[name] == pytest.approx(float(np.mean(draws.values(name))), abs=0.15 * 0.05**0.5)
    assert found.noises == 64
    assert "beyond_bounds" not in found.flags
    text = str(found)
    assert "theta1" in text
    assert "spread over noise" in text


def test_a_perfect_field_has_no_spread_and_the_standardisation_is_undone(posterior):
    field = normal_velocity(context=2)
    found = posterior_mean(eqx.tree_at(lambda p: p.estimator.density, posterior, field), DATA)
    mean, log_spread = (np.asarray(a, float) for a in posterior.standard(posterior.preparation({"x": DATA})))
    z = mean + np.exp(log_spread) * CENTRE
    # `Affine` in units of the prior's sd, sqrt(0.1); single precision
    assert found.mean == pytest.approx(0.1**0.5 * z, abs=1e-5)
    assert found.spread == pytest.approx(np.zeros(2), abs=1e-5)


def test_the_spread_shows_a_field_that_has_learned_little(posterior):
    little = posterior_mean(trained(steps=20, standardise="none"), DATA)
    assert np.all(little.share > 3 * posterior_mean(posterior, DATA).share)
    assert little.spread == pytest.approx(0.1**0.5 * little.share)


def space_of(*priors):
    ends = [(p.lower, p.upper) if isinstance(p, (Uniform, LogUniform)) else (-np.inf, np.inf) for p in priors]
    return ParameterSpace([Parameter(n, 1.5, *e, prior=p) for n, p, e in zip("ab", priors, ends, strict=False)])


@pytest.mark.parametrize(
    ("name", "priors", "linear"),
    [
        ("box", (Uniform(1.0, 3.0), Uniform(0.0, 2.0)), True),
        ("box", (Uniform(1.0, 3.0), LogUniform(1.0, 2.0)), False),
        ("normal", (Normal(1.0, 3.0), Normal(0.0, 2.0)), True),
        ("normal", (Normal(1.0, 3.0), TruncatedNormal(1.0, 2.0, 0.0, 3.0)), False),
        ("normal", (Uniform(1.0, 3.0), Normal(1.0, 3.0)), False),
        ("affine", (Normal(1.0, 3.0), LogUniform(1.0, 2.0)), True),
    ],
)
def test_coordinates_are_linear_where_they_say_so(name, priors, linear):
    coordinate = COORDINATES[name](space_of(*priors))
    assert is_affine(coordinate) is linear
    z = np.linspace(-0.6, 0.6, 5)[:, None] * np.ones(2)
    theta = np.asarray(jax.vmap(coordinate.to_physical)(z))
    assert np.allclose(np.diff(theta, n=2, axis=0), 0.0, atol=1e-9) is linear


def test_what_is_no_mean_is_refused(posterior):
    flow = SplineFlow(layers=2, bins=4, width=8).build(jax.random.key(0), 2, 2, 100)
    with pytest.raises(MissingRole, match="draw samples and average them"):
        posterior_mean(eqx.tree_at(lambda p: p.estimator.density, posterior, flow), DATA)
    curved = dataclasses.replace(posterior, coordinate=COORDINATES["normal"](space_of(Uniform(0.0, 2.0))))
    with pytest.raises(InvalidOption, match="PriorNormal of this posterior are not linear"):
        posterior_mean(curved, DATA)
    with pytest.raises(InvalidOption, match="1 vectors of noise"):
        posterior_mean(posterior, DATA, noises=1)
    with pytest.raises(InvalidData, match="no block"):
        posterior_mean(posterior, {})


def test_a_mean_in_a_box_says_what_it_counts(posterior):
    box = COORDINATES["box"](space_of(Uniform(0.0, 2.0), Uniform(1.0, 2.0)))
    found = posterior_mean(dataclasses.replace(posterior, coordinate=box), DATA)
    assert "beyond_bounds" in found.flags
    assert "draw samples" in str(found)
