import json

import numpy as np
import pytest

from wilks._base.errors import InvalidOption
from wilks.studies.higgs4l.cms_tables import cms
from wilks.studies.higgs4l.joint_fit import joint
from wilks.studies.higgs4l.official_tables import official
from wilks.studies.study import Effort

TOYS = 300


@pytest.fixture(scope="module")
def announced():
    return []


@pytest.fixture(scope="module")
def report(announced):
    return official(effort=Effort(toys=TOYS, announce=lambda name, result: announced.append(name)))


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of jsonschema, inside pyhf
def test_the_fit_of_the_official_tables_is_that_of_pyhf(report, shared_data):
    pyhf = pytest.importorskip("pyhf")
    document = json.loads((shared_data / "atlas4l" / "atlas_od13_4lep_official_pyhf.json").read_text(encoding="utf-8"))
    workspace = pyhf.Workspace(document)  # the same counts and templates, with one staterror parameter per bin
    model = workspace.model()
    pyhf.set_backend("numpy", "minuit")
    best = pyhf.infer.mle.fit(workspace.data(model), model)
    assert report.status == "ok"
    for name in ("s_s", "s_b"):
        theirs = float(best[model.config.par_slice(name).start])
        # Minuit stops within 1e-2 of the error (0.63, 0.093)
        assert report.numbers["parameters"][name]["value"] == pytest.approx(theirs, abs=5e-3)


def test_results_are_announced_as_they_are_found_with_the_fit_first(report, announced):
    assert announced == list(report.results)
    assert announced[0] == "fit"
    assert set(announced) >= {
        "intervals", "intervals_95", "contour", "contour_95", "discovery", "goodness", "goodness_pearson",
        "goodness_ks", "coverage", "coverage_curve", "bias", "costs", "bias_pearson",
    }  # fmt: skip


def test_intervals_lie_inside_each_other_and_contain_the_value(report):
    for entry in report.numbers["parameters"].values():
        (low, high), (lower, upper) = entry["interval"], entry["interval_95"]
        assert lower < low < entry["value"] < high < upper


def test_the_signal_is_significant_and_the_model_fits(report):
    assert report.numbers["discovery"]["z_asymptotic"] > 3.5
    assert report.numbers["goodness"]["p_toys"] > 0.05
    assert report.numbers["goodness"]["dof"] == 28
    assert report.numbers["goodness_ks"]["p_asymptotic"] is None


def test_costs_obey_their_identities(report):
    costs = report.numbers["costs"]
    # collider.md 3.4: Poisson 0, Pearson half its minimum, Neyman minus its minimum (no empty bin), to the fit's EDM
    assert costs["poisson"]["excess_events"] == pytest.approx(0.0, abs=1e-4)
    assert costs["pearson"]["excess_events"] == pytest.approx(costs["pearson"]["minimum"] / 2, rel=1e-4)
    assert costs["neyman"]["excess_events"] == pytest.approx(-costs["neyman"]["minimum"], rel=1e-4)


def test_pearson_is_biased_and_the_likelihood_is_not(report):
    good, bad = report.numbers["bias"]["s_b"], report.numbers["bias_pearson"]["s_b"]
    assert abs(good["bias"]) < 4 * good["bias_error"]
    assert bad["bias"] > 8 * bad["bias_error"]


def test_the_interval_covers(report):
    covered = report.numbers["coverage"]
    # binomial error of 300 toys: 0.027
    assert covered["fraction"] == pytest.approx(0.6827, abs=4 * 0.027)
    assert report.results["coverage_curve"].fraction(2.3) == pytest.approx(0.683, abs=4 * 0.027)


def test_every_chapter_shows_results_that_exist_and_draws(report):
    shown = [name for chapter in report.chapters for name in chapter.results]
    assert set(shown) == set(report.results)
    figures = [figure for chapter in report.chapters for figure in chapter.draw().values()]
    assert len(figures) == 10
    assert all(figure.axes for figure in figures)


def test_a_report_prints_all_of_it(report):
    text = str(report)
    assert report.sentence in text
    assert "Goodness of fit" in text
    assert "reconstructed" not in text


def test_a_chi_square_is_flagged():
    found = official(cost="pearson", effort=Effort(toys=0))
    assert "biased_cost" in found.flags
    assert found.numbers["parameters"]["s_b"]["value"] == pytest.approx(1.331, abs=0.001)


def test_an_average_over_simulation_quotes_no_chi_square_law():
    found = official(template_statistics="marginal", effort=Effort(toys=0))
    assert found.numbers["goodness"]["p_value"] is None
    assert any("No probability is quoted" in chapter.text for chapter in found.chapters)
    # two treatments of the same simulation may differ by a part of the error that the counts leave
    scaled = official(effort=Effort(toys=0)).numbers["parameters"]["s_b"]
    assert found.numbers["parameters"]["s_b"]["value"] == pytest.approx(scaled["value"], abs=0.3 * scaled["error"])


def test_scales_of_each_source_keep_the_chi_square_law():
    found = official(template_statistics="full", effort=Effort(toys=0))
    assert found.numbers["goodness"]["p_value"] > 0.001
    assert found.numbers["parameters"]["s_b"]["error"] > 0


def test_options_are_checked():
    with pytest.raises(InvalidOption, match="cost 'chi2' does not exist"):
        official(cost="chi2")
    with pytest.raises(InvalidOption, match=r"luminosity -1 fb\^-1"):
        official(luminosity_fb=-1)


def test_normalisation_moves_the_background_strength():
    plain = official(effort=Effort(toys=0)).numbers["parameters"]["s_b"]["value"]
    released = official(normalisation="release", effort=Effort(toys=0)).numbers["parameters"]["s_b"]["value"]
    assert released < plain / 1.2  # ZZ dominates and is scaled by 1.3


def test_one_strength_for_both_experiments_is_more_precise_than_either():
    effort = Effort(toys=0)
    apart = [study(effort=effort).numbers["parameters"]["s_s"] for study in (official, cms)]
    together = joint(effort=effort)
    shared = together.numbers["parameters"]["mu"]
    assert set(together.numbers["parameters"]) == {"mu", "atlas_b", "cms_b"}
    assert shared["error"] < min(entry["error"] for entry in apart)
    values = sorted(entry["value"] for entry in apart)
    assert values[0] < shared["value"] < values[1]
    # weighted mean of the two, up to the skewness of their likelihoods
    weights = np.array([1 / entry["error"] ** 2 for entry in apart])
    mean = float(np.dot(weights, [entry["value"] for entry in apart]) / weights.sum())
    assert shared["value"] == pytest.approx(mean, abs=0.5 * shared["error"])
    assert together.numbers["discovery"]["z_asymptotic"] > 4


def test_the_cms_tables_hold_three_channels():
    found = cms(effort=Effort(toys=0))
    picture = found.chapters[1].draw()
    assert len(next(iter(picture.values())).axes) == 6
    assert found.numbers["ndf"] == 3 * 37 - 2
