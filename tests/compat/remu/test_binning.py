"""Binnings of the drop-in: index algebra, filling in place, files, and the faults that are not repeated."""

import warnings

import numpy as np
import pandas as pd
import pytest

from wilks._base.errors import InvalidData, InvalidFile, InvalidOption, UnknownName
from wilks.compat.remu import binning


def nested():
    inner = binning.LinearBinning("y", [0, 1, 2, 3])
    grid = binning.RectilinearBinning(["a", "b"], [[0, 1, 2], [0, 0.5, 1]])
    return binning.LinearBinning("x", [0, 1, 2, 4, 8], subbinnings={1: inner, 3: grid})


KINDS = {
    "linear": lambda: binning.LinearBinning("x", [0, 1, 2, 4]),
    "grid": lambda: binning.RectilinearBinning(["x", "y"], [[0, 1, 2], [0, np.inf]]),
    "boxes": lambda: binning.RectangularBinning(["x"], [[(0, 1)], [(2, 3)]], include_upper=True),
    "bins": lambda: binning.Binning([binning.RectangularBin(["x"], [(0, 1)], include_upper=True)]),
    "product": lambda: binning.CartesianProductBinning((nested(), binning.LinearBinning("z", [0, 1, 2]))),
    "nested": nested,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_copied_compared_and_read_back_with_its_contents(kind):
    one = KINDS[kind]()
    one.set_values_from_ndarray(np.arange(one.data_size) * 0.1)
    one.set_entries_from_ndarray(np.arange(one.data_size))
    other = binning.yaml.full_load(binning.yaml.dump(one))
    assert type(other) is type(one)
    assert other == one
    assert one.clone() == one
    other.fill_data_index(0, 2.0)
    assert other != one
    assert other == one.clone(dummy=True), "one without contents is compared by its bins"
    assert np.array_equal((one + one).value_array, 2 * one.value_array)
    assert isinstance(one, binning.Binning)


def test_indices_follow_the_blocks_of_subbinnings():
    b = nested()
    assert (b.nbins, b.data_size) == (4, 9)
    assert [b.get_bin_data_index(i) for i in range(4)] == [0, 1, 4, 5]
    assert [b.get_data_bin_index(i) for i in range(9)] == [0, 1, 1, 1, 2, 3, 3, 3, 3]
    assert [len(chain) for chain in b.iter_subbins()] == [1, 2, 2, 2, 1, 2, 2, 2, 2]
    assert [a.tolist() for a in b.get_adjacent_data_indices()] == [
        [],
        [2],
        [1, 3],
        [2],
        [],
        [6, 7],
        [5, 8],
        [5, 8],
        [6, 7],
    ]
    assert b.get_bin_data_index(None) is None
    assert b.get_event_data_index({"x": 5.0, "a": 1.5, "b": 0.2}) == 7
    assert b.get_event_bin_index({"x": 5.0}) == 3
    assert b.get_event_bin({"x": 9.0}) is None
    assert sorted(b.phasespace.variables) == ["x"]


def test_an_event_outside_of_a_subbinning_is_outside():
    b = nested()
    assert b.get_event_data_index({"x": 1.5, "y": 7.0}) is None
    assert {"x": 1.5, "y": 7.0} not in b
    b.fill([{"x": 1.5, "y": 7.0}, {"x": 0.5}])
    assert b.entries_array.sum() == 1
    with pytest.raises(InvalidData, match="lies in no bin"):
        b.fill({"x": 1.5, "y": 7.0}, raise_error=True)


def test_nan_is_outside_of_every_box():
    assert {"x": np.nan} not in binning.RectangularBin(["x"], [(-np.inf, np.inf)])
    b = binning.RectangularBinning(["x"], [[(-np.inf, np.inf)]])
    b.fill({"x": np.nan})
    assert b.entries_array.tolist() == [0]


def test_parts_are_projected_by_numbers_and_names_of_any_length():
    b = binning.RectilinearBinning(["energy", "y"], [[0, 1, 2], [0, 1, 2, 3]])
    b.set_values_from_ndarray(np.arange(6.0).reshape(2, 3))
    for part in ("energy", 0):
        assert isinstance(b.project(part), binning.LinearBinning)
        assert b.project(part).value_array.tolist() == [3.0, 12.0]
    assert isinstance(b.project(["energy"]), binning.RectilinearBinning)
    assert b.marginalize("energy").value_array.tolist() == [3.0, 5.0, 7.0]
    assert b.project([1], reduction_function=np.max).value_array.tolist() == [3.0, 4.0, 5.0]
    with pytest.raises(UnknownName, match="did you mean 'energy'"):
        b.project("enery")


def test_marginal_subbins_of_a_product_of_refined_binnings():
    b = binning.CartesianProductBinning((nested(), binning.LinearBinning("z", [0, 1, 2])))
    assert b.bins_shape == (9, 2)
    one = b.bins[15]  # data index 7 of the first part: bin 3, box 2 of its grid
    assert one.data_indices == (7, 1)
    assert [inner.edges for inner in one.get_marginal_bins()] == [((4, 8),), ((1, 2),)]
    (outer, inner), (last,) = one.get_marginal_subbins()
    assert outer.edges == ((4, 8),)
    assert inner.edges == ((1, 2), (0, 0.5))
    assert last.edges == ((1, 2),)
    assert b.get_bin_index_tuple(15) == (7, 1)
    assert b.get_bin_index_tuple(99) == (None, None)
    assert b.get_tuple_bin_index((7, None)) is None
    assert b.get_event_tuple({"x": 0.5, "z": 5.0}) == (0, None)


def test_single_bins_have_no_neighbours():
    assert [a.tolist() for a in binning.LinearBinning("x", [0, 1]).get_adjacent_bin_indices()] == [[]]


def test_the_callers_events_are_not_changed_by_renaming():
    events = [{"old": 0.5}]
    b = KINDS["linear"]()
    b.fill(events, rename={"old": "x", "absent": "y"})
    assert events == [{"old": 0.5}]
    assert b.value_array.tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    "events",
    [
        pd.DataFrame({"x": [0.5, 3.0]}),
        [{"x": 0.5}, {"x": 3.0}],
        np.array([(0.5,), (3.0,)], dtype=[("x", float)]),
    ],
    ids=["frame", "list", "structured"],
)
def test_tables_of_every_kind_are_filled_in_place(events):
    b = KINDS["linear"]()
    values = b.value_array
    b.fill(events, weight=[2.0, 3.0])
    assert values.tolist() == [2.0, 0.0, 3.0]
    assert b.sumw2_array.tolist() == [4.0, 0.0, 9.0]
    assert b.get_entries_as_ndarray(indices=[0, 2], shape=(2, 1)).tolist() == [[1], [1]]
    b.fill([])
    b.reset(1.0, 2, 3.0)
    assert (values[0], b.entries_array[0], b.sumw2_array[0]) == (1.0, 2, 3.0)
    with pytest.raises(InvalidData, match="weights of shape"):
        b.fill(events, weight=[1.0, 2.0, 3.0])


def test_contents_of_subbinnings_and_bins_are_views():
    b = nested()
    b.fill({"x": 1.5, "y": 0.5}, 2.0)
    assert b.subbinnings[1].value_array.tolist() == [2.0, 0.0, 0.0]
    b.subbinnings[1].fill({"y": 2.5})
    assert b.value_array[3] == 1.0
    b.bins[0].fill([1.0, 3.0])
    assert (b.value_array[0], b.entries_array[0], b.sumw2_array[0]) == (4.0, 2, 10.0)
    own = binning.RectangularBin(["x"], [(0, 1)])
    whole = binning.Binning([own])
    whole.fill({"x": 0.5}, 7.0)
    assert own.value == 7.0


def test_subbinnings_are_summed_up_and_inserted():
    b = nested()
    b.set_values_from_ndarray(np.arange(9.0))
    coarse = b.marginalize_subbinnings()
    assert coarse.value_array.tolist() == [0.0, 6.0, 4.0, 26.0]
    assert b.marginalize_subbinnings([3]).value_array.tolist() == [0.0, 1.0, 2.0, 3.0, 4.0, 26.0]
    inner = binning.LinearBinning("z", [0, 1, 2], value_array=np.array([7.0, 8.0]))
    refined = coarse.insert_subbinning(2, inner)
    assert refined.value_array.tolist() == [0.0, 6.0, 7.0, 8.0, 26.0]
    assert np.shares_memory(inner.value_array, refined.value_array)
    assert coarse.insert_subbinning_on_ndarray(np.eye(4), 0, np.ones((2, 4))).shape == (5, 4)
    assert b.marginalize_subbinnings_on_ndarray(np.ones((9, 2))).tolist() == [[1, 1], [3, 3], [1, 1], [4, 4]]
    with pytest.raises(InvalidData, match="has a subbinning already"):
        refined.insert_subbinning(2, inner)


def test_slices_and_removed_edges():
    b = KINDS["linear"]()
    b.set_values_from_ndarray([1.0, 2.0, 3.0])
    assert b.slice(1, 3).value_array.tolist() == [2.0, 3.0]
    assert b.remove_bin_edges([1]).value_array.tolist() == [3.0, 3.0]
    assert b.remove_bin_edges([3]).bin_edges.tolist() == [0, 1, 2]
    grid = binning.RectilinearBinning(["x", "y"], [[0, 1, 2], [0, 1, 2, 3]], value_array=np.arange(6.0))
    assert grid.slice({"y": (1, 3)}).value_array.tolist() == [1.0, 2.0, 4.0, 5.0]
    assert grid.remove_bin_edges({"x": [1], "y": [2]}).value_array.tolist() == [3.0, 12.0]


def test_bins_propagate_their_errors():
    def one(value, entries, sumw2):
        return binning.RectangularBin(["x"], [(0, 1)], value=value, entries=entries, sumw2=sumw2)

    a, b = one(6.0, 3, 12.0), one(2.0, 2, 1.0)
    assert ((a - b).value, (a - b).entries, (a - b).sumw2) == (4.0, 5, 13.0)
    assert ((a * b).value, (a * b).sumw2) == (12.0, 12.0 * 4 + 1.0 * 36)
    assert ((a / b).value, (a / b).sumw2) == (3.0, (12.0 + 9.0) / 4)
    with pytest.raises(InvalidData, match="two different bins"):
        a + binning.RectangularBin(["x"], [(0, 2)])


def test_arrays_of_a_wrong_size_are_refused_and_of_a_stack_the_first_is_taken():
    b = KINDS["linear"]()
    with pytest.warns(UserWarning, match=r"\(2, 3\).*\(3,\)"):
        b.set_values_from_ndarray([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert b.value_array.tolist() == [1.0, 2.0, 3.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        b.set_values_from_ndarray(np.ones((3, 1)))
    for wrong in (np.ones(2), np.ones(6), np.ones((3, 2))):
        with pytest.raises(InvalidData, match=r"do not fit a binning of shape \(3,\)"):
            b.set_values_from_ndarray(wrong)
    with pytest.raises(InvalidData, match=r"entries 1.9"):
        b.set_entries_from_ndarray([1.9, 0, 0])
    with pytest.raises(InvalidData, match="value_array of shape"):
        binning.LinearBinning("x", [0, 1], value_array=np.zeros(2))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: binning.LinearBinning("x", [0, 2, 1]), "edge 2 is 1"),
        (lambda: binning.LinearBinning("x", [0, 1, 1]), "increase strictly"),
        (lambda: binning.LinearBinning("x", [0, np.nan]), "is NaN"),
        (lambda: binning.RectangularBinning(["x"], [[(0, 2)], [(1, 3)]]), "boxes 0 .* and 1 .* overlap"),
        (lambda: binning.RectangularBin(["x"], [(1, 0)]), "must increase"),
        (lambda: binning.RectilinearBinning(["x", "y"], [[0, 1]]), "1 lists of edges for 2 variables"),
        (lambda: KINDS["linear"]() + binning.LinearBinning("x", [0, 1, 2, 5]), "different bins"),
        (lambda: binning.CartesianProductBinning((KINDS["linear"](), KINDS["linear"]())), "share|twice"),
        (lambda: binning.Binning([binning.Bin(binning.PhaseSpace(["x"]))]), "Bin cannot be part"),
    ],
)
def test_binnings_that_make_no_sense_are_refused(make, message):
    with pytest.raises(InvalidData, match=message):
        make()


def test_a_bin_without_edges_says_what_it_cannot_do():
    with pytest.raises(InvalidOption, match="RectangularBin"):
        binning.Bin(binning.PhaseSpace(["x"])).event_in_bin({"x": 1.0})


# --- files


def write(path, text="x,w\n0.5,2\n3.0,10\n"):
    path.write_text(text)
    return str(path)


def test_csv_files_are_filled_with_weights_cuts_and_names(tmp_path):
    name, seen = write(tmp_path / "t.txt", "q,w\n0.5,2\n3.0,10\n"), []

    def cut(table):
        seen.append(table.dtype.names)
        return table[table["x"] > 1]

    b = KINDS["linear"]()
    b.fill_from_csv_file(name, weightfield="w", weight=0.5, rename={"q": "x"}, cut_function=cut)
    assert b.value_array.tolist() == [0.0, 0.0, 5.0]
    assert seen == [("x", "w")]
    b.fill_from_csv_file([name, name], weightfield="w", weight=[1.0, 10.0], rename={"q": "x"})
    assert b.value_array.tolist() == [22.0, 0.0, 115.0]
    with pytest.raises(InvalidData, match="2 files and 1 weights"):
        b.fill_from_csv_file([name, name], weight=[1.0])
    with pytest.raises(InvalidData, match="lies in no bin"):
        b.fill_from_csv_file(write(tmp_path / "o.txt", "x\n77\n"), raise_error=True)


def test_packed_files_beside_the_name_are_found(tmp_path):
    pd.DataFrame({"x": [0.5]}).to_csv(tmp_path / "t.csv.gz", index=False)
    b, other = KINDS["linear"](), KINDS["linear"]()
    binning.Binning.fill_multiple_from_csv_file([b, other], str(tmp_path / "t.txt"))
    assert b.value_array.tolist() == other.value_array.tolist() == [1.0, 0.0, 0.0]
    with pytest.raises(InvalidFile, match=r"absent.txt: no such file, and no absent.csv.gz"):
        b.fill_from_csv_file(str(tmp_path / "absent.txt"))


def test_buffered_files_are_read_again_when_they_change(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "t.txt", "x\n0.5\n")
    b = KINDS["linear"]()
    b.fill_from_csv_file("t.txt", buffer_csv_files=True)
    write(tmp_path / "t.txt", "x\n3.5\n3.6\n")
    b.fill_from_csv_file("t.txt", buffer_csv_files=True)
    assert b.value_array.tolist() == [1.0, 0.0, 2.0]
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    write(tmp_path / "other" / "t.txt", "x\n1.5\n")
    b.fill_from_csv_file("t.txt", buffer_csv_files=True)
    assert b.value_array.tolist() == [1.0, 1.0, 2.0]


def test_a_cut_cannot_spoil_the_buffer(tmp_path):
    name = write(tmp_path / "t.txt", "x\n0.5\n")

    def spoil(table):
        table["x"] += 1
        return table

    b = KINDS["linear"]()
    for _ in range(2):
        b.fill_from_csv_file(name, cut_function=spoil, buffer_csv_files=True)
    assert b.value_array.tolist() == [0.0, 2.0, 0.0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!python/object/apply:os.system ['true']", "could not determine a constructor|python/object"),
        ("!Unknown {a: 1}", "!Unknown"),
        ("!LinearBinning {variable: x, bin_edges: [0, 1], colour: red}", "unknown field 'colour'"),
        ("!LinearBinning {variable: x}", "bin_edges"),
        ("!LinearBinning {variable: x, bin_edges: [1, 0]}", "increase"),
        ("a: [", "not a binning"),
    ],
)
def test_yaml_executes_nothing_and_says_what_it_found(text, message):
    with pytest.raises(InvalidFile, match=message):
        binning.yaml.full_load(text)


def test_yaml_goes_through_open_files_and_knows_lists(tmp_path):
    path = tmp_path / "b.yml"
    both = [KINDS["linear"](), binning.PhaseSpace(["x"]), binning.RectangularBin(["x"], [(0, 1)])]
    with path.open("w") as f:
        binning.yaml.dump(both, f)
    with path.open() as f:
        one, space, box = binning.yaml.full_load(f)
    assert (one, space, box.edges) == (both[0], both[1], ((0.0, 1.0),))


def test_phase_spaces_are_sets():
    x, xy = binning.PhaseSpace(["x"]), binning.PhaseSpace(["x", "y"])
    assert x < xy
    assert xy >= x
    assert not x > x
    assert (xy / x) == binning.PhaseSpace(["y"])
    assert x * binning.PhaseSpace(["y"]) == xy.clone()
    assert len(xy) == 2
    assert str(xy) == "('x' X 'y')"
