"""Filling of binnings: kinds of tables, weights, renamed columns, cuts, events outside, several binnings at once."""

import sys

import awkward as ak
import numpy as np
import pandas as pd
import pytest
import uproot

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.data.batches import BLOCK
from wilks.data.binning import fill_all
from wilks.data.events import Events, Ragged
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.product import Product

X, Y, W = (
    np.array([0.5, 1.5, 1.5, np.nan, 7.0]),
    np.array([0.5, 0.5, 0.5, 0.5, 0.5]),
    np.array([1.0, 2.0, 0.5, 3.0, 4.0]),
)
COLUMNS = {"x": X, "y": Y, "w": W}


def grid():
    return Grid((Intervals("x", [0, 1, 2]), Intervals("y", [0, 1])))


def structured():
    rows = np.zeros(5, dtype=[("x", "f8"), ("y", "f4"), ("w", ">f8")])
    for name, column in COLUMNS.items():
        rows[name] = column
    return rows


TABLES = {
    "columns": lambda: COLUMNS,
    "columns and one number": lambda: {"x": X, "y": 0.5, "w": W},
    "rows": lambda: [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)],
    "structured array": structured,
    "DataFrame": lambda: pd.DataFrame(COLUMNS),
    "awkward records": lambda: ak.zip(COLUMNS),
    "Events": lambda: Events(COLUMNS),
    "stream": lambda: iter([Events(COLUMNS).where(slice(0, 2)), Events(COLUMNS).where(slice(2, 5))]),
}


@pytest.mark.parametrize("table", TABLES)
def test_every_kind_of_table_gives_the_same_contents(table):
    contents = grid().fill(TABLES[table](), weight="w", scale=2.0)
    assert contents.values.tolist() == [2, 5]
    assert contents.entries.tolist() == [1, 2]
    assert contents.sumw2.tolist() == [4, 17]
    assert (contents.report.events, contents.report.outside, contents.report.outside_weight) == (5, 2, 14)


def test_root_trees_are_filled_chunk_by_chunk(tmp_path):
    with uproot.recreate(tmp_path / "t.root") as file:
        file["tree"] = COLUMNS
    with uproot.open(tmp_path / "t.root") as file:
        assert grid().fill(file["tree"], weight="w").values.tolist() == [1, 2.5]


def test_one_event_is_a_mapping_of_numbers():
    assert grid().fill({"x": 0.5, "y": 0.5}, weight=3.0).values.tolist() == [3, 0]
    assert grid().filled_at(x=1.5, y=0.0, value=100.0).values.tolist() == [0, 100]
    with pytest.raises(InvalidData, match=r"lies in no bin \(x = 5, y = 0\)"):
        grid().filled_at({"x": 5, "y": 0})


def test_long_tables_are_filled_in_blocks_with_the_same_sums():
    rng = np.random.default_rng(7)
    n = 2 * BLOCK + 17
    table = {"x": rng.uniform(-1, 3, n), "y": rng.uniform(0, 1, n), "w": rng.integers(1, 5, n)}
    contents = grid().fill(table, weight="w")
    expected = [table["w"][(table["x"] >= low) & (table["x"] < low + 1)].sum() for low in (0, 1)]
    assert contents.values.tolist() == expected  # whole weights: sums are exact in any order
    assert grid().fill(table, weight=table["w"]) == contents


def test_several_binnings_are_filled_at_once():
    reco, truth = grid().project("x"), grid().project("y")
    both = Product((reco, truth))
    together = fill_all([reco, truth, both], COLUMNS, weight="w")
    assert together == [binning.fill(COLUMNS, weight="w") for binning in (reco, truth, both)]


def test_renaming_leaves_the_table_alone():
    table = {"x_3": X, "y": Y}
    assert grid().fill(table, rename={"x_3": "x"}).values.tolist() == [1, 2]
    assert list(table) == ["x_3", "y"]
    row = {"x_3": 0.5, "y": 0.5}
    grid().fill([row], rename={"x_3": "x"})
    assert list(row) == ["x_3", "y"]
    with pytest.raises(UnknownName, match="no column 'x_4' to rename; did you mean 'x_3'"):
        grid().fill(table, rename={"x_4": "x"})


def test_a_cut_sees_renamed_columns_and_may_add_some():
    def cut(table):
        return table.where(table["x"] < 2).with_columns({"y": np.array([0.5, 0.5, 3.0])})

    assert grid().fill({"x_3": X}, rename={"x_3": "x"}, cut=cut).values.tolist() == [1, 1]


def test_constants_are_columns_of_one_value():
    assert grid().fill({"x": X}, constants={"y": 0.5}).values.tolist() == [1, 2]
    assert grid().fill({"x": X}, constants={"y": 0.5}, cut=lambda t: t.where(t["y"] > 0)).values.tolist() == [1, 2]


def test_events_outside_are_refused_on_request():
    with pytest.raises(InvalidData, match=r"event 3 lies in no bin \(x = nan, y = 0.5\)"):
        grid().fill(COLUMNS, outside="error")
    with pytest.raises(InvalidOption, match="choose one of count, error"):
        grid().fill(COLUMNS, outside="drop")


def refined():
    return Grid((Intervals("kind", [-0.5, 0.5, 1.5]),)).refined({1: Grid((Intervals("x", [0, 1, 2]),))})


def test_an_event_inside_a_refined_bin_but_outside_its_child_is_outside():
    contents = refined().fill({"kind": [0, 1, 1], "x": [9.0, 9.0, 1.5]})
    assert contents.values.tolist() == [1, 0, 1]
    assert contents.report.outside == 1


def test_a_column_is_needed_only_by_events_that_reach_its_bins():
    assert refined().fill({"kind": [0, 0]}).values.tolist() == [2, 0, 0]
    assert refined().fill([{"kind": 0}, {"kind": 1, "x": 0.5}]).values.tolist() == [1, 1, 0]
    with pytest.raises(InvalidData, match="no column 'x', which the binning that refines bin 1 needs"):
        refined().fill({"kind": [0, 1]})
    with pytest.raises(InvalidData, match="no value 'x', which the binning that refines bin 1 needs"):
        refined().fill([{"kind": 1, "x": 0.5}, {"kind": 1}])


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ({"x": X}, {}, "no column 'y'"),
        (COLUMNS, {"weight": [1.0, 2.0]}, r"weights of shape \(2,\) for 5 events"),
        (COLUMNS, {"weight": "nothing"}, "no column 'nothing', which the weight needs"),
        (COLUMNS, {"weight": np.array([1, 1, np.inf, 1, 1])}, "weight inf of event 2 is not finite"),
        (COLUMNS, {"weight": np.nan}, "weight nan of event 0 is not finite"),
        ({"x": X, "y": Y[:3]}, {}, "different lengths {'x': 5, 'y': 3}"),
        ({"x": list("abcde"), "y": Y}, {}, "'x' of type .* holds no flat numbers"),
        ({"x": Ragged(X, np.array([0, 2, 2, 5])), "y": 0.5}, {}, "'x' holds several values per event"),
        ("text", {}, "str cannot be filled"),
        (np.zeros(3), {}, "ndarray cannot be filled"),
        (3.0, {}, "float cannot be filled"),
        (ak.Array([1.0, 2.0]), {}, "without records"),
    ],
)
def test_bad_tables_are_refused(table, options, message):
    with pytest.raises(InvalidData, match=message):
        grid().fill(table, **options)


def test_negative_weights_are_allowed():
    assert grid().fill(COLUMNS, weight=-W).values.tolist() == [-1, -2.5]


def test_pandas_is_not_needed(monkeypatch):
    monkeypatch.delitem(sys.modules, "pandas")
    assert grid().fill(COLUMNS).values.tolist() == [1, 2]
