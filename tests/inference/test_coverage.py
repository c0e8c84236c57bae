"""Coverage and bias: binomial errors, batches as single calls, failures counted."""

import functools

import numpy as np
import pytest

from tests.inference.models import TRUTH, closed_and_open, counting, peak
from tests.inference.work import Spoiling
from wilks._base.errors import InvalidOption, TooManyFailures, UnknownName
from wilks.inference.coverage import bias, coverage, coverage_curve
from wilks.inference.intervals import interval
from wilks.inference.probabilities import clopper_pearson, threshold
from wilks.likelihood.counts import PoissonCounts
from wilks.model.linear import LinearTemplates

PROCEDURE = functools.partial(interval, peak(), name="s")


def one_by_one(data):
    return interval(peak(), data, "s")


def test_batches_are_the_single_calls():
    batched = coverage(3, peak(), PROCEDURE, TRUTH, 60)
    single = coverage(3, peak(), one_by_one, TRUTH, 60, name="s")
    assert (batched.covered, batched.open_, batched.failed) == (single.covered, single.open_, single.failed)
    np.testing.assert_allclose(batched.lengths, single.lengths, rtol=1e-4)  # minima to an EDM of 1e-8
    assert batched.level == single.level == 0.6827
    assert batched.truth == 1.0


@pytest.mark.parametrize("level", [0.6827, 0.95])
def test_coverage_is_nominal_within_the_binomial_error(level):
    found = coverage(1, peak(), functools.partial(interval, peak(), name="s", level=level), TRUTH, 2000)
    assert found.fraction == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / 2000))
    assert found.interval == clopper_pearson(found.covered, 2000)
    assert len(found.lengths) == 2000


def test_open_intervals_count_as_covering_and_are_counted():
    found = coverage(1, counting(), functools.partial(interval, counting(), name="s"), {"s": 0.2}, 200)
    assert found.open_ > 100  # no event in most toys
    assert found.fraction > 0.7


def test_all_thresholds_of_a_curve_come_from_the_same_toys():
    curve = coverage_curve(3, peak(), peak(), TRUTH, ["s"], 400)
    assert (len(curve.t), curve.failed, curve.dof) == (400, 0, 1)
    for level in (0.6827, 0.90):
        counted = coverage(3, peak(), functools.partial(interval, peak(), name="s", level=level), TRUTH, 400)
        # t(truth) <= threshold is the same statement as: the interval holds the truth
        assert float(curve.fraction(threshold(level))) == pytest.approx(counted.fraction, abs=1 / 400)
    assert curve.nominal(1.0) == pytest.approx(0.6827, abs=1e-4)
    both = coverage_curve(3, peak(), peak(), TRUTH, ["s", "b"], 2000)
    f, d = float(both.fraction(2.2958)), 0.6827
    assert both.dof == 2
    assert f == pytest.approx(d, abs=4 * np.sqrt(d * (1 - d) / 2000))


def test_bias_of_an_unbiased_fit():
    found = bias(1, peak(), peak(), TRUTH, 2000)
    assert found.names == ("s", "b")
    assert (np.abs(found.residual_mean) < 4 * found.residual_error).all()
    np.testing.assert_allclose(found.pull_width, 1.0, atol=4 / np.sqrt(2 * 2000) + 0.02)
    np.testing.assert_allclose(found.at_bound_fraction, 0.0)
    np.testing.assert_allclose(found.median, 1.0, atol=0.05)


def test_bias_of_a_parameter_at_its_bound():
    likelihood = PoissonCounts(LinearTemplates.of({"s": [1.0, 2.0], "b": [50.0, 40.0]}))
    found = bias(1, likelihood, likelihood, {"s": 0.0, "b": 1.0}, 300)
    assert 0.3 < found.at_bound_fraction[0] < 0.7
    assert found.residual_mean[0] > 0
    alone = bias(1, counting(), counting(), {"s": 0.0}, 20)  # no toy has an event, no error is quoted
    assert np.isnan(alone.pull_mean[0])
    assert alone.at_bound_fraction[0] == 1.0


def test_failed_toys_are_counted_apart():
    spoilt = Spoiling(peak().space, peak(), 8)
    batched = coverage(3, spoilt, PROCEDURE, TRUTH, 80)
    assert batched.failed > 2
    assert batched.fraction == batched.covered / (80 - batched.failed)
    assert f"{batched.failed} of 80 toys failed" in batched.flags["failed_toys"]
    curve, pulls = coverage_curve(3, spoilt, peak(), TRUTH, ["s"], 80), bias(3, spoilt, peak(), TRUTH, 80)
    assert curve.failed == pulls.failed == batched.failed
    assert np.isfinite(pulls.residual_mean).all()


def test_a_procedure_that_raises_fails_that_toy_only():
    def moody(data):
        if data.counts[0] > 40:
            raise ZeroDivisionError(f"too many: {data.counts[0]:g}")
        return one_by_one(data)

    found = coverage(3, peak(), moody, TRUTH, 40, name="s")
    assert 0 < found.failed < 40
    assert "the first: ZeroDivisionError: too many" in found.flags["failed_toys"]


def test_a_procedure_that_always_raises_is_heard():
    def broken(data):
        raise ZeroDivisionError("no")

    with pytest.raises(TooManyFailures, match="none of 5 toys has an interval; the first: ZeroDivisionError: no"):
        coverage(3, peak(), broken, TRUTH, 5, name="s")
    with pytest.raises(TooManyFailures, match="none of 20 toys has a trustworthy fit"):
        bias(3, Spoiling(peak().space, peak(), 1), peak(), TRUTH, 20)


def test_a_simulator_may_hold_its_parameters_in_another_order():
    templates = peak().predictor.templates
    other = PoissonCounts(LinearTemplates.of({"b": templates[:, 1], "s": templates[:, 0]}))
    values = {"s": 2.0, "b": 0.7}
    found = coverage(3, other, PROCEDURE, values, 200)
    assert found.truth == 2.0
    assert found.fraction == pytest.approx(0.6827, abs=4 * np.sqrt(0.22 / 200))
    np.testing.assert_allclose(bias(3, other, peak(), values, 200).truth, [2.0, 0.7])


def test_longer_studies_begin_with_shorter_ones():
    one, two = (coverage(3, peak(), PROCEDURE, TRUTH, n) for n in (30, 90))
    np.testing.assert_array_equal(one.lengths, two.lengths[:30])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: coverage(1, peak(), PROCEDURE, TRUTH, 0), InvalidOption, "0 toys asked for; ask for at least 1"),
        (lambda: coverage_curve(1, peak(), peak(), TRUTH, ["s"], 0), InvalidOption, "0 toys asked for"),
        (lambda: bias(1, peak(), peak(), TRUTH, 0), InvalidOption, "0 toys asked for"),
        (lambda: coverage(1, peak(), one_by_one, TRUTH, 5), InvalidOption, "say which parameter the procedure's"),
        (lambda: coverage(1, peak(), one_by_one, TRUTH, 5, name="x"), UnknownName, "no parameter 'x'"),
        (
            lambda: coverage(1, Spoiling(peak().space, peak(), 8), one_by_one, TRUTH, 5, name="s"),
            InvalidOption,
            "pass the procedure as functools.partial",
        ),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.slow
def test_coverage_with_finite_simulation_in_closed_form():
    closed, _ = closed_and_open()
    truth = {"s_s": 1.0, "s_b": 1.0}
    found = coverage(5, closed, functools.partial(interval, closed, name="s_b"), truth, 20_000)
    # 0.003 binomial; the asymptotic law itself is good to about a percent for 280 events
    assert found.fraction == pytest.approx(0.6827, abs=0.02)
    assert found.failed == 0
