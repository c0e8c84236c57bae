import json

QUICK = ("--starts", "32", "--steps", "200", "--toys", "0")


def test_the_help_lists_the_options(wilks):
    code, out, _ = wilks("run", "flavor", "--help")
    assert code == 0
    for option in ("--model", "--release", "--ordering", "--correlations", "--starts", "--seed", "--workers"):
        assert option in out


def test_a_run_prints_one_document_and_writes_a_report(wilks, tmp_path):
    code, out, _ = wilks("run", "flavor", *QUICK, "--json", "--output", str(tmp_path))
    assert code == 0
    document = json.loads(out)
    assert (document["command"], document["status"]) == ("run", "ok")
    assert {"chi2", "contributions", "parameters", "minima", "fit_IO", "samples", "predictions"} <= set(
        document["result"]
    )
    assert "goodness" not in document["result"]  # no toys were asked for
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for heading in ("Where are the minima?", "Which ordering?", "What does the model predict?"):
        assert heading in page
    assert len(list((tmp_path / "figures").glob("*.svg"))) == 5
    saved = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert saved["results"]["minima"]["class"] == "Minima"


def test_a_release_that_is_not_there_is_refused_in_one_line(wilks):
    code, out, err = wilks("run", "flavor", "--release", "9.9")
    assert (code, out) == (2, "")
    assert "9.9" in err
    assert "Traceback" not in err
