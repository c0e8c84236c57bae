"""Samples under a multivariate normal prior against the closed form of a normal model."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from tests.inference.sampling.densities import Formula
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.nested import Nested
from wilks.inference.sampling.nuts import Nuts
from wilks.inference.sampling.sampling import sample
from wilks.parameters.joint_priors import MultivariateNormal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

MEAN, COVARIANCE = np.array([0.5, -0.2, 0.1]), np.array([[1.0, 0.8, 0.1], [0.8, 1.5, -0.4], [0.1, -0.4, 0.7]])
DATA, WIDTH = np.array([1.4, 0.3]), 0.6


def measured(values, data):
    """The first two parameters, each measured by itself."""
    x = jnp.stack([values["a"], values["b"]])
    return jnp.sum(-0.5 * ((x - data) / WIDTH) ** 2 - jnp.log(WIDTH * jnp.sqrt(2 * jnp.pi)))


def model():
    space = ParameterSpace(tuple(Parameter(n, 0.0) for n in "abc"))
    return Formula(space.with_prior(MultivariateNormal(tuple("abc"), MEAN, COVARIANCE)), measured)


def posterior(mean, covariance):
    """Mean and covariance after the measurement of the first two."""
    gain = covariance[:, :2] @ np.linalg.inv(covariance[:2, :2] + WIDTH**2 * np.eye(2))
    return mean + gain @ (DATA - mean[:2]), covariance - gain @ covariance[:2]


@pytest.mark.parametrize("algorithm", [Nuts(), Ensemble(), Nested()], ids=["nuts", "ensemble", "nested"])
def test_draws_have_the_exact_mean_and_covariance(algorithm):
    samples = sample(1, model(), DATA, algorithm=algorithm)
    assert samples.converged, samples.verdict
    draws = np.stack([samples.values(n).ravel() for n in "abc"])
    mean, covariance = posterior(MEAN, COVARIANCE)
    size = min(samples.effective(name) for name in "abc")
    sigma = np.sqrt(np.diag(covariance))
    assert (np.abs(draws.mean(axis=1) - mean) < 5 * sigma / np.sqrt(size)).all()
    room = 5 * np.sqrt(2.0 / size) * np.outer(sigma, sigma)
    assert (np.abs(np.cov(draws) - covariance) < room).all()


def test_the_evidence_is_that_of_the_closed_form():
    evidence = sample(2, model(), DATA, algorithm=Nested()).evidence
    exact = multivariate_normal(MEAN[:2], COVARIANCE[:2, :2] + WIDTH**2 * np.eye(2)).logpdf(DATA)
    assert abs(evidence.log_evidence - exact) < 4 * evidence.error


def test_a_held_member_conditions_the_others():
    held = model()
    space = held.space.fix(c=1.5)
    samples = sample(3, held, DATA, space=space, algorithm=Nuts())
    gain = COVARIANCE[:2, 2] / COVARIANCE[2, 2]
    mean, covariance = posterior(
        MEAN[:2] + gain * (1.5 - MEAN[2]), COVARIANCE[:2, :2] - np.outer(gain, COVARIANCE[2, :2])
    )
    for i, name in enumerate("ab"):
        assert samples.values(name).mean() == pytest.approx(
            mean[i], abs=5 * np.sqrt(covariance[i, i] / samples.effective(name))
        )
