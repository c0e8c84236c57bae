"""Counts under stored templates in many lanes: the numbers of the compiled likelihood, lane by lane."""

import jax
import numpy as np
import pytest

from tests.inference.models import systematics
from wilks.inference.quadratic import quadratic
from wilks.likelihood.binned import CountsData
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.stored_templates import StoredTemplates
from wilks.model.linear import LinearTemplates

BINS, LANES = 7, 12
TEMPLATES = {"s": [0.0, 1.0, 6.0, 9.0, 2.0, 0.0, 0.0], "b": [9.0, 7.0, 5.0, 4.0, 3.0, 2.0, 0.0], "c": [1.0] * 6 + [0.0]}
VARIANCES = {"s": [0.0, 0.3, 0.8, 2.0, 0.0, 0.0, 0.0], "b": [9.0, 0.0, 1.0, 3.0, 0.0, 0.1, 0.0], "c": [0.1] * 6 + [0.0]}
MODELS = (None, "conway", "poisson")


def likelihood_of(model, variances=None, errors="nominal"):
    given = VARIANCES if variances is None else variances
    templates = LinearTemplates.of(TEMPLATES, variances=given if model else None)
    return PoissonCounts(templates, template_statistics=model, template_errors=errors)


def stacked(model, whole=True):
    random = np.random.default_rng(1)
    counts = random.poisson(random.uniform(0.0, 20.0, (LANES, BINS))).astype(float)
    counts[:, -1] = 0.0
    counts = counts if whole else counts * 0.37
    auxiliary = 1.0 + 0.2 * random.standard_normal((LANES, BINS)) if model else np.ones((LANES, 0))
    return CountsData(counts, np.zeros((LANES, 0)), auxiliary), random.uniform(0.2, 3.0, (LANES, 3))


@pytest.mark.parametrize("model", MODELS)
def test_value_and_derivatives_are_those_of_the_compiled_likelihood(model):
    likelihood, (data, theta) = likelihood_of(model), stacked(model)
    stored = StoredTemplates.of(likelihood)
    given = stored.counted(data.counts, data.simulation)
    points = np.ascontiguousarray(theta.T)
    here, (value, gradient, inside) = stored.slopes(points, given), stored.excess_and_gradient(points, given)
    known = jax.vmap(lambda at, one: quadratic(likelihood, at, one, "observed"))(theta, data)
    rows, columns = np.triu_indices(3)
    assert inside.all()
    np.testing.assert_array_equal(value, stored.excess(points, given)[0])
    # sums of seven terms of order 100, each right to a few units in the last place
    np.testing.assert_allclose(value, known.value, rtol=1e-13, atol=1e-12)
    np.testing.assert_allclose(gradient.T, known.gradient, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(here.gradient.T, known.gradient, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(here.curvature.T, known.hessian[:, rows, columns], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_the_expected_curvature_is_that_of_expected_data(model):
    likelihood, (_, theta) = likelihood_of(model), stacked(model)
    stored = StoredTemplates.of(likelihood)
    points = np.ascontiguousarray(theta.T)
    given = stored.counted((theta @ likelihood.predictor.templates.T), np.ones((LANES, BINS)))
    expected, at_data = stored.slopes(points, given, expected=True), stored.slopes(points, given)
    np.testing.assert_allclose(expected.curvature, at_data.curvature, rtol=1e-12)  # rounding of a few operations
    np.testing.assert_allclose(expected.gradient, 0.0, atol=1e-12)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("whole", [True, False])
def test_saturated_densities_are_those_of_the_compiled_likelihood(model, whole):
    likelihood, (data, _) = likelihood_of(model), stacked(model, whole)
    stored = StoredTemplates.of(likelihood)
    found = stored.saturated(stored.counted(data.counts, data.simulation))
    np.testing.assert_allclose(found, jax.vmap(likelihood.saturated)(data), rtol=1e-13)


def test_pearson_distances():
    stored, (data, theta) = StoredTemplates.of(likelihood_of(None)), stacked(None)
    mu = (theta @ stored.templates.T).T
    counts = data.counts.T[:-1]
    given = stored.counted(data.counts, data.simulation)
    points = np.ascontiguousarray(theta.T)
    np.testing.assert_allclose(stored.pearson(points, given), ((counts - mu) ** 2 / mu).sum(axis=0), rtol=1e-13)
    impossible = stored.pearson(np.zeros((3, LANES)), given)
    assert np.isinf(impossible).all()


def test_lanes_outside_the_physical_domain_are_named():
    stored, (data, theta) = StoredTemplates.of(likelihood_of(None)), stacked(None)
    points = np.ascontiguousarray(theta.T)
    points[:, 2] = [0.0, -1.0, 0.5]
    _, inside = stored.excess(points, stored.counted(data.counts, data.simulation))
    np.testing.assert_array_equal(np.flatnonzero(~inside), [2])


def test_a_lane_has_the_same_bits_in_any_company():
    stored, (data, theta) = StoredTemplates.of(likelihood_of("conway")), stacked("conway")
    given, points = stored.counted(data.counts, data.simulation), np.ascontiguousarray(theta.T)
    whole = (*stored.excess_and_gradient(points, given), *stored.slopes(points, given))
    for some in (np.array([3, 7]), np.array([11, 0, 5]), np.arange(1, 10)):
        few_points, few_given = points.take(some, axis=1), given.taken(some)
        few = (*stored.excess_and_gradient(few_points, few_given), *stored.slopes(few_points, few_given))
        for one, other in zip(whole, few, strict=True):
            np.testing.assert_array_equal(one[..., some], other)


def test_what_is_more_than_stored_templates_is_left_alone():
    exact_beside_simulated = {"s": VARIANCES["s"]}
    assert StoredTemplates.of(likelihood_of("conway", exact_beside_simulated)) is None
    assert StoredTemplates.of(likelihood_of("conway", errors="scaled")) is None
    assert StoredTemplates.of(systematics()) is None
