"""Coverage of the lifetime's interval on toys of 25 events, each simulated and fitted."""

from functools import partial

import numpy as np
import pytest

from wilks.inference.coverage import coverage, coverage_curve
from wilks.inference.intervals import interval
from wilks.physics.xenon.er import ERSource
from wilks.studies.study import Effort
from wilks.studies.xenon.analysis import xenon
from wilks.studies.xenon.posing import YIELDS, lifetime_likelihood
from wilks.studies.xenon.report import COVERED

TOYS = 500
EXPECTED = 848.254  # events of the default source


@pytest.fixture(scope="module")
def likelihood():
    return lifetime_likelihood(ERSource())


@pytest.fixture(scope="module")
def truth():
    return {"er_rate_multiplier": 25 / EXPECTED, "elife": 452e3}


def test_few_toys_cover_within_binomial_error(likelihood, truth):
    """The threshold of a profile interval contains the truth exactly if the interval does."""
    curve = coverage_curve(11, likelihood, likelihood, truth, ("elife",), 32)
    assert curve.failed == 0
    for level, quantile in COVERED.items():
        # four standard errors of 32 toys; the worst wrong factor seen in such fits, sqrt(2), moves 0.68 to 0.52
        assert abs(float(curve.fraction(quantile)) - level) < 4 * np.sqrt(level * (1 - level) / 32)


@pytest.mark.slow
@pytest.mark.parametrize("level", COVERED)
@pytest.mark.parametrize("name", ["elife", "er_rate_multiplier"])
def test_intervals_cover_within_binomial_error(likelihood, truth, name, level):
    found = coverage(7, likelihood, partial(interval, likelihood, name=name, level=level), truth, TOYS)
    assert found.failed == 0
    # three standard errors, one in 370 by chance and the seed is fixed; 25 events move the asymptotic level by less
    assert abs(found.fraction - level) < 3 * np.sqrt(level * (1 - level) / TOYS)


@pytest.mark.slow
def test_the_whole_study_with_toys():
    report = xenon(effort=Effort(toys=64))
    assert report.status == "ok"
    assert report.numbers["goodness"]["n"] == 64
    assert set(report.numbers["coverage"]) == {"0.68", "0.9"}
    six = report.results["fit_yields"]
    assert set(YIELDS) < set(six.names)
    for name, (low, high) in YIELDS.items():  # bounds are hard
        assert low <= six.values[name] <= high
    chapter = next(c for c in report.chapters if "worth" in c.title)
    assert "64 toys" in chapter.text
    assert len(chapter.draw()) == 2
