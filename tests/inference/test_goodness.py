"""Goodness of fit: statistics, degrees of freedom, toys that are refitted."""

import numpy as np
import pytest
from scipy import stats

from tests.inference.models import OBSERVED, TRUTH, TwoValleys, closed_and_open, counting, peak, systematics
from tests.inference.work import Gaussian, Spoiling
from tests.likelihood.family import lifetime
from tests.reference.published import SEED_COUNTS
from wilks._base.errors import InvalidModel, InvalidOption, TooManyFailures
from wilks.inference.calibration import Asymptotic, ByToys
from wilks.inference.fitting import fit
from wilks.inference.goodness import goodness_of_fit
from wilks.inference.profiles import profile
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.joint import Joint
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace


def mu_of(likelihood, values):
    return np.asarray(likelihood.predictor(values))


def test_statistics_are_their_formulas():
    best = fit(peak(), OBSERVED)
    mu, n = mu_of(peak(), best.values), OBSERVED
    expected = {
        "saturated": 2 * np.sum(mu - n + n * np.log(n / mu)),
        "pearson": np.sum((n - mu) ** 2 / mu),
        "ks": np.abs(np.cumsum(n) / n.sum() - np.cumsum(mu) / mu.sum()).max(),
        "likelihood": -stats.poisson.logpmf(n, mu).sum(),
    }
    for name, value in expected.items():
        assert goodness_of_fit(peak(), OBSERVED, statistic=name).observed == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize("statistic", ["saturated", "pearson"])
def test_the_chi_square_law_has_cells_minus_free_parameters(statistic):
    found = goodness_of_fit(systematics(), OBSERVED, statistic=statistic)
    assert found.dof == 10 + 2 - 4
    assert found.p_asymptotic == pytest.approx(stats.chi2.sf(found.observed, 8), rel=1e-10)
    assert found.p_value == found.p_asymptotic
    assert found.refit


@pytest.mark.parametrize("statistic", ["ks", "likelihood"])
def test_other_statistics_have_no_law_and_say_so(statistic):
    found = goodness_of_fit(peak(), OBSERVED, statistic=statistic)
    assert (found.dof, found.p_value) == (None, None)
    assert "calibrate it by toys" in found.how


def test_a_given_point_is_not_fitted_and_the_degrees_of_freedom_stay():
    found = goodness_of_fit(peak(), OBSERVED, values=TRUTH, statistic="pearson", calibration=ByToys(1, 400))
    mu = mu_of(peak(), TRUTH)
    assert found.observed == pytest.approx(np.sum((OBSERVED - mu) ** 2 / mu), rel=1e-12)
    assert found.dof == 10
    assert not found.refit
    assert "not refitted" in found.how
    # toys at the same point, not refitted either: a chi-square of ten bins
    assert found.toys.mean() == pytest.approx(10, abs=4 * np.sqrt(20 / 400))


def test_toys_are_refitted_and_follow_the_reduced_law():
    found = goodness_of_fit(peak(), OBSERVED, calibration=ByToys(1, 600))
    assert found.refit
    assert "each refitted" in found.how
    assert (found.n, found.failed) == (600, 0)
    assert found.toys.mean() == pytest.approx(8, abs=4 * np.sqrt(16 / 600) + 0.15)  # 1/mu corrections
    low, high = found.p_toys_interval
    assert low <= found.p_toys <= high
    assert found.p_toys == pytest.approx(found.p_asymptotic, abs=0.1)


def test_toys_without_refit_keep_all_degrees_of_freedom():
    found = goodness_of_fit(peak(), OBSERVED, refit=False, calibration=ByToys(1, 300))
    assert found.dof == 10
    assert "not refitted" in found.how
    assert found.toys.mean() == pytest.approx(10, abs=4 * np.sqrt(20 / 300) + 0.2)


def test_every_likelihood_has_toys():
    for likelihood, data in (
        (systematics(), OBSERVED),
        (closed_and_open()[0], SEED_COUNTS),
    ):
        found = goodness_of_fit(likelihood, data, calibration=ByToys(2, 60))
        assert found.failed == 0
        assert 0 < found.p_toys <= 1


def test_the_cost_judges_toys_that_poisson_draws():
    cost = ChiSquareCounts(peak().predictor, cost="pearson")
    found = goodness_of_fit(cost, OBSERVED, statistic="pearson", calibration=ByToys(1, 100, peak()))
    assert 0 < found.p_toys <= 1
    tutorial = goodness_of_fit(
        cost, OBSERVED, statistic="pearson", refit=False, calibration=ByToys(1, 100, Gaussian(peak().space, peak()))
    )
    assert not tutorial.refit


def test_neyman_leaves_empty_bins_out_of_the_degrees_of_freedom():
    data = OBSERVED.copy()
    data[[0, 9]] = 0
    cost = ChiSquareCounts(peak().predictor, cost="neyman")
    assert goodness_of_fit(cost, data).dof == 10 - 2 - 2


def test_empty_data_and_empty_toys_are_numbers():
    found = goodness_of_fit(counting(), [0], values={"s": 0.05}, calibration=ByToys(1, 200))
    assert found.observed == pytest.approx(0.1)
    assert found.p_toys == 1.0  # no toy is less extreme than the empty one: t(0) = 0.1 is the smallest value
    for statistic in ("pearson", "ks", "likelihood"):
        empty = goodness_of_fit(peak(), np.zeros(10), values=TRUTH, statistic=statistic, calibration=ByToys(1, 50))
        assert np.isfinite(empty.observed)
        assert 0 < empty.p_toys <= 1


def test_small_expectations_are_flagged():
    assert "small_expected_counts" not in goodness_of_fit(peak(), OBSERVED + 5).flags
    flags = goodness_of_fit(counting(), [2]).flags
    assert flags["small_expected_counts"].startswith("the smallest expectation is 2, below 5: trust toys")


def test_contributions_add_up_to_the_saturated_statistic():
    found = goodness_of_fit(systematics(), OBSERVED)
    assert set(found.contributions) == {"SR", "constraints"}
    assert sum(np.sum(c) for c in found.contributions.values()) == pytest.approx(found.observed, rel=1e-12)


def test_too_many_failed_toys_give_no_headline():
    with pytest.raises(TooManyFailures, match=r"goodness of fit: .* of 200 toys failed, more than 1 %"):
        goodness_of_fit(peak(), OBSERVED, calibration=ByToys(1, 200, Spoiling(peak().space, peak(), 20)))


def test_joints_are_judged_as_a_whole():
    control = PoissonCounts(LinearTemplates.of({"c": [20.0, 40.0]}))
    data = {"a": OBSERVED, "b": [22, 37]}
    found = goodness_of_fit(Joint({"a": peak(), "b": control}), data)
    assert found.dof == 12 - 3
    parts = goodness_of_fit(peak(), OBSERVED).observed + goodness_of_fit(control, [22, 37]).observed
    assert found.observed == pytest.approx(parts, abs=1e-7)


def test_a_joint_with_another_kind_of_part_has_its_likelihood_as_statistic():
    mixed = Joint({"a": peak(), "t": lifetime()})
    data = {"a": OBSERVED, "t": [1.0, 2.5, 0.3]}
    assert goodness_of_fit(mixed, data, statistic="likelihood").dof is None
    assert goodness_of_fit(mixed, data).dof is None
    with pytest.raises(InvalidModel, match="a statistic of bins needs a likelihood of counts, not Lifetime"):
        goodness_of_fit(mixed, data, statistic="pearson")


def test_what_is_refused():
    with pytest.raises(InvalidOption, match="statistic 'ad' does not exist; choose one of saturated, pearson, ks"):
        goodness_of_fit(peak(), OBSERVED, statistic="ad")
    with pytest.raises(InvalidOption, match="0 toys cannot calibrate anything"):
        ByToys(1, 0)
    assert Asymptotic().settings() == {"toys": 0, "seed": None}


def test_the_data_are_fitted_from_a_given_start():
    likelihood = PoissonCounts(TwoValleys(ParameterSpace((Parameter("x", 1.0, lower=-3.0, upper=3.0),))))
    data = [100, 55]
    ends = {x: profile(likelihood, data, "x", [-1.0, 1.0], start={"x": x}, fixed_others=True).best[0] for x in (1, -1)}
    assert ends[-1] < 0 < ends[1]
    chi2 = {x: goodness_of_fit(likelihood, data, start={"x": float(x)}).observed for x in (1, -1)}
    assert chi2[-1] < chi2[1] - 1.0
