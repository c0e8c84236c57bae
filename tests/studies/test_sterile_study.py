"""The global picture of 3+1 neutrinos: which experiments load, what is found, and how it leaves the command line."""

import json
from pathlib import Path

import pytest

from wilks.cli import main
from wilks.studies.sterile import load, sterile
from wilks.studies.study import Effort, StudyReport


@pytest.fixture(scope="module")
def report() -> StudyReport:
    return sterile(nodes=12, compare=False, effort=Effort(toys=0))


def test_without_files_rates_and_gallium_remain_and_the_others_say_what_they_need() -> None:
    experiments = load(None)
    assert list(experiments.studies) == ["rates", "gallium"]
    assert "Bugey-3" in experiments.studies["rates"].events
    assert "ancillary files of arXiv:2006.11210" in experiments.missing["PROSPECT"]
    assert experiments.all.likelihood.space.names[:2] == ("sin2_2theta_ee", "dm2_41_eV2")


def test_a_folder_without_files_is_no_error(tmp_path: Path) -> None:
    experiments = load(tmp_path)
    assert set(experiments.missing) == {"PROSPECT", "DANSS", "Bugey-3"}
    assert "numbers.npz" in experiments.missing["DANSS"]


@pytest.mark.shared
def test_rates_leave_out_what_spectra_hold(shared_data: Path) -> None:
    experiments = load(shared_data / "oscillation")
    assert not experiments.missing
    assert "Bugey-3" not in experiments.studies["rates"].events
    assert set(experiments.reactors) == {"PROSPECT", "DANSS", "Bugey-3", "rates"}


@pytest.mark.slow
def test_gallium_and_reactor_rates_disagree(report: StudyReport) -> None:
    assert report.status == "ok"
    s, m = report.numbers["gallium"]["best"]
    # BEST, arXiv:2109.11482: (0.34, 1.25 eV^2) for all gallium; mixings are 60 % apart here
    assert 0.2 < s < 0.6
    assert 0.8 < m < 4.0  # two minima of equal depth
    assert report.numbers["gallium"]["delta_chi2_null"] > 20  # more than 4 sigma
    assert report.numbers["rates"]["delta_chi2_null"] < 10
    assert report.numbers["agreement"]["p_value"] < 0.05


@pytest.mark.slow
def test_the_report_says_what_is_missing_and_how_regions_were_made(report: StudyReport) -> None:
    assert {"PROSPECT_not_loaded", "DANSS_not_loaded", "frozen_covariance"} <= set(report.flags)
    titles = [chapter.title for chapter in report.chapters]
    assert titles[:3] == ["The experiments", "rates", "gallium"]
    figures = {caption for chapter in report.chapters for caption in chapter.draw()}
    assert "All experiments: region at 90 %." in figures
    assert "asymptotic" in report.sentence
    json.dumps(report.numbers)


@pytest.mark.slow
def test_exact_regions_come_with_maps(tmp_path: Path) -> None:
    options = ["--exact", "--no-compare", "--toys", "60", "--nodes", "12", "--quiet", "--json"]
    with pytest.raises(SystemExit) as end:
        main.run(["run", "sterile", *options, "--output", str(tmp_path)])
    assert end.value.code == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert 0.0 < results["result"]["all"]["p_null"] < 0.2
    assert "critical value of every node" in (tmp_path / "report.html").read_text().lower()
