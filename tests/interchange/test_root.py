"""ROOT files: chunks, units, both layouts of jagged branches, histograms, and broken files."""

import ast
from pathlib import Path

import numpy as np
import pytest
import uproot

import wilks
from wilks._base.errors import InvalidData, InvalidFile, InvalidOption, UnknownName
from wilks.data.axes import Category, Regular
from wilks.data.events import Events, Ragged
from wilks.data.histogram import Histogram
from wilks.interchange import root
from wilks.interchange.branches import Schema

COUNTS = np.array([2, 0, 3, 1])


def ragged(values, dtype=np.float64):
    return Ragged(np.array(values, dtype=dtype), np.concatenate([[0], np.cumsum(COUNTS)]))


def small_events(source="synthetic", first=0):
    return Events(
        {
            "mcWeight": np.array([1.0, -1.0, 2.0, 0.5], dtype=np.float32),
            "lep_n": COUNTS.astype(np.uint32),
            "lep_pt": ragged([40.0, 30.0, 25.0, 20.0, 10.0, 50.0]),
            "lep_type": ragged([11, 11, 13, 13, 11, 13], np.uint32),
            "lep_isTightID": ragged([1, 0, 1, 1, 0, 1], bool),
            "lep_z0": ragged([0.1, -0.2, 0.3, 0.0, 0.5, 0.25], np.float32),
        },
        units={"lep_pt": "GeV", "lep_z0": "mm"},
        source=source,
        first=first,
    )


def joined(chunks, name):
    parts = [chunk[name].values if isinstance(chunk[name], Ragged) else chunk[name] for chunk in chunks]
    return np.concatenate(parts)


@pytest.mark.parametrize("form", ["ttree", "rntuple"])
def test_written_events_are_read_again(form, tmp_path):
    events = small_events()
    assert root.write_events(tmp_path / "e.root", [events, events], form=form) == 8
    (back,) = root.events(tmp_path / "e.root", events.columns)
    assert len(back) == 8
    for name in events.columns:
        np.testing.assert_array_equal(joined([back], name), np.tile(joined([events], name), 2))
    assert (back.unit("lep_pt"), back.unit("lep_z0"), back.unit("mcWeight")) == ("GeV", "mm", None)
    assert back["lep_type"].values.dtype == np.uint32


def test_files_hold_momenta_in_mev_and_single_precision(tmp_path):
    root.write_events(tmp_path / "e.root", [small_events()])
    with uproot.open(tmp_path / "e.root") as file:
        stored = file["mini"]["lep_pt"].array(library="ak")
        assert file["mini"].typenames()["lep_pt"] == "float[]"
    assert stored[0].tolist() == [40000.0, 30000.0]


def test_chunks_number_their_events_and_files_follow_in_order(tmp_path):
    for name in ("a", "b"):
        root.write_events(tmp_path / f"{name}.root", [small_events()])
    chunks = list(root.events(tmp_path / "*.root", ["lep_pt"], step=3))
    assert [(chunk.source[-6:], chunk.first, len(chunk)) for chunk in chunks] == [
        ("a.root", 0, 3), ("a.root", 3, 1), ("b.root", 0, 3), ("b.root", 3, 1),
    ]  # fmt: skip
    assert joined(chunks, "lep_pt").tolist() == joined([small_events()] * 2, "lep_pt").tolist()


def test_a_stream_can_be_read_twice_and_knows_its_entries(tmp_path):
    root.write_events(tmp_path / "e.root", [small_events()])
    stream = root.events(tmp_path / "e.root", ["mcWeight"])
    assert [len(chunk) for chunk in stream] == [len(chunk) for chunk in stream] == [4]
    assert list(stream.entries().values()) == [4]


def test_memory_per_chunk_is_a_size_or_a_number_of_events(tmp_path):
    root.write_events(tmp_path / "e.root", [small_events()] * 100)
    sizes = [len(chunk) for chunk in root.events(tmp_path / "e.root", ["mcWeight"], step="1 kB")]
    assert sum(sizes) == 400
    assert max(sizes) <= 512 / 4  # half of it for the file's single-precision numbers
    with pytest.raises(InvalidOption, match="step 'all': give a size such as '50 MB'"):
        list(root.events(tmp_path / "e.root", ["mcWeight"], step="all"))


def test_fixed_arrays_read_like_vectors(tmp_path):
    with uproot.recreate(tmp_path / "e.root") as file:
        file["mini"] = {"lep_pt": np.array([[10000.0, 9000.0], [8000.0, 7000.0]], dtype=np.float32)}
    (events,) = root.events(tmp_path / "e.root", ["lep_pt"])
    assert events["lep_pt"].counts().tolist() == [2, 2]
    assert events["lep_pt"].values.tolist() == [10.0, 9.0, 8.0, 7.0]


def test_missing_file_lists_the_folder(tmp_path):
    root.write_events(tmp_path / "here.root", [small_events()])
    with pytest.raises(InvalidFile, match=r"gone.root: no such file; .* holds here.root"):
        root.events(tmp_path / "gone.root", ["lep_pt"])


def test_missing_tree_lists_what_was_found(tmp_path):
    root.write_events(tmp_path / "e.root", [small_events()], tree="other")
    with pytest.raises(InvalidFile, match="no tree 'mini'; the file holds other"):
        list(root.events(tmp_path / "e.root", ["lep_pt"]))


def test_histogram_is_no_tree(tmp_path):
    root.write_histograms(tmp_path / "h.root", {"mini": Histogram.from_counts(Regular(2, 0.0, 1.0), [1, 2])})
    with pytest.raises(InvalidFile, match="'mini' is a TH1D; expected a TTree or RNTuple"):
        list(root.events(tmp_path / "h.root", ["lep_pt"]))


def test_missing_column_names_the_cut_and_the_nearest(tmp_path):
    root.write_events(tmp_path / "e.root", [small_events()])
    stream = root.events(tmp_path / "e.root", ["lep_pz"], needed_by={"lep_pz": "cut 'forward'"})
    with pytest.raises(UnknownName, match="no column 'lep_pz', which cut 'forward' needs; did you mean"):
        list(stream)


@pytest.mark.parametrize(("start", "stop"), [(0, 0), (0, 40), (0, 1500)])
def test_truncated_files_are_named(start, stop, tmp_path):
    root.write_events(tmp_path / "e.root", [small_events()] * 50)
    (tmp_path / "cut.root").write_bytes((tmp_path / "e.root").read_bytes()[start:stop])
    with pytest.raises(InvalidFile, match=r"cut.root: not a readable ROOT file"):
        list(root.events(tmp_path / "cut.root", ["lep_pt"]))


def test_other_files_are_refused(tmp_path):
    (tmp_path / "text.root").write_text("no ROOT at all " * 100)
    with pytest.raises(InvalidFile, match=r"text\.root: not a readable ROOT file"):
        list(root.events(tmp_path / "text.root", ["lep_pt"]))


@pytest.mark.parametrize(("scale", "guess"), [(1e-3, "GeV"), (1e5, "another unit")])
def test_momenta_in_another_unit_are_noticed(scale, guess, tmp_path):
    events = small_events()
    wrong = events.with_columns({"lep_pt": events["lep_pt"] * scale})
    root.write_events(tmp_path / "e.root", [wrong])
    with pytest.raises(InvalidData, match=f"lep_pt looks like {guess}, declared MeV"):
        list(root.events(tmp_path / "e.root", ["lep_pt"]))


def test_a_schema_in_gev_keeps_the_numbers(tmp_path):
    plain = Schema(units={"*_pt": "GeV"})
    root.write_events(tmp_path / "e.root", [small_events()], schema=plain)
    (events,) = root.events(tmp_path / "e.root", ["lep_pt"], schema=plain)
    assert events["lep_pt"].values.tolist() == small_events()["lep_pt"].values.tolist()


def test_ragged_column_outside_a_collection_cannot_be_written(tmp_path):
    with pytest.raises(InvalidData, match="'pt' belongs to no collection"):
        root.write_events(tmp_path / "e.root", [Events({"pt": ragged([1.0] * 6)})])


def test_histograms_are_written_and_read_with_every_number(tmp_path):
    weights = np.array([1.0, 0.5, -2.0, 4.0])
    h = Histogram.empty(Regular(3, 80.0, 95.0, name="m4l", unit="GeV"), label="Zee")
    h = h.filled(np.array([70.0, 81.0, 90.0, 120.0]), weights=weights)
    root.write_histograms(tmp_path / "h.root", {"Zee": h, "other": h})
    back = root.histogram(tmp_path / "h.root", "Zee")
    np.testing.assert_array_equal(back.values(flow=True), h.values(flow=True))
    np.testing.assert_array_equal(back.variances(flow=True), h.variances(flow=True))
    assert (back.entries, back.axis.unit, back.axis.edges.tolist()) == (4, "GeV", h.axis.edges.tolist())
    assert set(root.histograms(tmp_path / "h.root")) == {"Zee", "other"}
    with uproot.open(tmp_path / "h.root") as file:
        assert file["Zee"].classname == "TH1D"
        assert file["Zee"].title == "Zee"


def test_unknown_histogram_and_tree_instead_of_histogram_are_refused(tmp_path):
    root.write_events(tmp_path / "e.root", [small_events()])
    with pytest.raises(InvalidFile, match="no histogram 'mass'"):
        root.histogram(tmp_path / "e.root", "mass")
    with pytest.raises(InvalidFile, match="'mini' is a TTree, no histogram"):
        root.histogram(tmp_path / "e.root", "mini")


def test_category_histogram_is_no_th1(tmp_path):
    with pytest.raises(InvalidData, match="a TH1 has one axis of intervals"):
        root.write_histograms(tmp_path / "h.root", {"c": Histogram.empty(Category(("a",), name="c"))})


@pytest.mark.parametrize("folder", ["data", "interchange", "physics/collider"])
def test_no_reader_can_run_code_from_a_file(folder):
    names = {"eval", "exec", "compile", "pickle", "marshal", "unsafe_load", "full_load"}
    for path in (Path(wilks.__file__).parent / folder).rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
        imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        assert not names & (called | imported), path


@pytest.mark.shared
def test_real_data_are_read_with_the_right_units(shared_data):
    stream = root.events(
        shared_data / "atlas4l/Data/data.4lep.root", ["lep_pt", "lep_n", "lep_type", "lep_z0", "mcWeight", "trigE"]
    )
    (events,) = stream
    assert len(events) == 832
    assert set(np.unique(events["lep_type"].values)) == {11, 13}
    assert 7.0 < events["lep_pt"].values.min() < 8.0  # the skim keeps leptons above 7 GeV
    assert (events["lep_pt"].sort(descending=True).values == events["lep_pt"].values).all()
    assert not events["mcWeight"].any()


@pytest.mark.shared
def test_real_corrupt_file_is_refused(shared_data, tmp_path):
    content = bytearray((shared_data / "atlas4l/MC/mc_361106.Zee.4lep.root").read_bytes())
    content[60000:90000] = bytes(30000)
    (tmp_path / "e.root").write_bytes(bytes(content))
    columns = [name for name in ATLAS_COLUMNS if name != "lep_n"]
    with pytest.raises(InvalidFile, match="not a readable ROOT file"):
        list(root.events(tmp_path / "e.root", columns))


@pytest.mark.shared
def test_real_histograms_keep_their_sums_of_squared_weights(shared_data):
    folder = shared_data / "atlas4l/hists_MASHEP"
    weighted = root.histogram(folder / "Zee.root", "mass_four_lep")
    assert weighted.entries == 27
    # first filled bin as stored: sum of weights in single, of squared weights in double precision
    assert weighted.values()[6] == pytest.approx(4184.174, rel=1e-7)
    assert weighted.variances()[6] == pytest.approx(6677610.85803749, rel=1e-12)
    assert weighted.counts()[6] == pytest.approx(4184.174**2 / 6677610.858, rel=1e-6)
    assert root.histogram(folder / "data.root", "mass_four_lep").is_unweighted


ATLAS_COLUMNS = ("lep_n", "lep_pt", "lep_eta", "lep_phi", "lep_E", "lep_z0", "lep_charge", "lep_type", "lep_ptcone30")
