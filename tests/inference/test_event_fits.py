"""Every procedure on lists of events."""

from functools import partial

import jax
import numpy as np
import pytest

from tests.inference.event_models import RATE, TRUTH, counted, drawn, lifetime, mixture, search
from tests.inference.models import OBSERVED, peak
from tests.inference.test_compiling import counting
from tests.likelihood.event_sources import Decay, Peak
from wilks._base.errors import FitFailed, InvalidModel
from wilks.data.events import Events
from wilks.inference.calibration import ByToys
from wilks.inference.coverage import bias, coverage, coverage_curve
from wilks.inference.fitting import fit, fit_many
from wilks.inference.goodness import goodness_of_fit
from wilks.inference.hypotheses import hypothesis_test
from wilks.inference.intervals import interval, intervals
from wilks.inference.minimisers import Minuit, Newton
from wilks.inference.profiles import profile
from wilks.inference.statistics import ProfileRatio
from wilks.inference.toys import toys
from wilks.likelihood.components import SUFFIX
from wilks.likelihood.joint import Joint
from wilks.likelihood.unbinned import Unbinned
from wilks.results.status import Status


def decays(n=37, seed=2) -> Events:
    return Events({"x": np.random.default_rng(seed).exponential(4.0, n)})


def test_a_lifetime_and_a_rate_have_their_closed_forms():
    events = decays()
    result = fit(lifetime(), events)
    tau, n = events["x"].mean(), len(events)
    assert result.values["tau"] == pytest.approx(tau, rel=1e-6)  # EDM 1e-10: 1.4e-5 of the error, which is tau/6
    assert result.values["decay" + SUFFIX] == pytest.approx(n / 20, rel=1e-6)
    assert result.errors["tau"] == pytest.approx(tau / np.sqrt(n), rel=1e-5)
    assert result.errors["decay" + SUFFIX] == pytest.approx(np.sqrt(n) / 20, rel=1e-5)
    assert abs(result.correlation[0, 1]) < 1e-5
    assert result.nll == pytest.approx(n * (1 + np.log(tau)) + n - n * np.log(n), rel=1e-12)
    joined = fit(Joint({"only": lifetime()}), {"only": events})  # has its curvature from another program
    assert joined.errors["tau"] == pytest.approx(tau / np.sqrt(n), rel=1e-5)


def test_the_fit_reproduces_the_number_of_events():
    events = drawn(mixture(), TRUTH, 3)
    result = fit(mixture(), events)
    total = sum(float(v) for v in mixture().expected_events(result.values).values())
    assert total == pytest.approx(len(events), rel=1e-6)  # stationarity in the rates


def test_all_minimisers_and_starts_find_one_optimum():
    events = drawn(mixture(), TRUTH, 3)
    results = [
        fit(mixture(), events, minimiser=minimiser, start=start)
        for minimiser in (None, Newton(curvature="exact"), Minuit())
        for start in (None, TRUTH)
    ]
    for result in results:
        assert result.status is Status.OK
        assert result.nll == pytest.approx(results[0].nll, abs=1e-7)
        assert result.theta == pytest.approx(results[0].theta, abs=1e-4 * results[0].sigma.min())


def test_an_interval_of_a_pure_rate_is_the_root_of_the_poisson_profile():
    events = decays(25)
    found = interval(counted(), Events({"x": events["x"] % 10.0}), "decay" + SUFFIX, level=0.90)
    # 25 events where 20 are expected: roots of 2 [mu - n - n ln(mu/n)] = 2.7055; 90 % interval of xenon.md, fault 6
    assert (found.lower, found.upper) == pytest.approx((0.88259, 1.70749), abs=1e-5)


def test_without_events_the_rate_is_at_zero_with_an_upper_end():
    empty = Events({"x": np.zeros(0)})
    result = fit(counted(), empty)
    assert result.values["decay" + SUFFIX] == 0.0
    assert result.at_lower == ("decay" + SUFFIX,)
    found = interval(counted(), empty, "decay" + SUFFIX)
    assert found.lower_open
    assert found.upper == pytest.approx(1 / 40, rel=1e-4)  # 2 * 20 r = 1 at 68.27 %


def test_a_shape_without_events_is_not_determined_and_says_so():
    result = fit(lifetime(), Events({"x": np.zeros(0)}), throw=False)
    assert result.status is Status.NOT_PD
    assert "tau" in result.cause


def test_events_under_no_source_are_named():
    with pytest.raises(FitFailed, match="no source gives a rate to event 2 of data set 'events'"):
        fit(counted(), Events({"x": np.array([1.0, 2.0, 11.0])}))


def test_many_sets_of_different_length_are_fitted_like_each_alone():
    sets = [decays(n, seed=n) for n in (5, 31, 80, 33)]
    table = fit_many(lifetime(), sets)
    for i, events in enumerate(sets):
        alone = fit(lifetime(), events)
        assert table.theta[i] == pytest.approx(alone.theta, rel=1e-3)  # EDM 1e-6: 1.4e-3 of the errors
        assert table.nll[i] == pytest.approx(alone.nll, abs=1e-5)


def test_profiles_and_intervals_agree():
    events = drawn(mixture(), TRUTH, 3)
    found = intervals(mixture(), events)
    for name in ("m", RATE):
        ends = [found[name].lower, found[name].upper]
        scan = profile(mixture(), events, name, ends)
        assert scan.delta == pytest.approx([1.0, 1.0], abs=1e-4)


def test_new_data_of_the_same_bucket_compile_nothing():
    first, second = (Events({"x": decays(n, n)["x"]}) for n in (33, 47))
    fit(lifetime(), first)
    intervals(lifetime(), first)
    with counting() as compiled:
        fit(lifetime(), second)
        intervals(lifetime(), second)
    assert compiled == []


def test_toys_are_fitted_and_a_longer_study_begins_with_a_shorter():
    study = toys(4, mixture(), mixture(), TRUTH, 70, statistic=ProfileRatio({"m": 5.0}))
    assert study.failed == 0
    assert toys(4, mixture(), mixture(), TRUTH, 9).theta == pytest.approx(study.theta[:9], abs=0)
    # mean of 70 values of chi2_1 is 1 +- 0.17
    assert study.t.mean() == pytest.approx(1.0, abs=0.6)
    numbers = study.theta[:, 0] * 40 + study.theta[:, 1] * 160
    assert abs(numbers.mean() - 200) < 4 * np.sqrt(200 / 70)


def test_estimates_of_toys_are_unbiased_with_honest_errors():
    result = bias(5, lifetime(), lifetime(), {"decay" + SUFFIX: 1.5, "tau": 4.0}, 200)
    assert result.failed == 0
    # the maximum likelihood of rate and mean lifetime is unbiased in closed form; four standard errors
    assert np.abs(result.residual_mean / result.residual_error).max() < 4
    assert result.pull_width == pytest.approx([1.0, 1.0], abs=0.25)  # 200 toys of 30 events: 5 % and 1/sqrt(2 * 30)


def test_intervals_of_toys_cover():
    procedure = partial(interval, lifetime(), name="tau", level=0.6827)
    result = coverage(6, lifetime(), procedure, {"decay" + SUFFIX: 1.5, "tau": 4.0}, 200)
    assert result.failed == 0
    assert abs(result.fraction - 0.6827) < 4 * np.sqrt(0.6827 * 0.3173 / 200)  # p = 6e-5
    curve = coverage_curve(6, lifetime(), lifetime(), {"decay" + SUFFIX: 1.5, "tau": 4.0}, ["tau"], 200)
    assert float(curve.fraction(1.0)) == pytest.approx(result.fraction, abs=1e-12)  # the same toys


def test_a_likelihood_of_events_has_no_saturated_model_but_its_value_is_calibrated_by_toys():
    events = decays(30)
    with pytest.raises(InvalidModel, match="use statistic='likelihood'"):
        goodness_of_fit(lifetime(), events)
    result = goodness_of_fit(lifetime(), events, statistic="likelihood", calibration=ByToys(3, 60))
    assert result.failed == 0
    assert 0 < result.p_toys <= 1


def test_discovery_of_a_peak_by_toys_agrees_with_the_law():
    events = drawn(search(), {RATE: 1.0, "bkg" + SUFFIX: 1.0}, 2)
    result = hypothesis_test(search(), events, {RATE: 0.0}, calibration=ByToys(3, 128))
    assert result.failed == 0
    low, high = result.p_interval_95
    assert low * 0.5 <= result.p_asymptotic <= high * 2  # the law is right to a factor at ten events


def test_events_and_counts_are_fitted_together():
    joint = Joint({"events": Unbinned({"s": Decay(20.0)}, free_rates=["s"]), "bins": peak()})
    assert joint.space.names == ("s" + SUFFIX, "s", "b")
    data = {"events": Events({"x": decays(25)["x"] % 10.0}), "bins": OBSERVED}
    result = fit(joint, data)
    assert result.values["s" + SUFFIX] == pytest.approx(1.25, rel=1e-6)
    assert result.values["b"] == pytest.approx(fit(peak(), OBSERVED).values["b"], rel=1e-6)
    study = toys(1, joint, joint, {"s" + SUFFIX: 1.0, "s": 1.0, "b": 1.0}, 10)
    assert study.failed == 0
    assert len(np.unique(study.theta[:, 0])) > 5  # numbers of events may repeat


def test_unlike_lengths_of_toys_stand_in_one_shape():
    data = lifetime().simulate_many(jax.random.split(jax.random.key(1), 40), {"decay" + SUFFIX: 1.5, "tau": 4.0})
    lengths = data.tables[0].weights.sum(axis=1)
    assert len(set(lengths.tolist())) > 5
    assert data.tables[0].weights.shape[1] in (32, 48, 64)


def test_a_signal_switched_off_leaves_its_shape_open_but_not_its_likelihood_ratio():
    sources = {"sig": Peak(3.0, 5.0, 0.3), "bkg": Decay(30.0)}
    free_shape = Unbinned(sources, free_rates=["sig", "bkg"], free={"m": (3.0, 7.0)})
    truth = {RATE: 0.0, "bkg" + SUFFIX: 1.0, "m": 5.0}
    study = toys(9, free_shape, free_shape, truth, 64, statistic=ProfileRatio({RATE: 0.0}))
    assert study.failed > 0  # some best signals are exactly 0, where the position is not determined
    assert np.isfinite(study.t).all()
    assert (study.t >= 0).all()
