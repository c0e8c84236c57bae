"""Auxiliary measurements: densities, draws, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from wilks._base.errors import InvalidModel, UnknownName
from wilks.likelihood.constraints import Constraints, saturated_poisson
from wilks.model.predictor import Auxiliary
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

SPACE = ParameterSpace((Parameter("free", 1.0), Parameter("gamma", 1.0, lower=1e-10), Parameter("alpha", 0.0)))
TERMS = (Auxiliary("gamma", "poisson", 25.0, 25.0), Auxiliary("alpha", "gaussian", 0.5, 0.1))
CONSTRAINTS = Constraints.of(TERMS, SPACE)


def test_gaussian_terms_stand_first():
    assert CONSTRAINTS.parameters == ("alpha", "gamma")
    np.testing.assert_array_equal(CONSTRAINTS.observed, [0.1, 25.0])
    assert len(CONSTRAINTS) == 2


def test_density_is_scipys():
    theta, observed = jnp.array([9.0, 1.2, 0.4]), jnp.array([0.3, 31.0])
    judged = CONSTRAINTS.judge(CONSTRAINTS.mean(theta), observed)
    value = float(CONSTRAINTS.saturated(observed) - jnp.sum(judged.excess))
    expected = stats.norm.logpdf(0.3, 0.4, 0.5) + stats.poisson.logpmf(31, 25 * 1.2)
    assert value == pytest.approx(expected, rel=1e-13)


def test_starts_are_where_each_term_is_best_and_errors_those_before_the_fit():
    np.testing.assert_allclose(CONSTRAINTS.starts(np.array([0.3, 31.0])), [0.3, 31 / 25])
    np.testing.assert_allclose(CONSTRAINTS.starts(np.ones((2, 2))), [[1.0, 1 / 25]] * 2)
    np.testing.assert_allclose(CONSTRAINTS.prefit_errors(), [0.5, 0.2])
    np.testing.assert_allclose(CONSTRAINTS.expected(jnp.array([0.0, 1.5, -0.2])), [-0.2, 37.5])


def test_draws_have_the_moments_of_the_terms():
    theta, n = jnp.array([0.0, 1.5, -0.2]), 4000
    uniform = jax.random.uniform(jax.random.key(1), (n, 2), minval=1e-300)
    drawn = np.asarray(jax.vmap(lambda u: CONSTRAINTS.draw(u, theta))(uniform))
    spread = np.array([0.5, np.sqrt(37.5)])
    assert (np.abs(drawn.mean(0) - [-0.2, 37.5]) < 4.5 * spread / np.sqrt(n)).all()  # standard errors
    np.testing.assert_allclose(drawn.std(0), spread, rtol=4.5 / np.sqrt(2 * n))
    assert (drawn[:, 1] == np.round(drawn[:, 1])).all()


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        (
            [Auxiliary("alpha", "gaussian", 0.0, 0.0)],
            "width 0.0 must be positive and finite; fix the parameter instead",
        ),
        ([Auxiliary("alpha", "gaussian", -1.0, 0.0)], "width -1.0 must be positive"),
        ([Auxiliary("alpha", "gaussian", np.inf, 0.0)], "width inf must be positive and finite"),
        ([Auxiliary("gamma", "poisson", 0.0, 0.0)], "constraint of 'gamma': width 0.0"),
        ([TERMS[1], TERMS[1]], "parameter 'alpha' has two constraints; merge them into one"),
    ],
)
def test_terms_that_are_refused(terms, message):
    with pytest.raises(InvalidModel, match=message):
        Constraints.of(terms, SPACE)


def test_a_term_on_an_unknown_parameter_is_refused():
    with pytest.raises(UnknownName, match="no parameter 'alfa'; did you mean 'alpha'"):
        Constraints.of([Auxiliary("alfa", "gaussian", 1.0, 0.0)], SPACE)


def test_saturated_poisson_takes_real_counts_and_zero():
    np.testing.assert_allclose(saturated_poisson(jnp.array([0.0, 7.0])), stats.poisson.logpmf(7, 7), rtol=1e-13)
    assert np.isfinite(float(saturated_poisson(jnp.array([2.5]))))
