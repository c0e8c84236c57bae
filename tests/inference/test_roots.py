"""Roots of falling functions, many at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks.inference.roots import falling_roots

ONE = np.ones(1)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=6), st.floats(0.1, 3.0), st.floats(1e-2, 1e2))
def test_every_lane_finds_its_own_root(roots, power, guess):
    target = np.array(roots)

    def function(lane, x):
        return 1 - (x / target[lane]) ** power

    zero = np.zeros(len(target))
    found = falling_roots(function, np.full(len(target), guess), zero, np.ones(len(target)), np.inf, 1e-10)
    assert not found.open_.any()
    assert found.value == pytest.approx(
        target, rel=1e-8
    )  # precision 1e-10 over a slope of at least 0.1 per relative step


def test_a_bound_before_the_root_leaves_the_lane_open():
    found = falling_roots(lambda lane, x: 5 - x, ONE, 0 * ONE, 5 * ONE, 3.0, 1e-9)
    assert found.open_.tolist() == [True]
    assert found.value.tolist() == [3.0]


def test_a_function_that_starts_below_zero_has_its_root_at_the_lower_end():
    found = falling_roots(lambda lane, x: -x, ONE, 0.5 * ONE, -ONE, np.inf, 1e-9)
    assert found.value.tolist() == [0.5]
    assert not found.open_.any()


def test_values_that_are_not_numbers_are_walked_over():
    found = falling_roots(lambda lane, x: np.where(x < 2, np.nan, 5 - x), ONE, 0 * ONE, 5 * ONE, np.inf, 1e-9)
    assert found.value == pytest.approx([5.0], abs=1e-8)


def test_a_function_that_never_falls_is_open():
    found = falling_roots(lambda lane, x: np.ones(len(x)), ONE, 0 * ONE, ONE, np.inf, 1e-9)
    assert found.open_.all()
