"""Faults of the tools that Wilks replaces, each one a test: engine fault lines first, then those of template fits."""

import resource
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.models import (
    BACKGROUND,
    OBSERVED,
    TRUTH,
    TwoValleys,
    bumped,
    closed_and_open,
    counting,
    double_well,
    line,
    peak,
    twins,
)
from tests.inference.work import Spoiling
from tests.reference.published import SEED_COUNTS
from wilks._base.errors import InvalidOption
from wilks.inference import profiles
from wilks.inference.calibration import ByToys
from wilks.inference.contours import contour
from wilks.inference.coverage import coverage_curve
from wilks.inference.fitting import _Function, fit, fit_many, minimise
from wilks.inference.goodness import goodness_of_fit
from wilks.inference.hypotheses import hypothesis_test
from wilks.inference.intervals import interval
from wilks.inference.minimisers import Minuit
from wilks.inference.probabilities import threshold
from wilks.inference.profiles import profile
from wilks.inference.statistics import Distance, ProfileRatio
from wilks.inference.toys import draw, toys
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.model.predictor import Auxiliary
from wilks.model.sums import SummedPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.results.status import Status


def test_engine_1_a_failing_toy_does_not_end_the_run_and_is_counted():
    thrown = toys(3, Spoiling(peak().space, peak(), 10), peak(), TRUTH, 100)
    assert len(thrown) == 100
    assert 0 < thrown.failed < 30
    assert "failed_toys" in thrown.flags


def test_engine_2_empty_data_with_empty_tails_give_a_number():
    found = hypothesis_test(peak(), np.zeros(10), {"s": 1.0}, statistic="ratio", calibration=ByToys(1, 20))
    assert 0 < found.p_value <= 1
    assert all(0 <= end <= 1 for end in found.p_interval)


def test_engine_3_a_parameter_on_its_bound_is_exactly_there():
    found = minimise(lambda v: (v["x"] - 1.2) ** 2, line(0.3, lower=-1.0, upper=1.0))
    assert (found.values["x"], found.status) == (1.0, Status.AT_BOUND)


def test_engine_4_an_objective_that_is_nan_everywhere_fails():
    found = minimise(lambda v: jnp.nan * v["x"], line(), throw=False)
    assert found.status in (Status.FAILED, Status.NONFINITE)


def test_engine_5_a_one_bin_model_with_a_perfect_fit_converges():
    found = fit(counting(), [5])
    assert found.status is Status.OK
    assert found.edm < 1e-8
    assert found.values["s"] == pytest.approx(5.0, abs=1e-4)


def test_engine_6_a_lower_minimum_met_by_an_interval_is_adopted_and_announced():
    found = interval(_Function(line(), double_well, 1.0), np.zeros(0), "x", space=line(0.9))
    assert found.best < 0
    assert "moved_minimum" in found.flags


def test_engine_7_an_interval_near_a_bound_is_open_not_an_error():
    found = interval(counting(), [0], "s")
    assert (found.lower, found.lower_open, found.upper_open) == (0.0, True, False)
    assert "open_interval" in found.flags


def test_engine_8_a_false_minimum_is_found_by_the_cross_check():
    # fits start at the auxiliary datum, which lies on the wrong side in every second toy
    space = ParameterSpace((Parameter("x", -1.0, lower=-3.0, upper=3.0),))
    measured = (Auxiliary("x", "gaussian", 2.0, -1.0),)
    likelihood = PoissonCounts(SummedPredictor(space, (("main", 2),), measured, (TwoValleys(space),)))
    thrown = toys(1, likelihood, likelihood, {"x": -1.0}, 600)
    assert thrown.flags["false_minima_seen"].startswith(tuple("123456"))
    assert (thrown.theta[:, 0] < 0).mean() > 0.9


def test_engine_12_a_toy_does_not_depend_on_the_one_before():
    data = draw(peak(), jax.random.key(1), np.ones(2), 20)
    one = fit_many(peak(), data)
    other = fit_many(peak(), jax.tree.map(lambda x: x[::-1], data))
    np.testing.assert_array_equal(one.theta, other.theta[::-1])


def test_engine_13_limits_belong_to_the_right_names():
    space = peak().space.replace("b", lower=1.3, start=1.4).replace("s", upper=0.6, start=0.5)
    found = fit(peak(), OBSERVED, space=space, minimiser=Minuit())
    assert (found.values["s"], found.values["b"]) == (0.6, 1.3)


def test_engine_14_an_interval_at_level_90_uses_the_threshold_of_90():
    found = interval(peak(), OBSERVED, "s", level=0.90)
    assert found.threshold == threshold(0.90) == pytest.approx(2.7055, abs=1e-4)
    assert max(map(abs, found.residuals)) <= 1e-6 * found.threshold


def test_engine_15_p_is_never_zero_and_includes_ties():
    found = goodness_of_fit(counting(), [0], values={"s": 0.5}, calibration=ByToys(1, 300))
    # P(n = 0 or n >= 2); the empty toys tie with the empty data; four binomial standard errors
    assert found.p_toys == pytest.approx(1 - 0.5 * np.exp(-0.5), abs=4 * np.sqrt(0.21 / 300))
    assert found.ties > 100
    far = goodness_of_fit(counting(), [50], values={"s": 0.5}, calibration=ByToys(1, 300))
    assert far.p_toys == pytest.approx(1 / 301)


def test_engine_16_the_free_fit_of_a_scan_is_done_once(monkeypatch):
    calls, real = [], profiles.solve
    monkeypatch.setattr(profiles, "solve", lambda *a, **k: calls.append(1) or real(*a, **k))
    profile(peak(), OBSERVED, "s", np.linspace(0.5, 1.5, 50))
    assert len(calls) == 1


def test_engine_17_equal_seeds_give_equal_toys():
    np.random.seed(1)  # noqa: NPY002  a global generator must not matter
    one = toys(3, peak(), peak(), TRUTH, 20)
    np.random.seed(2)  # noqa: NPY002
    two = toys(3, peak(), peak(), TRUTH, 20)
    np.testing.assert_array_equal(one.theta, two.theta)


def test_engine_19_unknown_options_are_refused_at_construction():
    for make in (
        lambda: Distance("chi"),
        lambda: PoissonCounts(peak().predictor, template_statistics="lite"),
        lambda: ChiSquareCounts(peak().predictor, cost="chi"),
    ):
        with pytest.raises(InvalidOption, match="does not exist; choose one of"):
            make()


def test_engine_20_fix_returns_a_new_space():
    space = peak().space
    assert space.fix(s=2.0) is not space
    assert space.free == ("s", "b")


def test_engine_21_a_failing_user_function_raises_its_own_error():
    def broken(values):
        raise KeyError(f"no mass matrix at {values['x']}")

    with pytest.raises(KeyError, match="no mass matrix at"):
        minimise(broken, line())


def test_engine_23_contours_have_two_degrees_of_freedom_and_print_them():
    found = contour(peak(), OBSERVED, ("s", "b"))
    assert found.threshold == pytest.approx(2.2958, abs=1e-4)
    assert "2 dof" in str(found)


def test_engine_24_goodness_toys_are_refitted_or_the_label_says_so():
    one, two = (goodness_of_fit(peak(), OBSERVED, refit=r, calibration=ByToys(1, 50)) for r in (True, False))
    assert (one.dof, two.dof) == (8, 10)
    assert "toys, refitted" in str(one)
    assert "toys, not refitted" in str(two)


def test_engine_25_biased_costs_say_by_how_much():
    found = fit(ChiSquareCounts(peak().predictor, cost="pearson"), OBSERVED)
    total = float(np.sum(peak().predictor(found.values)))
    assert total - OBSERVED.sum() == pytest.approx(found.excess, rel=1e-3)  # chi2/2
    assert f"it expects {total:.6g} events where 250 are observed" in found.flags["biased_cost"]


def test_engine_27_rank_deficient_fits_name_the_direction_and_give_no_errors():
    found = fit(twins(), [5, 10], throw=False)
    assert (found.status, found.covariance, found.errors) == (Status.NOT_PD, None, {})
    assert "+1 a -1 b" in found.cause


def test_engine_28_no_covariance_without_saying_so():
    bounded = fit(peak(), OBSERVED, space=peak().space.replace("s", upper=0.5, start=0.4))
    assert bounded.at_upper == ("s",)
    assert "at upper bound" in str(bounded)
    assert np.isnan(bounded.sigma[0])
    assert bounded.covariance[0, 0] == 0.0


@pytest.mark.slow
def test_engine_29_memory_does_not_grow_over_repeated_fits():
    program = (
        "import resource, numpy as np\n"
        "from tests.inference.models import peak, OBSERVED\n"
        "from wilks.inference.fitting import fit\n"
        "peak_kb = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for k in range(100): fit(peak(), OBSERVED + k % 7)\n"
        "first = peak_kb()\n"
        "for k in range(900): fit(peak(), OBSERVED + k % 7)\n"
        "print(peak_kb() / first)\n"
    )
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=500)
    assert float(done.stdout) < 1.10, done.stderr


def test_engine_34_goodness_of_fit_works_without_auxiliary_data_and_with_empty_toys():
    found = goodness_of_fit(counting(), [1], values={"s": 0.02}, calibration=ByToys(1, 100))
    assert found.failed == 0
    assert np.isfinite(found.toys).all()
    assert (found.toys == found.toys.min()).sum() > 80


def test_collider_1_no_cost_other_than_poisson_is_used_unless_named():
    with pytest.raises(TypeError):
        ChiSquareCounts(peak().predictor)
    assert "biased_cost" not in fit(peak(), OBSERVED).flags


def test_collider_6_an_error_profiles_the_other_free_parameters():
    free, held = fit(peak(), OBSERVED), fit(peak(), OBSERVED, space=peak().space.fix(b=1.0))
    assert free.errors["s"] > 1.05 * held.errors["s"]


def test_collider_7_interval_ends_solve_their_equation_also_in_pieces():
    found = interval(_Function(line(), bumped, 1.0), np.zeros(0), "x")
    for end in np.array(found.pieces).ravel():
        assert 2 * float(bumped({"x": end})) == pytest.approx(found.threshold, abs=2e-6)


def test_collider_8_no_single_error_comes_from_a_two_dimensional_level():
    one, two = interval(peak(), OBSERVED, "s"), contour(peak(), OBSERVED, ("s", "b"))
    assert one.threshold == pytest.approx(1.0, abs=1e-4)
    assert np.ptp(two.pieces[0][:, 0]) > 1.4 * (one.upper - one.lower)


def test_collider_9_best_fits_do_not_depend_on_a_grid():
    coarse, fine = (profile(peak(), OBSERVED, "s", np.linspace(0.1, 1.9, n)) for n in (5, 12))
    assert coarse.best == fine.best


def test_collider_10_and_11_toys_are_poisson_and_refitted():
    data = draw(peak(), jax.random.key(2), np.ones(2), 200)
    assert (data.counts >= 0).all()
    assert (data.counts == np.round(data.counts)).all()
    assert goodness_of_fit(peak(), OBSERVED, calibration=ByToys(1, 20)).refit


def test_collider_12_more_thresholds_cost_no_more_toys():
    curve = coverage_curve(1, peak(), peak(), TRUTH, ["s", "b"], 100)
    fractions = curve.fraction(np.linspace(0.1, 10, 1000))
    assert (np.diff(fractions) >= 0).all()
    assert len(curve.t) == 100


def test_collider_15_explicit_and_profiled_simulation_agree():
    closed, open_ = closed_and_open()
    one, two = fit(closed, SEED_COUNTS), fit(open_, SEED_COUNTS)
    assert one.excess == pytest.approx(two.excess, abs=1e-8)
    assert one.values["s_s"] == pytest.approx(two.values["s_s"], abs=1e-5)


def test_collider_16_a_failed_toy_does_not_vanish():
    spoilt = Spoiling(peak().space, peak(), 10)
    thrown = toys(3, spoilt, peak(), TRUTH, 100, statistic=ProfileRatio(held=TRUTH))
    assert len(thrown.t) == 100
    assert np.isnan(thrown.t).sum() == thrown.failed


def test_collider_17_no_nan_p_value_for_empty_toys():
    for statistic in ("saturated", "pearson", "ks", "likelihood"):
        found = goodness_of_fit(counting(), [0], values={"s": 1e-6}, statistic=statistic, calibration=ByToys(1, 20))
        assert 0 < found.p_toys <= 1


def test_merged_bins_of_equal_ratio_fit_the_same():
    halves = np.repeat([0.3, 0.7], 10)
    fine = PoissonCounts(LinearTemplates.of({"b": np.tile(BACKGROUND, 2) * halves}))
    coarse = PoissonCounts(LinearTemplates.of({"b": BACKGROUND}))
    split = np.concatenate([np.floor(OBSERVED / 3), OBSERVED - np.floor(OBSERVED / 3)])
    one, two = fit(fine, split), fit(coarse, OBSERVED)
    assert one.values["b"] == pytest.approx(two.values["b"], rel=1e-5)
    assert one.errors["b"] == pytest.approx(two.errors["b"], rel=1e-5)
