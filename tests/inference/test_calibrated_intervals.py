"""Intervals with critical values of the user's own, or found by toys."""

from functools import partial

import numpy as np
import pytest

from tests.inference.event_models import counted, lifetime
from tests.inference.models import OBSERVED, counting, peak
from wilks._base.errors import InvalidOption
from wilks.data.events import Events
from wilks.inference.calibration import Asymptotic, ByToys
from wilks.inference.coverage import coverage
from wilks.inference.intervals import interval
from wilks.inference.probabilities import threshold
from wilks.likelihood.components import SUFFIX
from wilks.likelihood.counts import PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter


def test_the_quantile_as_critical_value_gives_the_plain_interval():
    plain = interval(peak(), OBSERVED, "s", level=0.9)
    for critical in (threshold(0.9), lambda value: threshold(0.9)):
        found = interval(peak(), OBSERVED, "s", level=0.9, critical=critical)
        assert (found.lower, found.upper) == pytest.approx((plain.lower, plain.upper), rel=1e-6)
        assert np.abs(found.residuals).max() < 1e-6


def test_a_critical_value_may_follow_the_parameter():
    found = interval(counting(), [5.0], "s", critical=lambda value: 1.0 + 0.1 * value)
    for end in (found.lower, found.upper):
        height = 2 * (end - 5 - 5 * np.log(end / 5))
        assert height == pytest.approx(1.0 + 0.1 * end, rel=1e-6)


def test_an_end_that_the_bound_cuts_is_open():
    found = interval(counting(), [0.0], "s", critical=2.7)
    assert found.lower_open
    assert found.lower == 0.0
    assert found.upper == pytest.approx(1.35, rel=1e-6)
    assert "open_interval" in found.flags


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "hesse", "critical": 1.0}, "knows no critical values"),
        ({"method": "hesse", "calibration": ByToys(1)}, "knows no critical values"),
        ({"critical": 1.0, "calibration": ByToys(1)}, "not both"),
        ({"critical": -1.0}, "must be positive"),
    ],
)
def test_what_does_not_go_together_is_refused(options, words):
    with pytest.raises(InvalidOption, match=words):
        interval(peak(), OBSERVED, "s", **options)


def test_the_asymptotic_calibration_is_the_plain_interval():
    plain, asked = (interval(peak(), OBSERVED, "s", **o) for o in ({}, {"calibration": Asymptotic()}))
    assert (plain.lower, plain.upper) == (asked.lower, asked.upper)


def test_toys_confirm_the_quantile_where_counts_are_large():
    plain = interval(peak(), OBSERVED, "s", level=0.9)
    toys = interval(peak(), OBSERVED, "s", level=0.9, calibration=ByToys(1, 2000))
    assert min(toys.errors) > 0
    for one, two, error in zip((plain.lower, plain.upper), (toys.lower, toys.upper), toys.errors, strict=True):
        assert abs(one - two) < 4 * error + 0.01  # the law itself is right to a percent at 250 events
    again = interval(peak(), OBSERVED, "s", level=0.9, calibration=ByToys(1, 2000))
    assert (again.lower, again.upper) == (toys.lower, toys.upper)
    assert "each toy refitted" in toys.how


@pytest.mark.parametrize(("n", "ends"), [(1, (0.0, 1.8771)), (5, (0.0, 6.9871)), (10, (2.6326, 13.5005))])
def test_counts_calibrated_by_toys_follow_the_tables_of_feldman_and_cousins(n, ends):
    parameters = {"s": Parameter("s", 1.0, 0.0, 50.0), "b": Parameter("b", 3.0, fixed=True)}
    model = PoissonCounts(LinearTemplates.of({"s": [1.0], "b": [1.0]}, parameters=parameters))
    found = interval(model, [float(n)], "s", level=0.9, calibration=ByToys(1, 4000))
    # Phys. Rev. D 57 (1998) 3873; p-values of counts jump by up to 3 %, which a smooth curve through them cuts short
    for end, value, error in zip(ends, (found.lower, found.upper), found.errors, strict=True):
        assert abs(value - end) < 4 * error + 0.12
    assert found.lower_open == (ends[0] == 0.0)


def test_lists_of_events_are_calibrated_as_well():
    events = Events({"x": np.random.default_rng(1).exponential(4.0, 25) % 10.0})
    name = "decay" + SUFFIX
    plain = interval(counted(), events, name, level=0.9)
    toys = interval(counted(), events, name, level=0.9, calibration=ByToys(2, 256))
    for one, two, error in zip((plain.lower, plain.upper), (toys.lower, toys.upper), toys.errors, strict=True):
        assert abs(one - two) < 4 * error + 0.05


def test_toys_of_an_interval_are_doubled_until_its_error_suffices():
    few = interval(peak(), OBSERVED, "s", calibration=ByToys(1, 250))
    more = interval(peak(), OBSERVED, "s", calibration=ByToys(1, 250, atol=0.7 * max(few.errors)))
    assert max(more.errors) < max(few.errors)
    cut = interval(peak(), OBSERVED, "s", calibration=ByToys(1, 250, atol=1e-5, most=300))
    assert "tolerance_missed" in cut.flags


def test_coverage_asks_the_calibrated_procedure_itself():
    procedure = partial(interval, lifetime(), name="tau", critical=1e-4)
    result = coverage(6, lifetime(), procedure, {"decay" + SUFFIX: 1.5, "tau": 4.0}, 8, name="tau")
    assert result.covered == 0  # nothing covers with a critical value of 1e-4; the recognised batch would ignore it
