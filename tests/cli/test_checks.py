"""Commands that throw toys from a workspace."""

import json

import pytest

from tests.reference.published import PYHF_README_LIMITS
from wilks.results.store import load


def test_gof_by_law_and_by_toys(wilks, workspace):
    law = wilks("gof", workspace, "--json").document["result"]
    assert law["toys"] == 0
    assert law["p_value"] == law["p_asymptotic"]
    said = wilks("gof", workspace, "--toys", "300", "--seed", "3", "--json")
    result = said.document["result"]
    assert result["toys"] == 300
    assert 0 < result["p_value"] <= 1
    low, high = result["p_toys_interval"]
    assert low < result["p_toys"] < high or result["p_toys"] == pytest.approx(high, abs=1e-2)
    assert result["statistic"] == pytest.approx(law["statistic"], rel=1e-9)


@pytest.mark.parametrize("statistic", ["saturated", "pearson", "ks", "likelihood"])
def test_every_statistic_has_a_toy_p_value(wilks, workspace, statistic):
    result = wilks("gof", workspace, "--statistic", statistic, "--toys", "100", "--json").document["result"]
    assert result["name"] == statistic
    assert 0 < result["p_value"] <= 1


def test_equal_seeds_give_equal_documents_for_any_number_of_workers(wilks, workspace):
    def p(*more: str) -> tuple[float, float]:
        result = wilks("gof", workspace, "--toys", "600", "--seed", "5", "--json", *more).document["result"]
        return result["p_value"], result["exceedances"]

    assert p() == p("--workers", "2")
    assert p() != (wilks("gof", workspace, "--toys", "600", "--seed", "6", "--json").document["result"]["p_value"], -1)


def test_toys_are_counted_summarised_and_saved(wilks, workspace, tmp_path):
    folder = tmp_path / "toys"
    said = wilks("toys", workspace, "--toys", "300", "--at", "mu=1", "--statistic", "t", "--output", folder, "--json")
    result = said.document["result"]
    assert result["toys"] == 300
    assert result["failed"] == 0
    mu = result["parameters"]["mu"]
    assert mu["truth"] == 1.0
    # mean of 300 toys: within five standard errors of the truth
    assert abs(mu["mean"] - 1.0) < 5 * mu["standard_deviation"] / 300**0.5
    saved = load(folder / "toys.npz")
    assert len(saved) == 300
    assert json.loads((folder / "results.json").read_text())["result"]["toys"] == 300


def test_toys_print_their_seed(wilks, workspace):
    assert "seed 7" in wilks("toys", workspace, "--toys", "50", "--seed", "7").out


def test_impacts_rank_the_bins_of_the_workspace(wilks, workspace, tmp_path):
    groups, picture = tmp_path / "groups.json", tmp_path / "ranking.svg"
    groups.write_text('{"background": ["uncorr[0]", "uncorr[1]"]}')
    assert "widen its bounds" in wilks("impacts", workspace).err  # the best value of these data is the bound
    wide = ("--bounds", "mu=-5:10", "--json")
    said = wilks("impacts", workspace, "--groups", groups, "--plot", picture, *wide)
    result = said.document["result"]
    assert said.code == 0
    assert {row["name"] for row in result["parameters"]} == {"uncorr[0]", "uncorr[1]"}
    assert result["statistical"] ** 2 + result["groups"]["background"] ** 2 == pytest.approx(result["error"] ** 2)
    assert picture.stat().st_size > 1000
    first = wilks("impacts", workspace, "--top", "1", *wide).document["result"]["parameters"]
    assert first == result["parameters"][:1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('["a"]', "expected an object"),
        ('{"a": "uncorr[0]"}', "expected a list of names"),
        ('{"a": ["uncorra"]}', "no parameter 'uncorra'"),
    ],
)
def test_files_of_groups_that_say_nothing_are_refused(wilks, workspace, tmp_path, text, said):
    groups = tmp_path / "groups.json"
    groups.write_text(text)
    answer = wilks("impacts", workspace, "--groups", groups)
    assert answer.code in (2, 3)
    assert said in answer.err


def test_limits_of_the_workspace_are_the_published_ones(wilks, workspace, tmp_path):
    picture = tmp_path / "limit.svg"
    said = wilks("limit", workspace, "--plot", picture, "--json")
    found = said.document["result"]
    assert said.code == 0
    assert found["observed"] == pytest.approx(PYHF_README_LIMITS["root"][0], rel=1e-4)
    assert list(found["expected"]) == ["-2", "-1", "0", "1", "2"]
    assert list(found["expected"].values()) == pytest.approx(PYHF_README_LIMITS["root"][1:], rel=1e-4)
    assert picture.stat().st_size > 1000
    thrown = wilks("limit", workspace, "--toys", "400", "--seed", "2", "--json").document["result"]
    assert 0 < thrown["observed_error"] < 0.3
    # five Monte Carlo errors; the asymptotic law itself is right to a few per cent at these counts
    assert abs(thrown["observed"] - found["observed"]) < 5 * thrown["observed_error"] + 0.05
    assert "level" in wilks("limit", workspace, "--level", "1.5").err
