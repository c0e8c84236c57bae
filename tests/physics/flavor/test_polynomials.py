import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidModel, UnknownName
from wilks.physics.flavor.polynomials import coefficient_matrix, polynomial, variable

NAMES = ("x", "y", "z")
TEXTS = ("x**2*y - sqrt(2)*z", "3*x - y/2 + 1", "x*y*z**3 + 7", "0", "(x - y)**3")

polynomials = st.sampled_from([polynomial(text) for text in TEXTS])
points = st.fixed_dictionaries({name: st.floats(-3, 3) for name in NAMES})


@given(polynomials, polynomials, points)
def test_polynomials_evaluate_as_their_parts_do(one, two, values):
    # values up to 6^3 * 3^4: sums and products of floats of size 1e5
    assert (one * two)(values) == pytest.approx(one(values) * two(values), abs=1e-8)
    assert (one - two)(values) == pytest.approx(one(values) - two(values), abs=1e-10)
    assert (one**2)(values) == pytest.approx(one(values) ** 2, abs=1e-8)


@given(polynomials, points, st.sampled_from(NAMES))
def test_derivatives_are_those_of_jax(term, values, name):
    slope = jax.grad(lambda x: jnp.asarray(term({**values, name: x})) + 0.0 * x)(values[name])
    assert term.derivative(name)(values) == pytest.approx(float(slope), abs=1e-10)  # rounding at size 1e3


def test_equal_polynomials_are_equal_however_they_were_written():
    assert polynomial("(x + y)*(x - y)") == polynomial("x**2 - y**2")
    assert str(polynomial("y*x*2/sqrt(3) - x**2 + 1")) == "-x^2 + 2/3*sqrt(3)*x*y + 1"
    assert not polynomial("x - x")
    assert polynomial("a*b").coefficient(a=1, b=1) == polynomial(1).coefficient()


def test_they_evaluate_on_arrays_of_points():
    x = np.linspace(0.0, 1.0, 5)
    assert polynomial("x**2 + 1")({"x": x}) == pytest.approx(x**2 + 1, rel=1e-15)  # the same two roundings


def test_a_mass_matrix_is_the_matrix_of_second_derivatives():
    matrix = coefficient_matrix(polynomial("y*(L1*L1 + 2*L1*L2)"), ("L1", "L2"), ("L1", "L2"))
    y = variable("y")
    assert matrix == ((2 * y, 2 * y), (2 * y, polynomial(0)))


def test_what_is_no_polynomial_is_refused():
    with pytest.raises(InvalidModel, match="negative"):
        polynomial("x**-1")
    with pytest.raises(InvalidModel, match="no number"):
        polynomial("1/x")
    with pytest.raises(InvalidModel, match="not understood"):
        polynomial("sin(x)")
    with pytest.raises(UnknownName, match="'y'"):
        polynomial("x*y")({"x": 1.0})
