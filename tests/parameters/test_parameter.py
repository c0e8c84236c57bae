"""One parameter: what it accepts, what it refuses, how it names itself."""

import math

import pytest

from wilks._base.errors import InvalidParameter
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"start": 11.0, "lower": 0.0, "upper": 10.0},
            r"parameter 'mu': start value 11\.0 lies outside \[0\.0, 10\.0\]; move the start or widen the bounds",
        ),
        ({"start": 1.0, "lower": 3.0, "upper": 2.0}, r"lower bound 3\.0 exceeds upper bound 2\.0; swap them"),
        ({"start": 1.0, "lower": math.nan}, "contain NaN; use -inf or inf for none"),
        ({"start": 1.0, "upper": math.nan}, "contain NaN"),
        ({"start": math.nan}, "start value nan is not finite"),
        ({"start": math.inf}, "start value inf is not finite"),
        ({"start": 0.0, "period": 0.0}, r"period 0\.0 must be positive and finite"),
        ({"start": 0.0, "period": math.inf}, "period inf must be positive"),
    ],
)
def test_contradictions_are_refused(settings, message):
    with pytest.raises(InvalidParameter, match=message):
        Parameter("mu", **settings)


@pytest.mark.parametrize("name", ["", "a\nb", "\x00"])
def test_names_that_cannot_be_printed_are_refused(name):
    with pytest.raises(InvalidParameter, match="must be printable and not empty"):
        Parameter(name, 1.0)


@pytest.mark.parametrize("name", ["μ", "Δm²_31", "st[0]", "a b"])
def test_names_may_be_any_printable_text(name):
    assert Parameter(name, 1).name == name


def test_bounds_are_closed_and_numbers_become_floats():
    parameter = Parameter("mu", 0, lower=0, upper=5)
    assert parameter.start == parameter.lower == 0.0
    assert all(isinstance(x, float) for x in (parameter.start, parameter.lower, parameter.upper))


def test_equal_bounds_mean_fixed():
    assert Parameter("mu", 1.0).is_free
    assert not Parameter("mu", 1.0, lower=1.0, upper=1.0).is_free
    assert not Parameter("mu", 1.0, fixed=True).is_free


def test_prints_and_labels():
    assert repr(Parameter("m", 125.0, lower=100.0, upper=150.0, unit="GeV")) == "Parameter(m = 125 GeV in [100, 150])"
    assert repr(Parameter("m", 125.0, fixed=True)) == "Parameter(m = 125 fixed)"
    assert Parameter("m", 125.0, unit="GeV", latex="$m_H$").label == "$m_H$ [GeV]"
    assert Parameter("m", 125.0).label == "m"


@pytest.mark.parametrize(
    ("options", "start"),
    [
        ({}, 0.0),
        ({"lower": 2.0}, 3.0),
        ({"upper": 2.0}, 1.0),
        ({"lower": 1.0, "upper": 5.0}, 3.0),
        ({"prior": Normal(4.0, 1.0)}, 4.0),
        ({"prior": Normal(4.0, 1.0), "upper": 3.5}, 3.5),
    ],
)
def test_a_start_that_is_not_given_lies_inside(options, start):
    parameter = Parameter("x", **options)
    assert isinstance(parameter.start, float)
    assert parameter.start == pytest.approx(start, abs=1e-12)  # the median is computed, the others are exact
