"""Commands that fit, scan and quote intervals of a workspace."""

import copy
import json
import math

import numpy as np
import pytest

from .conftest import README_MODEL


def test_fit_prints_the_published_minimum_as_one_json_document(wilks, workspace):
    said = wilks("fit", workspace, "--json")
    assert said.code == 0
    document = said.document
    assert list(document) == ["schema", "command", "status", "flags", "result", "provenance"]
    assert document["command"] == "fit"
    assert document["status"] == "at_bound"
    # pyhf's documentation, to the digits it prints
    assert document["result"]["twice_nll"] == pytest.approx(24.98393521, abs=1e-7)
    parameters = document["result"]["parameters"]
    assert parameters["mu"] == {"value": 0.0, "error": None, "reason": "on a bound"}
    # at mu = 0 each gamma is (n + tau) / (b + tau) with tau = (b / sigma)^2; Newton's last step leaves less than 1e-9
    assert parameters["uncorr[0]"]["value"] == pytest.approx((51 + (50 / 3) ** 2) / (50 + (50 / 3) ** 2), abs=1e-8)
    assert parameters["uncorr[1]"]["value"] == pytest.approx((48 + (52 / 7) ** 2) / (52 + (52 / 7) ** 2), abs=1e-8)
    assert parameters["uncorr[0]"]["error"] > 0
    assert np.shape(document["result"]["correlation"]) == (3, 3)
    assert document["provenance"]["command"].startswith("wilks")


def test_fit_prints_a_table_for_people(wilks, workspace):
    said = wilks("fit", workspace)
    assert said.code == 0
    assert "minimum found" in said.out
    assert "uncorr[1]" in said.out
    assert said.err == ""


def test_standard_input_is_a_workspace(wilks, monkeypatch):
    import io
    import sys

    class Stream:
        buffer = io.BytesIO(json.dumps(README_MODEL).encode())

    monkeypatch.setattr(sys, "stdin", Stream())
    assert wilks("fit", "-", "--json").document["status"] == "at_bound"


def test_minos_adds_intervals(wilks, workspace):
    said = wilks("fit", workspace, "--bounds", "mu=-5:10", "--minos", "mu", "--json")
    entry = said.document["result"]["parameters"]["mu"]
    low, high = entry["interval"]
    assert low < entry["value"] < high
    assert entry["open"] == [False, False]


def test_fixed_parameters_keep_their_value(wilks, workspace):
    said = wilks("fit", workspace, "--fix", "mu=1", "--fix", "uncorr[0]", "--json")
    parameters = said.document["result"]["parameters"]
    assert parameters["mu"] == {"value": 1.0, "error": None, "reason": "fixed"}
    assert parameters["uncorr[0]"]["value"] == 1.0


def test_asimov_data_give_the_start_values_back(wilks, workspace):
    said = wilks("fit", workspace, "--data", "asimov", "--set", "mu=1.5", "--json")
    # the fit starts at the truth and its gradient vanishes there
    assert said.document["result"]["parameters"]["mu"]["value"] == pytest.approx(1.5, abs=1e-9)


def test_data_from_a_file(wilks, workspace, tmp_path):
    counts = tmp_path / "counts.json"
    counts.write_text(json.dumps({"SR": [62, 63]}))
    said = wilks("fit", workspace, "--data", counts, "--json")
    assert said.document["status"] == "ok"
    assert said.document["result"]["parameters"]["mu"]["value"] > 0.5


@pytest.mark.parametrize("minimiser", ["auto", "newton", "bfgs", "minuit", "scipy"])
def test_minimisers_agree(wilks, workspace, minimiser):
    document = wilks("fit", workspace, "--minimiser", minimiser, "--json").document
    assert document["result"]["twice_nll"] == pytest.approx(24.98393521, abs=1e-7)


def test_patch_changes_the_workspace(wilks, workspace, tmp_path):
    patch = tmp_path / "patch.json"
    patch.write_text(json.dumps([{"op": "replace", "path": "/observations/0/data", "value": [70, 70]}]))
    assert wilks("fit", workspace, "--patch", patch, "--json").document["result"]["parameters"]["mu"]["value"] > 1


def test_interpolation_codes_change_the_model(wilks, tmp_path):
    model = copy.deepcopy(README_MODEL)
    shift = {"hi_data": [60.0, 52.0], "lo_data": [48.0, 52.0]}
    model["channels"][0]["samples"][1]["modifiers"] = [{"name": "shape", "type": "histosys", "data": shift}]
    path = tmp_path / "shape.json"
    path.write_text(json.dumps(model))
    minima = {
        code: wilks("fit", path, "--code", f"histosys={code}", "--json").document["result"]["twice_nll"]
        for code in ("0", "2", "4p")
    }
    assert len(set(minima.values())) == 3


def test_interval_meets_its_threshold(wilks, workspace):
    said = wilks("interval", workspace, "--level", "0.95", "--json")
    entry = said.document["result"]["parameters"]["mu"]
    assert said.code == 0
    assert entry["interval"][0] == 0.0
    assert entry["open"] == [True, False]
    high = entry["interval"][1]
    free = wilks("fit", workspace, "--json").document["result"]["twice_nll"]
    held = wilks("fit", workspace, "--fix", f"mu={high!r}", "--json").document["result"]["twice_nll"]
    # the 95 % quantile of chi2 with one degree of freedom; ends are found to 1e-6 of it
    assert held - free == pytest.approx(3.841459, abs=1e-5)


def test_interval_of_all_parameters(wilks, workspace):
    document = wilks("interval", workspace, "--parameter", "all", "--json").document
    assert list(document["result"]["parameters"]) == ["mu", "uncorr[0]", "uncorr[1]"]


def test_scan_of_one_and_two_parameters(wilks, workspace, tmp_path):
    picture = tmp_path / "scan.svg"
    one = wilks("scan", workspace, "--points", "7", "--range", "0:3", "--plot", picture, "--json").document
    assert len(one["result"]["delta"]) == 7
    assert one["result"]["delta"][0] == pytest.approx(0.0, abs=1e-9)
    assert set(one["result"]["intervals"]) == {"0.6827", "0.95"}
    assert picture.read_text().lstrip().startswith("<?xml")
    two = wilks(
        "scan",
        workspace,
        "--parameter",
        "mu,uncorr[0]",
        "--points",
        "4",
        "--range",
        "0:2",
        "--range",
        "0.9:1.1",
        "--json",
    ).document
    assert np.shape(two["result"]["delta"]) == (4, 4)


def test_output_receives_results_report_and_figures(wilks, workspace, tmp_path):
    folder = tmp_path / "out"
    said = wilks("fit", workspace, "--output", folder, "--json")
    assert said.code == 0
    assert json.loads(said.out)["command"] == "fit"  # notices do not disturb the document
    assert "report.html" in said.err
    saved = json.loads((folder / "results.json").read_text())
    assert saved["results"]["fit"]["class"] == "FitResult"
    assert "<svg" in (folder / "report.html").read_text()
    assert list((folder / "figures").glob("*.svg"))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["fit", "nowhere.json"], 3, "nowhere.json"),
        (["fit"], 2, "WORKSPACE"),
        (["fit", "{w}", "--poi", "nu"], 2, "'nu'"),
        (["fit", "{w}", "--fix", "nu=1"], 2, "'nu'"),
        (["fit", "{w}", "--set", "mu=11"], 2, "start value 11.0 lies outside"),
        (["fit", "{w}", "--set", "mu=x"], 2, "is no number"),
        (["fit", "{w}", "--bounds", "mu=3"], 2, "NAME=LO:HI"),
        (["interval", "{w}", "--level", "1.5"], 2, "level 1.5"),
        (["interval", "{w}", "--parameter", "nu"], 2, "'nu'"),
        (["scan", "{w}", "--range", "a:b"], 2, "LO:HI"),
        (["scan", "{w}", "--range", "0:20"], 2, "outside the bounds"),
        (["scan", "{w}", "--parameter", "a,b,c"], 2, "one parameter or two"),
        (["fit", "{w}", "--code", "normsys"], 2, "KIND=CODE"),
        (["fit", "{w}", "--code", "normsys=7"], 2, "choose one of"),
        (["nonsense"], 2, "nonsense"),
        (["run", "nonsense"], 2, "nonsense"),
        (["toys", "{w}", "--toys", "0"], 2, "at least 1"),
        (["gof", "{w}", "--statistic", "magic"], 2, "magic"),
    ],
)
def test_mistakes_end_in_one_sentence_and_their_code(wilks, workspace, arguments, code, words):
    said = wilks(*(a.format(w=workspace) for a in arguments))
    assert said.code == code
    assert said.out == ""
    assert words in said.err
    assert said.err.count("\n") == 1
    assert "Traceback" not in said.err


def test_debug_shows_the_traceback(wilks, workspace):
    said = wilks("--debug", "fit", workspace, "--poi", "nu")
    assert said.code == 2
    assert "Traceback" in said.err


def test_a_broken_workspace_names_the_place(wilks, tmp_path):
    broken = copy.deepcopy(README_MODEL)
    broken["channels"][0]["samples"][0]["data"] = [12.0]
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    said = wilks("fit", path)
    assert said.code == 3
    assert "$.channels[0].samples[1].data" in said.err


def test_a_degenerate_fit_exits_with_4_and_says_why(wilks, tmp_path):
    model = copy.deepcopy(README_MODEL)
    for sample in model["channels"][0]["samples"]:
        sample["data"] = [10.0, 20.0]
        sample["modifiers"] = [{"name": f"norm_{sample['name']}", "type": "normfactor", "data": None}]
    model["measurements"][0]["config"]["poi"] = "norm_signal"
    path = tmp_path / "degenerate.json"
    path.write_text(json.dumps(model))
    said = wilks("fit", path, "--json")
    assert said.code == 4
    document = json.loads(said.out)
    assert document["status"] == "not_pd"
    assert "norm_signal" in document["result"]["cause"]
    assert document["result"]["correlation"] is None
    assert all(entry["error"] is None for entry in document["result"]["parameters"].values())


def test_strict_turns_flags_into_exit_code_5(wilks, workspace):
    # 68 % interval of mu: open at its lower bound, which is a flag
    assert wilks("interval", workspace).code == 0
    assert wilks("interval", workspace, "--strict").code == 5


def test_json_holds_no_nan(wilks, workspace):
    said = wilks("fit", workspace, "--json")

    def refuse(text: str) -> float:
        raise AssertionError(text)

    json.loads(said.out, parse_constant=refuse)


def test_real_workspace(wilks, shared_data):
    path = shared_data / "atlas4l" / "atlas_od13_4lep_official_pyhf.json"
    document = wilks("fit", path, "--json").document
    parameters = document["result"]["parameters"]
    assert document["status"] == "ok"
    assert len(parameters) == 32
    assert all(math.isfinite(entry["error"]) for entry in parameters.values())
