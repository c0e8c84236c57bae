"""Interpolation codes: tabulated values, continuity, derivatives, and factors that may be zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks.model.morphing import EVEN_PARTS, SystematicFactors, TemplateShifts, polynomial_coefficients, product

FACTORS = st.floats(0.3, 3.0)
ALPHAS = st.floats(-4.0, 4.0)


def shift(code: str, alpha, nominal: float, up: float, down: float):
    """The shift of one bin of one sample."""
    one = TemplateShifts.build(code, np.array([0]), np.array([[[up - nominal]]]), np.array([[[down - nominal]]]))
    return one(jnp.stack([jnp.asarray(alpha, dtype=float), jnp.ones(())]))[0, 0]


def factor(code: str, alpha, up: float, down: float):
    """The factor on one sample."""
    one = SystematicFactors.build(
        code, np.zeros((1, 1, 1), dtype=int), np.full((1, 1, 1), up), np.full((1, 1, 1), down)
    )
    return one(jnp.stack([jnp.asarray(alpha, dtype=float), jnp.ones(())]))[0, 0]


@pytest.mark.parametrize(
    ("alpha", "delta"), [(0.5, 2.125), (1.0, 5.0), (2.0, 11.5), (-0.5, -1.375), (-1.0, -2.0), (-2.0, -2.5), (0.0, 0.0)]
)
def test_code_2_reference_values(alpha, delta):
    # collider.md 8.4; exact in binary up to a few roundings
    np.testing.assert_allclose(shift("2", alpha, 10.0, 15.0, 8.0), delta, rtol=1e-15, atol=1e-15)


def reference_shift(code: str, a: float, nominal: float, up: float, down: float) -> float:
    """The formulas of the table of codes, written branch by branch."""
    if code == "0" or (code == "4p" and abs(a) > 1):
        return a * (up - nominal) if a >= 0 else a * (nominal - down)
    quadratic, linear = (up + down) / 2 - nominal, (up - down) / 2
    if code == "2":
        if a > 1:
            return (linear + 2 * quadratic) * (a - 1) + quadratic + linear
        if a < -1:
            return (linear - 2 * quadratic) * (a + 1) + quadratic - linear
        return quadratic * a**2 + linear * a
    return a * (linear + a * (up + down - 2 * nominal) / 16 * (15 + a**2 * (-10 + 3 * a**2)))


@given(ALPHAS, *[st.floats(0.0, 100.0)] * 3)
@pytest.mark.parametrize("code", EVEN_PARTS)
def test_shifts_follow_the_table(code, alpha, nominal, up, down):
    # a dozen operations on numbers up to 400
    expected = reference_shift(code, alpha, nominal, up, down)
    np.testing.assert_allclose(shift(code, alpha, nominal, up, down), expected, rtol=1e-12, atol=1e-11)


@given(ALPHAS.filter(lambda a: abs(a) > 1), FACTORS, FACTORS)
@pytest.mark.parametrize("code", ["1", "4"])
def test_factors_are_powers_outside(code, alpha, up, down):
    expected = up**alpha if alpha > 0 else down**-alpha
    np.testing.assert_allclose(factor(code, alpha, up, down), expected, rtol=1e-13)


@given(FACTORS, FACTORS)
def test_code_4_meets_power_laws_in_value_slope_and_curvature(up, down):
    a = polynomial_coefficients(np.array(up), np.array(down))
    polynomial = np.polynomial.Polynomial([1.0, *a])
    for order in range(3):
        at = polynomial.deriv(order) if order else polynomial
        np.testing.assert_allclose(at(1.0), up * np.log(up) ** order, atol=1e-11)  # cancellation of terms up to 40
        np.testing.assert_allclose(at(-1.0), down * (-np.log(down)) ** order, atol=1e-11)


CURVES = {
    **{f"histosys {code}": jax.jit(lambda a, c=code: shift(c, a, 10.0, 15.0, 8.0)) for code in EVEN_PARTS},
    **{f"normsys {code}": jax.jit(lambda a, c=code: factor(c, a, 1.4, 0.8)) for code in ("1", "4")},
}
SLOPES = {name: jax.jit(jax.grad(curve)) for name, curve in CURVES.items()}
SMOOTH = ("histosys 4p", "normsys 4")


@pytest.mark.parametrize("edge", [-1.0, 1.0])
@pytest.mark.parametrize("name", CURVES)
def test_every_code_is_continuous_at_one_sigma(name, edge):
    # a step of 1e-9 times a slope below 20; pyhf's code 2 jumps here by several units
    below, above = CURVES[name](edge - 1e-9), CURVES[name](edge + 1e-9)
    np.testing.assert_allclose(below, above, atol=1e-7)


@pytest.mark.parametrize("edge", [-1.0, 1.0])
@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_codes_have_continuous_slope_and_curvature(name, edge):
    for derivative in (SLOPES[name], jax.grad(SLOPES[name])):
        # next derivative below 1e3, step 1e-9
        np.testing.assert_allclose(derivative(edge - 1e-9), derivative(edge + 1e-9), atol=1e-5)


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_codes_have_one_slope_at_zero(name):
    slope = SLOPES[name]
    np.testing.assert_allclose(slope(-1e-9), slope(1e-9), atol=1e-6)


@given(st.floats(-3.0, 3.0).filter(lambda a: min(abs(a), abs(abs(a) - 1)) > 1e-3))
@pytest.mark.parametrize("name", CURVES)
def test_slope_equals_finite_difference(name, alpha):
    # central difference with step 1e-5: truncation 1e-8, rounding 1e-9
    step = 1e-5
    numeric = (CURVES[name](alpha + step) - CURVES[name](alpha - step)) / (2 * step)
    np.testing.assert_allclose(SLOPES[name](alpha), numeric, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("far", [-300.0, 300.0])
def test_unused_branches_leave_no_nan_in_derivatives(far):
    for name in SMOOTH:
        assert np.isfinite(SLOPES[name](far))
        assert np.isfinite(jax.grad(SLOPES[name])(0.0))


@pytest.mark.parametrize("n", range(1, 8))
def test_product_and_its_derivative_at_zero_factors(n):
    factors = np.arange(1.0, n + 1)
    factors[n // 2] = 0.0
    assert product(jnp.asarray(factors)) == 0.0
    rest = np.prod(np.delete(factors, n // 2))
    expected = np.zeros(n)
    expected[n // 2] = rest
    np.testing.assert_array_equal(jax.grad(product)(jnp.asarray(factors)), expected)


def test_product_of_no_factors_is_one():
    np.testing.assert_array_equal(product(jnp.ones((0, 2, 3))), np.ones((2, 3)))
