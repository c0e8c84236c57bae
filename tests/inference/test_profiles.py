"""Scans: profiles and slices of one and two parameters."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inference.models import OBSERVED, double_well, line, peak, systematics
from wilks._base.errors import InvalidOption, UnknownName
from wilks.inference import profiles
from wilks.inference.fitting import _Function, fit, fit_many
from wilks.inference.profiles import profile, profile_many
from wilks.likelihood.binned import CountsData
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.joint import Joint
from wilks.model.linear import LinearTemplates


def test_a_profile_is_the_conditional_fit_at_each_node():
    grid = [0.2, 0.7, 1.3]
    scan, best = profile(systematics(), OBSERVED, "mu", grid), fit(systematics(), OBSERVED)
    for node, value in enumerate(grid):
        held = fit(systematics(), OBSERVED, space=systematics().space.fix(mu=value))
        assert scan.delta[node] == pytest.approx(2 * (held.excess - best.excess), abs=1e-7)
        np.testing.assert_allclose(scan.theta[node], held.theta, atol=2e-4)
    assert scan.best_nll == best.nll
    assert (scan.delta >= 0).all()


def test_a_slice_lies_above_the_profile():
    grid = np.linspace(0.3, 1.8, 7)
    one, two = (profile(peak(), OBSERVED, "s", grid, fixed_others=f) for f in (False, True))
    assert (two.delta >= one.delta - 1e-9).all()
    np.testing.assert_allclose(two.theta[:, 1], fit(peak(), OBSERVED).values["b"], rtol=1e-12)


def test_the_default_grid_spans_three_errors_inside_the_bounds():
    scan, best = profile(peak(), OBSERVED, "s"), fit(peak(), OBSERVED)
    assert len(scan.grid[0]) == 41
    np.testing.assert_allclose(scan.grid[0][[0, -1]], best.values["s"] + 3 * best.errors["s"] * np.array([-1, 1]))
    cut = profile(peak(), OBSERVED, "s", space=peak().space.replace("s", lower=0.9))
    assert cut.grid[0][0] == 0.9


def test_two_parameters_make_a_map():
    grid = ([0.5, 1.0, 1.5], [0.9, 1.1])
    scan = profile(systematics(), OBSERVED, ("mu", "b"), grid)
    assert scan.delta.shape == (3, 2)
    space = systematics().space.fix(mu=1.5, b=0.9)
    held, best = fit(systematics(), OBSERVED, space=space), fit(systematics(), OBSERVED)
    assert scan.delta[2, 0] == pytest.approx(2 * (held.excess - best.excess), abs=1e-7)
    assert profile(peak(), OBSERVED, ("s", "b"), points=4).delta.shape == (4, 4)


def test_a_lower_minimum_on_the_grid_is_adopted():
    likelihood = _Function(line(), double_well, 1.0)
    scan = profile(likelihood, np.zeros(0), "x", np.linspace(-1.5, 1.5, 31), space=line(0.9))
    assert scan.best[0] < 0
    assert "moved_minimum" in scan.flags
    assert scan.delta.min() >= 0


@settings(max_examples=5)
@given(control=st.lists(st.integers(20, 60), min_size=2, max_size=2), s=st.floats(0.2, 2.0))
def test_the_profile_of_a_joint_exceeds_the_sum_of_its_parts_profiles(control, s):
    shared = LinearTemplates.of({"s": [10.0, 1.0], "b": [30.0, 40.0]}, parameters={n: peak().space[n] for n in "sb"})
    parts = {"a": peak(), "c": PoissonCounts(shared)}
    data = {"a": OBSERVED, "c": control}
    together = profile(Joint(parts), data, "s", [s]).delta[0]
    apart = sum(profile(part, data[name], "s", [s]).delta[0] for name, part in parts.items())
    # nll of the joint at s is at least the sum of the parts' minima at s; each delta refers to its own minimum
    lowest = 2 * (fit(Joint(parts), data).excess - sum(fit(p, data[n]).excess for n, p in parts.items()))
    assert lowest >= -1e-8
    assert together + lowest >= apart - 1e-7


def test_profiles_of_unshared_parts_add_up():
    other = PoissonCounts(LinearTemplates.of({"c": [20.0, 40.0]}))
    grid = [0.5, 1.5]
    joint = profile(Joint({"a": peak(), "b": other}), {"a": OBSERVED, "b": [22, 37]}, "s", grid)
    np.testing.assert_allclose(joint.delta, profile(peak(), OBSERVED, "s", grid).delta, atol=1e-7)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: profile(peak(), OBSERVED, "mu"), UnknownName, "no parameter 'mu'"),
        (lambda: profile(peak(), OBSERVED, ("s", "s")), InvalidOption, "one parameter or two different ones"),
        (lambda: profile(peak(), OBSERVED, "s", [np.nan]), InvalidOption, "the grid must hold finite values"),
        (lambda: profile(peak(), OBSERVED, "s", []), InvalidOption, "the grid must hold finite values"),
        (lambda: profile(peak(), OBSERVED, "s", [-2.0, 1.0]), InvalidOption, r"outside the bounds \[-1, 10\]; cut it"),
        (
            lambda: profile(peak(), OBSERVED, "s", space=peak().space.fix(s=1.0)),
            InvalidOption,
            "parameter 's' is fixed; release it to scan it",
        ),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize("model", [peak, systematics])
def test_profiles_of_many_sets_are_those_of_each(model):
    likelihood, name = model(), model().space.names[0]
    sets, grid = np.random.default_rng(1).poisson(OBSERVED, (5, len(OBSERVED))), np.linspace(0.2, 2.0, 6)
    table = profile_many(likelihood, sets, name, grid)
    assert table.converged.all()
    for lane, counts in enumerate(sets):
        one = profile(likelihood, counts, name, grid)
        # tables are fitted to an EDM of 1e-6, and delta is twice -ln L
        np.testing.assert_allclose(table.delta[lane], one.delta, atol=5e-6)
        np.testing.assert_allclose(table.best_nll[lane], one.best_nll, atol=2e-6)
    np.testing.assert_allclose(table.p_values()[0], profile(likelihood, sets[0], name, grid).p_values(1), atol=1e-5)


def test_profiles_of_many_sets_keep_lanes_that_fail_and_adopt_lower_minima(monkeypatch):
    sets = np.array([OBSERVED, OBSERVED, OBSERVED], dtype=float)
    data = CountsData(sets, np.zeros((3, 0)), np.zeros((3, 0)))
    known = profile_many(peak(), data, "s", [0.5, 1.0])
    sets[1] = np.nan
    table = profile_many(peak(), data, "s", [0.5, 1.0])
    assert table.converged.tolist() == [True, False, True]
    np.testing.assert_array_equal(table.delta[::2], known.delta[::2])

    def astray(*arguments, **options):  # free fits that have ended too high in one lane
        free = fit_many(*arguments, **options)
        off = np.array([0.0, 3.0, 0.0])
        return dataclasses.replace(free, excess=free.excess + off, nll=free.nll + off)

    monkeypatch.setattr(profiles, "fit_many", astray)
    moved = profile_many(peak(), np.stack([OBSERVED] * 3), "s", [0.5, 1.0])
    assert "in 1 of 3" in moved.flags["moved_minimum"]
    np.testing.assert_allclose(moved.delta, known.delta, atol=5e-6)  # as above
    np.testing.assert_allclose(moved.best_nll, known.best_nll, atol=2e-6)


def test_profiles_of_many_sets_refuse_grids_outside_and_fixed_parameters():
    with pytest.raises(InvalidOption, match="outside the bounds"):
        profile_many(peak(), [OBSERVED], "s", [-1e9])
    with pytest.raises(InvalidOption, match="fixed; release"):
        profile_many(peak(), [OBSERVED], "s", [1.0], space=peak().space.fix(s=1.0))
