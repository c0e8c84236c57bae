"""Fits in plain numpy against the compiled ones, derivatives against differences, bounds, and many sets at once."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import poisson

from wilks._base.errors import InvalidData, InvalidOption
from wilks.inference.fitting import fit
from wilks.inference.variation_fits import VariationProblem, fit_variations
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.model.ensemble_algebra import templates
from wilks.model.ensembles import FunctionEnsemble, LinearEnsemble
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

RANDOM = np.random.default_rng(11)
TABLES = RANDOM.uniform(0.2, 2.0, size=(5, 3, 6))  # variations, templates, bins
COUNTS = np.array([[12.0, 9.0, 30.0, 22.0, 5.0, 17.0], [0.0, 0.0, 3.0, 1.0, 0.0, 0.0], [0.0] * 6, [4.0] * 6])


class Squares(AbstractPredictor):
    """mu = T^T x^2."""

    space: ParameterSpace

    def __call__(self, values):
        return jnp.asarray(TABLES[0].T) @ self.space.pack(values) ** 2


def ensemble(tables=TABLES):
    space = ParameterSpace(tuple(Parameter(name, 1.0, lower=0.0) for name in "abc"))
    return LinearEnsemble(space, np.swapaxes(tables, 1, 2), weights=(1.0, 2.0, 0.5, 1.0, 1.0))


@pytest.mark.parametrize("systematics", ["marginal", "profile"])
def test_the_compiled_fit_finds_the_same(systematics):
    alike = ensemble(TABLES[:1] + 0.1 * TABLES)  # variations so different that each has a maximum of its own come below
    found = fit_variations(VariationProblem(alike, systematics), COUNTS[:1])
    result = fit(EnsembleCounts(alike, systematics=systematics), COUNTS[0])
    assert found.converged[0]
    assert found.log_likelihood[0] == pytest.approx(-result.nll, abs=1e-8)  # the accuracy that fits promise
    assert np.allclose(found.theta[0], result.theta, atol=1e-4)


@pytest.mark.parametrize("systematics", ["marginal", "profile"])
def test_many_sets_are_fitted_as_each_alone(systematics):
    problem = VariationProblem(ensemble(), systematics)
    together = fit_variations(problem, COUNTS)
    for number, counts in enumerate(COUNTS):
        alone = fit_variations(problem, counts[None])
        assert together.log_likelihood[number] == pytest.approx(alone.log_likelihood[0], abs=1e-9)
    assert together.converged.all()


@pytest.mark.parametrize("number", range(len(COUNTS)))
@pytest.mark.parametrize("systematics", ["marginal", "profile"])
def test_no_point_lies_higher(systematics, number):
    problem = VariationProblem(ensemble(), systematics)
    best = fit_variations(problem, COUNTS[number : number + 1])
    points = np.abs(best.theta + RANDOM.normal(size=(4000, 3)) * RANDOM.choice([0.01, 0.3, 5.0], size=(4000, 1)))
    mean = np.moveaxis(ensemble().predict(points.T[None]), 2, 0)
    each = poisson.logpmf(COUNTS[number], mean).sum(axis=2)
    share = ensemble().weights / ensemble().weights.sum()
    value = np.log(np.exp(each) @ share) if systematics == "marginal" else each.max(axis=1)
    assert value.max() <= best.log_likelihood[0] + 1e-9


@pytest.mark.parametrize("kind", ["linear", "curved"])
def test_derivatives_are_those_of_the_value(kind):
    problem = VariationProblem(ensemble())
    if kind == "curved":
        problem = VariationProblem(FunctionEnsemble(Squares(ensemble().space)))
    surface, at, step = problem.surface(COUNTS[:1]), np.array([2.0, 3.0, 4.0]), 1e-5
    lane = np.zeros(1, dtype=int)
    here = surface.expand(at[None], lane)
    ahead = [surface.expand((at + step * unit)[None], lane) for unit in np.eye(3)]
    behind = [surface.expand((at - step * unit)[None], lane) for unit in np.eye(3)]
    slope = [(a.value[0] - b.value[0]) / (2 * step) for a, b in zip(ahead, behind, strict=True)]
    curvature = [(a.gradient[0] - b.gradient[0]) / (2 * step) for a, b in zip(ahead, behind, strict=True)]
    # central differences: step squared and rounding divided by the step
    assert np.allclose(here.gradient[0], slope, rtol=1e-6)
    if kind == "linear":  # of curved predictions the second derivatives are left out
        assert np.allclose(here.hessian[0], curvature, rtol=1e-5)


def test_curved_predictions_are_fitted():
    best = fit_variations(VariationProblem(FunctionEnsemble(Squares(ensemble().space))), COUNTS[:1])
    linear = fit_variations(VariationProblem(templates(dict(zip("abc", TABLES[0], strict=True)))), COUNTS[:1])
    assert best.converged[0]
    assert best.log_likelihood[0] == pytest.approx(linear.log_likelihood[0], abs=1e-7)  # slopes are differences


def test_held_parameters_stay_and_starts_nearby_are_enough():
    problem, free = VariationProblem(ensemble()), np.array([False, True, True])
    start = np.array([7.0, 1.0, 1.0])
    best = fit_variations(problem, COUNTS[:1], start=start, free=free)
    again = fit_variations(problem, COUNTS[:1], start=best.theta[0], free=free, nearby=True)
    assert best.theta[0, 0] == again.theta[0, 0] == 7.0
    assert again.log_likelihood[0] == pytest.approx(best.log_likelihood[0], abs=1e-11)
    nothing = fit_variations(problem, COUNTS, start=start, free=np.zeros(3, dtype=bool))
    assert nothing.converged.all()
    assert np.array_equal(nothing.theta, np.tile(start, (4, 1)))


def test_a_start_where_the_likelihood_is_zero_is_moved():
    one = VariationProblem(templates({"s": [1.0, 0.0], "b": [0.0, 1.0]}))
    best = fit_variations(one, np.array([[3.0, 4.0]]), start=np.zeros(2))
    assert np.allclose(best.theta, [[3.0, 4.0]])
    assert best.log_likelihood[0] == pytest.approx(poisson.logpmf([3, 4], [3, 4]).sum(), abs=1e-12)


def test_parameters_without_bounds_may_turn_negative():
    tables = {"signal": [1.0, 1.0, 0.0], "background": [1.0, 1.0, 1.0]}
    best = fit_variations(VariationProblem(templates(tables, lower=-np.inf)), np.array([[5.0, 7.0, 10.0]]))
    assert np.allclose(best.theta, [[-4.0, 10.0]])  # both first bins expect 6


def test_what_does_not_fit_is_refused():
    with pytest.raises(InvalidOption, match="marginal, profile"):
        VariationProblem(ensemble(), "mean")
    with pytest.raises(InvalidData, match="predictions of 6 bins"):
        fit_variations(VariationProblem(ensemble()), np.ones((1, 5)))
