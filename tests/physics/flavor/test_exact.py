import copy
import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidModel
from wilks.physics.flavor.exact import OMEGA, Exact, I, exact, square_root

terms = st.tuples(st.sampled_from([1, 2, 3, 5, 6, 10]), st.fractions(-20, 20, max_denominator=12), st.integers(0, 2))
sums = st.lists(terms, max_size=3)


def number(pieces):
    """Sum of rational multiples of sqrt(n) w^k."""
    return sum((square_root(n) * c * OMEGA**k for n, c, k in pieces), exact(0))


@given(sums, sums, sums)
def test_the_laws_of_a_field_hold_exactly(one, two, three):
    x, y, z = number(one), number(two), number(three)
    assert (x + y) * z == x * z + y * z
    assert (x * y) * z == x * (y * z)
    assert x - y == -(y - x)
    assert (x * y).conjugate() == x.conjugate() * y.conjugate()
    if y:
        assert x / y * y == x


@given(sums, sums)
def test_exact_arithmetic_agrees_with_floats(one, two):
    x, y = number(one), number(two)
    # rounding of at most nine products of size (20 sqrt(10))^2 = 4000
    assert complex(x * y) == pytest.approx(complex(x) * complex(y), abs=1e-9)
    assert complex(x + y) == pytest.approx(complex(x) + complex(y), abs=1e-12)


@given(sums)
def test_a_print_reads_back_as_the_same_number(pieces):
    assert exact(str(number(pieces))) == number(pieces)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" 2/sqrt(3)", 2 / 3**0.5),
        ("-1", -1.0),
        ("sqrt(2)*sqrt(6)", 12**0.5),
        ("(1 - sqrt(5))/2", (1 - 5**0.5) / 2),
        ("w**2", complex(-0.5, -(0.75**0.5))),
        ("sqrt(-4)", 2j),
        ("i*sqrt(1/2)", 1j / 2**0.5),
        ("0.25", 0.25),
    ],
)
def test_text_has_the_value_it_says(text, expected):
    assert complex(exact(text)) == pytest.approx(expected, rel=1e-15)  # rounding of the floats on the right


def test_roots_of_unity_are_exact():
    assert 1 + exact(0) == OMEGA**3
    assert exact(0) == 1 + OMEGA + OMEGA**2
    assert exact(-1) == I * I
    assert complex(I) == 1j
    assert exact(0.5 - 2j) == exact("1/2 - 2*i")
    assert exact("sqrt(8)").terms == (((2, 0), Fraction(2)),)


@pytest.mark.parametrize(
    "text", ["2/", "x", "sqrt(w)", "2**0.5", "open('f')", "1/0", "sqrt(10000000001)", "()", "9**9999"]
)
def test_text_that_is_no_exact_number_is_refused(text):
    with pytest.raises(InvalidModel):
        exact(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite_are_refused(value):
    with pytest.raises(InvalidModel, match="not finite"):
        exact(value)


def test_exact_numbers_pickle_copy_and_hash():
    number = exact("2/sqrt(3) - w")
    assert pickle.loads(pickle.dumps(number)) == number == copy.deepcopy(number)
    assert isinstance(number, Exact)
    assert len({number, exact("-w + 2*sqrt(3)/3")}) == 1
