"""Configurations of cabinetry: what is read, and the place named for each fault."""

import copy

import numpy as np
import pytest

from wilks._base.errors import InvalidFile
from wilks.interchange.cabinetry import Configuration

TEXT = """
General:
  Measurement: "measurement"
  POI: "Signal_norm"
  HistogramFolder: "histograms/"
  InputPath: "ntuples/{SamplePath}"
  Fixed:
    - Name: "Modeling"
      Value: 0
Regions:
  - Name: "SR"
    Variable: "jet_pt"
    Filter: "(lep_charge > 0) &
             (n_jets >= 4)"
    Binning: [200, 300, 450, 600]
  - {Name: "CR", Variable: "jet_pt / 1e3", Binning: [0.2, 0.6], RegionPath: ""}
Samples:
  - {Name: "Data", Tree: "events", SamplePath: "data.root", Data: True}
  - {Name: "Signal", Tree: "events", SamplePath: ["signal_a.root", "signal_b.root"], Weight: "weight", Regions: "SR"}
  - {Name: "Background", Tree: "events", SamplePath: "b.root", Filter: "n_jets == 5", DisableStaterror: True}
NormFactors:
  - {Name: "Signal_norm", Samples: "Signal", Nominal: 1, Bounds: [0, 10]}
Systematics:
  - Name: "Luminosity"
    Type: "Normalization"
    Up: {Normalization: 0.05}
    Down: {Normalization: -0.05}
    Samples: ["Signal", "Background"]
  - Name: "Rate"
    Type: "Normalization"
    Up: {Normalization: 0.1}
    Down: {Symmetrize: True}
  - Name: "Modeling"
    Type: "NormPlusShape"
    Up: {SamplePath: "other.root", Tree: "varied", Weight: "weight * 1.1", VariationPath: "up"}
    Down: {Symmetrize: True}
    Samples: "Background"
    Smoothing: {Algorithm: "353QH, twice", Regions: "SR"}
  - Name: "Scale in the SR"
    Type: "NormPlusShape"
    Up: {Variable: "jet_pt_up"}
    Down: {Variable: "jet_pt_down", Filter: "n_jets > 3", RegionPath: "low"}
    Regions: "SR"
    ModifierName: "Scale"
"""


@pytest.fixture
def document():
    yaml = pytest.importorskip("yaml", reason="PyYAML comes with the extra 'io'")
    return copy.deepcopy(yaml.safe_load(TEXT))


def test_all_keys_are_read(tmp_path, document):
    path = tmp_path / "config.yml"
    path.write_text(TEXT, encoding="utf-8")
    configuration = Configuration.read(path)
    settings = configuration.settings
    assert settings == Configuration.read(document).settings
    assert str(path) in repr(configuration)
    assert "Luminosity, Rate, Modeling" in repr(configuration)
    assert (settings.general.poi, settings.general.fixed) == ("Signal_norm", {"Modeling": 0.0})
    sr, cr = settings.regions
    assert sr.filter.text == "(lep_charge > 0) & (n_jets >= 4)"
    np.testing.assert_array_equal(sr.axis.edges, [200, 300, 450, 600])
    assert (cr.filter, cr.region_path, cr.variable.columns) == (None, "", ("jet_pt",))
    signal, background = settings.simulated
    assert (settings.data.name, settings.data.regions) == ("Data", ("SR", "CR"))
    assert (signal.sample_path, signal.regions) == (("signal_a.root", "signal_b.root"), ("SR",))
    assert (signal.disable_staterror, background.disable_staterror) == (False, True)
    (factor,) = settings.norm_factors
    assert (factor.samples, factor.regions) == (("Signal",), ("SR", "CR"))
    assert (factor.nominal, factor.bounds) == (1.0, (0.0, 10.0))
    luminosity, rate, modelling, scale = settings.systematics
    assert (luminosity.up.normalization, luminosity.down.normalization) == (0.05, -0.05)
    assert rate.down.symmetrize
    assert modelling.smoothing.regions == ("SR",)
    assert modelling.up.sample_path == ("other.root",)
    assert (modelling.up.tree, modelling.up.variation_path) == ("varied", "up")
    assert modelling.up.weight.text == "weight * 1.1"
    assert (scale.parameter, scale.samples, scale.regions) == ("Scale", ("Signal", "Background"), ("SR",))
    assert (scale.side("Down").variable.text, scale.down.region_path) == ("jet_pt_down", "low")


def put(*path):
    """A change of a document: the last of the arguments is put at the place given by the others."""
    *keys, last, value = path

    def change(document):
        inner = document
        for key in keys:
            inner = inner[key]
        inner[last] = value

    return change


def drop(part, key):
    return lambda document: document[part].pop(key)


FAULTS = {
    "unknown part": (put("Sample", []), r"\$\.Sample: unknown key 'Sample'; did you mean 'Samples'"),
    "unknown key": (put("Regions", 0, "Binnning", [1]), r"\$\.Regions\[0\]\.Binnning: unknown key"),
    "missing key": (drop("General", "InputPath"), r"\$\.General: key 'InputPath' is missing"),
    "placeholder": (
        put("General", "InputPath", "{Sample}"),
        r"unknown placeholder \{Sample\}; did you mean 'SamplePath'",
    ),
    "parameter of interest": (put("General", "POI", "Signal_nrm"), r"\$\.General: no parameter 'Signal_nrm'; did you"),
    "fixed": (put("General", "Fixed", 0, "Name", "Scale in the SR"), "no parameter 'Scale in the SR'"),
    "fixed twice": (
        put("General", "Fixed", [{"Name": "Scale", "Value": 0}] * 2),
        r"Fixed\[1\]: 'Scale' is fixed twice",
    ),
    "value": (put("General", "Fixed", 0, "Value", "1e-3"), r"Fixed\[0\]\.Value: \"1e-3\" should be a number"),
    "no regions": (put("Regions", []), r"\$\.Regions: the array is empty"),
    "same region": (
        put("Regions", 1, "Name", "SR"),
        r"\$\.Regions\[1\]\.Name: 'SR' is already the name of \$\.Regions\[0\]",
    ),
    "edges": (put("Regions", 0, "Binning", [200, 200, 300]), r"\$\.Regions\[0\]\.Binning: .*200"),
    "one edge": (put("Regions", 0, "Binning", [200]), r"\$\.Regions\[0\]\.Binning"),
    "no number as edge": (put("Regions", 0, "Binning", 1, float("nan")), r"Binning\[1\]: nan"),
    "call": (
        put("Regions", 0, "Filter", "__import__('os').system('ls')"),
        r"Regions\[0\]\.Filter: .*__import__\('os'\)\.system",
    ),
    "attribute": (put("Samples", 1, "Weight", "w.real"), r"\$\.Samples\[1\]\.Weight: .*'w\.real': attributes"),
    "number as weight": (put("Samples", 1, "Weight", 2), r"\$\.Samples\[1\]\.Weight: 2 should be a text"),
    "no data": (put("Samples", 0, "Data", False), "0 samples have Data: True .none.; expected one"),
    "two data": (put("Samples", 1, "Data", True), "2 samples have Data: True .Data, Signal."),
    "switch": (put("Samples", 0, "Data", "yes"), "'yes' should be True or False"),
    "data in part": (put("Samples", 0, "Regions", "SR"), r"\$\.Samples\[0\]: the data leave out region 'CR'"),
    "lonely data": (put("Samples", 2, "Regions", "SR"), r"\$\.Samples: region 'CR' has no sample but the data"),
    "unknown region": (
        put("Samples", 1, "Regions", "SR2"),
        r"\$\.Samples\[1\]\.Regions: no region 'SR2'.*did you mean 'SR'",
    ),
    "no regions of a sample": (put("Samples", 1, "Regions", []), r"Samples\[1\]\.Regions: the array is empty"),
    "modifier of data": (
        put("NormFactors", 0, "Samples", "Data"),
        r"NormFactors\[0\]\.Samples: no sample 'Data' to act on",
    ),
    "bounds": (put("NormFactors", 0, "Bounds", [10, 0]), r"\$\.NormFactors\[0\]\.Bounds: lower bound 10 is not below"),
    "three bounds": (
        put("NormFactors", 0, "Bounds", [0, 1, 2]),
        r"NormFactors\[0\]\.Bounds: has 3 entries, expected 2",
    ),
    "kind": (put("Systematics", 0, "Type", "Shape"), r"Systematics\[0\]\.Type: unknown type 'Shape'; expected Norm"),
    "name": (put("Systematics", 0, "Name", "Nominal"), "stands for templates without variation"),
    "key of another kind": (
        put("Systematics", 0, "Up", {"Tree": "t"}),
        r"Systematics\[0\]\.Up\.Tree: unknown key 'Tree'",
    ),
    "norm of a shape": (
        put("Systematics", 2, "Up", {"Normalization": 1}),
        r"Systematics\[2\]\.Up\.Normalization: unknown",
    ),
    "nothing": (put("Systematics", 0, "Up", {}), r"Up: give either Normalization or Symmetrize"),
    "both": (put("Systematics", 0, "Down", "Symmetrize", True), r"Down: give either Normalization or Symmetrize"),
    "no yield": (put("Systematics", 0, "Down", "Normalization", -1), "-1 leaves no yield"),
    "no yield of a mirror": (
        put("Systematics", 1, "Up", "Normalization", 1.5),
        r"Down: the mirror image of 1\.5 leaves",
    ),
    "mirror with more": (
        put("Systematics", 2, "Down", "Tree", "t"),
        r"Down\.Tree: a side made by Symmetrize reads nothing",
    ),
    "mirrored up": (put("Systematics", 1, "Up", {"Symmetrize": True}), r"Up\.Symmetrize: only Down is made"),
    "algorithm": (put("Systematics", 2, "Smoothing", "Algorithm", "353QH"), "unknown algorithm '353QH'; did you mean"),
    "smoothed norm": (put("Systematics", 0, "Smoothing", {"Algorithm": "353QH, twice"}), "has no shape to smooth"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_are_refused_with_their_place(name, document):
    change, message = FAULTS[name]
    change(document)
    with pytest.raises(InvalidFile, match=message):
        Configuration.read(document)


def test_yaml_that_builds_objects_is_refused(tmp_path):
    path = tmp_path / "config.yml"
    path.write_text("General: !!python/object/apply:os.system ['touch made']", encoding="utf-8")
    with pytest.raises(InvalidFile, match="not plain YAML"):
        Configuration.read(path)
    path.write_text("- 1\n- 2\n", encoding="utf-8")
    with pytest.raises(InvalidFile, match="should be an object with the keys General"):
        Configuration.read(path)
