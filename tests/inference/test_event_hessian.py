"""Tests of second derivatives by differences of gradients."""

import numpy as np

from wilks.inference.event_hessian import hessian_by_differences
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

CURVATURE = np.array([[4.0, 1.0, 0.5], [1.0, 2.0, -0.3], [0.5, -0.3, 1.0]])
BEST = np.array([0.2, 0.5, -0.1])
SPACE = ParameterSpace(tuple(Parameter(name, 0.1, lower=-2.0, upper=2.0) for name in "abc"))
CALLS: list[int] = []


def slopes(points):
    CALLS.append(len(points))
    return (points - BEST) @ CURVATURE


def test_of_a_parabola():
    CALLS.clear()
    found = hessian_by_differences(slopes, SPACE, BEST)
    np.testing.assert_allclose(found, CURVATURE, rtol=1e-9)  # rounding of differences of 0.006
    assert CALLS == [6]  # bounds of two to four errors: the first steps do


def test_what_is_missing_is_taken_by_symmetry():
    def partly(points):
        found = slopes(points)
        found[points[:, 1] == BEST[1], 1] = (
            np.nan
        )  # where the second parameter does not move, its derivative is not known
        return found

    found = hessian_by_differences(partly, SPACE, BEST, tabulated=(1,))
    np.testing.assert_allclose(found, CURVATURE, rtol=1e-9)
