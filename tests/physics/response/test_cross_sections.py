"""Tables of cross sections from functions of the edges of a bin."""

import logging

import numpy as np
import pytest

from wilks._base.errors import InvalidModel
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.product import Product
from wilks.physics.response.cross_sections import cross_section_table

BINS = Product((Grid((Intervals("x", [0, 1, 3]),)), Grid((Intervals("E", [0, 2, np.inf]),))))


def overlap(E_min, E_max, x_min, x_max):
    """Length over which 2 x falls into the range of E."""
    return np.maximum(np.minimum(E_max, 2 * x_max) - np.maximum(E_min, 2 * x_min), 0.0)


def overlap_of_one_bin(E_min, E_max, x_min, x_max):
    if 2 * x_max < E_min or E_max < 2 * x_min:
        return 0.0
    return min(E_max, 2 * x_max) - max(E_min, 2 * x_min)


def test_functions_of_arrays_and_of_one_bin_give_the_same_table(caplog):
    table = cross_section_table(overlap, BINS)
    assert table.tolist() == [2, 0, 0, 4]
    with caplog.at_level(logging.WARNING, logger="wilks"):
        assert np.array_equal(cross_section_table(overlap_of_one_bin, BINS), table)
    assert "overlap_of_one_bin does not work on arrays" in caplog.text


def test_a_function_that_mixes_bins_is_called_bin_by_bin():
    def wrong_on_arrays(E_min, E_max, x_min, x_max):
        return np.max(x_max) * np.ones_like(x_max)

    assert cross_section_table(wrong_on_arrays, BINS).tolist() == [1, 1, 3, 3]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1.0, "cross section -1.0 in the bin x_min = 0, x_max = 1, E_min = 0, E_max = 2"),
        (np.nan, "cross section nan in the bin"),
        (np.inf, "cross section inf in the bin"),
        ([1.0, 2.0], r"shape \(2,\) in the bin"),
    ],
)
def test_bad_cross_sections_name_the_edges(value, message):
    with pytest.raises(InvalidModel, match=message):
        cross_section_table(lambda **edges: value, BINS)


def test_a_function_sees_the_names_of_the_variables():
    assert cross_section_table(lambda x_min, x_max, **rest: x_max - x_min, BINS).tolist() == [1, 1, 2, 2]
