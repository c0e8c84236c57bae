"""Single fits under stored variations in numpy: against compiled fits, and what is left to them."""

import jax
import numpy as np
import pytest

from tests.inference.models import OBSERVED, peak
from wilks import fit, fit_many
from wilks.inference.endpoint import endpoint
from wilks.inference.fitting import climb_from
from wilks.inference.lanes import stack_lanes
from wilks.inference.minimisers import Newton
from wilks.inference.problem import pose
from wilks.inference.variation_newton import _solved, climb_variations
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.model.ensembles import LinearEnsemble
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.results.status import Status

SPACE = ParameterSpace((Parameter("a", 1.0, lower=0.0), Parameter("b", 1.0, lower=0.0, upper=3.0), Parameter("c", 1.0)))


def likelihood_of(mode, spread=0.1):
    random = np.random.default_rng(5)
    nominal = random.uniform(2.0, 20.0, (8, 3))
    matrices = nominal * np.exp(spread * random.standard_normal((12, 8, 3)))
    return EnsembleCounts(LinearEnsemble(SPACE, matrices, weights=random.uniform(0.5, 2.0, 12)), systematics=mode)


def toys(likelihood, n=40):
    values = ({"a": 1.0, "b": 1.0, "c": 1.0}, {"a": 0.02, "b": 2.9, "c": 1.0}, {"a": 3.0, "b": 0.1, "c": 0.2})
    sets = [likelihood.simulate_many(jax.random.split(jax.random.key(i), n), v).counts for i, v in enumerate(values)]
    return np.concatenate(sets)


@pytest.mark.parametrize("mode", ["marginal", "profile"])
def test_single_fits_end_where_compiled_ones_do(mode):
    likelihood = likelihood_of(mode)
    counts, found = toys(likelihood), []
    for row in counts:
        problem = pose(likelihood, row)
        climbed = climb_variations(problem, SPACE.starts, ())
        found.append(climbed)
        if climbed is None:
            continue
        ends, here = climbed
        assert here.value == ends.value[0]
        single = problem._replace(data=stack_lanes(problem.data, 1))
        other = climb_from(single, SPACE.starts, 1)
        assert Status.from_code(int(ends.status[0])) == Status.from_code(int(other.status[0]))
        assert ends.edm[0] < problem.settings.tolerance
        # both stop at an EDM of 1e-10, where the excess is right to as much
        np.testing.assert_allclose(ends.value, other.value, atol=1e-9)
        np.testing.assert_allclose(ends.theta, other.theta, atol=1e-4)
    assert sum(each is None for each in found) <= 1
    assert any(each is not None and each[0].status[0] == Status.AT_BOUND.code for each in found)


@pytest.mark.parametrize("mode", ["marginal", "profile"])
def test_errors_are_those_of_a_compiled_report(mode):
    likelihood, counts = likelihood_of(mode), toys(likelihood_of(mode))[0]
    problem, best = pose(likelihood, counts), fit(likelihood, counts)
    table = fit_many(likelihood, counts[None], minimiser=Newton("exact", 1e-12))
    np.testing.assert_allclose(best.nll, table.nll[0], rtol=1e-12)
    hessian = jax.hessian(lambda at: -likelihood.log_prob(SPACE.unpack(at), problem.data))(best.theta)
    np.testing.assert_allclose(best.covariance, np.linalg.inv(hessian), rtol=1e-8)
    end = endpoint(likelihood, problem.data, best.theta, curvature="exact")
    np.testing.assert_allclose(end.saturated, likelihood.saturated(problem.data), rtol=1e-13)


def test_fixed_parameters_and_kept_starts_stay():
    likelihood, counts = likelihood_of("marginal"), toys(likelihood_of("marginal"))[0]
    best = fit(likelihood, counts, space=likelihood.space.fix(b=0.7))
    assert best.values["b"] == 0.7
    nothing = fit(likelihood, counts, space=likelihood.space.fix(a=1.0, b=0.7, c=1.0))
    assert nothing.theta.tolist() == [1.0, 0.7, 1.0]
    assert fit(likelihood, counts, start={"a": 2.0, "b": 2.0, "c": 2.0}).nll == pytest.approx(
        fit(likelihood, counts).nll
    )


def test_what_numpy_cannot_start_from_is_fitted_by_other_means():
    matrices = np.array([[[1.0, 0.0], [0.0, 1.0]], [[1.2, 0.0], [0.0, 0.8]]])
    space = ParameterSpace((Parameter("x", 1.0, lower=0.0), Parameter("y", 1.0, lower=0.0)))
    likelihood = EnsembleCounts(LinearEnsemble(space, matrices))
    assert climb_variations(pose(likelihood, [4.0, 0.0]), space.starts, ()) is None  # ends with nothing expected
    best = fit(likelihood, [4.0, 0.0])
    assert best.status is Status.AT_BOUND
    assert best.values["y"] == 0.0


def test_a_curvature_that_is_asked_for_is_not_replaced():
    assert climb_variations(pose(peak(), OBSERVED), peak().space.starts, ()) is not None
    assert climb_variations(pose(peak(), OBSERVED, minimiser=Newton("fisher")), peak().space.starts, ()) is None


@pytest.mark.parametrize("size", range(1, 8))
def test_steps_of_few_parameters_solve_the_equations_or_say_that_none_does(size):
    random = np.random.default_rng(size)
    for _ in range(50):
        root, scale = random.normal(size=(size, size)), 10.0 ** random.uniform(-4, 4, size)
        curvature = (root @ root.T + 0.1 * np.eye(size)) * scale * scale[:, None]
        gradient = random.normal(size=size) * scale
        # rounding, times the condition number of the scaled curvature
        np.testing.assert_allclose(_solved(curvature, gradient), np.linalg.solve(curvature, gradient), rtol=1e-9)
        signs = np.ones(size)
        signs[random.integers(size)] = -1.0
        assert _solved((root * signs) @ root.T * scale * scale[:, None], gradient) is None  # curved downwards
    if size > 1:
        flat = np.ones((size, size))
        assert _solved(flat, np.ones(size)) is None
    assert _solved(np.zeros((size, size)), np.ones(size)) is None
    assert _solved(np.full((size, size), np.nan), np.ones(size)) is None
