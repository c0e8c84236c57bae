"""Commands on HS3 documents, which are recognised by their content."""

import copy
import json

import pytest

from .conftest import README_MODEL

AXES = [{"name": "x", "min": 0.0, "max": 2.0, "nbins": 2}]
MODEL = {
    "metadata": {"hs3_version": "0.2"},
    "distributions": [
        {
            "name": "SR",
            "type": "histfactory_dist",
            "axes": AXES,
            "samples": [
                {
                    "name": "signal",
                    "data": {"contents": [12.0, 11.0]},
                    "modifiers": [{"name": "mu", "type": "normfactor", "parameter": "mu"}],
                },
                {
                    "name": "background",
                    "data": {"contents": [50.0, 52.0]},
                    "modifiers": [{"name": "uncorr", "type": "shapesys", "data": {"vals": [3 / 50, 7 / 52]}}],
                },
            ],
        }
    ],
    "data": [{"name": "observed", "type": "binned", "axes": AXES, "contents": [51.0, 48.0]}],
    "likelihoods": [{"name": "main", "distributions": ["SR"], "data": ["observed"]}],
    "analyses": [{"name": "m", "likelihood": "main", "parameters_of_interest": ["mu"]}],
}
"""The two-bin model of pyhf's documentation."""


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.hs3.json"
    path.write_text(json.dumps(MODEL))
    return path


def test_fit_finds_the_published_minimum(wilks, model):
    said = wilks("fit", model, "--json")
    assert said.code == 0
    assert said.document["status"] == "at_bound"
    # pyhf's documentation, to the digits it prints
    assert said.document["result"]["twice_nll"] == pytest.approx(24.98393521, abs=1e-7)
    assert list(said.document["result"]["parameters"]) == ["mu", "uncorr[0]", "uncorr[1]"]


def test_options_mean_what_they_mean_for_workspaces(wilks, model, workspace):
    options = ("--measurement", "m", "--bounds", "mu=-5:10", "--fix", "uncorr[0]=1", "--minimiser", "bfgs", "--json")
    one, two = (wilks("fit", path, *options).document["result"] for path in (workspace, model))
    # both end at an EDM of 1e-10; tau is rounded differently
    assert two["twice_nll"] == pytest.approx(one["twice_nll"], abs=1e-8)
    assert two["parameters"]["mu"]["value"] == pytest.approx(one["parameters"]["mu"]["value"], abs=1e-5)
    patch = model.with_name("patch.json")
    patch.write_text(json.dumps([{"op": "replace", "path": "/data/0/contents", "value": [70.0, 70.0]}]))
    assert wilks("fit", model, "--patch", patch, "--json").document["result"]["parameters"]["mu"]["value"] > 1


def test_standard_input_can_be_hs3(wilks, monkeypatch):
    import io
    import sys

    class Stream:
        buffer = io.BytesIO(json.dumps(MODEL).encode())

    monkeypatch.setattr(sys, "stdin", Stream())
    assert wilks("fit", "-", "--json").document["status"] == "at_bound"


def test_faults_end_with_code_3_and_their_place(wilks, tmp_path):
    broken = copy.deepcopy(MODEL)
    broken["distributions"][0]["type"] = "mixture_dist"
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    said = wilks("fit", path)
    assert (said.code, said.out) == (3, "")
    assert f"{path}: $.distributions[0].type: distribution 'SR' has the type 'mixture_dist'" in said.err
    assert wilks("validate", path).code == 3
    both = tmp_path / "both.json"
    both.write_text(json.dumps(MODEL | README_MODEL))
    assert "unknown key 'channels'" in wilks("fit", both).err
    assert wilks("fit", tmp_path / "none.json").code == 3


def test_validate_says_what_it_is(wilks, model):
    said = wilks("validate", model, "--json").document["result"]
    assert (said["kind"], said["channels"], said["measurements"]) == ("HS3 workspace", 1, 1)
