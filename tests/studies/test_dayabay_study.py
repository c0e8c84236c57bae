"""The measurement of theta_13 with Daya Bay: numbers, closure, report, ways to fit."""

import importlib.util

import pytest

from wilks._base.errors import InvalidOption
from wilks.physics.oscillation.dayabay.constants import PUBLISHED
from wilks.studies.dayabay import dayabay
from wilks.studies.dayabay.ways import ANGLE, SPLITTING
from wilks.studies.study import Effort, StudyReport

needs_data = pytest.mark.skipif(
    importlib.util.find_spec("dayabay_data_official") is None,
    reason="the package dayabay-data-official is not installed; pip install 'wilks[data]'",
)


@pytest.fixture(scope="module")
def report() -> StudyReport:
    return dayabay(effort=Effort(toys=100))


def test_unknown_options_are_named() -> None:
    with pytest.raises(InvalidOption, match="statistic 'chi2'"):
        dayabay(statistic="chi2")
    with pytest.raises(InvalidOption, match="choose one of normal, inverted"):
        dayabay(ordering="up")


@pytest.mark.slow
@needs_data
def test_every_way_without_bias_agrees_with_the_published_result(report: StudyReport) -> None:
    ways = {way["way"]: way for way in report.numbers["ways"]}
    (angle, angle_error), (splitting, splitting_error) = PUBLISHED[ANGLE], PUBLISHED[SPLITTING]
    for name, way in ways.items():
        assert abs(way["angle"] - angle) < 0.5 * angle_error, name
        if name != "inverted ordering":
            assert abs(way["splitting"] - splitting) < 0.5 * splitting_error, name
    assert ways["CNP with moving variance"]["overshoot"] == pytest.approx(0.082, abs=0.002)
    assert abs(ways["Neyman"]["overshoot"]) < 1e-3
    assert ways["inverted ordering"]["splitting"] == pytest.approx(2.571e-3, abs=0.2 * 0.060e-3)  # the paper's abstract


@pytest.mark.slow
@needs_data
def test_the_report_has_figures_regions_and_a_goodness_of_fit(report: StudyReport) -> None:
    assert report.status == "ok"
    assert "closure_failed" not in report.flags
    assert {"data", "fit", "closure", "contour", "contour_95", "goodness", "ways"} == set(report.results)
    figures = [caption for chapter in report.chapters for caption in chapter.draw()]
    assert len(figures) == 3
    assert 0.005 < report.numbers["goodness"]["p_value"] <= 1.0  # chi2 558 where toys have 525 and less: 0.06
