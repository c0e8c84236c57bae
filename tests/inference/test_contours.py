"""Contours of two parameters lie on their threshold."""

import numpy as np
import pytest

from tests.inference.models import OBSERVED, peak, plane, systematics, twins
from wilks._base.errors import InvalidOption
from wilks.inference.contours import contour
from wilks.inference.fitting import _Function, fit
from wilks.inference.intervals import interval
from wilks.inference.probabilities import threshold
from wilks.inference.profiles import profile


def heights(likelihood, points, names):
    """2 delta nll of the profile at each point."""
    return np.array([float(profile(likelihood, OBSERVED, names, ([x], [y])).delta[0, 0]) for x, y in points])


@pytest.mark.parametrize("level", [0.6827, 0.95])
def test_points_lie_on_the_two_dimensional_threshold(level):
    found = contour(systematics(), OBSERVED, ("mu", "b"), level=level)
    assert found.dof == 2
    assert found.threshold == threshold(level, 2)
    (piece,) = found.pieces
    np.testing.assert_array_equal(piece[0], piece[-1])  # closed
    np.testing.assert_allclose(heights(systematics(), piece[::13], ("mu", "b")), found.threshold, rtol=1e-5)
    assert not found.at_bound[0].any()


def test_projections_at_one_degree_of_freedom_are_the_intervals():
    found = contour(peak(), OBSERVED, ("s", "b"), dof=1)
    for k, name in enumerate(("s", "b")):
        one = interval(peak(), OBSERVED, name)
        width = one.upper - one.lower
        extent = found.pieces[0][:, k].min(), found.pieces[0][:, k].max()
        # 64 rays miss the extreme point by at most half a step: 1 - cos(pi/64) of the half width
        np.testing.assert_allclose(extent, (one.lower, one.upper), atol=1e-3 * width)


def test_points_on_a_bound_are_marked():
    space = peak().space.replace("s", lower=0.8, start=1.0)
    found = contour(peak(), OBSERVED, ("s", "b"), space=space, level=0.95)
    assert found.at_bound[0].any()
    assert (found.pieces[0][:, 0] >= 0.8).all()
    np.testing.assert_array_equal(found.at_bound[0], found.pieces[0][:, 0] == 0.8)
    assert "rays end at a bound" in found.flags["open_contour"]


def test_a_region_without_end_says_so():
    found = contour(twins(), [5, 10], ("a", "b"))
    assert "far out, before they reach the threshold" in found.flags["open_contour"]
    assert not found.at_bound[0].any()


def test_a_curve_that_is_no_star_is_taken_from_a_grid():
    def banana(values):
        return 0.5 * (values["y"] - values["x"] ** 2) ** 2 / 0.01 + 0.5 * values["x"] ** 2 / 4

    likelihood = _Function(plane(), banana, 1.0)
    found = contour(likelihood, np.zeros(0), ("x", "y"), level=0.6827)
    assert "grid_contour" in found.flags
    x, y = np.concatenate(found.pieces).T
    on_curve = 2 * np.array([float(banana({"x": a, "y": b})) for a, b in zip(x, y, strict=True)])
    assert np.median(on_curve) == pytest.approx(found.threshold, rel=0.3)  # straight pieces between 61 nodes


def test_the_best_point_is_that_of_the_fit():
    found, best = contour(peak(), OBSERVED, ("b", "s")), fit(peak(), OBSERVED)
    assert found.best == (best.values["b"], best.values["s"])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: contour(peak(), OBSERVED, ("s", "s")), "two different free parameters"),
        (lambda: contour(peak(), OBSERVED, ("s", "b"), space=peak().space.fix(b=1.0)), "two different free parameters"),
        (lambda: contour(peak(), OBSERVED, ("s", "b"), level=0.0), "lies outside"),
        (lambda: contour(peak(), OBSERVED, ("s", "b"), dof=0), "dof 0 is less than 1"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(InvalidOption, match=message):
        call()
