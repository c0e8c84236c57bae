"""Histograms of hist, boost-histogram, uproot, numpy and JSON: same numbers, exact round trips, clear refusals."""

import importlib.resources
import json
from dataclasses import replace

import boost_histogram as bh
import hist
import jsonschema
import numpy as np
import pytest
import uproot

from wilks._base.errors import InvalidData, InvalidFile
from wilks.data.axes import Category, Regular, Variable
from wilks.data.histogram import Histogram
from wilks.interchange import uhi as interchange

MASS = Regular(3, 80.0, 110.0, name="m4l", unit="GeV")
WEIGHTED = Histogram.empty(MASS, label="Zee").filled(
    np.array([70.0, 85.0, 95.0, 95.0, 120.0, np.nan]), weights=np.array([1.0, 2.0, -0.5, 0.25, 3.0, 1.0])
)
EXAMPLES = {
    "regular": WEIGHTED,
    "variable": Histogram.from_weights(Variable((0.0, 0.1, 7.0), name="x", label="X"), [0.1, 1e-17], [0.3, 4e-9]),
    "no flow": Histogram.from_counts(Regular(2, 0.0, 2.0, "x", underflow=False, overflow=False), [1, 2]),
    "circular": Histogram.from_counts(Regular(2, -np.pi, np.pi, "phi", "rad", underflow=False, circular=True), [1, 2]),
    "category": Histogram.empty(Category(("a", "b"), name="process", overflow=True), MASS).filled(
        ["a", "c"], [85.0, 95.0]
    ),
}


@pytest.mark.parametrize("histogram", EXAMPLES.values(), ids=EXAMPLES)
def test_json_round_trip_is_exact(histogram, tmp_path):
    interchange.write_json(tmp_path / "h.json", {"one": histogram})
    assert interchange.read_json(tmp_path / "h.json") == {"one": histogram}


@pytest.mark.parametrize("histogram", EXAMPLES.values(), ids=EXAMPLES)
def test_json_follows_the_public_schema(histogram):
    schema = json.loads((importlib.resources.files("uhi") / "resources" / "histogram.schema.json").read_text())
    jsonschema.validate(interchange.to_mapping(histogram), schema)


@pytest.mark.parametrize("histogram", EXAMPLES.values(), ids=EXAMPLES)
def test_hist_round_trip_keeps_every_number(histogram):
    back = interchange.read(interchange.to_hist(histogram))
    assert back == replace(histogram, nan_count=0, entries=None, axes=back.axes)
    assert [axis.title for axis in back.axes] == [axis.title for axis in histogram.axes]
    assert [list(axis) for axis in back.axes] == [list(axis) for axis in histogram.axes]


def test_hist_has_no_circular_axis_without_overflow():
    angle = Regular(2, -np.pi, np.pi, "phi", underflow=False, overflow=False, circular=True)
    with pytest.raises(InvalidData, match="axis 'phi': hist has no circular axis"):
        interchange.to_hist(Histogram.empty(angle))


def test_boost_histogram_reads_our_json():
    made = bh.Histogram(interchange.to_mapping(WEIGHTED) | {"metadata": {}})
    np.testing.assert_array_equal(made.view(flow=True)["variance"], WEIGHTED.variances(flow=True))


def test_hist_with_weights_keeps_variances_and_flow():
    h = hist.Hist.new.Reg(2, 0, 2, name="m", label="mass [GeV]").Weight().fill([0.5, 5.0], weight=[2.0, 3.0])
    ours = interchange.read(h, label="sig")
    assert ours.values(flow=True).tolist() == [0.0, 2.0, 0.0, 3.0]
    assert ours.variances(flow=True).tolist() == [0.0, 4.0, 0.0, 9.0]
    assert (ours.axis.unit, ours.label) == ("GeV", "sig")


def test_unweighted_hist_has_poisson_variances():
    h = bh.Histogram(bh.axis.Regular(2, 0, 2))
    h.fill([0.5, 0.6, 1.5])
    assert interchange.read(h).variances().tolist() == [2.0, 1.0]


def test_integer_storage_and_integer_axis_are_read():
    h = bh.Histogram(bh.axis.Integer(0, 3), storage=bh.storage.Int64())
    h.fill([0, 0, 2])
    assert interchange.read(h).values().tolist() == [2.0, 0.0, 1.0]


def test_weighted_hist_without_variances_is_refused():
    h = bh.Histogram(bh.axis.Regular(2, 0, 2), storage=bh.storage.Double())
    h.fill([0.5], weight=[2.0])
    with pytest.raises(InvalidData, match="has no variances"):
        interchange.read(h)
    assert interchange.read(h, variances="poisson").variances().tolist() == [2.0, 0.0]


def test_profiles_are_refused():
    h = bh.Histogram(bh.axis.Regular(2, 0, 2), storage=bh.storage.Mean())
    with pytest.raises(InvalidData, match="kind MEAN"):
        interchange.read(h)


def test_numpy_counts_are_poisson_and_weighted_numpy_needs_variances():
    edges = np.array([80.0, 90.0, 100.0])
    assert interchange.read((np.array([1, 2]), edges)).variances().tolist() == [1.0, 2.0]
    with pytest.raises(InvalidData, match="variances='poisson'"):
        interchange.read((np.array([1.0, 2.5]), edges))
    assert interchange.read((np.array([1.0, 2.5]), edges), variances=[1.0, 3.0]).variances().tolist() == [1.0, 3.0]


def test_numpy_in_two_dimensions():
    counts, x, y = np.histogram2d([0.5, 1.5], [0.5, 0.5], bins=[[0, 1, 2], [0, 1]])
    assert interchange.read((counts, x, y), variances="poisson").values().tolist() == [[1.0], [1.0]]
    with pytest.raises(InvalidData, match="tuple of 2 arrays for 2 axes"):
        interchange.read((counts, x))


def test_effective_entries_are_ours_for_uproot(tmp_path):
    with uproot.recreate(tmp_path / "h.root") as file:
        file["h"] = interchange.to_hist(WEIGHTED)
    with uproot.open(tmp_path / "h.root") as file:
        ours = interchange.read(file["h"])
    np.testing.assert_array_equal(ours.values(flow=True), WEIGHTED.values(flow=True))
    np.testing.assert_array_equal(ours.variances(flow=True), WEIGHTED.variances(flow=True))
    filled = WEIGHTED.variances() > 0
    expected = WEIGHTED.values()[filled] ** 2 / WEIGHTED.variances()[filled]
    np.testing.assert_array_equal(ours.counts()[filled], expected)


def test_fractional_root_histogram_without_sumw2_is_refused(tmp_path):
    with uproot.recreate(tmp_path / "h.root") as file:
        file["h"] = (np.array([1.5, 2.0]), np.array([0.0, 1.0, 2.0]))
    with uproot.open(tmp_path / "h.root") as file, pytest.raises(InvalidData, match="fractional values"):
        interchange.read(file["h"])


def test_a_wilks_histogram_passes_through():
    assert interchange.read(WEIGHTED) is WEIGHTED


def test_something_else_is_refused():
    with pytest.raises(InvalidData, match="a list is no histogram"):
        interchange.read([1, 2, 3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"uhi_schema": 2}, "h: no UHI histogram of schema 1"),
        ({"storage": {"type": "mean"}}, r"h.storage: type 'mean' is not one of"),
        ({"axes": [{"type": "regulr"}]}, r"h.axes\[0\]: axis type 'regulr' is unknown; did you mean 'regular'"),
        ({"axes": [{"type": "regular", "lower": 0, "upper": 1}]}, r"h.axes\[0\]: key 'underflow' is missing"),
    ],
)
def test_json_of_wrong_form_names_the_place(change, message, tmp_path):
    (tmp_path / "h.json").write_text(json.dumps({"h": interchange.to_mapping(WEIGHTED) | change}))
    with pytest.raises(InvalidFile, match=message):
        interchange.read_json(tmp_path / "h.json")


@pytest.mark.parametrize(
    ("text", "message"), [("{", "no valid JSON"), ("[]", "holds a list"), ('{"h": NaN}', "NaN is no")]
)
def test_broken_json_is_refused(text, message, tmp_path):
    (tmp_path / "h.json").write_text(text)
    with pytest.raises(InvalidFile, match=message):
        interchange.read_json(tmp_path / "h.json")
