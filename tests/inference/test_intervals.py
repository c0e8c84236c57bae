"""Intervals: published ends, MINOS's ends, open and disconnected intervals, lower minima."""

import iminuit
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.models import (
    OBSERVED,
    bumped,
    closed_and_open,
    counting,
    double_well,
    line,
    peak,
    systematics,
    twins,
)
from tests.reference.published import POISSON_HALF_UNIT, SEED_COUNTS
from wilks._base.errors import FitFailed, InvalidOption, UnknownName
from wilks.inference import crossings
from wilks.inference.crossing_newton import leap_to_crossings
from wilks.inference.fitting import _Function, fit
from wilks.inference.intervals import interval, intervals
from wilks.inference.minimisers import Minuit, Newton
from wilks.inference.probabilities import threshold
from wilks.inference.profiles import profile
from wilks.inference.quadratic import excess
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.joint import Joint
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter
from wilks.results.status import Status

ONE_SIGMA = 0.682689492137086  # the threshold is exactly 1


def of(function, space, level=ONE_SIGMA, start=None):
    """Interval of a plain function's parameter."""
    likelihood = _Function(space, function, 1.0)
    if start is not None:
        space = space.replace("x", start=start)
    return interval(likelihood, jnp.zeros(0), "x", level=level, space=space)


@pytest.mark.parametrize(("n", "ends"), POISSON_HALF_UNIT.items())
def test_ends_of_a_poisson_mean(n, ends):
    found = interval(counting(), [n], "s", level=ONE_SIGMA)
    np.testing.assert_allclose((found.lower, found.upper), ends, atol=1e-6)
    assert found.lower_open == (n == 0)
    assert not found.upper_open
    assert found.contains(found.best)


def minos(likelihood, data, level):
    """End points of MINOS with a tight minimum, by name."""
    prepared = likelihood.prepare(data)
    start = fit(likelihood, data).theta
    cost = jax.jit(lambda theta: excess(likelihood, theta, prepared))
    oracle = iminuit.Minuit(lambda x: float(cost(x)), start + 0.05, name=likelihood.space.names)
    oracle.errordef, oracle.strategy, oracle.tol = 0.5, 2, 1e-4
    oracle.migrad()
    oracle.minos(cl=level)
    return {p.name: (p.value + p.merror[0], p.value + p.merror[1]) for p in oracle.params}


@pytest.mark.parametrize("make", [peak, systematics])
@pytest.mark.parametrize("level", [0.6827, 0.95])
def test_ends_are_those_of_minos(make, level):
    likelihood = make()
    expected = minos(likelihood, OBSERVED, level)
    found = intervals(likelihood, OBSERVED, level=level)
    assert {item.name for item in found.items} == set(expected)
    for item in found.items:
        width = item.upper - item.lower
        # MINOS stops within a few 1e-3 of the threshold
        np.testing.assert_allclose((item.lower, item.upper), expected[item.name], atol=3e-3 * width)


def test_ends_lie_on_the_threshold_to_a_millionth():
    for level in (0.6827, 0.90, 0.9973):
        found = intervals(systematics(), OBSERVED, level=level)
        for item in found.items:
            assert item.threshold == threshold(level)
            assert max(abs(r) for r in item.residuals) <= 1e-6 * item.threshold
            heights = profile(systematics(), OBSERVED, item.name, [item.lower, item.upper]).delta
            np.testing.assert_allclose(heights, item.threshold, rtol=3e-6)  # and one last step without a refit


def test_an_interval_profiles_the_other_free_parameters():
    free = interval(peak(), OBSERVED, "s")
    fixed = interval(peak(), OBSERVED, "s", space=peak().space.fix(b=fit(peak(), OBSERVED).values["b"]))
    assert free.upper - free.lower > 1.05 * (fixed.upper - fixed.lower)


def test_closed_form_and_explicit_simulation_have_the_same_ends():
    closed, open_ = closed_and_open()
    one, two = (interval(model, SEED_COUNTS, "s_s") for model in (closed, open_))
    np.testing.assert_allclose((one.lower, one.upper), (two.lower, two.upper), atol=1e-5)


def test_an_open_end_is_the_bound_itself_and_says_so():
    space = peak().space.replace("s", lower=0.7, start=1.0)
    found = interval(peak(), OBSERVED, "s", space=space, level=0.95)
    assert (found.lower, found.lower_open, found.upper_open) == (0.7, True, False)
    assert found.flags["open_interval"] == "the lower end of s is open: the bound comes before the threshold"
    assert np.isnan(found.residuals[0])  # an open end meets no threshold
    assert abs(found.residuals[1]) < 1e-5


def test_a_profile_that_never_rises_is_open_on_both_sides():
    found = interval(twins(), [5, 10], "a")
    assert (found.lower, found.upper) == (-np.inf, np.inf)
    assert found.lower_open
    assert found.upper_open
    assert "the profile does not reach the threshold" in found.flags["open_interval"]
    assert found.status is Status.NOT_PD


def test_identical_templates_with_bounds_are_open_where_the_bound_is():
    likelihood = PoissonCounts(LinearTemplates.of({"a": [1.0, 2.0], "b": [1.0, 2.0]}))
    found = interval(likelihood, [5, 10], "a", level=ONE_SIGMA)
    assert (found.lower, found.lower_open) == (0.0, True)
    # with b at 0 the sum of 15 events stands alone: upper end as for one norm of 3
    alone = interval(PoissonCounts(LinearTemplates.of({"a": [1.0, 2.0]})), [5, 10], "a", level=ONE_SIGMA)
    assert found.upper == pytest.approx(alone.upper, abs=1e-5)


def test_a_lower_minimum_met_on_the_way_is_adopted_and_announced():
    found = of(double_well, line(), start=0.9)
    assert found.best < 0
    assert "a lower minimum was met on the way and adopted" in found.flags["moved_minimum"]
    assert found.contains(found.best)


def test_an_interval_in_pieces_lists_them():
    found = of(bumped, line())
    assert len(found.pieces) == 2
    assert found.flags["disconnected"] == "the interval of x has 2 pieces"
    assert not found.contains(1.8)
    assert found.contains(2.4)
    assert found.lower == pytest.approx(-2 * (np.e - 1) ** 0.5, abs=1e-5)  # where ln(1 + x^2/4) = 1
    edges = np.array(found.pieces).ravel()
    np.testing.assert_allclose([2 * float(bumped({"x": x})) for x in edges], 1.0, atol=2e-6)


def test_curvature_intervals_are_symmetric():
    found, result = interval(peak(), OBSERVED, "s", method="hesse", level=0.95), fit(peak(), OBSERVED)
    half = threshold(0.95) ** 0.5 * result.errors["s"]
    np.testing.assert_allclose((found.lower, found.upper), result.values["s"] + np.array([-half, half]), rtol=1e-8)
    assert found.method == "hesse"
    cut = interval(counting(), [1], "s", method="hesse", level=0.95)
    assert (cut.lower, cut.lower_open) == (0.0, True)
    flat = interval(twins(), [5, 10], "a", method="hesse")
    assert (flat.lower, flat.upper) == (-np.inf, np.inf)
    assert "no error of a; use the profile method" in flat.flags["open_interval"]


def test_the_interval_of_a_joint_is_no_longer_than_its_parts():
    control = PoissonCounts(LinearTemplates.of({"b": [40.0, 40.0]}, parameters={"b": peak().space["b"]}))
    both = interval(Joint({"a": peak(), "c": control}), {"a": OBSERVED, "c": [41, 38]}, "b")
    alone = interval(peak(), OBSERVED, "b")
    assert both.upper - both.lower < alone.upper - alone.lower


def test_rescaling_a_parameter_rescales_its_ends():
    one = interval(counting(), [5], "s")
    scaled = PoissonCounts(LinearTemplates.of({"s": [0.01]}, parameters={"s": Parameter("s", 400.0, lower=0.0)}))
    two = interval(scaled, [5], "s")
    np.testing.assert_allclose((two.lower / 100, two.upper / 100), (one.lower, one.upper), rtol=1e-6)


def test_huge_counts_have_intervals():
    likelihood = PoissonCounts(LinearTemplates.of({"s": [1e12]}))
    found = interval(likelihood, [1e12], "s", level=ONE_SIGMA)
    assert found.status is Status.OK
    np.testing.assert_allclose((found.lower - 1, found.upper - 1), [-1e-6, 1e-6], rtol=1e-5)


@pytest.mark.parametrize("minimiser", [Newton(curvature="exact"), Minuit()])
def test_other_minimisers_find_the_same_ends(minimiser):
    one, two = (interval(peak(), OBSERVED, "s", minimiser=m) for m in (None, minimiser))
    np.testing.assert_allclose((one.lower, one.upper), (two.lower, two.upper), atol=1e-5)


def test_no_free_parameter_has_no_interval():
    found = intervals(peak(), OBSERVED, space=peak().space.fix(s=1.0, b=1.0))
    assert found.items == ()
    assert found.how == "no free parameter"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: interval(peak(), OBSERVED, "x"), UnknownName, "no parameter 'x'"),
        (lambda: interval(peak(), OBSERVED, "s", level=1.0), InvalidOption, r"level 1\.0 lies outside \(0, 1\)"),
        (
            lambda: interval(peak(), OBSERVED, "s", space=peak().space.fix(s=1.0)),
            InvalidOption,
            "parameter 's' is fixed and has no interval; release it first",
        ),
        (
            lambda: of(lambda v: v["x"] * jnp.nan, line()),
            FitFailed,
            "the likelihood is not finite at the start",
        ),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("make", [peak, systematics])
@pytest.mark.parametrize(("level", "change"), [(0.6827, {}), (0.9973, {}), (0.95, {"b": {"upper": 1.05}})])
def test_many_lanes_leap_to_where_they_would_walk(monkeypatch, make, level, change):
    likelihood, arrived = make(), []
    space = likelihood.space
    for name, bounds in change.items():
        space = space.replace(name, **bounds)

    def leap(*given):
        arrived.append(leap_to_crossings(*given))
        return arrived[-1]

    monkeypatch.setattr(crossings, "leap_to_crossings", leap)
    monkeypatch.setattr(crossings, "_MANY", np.inf)
    walked = intervals(likelihood, OBSERVED, level=level, space=space)
    assert not arrived
    monkeypatch.setattr(crossings, "_MANY", 0)
    leapt = intervals(likelihood, OBSERVED, level=level, space=space)
    assert (arrived[0].arrived | arrived[0].at_limit).mean() > 0.9
    for one, other in zip(walked.items, leapt.items, strict=True):
        assert (one.lower_open, one.upper_open, set(one.flags)) == (
            other.lower_open,
            other.upper_open,
            set(other.flags),
        )
        # both miss the threshold by a millionth of it, before a last step
        np.testing.assert_allclose(
            (one.lower, one.upper), (other.lower, other.upper), atol=1e-6 * (one.upper - one.lower)
        )
        assert all(abs(r) <= 1e-6 * other.threshold for r in other.residuals if np.isfinite(r))
