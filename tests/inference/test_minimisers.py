"""All minimisers on all problems."""

import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from tests.inference.models import OBSERVED, line, peak, plane, rosenbrock, saddle, systematics
from wilks._base.errors import FitFailed, InvalidOption
from wilks.inference.fitting import fit, minimise
from wilks.inference.minimisers import SCIPY_METHODS, Auto, Bfgs, Minuit, Newton, Scipy
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.results.status import Status

MINIMISERS = {
    "auto": Auto(),
    "newton, fisher": Newton(curvature="fisher"),
    "newton, observed": Newton(curvature="observed"),
    "newton, exact": Newton(curvature="exact"),
    "bfgs": Bfgs(),
    "minuit 0": Minuit(strategy=0),
    "minuit 2": Minuit(strategy=2),
    "scipy": Scipy(),
    "scipy, values alone": Scipy("Nelder-Mead"),
}


def of(likelihood):
    return lambda minimiser: fit(likelihood, OBSERVED, minimiser=minimiser)


def function(f, space, **more):
    return lambda minimiser: minimise(f, space, minimiser=minimiser, **more)


def shifted(values):
    return (values["x"] - 1.2) ** 2


def quartic(values):
    return values["x"] ** 4 / 4 + values["x"] ** 2 * 1e-3


PROBLEMS = {
    "counts": of(peak()),
    "systematics": of(systematics()),
    "cost": of(ChiSquareCounts(peak().predictor, cost="cnp")),
    "rosenbrock": function(rosenbrock, plane(-1.2, 1.0)),
    "bound": function(shifted, line(0.3, lower=-1.0, upper=1.0)),
    "saddle": function(saddle, plane()),
    "quartic": function(quartic, line(2.0)),
}

EXPECTED = {
    "rosenbrock": (np.array([1.0, 1.0]), Status.OK),
    "bound": (np.array([1.0]), Status.AT_BOUND),
    "quartic": (np.array([0.0]), Status.OK),
}


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("minimiser", MINIMISERS)
def test_every_minimiser_solves_every_problem(minimiser, problem):
    found = PROBLEMS[problem](MINIMISERS[minimiser])
    assert found.status.converged
    assert found.edm < 1e-8
    if problem == "saddle":
        np.testing.assert_allclose(np.abs(found.theta), [1.0, 0.3], atol=1e-5)
        return
    reference = PROBLEMS[problem](Auto())
    theta, status = EXPECTED.get(problem, (reference.theta, reference.status))
    # both stop at an EDM of 1e-10, which is 1.4e-5 of an error
    scale = 1.0 if reference.sigma is None else np.where(np.isfinite(reference.sigma), reference.sigma, 1.0)
    np.testing.assert_allclose((found.theta - theta) / scale, 0, atol=3e-5)
    assert found.status in (status, Status.FALLBACK_OK)
    assert found.excess == pytest.approx(reference.excess, abs=1e-9)


@pytest.mark.parametrize("minimiser", MINIMISERS)
def test_an_objective_that_is_nowhere_a_number_fails_with_a_cause(minimiser):
    space = line()
    found = minimise(lambda v: v["x"] * jnp.nan, space, minimiser=MINIMISERS[minimiser], throw=False)
    assert not found.status.converged
    assert found.status in (Status.FAILED, Status.NONFINITE, Status.MAX_ITER)
    assert "not finite" in found.cause
    assert found.covariance is None
    assert found.errors == {}
    with pytest.raises(FitFailed, match="not finite") as caught:
        minimise(lambda v: v["x"] * jnp.nan, space, minimiser=MINIMISERS[minimiser])
    assert caught.value.result.cause == found.cause


@pytest.mark.parametrize("minimiser", MINIMISERS)
def test_a_flat_objective_is_not_positive_definite(minimiser):
    found = minimise(lambda v: 0.0 * v["x"] + v["y"] ** 2, plane(), minimiser=MINIMISERS[minimiser], throw=False)
    assert found.status is Status.NOT_PD
    assert found.cause == "x has no effect on the likelihood there"
    assert found.errors == {}


@pytest.mark.parametrize("minimiser", [Minuit(), Scipy()], ids=["minuit", "scipy"])
def test_bounds_belong_to_the_right_name_elsewhere_too(minimiser):
    likelihood = PoissonCounts(peak().predictor)
    space = likelihood.space.replace("s", upper=0.6, start=0.5).replace("b", lower=1.3, start=1.4)
    one, two = (fit(likelihood, OBSERVED, space=space, minimiser=m) for m in (Auto(), minimiser))
    assert (one.at_upper, one.at_lower) == (two.at_upper, two.at_lower)
    assert (two.at_upper, two.at_lower) == (("s",), ("b",))
    assert one.values == two.values == {"s": 0.6, "b": 1.3}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Newton(curvature="bfgs"), "curvature 'bfgs' does not exist; choose one of fisher, observed, exact"),
        (lambda: Newton(tolerance=0.0), "tolerance 0.0 must be positive"),
        (lambda: Scipy("BFGS"), "method 'BFGS' does not exist; choose one of L-BFGS-B"),
        (lambda: Minuit(strategy=3), "strategy 3 does not exist; choose 0, 1 or 2"),
    ],
)
def test_unknown_settings_are_refused_at_construction(make, message):
    with pytest.raises((InvalidOption, jaxtyping.TypeCheckError)) as caught:
        make()
    assert message in str(caught.value) or isinstance(caught.value, jaxtyping.TypeCheckError)


@pytest.mark.parametrize("method", SCIPY_METHODS)
def test_methods_of_scipy_end_where_newton_ends_and_hold_what_is_fixed(method):
    likelihood = systematics()
    space = likelihood.space.fix(tilt=0.3)
    one, two = (fit(likelihood, OBSERVED, space=space, minimiser=m) for m in (Auto(), Scipy(method)))
    assert two.values["tilt"] == 0.3
    # both are polished to an EDM of 1e-10: 1.4e-5 of an error each
    np.testing.assert_allclose(two.theta, one.theta, atol=5e-5 * max(one.errors.values()))
    assert two.iterations > one.iterations  # its calls count
