"""Jeffreys' prior against closed forms: density, reparametrisation, and the posterior of one count."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from tests.inference.models import counting
from tests.likelihood.family import lifetime
from wilks._base.errors import MissingRole
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.jeffreys import JeffreysPrior
from wilks.inference.sampling.sampling import sample
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.residuals import GaussianResiduals
from wilks.model.ensembles import LinearEnsemble
from wilks.model.linear import LinearTemplates
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

TEMPLATES = {"a": [3.0, 1.0, 0.5], "b": [0.2, 2.0, 4.0]}


def information(values, templates):
    rows = np.array(list(templates.values()))
    mean = np.array([values[name] for name in templates]) @ rows
    return (rows / mean) @ rows.T


def test_the_density_is_the_root_of_the_determinant_of_the_information():
    values = {"a": 2.0, "b": 3.0}
    prior = JeffreysPrior(PoissonCounts(LinearTemplates.of(TEMPLATES)))
    expected = 0.5 * np.linalg.slogdet(information(values, TEMPLATES))[1]
    assert float(prior.log_density(values)) == pytest.approx(expected, rel=1e-12)
    held = JeffreysPrior(prior.likelihood, prior.space.fix(b=3.0))
    assert float(held.log_density(values)) == pytest.approx(0.5 * np.log(information(values, TEMPLATES)[0, 0]))


def test_gaussian_residuals_of_a_linear_model_have_a_flat_prior():
    prior = JeffreysPrior(GaussianResiduals(LinearTemplates.of(TEMPLATES), errors=np.ones(3)))
    one, other = (float(prior.log_density({"a": a, "b": 1.0})) for a in (0.1, 5.0))
    assert one == pytest.approx(other, abs=1e-12)


def test_variations_average_densities_and_bins_without_expectation_are_left_out():
    tables = np.array([[[3.0, 0.2], [1.0, 2.0], [0.0, 0.0]], [[2.0, 0.3], [1.5, 1.0], [0.0, 0.0]]])
    space = ParameterSpace((Parameter("a", 1.0, lower=0.0), Parameter("b", 1.0, lower=0.0)))
    prior = JeffreysPrior(EnsembleCounts(LinearEnsemble(space, tables, weights=np.array([1.0, 3.0]))))
    values = {"a": 2.0, "b": 1.0}
    each = [np.sqrt(np.linalg.det(information(values, dict(zip("ab", table[:2].T, strict=True))))) for table in tables]
    assert float(jnp.exp(prior.log_density(values))) == pytest.approx((each[0] + 3 * each[1]) / 4, rel=1e-12)


class Squared(AbstractPredictor):
    """One Poisson mean r^2."""

    space: ParameterSpace

    def __call__(self, values):
        return values["r"][None] ** 2


def test_it_does_not_depend_on_how_a_parameter_is_written():
    # density in s is s^(-1/2), hence flat in r = sqrt(s)
    prior = JeffreysPrior(PoissonCounts(Squared(ParameterSpace((Parameter("r", 1.0, lower=0.1),)))))
    assert float(prior.log_density({"r": 0.7})) == pytest.approx(float(prior.log_density({"r": 3.0})), abs=1e-12)


def test_the_posterior_of_a_count_is_a_gamma_distribution_of_shape_one_half_more():
    likelihood = counting()
    drawn = sample(
        1, likelihood, [6], algorithm=Ensemble(walkers=32, steps=3000), joint_prior=JeffreysPrior(likelihood)
    )
    assert "flat_prior" not in drawn.flags
    draws, law = drawn.draws[..., 0].ravel(), stats.gamma(6.5)
    size = float(drawn.ess_bulk[0])
    assert draws.mean() == pytest.approx(law.mean(), abs=4 * law.std() / np.sqrt(size))
    assert np.mean(draws < law.median()) == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(size))
    np.testing.assert_allclose(drawn.log_prior[0], -0.5 * np.log(drawn.draws[0, :, 0]), atol=1e-9)


def test_a_likelihood_without_cells_is_refused():
    with pytest.raises(MissingRole, match="Jeffreys' prior takes PoissonCounts"):
        JeffreysPrior(lifetime())
