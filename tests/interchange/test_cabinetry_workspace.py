"""Workspaces of configurations of cabinetry: contents by hand, a fit from files on disk, and faults."""

import copy

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidFile
from wilks.data.axes import Variable
from wilks.data.events import Events
from wilks.data.histogram import Histogram
from wilks.data.smoothing import smoothed_variation
from wilks.inference.fitting import fit
from wilks.interchange import root
from wilks.interchange.branches import Schema
from wilks.interchange.cabinetry import Configuration
from wilks.interchange.cabinetry_parts import TemplateKey

EDGES = (0.0, 1.0, 2.0, 4.0)
SIGNAL, BACKGROUND = np.array([2.0, 6.0, 4.0]), np.array([50.0, 30.0, 20.0])
UP, DOWN = np.array([60.0, 33.0, 27.0]), np.array([40.0, 28.0, 22.0])

DOCUMENT = {
    "General": {"Measurement": "fit", "POI": "mu", "InputPath": "{SamplePath}", "HistogramFolder": "unused"},
    "Regions": [{"Name": "signal region", "Binning": list(EDGES)}, {"Name": "CR", "Binning": [0, 1]}],
    "Samples": [
        {"Name": "Data", "Data": True},
        {"Name": "S", "Regions": "signal region", "DisableStaterror": True},
        {"Name": "B"},
    ],
    "NormFactors": [
        {"Name": "mu", "Samples": "S", "Nominal": 1, "Bounds": [-5, 10]},
        {"Name": "k", "Samples": "B", "Regions": "CR"},
    ],
    "Systematics": [
        {"Name": "Rate", "Type": "Normalization", "Up": {"Normalization": 0.1}, "Down": {"Symmetrize": True}},
        {
            "Name": "Lumi",
            "Type": "Normalization",
            "Up": {"Normalization": 0.02},
            "Down": {"Normalization": -0.01},
            "Samples": ["S"],
        },
        {"Name": "Scale", "Type": "NormPlusShape", "Up": {}, "Down": {}, "Samples": "B", "ModifierName": "scale"},
        {"Name": "Model", "Type": "NormPlusShape", "Up": {}, "Down": {"Symmetrize": True}, "Samples": "B"},
    ],
}


def weighted(key, values):
    return Histogram.from_weights(Variable(EDGES if len(values) == 3 else EDGES[:2]), values, 0.25 * np.abs(values))


def histograms():
    made = {
        ("signal region", "Data"): np.array([55.0, 38.0, 23.0]),
        ("signal region", "S"): SIGNAL,
        ("signal region", "B"): BACKGROUND,
        ("signal region", "B", "Scale", "Up"): UP,
        ("signal region", "B", "Scale", "Down"): DOWN,
        ("signal region", "B", "Model", "Up"): UP,
        ("CR", "Data"): np.array([210.0]),
        ("CR", "B"): np.array([200.0]),
        ("CR", "B", "Scale", "Up"): np.array([220.0]),
        ("CR", "B", "Scale", "Down"): np.array([190.0]),
        ("CR", "B", "Model", "Up"): np.array([230.0]),
    }
    return {TemplateKey(*key): weighted(key, values) for key, values in made.items()}


@pytest.fixture
def document():
    return copy.deepcopy(DOCUMENT)


def modifiers(workspace, channel, sample):
    channels = {one["name"]: one for one in workspace.document["channels"]}
    samples = {one["name"]: one for one in channels[channel]["samples"]}
    return {(one["name"], one["type"]): one["data"] for one in samples[sample]["modifiers"]}


def test_contents_by_hand(document):
    workspace = Configuration.read(document).workspace(histograms())
    assert workspace.channels == (("signal region", 3), ("CR", 1))
    assert workspace.document["observations"] == [
        {"name": "signal region", "data": [55.0, 38.0, 23.0]},
        {"name": "CR", "data": [210.0]},
    ]
    assert modifiers(workspace, "signal region", "S") == {
        ("mu", "normfactor"): None,
        ("Rate", "normsys"): {"hi": 1.1, "lo": 2 - 1.1},
        ("Lumi", "normsys"): {"hi": 1.02, "lo": 0.99},
    }
    found = modifiers(workspace, "signal region", "B")
    assert list(found) == [
        ("staterror_signal-region", "staterror"), ("Rate", "normsys"), ("scale", "normsys"), ("scale", "histosys"),
        ("Model", "normsys"), ("Model", "histosys"),
    ]  # fmt: skip
    np.testing.assert_allclose(found["staterror_signal-region", "staterror"], 0.5 * np.sqrt(BACKGROUND), rtol=1e-15)
    assert found["scale", "normsys"] == {"hi": 1.2, "lo": 0.9}
    np.testing.assert_allclose(found["scale", "histosys"]["hi_data"], [50.0, 27.5, 22.5], rtol=1e-15)
    np.testing.assert_allclose(found["scale", "histosys"]["lo_data"], DOWN / 0.9, rtol=1e-15)
    assert found["Model", "normsys"] == {"hi": 1.2, "lo": 0.8}
    np.testing.assert_allclose(found["Model", "histosys"]["lo_data"], [50.0, 32.5, 17.5], rtol=1e-15)
    one_bin = modifiers(workspace, "CR", "B")  # one bin has no shape
    assert [key for key in one_bin if key[0] in ("scale", "Model")] == [("scale", "normsys"), ("Model", "normsys")]
    assert one_bin["scale", "normsys"] == {"hi": 1.1, "lo": 0.95}
    assert one_bin["k", "normfactor"] is None
    assert workspace.measurements == ("fit",)
    assert workspace.poi() == "mu"
    space = workspace.likelihood().space
    assert (space["mu"].lower, space["mu"].upper, space["mu"].start) == (-5.0, 10.0, 1.0)


def test_fixed_values_count_before_nominal_ones(document):
    document["General"]["Fixed"] = [{"Name": "mu", "Value": 2}, {"Name": "scale", "Value": 0.5}]
    workspace = Configuration.read(document).workspace(histograms())
    assert workspace.document["measurements"][0]["config"]["parameters"] == [
        {"name": "mu", "inits": [2.0], "bounds": [[-5.0, 10.0]], "fixed": True},
        {"name": "k"},
        {"name": "scale", "inits": [0.5], "fixed": True},
    ]
    result = fit(workspace.likelihood(), workspace.data())
    assert (result.values["mu"], result.values["scale"]) == (2.0, 0.5)


def test_templates_are_smoothed_where_asked(document):
    document["Systematics"][2]["Smoothing"] = {"Algorithm": "353QH, twice", "Samples": ["B"]}
    document["Systematics"][3]["Smoothing"] = {"Algorithm": "353QH, twice", "Regions": "CR"}
    found = modifiers(Configuration.read(document).workspace(histograms()), "signal region", "B")
    up, down = smoothed_variation(BACKGROUND, UP), smoothed_variation(BACKGROUND, DOWN)
    assert np.abs(up - UP).max() > 0.1
    np.testing.assert_allclose(found["scale", "histosys"]["hi_data"], up / 1.2, rtol=1e-14)  # rounding of one sum
    np.testing.assert_allclose(found["scale", "histosys"]["lo_data"], down / 0.9, rtol=1e-14)
    np.testing.assert_allclose(found["Model", "histosys"]["hi_data"], UP / 1.2, rtol=1e-14)


def test_faults_are_named(document):
    document["Systematics"][2]["Smoothing"] = {"Algorithm": "353QH, twice"}
    empty = histograms()
    key = TemplateKey("signal region", "B")
    empty[key] = weighted(key, np.array([50.0, 0.0, 20.0]))
    message = "region 'signal region', sample 'B', systematic 'Scale' Up: bin 1 of the nominal template is empty"
    with pytest.raises(InvalidData, match=message):
        Configuration.read(document).workspace(empty)
    missing = histograms()
    del missing[TemplateKey("CR", "B", "Model", "Up")]
    with pytest.raises(InvalidData, match="region 'CR', sample 'B', systematic 'Model' Up: no such histogram"):
        Configuration.read(document).workspace(missing)
    nothing = histograms()
    key = TemplateKey("CR", "B", "Scale", "Down")
    nothing[key] = weighted(key, np.array([0.0]))
    with pytest.raises(InvalidData, match="systematic 'Scale': the down template has the sum 0"):
        Configuration.read(document).workspace(nothing)
    document["Systematics"][0]["Name"] = "mu"
    with pytest.raises(InvalidFile, match=r"'mu' is used as normfactor in .* and as pull here; rename one"):
        Configuration.read(document).workspace(histograms())


TEXT = """
General: {{Measurement: m, POI: mu, HistogramFolder: unused, InputPath: "{folder}/{{SamplePath}}.root"}}
Regions:
  - {{Name: SR, Variable: mass, Binning: [100, 115, 120, 125, 130, 150], Filter: "(njet >= 2) & (abs(eta) < 2.5)"}}
Samples:
  - {{Name: Data, Tree: events, SamplePath: data, Data: True}}
  - {{Name: Signal, Tree: events, SamplePath: signal, Weight: weight}}
  - {{Name: Background, Tree: events, SamplePath: background, Weight: weight}}
NormFactors:
  - {{Name: mu, Samples: Signal, Nominal: 1, Bounds: [0, 10]}}
Systematics:
  - {{Name: lumi, Type: Normalization, Up: {{Normalization: 0.02}}, Down: {{Normalization: -0.02}}}}
  - Name: scale
    Type: NormPlusShape
    Up: {{Variable: "mass * 1.01"}}
    Down: {{Symmetrize: True}}
    Samples: Signal
    Smoothing: {{Algorithm: "353QH, twice"}}
"""


def test_a_configuration_on_disk_is_fitted(tmp_path):
    pytest.importorskip("uproot", reason="uproot comes with the extra 'io'")
    pytest.importorskip("yaml", reason="PyYAML comes with the extra 'io'")
    draw = np.random.default_rng(5)

    def events(masses, weight):
        size = len(masses)
        return {
            "mass": masses.astype(np.float32),
            "eta": draw.uniform(-3, 3, size).astype(np.float32),
            "njet": draw.integers(1, 5, size).astype(np.int32),
            "weight": np.full(size, weight, dtype=np.float32),
        }

    made = {
        "signal": events(draw.normal(122.5, 4, 2000), 0.125),
        "background": events(draw.uniform(100, 150, 4000), 0.5),
    }
    observed = np.concatenate([draw.normal(122.5, 4, 250), draw.uniform(100, 150, 2000)])
    made["data"] = events(observed, 1.0)
    for name, columns in made.items():
        root.write_events(tmp_path / f"{name}.root", [Events(columns)], tree="events", schema=Schema(units={}))
    path = tmp_path / "config.yml"
    path.write_text(TEXT.format(folder=tmp_path), encoding="utf-8")

    configuration = Configuration.read(path)
    workspace = configuration.workspace(configuration.histograms())

    edges = [100, 115, 120, 125, 130, 150]
    by_hand = {}
    for name, columns in made.items():
        keep = (columns["njet"] >= 2) & (np.abs(columns["eta"]) < 2.5)
        weights = None if name == "data" else columns["weight"].astype(float)[keep]
        by_hand[name] = np.histogram(columns["mass"].astype(float)[keep], edges, weights=weights)[0]
    signal, background = workspace.document["channels"][0]["samples"]
    np.testing.assert_array_equal(signal["data"], by_hand["signal"])  # weights are powers of 2: sums are exact
    np.testing.assert_array_equal(background["data"], by_hand["background"])
    np.testing.assert_array_equal(workspace.document["observations"][0]["data"], by_hand["data"])

    likelihood, data = workspace.likelihood(), workspace.data()
    result = fit(likelihood, data)
    assert abs(result.values["mu"] - 1) < 3 * result.errors["mu"]  # data were drawn with mu = 1
    assert 0.05 < result.errors["mu"] < 0.5
    simulated = {TemplateKey("SR", "Data"): by_hand["signal"] + by_hand["background"]}
    asimov = configuration.histograms() | {
        key: Histogram.from_weights(Variable(tuple(map(float, edges))), values, values)
        for key, values in simulated.items()
    }
    best = fit(likelihood, configuration.workspace(asimov).data())
    # of its own expectation a fit finds the truth, here to a hundredth of the error
    assert best.values["mu"] == pytest.approx(1.0, abs=0.01 * best.errors["mu"])
    assert abs(best.values["scale"]) < 0.01
