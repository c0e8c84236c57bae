"""NUTS: the exact posterior of a linear model, extension of chains, divergences, settings that are refused."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sampling.densities import Formula, normal
from wilks._base.errors import InvalidOption
from wilks.inference.sampling.nuts import Nuts
from wilks.inference.sampling.sampling import sample
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

PLANE = ParameterSpace((Parameter("a", 0.0), Parameter("b", 0.0)))
DATA = np.array([0.5, 3.0])


def test_the_dense_metric_learns_a_correlation():
    found = sample(1, Formula(PLANE, normal), DATA, algorithm=Nuts(warmup=500, draws=500, dense=True), start={})
    assert found.converged, found.verdict
    covariance = np.array([[1.0, 9.0], [9.0, 100.0]])
    scale = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)) / found.effective("a"))
    assert (np.abs(found.covariance - covariance) < 7.0 * scale).all()  # sqrt(2/ESS) each, five times
    assert found.mean("b") == pytest.approx(3.0, abs=5 * found.mcse[1])
    assert found.facts["leaps per draw"] < 8  # the unit normal needs paths of 3 to 7 steps; the diagonal metric 15


def test_chains_go_on_until_they_have_mixed_or_may_not():
    likelihood = Formula(PLANE, normal)
    short = sample(2, likelihood, DATA, algorithm=Nuts(warmup=500, draws=50, max_draws=50, dense=True), start={})
    long = sample(2, likelihood, DATA, algorithm=Nuts(warmup=500, draws=50, max_draws=2000, dense=True), start={})
    assert not short.converged
    assert "effective sample size" in short.verdict
    assert short.draws.shape[1] == 50
    assert long.converged, long.verdict
    assert long.draws.shape[1] % 50 == 0
    assert np.array_equal(long.draws[:, :50], short.draws)


def test_a_funnel_is_reported_by_its_divergences():
    space = ParameterSpace((Parameter("a", 0.0), Parameter("b", 0.0)))
    funnel = Formula(space, lambda v, data: -(v["a"] ** 2) / 18.0 - 0.5 * v["b"] ** 2 * jnp.exp(-2 * v["a"]) - v["a"])
    found = sample(1, funnel, 0.0, algorithm=Nuts(warmup=300, draws=500, max_draws=500), start={})
    assert not found.converged
    assert found.facts["divergences"] > 0
    assert "diverged; raise target_acceptance" in found.verdict


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"chains": 0}, "chains 0 is below 1"),
        ({"warmup": 3}, "warmup 3 is below 20"),
        ({"draws": 1}, "draws 1 is below 4"),
        ({"max_depth": 0}, "max_depth 0 is below 1"),
        ({"target_acceptance": 1.0}, "target_acceptance 1.0 must lie between 0 and 1"),
        ({"draws": 100, "max_draws": 99}, "max_draws 99 is below draws 100; give at least 100"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(InvalidOption, match=message):
        Nuts(**settings)
