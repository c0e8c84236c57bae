"""Smoothing "353QH, twice": a literal version of the rule in plain Python, cases by hand, and what it refuses."""

import logging
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidData
from wilks.data.smoothing import smooth_353qh_twice, smoothed_variation

NOMINAL = np.array([50.0, 45, 40, 37, 33, 28, 25, 21, 18, 16, 13, 11])
VARIATION = np.array([54.0, 45, 46, 38, 39, 29, 24, 26, 17, 17, 11, 13])


def literal_353qh(y):
    n = len(y)
    z = [y[0], *(statistics.median([y[i - 1], y[i], y[i + 1]]) for i in range(1, n - 1)), y[-1]]
    first = statistics.median([3 * z[1] - 2 * z[2], y[0], z[1]])
    last = statistics.median([3 * z[n - 2] - 2 * z[n - 3], y[n - 1], z[n - 2]])
    z[0], z[n - 1] = first, last
    five = list(z)
    for i in range(1, n - 1):
        reach = 1 if i in (1, n - 2) else 2
        five[i] = statistics.median(z[i - reach : i + reach + 1])
    z = [five[0], *(statistics.median(five[i - 1 : i + 2]) for i in range(1, n - 1)), five[-1]]
    q = list(z)
    for i in range(2, n - 2):
        left, right = z[i - 2] - z[i], z[i + 2] - z[i]
        if z[i - 1] == z[i] == z[i + 1] and ((left > 0 and right > 0) or (left < 0 and right < 0)):
            j = -1 if abs(right) > abs(left) else 1
            q[i] = -0.5 * z[i - 2 * j] + 4 * z[i] / 3 + z[i + 2 * j] / 6
            q[i + j] = 0.5 * (z[i + 2 * j] - z[i - 2 * j]) + z[i]
    return [q[0], *(0.25 * q[i - 1] + 0.5 * q[i] + 0.25 * q[i + 1] for i in range(1, n - 1)), q[-1]]


def literal_twice(y):
    once = literal_353qh(y)
    rest = literal_353qh([a - b for a, b in zip(y, once, strict=True)])
    total = [a + b for a, b in zip(once, rest, strict=True)]
    return total if min(y) < 0 else [max(a, 0.0) for a in total]


def lists_of(numbers):
    return st.lists(numbers, min_size=3, max_size=16)


@given(lists_of(st.integers(0, 4)) | lists_of(st.integers(-2, 3)) | lists_of(st.floats(-10, 10)))
def test_the_rule_is_followed_step_by_step(values):
    values = [float(value) for value in values]  # few integers make many flat triples
    smoothed = smooth_353qh_twice(np.array(values))
    np.testing.assert_allclose(smoothed, literal_twice(values), rtol=0, atol=1e-12)  # rounding of sums of numbers < 30


def test_cases_by_hand():
    # three bins: medians make them equal, nothing is left over
    assert smooth_353qh_twice(np.array([1.0, 5.0, 2.0])).tolist() == [2.0, 2.0, 2.0]
    # four bins: medians 1 2 4 8 after the ends are kept, means 1 2.25 4.5 8, and the rest 0 1.75 -2.5 0 smooths to 0
    assert smooth_353qh_twice(np.array([1.0, 4.0, 2.0, 8.0])).tolist() == [1.0, 2.25, 4.5, 8.0]
    # a straight line stays, a lonely peak goes
    line = np.arange(9.0)
    np.testing.assert_array_equal(smooth_353qh_twice(line), line)
    np.testing.assert_array_equal(smooth_353qh_twice(np.eye(9)[4]), np.zeros(9))


def test_numbers_of_cabinetry():
    """`cabinetry.smooth.smooth_353qh_twice` and the scaled ratio of its template postprocessor, cabinetry 0.6.0."""
    peaks = np.array([0.0, 1, 2, 2, 2, 1, 0, 0, 0, 5, 1, 1, 1, 3])  # with flat triples: parabolas, and a cut at 0
    sixth = 1 / 6
    expected = [0, 1, 2 - sixth, 2 + sixth, 2 - sixth, 1, sixth, 0, sixth, 0.75, 1, 1, 1, 1]
    np.testing.assert_allclose(smooth_353qh_twice(peaks), expected, rtol=0, atol=1e-15)
    signed = np.array([-1.0, 2, 0, 3, -2, 1, 1, 1, 0])
    np.testing.assert_array_equal(smooth_353qh_twice(signed), [-1.0, -0.25, 0.25, 0.75, 1, 1, 1, 1, 1])
    templates = [
        54.186229020791046, 48.767606118711946, 42.90459879873746, 38.86464271572571, 34.296442574667346,
        29.100011881535934, 25.982153465657085, 21.82500891115195, 18.82810189933737, 16.951115295525238,
        14.249256405746213, 13.044832912412659,
    ]  # fmt: skip
    np.testing.assert_allclose(smoothed_variation(NOMINAL, VARIATION), templates, rtol=1e-14)  # order of sums


def test_numbers_are_cut_at_zero_only_if_none_was_negative():
    # valley 3 0 0 0 1: the parabola puts its middle at -3/2 + 1/6
    positive = np.array([9.0, 6, 3, 0, 0, 0, 1, 2, 3])
    assert literal_353qh(list(positive))[4] < 0
    assert smooth_353qh_twice(positive).min() == 0.0
    shifted = np.append(positive, -1e-9)
    assert smooth_353qh_twice(shifted).min() < -0.1


def test_the_sum_and_a_common_factor_are_kept():
    smoothed = smoothed_variation(NOMINAL, VARIATION)
    assert smoothed.sum() == pytest.approx(VARIATION.sum(), rel=1e-14)  # rounding of a sum of 12 numbers
    # a ratio without shape passes unchanged but for rounding
    np.testing.assert_allclose(smoothed_variation(NOMINAL, 1.25 * NOMINAL), 1.25 * NOMINAL, rtol=1e-14)
    assert np.abs(np.diff(smoothed / NOMINAL, 2)).max() < 0.5 * np.abs(np.diff(VARIATION / NOMINAL, 2)).max()


def test_an_empty_nominal_bin_is_named():
    nominal = NOMINAL.copy()
    nominal[7] = 0.0
    with pytest.raises(InvalidData, match=r"JES up: bin 7 of the nominal template is empty"):
        smoothed_variation(nominal, VARIATION, who="JES up")
    broken = VARIATION.copy()
    broken[2] = np.nan
    with pytest.raises(InvalidData, match="bin 2 holds nan"):
        smoothed_variation(NOMINAL, broken)
    with pytest.raises(InvalidData, match="11 bins, but the nominal template has 12"):
        smoothed_variation(NOMINAL, VARIATION[:-1])
    with pytest.raises(InvalidData, match="sum 0"):
        smoothed_variation(np.ones(5), np.array([0.0, 0.0, 5.0, 0.0, 0.0]))


def test_fewer_than_three_bins_stay_and_are_noticed(caplog):
    two = np.array([1.0, 2.0])
    with caplog.at_level(logging.WARNING, logger="wilks"):
        result = smoothed_variation(np.array([0.0, 1.0]), two, who="two bins of a test")
    np.testing.assert_array_equal(result, two)
    assert result is not two
    assert "two bins of a test: 2 bins are not smoothed" in caplog.text
    with pytest.raises(InvalidData, match="at least 3"):
        smooth_353qh_twice(two)
