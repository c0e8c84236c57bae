"""The two minimisers behind fits, on functions whose minima are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wilks.compat.flavorpy.modelfitting.descent import descend
from wilks.compat.flavorpy.modelfitting.objective import Judged
from wilks.compat.flavorpy.modelfitting.simplex import Bounds, minimise_simplices

ANYWHERE = Bounds(np.full(2, -np.inf), np.full(2, np.inf))


def rosenbrock(points):
    x, y = points.T
    return 100.0 * (y - x**2) ** 2 + (1.0 - x) ** 2


def judged_rosenbrock(points):
    x, y = points.T
    slopes = np.stack([np.stack([-20.0 * x, np.full_like(x, 10.0)]), np.stack([-np.ones_like(x), np.zeros_like(x)])])
    residual = np.stack([10.0 * (y - x**2), 1.0 - x])
    gradient = 2.0 * np.einsum("rl,rpl->lp", residual, slopes)
    weight = 2.0 * np.einsum("rpl,rql->lpq", slopes, slopes)
    value = np.sum(residual**2, axis=0)
    return Judged(value, value, gradient, weight)


def kinked(points):
    x, y = points.T
    return np.abs(x - 0.3) + 5.0 * np.abs(y + 0.2) + 0.1 * (x + y) ** 2


def simplices(centres, size=0.5):
    return centres[:, None] + size * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])


def test_descents_reach_the_end_of_a_curved_valley_from_anywhere():
    start = np.random.default_rng(1).uniform(-2.0, 2.0, (40, 2))
    ends = descend(judged_rosenbrock, start, np.ones(2, dtype=bool), ANYWHERE, steps=300)
    assert ends.settled.all()
    assert ends.theta == pytest.approx(np.ones((40, 2)), abs=1e-6)


def test_descents_keep_bounds_and_held_parameters():
    bounds = Bounds(np.array([-1.0, -1.0]), np.array([0.5, 2.0]))
    start = np.array([[-0.5, 1.0], [0.0, 0.0]])
    ends = descend(judged_rosenbrock, start, np.ones(2, dtype=bool), bounds, steps=300)
    assert ends.theta == pytest.approx(np.array([[0.5, 0.25]] * 2), abs=1e-6)
    held = descend(judged_rosenbrock, start, np.array([False, True]), ANYWHERE, steps=300)
    assert held.theta[:, 0].tolist() == start[:, 0].tolist()
    assert held.theta[:, 1] == pytest.approx(start[:, 0] ** 2, abs=1e-6)


def test_starts_without_a_value_stay_and_are_not_settled():
    def nowhere(points):
        judged = judged_rosenbrock(points)
        return judged._replace(smooth=np.where(points[:, 0] > 1.5, np.inf, judged.smooth))

    ends = descend(nowhere, np.array([[1.9, 0.0], [0.0, 0.0]]), np.ones(2, dtype=bool), ANYWHERE, steps=300)
    assert ends.settled.tolist() == [False, True]
    assert ends.theta[0].tolist() == [1.9, 0.0]


@settings(max_examples=20)
@given(st.floats(-3, 3), st.floats(-3, 3))
def test_simplices_find_a_kink(x, y):
    theta, value = minimise_simplices(kinked, simplices(np.array([[x, y]])), ANYWHERE)
    for size in (0.1, 0.01):  # a simplex may flatten on a kink; a new one goes on
        theta, value = minimise_simplices(kinked, simplices(theta, size), ANYWHERE)
    assert theta[0] == pytest.approx([0.3, -0.2], abs=1e-5)
    assert value[0] == pytest.approx(kinked(theta)[0])


def test_lanes_do_not_know_of_one_another():
    centres = np.random.default_rng(2).uniform(-1.0, 1.0, (5, 2))
    together, _ = minimise_simplices(rosenbrock, simplices(centres), ANYWHERE)
    for lane in range(5):
        alone, _ = minimise_simplices(rosenbrock, simplices(centres[lane : lane + 1]), ANYWHERE)
        assert (alone == together[lane]).all()


def test_simplices_stay_within_bounds_and_give_up_where_there_is_no_value():
    bounds = Bounds(np.array([-1.0, 0.0]), np.array([0.1, 1.0]))
    theta, _ = minimise_simplices(kinked, simplices(np.array([[0.0, 0.5]])), bounds)
    assert theta[0] == pytest.approx([0.1, 0.0], abs=1e-6)
    nowhere = minimise_simplices(lambda points: np.full(len(points), np.inf), simplices(np.zeros((1, 2))), ANYWHERE)
    assert nowhere[1].tolist() == [np.inf]
