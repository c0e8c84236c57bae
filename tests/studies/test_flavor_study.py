import json

import numpy as np
import pytest

from wilks._base.errors import InvalidOption
from wilks.cli.outcome import finite
from wilks.results.fits import FitResult
from wilks.results.minima import Minima
from wilks.results.samples import Samples
from wilks.studies.flavor.analysis import Depth, flavor
from wilks.studies.flavor.models import MODELS, SEED_POINT, seed_model
from wilks.studies.flavor.posing import Question, model_of
from wilks.studies.study import Effort


@pytest.fixture(scope="module")
def report():
    """The whole study with few starts, steps and toys."""
    return flavor(depth=Depth(starts=64, steps=400), effort=Effort(toys=30, seed=3))


def test_it_goes_from_the_fit_to_predictions(report):
    assert list(report.results) == ["fit", "minima", "fit_IO", "goodness", "samples", "predictions"]
    assert report.status == "ok"
    assert isinstance(report.results["samples"], Samples)


def test_the_fit_is_the_lowest_of_many_minima(report):
    best, minima = report.results["fit"], report.results["minima"]
    assert isinstance(best, FitResult)
    assert isinstance(minima, Minima)
    assert report.numbers["chi2"] == pytest.approx(2 * best.excess)
    assert report.numbers["chi2"] < 5.65 - 0.1  # the minimum that FlavorPy's documentation prints, and a margin
    assert len(minima) > 4
    assert sum(best.contributions.values()) == pytest.approx(report.numbers["chi2"], abs=1e-9)


def test_goodness_of_fit_starts_at_the_global_minimum(report):
    goodness = report.numbers["goodness"]
    # refitted from the minimum itself, so equal up to the fits' tolerance in EDM
    assert goodness["observed"] == pytest.approx(report.numbers["chi2"], abs=1e-5)
    assert 0.0 < goodness["p_value"] < 1.0
    assert goodness["n"] == 30


def test_orderings_are_compared_with_the_offset_of_the_data(report):
    inverted = report.numbers["fit_IO"]
    assert inverted["contributions"]["ordering"] == pytest.approx(9.117398, abs=2e-6)  # published tables, six digits
    assert inverted["chi2"] > report.numbers["chi2"]
    assert "IO has a chi2" in report.sentence


def test_predictions_of_a_real_matrix_have_no_cp_violation(report):
    predictions = report.results["predictions"]
    assert np.all(np.isin(predictions["d/pi"], (0.0, 1.0)))
    np.testing.assert_allclose(predictions["J"], 0.0, atol=1e-15)  # rounding of products below one


def test_the_report_warns_of_sigmas_from_chi2_and_lists_the_first_point(report):
    text = "\n".join(chapter.text for chapter in report.chapters)
    assert "sqrt(x) standard deviations" in text
    assert "At v1 = 1.5, v2 = 1.1, v3 = 1.3: me/mu = 0.0048" in text
    assert "arXiv:2007.14792" in text


def test_all_figures_are_drawn(report):
    figures = {caption: figure for chapter in report.chapters for caption, figure in chapter.draw().items()}
    assert len(figures) == 6  # plane, two with data, lobster, corner; and the toys
    assert any("FlavorPy prints" in caption for caption in figures)


def test_the_numbers_are_plain(report):
    text = json.dumps(finite(report.numbers))
    assert '"images"' in text
    assert report.numbers["ordering"] == "NO"
    assert report.provenance.settings["starts"] == 64


@pytest.mark.parametrize("name", MODELS)
def test_every_model_can_be_posed_in_both_orderings(name):
    question = Question(name, "5.2")
    for ordering in ("NO", "IO"):
        study = question.pose(ordering)
        assert model_of(study).ordering == ordering
        assert set(study.parameters_of_interest) <= set(model_of(study).space.names)
    assert question.chosen == MODELS[name].ordering


def test_a_release_without_the_other_ordering_compares_nothing():
    assert Question(release="6.1").other is None
    assert Question(release="6.0").other == "IO"
    assert Question("a4").other == "NO"


@pytest.mark.parametrize(
    ("choice", "message"),
    [({"model": "a5"}, "model"), ({"release": "4.0"}, "release"), ({"ordering": "normal"}, "ordering")],
)
def test_unknown_words_are_refused(choice, message):
    with pytest.raises(InvalidOption, match=message):
        Question(**choice)


def test_the_simple_model_starts_at_the_point_of_the_example():
    space = seed_model().model.space
    assert dict(zip(space.names, space.starts, strict=True)) == SEED_POINT
