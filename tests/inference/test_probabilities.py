"""Thresholds, p-values and closed intervals against published numbers and scipy."""

import numpy as np
import pytest
from scipy import stats

from tests.reference import published
from wilks._base.errors import InvalidOption
from wilks.inference.probabilities import (
    check_level,
    chi2_tail,
    clopper_pearson,
    counting_significance,
    garwood,
    li_ma,
    significance,
    tail,
    threshold,
    toy_p_value,
)


@pytest.mark.parametrize("dof", published.THRESHOLDS)
def test_thresholds_are_chi_square_quantiles(dof):
    found = [threshold(level, dof) for level in published.LEVELS]
    np.testing.assert_allclose(found, published.THRESHOLDS[dof], atol=1e-4)  # digits printed
    np.testing.assert_allclose(found, stats.chi2.ppf(published.LEVELS, dof), rtol=1e-12)


def test_chi_square_tail():
    assert 1 - chi2_tail(2.3, 2) == pytest.approx(published.CHI2_2_BELOW_2_3, abs=1e-7)
    assert chi2_tail(1e3, 3) == pytest.approx(stats.chi2.sf(1e3, 3), rel=1e-10)
    assert chi2_tail(-1e-9, 1) == 1.0


def test_chernoff():
    assert tail(4.0**0.5) == pytest.approx(published.CHERNOFF_P_AT_4, abs=1e-7)
    assert significance(tail(2.0)) == pytest.approx(2.0, abs=1e-12)
    assert threshold(0.90) == pytest.approx(published.CHERNOFF_95, abs=1e-5)  # half a chi-square: 5 % of it above


@pytest.mark.parametrize(("case", "z"), [*published.ASIMOV_Z.items(), *published.ASIMOV_Z_WITH_ERROR.items()])
def test_median_significance_of_a_counting_experiment(case, z):
    assert counting_significance(*case) == pytest.approx(z, abs=1e-7)


def test_a_vanishing_background_error_is_a_known_background():
    assert counting_significance(10.0, 100.0, 1e-4) == pytest.approx(counting_significance(10.0, 100.0), rel=1e-8)
    assert counting_significance(0.0, 5.0) == 0.0


@pytest.mark.parametrize(("case", "z"), published.LI_MA.items())
def test_li_ma(case, z):
    assert li_ma(*case) == pytest.approx(z, abs=1e-7)


def test_li_ma_without_excess_is_zero():
    assert li_ma(50, 100, 0.5) == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize(("n", "ends"), published.GARWOOD.items())
def test_garwood(n, ends):
    np.testing.assert_allclose(garwood(n, 0.6827), ends, atol=1e-6)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (1, 1), (250, 1000)])
@pytest.mark.parametrize("level", [0.6827, 0.95])
def test_clopper_pearson_is_scipys(k, n, level):
    exact = stats.binomtest(k, n).proportion_ci(level, method="exact")
    np.testing.assert_allclose(clopper_pearson(k, n, level), [exact.low, exact.high], rtol=1e-8, atol=1e-12)


def test_clopper_pearson_without_trials_knows_nothing():
    assert clopper_pearson(0, 0) == (0.0, 1.0)


def test_toy_p_values_are_never_zero():
    assert toy_p_value(0, 0) == 1.0
    assert toy_p_value(0, 99) == 0.01
    assert toy_p_value(99, 99) == 1.0


def test_far_tails_keep_their_digits():
    assert significance(tail(30.0)) == pytest.approx(30.0, rel=1e-12)
    assert tail(8.0) == pytest.approx(stats.norm.sf(8.0), rel=1e-10)


@pytest.mark.parametrize("level", [0.0, 1.0, -0.1, 1.5, np.nan])
def test_levels_outside_zero_to_one_are_refused(level):
    for call in (check_level, threshold, lambda x: clopper_pearson(1, 2, x), lambda x: garwood(1, x)):
        with pytest.raises(InvalidOption, match=r"lies outside \(0, 1\); give a probability such as 0\.6827"):
            call(level)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: threshold(0.9, 0), "dof 0 is less than 1"),
        (lambda: clopper_pearson(3, 2), "3 successes of 2 trials cannot be"),
        (lambda: clopper_pearson(-1, 2), "-1 successes"),
        (lambda: garwood(-1.0), "count -1.0 is negative"),
        (lambda: counting_significance(-1.0, 5.0), "expected s >= 0, b > 0"),
        (lambda: counting_significance(1.0, 0.0), "expected s >= 0, b > 0"),
        (lambda: li_ma(0, 0, 0.5), "at least one event"),
        (lambda: li_ma(5, 5, 0.0), "alpha > 0"),
    ],
)
def test_numbers_that_cannot_be_are_refused(call, message):
    with pytest.raises(InvalidOption, match=message):
        call()
