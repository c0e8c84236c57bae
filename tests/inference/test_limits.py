"""Limits against closed forms and published numbers, and their properties."""

import functools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaincc, ndtr, ndtri

from tests.inference.event_models import RATE, drawn, search
from tests.inference.models import counting, readme, systematics
from tests.reference.published import (
    ASIMOV_Z,
    ASIMOV_Z_WITH_ERROR,
    CLS_COUNTING,
    PYHF_README,
    PYHF_README_CLS,
    PYHF_README_LIMITS,
)
from wilks._base.errors import InvalidOption, MissingRole
from wilks.data.events import Events
from wilks.inference.asymptotics import log_confidences
from wilks.inference.calibration import ByToys
from wilks.inference.exclusion import Question
from wilks.inference.fitting import fit
from wilks.inference.hypotheses import hypothesis_test
from wilks.inference.intervals import interval
from wilks.inference.limits import limit
from wilks.inference.signals import asimov
from wilks.inference.toy_curves import probit_crossing
from wilks.likelihood.components import SUFFIX
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.model.modifiers import Channel, NormFactor, NormSys, TemplateSample
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.parameter import Parameter
from wilks.results.store import load, to_json

DATA = PYHF_README["observed"]


@functools.cache
def on_background(b: float, *, lower: float = 0.0) -> PoissonCounts:
    """One count of signal s on a known background."""
    parameters = {"s": Parameter("s", 1.0, lower, 50.0), "b": Parameter("b", b, fixed=True)}
    return PoissonCounts(LinearTemplates.of({"s": [1.0], "b": [1.0]}, parameters=parameters))


@pytest.mark.parametrize(("case", "expected"), list(ASIMOV_Z.items()))
def test_the_discovery_expected_from_asimov_data_is_the_closed_form(case, expected):
    s, b, _ = case
    model = PoissonCounts(
        LinearTemplates.of(
            {"mu": [s], "b": [b]},
            parameters={"mu": Parameter("mu", 1.0, 0.0, 10.0), "b": Parameter("b", 1.0, fixed=True)},
        )
    )
    data = asimov(model, {"mu": 1.0, "b": 1.0})
    assert hypothesis_test(model, data, {"mu": 0.0}).z == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("case", "expected"), list(ASIMOV_Z_WITH_ERROR.items()))
def test_the_discovery_expected_with_a_measured_background_is_the_closed_form(case, expected):
    s, b, error = case
    tau = b / error**2  # a count of tau b in a control region measures b with this error
    model = PoissonCounts(
        LinearTemplates.of(
            {"mu": [s, 0.0], "b": [b, tau * b]},
            parameters={"mu": Parameter("mu", 1.0, 0.0, 10.0), "b": Parameter("b", 1.0, 0.0, 10.0)},
        )
    )
    data = asimov(model, {"mu": 1.0, "b": 1.0})
    assert hypothesis_test(model, data, {"mu": 0.0}).z == pytest.approx(expected, abs=1e-6)


def test_confidences_of_the_readme_model_are_those_on_record():
    found = hypothesis_test(readme(), DATA, {"mu": 1.0}, statistic="qtilde")
    assert found.observed == pytest.approx(PYHF_README_CLS["q"], abs=1e-5)
    assert found.asimov == pytest.approx(PYHF_README_CLS["q_asimov"], abs=1e-5)
    assert found.cls == pytest.approx(PYHF_README_CLS["observed"], rel=1e-4)
    assert found.expected == pytest.approx(PYHF_README_CLS["band"], rel=1e-4)
    assert found.cls == pytest.approx(found.cls_sb / found.cls_b, rel=1e-12)


def test_limits_of_the_readme_model_are_roots():
    found = limit(readme(), DATA, "mu")
    assert found.observed == pytest.approx(PYHF_README_LIMITS["root"][0], rel=1e-4)
    assert found.expected == pytest.approx(PYHF_README_LIMITS["root"][1:], rel=1e-4)
    assert found.median == found.expected[2]
    assert not found.open_
    at = hypothesis_test(readme(), DATA, {"mu": found.observed}, statistic="qtilde")
    assert at.cls == pytest.approx(0.05, rel=1e-6)


def test_limits_on_a_grid_are_interpolated_as_pyhf_does():
    found = limit(readme(), DATA, "mu", grid=np.linspace(0, 5, 41))
    assert found.observed == pytest.approx(PYHF_README_LIMITS["grid"][0], abs=1e-4)
    assert found.expected == pytest.approx(PYHF_README_LIMITS["grid"][1:], abs=2e-4)  # four digits on record
    assert len(found.mu) == 41


def test_curves_rise_and_fall_as_they_must():
    found = limit(systematics(), [40.0, 34, 29, 31, 38, 33, 20, 9, 11, 5], "mu", grid=np.linspace(0.0, 3.0, 31))
    assert (found.cls >= found.cls_sb - 1e-15).all()
    assert (np.diff(found.cls) <= 1e-9).all()
    assert (np.diff(found.cls_sb) <= 1e-9).all()
    assert (np.diff(found.expected_cls, axis=1) <= 1e-9).all()
    assert (np.diff(found.expected_cls, axis=0) >= -1e-15).all()
    assert found.cls[0] == pytest.approx(1.0)


@given(st.floats(0, 200), st.floats(1e-6, 200), st.sampled_from(["q", "qtilde"]))
def test_cls_is_never_below_cls_sb_and_never_above_one(q, q_asimov, statistic):
    log_sb, log_b, log_ratio = log_confidences(np.array(q), np.array(q_asimov), statistic)
    assert log_ratio >= log_sb - 1e-12
    assert log_ratio <= 1e-12
    assert log_b <= 0
    assert np.isfinite(log_ratio)


@given(st.floats(1e-3, 100), st.floats(1e-3, 100))
def test_the_two_branches_of_the_law_of_qtilde_meet(q_asimov, shift):
    near = log_confidences(np.array(q_asimov * (1 - 1e-9)), np.array(q_asimov), "qtilde")
    far = log_confidences(np.array(q_asimov * (1 + 1e-9)), np.array(q_asimov), "qtilde")
    assert near.cls == pytest.approx(float(far.cls), rel=1e-6)
    beyond = log_confidences(np.array(q_asimov + shift), np.array(q_asimov), "qtilde")
    assert beyond.cls_b <= near.cls_b


def test_a_one_sided_profile_limit_has_the_threshold_of_its_level():
    upper = limit(counting(), [5.0], "s", level=0.9, method="profile")
    lower = limit(counting(), [5.0], "s", level=0.9, method="profile", side="lower")
    # the central interval at 80 % has the same ends: threshold Phi^-1(0.9)^2
    central = interval(counting(), [5.0], "s", level=0.8)
    assert (lower.observed, upper.observed) == pytest.approx((central.lower, central.upper), rel=1e-6)
    height = 2 * (upper.observed - 5 - 5 * np.log(upper.observed / 5))
    assert height == pytest.approx(ndtri(0.9) ** 2, rel=1e-6)
    assert upper.level == 0.9


def test_profile_limits_are_where_the_asymptotic_cls_sb_falls_to_its_threshold():
    plain = limit(readme(), DATA, "mu", method="profile")
    with_band = limit(readme(), DATA, "mu", method="profile", expected=True)
    assert with_band.observed == pytest.approx(
        limit(readme(), DATA, "mu", method="profile", grid=np.linspace(0.7, 0.9, 400)).observed, rel=1e-4
    )
    # q-tilde follows its own law beyond the Asimov value; the plain profile takes the half chi-square law everywhere
    q = limit(readme(), DATA, "mu", method="profile", statistic="q", expected=True)
    assert q.observed == pytest.approx(plain.observed, rel=1e-5)


def test_a_power_constrained_limit_stays_where_power_suffices():
    low = [40.0, 38.0]  # far fewer than the 102 expected
    bare = limit(readme(), low, "mu", method="profile", expected=True)
    held = limit(readme(), low, "mu", method="power-constrained")
    assert held.least_power is not None
    assert bare.observed < held.least_power
    assert held.observed == held.least_power
    assert held.least_power == pytest.approx(bare.expected[1], rel=1e-6)  # default power Phi(-1): the -1 sigma edge
    half = limit(readme(), low, "mu", method="power-constrained", min_power=0.5)
    assert half.observed == pytest.approx(bare.expected[2], rel=1e-6)
    normal = limit(readme(), [60.0, 62.0], "mu", method="power-constrained")
    assert normal.observed > normal.least_power


@pytest.mark.parametrize(("n", "b"), list(CLS_COUNTING))
def test_counting_limits_by_toys_meet_the_exact_ones_within_their_error(n, b):
    found = limit(on_background(b), [float(n)], "s", calibration=ByToys(3, 20_000), expected=False)
    exact = CLS_COUNTING[n, b]
    assert gammaincc(n + 1, exact + b) / gammaincc(n + 1, b) == pytest.approx(0.05, rel=1e-6)
    assert found.observed_error < 0.1 * exact
    assert abs(found.observed - exact) < 4 * found.observed_error
    nodes = gammaincc(n + 1, found.mu + b) / gammaincc(n + 1, b)
    assert (
        np.abs(found.cls - nodes) < 5 * found.cls_error + 1e-3
    ).all()  # (1 + k)/(1 + n) is high by up to 1/20000 of 0.05


def test_toys_and_law_agree_where_counts_are_large():
    law = limit(readme(), DATA, "mu")
    toys = limit(readme(), DATA, "mu", calibration=ByToys(5, 4000))
    assert toys.n == 4000
    assert abs(toys.observed - law.observed) < 4 * toys.observed_error + 0.05  # the law is not exact at 50 counts
    # at -2 sigma CLs+b is 0.001, at +2 sigma 2 % of the toys decide: only the middle of the band is known well
    assert np.abs(toys.expected - law.expected)[1:4].max() < 0.15
    assert (np.diff(toys.expected) > 0).all()
    assert (toys.expected_errors > 0).all()
    assert "each toy refitted" in toys.how


def test_equal_seeds_give_equal_limits_and_every_node_shares_its_toys():
    one, two = (limit(readme(), DATA, "mu", calibration=ByToys(5, 300), expected=False) for _ in range(2))
    assert one.observed == two.observed
    assert np.array_equal(one.cls, two.cls)
    # shared random numbers: the curve of CLs+b falls at every step although its errors are larger than the steps
    fine = limit(readme(), DATA, "mu", calibration=ByToys(5, 300), expected=False, grid=np.linspace(0.9, 1.1, 9))
    assert (np.diff(fine.cls_sb) <= 0).all()
    assert fine.cls_sb_error.min() > np.abs(np.diff(fine.cls_sb)).max() / 2


def test_toys_are_doubled_until_both_tolerances_are_met():
    start = ByToys(5, 200, rtol=0.5)
    few = limit(readme(), DATA, "mu", calibration=start, expected=False)
    more = limit(readme(), DATA, "mu", calibration=ByToys(5, 200, rtol=0.5, atol=0.05), expected=False)
    assert few.n == 200
    assert more.n > 200  # the relative tolerance alone would have stopped at 200
    assert more.observed_error <= 0.05
    stopped = limit(readme(), DATA, "mu", calibration=ByToys(5, 200, atol=1e-4, most=400), expected=False)
    assert "tolerance_missed" in stopped.flags


def test_empty_data_and_empty_tails_give_a_bound_and_no_nan():
    found = limit(readme(), [0.0, 0.0], "mu", calibration=ByToys(1, 100))
    assert found.open_
    assert found.observed == 0.0
    assert "empty_tail" in found.flags
    document = json.dumps(to_json(found), allow_nan=False)
    assert "NaN" not in document
    assert not np.isnan(found.cls).any()
    assert not np.isnan(found.expected).any()
    few = limit(on_background(3.0), [0.0], "s", calibration=ByToys(1, 500))
    assert not few.open_
    assert few.observed == pytest.approx(2.9957, abs=5 * few.observed_error)


def test_the_limit_reaches_the_bound_and_says_so():
    space = readme().space.replace("mu", upper=0.8, start=0.5)
    found = limit(readme(), DATA, "mu", space=space)
    assert found.open_
    assert found.observed == 0.8
    assert "open_interval" in found.flags
    assert "open_expected" in found.flags
    assert np.isinf(found.expected[2:]).all()


def test_negative_best_values_count_as_zero_for_qtilde_only():
    model = on_background(10.0, lower=-9.0)
    tilde = hypothesis_test(model, [5.0], {"s": 3.0}, statistic="qtilde")
    plain = hypothesis_test(model, [5.0], {"s": 3.0}, statistic="q")
    bounded = hypothesis_test(on_background(10.0), [5.0], {"s": 3.0}, statistic="qtilde")
    assert tilde.best == pytest.approx(-5.0, abs=1e-4)
    assert tilde.observed == pytest.approx(bounded.observed, abs=1e-6)
    assert plain.observed == pytest.approx(2 * (13 - 5 - 5 * np.log(13 / 5)), abs=1e-6)
    assert plain.observed > tilde.observed


def test_lists_of_events_have_limits_by_law_and_by_toys():
    events = drawn(search(), {RATE: 0.0, "bkg" + SUFFIX: 1.0}, 4)
    law = limit(search(), events, RATE, level=0.9)
    assert "approximate_asimov" in law.flags
    assert 0 < law.observed < 2
    assert (np.diff(law.expected) > 0).all()
    toys = limit(search(), events, RATE, level=0.9, calibration=ByToys(2, 128), expected=False)
    assert abs(toys.observed - law.observed) < 5 * toys.observed_error + 0.1 * law.observed
    counted = limit(search(), Events({"x": np.zeros(0)}), RATE, level=0.9, expected=False)
    assert np.isfinite(counted.observed)


def test_results_print_save_and_load(tmp_path):
    found = limit(readme(), DATA, "mu")
    again = load(found.save(tmp_path / "limit.npz"))
    assert str(again) == str(found)
    assert "mu < 1.01157 at 95 % confidence" in str(found)
    assert "median" in str(found)
    tested = hypothesis_test(readme(), DATA, {"mu": 1.0}, statistic="qtilde")
    assert str(load(tested.save(tmp_path / "test.json"))) == str(tested)


def test_a_crossing_of_a_noisy_curve_is_found():
    mu = np.linspace(0.5, 1.5, 9)
    confidence = ndtr(ndtri(0.05) - 2.0 * (mu - 1.0))
    assert probit_crossing(mu, confidence, np.full(9, 1e-3), 0.95) == pytest.approx(1.0, abs=1e-9)  # exact parabola
    assert probit_crossing(mu, np.full(9, 0.5), np.full(9, 1e-3), 0.95) == np.inf
    assert probit_crossing(mu, np.full(9, 0.01), np.full(9, 1e-3), 0.95) == 0.5


def question(**changes) -> Question:
    return Question("mu", 0.95, "upper", "cls", "qtilde", True, 0.16)._replace(**changes)


def fixed_space():
    return readme().space.fix(mu=1.0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: limit(readme(), DATA, "mu", level=1.5), InvalidOption, "outside"),
        (lambda: question(method="bayes").check(), InvalidOption, "'bayes' does not exist"),
        (lambda: question(statistic="t").check(), InvalidOption, "'t' does not exist"),
        (lambda: question(side="left").check(), InvalidOption, "'left' does not exist"),
        (lambda: limit(readme(), DATA, "mu", side="lower"), InvalidOption, "upper limits only"),
        (lambda: limit(readme(), DATA, "mu", min_power=0.0), InvalidOption, "min_power"),
        (lambda: limit(readme(), DATA, "mu", space=fixed_space()), InvalidOption, "fixed and has no limit"),
        (lambda: limit(readme(), DATA, "uncorr_bkguncrt[0]"), InvalidOption, "0 must lie inside"),
        (lambda: limit(counting(), [5.0], "s", method="profile", level=0.4), InvalidOption, "exceed 0.5"),
        (
            lambda: limit(ChiSquareCounts(on_background(3.0).predictor, cost="pearson"), [5.0], "s"),
            MissingRole,
            "toys need a simulator",
        ),
        (lambda: ByToys(1, 100, rtol=-1.0), InvalidOption, "rtol"),
        (
            lambda: hypothesis_test(readme(), DATA, {"mu": 1.0, "uncorr_bkguncrt[0]": 1.0}, statistic="q"),
            InvalidOption,
            "one signal",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


@settings(max_examples=8)
@given(st.integers(0, 20))
def test_more_events_never_tighten_the_limit(n):
    less = limit(on_background(5.0), [float(n)], "s", expected=False).observed
    more = limit(on_background(5.0), [float(n + 1)], "s", expected=False).observed
    assert more > less


def test_asimov_data_of_a_model_with_systematics_are_fitted_without_residual():
    signal = TemplateSample("signal", [5.0, 9.0], modifiers=[NormFactor("mu"), NormSys("norm", 1.1, 0.9)])
    model = PoissonCounts(TemplatePredictor.from_channels([Channel("SR", [signal, TemplateSample("b", [20.0, 10.0])])]))
    truth = {"mu": 0.7, "norm": 0.4}
    result = fit(model, asimov(model, truth))
    assert result.values == pytest.approx(truth, abs=1e-5)
    assert result.excess == pytest.approx(0.0, abs=1e-9)
