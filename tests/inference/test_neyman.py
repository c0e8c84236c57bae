"""Belts of one parameter: the published tables of Feldman and Cousins, coverage, and the interface to likelihoods."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from tests.inference.models import counting
from tests.reference.feldman_cousins import COUNTING, GAUSSIAN
from wilks._base.errors import InvalidData, InvalidOption
from wilks.inference.calibration import ByToys
from wilks.inference.counting_belts import counting_acceptance, counting_pieces
from wilks.inference.gaussian_belts import bounded_pieces
from wilks.inference.intervals import interval
from wilks.inference.neyman import bounded_belt, bounded_interval, counting_belt, counting_interval
from wilks.inference.probabilities import garwood
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.residuals import GaussianResiduals
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter


@pytest.mark.parametrize(("background", "n", "lower", "upper"), COUNTING)
def test_counting_intervals_are_the_published_ones(background, n, lower, upper):
    found = counting_interval(n, background, monotone_in_background=n == 0)
    # two decimals; raised ends come from a grid of 0.005 in the paper
    assert found.lower == pytest.approx(lower, abs=0.0051)
    assert found.upper == pytest.approx(upper, abs=0.0101 if n == 0 else 0.0051)


def test_counting_intervals_to_the_digits_of_their_roots():
    ends = {1: (0.0, 1.8771), 2: (0.0, 3.0360), 3: (0.0, 4.4250), 5: (0.0, 6.9871), 10: (2.6326, 13.5005)}
    for n, (lower, upper) in ends.items():
        found = counting_interval(n, 3.0)
        assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=6e-5)  # four decimals


@pytest.mark.parametrize(("x", "lower", "upper"), GAUSSIAN)
def test_bounded_gaussian_intervals_are_the_published_ones(x, lower, upper):
    found = bounded_interval(x)
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=0.0051)  # two decimals


@pytest.mark.parametrize("ordering", ["feldman-cousins", "central", "upper", "lower", "shortest"])
def test_counting_belts_cover(ordering):
    signals, background = np.linspace(0.0, 12.0, 61), 2.3
    lower, upper = counting_acceptance(signals, background, 0.9, ordering)
    held = poisson.cdf(upper, signals + background) - poisson.cdf(lower - 1, signals + background)
    assert (held >= 0.9 - 1e-12).all()  # enumerated: never below, but for rounding
    inside = [any(a <= s <= b for a, b in counting_pieces(7, background, ordering=ordering)) for s in signals]
    np.testing.assert_array_equal(inside, (lower <= 7) & (upper >= 7))


@pytest.mark.parametrize("ordering", ["feldman-cousins", "central", "upper", "shortest"])
def test_bounded_gaussian_belts_cover(ordering):
    x = np.random.default_rng(3).normal(size=200)
    for truth in (0.0, 0.3, 1.4):
        found = [bounded_pieces(float(v + truth), upper=2.0, ordering=ordering) for v in x]
        share = np.mean([any(a <= truth <= b and a < b for a, b in pieces) for pieces in found])
        assert share == pytest.approx(0.9, abs=3.5 * np.sqrt(0.09 / 200))  # binomial, of twelve comparisons


@given(st.integers(0, 30), st.floats(0.0, 10.0))
def test_central_intervals_without_background_are_garwoods(n, background):
    lower, upper = garwood(n, 0.9)
    ((low, high),) = counting_pieces(n, 0.0, ordering="central")
    assert (low, high) == pytest.approx((lower, upper), abs=2e-6 * (1 + upper))  # bisected to 1e-7
    ((_, limit),) = counting_pieces(n, background, ordering="upper")
    assert limit == pytest.approx(max(garwood(n, 0.8)[1] - background, 0.0), abs=4e-6 * (1 + upper))


@given(st.floats(-3.0, 6.0), st.floats(0.1, 5.0))
def test_intervals_scale_with_the_error(x, sigma):
    ((a, b),), ((c, d),) = bounded_pieces(x), bounded_pieces(x * sigma, sigma=sigma)
    assert (c, d) == pytest.approx((a * sigma, b * sigma), abs=1e-9 * (1 + sigma))  # bisection of the same numbers


def test_raised_upper_ends_never_grow_with_the_background():
    tops = [counting_interval(1, b, monotone_in_background=True).upper for b in (0.0, 0.7, 1.4, 2.8)]
    raw = [counting_interval(1, b).upper for b in (0.0, 0.7, 1.4, 2.8)]
    assert tops == sorted(tops, reverse=True)
    assert all(t >= r for t, r in zip(tops, raw, strict=True))
    assert "larger backgrounds" in counting_interval(1, 3.0, monotone_in_background=True).how


def test_a_likelihood_of_one_count_is_enumerated():
    likelihood = PoissonCounts(
        LinearTemplates.of({"mu": [2.0], "b": [3.0]}, parameters={"b": Parameter("b", 1.0, fixed=True)})
    )
    found = interval(likelihood, [10], "mu", level=0.9, method="feldman-cousins")
    assert (found.lower, found.upper) == pytest.approx((2.6326 / 2, 13.5005 / 2), abs=4e-5)
    assert "enumerated" in found.how
    one_sided = interval(likelihood, [3], "mu", level=0.9, method="upper")
    assert one_sided.lower_open
    assert one_sided.upper == pytest.approx((6.6808 - 3.0) / 2, abs=4e-5)  # P(n <= 3 | 6.6808) = 0.1


def test_gaussian_residuals_are_solved_in_closed_form():
    model = LinearTemplates.of({"mu": [1.0, 2.0]})
    likelihood = GaussianResiduals(model, errors=np.array([1.0, 2.0]))
    found = interval(likelihood, [0.5, -1.0], "mu", level=0.9, method="feldman-cousins")
    ((lower, upper),) = bounded_pieces(0.0, sigma=0.5**0.5)  # two measurements of equal weight: 0.5 and -0.5
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=1e-9)
    assert found.lower_open


def test_toys_take_over_where_nothing_is_known_exactly():
    with pytest.raises(InvalidOption, match="needs calibration=ByToys"):
        interval(PoissonCounts(LinearTemplates.of({"a": [5.0, 1.0], "b": [1.0, 3.0]})), [7, 4], "a", method="central")
    found = interval(counting(), [4], "s", level=0.9, method="feldman-cousins", calibration=ByToys(1, 4000))
    exact = counting_interval(4, 0.0)
    # toys of a discrete count: ends move by the error of p over its slope
    assert (found.lower, found.upper) == pytest.approx((exact.lower, exact.upper), abs=0.25)
    with pytest.raises(InvalidOption, match="ordered by the likelihood ratio"):
        interval(counting(), [4], "s", method="central", calibration=ByToys(1, 100))


def test_belts_are_tables_of_acceptance():
    belt = counting_belt(3.0, most=15.0)
    low, high = belt.interval(10)
    exact = counting_interval(10, 3.0)
    assert (low, high) == pytest.approx((exact.lower, exact.upper), abs=15 / 400)  # the step of the table
    with pytest.raises(InvalidOption, match="accepts n = 400"):
        belt.interval(400)
    gauss = bounded_belt(most=4.0)
    low, high = gauss.interval(1.0)
    assert (low, high) == pytest.approx((0.0, 2.645), abs=4 / 200)


def test_bad_input_is_refused():
    with pytest.raises(InvalidData, match="whole number"):
        counting_pieces(2.5, 1.0)
    with pytest.raises(InvalidOption, match="background of -1"):
        counting_pieces(2, -1.0)
    with pytest.raises(InvalidOption, match="does not exist"):
        bounded_pieces(0.0, ordering="nearest")
    with pytest.raises(InvalidOption, match="room between"):
        bounded_pieces(0.0, lower=1.0, upper=0.0)
    with pytest.raises(InvalidOption, match="outside"):
        counting_interval(1, 0.0, level=1.0)
