"""Columns of events: ragged arithmetic and reductions against plain lists, and what they refuse."""

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidData, UnknownName
from wilks.data.events import Events, Ragged

LISTS = st.lists(st.lists(st.floats(-100, 100), max_size=5), min_size=1, max_size=12)
PT = Ragged(np.array([40.0, 30.0, 20.0, 25.0]), np.array([0, 2, 2, 4]))


def as_lists(column):
    return [column.values[a:b].tolist() for a, b in zip(column.offsets[:-1], column.offsets[1:], strict=True)]


@given(LISTS)
def test_reductions_agree_with_plain_lists(lists):
    column = Ragged.from_lists(lists)
    # sums of at most five numbers below 100, in the same order
    np.testing.assert_allclose(column.sum(), [sum(row) for row in lists], atol=1e-12)
    assert column.max().tolist() == [max(row, default=-np.inf) for row in lists]
    assert column.min().tolist() == [min(row, default=np.inf) for row in lists]
    assert column.counts().tolist() == [len(row) for row in lists]
    assert column.argmax().tolist() == [row.index(max(row)) if row else -1 for row in lists]
    assert as_lists(column.sort(descending=True)) == [sorted(row, reverse=True) for row in lists]
    positive = column > 0
    assert positive.any().tolist() == [any(x > 0 for x in row) for row in lists]
    assert positive.all().tolist() == [all(x > 0 for x in row) for row in lists]
    assert positive.count().tolist() == [sum(x > 0 for x in row) for row in lists]
    assert as_lists(column[positive]) == [[x for x in row if x > 0] for row in lists]


@given(LISTS, st.data())
def test_events_are_kept_by_mask_positions_and_slice(lists, data):
    column = Ragged.from_lists(lists)
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(lists), max_size=len(lists))))
    assert as_lists(column[mask]) == [row for row, kept in zip(lists, mask, strict=True) if kept]
    assert as_lists(column[np.flatnonzero(mask)[::-1]]) == as_lists(column[mask])[::-1]
    assert as_lists(column[1:]) == lists[1:]


@given(LISTS, st.integers(0, 6))
def test_padding_keeps_the_first_values(lists, k):
    padded = Ragged.from_lists(lists).to_padded(k, np.nan)
    expected = [(row + [np.nan] * k)[:k] for row in lists]
    np.testing.assert_array_equal(padded, np.array(expected).reshape(len(lists), k))


def test_arithmetic_broadcasts_scalars_event_columns_and_equal_shapes():
    assert as_lists(2 * PT / 10)[0] == [8.0, 6.0]
    assert as_lists(PT - np.array([1.0, 2.0, 3.0])) == [[39.0, 29.0], [], [17.0, 22.0]]
    assert as_lists(PT / PT) == [[1.0, 1.0], [], [1.0, 1.0]]
    assert as_lists(np.abs(-PT)) == as_lists(PT)
    assert as_lists((PT > 22) & ~(PT > 35)) == [[False, True], [], [False, True]]


def test_sums_of_small_unsigned_integers_do_not_wrap():
    types = Ragged(np.array([13, 13, 11, 11], dtype=np.uint32), np.array([0, 4]))
    assert types.sum().tolist() == [48]
    assert types.sort(descending=True).values.tolist() == [13, 13, 11, 11]


def test_sorting_is_stable():
    column = Ragged(np.array([1.0, 2.0, 1.0, 2.0]), np.array([0, 4]))
    assert column.argsort(descending=True).values.tolist() == [1, 3, 0, 2]


def test_columns_follow_the_order_of_another():
    order = PT.argsort()
    charge = PT.like(np.array([1, 2, 3, 4]))
    assert as_lists(charge.take(order)) == [[2, 1], [], [3, 4]]


@given(LISTS)
def test_awkward_round_trip(lists):
    array = ak.Array(lists) if any(lists) else ak.values_astype(ak.Array([[0.0], *lists])[1:], np.float64)
    column = Ragged.from_awkward(array)
    assert as_lists(column) == lists
    assert ak.to_list(column.to_awkward()) == lists


@pytest.mark.parametrize(
    ("values", "offsets", "message"),
    [
        ([1.0, 2.0], [0, 2, 1, 2], "fall from 2 to 1 at event 1"),
        ([1.0, 2.0], [0, 1], "last offset is 1, but there are 2 values"),
        ([1.0], [1, 1], "first offset 0"),
    ],
)
def test_offsets_that_do_not_fit_are_refused(values, offsets, message):
    with pytest.raises(InvalidData, match=message):
        Ragged(np.array(values), np.array(offsets))


def test_shapes_that_do_not_fit_are_refused():
    other = Ragged(PT.values, np.array([0, 1, 2, 4]))
    with pytest.raises(InvalidData, match="different numbers of values"):
        PT + other
    with pytest.raises(InvalidData, match=r"shape \(2,\) cannot be combined with 3 events"):
        PT + np.array([1.0, 2.0])
    with pytest.raises(InvalidData, match="filtered by a ragged column of bool"):
        PT[PT]


def test_events_of_unequal_lengths_are_refused():
    with pytest.raises(InvalidData, match=r"file.root: columns of unequal lengths .* ends at event 12"):
        Events({"a": np.zeros(3), "b": np.zeros(2)}, source="file.root", first=10)


def test_counter_that_disagrees_names_the_event():
    counter = np.array([2, 0, 3], dtype=np.uint32)
    with pytest.raises(InvalidData, match="event 102 has lep_n = 3 but 2 values of lep_pt"):
        Events({"lep_n": counter, "lep_pt": PT}, first=100)


def test_unknown_column_names_the_nearest():
    with pytest.raises(UnknownName, match="no column 'lep_p'; did you mean 'lep_pt'"):
        Events({"lep_pt": PT})["lep_p"]


def test_filtering_a_collection_changes_all_its_columns_and_its_counter():
    events = Events(
        {"lep_pt": PT, "lep_eta": PT * 0.1, "lep_n": np.array([2, 0, 2], dtype=np.uint32), "jet_pt": PT},
        units={"lep_pt": "GeV"},
    )
    hard = events["lep_pt"] > 22
    kept = events.with_collection("lep_", lambda column: column[hard])
    assert kept["lep_n"].tolist() == [2, 0, 1]
    assert as_lists(kept["lep_eta"])[0] == [4.0, 3.0]
    assert kept["jet_pt"] is events["jet_pt"]
    assert (kept.unit("lep_pt"), kept.unit("jet_pt")) == ("GeV", None)
    assert len(kept.where(np.array([True, False, True]), ["lep_pt"])) == 2


def test_columns_cannot_be_replaced_in_place():
    with pytest.raises(TypeError, match="does not support item assignment"):
        Events({"a": np.zeros(1)}).columns["a"] = np.ones(1)
