"""BFGS by values and gradients: agreement with Newton, exact bounds, lanes by themselves, thousands of parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.event_models import TRUTH, drawn, mixture
from tests.inference.models import OBSERVED, closed_and_open, line, peak, plane, rosenbrock, systematics
from tests.reference.published import SEED_COUNTS
from wilks._base.errors import FitFailed, InvalidData, InvalidOption
from wilks.inference.bfgs import descend, descend_lanes
from wilks.inference.fitting import fit, fit_many, minimise
from wilks.inference.hypotheses import hypothesis_test
from wilks.inference.intervals import interval
from wilks.inference.lanes import Settings, stack_lanes
from wilks.inference.minimisers import Bfgs
from wilks.inference.multistart import Multistart
from wilks.inference.newton import CONVERGED, EXHAUSTED, NONFINITE, Box
from wilks.inference.profiles import profile
from wilks.likelihood.counts import PoissonCounts
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.results.status import Status

MANY = 6000


class Diagonal(AbstractPredictor):
    """As many bins as parameters."""

    space: ParameterSpace

    def __call__(self, values):
        return self.space.pack(values)


def descended(likelihood, counts):
    """End of BFGS alone, before Newton."""
    space, stacked = likelihood.space, stack_lanes(likelihood.prepare(counts), 1)
    settings = Settings("fisher", 1e-10, descents=2000)
    return descend_lanes(likelihood, stacked, space.starts[None], space.free_mask[None], space, settings)


CASES = {
    "peak": (peak, OBSERVED),
    "norms": (systematics, OBSERVED),
    "gammas": (lambda: closed_and_open()[1], np.array(SEED_COUNTS)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_minimum_of_bfgs_alone_is_that_of_newton(case):
    make, counts = CASES[case]
    likelihood = make()
    ends, result = descended(likelihood, counts), fit(likelihood, counts)
    assert ends.code[0] == CONVERGED
    # EDM of 1e-10 as BFGS estimates it, right within a factor of ten or so: 5e-5 of an error
    np.testing.assert_allclose(ends.theta[0], result.theta, atol=1e-4 * np.nanmax(result.sigma))
    assert ends.value[0] == pytest.approx(result.excess, abs=1e-8)


def test_fits_of_events_agree():
    events = drawn(mixture(), TRUTH, 3)
    one, two = fit(mixture(), events), fit(mixture(), events, minimiser=Bfgs())
    # both end at an EDM of 1e-10: 1.4e-5 of an error
    np.testing.assert_allclose((two.theta - one.theta) / one.sigma, 0.0, atol=5e-5)
    np.testing.assert_allclose(two.sigma, one.sigma, rtol=1e-4)
    assert two.iterations > one.iterations  # evaluations of BFGS count


@pytest.mark.parametrize(
    ("bounds", "best"),
    [({"upper": 0.5}, (0.5, 0.25)), ({"lower": 1.5}, (1.5, 2.25)), ({"lower": -0.5, "upper": 0.5}, (0.5, 0.25))],
)
def test_bounds_are_reached_exactly(bounds, best):
    space = plane(bounds.get("upper", 2.0), -1.0, **bounds)
    result = minimise(rosenbrock, space, minimiser=Bfgs())
    assert result.status is Status.AT_BOUND
    assert result.theta[0] == best[0]
    assert result.theta[1] == pytest.approx(best[1], abs=1e-6)  # the parabola's floor, curvature 200: EDM 1e-10


def test_nothing_is_asked_outside_the_bounds():
    seen = []

    def watched(values):
        jax.debug.callback(lambda x: seen.append(float(x)), values["x"])
        return (values["x"] - 1.2) ** 2

    minimise(watched, line(0.3, lower=-1.0, upper=1.0), minimiser=Bfgs())
    jax.effects_barrier()
    assert min(seen) >= -1.0
    assert max(seen) == 1.0


def test_lanes_without_numbers_or_without_life_do_not_disturb_others():
    likelihood = peak()
    rows = np.random.default_rng(5).poisson(OBSERVED, (30, 10)).astype(float)
    table = fit_many(likelihood, list(rows), minimiser=Bfgs())
    newton = fit_many(likelihood, list(rows))
    assert table.failed == 0
    np.testing.assert_array_equal(table.status, newton.status)
    np.testing.assert_allclose(table.excess, newton.excess, atol=2e-6)  # the latter stops at 1e-6
    broken = stack_lanes(likelihood.prepare(OBSERVED), 30)
    broken = type(broken)(rows.copy(), broken.auxiliary, broken.simulation)
    broken.counts[17, 3] = np.nan
    other = fit_many(likelihood, broken, minimiser=Bfgs())
    assert other.statuses[17] is Status.FAILED
    keep = np.arange(30) != 17
    for field in ("theta", "excess", "status", "iterations"):
        np.testing.assert_array_equal(getattr(other, field)[keep], getattr(table, field)[keep])


def test_each_way_to_end_has_its_code():
    box = Box(jnp.full(2, -jnp.inf), jnp.full(2, jnp.inf), jnp.ones(2, dtype=bool))

    def ended(function, start, *, alive=True, most=500):
        objective = jax.value_and_grad(function)
        at = jnp.asarray(start), box, jnp.ones(2), jnp.asarray(alive), jnp.asarray(1e-10), jnp.asarray(most)
        return descend(objective, *at)

    def valley(x):
        return rosenbrock({"x": x[0], "y": x[1]})

    assert ended(valley, [-1.2, 1.0]).code == CONVERGED
    assert ended(valley, [-1.2, 1.0], most=5).code == EXHAUSTED
    assert ended(lambda x: jnp.sum(x) * jnp.nan, [1.0, 1.0]).code == NONFINITE
    assert ended(valley, [-1.2, 1.0], alive=False).iterations == 0
    # a step into numbers that are none is shortened
    walled = ended(lambda x: jnp.sum(x - jnp.log(x)), [0.05, 3.0])
    assert walled.code == CONVERGED
    np.testing.assert_allclose(walled.theta, 1.0, atol=3e-5)  # curvature 1, EDM 1e-10
    # without a minimum there is no end
    assert ended(lambda x: -jnp.sum(x), [0.0, 0.0], most=50).code == EXHAUSTED


def test_other_procedures_take_it_too():
    likelihood, grid = systematics(), np.array([0.5, 1.0, 1.5])
    one = profile(likelihood, OBSERVED, "mu", grid)
    two = profile(likelihood, OBSERVED, "mu", grid, minimiser=Bfgs())
    np.testing.assert_allclose(two.delta, one.delta, atol=1e-7)  # differences of values with EDMs of 1e-8
    many = fit(likelihood, OBSERVED, minimiser=Bfgs(), start=Multistart(8, key=1))
    assert many.minima.hits[0] == 8


def scattered() -> tuple[PoissonCounts, np.ndarray]:
    """One norm per bin, half of them with a bound, and counts between 0 and a thousand."""
    space = ParameterSpace(tuple(Parameter(f"x[{i}]", 1.0, lower=0.5 if i % 2 else 0.0) for i in range(MANY)))
    generator = np.random.default_rng(1)
    counts = generator.poisson(np.exp(generator.uniform(0.0, 7.0, MANY))).astype(float)
    counts[:40] = 0.0
    return PoissonCounts(Diagonal(space)), counts


def test_thousands_of_parameters_are_fitted_without_a_curvature():
    likelihood, counts = scattered()
    result = fit(likelihood, counts, minimiser=Bfgs())
    best = np.maximum(counts, likelihood.space.lowers)  # each bin by itself
    assert result.status is Status.AT_BOUND
    # the EDM of 1e-10 is an estimate, right within a factor of ten or so
    np.testing.assert_allclose((result.theta - best) / np.sqrt(np.maximum(counts, 1.0)), 0.0, atol=1e-4)
    assert set(result.at_lower) == {
        n for n, v, low in zip(likelihood.space.names, counts, likelihood.space.lowers, strict=True) if v <= low
    }
    np.testing.assert_array_equal(result.theta[counts == 0], likelihood.space.lowers[counts == 0])
    assert result.covariance is None
    assert result.errors == {}
    assert result.how == "no errors: the curvature was not computed"
    assert result.flags["no_covariance"].startswith("6000 free parameters are more than the 5000 for which a curvature")
    table = fit_many(likelihood, [counts, counts[::-1]], minimiser=Bfgs())
    np.testing.assert_array_equal(table.theta[0], result.theta)
    assert [status.converged for status in table.statuses] == [True, True]


def test_procedures_without_a_curvature_work_and_others_say_so():
    likelihood, counts = scattered()
    name = "x[101]"
    n = counts[101]
    grid = n + np.sqrt(n) * np.array([-1.0, 0.0, 2.0])
    expected = 2 * (grid - n - n * np.log(grid / n))  # the other bins do not feel it
    # differences of values with EDMs of 1e-10 as they are estimated, right within a factor of ten or so
    scan = profile(likelihood, counts, name, grid, minimiser=Bfgs())
    np.testing.assert_allclose(scan.delta, expected, atol=1e-8)
    found = hypothesis_test(likelihood, counts, {name: grid[2]}, statistic="ratio", minimiser=Bfgs())
    assert found.observed == pytest.approx(expected[2], abs=1e-8)
    for call in (interval, profile):
        with pytest.raises(
            InvalidOption, match=r"6000 free parameters are more than the 5000 .* needs one; take profile"
        ):
            call(likelihood, counts, name, minimiser=Bfgs())


def test_thousands_of_correlated_parameters():
    space = ParameterSpace(tuple(Parameter(f"x[{i}]", 1.0) for i in range(MANY)))
    weight, centre = np.exp(np.linspace(-3.0, 3.0, MANY)), np.sin(np.arange(MANY))

    def chain(values):
        x = space.pack(values)
        return 0.5 * (jnp.sum(weight * (x - centre) ** 2) + jnp.sum((x[1:] - x[:-1]) ** 2))

    result = minimise(chain, space, minimiser=Bfgs())
    assert result.status is Status.OK
    slope = np.asarray(jax.grad(lambda theta: chain(space.unpack(theta)))(jnp.asarray(result.theta)))
    # H >= diag(weight), so that this is an upper limit of the EDM; ten times its estimate
    assert 0.5 * np.sum(slope**2 / weight) < 1e-9


def test_thousands_of_parameters_end_with_their_cause():
    likelihood, counts = scattered()
    with pytest.raises(FitFailed, match="no convergence after 5 evaluations of BFGS") as caught:
        fit(likelihood, counts, minimiser=Bfgs(max_iterations=5))
    assert caught.value.result.status is Status.MAX_ITER
    with pytest.raises(InvalidData, match="count nan in bin 3"):
        fit_many(likelihood, [np.where(np.arange(MANY) == 3, np.nan, counts)], minimiser=Bfgs())
    for call in (fit, lambda *given: fit_many(given[0], [given[1]])):
        with pytest.raises(InvalidOption, match=r"6000 free parameters need .* or take minimiser=Bfgs\(\), which"):
            call(likelihood, counts)
    with pytest.raises(InvalidOption, match="6000 free parameters are more than the 5000"):
        fit(likelihood, counts, minimiser=Bfgs(), start=Multistart(4, key=1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Bfgs(tolerance=-1.0), "tolerance -1.0 must be positive"),
        (lambda: Bfgs(max_iterations=0), "max_iterations 0 must be at least 1"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(InvalidOption, match=message):
        make()
