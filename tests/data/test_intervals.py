"""Binned variables: which value lies in which bin, and what edges are refused."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidData, InvalidOption
from wilks.data.intervals import Intervals

INF = float("inf")
ANY = st.floats(allow_nan=True, allow_infinity=True, width=32)
EDGES = st.lists(st.integers(-40, 40), min_size=2, max_size=90, unique=True).map(lambda e: sorted(x / 4 for x in e))


def one_by_one(edges, value, closed):
    for i, (low, high) in enumerate(pairwise(edges)):
        if (low <= value < high) if closed == "left" else (low < value <= high):
            return i
    return -1


@given(
    EDGES, st.lists(ANY | st.integers(-41, 41).map(lambda x: x / 4), max_size=30), st.sampled_from(["left", "right"])
)
def test_each_value_lies_in_the_bin_that_its_edges_say(edges, values, closed):
    found = Intervals("x", edges, closed=closed).index(values)
    assert found.tolist() == [one_by_one(edges, value, closed) for value in values]


def test_infinite_outer_edges_hold_all_numbers_but_not_nan():
    axis = Intervals("x", [-INF, 0.0, INF])
    assert axis.index([-INF, -1e300, 0.0, 1e300, INF, np.nan]).tolist() == [0, 0, 1, 1, -1, -1]


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ([0.0, 1.0, 1.0], "'x': edge 2 is 1 and follows 1"),
        ([0.0, 2.0, 1.0], "'x': edge 2 is 1 and follows 2"),
        ([0.0, np.nan], "'x': edge 1 is NaN"),
        ([0.0], "'x': edges \\[0.0\\]; at least 2"),
    ],
)
def test_bad_edges_are_refused_by_name_and_position(edges, message):
    with pytest.raises(InvalidData, match=message):
        Intervals("x", edges)


def test_an_unknown_closed_side_is_refused():
    with pytest.raises(InvalidOption, match="choose one of left, right"):
        Intervals("x", [0, 1], closed="up")


def test_equal_intervals_have_equal_hashes():
    assert Intervals("x", [0, 1]) == Intervals("x", np.array([0.0, 1.0]))
    assert hash(Intervals("x", [0, 1])) == hash(Intervals("x", (0.0, 1.0)))
    assert Intervals("x", [0, 1]) != Intervals("x", [0, 1], closed="right")


def test_a_slice_keeps_its_lower_edges_and_the_last_upper_edge():
    axis = Intervals("x", range(7))
    assert axis.sliced(0, 6, 2).edges == (0, 2, 4, 5)
    assert axis.sliced(1, -1).edges == (1, 2, 3, 4, 5)
    with pytest.raises(InvalidData, match="keeps none"):
        axis.sliced(3, 3)


def test_centers_are_in_the_middle():
    assert Intervals("x", [0, 1, 3]).centers.tolist() == [0.5, 2.0]
    assert np.isnan(Intervals("x", [-INF, INF]).centers).all()
