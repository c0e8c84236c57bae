"""Axes: edges, flow bins, lookup, and what they refuse."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidData, UnknownName
from wilks.data.axes import Category, Regular, Variable, axis_from_edges, same_bins

MASS = Regular(34, 80.0, 250.0, name="m4l", unit="GeV")


def test_regular_axis_has_the_edges_of_linspace():
    np.testing.assert_array_equal(MASS.edges, np.linspace(80, 250, 35))
    assert len(MASS) == 34
    assert MASS[-1] == (245.0, 250.0)
    assert MASS.title == "m4l [GeV]"
    assert MASS.extent == 36


def test_edges_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        MASS.edges[0] = 0.0


def test_value_on_the_last_edge_is_overflow_and_nan_has_no_bin():
    assert MASS.index(np.array([79.9, 80.0, 84.9, 85.0, 250.0, np.nan])).tolist() == [0, 1, 1, 2, 35, -1]


def test_axis_without_flow_loses_values_outside():
    axis = Regular(2, 0.0, 2.0, underflow=False, overflow=False)
    assert axis.index(np.array([-1.0, 0.5, 1.5, 2.0])).tolist() == [-1, 0, 1, -1]


@given(st.floats(-1e6, 1e6))
def test_circular_axis_puts_every_angle_in_a_bin(angle):
    axis = Regular(8, -np.pi, np.pi, underflow=False, overflow=False, circular=True)
    assert 0 <= axis.index(np.array([angle]))[0] < 8


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8, unique=True), st.floats(-2e3, 2e3))
def test_bins_are_closed_below_and_open_above(edges, value):
    axis = Variable(tuple(sorted(edges)))
    place = int(axis.index(np.array([value]))[0]) - 1
    if 0 <= place < len(axis):
        low, high = axis[place]
        assert low <= value < high
    else:
        assert value < axis.edges[0] or value >= axis.edges[-1]


def test_category_axis_finds_labels():
    axis = Category(("4e", "4mu"), name="channel", overflow=True)
    assert axis.index(["4mu", "4e", "other"]).tolist() == [1, 0, 2]
    assert axis.traits.discrete
    assert list(axis) == ["4e", "4mu"]


def test_category_axis_without_overflow_refuses_an_unknown_label():
    with pytest.raises(UnknownName, match="no label '4m'; did you mean '4mu'"):
        Category(("4e", "4mu"), name="channel").index(["4m"])


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ((1.0,), r"edges \[1.0\]; at least 2"),
        ((1.0, 3.0, 2.0), "edge 2.0 follows 3.0"),
        ((1.0, 1.0), "edge 1.0 follows 1.0"),
        ((1.0, np.nan, 2.0), "edge 1 is nan"),
        ((1.0, np.inf), "edge 1 is inf"),
    ],
)
def test_bad_edges_are_named(edges, message):
    with pytest.raises(InvalidData, match=message):
        Variable(edges, name="m")


@pytest.mark.parametrize(("bins", "low", "high"), [(0, 0.0, 1.0), (3, 1.0, 1.0), (3, 2.0, 1.0), (3, np.nan, 1.0)])
def test_bad_regular_axes_are_refused(bins, low, high):
    with pytest.raises(InvalidData, match="axis 'm'"):
        Regular(bins, low, high, name="m")


def test_repeated_label_is_refused():
    with pytest.raises(InvalidData, match="'a' occurs twice"):
        Category(("a", "b", "a"))


def test_axes_are_hashable_values():
    assert len({MASS, Regular(34, 80.0, 250.0, name="m4l", unit="GeV")}) == 1
    assert same_bins(MASS, Variable(tuple(MASS.edges), name="other"))
    assert not same_bins(MASS, Regular(34, 80.0, 251.0))
    assert not same_bins(MASS, Category(tuple("ab")))


def test_even_edges_become_a_regular_axis():
    assert axis_from_edges(MASS.edges, name="m4l", unit="GeV") == MASS
    assert isinstance(axis_from_edges([0, 1, 3]), Variable)
