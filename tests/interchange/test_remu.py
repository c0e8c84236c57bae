"""Files of ReMU: its tags in both directions, what is refused, and the binnings of its tutorial."""

import sys

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidFile, MissingExtra
from wilks.data.boxes import Boxes
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.product import Product
from wilks.data.response_matrices import ResponseMatrices
from wilks.interchange.remu import (
    format_binning,
    parse_binning,
    read_binning,
    read_matrices,
    read_response,
    write_binning,
    write_response,
)

pytest.importorskip("yaml", reason="PyYAML comes with the extra 'io'")

INF = float("inf")


def line(name, *edges, closed="left"):
    return Grid((Intervals(name, edges, closed=closed),))


BINNINGS = {
    "linear": line("x", -INF, 0, 0.1, INF),
    "linear, closed on the right": line("x", 0, 1, closed="right"),
    "rectilinear": Grid((Intervals("x", [0, 1, 2]), Intervals("y", [-INF, 1e-5, INF]))),
    "rectangular": Boxes(("x", "y"), [[(0, 1), (0, 2)], [(1, 3), (-INF, 1)]]),
    "rectangular, closed on the right": Boxes(("x",), [[(0, 1)], [(1, 3)]], closed="right"),
    "boxes of all kinds": Boxes(
        ("x",), [[(0, 1)], [(1, 2)], [(2, 3)], [(3, 4)]], closed=["both", "neither", "left", "left"]
    ),
    "product": Product((line("x", 0, 1, 2), line("E", 0, 1, 2, INF))),
    "refined twice": line("k", 0, 1, 2, 3).refined(
        {1: line("x", 0, 1, 2), 2: Product((line("a", 0, 1), line("b", 0, 1, 2))).refined({1: line("c", 0, 1, 2)})}
    ),
}


@pytest.mark.parametrize("name", BINNINGS)
def test_a_binning_is_read_back_as_written(tmp_path, name):
    write_binning(tmp_path / "b.yml", BINNINGS[name])
    assert read_binning(tmp_path / "b.yml") == BINNINGS[name]


def test_the_tags_of_remu_are_written():
    assert format_binning(BINNINGS["refined twice"]).splitlines()[0] == "!LinearBinning"
    text = format_binning(BINNINGS["boxes of all kinds"])
    assert text.startswith("!Binning")
    assert "!RectangularBin" in text
    with pytest.raises(InvalidData, match="one closed side for all variables"):
        format_binning(Grid((Intervals("x", [0, 1]), Intervals("y", [0, 1], closed="right"))))


def test_fields_that_older_files_carry_are_tolerated():
    text = """!LinearBinning
variable: x
bin_edges: [-.inf, 0, +.inf]
phasespace: !PhaseSpace [x]
dummy: true
subbinnings: {1: !Binning {bins: [
  !RectangularBin {variables: [y, z], edges: [[0, 1], [0, 1]]},
  !RectangularBin {variables: [z, y], edges: [[0, 1], [1, 2]], include_upper: true}]}}
"""
    inner = Boxes(("y", "z"), [[(0, 1), (0, 1)], [(1, 2), (0, 1)]], closed=["left", "both"])
    assert parse_binning(text) == line("x", -INF, 0, INF).refined({1: inner})


def test_bins_of_products_are_boxes():
    cell = "!CartesianProductBin {{binnings: [!LinearBinning {{variable: x, bin_edges: [0, 1, 2]}}, \
        !LinearBinning {{variable: y, bin_edges: [0, 1, 2]}}], data_indices: {}}}"
    found = parse_binning(f"!Binning {{bins: [{cell.format('[0, 1]')}, {cell.format('[1, 0]')}]}}")
    assert found == Boxes(("x", "y"), [[(0, 1), (1, 2)], [(1, 2), (0, 1)]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!python/object/apply:os.getcwd []", "python/object/apply:os.getcwd"),
        ("!Weird {a: 1}", "tag '!Weird'"),
        ("!LinearBinning {variable: x}", "!LinearBinning lacks the field 'bin_edges'"),
        ("!LinearBinning {variable: x, bin_edges: [0, 1], value_array: [1]}", "unknown field 'value_array'"),
        ("!LinearBinning {variable: x, bin_edges: [1, 0]}", "edge 1 is 0 and follows 1"),
        ("!LinearBinning {variable: x, bin_edges: 1}", "edges 1 are no list"),
        ("!LinearBinning {variable: x, bin_edges: [a, b]}", "could not convert"),
        ("!LinearBinning {variable: 3, bin_edges: [0, 1]}", "3 is no name"),
        ("!LinearBinning [0, 1]", "!LinearBinning holds no mapping"),
        ("!LinearBinning {variable: x, bin_edges: [0, 1], subbinnings: [1]}", "subbinnings are a list"),
        ("!LinearBinning {variable: x, bin_edges: [0, 1], subbinnings: {0: 3}}", "3 stands where a binning"),
        ("!LinearBinning {variable: x, bin_edges: [0, 1], subbinnings: {1: !LinearBinning \
            {variable: y, bin_edges: [0, 1]}}}", "bin 1 cannot be refined"),
        ("&a !LinearBinning {variable: x, bin_edges: [0, 1], subbinnings: {0: *a}}", "recursive"),
        ("!RectilinearBinning {variables: [x], bin_edges: [[0, 1], [0, 1]]}", "1 variables and 2 lists"),
        ("!RectangularBinning {variables: [x], bin_edges: [[[0, 1]], [[0, 2]]]}", "overlap"),
        ("!Binning {bins: [1]}", "must hold boxes"),
        ("!CartesianProductBin {binnings: [!LinearBinning {variable: x, bin_edges: [0, 1]}], data_indices: [4]}",
         "!CartesianProductBin: "),
        ("[1, 2", "not a binning in YAML"),
        ("{a: 1}", "holds dict; expected one of !LinearBinning"),
        ("", "holds NoneType"),
    ],
)  # fmt: skip
def test_other_files_are_refused_by_what_was_found(tmp_path, text, message):
    (tmp_path / "b.yml").write_text(text)
    with pytest.raises(InvalidFile, match=r"b\.yml: ") as caught:
        read_binning(tmp_path / "b.yml")
    assert message in str(caught.value)


def test_a_small_file_cannot_ask_for_a_huge_binning(tmp_path):
    edges = ", ".join(map(str, range(600)))
    axes = [f"!LinearBinning {{variable: v{i}, bin_edges: [{edges}]}}" for i in range(4)]
    with pytest.raises(InvalidFile, match="at most 100000000 are read"):
        parse_binning(f"!CartesianProductBinning {{binnings: [{', '.join(axes)}]}}")
    with pytest.raises(InvalidFile, match="no such file"):
        read_binning(tmp_path / "no.yml")


def test_yaml_is_asked_for_by_the_name_of_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtra, match="pip install 'wilks\\[io\\]'"):
        format_binning(line("x", 0, 1))


def matrices():
    return ResponseMatrices(
        np.arange(12.0).reshape(2, 2, 3), np.array([0, 2, 3]), np.array([4, 0, 5, 6]), np.array([1.0, 3.0])
    )


def test_matrices_are_read_back_as_written(tmp_path):
    write_response(tmp_path / "m.npz", matrices(), compress=True)
    again = read_matrices(tmp_path / "m.npz")
    for name in ("matrices", "columns", "truth_entries", "weights"):
        assert np.array_equal(getattr(again, name), getattr(matrices(), name))


def test_a_response_is_a_predictor_bounded_by_the_simulation(tmp_path):
    write_response(tmp_path / "m.npz", matrices())
    predictor = read_response(tmp_path / "m.npz")
    truth = np.array([1.0, 9.0, 2.0, 3.0])
    expected = matrices().dense() @ truth
    assert np.allclose(predictor.predict(truth[None, :, None])[:, :, 0], expected, rtol=1e-14, atol=0)
    assert predictor.space.names[:2] == ("truth[0]", "truth[1]")
    assert predictor.space["truth[0]"].start == 2.0
    assert predictor.space["truth[0]"].upper >= 4.0
    assert predictor.space["truth[1]"].upper < 1e-15


# --- the files of the tutorial


@pytest.mark.shared
def test_the_binnings_of_the_tutorial_have_their_sizes(shared_data):
    folder = shared_data / "response"
    names = ["00/reco", "00/truth", "01/reco", "01/coarse-truth", "01/fine-truth", "01/optimised-truth", "05/truth"]
    binnings = [read_binning(folder / f"{name}-binning.yml") for name in names]
    assert [binning.size for binning in binnings] == [64, 64, 8, 22, 572, 120, 169]
    truth, flux = binnings[-1], read_binning(folder / "06" / "flux-binning.yml")
    assert [truth.child(i).size for i in (1, 2)] == [48, 120]
    background, signal = (Product((truth.child(i), flux)) for i in (1, 2))
    assert (flux.size, background.size, signal.size) == (9, 432, 1080)
    assert [signal.unravel(i) for i in (0, 1, flux.size)] == [(0, 0), (0, 1), (1, 0)]
    assert truth.coarse().refined({1: background, 2: signal}).size == 1513
    assert all(parse_binning(format_binning(binning)) == binning for binning in binnings)


@pytest.mark.shared
@pytest.mark.parametrize(("example", "shape"), [("01", (1, 8, 120)), ("03", (100, 8, 120)), ("05", (100, 8, 169))])
def test_the_matrices_of_the_tutorial_have_their_shapes(shared_data, example, shape):
    stored = read_matrices(shared_data / "response" / example / "response_matrix.npz")
    assert stored.matrices.shape == shape
    assert stored.weights.tolist() == [1.0] * shape[0]
    if example == "03":
        assert stored.matrices[0, 0, 0] == pytest.approx(0.00357707877, abs=5e-12)  # as printed in its description
        assert stored.matrices.sum() == pytest.approx(5287.325439, abs=5e-7)
