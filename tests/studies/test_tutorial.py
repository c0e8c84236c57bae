"""The tutorial's numbers (collider.md 8.1), by its recipe and by the right one."""

import numpy as np
import pytest

from wilks.physics.collider.tables.tutorial import RECONSTRUCTED, TUTORIAL
from wilks.studies.higgs4l import tutorial_recipe as recipe
from wilks.studies.higgs4l.tutorial_report import tutorial
from wilks.studies.study import Effort

HISTOGRAMS = recipe.TutorialHistograms(
    np.array(TUTORIAL.counts, dtype=float), RECONSTRUCTED.signal, RECONSTRUCTED.background
)
PRINTED_IN_FULL = 1e-8  # relative; the reconstructed histograms carry nine digits
ROUNDED = 5e-9  # absolute, of grid points quoted with nine digits


@pytest.fixture(scope="module")
def report():
    return tutorial(effort=Effort(toys=400))


def test_chi_square_before_the_fit():
    before = recipe.before_fit(HISTOGRAMS)
    assert before == pytest.approx(1.597845078902861, rel=PRINTED_IN_FULL)
    assert recipe.p_value(before * 34, 34) == pytest.approx(0.0148768, abs=5e-8)


def test_single_strengths():
    signal, background = recipe.scan_signal(HISTOGRAMS), recipe.scan_background(HISTOGRAMS)
    assert (round(signal.best, 4), round(signal.error, 4)) == (2.0101, 0.7435)
    assert signal.per_dof == pytest.approx(1.5577434806307726, rel=PRINTED_IN_FULL)
    assert (round(background.best, 4), round(background.error, 4)) == (1.3015, 0.0764)
    assert background.per_dof == pytest.approx(1.0184456820283405, rel=PRINTED_IN_FULL)


def test_both_strengths_on_the_grid():
    both = recipe.scan_both(HISTOGRAMS)
    assert both.signal == pytest.approx(1.386868687, abs=ROUNDED)
    assert both.background == pytest.approx(1.289898990, abs=ROUNDED)
    assert both.signal_errors == pytest.approx((1.1555556, 0.8666667), abs=5e-8)
    assert both.background_errors == pytest.approx((0.1171717, 0.1090909), abs=5e-8)
    assert both.per_dof == pytest.approx(1.038884905786871, rel=PRINTED_IN_FULL)
    after = recipe.after_fit(HISTOGRAMS, both)
    assert after == pytest.approx(33.24431698517987, rel=PRINTED_IN_FULL)
    assert recipe.p_value(after, 32) == pytest.approx(0.4064222, abs=5e-8)


def test_the_matrix_product_is_the_literal_loop():
    signal, background = recipe.grid()
    toy = recipe.gaussian_toys(np.random.default_rng(3), HISTOGRAMS.signal + HISTOGRAMS.background, 1)[0]
    smallest, where = 1_000_000.0, (0, 0)
    for i, s in enumerate(signal):
        for j, b in enumerate(background):
            value = recipe.chi_square(toy, s * HISTOGRAMS.signal + b * HISTOGRAMS.background)
            if value < smallest:
                smallest, where = float(value), (i, j)
    fast = recipe.scan_both(recipe.TutorialHistograms(toy, HISTOGRAMS.signal, HISTOGRAMS.background))
    assert fast.index == where
    assert fast.per_dof * 32 == pytest.approx(smallest, rel=1e-12)  # sums of the same numbers in another order


def test_the_grid_covers_less_than_it_says():
    both = recipe.scan_both(HISTOGRAMS)
    covered = recipe.grid_coverage(1, HISTOGRAMS, both, 2000)
    assert 0.52 < covered.fraction(2.3) < 0.62  # "near 0.55": far from 0.68 by ten binomial errors of 0.011
    assert covered.on_edge > 0
    assert covered.negative > 0


def test_toys_without_refit_follow_34_degrees_of_freedom():
    both = recipe.scan_both(HISTOGRAMS)
    chi2 = recipe.unfitted_toys(1, HISTOGRAMS, both, 5000)
    assert chi2.mean() == pytest.approx(34.0, abs=0.5)  # error of the mean sqrt(68/5000) = 0.12


def test_pearson_fits_half_its_minimum_too_many():
    # at the exact minimum sum mu = N + chi2/2; the grid stops within its spacing of it
    both = recipe.scan_both(HISTOGRAMS)
    expected = float(recipe.fitted(HISTOGRAMS, both).sum())
    assert expected - 300 == pytest.approx(recipe.after_fit(HISTOGRAMS, both) / 2, abs=1.0)


def test_every_row_but_two_agrees(report):
    assert len(report.rows) == 18
    disagreeing = [(row.cell, row.quantity) for row in report.rows if row.agrees is not True]
    assert disagreeing == [("[12]", "error of s_s"), ("[24]", "coverage at d = 2.3")]
    assert report.label == "reconstructed"
    assert "reconstructed" in str(report)
    assert "reconstructed" in report.report.title


def test_every_row_says_what_is_right_and_why(report):
    for row in report.rows:
        assert row.right != ""
        assert row.why.endswith(".")
        assert row.right_recipe


def test_the_traps_of_the_tutorial_are_found(report):
    expected = {
        "unused-column", "unapplied-cut", "repeated-cut", "flavour-sum", "no-sumw2", "low-counts-chi2",
        "fixed-nuisance", "joint-level-1d", "grid-edge", "ndf-mismatch", "gaussian-toys", "no-constraint",
    }  # fmt: skip
    assert expected <= set(report.findings.codes)


def test_the_report_is_html_too(report):
    text = report._repr_html_()
    assert "1.597845078902861" in text
    assert "repeated-cut" in text


def test_without_toys_the_coverage_stays_open():
    rows = tutorial(effort=Effort(toys=0)).rows
    assert rows[-1].by_recipe is None
    assert rows[-1].agrees is None
