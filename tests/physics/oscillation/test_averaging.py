"""Closed forms of averages against sums over a million points, and the sine integral against scipy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import sici

from wilks._base.errors import InvalidModel
from wilks.physics.oscillation.averaging import (
    check_increasing,
    gaussian_response,
    inverse_square_mean,
    normalised,
    one_minus_sinc,
    sinc,
    uniform_mean,
    washed_cosine,
)
from wilks.physics.oscillation.sine_integral import sine_integral, sine_integral_rest

POINTS = (np.arange(1_000_000) + 0.5) / 1_000_000
INTERVALS = [(8.0, 10.0), (5.71, 8.71), (748.0, 752.0), (13.5, 41.0)]


def test_the_sine_integral_is_that_of_scipy():
    x = np.concatenate([np.linspace(0.0, 40.0, 2001), np.geomspace(40.0, 1e6, 500)])
    np.testing.assert_allclose(sine_integral(jnp.asarray(x)), sici(x)[0], rtol=0, atol=1e-13)
    np.testing.assert_allclose(sine_integral(jnp.asarray(-x)), -sici(x)[0], rtol=0, atol=1e-13)


def test_the_sine_integral_keeps_its_digits_at_large_arguments():
    x = np.geomspace(1e3, 1e9, 50)
    f = 1 / x * (1 - 2 / x**2 + 24 / x**4)  # DLMF 6.12.3: the next terms are below 1e-15
    g = 1 / x**2 * (1 - 6 / x**2 + 120 / x**4)
    expected = -f * np.cos(x) - g * np.sin(x)
    np.testing.assert_allclose(sine_integral_rest(jnp.asarray(x)), expected, rtol=0, atol=1e-13 / x.min())


def test_the_slope_of_the_sine_integral_is_sinc():
    x = np.array([0.5, 7.99, 8.01, 30.0])
    slopes = jax.vmap(jax.grad(sine_integral))(jnp.asarray(x))
    np.testing.assert_allclose(slopes, np.sin(x) / x, rtol=1e-14)


@pytest.mark.parametrize("interval", INTERVALS)
def test_inverse_square_means_are_sums(interval):
    a, b = interval
    lengths = 1 / (1 / b + (1 / a - 1 / b) * POINTS)  # even in 1/L is the density 1/L^2
    q = np.geomspace(1e-6, 40.0 / (b - a), 40)
    sums = [np.mean(np.sin(k * lengths) ** 2) for k in q]
    np.testing.assert_allclose(inverse_square_mean(q, a, b), sums, rtol=0, atol=1e-8)


@pytest.mark.parametrize("interval", INTERVALS)
def test_uniform_means_are_sums(interval):
    a, b = interval
    lengths = a + (b - a) * POINTS
    q = np.geomspace(1e-6, 40.0 / (b - a), 40)
    sums = [np.mean(np.sin(k * lengths) ** 2) for k in q]
    np.testing.assert_allclose(uniform_mean(q, a, b), sums, rtol=0, atol=1e-8)


@settings(max_examples=25)
@given(q=st.floats(1e-7, 50.0), middle=st.floats(1.0, 1500.0))
def test_means_over_no_width_are_the_point_formula(q, middle):
    half = 1e-9 * middle
    expected = np.sin(q * middle) ** 2
    # the mean differs by the slope of the density times that of sin^2: (q half)^2
    for mean in (inverse_square_mean, uniform_mean):
        assert float(mean(q, middle - half, middle + half)) == pytest.approx(expected, abs=1e-9)


def test_halving_the_width_approaches_the_point_formula_quadratically():
    q, middle = 0.013, 890.0
    errors = [abs(float(inverse_square_mean(q, middle - h, middle + h)) - np.sin(q * middle) ** 2) for h in (8, 4, 2)]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.05)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.02)


@settings(max_examples=25)
@given(ratio=st.floats(1.001, 40.0), reach=st.floats(1e-4, 60.0))
def test_branches_of_the_closed_form_join(ratio, reach):
    a, b = 3.0, 3.0 * ratio
    q = reach / (b - a)
    below, above = (float(inverse_square_mean(q * f, a, b)) for f in (1 - 1e-7, 1 + 1e-7))
    # sin^2 changes at most by its slope, 2e-7 q b
    assert abs(above - below) < 3e-7 * q * b + 1e-11


def test_small_phases_are_quadratic():
    assert float(inverse_square_mean(1e-7, 2.0, 9.0)) == pytest.approx(1e-14 * 18.0, rel=1e-9)
    assert float(uniform_mean(1e-7, 0.0, 3.0)) == pytest.approx(1e-14 * 3.0, rel=1e-9)


@settings(max_examples=25)
@given(q=st.floats(0.01, 20.0))
def test_slopes_of_means_agree_with_finite_differences(q):
    step = 1e-6
    for mean in (inverse_square_mean, uniform_mean):
        numeric = (mean(q + step, 7.0, 9.0) - mean(q - step, 7.0, 9.0)) / (2 * step)
        # rounding 1e-14 / 1e-6, and the third derivative (2 L)^3 step^2
        assert float(jax.grad(mean)(q, 7.0, 9.0)) == pytest.approx(float(numeric), abs=5e-8)


def test_sinc_and_what_it_lacks():
    x = np.array([0.0, 1e-8, 1e-3, 0.0999, 0.1001, 2.0, 50.0])
    np.testing.assert_allclose(sinc(jnp.asarray(x)) + one_minus_sinc(jnp.asarray(x)), 1.0, rtol=1e-15)
    assert float(one_minus_sinc(jnp.asarray(1e-8))) == pytest.approx(1e-16 / 6, rel=1e-12)


def test_washed_cosines_are_means_over_bin_and_lengths():
    energy, width, length, sigma = 4.0, 0.05, 1500.0, 15.0
    energies = energy + width * (POINTS[::100] - 0.5)
    deviates = np.linspace(-8, 8, 1001)
    density = np.exp(-0.5 * deviates**2)
    lengths = length + sigma * deviates
    factor = 0.05
    cosines = np.cos(2 * factor * lengths / energy)
    over_lengths = np.sum(cosines * density) / density.sum()
    over_energies = np.mean(np.cos(2 * factor * length / energies))
    phase = factor * length / energy
    # the first one is exact; in the second 1/E is taken as linear over the bin
    assert float(washed_cosine(jnp.asarray(phase), 0.0, sigma / length)) == pytest.approx(over_lengths, abs=1e-10)
    assert float(washed_cosine(jnp.asarray(phase), width / energy)) == pytest.approx(over_energies, abs=2e-3)


def test_a_response_conserves_events_and_follows_its_width():
    edges = np.linspace(-1.0, 12.0, 261)
    energies = np.array([2.0, 4.0, 8.0])
    response = np.asarray(gaussian_response(edges, energies, (0.01, 0.002, 0.00005)))
    np.testing.assert_allclose(response.sum(axis=0), 1.0, rtol=1e-12)
    middles = 0.5 * (edges[1:] + edges[:-1])
    gev = energies * 1e-3
    sigma = 1e3 * (0.01 * gev + 0.002 * np.sqrt(gev) + 0.00005)
    spread = np.sqrt(((middles[:, None] - energies) ** 2 * response).sum(axis=0))
    np.testing.assert_allclose(spread, np.sqrt(sigma**2 + 0.05**2 / 12), rtol=1e-6)  # a bin adds its own variance


def test_bounds_and_weights_are_checked():
    for lower, upper in ((1.0, 0.6), (0.6, 0.6), (-1.0, 2.0)):
        with pytest.raises(InvalidModel, match="bounds that increase"):
            check_increasing(lower, upper)
    with pytest.raises(InvalidModel, match="not negative"):
        normalised([1.0, -1.0])
    np.testing.assert_allclose(normalised([1.0, 3.0]), [0.25, 0.75])
