import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks.results.numbers import fixed, number, percent, probability, with_error, with_errors, with_unit


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (1.2962, 0.0817, "1.296 ± 0.082"),
        (1.3, 0.0996, "1.30 ± 0.10"),
        (123456.0, 1234.0, "123500 ± 1200"),
        (0.0, 0.5, "0.00 ± 0.50"),
        (-0.001, 0.5, "0.00 ± 0.50"),
        (2.5e-3, 3.1e-5, "0.002500 ± 0.000031"),
        (2.5e-7, 3.1e-9, "(2.500 ± 0.031)e-07"),
        (1e12, 1e9, "(1.0000 ± 0.0010)e+12"),
        (1.0, math.nan, "1"),
        (1.0, None, "1"),
        (1.0, 0.0, "1"),
        (math.nan, 1.0, "-"),
        (math.inf, 1.0, "∞"),
    ],
)
def test_an_error_has_two_digits_and_its_value_the_same_place(value, error, text):
    assert with_error(value, error) == text


@pytest.mark.parametrize(
    ("value", "minus", "plus", "text"),
    [
        (1.2874, 0.3006, 0.3265, "1.29 -0.30 +0.33"),
        (3.0, math.inf, 0.5, "3.00 -∞ +0.50"),
        (0.0, 0.0, 1.84, "0.0 -0.0 +1.8"),
        (1.0, math.nan, math.nan, "1"),
        (3e-9, 1e-9, 2e-9, "(3.0 -1.0 +2.0)e-09"),
    ],
)
def test_two_errors_share_the_place_of_the_smaller(value, minus, plus, text):
    assert with_errors(value, minus, plus) == text


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e3))
def test_the_printed_number_is_the_value_within_a_twentieth_of_the_error(value, error):
    shown = with_error(value, error)
    left, _, right = shown.strip("()").partition(" ± ")
    # two digits of the error: its last place is at most a tenth of it, so rounding moves at most a twentieth
    assert abs(float(left) - value) <= 0.0501 * error
    assert abs(float(right) - error) <= 0.0501 * error


def test_numbers_that_do_not_exist_are_dashes():
    assert [number(None), number(math.nan), fixed(None), probability(None)] == ["-"] * 4
    assert number(-math.inf) == "-∞"
    assert fixed(1e12) == "1e+12"
    assert with_unit("-", "GeV") == "-"
    assert with_unit("3", "GeV") == "3 GeV"
    assert percent(0.6827) == "68.27 %"
