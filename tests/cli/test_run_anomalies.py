"""The commands ``wilks run reactors`` and ``wilks run gallium``."""

import json

import pytest


@pytest.mark.parametrize(
    ("study", "options", "low", "high"),
    [
        ("reactors", ("--rates", "short-baseline"), 0.93, 0.95),  # arXiv:2110.06820: 0.936 to 0.942
        ("gallium", (), 0.79, 0.81),  # arXiv:2109.11482: 0.80
    ],
)
def test_an_anomaly_is_reported_with_its_published_size(wilks, tmp_path, study, options, low, high):
    code, out, err = wilks("run", study, *options, "--nodes", "12", "--toys", "0", "--json", "--output", str(tmp_path))
    assert code == 0
    assert "wrote" in err
    document = json.loads(out)
    result = document["result"]
    assert low < result["averages"][result["chosen"]]["ratio"] < high
    assert (tmp_path / "report.html").read_text(encoding="utf-8").count("<svg") >= 2


@pytest.mark.parametrize("study", ["reactors", "gallium"])
def test_an_unknown_assumption_is_refused_in_one_line(wilks, study):
    option = {"reactors": "--flux", "gallium": "--cross-section"}[study]
    code, out, err = wilks("run", study, option, "nobody")
    assert code == 2
    assert not out
    assert "nobody" in err
