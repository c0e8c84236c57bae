"""Template histograms of configurations of cabinetry: numpy by hand on written trees, overrides, and faults."""

from itertools import pairwise

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidFile, InvalidOption, UnknownName
from wilks.data.axes import Regular
from wilks.data.events import Events, Ragged
from wilks.data.histogram import Histogram
from wilks.interchange import root
from wilks.interchange.branches import Schema
from wilks.interchange.cabinetry import Configuration
from wilks.interchange.cabinetry_parts import TemplateKey

pytest.importorskip("uproot", reason="uproot comes with the extra 'io'")

EDGES = np.array([20.0, 40.0, 70.0, 120.0])
PLAIN = Schema(units={})


def columns(seed, size):
    draw = np.random.default_rng(seed)
    return {
        "jet_m": draw.exponential(50.0, size).astype(np.float32),
        "shift": draw.normal(1.0, 0.1, size).astype(np.float32),
        "n": draw.integers(1, 5, size).astype(np.uint32),
        "w": draw.normal(1.0, 0.4, size).astype(np.float32),
        "lep_pt": Ragged.from_lists([draw.uniform(10, 60, k).astype(np.float32) for k in draw.integers(0, 3, size)]),
    }


SIZES = {"data": 300, "signal_a": 200, "signal_b": 150, "background": 400, "other": 380}
COLUMNS = {name: columns(seed, size) for seed, (name, size) in enumerate(SIZES.items())}


@pytest.fixture
def document(tmp_path):
    for name, made in COLUMNS.items():
        (tmp_path / "SR").mkdir(exist_ok=True)
        root.write_events(tmp_path / "SR" / f"{name}.root", [Events(made)], tree="events", schema=PLAIN)
    return {
        "General": {
            "Measurement": "fit",
            "POI": "mu",
            "InputPath": f"{tmp_path}/{{RegionPath}}/{{SamplePath}}.root",
            "HistogramFolder": "unused",
        },
        "Regions": [
            {"Name": "SR", "Variable": "jet_m", "Binning": EDGES.tolist(), "Filter": "n >= 3", "RegionPath": "SR"},
            {"Name": "CR", "Variable": "sum(lep_pt)", "Binning": [20, 60], "Filter": "n < 3", "RegionPath": "SR"},
        ],
        "Samples": [
            {"Name": "Data", "Tree": "events", "SamplePath": "data", "Data": True},
            {
                "Name": "S",
                "Tree": "events",
                "SamplePath": ["signal_a", "signal_b"],
                "Weight": "0.1 * w",
                "Regions": "SR",
            },
            {"Name": "B", "Tree": "events", "SamplePath": "background", "Weight": "w", "Filter": "n != 2"},
        ],
        "NormFactors": [{"Name": "mu", "Samples": "S"}],
        "Systematics": [
            {"Name": "Rate", "Type": "Normalization", "Up": {"Normalization": 0.1}, "Down": {"Normalization": -0.1}},
            {
                "Name": "Scale",
                "Type": "NormPlusShape",
                "Up": {"Variable": "jet_m * shift", "Weight": "w * 1.5"},
                "Down": {"Filter": "n == 4"},
                "Regions": "SR",
            },
            {
                "Name": "Model",
                "Type": "NormPlusShape",
                "Up": {"SamplePath": "other"},
                "Down": {"Symmetrize": True},
                "Samples": "B",
            },
        ],
    }


def by_hand(names, variable, chosen, weight, edges=EDGES):
    values, variances = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1)
    for name in names:
        of = COLUMNS[name]
        keep = chosen(of)
        x, w = variable(of).astype(float)[keep], weight(of).astype(float)[keep]
        keep = x < edges[-1]  # numpy puts the last edge into the last bin
        values += np.histogram(x[keep], edges, weights=w[keep])[0]
        variances += np.histogram(x[keep], edges, weights=w[keep] ** 2)[0]
    return values, variances


def mass(of):
    return of["jet_m"]


def shifted(of):
    return of["jet_m"] * of["shift"].astype(float)


def total_pt(of):
    return np.array([of["lep_pt"].values[a:b].astype(float).sum() for a, b in pairwise(of["lep_pt"].offsets)])


SIGNAL = ("signal_a", "signal_b")
CR_EDGES = np.array([20.0, 60.0])
EXPECTED = {
    ("SR", "Data"): by_hand(["data"], mass, lambda of: of["n"] >= 3, lambda of: np.ones(len(of["n"]))),
    ("SR", "S"): by_hand(SIGNAL, mass, lambda of: of["n"] >= 3, lambda of: 0.1 * of["w"].astype(float)),
    ("SR", "S", "Scale", "Up"): by_hand(
        SIGNAL, shifted, lambda of: of["n"] >= 3, lambda of: 1.5 * of["w"].astype(float)
    ),
    ("SR", "S", "Scale", "Down"): by_hand(
        SIGNAL, mass, lambda of: of["n"] == 4, lambda of: 0.1 * of["w"].astype(float)
    ),
    ("SR", "B"): by_hand(["background"], mass, lambda of: of["n"] != 2, lambda of: of["w"]),
    ("SR", "B", "Scale", "Up"): by_hand(
        ["background"], shifted, lambda of: of["n"] != 2, lambda of: 1.5 * of["w"].astype(float)
    ),
    ("SR", "B", "Scale", "Down"): by_hand(["background"], mass, lambda of: of["n"] == 4, lambda of: of["w"]),
    ("SR", "B", "Model", "Up"): by_hand(["other"], mass, lambda of: of["n"] != 2, lambda of: of["w"]),
    ("CR", "Data"): by_hand(["data"], total_pt, lambda of: of["n"] < 3, lambda of: np.ones(len(of["n"])), CR_EDGES),
    ("CR", "B"): by_hand(["background"], total_pt, lambda of: of["n"] != 2, lambda of: of["w"], CR_EDGES),
    ("CR", "B", "Model", "Up"): by_hand(["other"], total_pt, lambda of: of["n"] != 2, lambda of: of["w"], CR_EDGES),
}


def test_histograms_are_those_of_numpy(document):
    histograms = Configuration.read(document).histograms()
    assert list(histograms) == [TemplateKey(*key) for key in EXPECTED]
    for key, (values, variances) in EXPECTED.items():
        made = histograms[TemplateKey(*key)]
        np.testing.assert_allclose(made.values(), values, rtol=1e-12, err_msg=str(key))  # order of at most 400 sums
        np.testing.assert_allclose(made.variances(), variances, rtol=1e-12, err_msg=str(key))
    assert histograms[TemplateKey("SR", "S")].label == "region 'SR', sample 'S'"


def test_a_tree_in_chunks_gives_the_same(document, monkeypatch):
    whole = Configuration.read(document).histograms()
    events = root.events
    monkeypatch.setattr(root, "events", lambda *a, **k: events(*a, step=37, **k))
    for key, made in Configuration.read(document).histograms().items():
        np.testing.assert_allclose(made.values(flow=True), whole[key].values(flow=True), rtol=1e-12)  # order of sums
        assert made.entries == whole[key].entries


def test_each_tree_is_read_once(document, monkeypatch):
    opened = []
    events = root.events
    monkeypatch.setattr(root, "events", lambda path, *a, **k: (opened.append(path), events(path, *a, **k))[1])
    Configuration.read(document).histograms()
    assert sorted(path.rpartition("/")[2] for path in opened) == sorted(f"{name}.root" for name in SIZES)


def test_users_make_templates_by_wildcards(document):
    calls = []

    def flat(region, sample, systematic, template):
        calls.append((region.name, sample.name, systematic and systematic.name, template))
        return Histogram.from_weights(region.axis, np.ones(len(region.axis)), np.ones(len(region.axis)))

    def counted(region, sample, systematic, template):
        return Histogram.from_counts(region.axis, [0, 1, 2])

    document["Samples"][1]["SamplePath"] = "absent"  # never asked for
    overrides = {("SR", "S", "Scale", "Up"): counted, ("*", "S", "*", "*"): flat, ("C*", "B", "Nominal", "*"): flat}
    made = Configuration.read(document).histograms(overrides=overrides)
    assert calls == [("SR", "S", None, "Nominal"), ("SR", "S", "Scale", "Down"), ("CR", "B", None, "Nominal")]
    assert made[TemplateKey("SR", "S", "Scale", "Up")].values().tolist() == [0.0, 1.0, 2.0]
    assert made[TemplateKey("CR", "B")].values().tolist() == [1.0]
    expected = EXPECTED["CR", "B", "Model", "Up"][0]
    np.testing.assert_allclose(made[TemplateKey("CR", "B", "Model", "Up")].values(), expected, rtol=1e-12)


def test_overrides_that_do_not_fit_are_refused(document):
    configuration = Configuration.read(document)
    with pytest.raises(UnknownName, match=r"override .*'signal'.*: no template of this configuration matches"):
        configuration.histograms(overrides={("SR", "signal", "*", "*"): lambda *_: None})
    with pytest.raises(InvalidData, match="sample 'S': the override gave no usable histogram: a NoneType"):
        configuration.histograms(overrides={("SR", "S", "*", "*"): lambda *_: None})
    with pytest.raises(InvalidData, match="sample 'S': 2 bins from 0 to 2, but the region has 3 from 20 to 120"):
        configuration.histograms(
            overrides={("SR", "S", "*", "*"): lambda *_: Histogram.from_counts(Regular(2, 0, 2), [1, 1])}
        )
    with pytest.raises(InvalidOption, match="give four patterns, region, sample, systematic, template"):
        configuration.histograms(overrides={("SR", "S"): lambda *_: None})
    with pytest.raises(InvalidOption, match="source 'tree' does not exist"):
        configuration.histograms(source="tree")


def test_histograms_of_files_are_read_by_their_paths(document, tmp_path):
    filled = Configuration.read(document).histograms()
    keys = {key: f"{key.sample}_{key.systematic}_{key.template}" for key in filled}
    for region in ("SR", "CR"):
        root.write_histograms(
            tmp_path / f"{region}.root", {keys[k]: h for k, h in filled.items() if k.region == region}
        )
    document["General"] |= {
        "InputPath": f"{tmp_path}/{{RegionPath}}.root:{{SamplePath}}_{{VariationPath}}",
        "VariationPath": "Nominal_Nominal",
    }
    for region in document["Regions"]:
        region["RegionPath"] = region["Name"]
    for sample in document["Samples"]:
        sample["SamplePath"] = sample["Name"]
    for systematic in document["Systematics"][1:]:
        systematic["Up"] = {"VariationPath": f"{systematic['Name']}_Up"}
    document["Systematics"][1]["Down"] = {"VariationPath": "Scale_Down"}
    del document["Regions"][0]["Binning"]
    configuration = Configuration.read(document)
    found = configuration.histograms(source="histograms")
    assert list(found) == list(filled)
    for key, made in found.items():
        np.testing.assert_array_equal(made.values(), filled[key].values())
        np.testing.assert_array_equal(made.variances(), filled[key].variances())
    document["Samples"][2]["SamplePath"] = ["S", "B"]
    document["Systematics"][2]["Up"]["SamplePath"] = "B"
    document["Regions"].pop()
    twice = Configuration.read(document).histograms(source="histograms")[TemplateKey("SR", "B")]
    sums = filled[TemplateKey("SR", "B")].values() + filled[TemplateKey("SR", "S")].values()
    np.testing.assert_allclose(twice.values(), sums, rtol=1e-15)
    document["Samples"][2]["SamplePath"] = "C"
    with pytest.raises(InvalidFile, match=r"sample 'B': .*no histogram 'C_Nominal_Nominal'; did you mean"):
        Configuration.read(document).histograms(source="histograms")
    document["General"]["InputPath"] = "{RegionPath}{SamplePath}{VariationPath}"
    with pytest.raises(InvalidFile, match=r"names no histogram; write FILE:NAME"):
        Configuration.read(document).histograms(source="histograms")


def without(part, index, key):
    return lambda document: document[part][index].pop(key)


def with_(part, index, key, value):
    return lambda document: document[part][index].update({key: value})


FAULTS = {
    "no binning": (without("Regions", 0, "Binning"), InvalidFile, r"\$\.Regions\[0\]: .*there is no Binning; add it"),
    "no variable": (
        without("Regions", 1, "Variable"),
        InvalidFile,
        r"\$\.Regions\[1\]: .*there is no Variable; add it",
    ),
    "no tree": (without("Samples", 0, "Tree"), InvalidFile, r"\$\.Samples\[0\]: .*there is no Tree; add it"),
    "no path of a region": (
        without("Regions", 1, "RegionPath"),
        InvalidFile,
        r"\$\.Regions\[1\]: InputPath has \{RegionPath\}, but there is no RegionPath here",
    ),
    "no path of a sample": (
        without("Samples", 2, "SamplePath"),
        InvalidFile,
        r"\$\.Samples\[2\]: InputPath has \{Sample",
    ),
    "no file": (
        with_("Samples", 2, "SamplePath", "absent"),
        InvalidFile,
        r"absent\.root: no such file; .* holds .*data",
    ),
    "no tree of this name": (with_("Samples", 2, "Tree", "mini"), InvalidFile, "no tree 'mini'; the file holds events"),
    "no column": (
        with_("Regions", 0, "Variable", "jet_mass"),
        UnknownName,
        "no column 'jet_mass', which region 'SR', sample 'Data' needs; did you mean 'jet_m'",
    ),
    "numbers as filter": (with_("Samples", 2, "Filter", "n"), InvalidData, "sample 'B': expression 'n' gives numbers"),
    "jagged variable": (
        with_("Regions", 1, "Variable", "lep_pt"),
        InvalidData,
        "region 'CR', .*several values per event",
    ),
    "no finite variable": (
        with_("Regions", 0, "Variable", "log(jet_m - 50)"),
        InvalidData,
        r"data\.root: region 'SR', sample 'Data': Variable 'log\(jet_m - 50\)' is not finite for \d+ events, first nan",
    ),
    "no finite weight": (
        with_("Samples", 2, "Weight", "1 / (n - n)"),
        InvalidData,
        r"background\.root: region 'SR', sample 'B': Weight .* is not finite for \d+ events, first inf in event 0",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_refused_with_their_place(name, document):
    change, error, message = FAULTS[name]
    change(document)
    with pytest.raises(error, match=message):
        Configuration.read(document).histograms()


def test_the_event_named_is_that_of_the_file(document):
    document["Regions"][0]["Variable"] = "log(jet_m - 50)"
    of = COLUMNS["data"]
    first = int(np.flatnonzero((of["n"] >= 3) & (of["jet_m"] < 50))[0])
    with pytest.raises(InvalidData, match=rf"in event {first};"):
        Configuration.read(document).histograms()


def test_a_path_that_the_inputs_do_not_use_is_noticed(document, caplog):
    document["General"]["InputPath"] = document["General"]["InputPath"].replace("{RegionPath}", "SR")
    with caplog.at_level("WARNING", logger="wilks"):
        Configuration.read(document).histograms()
    assert "a RegionPath is given, but InputPath" in caplog.text
