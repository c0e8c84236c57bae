import json

import pytest


def test_the_help_lists_the_options(wilks):
    code, out, _ = wilks("run", "xenon", "--help")
    assert code == 0
    for option in (
        "--data",
        "--preset",
        "--trials",
        "--no-yields",
        "--toys",
        "--seed",
        "--workers",
        "--json",
        "--output",
    ):
        assert option in out


def test_a_run_prints_one_document_and_writes_a_report(wilks, tmp_path):
    code, out, err = wilks("run", "xenon", "--no-yields", "--seed", "3", "--json", "--output", str(tmp_path))
    assert code == 0
    assert "wrote" in err
    document = json.loads(out)
    assert (document["command"], document["status"], document["provenance"]["seed"]) == ("run", "ok", 3)
    assert {"parameters", "intervals", "rates", "fit_absorption", "limit", "marginals"} <= set(document["result"])
    assert "goodness" not in document["result"]  # no toys were asked for
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for heading in ("Differential rates", "A model function of one", "Are there WIMPs?", "The tutorial"):
        assert heading in page
    assert len(list((tmp_path / "figures").glob("*.svg"))) == 11
    saved = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert saved["results"]["limit"]["class"] == "Limit"


@pytest.mark.shared
def test_visible_events_are_fitted_from_their_table(wilks, shared_data):
    file = shared_data / "xenon" / "er_events.csv"
    code, out, err = wilks("run", "xenon", "--no-yields", "--data", str(file), "--quiet")
    assert (code, err) == (0, "")
    assert "20 events of er_events.csv" not in out  # the source is told in the report
    assert "exact rates in the table" in out
    assert out.splitlines()[-1].startswith("Electron lifetime")


def test_a_table_that_is_none_is_refused_in_one_line(wilks, tmp_path):
    file = tmp_path / "events.csv"
    file.write_text("s1,s2\n10,500\n")
    code, out, err = wilks("run", "xenon", "--data", str(file))
    assert (code, out) == (3, "")
    assert "no column z, drift_time" in err
    assert "Traceback" not in err


def test_an_unknown_preset_is_refused(wilks):
    code, _, err = wilks("run", "xenon", "--preset", "9")
    assert code == 2
    assert "--preset" in err
