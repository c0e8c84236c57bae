"""The command ``wilks run dayabay``."""

import importlib.util
import json
import sys

import pytest


def test_the_published_result_is_reproduced(wilks, tmp_path):
    if importlib.util.find_spec("dayabay_data_official") is None:
        pytest.skip("the package dayabay-data-official is not installed; pip install 'wilks[data]'")
    options = ("--no-contours", "--no-compare", "--output", str(tmp_path))
    code, out, err = wilks("run", "dayabay", *options)
    assert code == 0
    assert "7 of 7 numbers agree" in out
    assert "wrote" in err
    result = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["result"]
    # PRL 130 (2023) 161802: values within a fifth of the error, errors within a twentieth
    assert abs(result["sin2_2theta13"] - 0.0851) < 0.2 * 0.0024
    assert abs(result["dm2_32"] - 2.466e-3) < 0.2 * 0.060e-3
    assert result["sin2_2theta13_error"] == pytest.approx(0.0024, rel=0.05)
    assert result["dm2_32_error"] == pytest.approx(0.060e-3, rel=0.05)
    assert 450 < result["chi2"] < 600  # for 525 degrees of freedom
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("<svg") >= 1


def test_without_the_data_one_sentence_says_what_to_install(wilks, monkeypatch):
    monkeypatch.setitem(sys.modules, "dayabay_data_official", None)
    code, _, err = wilks("run", "dayabay")
    assert code != 0
    assert "pip install 'wilks[data]'" in err
    assert "Traceback" not in err


def test_a_folder_without_the_release_is_named(wilks, tmp_path):
    code, _, err = wilks("run", "dayabay", "--data", str(tmp_path))
    assert code == 3
    assert str(tmp_path) in err
