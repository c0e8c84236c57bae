import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks.inference.sbi.splines import bend, knots_from, numbers_per_spline, unbend

BINS, BOUND = 6, 3.0
RAW = jax.random.normal(jax.random.key(1), (numbers_per_spline(BINS),)) * 2.0
X = np.linspace(-4.0, 4.0, 401)


@jax.jit
def forward(raw, x):
    return jax.vmap(lambda at: bend(knots_from(raw, BINS, BOUND), at))(x)


@jax.jit
def backward(raw, y):
    return jax.vmap(lambda at: unbend(knots_from(raw, BINS, BOUND), at))(y)


@given(st.integers(0, 10_000))
def test_splines_rise_and_their_inverse_brings_back(seed):
    raw = 3.0 * jax.random.normal(jax.random.key(seed), RAW.shape)
    y, log_slope = forward(raw, X)
    back, log_inverse = backward(raw, y)
    assert (np.diff(y) > 0).all()
    # the steepest bin rises 6 over 6e-3, so rounding of y grows by 1e3; slopes change fast there
    assert back == pytest.approx(X, abs=1e-9)
    assert log_inverse == pytest.approx(-np.asarray(log_slope), abs=1e-6)


def test_slopes_are_finite_differences():
    step = 1e-6
    x = X + 0.003  # away from the knots, where the second derivative jumps
    rise = (forward(RAW, x + step)[0] - forward(RAW, x - step)[0]) / (2 * step)
    # error step^2/6 times a third derivative below 1e4, and rounding 1e-15/step
    assert np.exp(forward(RAW, x)[1]) == pytest.approx(np.asarray(rise), rel=1e-5)


def test_gradients_with_respect_to_the_numbers_are_finite_differences():
    def total(raw):
        y, log_slope = forward(raw, jnp.asarray(X))
        return jnp.sum(jnp.sin(y)) + jnp.sum(log_slope)

    gradient, step = jax.grad(total)(RAW), 1e-6
    moved = [(total(RAW.at[i].add(step)) - total(RAW.at[i].add(-step))) / (2 * step) for i in range(len(RAW))]
    # rounding of a sum of 400 terms over the step
    assert gradient == pytest.approx(np.array(moved), rel=1e-5, abs=1e-5)


def test_zeros_are_the_identity_and_so_is_everything_outside():
    y, log_slope = forward(jnp.zeros_like(RAW), X)
    assert y == pytest.approx(X, abs=1e-12)
    assert log_slope == pytest.approx(0.0, abs=1e-12)
    outside = np.abs(X) > BOUND
    y, log_slope = forward(RAW, X)
    assert np.array_equal(y[outside], X[outside])
    assert not np.asarray(log_slope)[outside].any()


def test_single_precision_stays_single_and_accurate():
    raw, x = RAW.astype(jnp.float32), jnp.asarray(X, jnp.float32)
    y, log_slope = forward(raw, x)
    back, _ = backward(raw, y)
    assert y.dtype == log_slope.dtype == back.dtype == jnp.float32
    # float32 rounding of values up to 4 is 5e-7, times slopes up to some tens
    assert y == pytest.approx(np.asarray(forward(RAW, X)[0]), abs=5e-5)
    assert back == pytest.approx(X, abs=2e-4)
