"""Transforms between the real line and the room between bounds."""

import math

import jax
import jax.numpy as jnp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidParameter
from wilks.parameters.transforms import AboveLower, BelowUpper, Between, Identity, transform_between

FAMILY = {
    "none": transform_between(-math.inf, math.inf),
    "lower": transform_between(-1.0, math.inf),
    "upper": transform_between(-math.inf, 2.0),
    "both": transform_between(-1.0, 2.0),
}
NAMES = pytest.mark.parametrize("name", FAMILY)


def test_bounds_choose_the_transform():
    assert [type(t) for t in FAMILY.values()] == [Identity, AboveLower, BelowUpper, Between]


@NAMES
@given(y=st.floats(-8.0, 8.0))
def test_unbounded_inverts_bounded(name, y):
    transform = FAMILY[name]
    theta = transform.bounded(jnp.array(y))
    # theta - lower loses e^8 = 3e3 of its 1e-16 next to a bound
    assert float(transform.unbounded(theta)) == pytest.approx(y, rel=1e-11, abs=1e-11)


@NAMES
@given(y=st.floats(-8.0, 8.0))
def test_log_jacobian_is_the_log_of_the_slope(name, y):
    transform = FAMILY[name]
    slope = jax.grad(lambda y: transform.bounded(y))(jnp.array(y))
    # autodiff and the formula are the same function; only rounding differs
    assert float(transform.log_jacobian(jnp.array(y))) == pytest.approx(math.log(abs(float(slope))), abs=1e-11)


@pytest.mark.parametrize(("name", "y", "theta"), [("lower", 0.0, 0.0), ("upper", 0.0, 1.0), ("both", 0.0, 0.5)])
def test_known_points(name, y, theta):
    assert float(FAMILY[name].bounded(jnp.array(y))) == theta


@pytest.mark.parametrize(("lower", "upper"), [(1.0, 1.0), (2.0, 1.0), (math.nan, 1.0)])
def test_bounds_without_room_are_refused(lower, upper):
    with pytest.raises(InvalidParameter, match="leave no room"):
        transform_between(lower, upper)
