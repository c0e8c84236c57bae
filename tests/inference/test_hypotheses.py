"""Tests of hypotheses: published significances, asymptotic laws, toys from the hypothesis."""

import numpy as np
import pytest
from scipy import stats

from tests.inference.models import BACKGROUND, OBSERVED, SIGNAL, TRUTH, counting, peak, systematics
from tests.inference.work import Spoiling
from tests.reference import published
from wilks._base.errors import InvalidOption, TooManyFailures, UnknownName
from wilks.inference.calibration import ByToys
from wilks.inference.fitting import fit
from wilks.inference.hypotheses import hypothesis_test
from wilks.inference.probabilities import counting_significance, li_ma
from wilks.likelihood.counts import PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter


def on_off(alpha):
    """Signal and background in the first bin, background alone in the second."""
    return PoissonCounts(
        LinearTemplates.of({"s": [1.0, 0.0], "b": [alpha, 1.0]}, parameters={"s": Parameter("s", 1.0)})
    )


@pytest.mark.parametrize(("case", "z"), published.LI_MA.items())
def test_li_ma_is_the_profile_likelihood_of_two_counts(case, z):
    n_on, n_off, alpha = case
    found = hypothesis_test(on_off(alpha), [n_on, n_off], {"s": 0.0})
    assert found.z == pytest.approx(z, abs=1e-6)
    assert found.z == pytest.approx(li_ma(*case), abs=1e-6)


@pytest.mark.parametrize("case", published.ASIMOV_Z)
def test_asimov_significance_is_that_of_the_formula(case):
    s, b, _ = case
    likelihood = PoissonCounts(LinearTemplates.of({"mu": [s], "b": [b]}))
    found = hypothesis_test(likelihood, [s + b], {"mu": 0.0}, space=likelihood.space.fix(b=1.0))
    assert found.z == pytest.approx(counting_significance(s, b), abs=1e-6)
    assert found.z == pytest.approx(published.ASIMOV_Z[case], abs=1e-6)


@pytest.mark.parametrize("case", published.ASIMOV_Z_WITH_ERROR)
def test_asimov_significance_with_a_background_error(case):
    s, b, error = case
    tau = b / error**2  # the auxiliary count b tau has a relative error of error/b
    likelihood = PoissonCounts(LinearTemplates.of({"mu": [s, 0.0], "b": [b, b * tau]}))
    found = hypothesis_test(likelihood, [s + b, b * tau], {"mu": 0.0})
    assert found.z == pytest.approx(published.ASIMOV_Z_WITH_ERROR[case], abs=1e-6)


def test_a_deficit_is_no_discovery():
    found = hypothesis_test(peak(), BACKGROUND - 0.3 * SIGNAL, {"s": 0.0})
    assert (found.observed, found.p_value, found.z) == (0.0, 0.5, 0.0)


def test_discovery_p_value_is_half_a_chi_square():
    found = hypothesis_test(peak(), OBSERVED, {"s": 0.0})
    best, held = fit(peak(), OBSERVED), fit(peak(), OBSERVED, space=peak().space.fix(s=0.0))
    assert found.observed == pytest.approx(2 * (held.excess - best.excess), abs=1e-8)
    assert found.p_value == pytest.approx(stats.norm.sf(found.observed**0.5), rel=1e-10)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.observed, 1) / 2, rel=1e-8)


def test_ratios_have_one_degree_of_freedom_per_held_parameter():
    found = hypothesis_test(systematics(), OBSERVED, {"mu": 0.5, "b": 1.1}, statistic="ratio")
    assert found.p_value == pytest.approx(stats.chi2.sf(found.observed, 2), rel=1e-9)
    space = systematics().space.fix(mu=0.5, b=1.1)
    held, best = fit(systematics(), OBSERVED, space=space), fit(systematics(), OBSERVED)
    assert found.observed == pytest.approx(2 * (held.excess - best.excess), abs=1e-8)


def test_toys_come_from_the_hypothesis_whatever_the_order_of_its_names():
    calibration = ByToys(1, 300)
    one, two = (
        hypothesis_test(peak(), OBSERVED, null, statistic="ratio", calibration=calibration)
        for null in ({"s": 0.3, "b": 1.3}, {"b": 1.3, "s": 0.3})
    )
    assert (one.p_value, one.exceedances) == (two.p_value, two.exceedances)
    # were the values swapped, the toys would lie far from the hypothesis: their mean statistic is 2
    assert one.p_value < 0.05


def test_toy_and_asymptotic_p_values_agree_where_counts_are_large():
    found = hypothesis_test(peak(), BACKGROUND + 0.25 * SIGNAL, {"s": 0.0}, calibration=ByToys(3, 2000))
    low, high = found.p_interval_95
    assert low <= found.p_value <= high
    assert found.p_value == pytest.approx(found.p_asymptotic, abs=4 * np.sqrt(found.p_asymptotic / 2000) + 0.005)
    assert found.n == 2000
    assert found.z == pytest.approx(stats.norm.isf(found.p_value), rel=1e-9)


def test_a_discrete_test_agrees_with_its_enumeration():
    """Known background of 3, eight observed: q0 rises with n, so p = P(n >= 8)."""
    likelihood = PoissonCounts(LinearTemplates.of({"s": [1.0], "b": [3.0]}))
    space = likelihood.space.fix(b=1.0)
    found = hypothesis_test(likelihood, [8], {"s": 0.0}, space=space, calibration=ByToys(1, 6000))
    exact = stats.poisson.sf(7, 3.0)
    assert found.ties > 0
    assert abs(found.p_value - exact) < 4 * np.sqrt(exact / 6000)  # binomial


def test_no_exceedance_is_no_zero():
    found = hypothesis_test(peak(), OBSERVED, {"s": 0.0}, calibration=ByToys(1, 50))
    assert found.exceedances == 0
    assert found.p_value == pytest.approx(1 / 51)
    assert np.isfinite(found.z)


def test_too_many_failed_toys_give_no_headline():
    with pytest.raises(TooManyFailures, match=r"hypothesis test: .* more than 1 %") as caught:
        hypothesis_test(peak(), OBSERVED, {"s": 0.0}, calibration=ByToys(1, 200, Spoiling(peak().space, peak(), 20)))
    assert caught.value.result.low <= caught.value.result.high


def test_empty_data_are_no_obstacle():
    found = hypothesis_test(counting(), [0], {"s": 1.0}, statistic="ratio", calibration=ByToys(1, 200))
    assert found.observed == pytest.approx(2.0, rel=1e-6)
    assert 0 < found.p_value <= 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: hypothesis_test(peak(), OBSERVED, {}), InvalidOption, "the hypothesis fixes no parameter"),
        (lambda: hypothesis_test(peak(), OBSERVED, {"mu": 0.0}), UnknownName, "no parameter 'mu'"),
        (lambda: hypothesis_test(peak(), OBSERVED, TRUTH), InvalidOption, "q0 tests one signal parameter, not s, b"),
        (
            lambda: hypothesis_test(peak(), OBSERVED, {"s": 11.0}),
            InvalidOption,
            r"s = 11\.0 lies outside \[-1\.0, 10\.0\]",
        ),
        (
            lambda: hypothesis_test(peak(), OBSERVED, {"s": 0.0}, space=peak().space.fix(s=1.0)),
            InvalidOption,
            "parameter 's' is fixed; release it to test",
        ),
        (lambda: hypothesis_test(peak(), OBSERVED, {"s": 0.0}, statistic="q1"), Exception, "q1"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_events_where_the_hypothesis_expects_none_are_a_number_beyond_doubt():
    # with s held at 0 the second bin expects nothing, whatever b is; the data have events there
    likelihood = PoissonCounts(LinearTemplates.of({"s": [0.0, 5.0], "b": [9.0, 0.0]}))
    found = hypothesis_test(likelihood, [9, 3], {"s": 0.0})
    assert found.z > 5
    assert np.isfinite(found.observed)
