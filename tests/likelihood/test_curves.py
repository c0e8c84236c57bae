import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidData
from wilks.likelihood.curve_table import CurveTable
from wilks.likelihood.curves import (
    curve_through,
    function_curve,
    gaussian_curve,
    split_normal_curve,
    tabulated_curve,
)

GRID = np.array([0.0, 0.4, 0.9, 1.3, 1.6, 2.0, 2.5, 3.1, 3.6, 4.0])
SKEWED = 3.0 + 8.0 * (GRID - 1.7) ** 2 + 1.5 * (GRID - 1.7) ** 3  # a cubic, which cubic splines reproduce
ANGLES = np.linspace(-180.0, 180.0, 73)
WAVE = 5.0 - 4.0 * np.cos(np.radians(ANGLES - 130.0)) + np.cos(np.radians(2 * ANGLES))

FAMILY = {
    "gaussian": lambda: gaussian_curve(0.4, 0.3),
    "split": lambda: split_normal_curve(0.4, 0.3, 0.1),
    "table": lambda: tabulated_curve(GRID, SKEWED, window=40.0),
    "cut table": lambda: tabulated_curve(GRID, SKEWED, window=9.0),
    "periodic": lambda: tabulated_curve(ANGLES, WAVE, period=360.0),
    "quoted": lambda: curve_through([0.2, 0.4, 0.6, 0.9], [-2.0, 0.0, 1.0, 3.0]),
    "quoted, periodic": lambda: curve_through([124, 171, 212, 238, 364], [-3.0, -1.0, 0.0, 1.0, 3.0], period=360.0),
    "function": lambda: function_curve(lambda x: 2 + math.cosh(x), -3.0, 4.0),
}


def span(curve):
    if math.isfinite(curve.period):
        return curve.best - 1.2 * curve.period, curve.best + 1.2 * curve.period
    return curve.best - 12 * curve.sigma, curve.best + 12 * curve.sigma


@pytest.mark.parametrize("name", FAMILY)
def test_a_curve_is_zero_at_its_best_value_and_nowhere_negative(name):
    curve = FAMILY[name]()
    assert curve(curve.best) < 1e-12  # rounding of a minimum
    assert (curve(np.linspace(*span(curve), 5001)) >= 0).all()


@pytest.mark.parametrize("name", FAMILY)
def test_a_curve_has_no_jumps_and_no_kinks_except_where_errors_differ(name):
    curve = FAMILY[name]()
    table = CurveTable.of([curve])
    edges = [edge for edge in (*curve.knots, curve.lower, curve.upper) if math.isfinite(edge)]
    step = 1e-9 * curve.sigma
    evaluate = jax.jit(jax.vmap(lambda u: table.evaluate(u[None])))
    one, two = evaluate(np.array(edges) - step), evaluate(np.array(edges) + step)
    # across 2e-9 sigma a slope below 1e2/sigma and a curvature below 1e4/sigma^2 change less than this
    np.testing.assert_allclose(one.value, two.value, atol=1e-6)
    np.testing.assert_allclose(one.slope * curve.sigma, two.slope * curve.sigma, atol=1e-4)


@pytest.mark.parametrize("name", FAMILY)
def test_compiled_curves_agree_with_plain_ones_and_differentiate(name):
    curve = FAMILY[name]()
    points = np.random.default_rng(3).uniform(*span(curve), 400)
    table = CurveTable.of([curve, gaussian_curve(0.0, 1.0)])
    found = jax.jit(jax.vmap(lambda u: table.evaluate(jnp.stack([u, u]))))(points)
    np.testing.assert_allclose(found.value[:, 0], curve(points), rtol=1e-9, atol=1e-9)
    step = 1e-6 * curve.sigma
    ahead, behind = (curve(points + move) for move in (step, -step))
    # central differences: rounding 1e-14 x 1e3 / step, curvature jumps at knots
    np.testing.assert_allclose(found.slope[:, 0] * curve.sigma, (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-4)
    weight = np.asarray(jax.vmap(lambda values: values.weight)(found))
    assert (weight >= 0).all()
    assert np.isfinite(weight).all()


def test_a_spline_follows_its_table_minus_its_own_minimum():
    curve = tabulated_curve(GRID, SKEWED, window=1e9)
    # the cubic's minimum is at 1.7, below the lowest point of the table
    assert curve.best == pytest.approx(1.7, abs=1e-12)
    np.testing.assert_allclose(curve(GRID), SKEWED - 3.0, atol=1e-12)
    curve = tabulated_curve(ANGLES, WAVE, period=360.0)
    offset = WAVE[10] - curve(ANGLES[10])
    np.testing.assert_allclose(curve(ANGLES), WAVE - offset, atol=1e-12)
    np.testing.assert_allclose(curve(ANGLES + 720.0), curve(ANGLES), atol=1e-10)  # rounding of the wrap


def test_beyond_the_window_a_curve_grows_from_its_edge_by_the_stated_formula():
    curve = tabulated_curve(GRID, SKEWED, window=9.0)
    assert (curve.lower, curve.upper) == (0.9, 2.5)
    edge, beyond = 2.5, 0.7
    value, slope = 8 * 0.8**2 + 1.5 * 0.8**3, 16 * 0.8 + 4.5 * 0.8**2
    expected = value + slope * beyond + (beyond / curve.sigma) ** 2
    assert float(curve(edge + beyond)) == pytest.approx(expected, rel=1e-12)


@given(best=st.floats(-5, 5), minus=st.floats(0.01, 3), plus=st.floats(0.01, 3))
def test_a_split_normal_has_its_errors_as_limits(best, minus, plus):
    ((low, high),) = split_normal_curve(best, minus, plus).interval(1.0)
    assert low == pytest.approx(best - minus, abs=1e-8)
    assert high == pytest.approx(best + plus, abs=1e-8)


def test_intervals_come_in_pieces_and_through_the_end_of_a_cycle():
    points = [0.435, 0.457, 0.470, 0.4878, 0.5121, 0.5388, 0.551, 0.5608, 0.585]
    roots = [-3.0, -1.0, 0.0, 1.0, 2.466**0.5, 1.0, 0.472**0.5, 1.0, 3.0]
    quoted = curve_through(points, roots)
    np.testing.assert_allclose(quoted.interval(1.0), [(0.457, 0.4878), (0.5388, 0.5608)], atol=1e-5)
    np.testing.assert_allclose(quoted.interval(9.0), [(0.435, 0.585)], atol=1e-5)
    assert float(quoted(0.551)) == pytest.approx(0.472, abs=1e-3)
    turning = curve_through([300, 340, 380], [-1.0, 0.0, 1.0], period=360.0)
    np.testing.assert_allclose(turning.interval(1.0), [(300, 380)], atol=1e-6)


@pytest.mark.parametrize("name", FAMILY)
def test_draws_follow_the_density(name):
    curve = FAMILY[name]()
    table, n = CurveTable.of([curve]), 20000
    uniform = (np.arange(n) + 0.5) / n  # evenly spread, so that averages are integrals
    drawn = jax.jit(jax.vmap(lambda u: table.draw(u[None])[0]))(uniform)
    grid = np.linspace(*span(curve), 200001)
    if math.isfinite(curve.period):
        grid = np.linspace(curve.best - curve.period / 2, curve.best + curve.period / 2, 200001)
    density = np.exp(-0.5 * curve(grid))
    norm = density.sum() * (grid[1] - grid[0])
    assert float(table.log_norm[0]) == pytest.approx(np.log(norm), abs=1e-3)  # Simpson against a fine sum
    mean = (grid * density).sum() / density.sum()
    width = np.sqrt(((grid - mean) ** 2 * density).sum() / density.sum())
    # the tabulated distribution has 1024 steps; the last quantiles of a tail miss a few 1e-4 of the width
    assert float(np.mean(drawn)) == pytest.approx(mean, abs=2e-3 * width)
    assert float(np.std(drawn)) == pytest.approx(width, rel=3e-3)
    slope = jax.vmap(lambda u: table.evaluate(u[None]).slope[0])(drawn)
    assert abs(float(np.mean(slope))) < 3e-3 / curve.sigma  # the score has mean zero


@pytest.mark.parametrize(
    ("points", "chi2", "message"),
    [
        ([0, 1, 2], [1, 0, 1], "four rows or more"),
        ([0, 1, 1, 2], [1, 0, 1, 2], "row 2 is not above"),
        ([0, 1, 2, 3], [1, np.nan, 1, 2], "row 1 is not finite"),
        ([0, 1, 2, 3], [1e6, 0, 1e6, 1e6], "give a finer table"),
    ],
)
def test_bad_tables_are_refused_with_the_row(points, chi2, message):
    with pytest.raises(InvalidData, match=message):
        tabulated_curve(points, chi2)


def test_a_cycle_needs_both_its_ends():
    with pytest.raises(InvalidData, match="needs both its ends"):
        tabulated_curve(ANGLES[:-1], WAVE[:-1], period=360.0)
    with pytest.raises(InvalidData, match="differ"):
        tabulated_curve(ANGLES, WAVE + 1e-3 * ANGLES, period=360.0)


def test_functions_that_are_no_chi_square_are_refused_with_point_and_value():
    with pytest.raises(InvalidData, match=r"gives -1\.0 at 0; "):
        function_curve(lambda x: -1.0 if x == 0 else 1.0, 0.0, 1.0)
    with pytest.raises(InvalidData, match="gives nan"):
        function_curve(lambda x: math.nan, 0.0, 1.0)
    with pytest.raises(InvalidData, match="positive errors"):
        split_normal_curve(1.0, 0.0, 0.1)
    with pytest.raises(InvalidData, match="increasing pairs"):
        curve_through([1.0, 0.5, 2.0], [-1.0, 0.0, 1.0])
