"""Counts under stored variations in numpy: the same numbers as the compiled likelihood gives."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.models import systematics
from wilks.inference.quadratic import quadratic
from wilks.likelihood.constraints import saturated_poisson
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.stored_variations import StoredVariations, saturated_counts
from wilks.model.ensemble_algebra import templates
from wilks.model.ensembles import LinearEnsemble
from wilks.model.linear import LinearTemplates
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

MODES = ("marginal", "profile")
SPACE = ParameterSpace(tuple(Parameter(name, 1.0, lower=0.0) for name in "abc"))


def likelihood_of(mode, *, columns=None):
    random = np.random.default_rng(3)
    used = 3 if columns is None else len(columns)
    matrices = random.uniform(1.0, 9.0, (6, 4, used))
    ensemble = LinearEnsemble(
        SPACE,
        matrices,
        constants=random.uniform(0.1, 2.0, (6, 4)),
        weights=random.uniform(0.0, 3.0, 6),
        columns=columns,
    )
    return EnsembleCounts(ensemble, systematics=mode)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("columns", [None, [2, 0]])
@pytest.mark.parametrize("counts", [[12.0, 9.0, 14.0, 11.0], [0.0, 3.0, 0.0, 40.0], [0.0] * 4, [1e9, 2e9, 1e9, 3e9]])
def test_value_and_derivatives_are_those_of_the_compiled_likelihood(mode, columns, counts):
    likelihood = likelihood_of(mode, columns=columns)
    stored, size = StoredVariations.of(likelihood), max(np.mean(counts) / 10, 1.0)
    assert stored is not None
    for theta in size * np.array([[1.0, 1.0, 1.0], [0.3, 2.0, 0.0], [4.0, 0.1, 0.7]]):
        here = stored.around(theta, np.array(counts))
        known = quadratic(likelihood, jnp.asarray(theta), likelihood.prepare(counts), "exact")
        assert here is not None
        # exponentials of differences of the variations' excesses amplify rounding by their size
        scale = 1e-12 * max(1.0, float(known.value))
        np.testing.assert_allclose(here.value, known.value, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(here.gradient, known.gradient, rtol=scale, atol=scale)
        np.testing.assert_allclose(here.hessian, known.hessian, rtol=scale, atol=scale)


@pytest.mark.parametrize("mode", MODES)
def test_the_convex_curvature_is_never_below_the_hessian(mode):
    stored = StoredVariations.of(likelihood_of(mode))
    for theta in np.random.default_rng(4).uniform(0.0, 5.0, (20, 3)):
        here = stored.around(theta, np.array([30.0, 9.0, 2.0, 11.0]))
        assert np.linalg.eigvalsh(here.convex).min() >= -1e-12 * np.abs(here.convex).max()
        assert np.linalg.eigvalsh(here.convex - here.hessian).min() >= -1e-9 * np.abs(here.convex).max()


def test_expectations_that_are_continued_are_left_to_compiled_code():
    stored = StoredVariations.of(EnsembleCounts(templates({"x": [[1.0, 2.0], [1.5, 2.0]], "y": [[2.0, 1.0]] * 2})))
    assert stored.around(np.array([1.0, 1.0]), np.array([2.0, 3.0])) is not None
    assert stored.around(np.array([0.0, 0.0]), np.array([2.0, 3.0])) is None
    assert stored.around(np.array([1.0, -1.0]), np.array([2.0, 3.0])) is None
    assert stored.around(np.array([1e-7, 0.0]), np.array([2.0, 3.0])) is None
    assert stored.around(np.array([np.nan, 1.0]), np.array([2.0, 3.0])) is None


def test_a_predictor_that_is_not_stored_is_not_laid_out():
    class Line(AbstractPredictor):
        space: ParameterSpace

        def __call__(self, values):
            return values["a"] * jnp.array([1.0, 2.0])

    assert StoredVariations.of(EnsembleCounts(Line(SPACE))) is None


def test_templates_of_one_likelihood_are_a_single_variation():
    model = LinearTemplates.of({"s": [1.0, 5.0, 0.0, 2.0], "b": [9.0, 9.0, 0.0, 0.5]})
    likelihood, counts = PoissonCounts(model), np.array([12.0, 0.0, 0.0, 3.0])
    stored, theta = StoredVariations.of(likelihood), np.array([1.3, 0.8])
    assert stored.seen.tolist() == [True, True, False, True]
    here, data = stored.around(theta, counts), likelihood.prepare(counts)
    known = quadratic(likelihood, jnp.asarray(theta), data, "exact")
    # a handful of operations on numbers of order ten
    np.testing.assert_allclose(here.value, known.value, rtol=1e-13)
    np.testing.assert_allclose(here.gradient, known.gradient, rtol=1e-13)
    np.testing.assert_allclose(here.hessian, known.hessian, rtol=1e-13)
    np.testing.assert_allclose(here.cells.sum(), known.value, rtol=1e-13)
    assert here.cells[2] == 0.0


def test_constraints_and_statistics_of_templates_are_left_to_compiled_code():
    variances = {"s": [0.1, 0.2], "b": [0.3, 0.1]}
    model = LinearTemplates.of({"s": [1.0, 5.0], "b": [9.0, 9.0]}, variances=variances)
    assert StoredVariations.of(PoissonCounts(model)) is not None
    assert StoredVariations.of(PoissonCounts(model, template_statistics="conway")) is None
    assert StoredVariations.of(PoissonCounts(systematics().predictor)) is None


def test_the_saturated_density_is_the_compiled_one():
    counts = np.array([0.0, 1.0, 2.5, 1e6])
    # n ln n of the largest count is 1.4e7, and the rounding error of that is 2e-9
    np.testing.assert_allclose(saturated_counts(counts), saturated_poisson(jnp.asarray(counts)), atol=4e-9)
