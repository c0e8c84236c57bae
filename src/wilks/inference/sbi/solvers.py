"""Solvers of the flows that carry noise to draws: over a grid of times or at their own pace, with densities or not."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

from wilks._base.errors import check_option

from .adaptive_steps import adapted
from .density import Drawn, PerRow, Rows

Velocity = Callable[[Float32[Array, " size"], Float32[Array, ""], Any], Float32[Array, " size"]]
"""``velocity(z, t, prepared)`` for ONE point."""

Reverse = Callable[
    [Float32[Array, " size"], Float32[Array, ""], Any], tuple[Float32[Array, " size"], Float32[Array, ""]]
]
"""``reverse(z, tau, prepared)``: drift and size of the noise of a diffusion run backwards, for ONE point."""

Correct = Callable[[Float32[Array, " size"], Float32[Array, ""], Any, Any], Float32[Array, " size"]]
"""``correct(z, tau, prepared, key)``: a random move of ONE point that keeps the law of its time."""

Times = Float32[Array, " times"]

METHODS = ("rk4", "heun", "dopri5")

_LOG_SQRT_2PI = np.float32(0.5 * math.log(2.0 * math.pi))


def flow(velocity: Velocity, start: Rows, prepared: Any, times: Times, method: str) -> Rows:
    """Where points end that follow a velocity through a grid of times.

    Args:
        velocity: for one point.
        start: points at the first time, one per row.
        prepared: what the velocity knows of each row's context.
        times: grid, rising or falling; of that of ``"dopri5"`` only ends and number count.
        method: ``"rk4"``, ``"heun"`` or ``"dopri5"``.
    """
    if method == "dopri5":
        return jax.vmap(lambda z, known: _adapted(lambda t, at: velocity(at, t, known), z, times))(start, prepared)
    moved = jax.vmap(velocity, in_axes=(0, None, 0))
    return _solve(lambda t, z: moved(z, t, prepared), start, times, method)


def flow_with_divergence(
    velocity: Velocity, start: Rows, prepared: Any, times: Times, method: str, probes: Any = None
) -> tuple[Rows, PerRow]:
    """Where points end, and the integral of the velocity's divergence along their way.

    Args:
        velocity: for one point.
        start: points at the first time, one per row.
        prepared: what the velocity knows of each row's context.
        times: grid, rising or falling; of that of ``"dopri5"`` only ends and number count.
        method: ``"rk4"``, ``"heun"`` or ``"dopri5"``.
        probes: for each row some vectors of signs, kept along the way, for Hutchinson's estimate of the divergence;
            None for the exact trace.
    """

    def one(z: Float32[Array, " size"], t: Float32[Array, ""], known: Any, probe: Any) -> tuple[Any, Any]:
        vectors = jnp.eye(z.shape[0], dtype=z.dtype) if probe is None else probe
        value, push = jax.linearize(lambda at: velocity(at, t, known), z)
        along = jnp.sum(vectors * jax.vmap(push)(vectors))
        return value, along if probe is None else along / np.float32(len(probe))

    state = (start, jnp.zeros(start.shape[0], dtype=start.dtype))
    if method == "dopri5":
        return jax.vmap(lambda y, known, probe: _adapted(lambda t, at: one(at[0], t, known, probe), y, times))(
            state, prepared, probes
        )
    moved = jax.vmap(one, in_axes=(0, None, 0, 0))
    return _solve(lambda t, y: moved(y[0], t, prepared, probes), state, times, method)


def wander(
    reverse: Reverse, start: Rows, keys: Any, prepared: Any, times: Times, correct: Correct | None = None
) -> Rows:
    """Where points end that follow a drift backwards in time with fresh noise at each step (Euler-Maruyama).

    Args:
        reverse: drift and noise for one point.
        start: points at the first time, one per row.
        keys: one per row.
        prepared: what the drift knows of each row's context.
        times: falling grid.
        correct: what follows each step, or None.
    """
    moved = jax.vmap(reverse, in_axes=(0, None, 0))

    def advance(z: Rows, step: Any) -> tuple[Rows, None]:
        number, t, end = step
        drift, spread = moved(z, t, prepared)
        own = jax.vmap(lambda k: jax.random.fold_in(k, number))(keys)
        z = z - drift * (t - end) + spread[:, None] * jnp.sqrt(t - end) * noise(own, z.shape[1])
        return z if correct is None else jax.vmap(correct, in_axes=(0, None, 0, 0))(z, end, prepared, own), None

    return jax.lax.scan(advance, start, (jnp.arange(2, len(times) + 1), times[:-1], times[1:]))[0]


def log_normal(z: Rows, scale: float = 1.0) -> PerRow:
    """Log density of N(0, scale^2 I)."""
    scaled = z / np.float32(scale)
    return -jnp.sum(np.float32(0.5) * scaled**2 + _LOG_SQRT_2PI, axis=1) - np.float32(z.shape[1] * math.log(scale))


def draw_along(
    velocity: Velocity, start: Rows, scale: float, prepared: Any, times: Times, method: str, probes: Any = None
) -> Drawn:
    """Draws that noise becomes, with their log density ln q(z1) = ln N(z0; 0, scale^2) - int div v dt."""
    end, divergence = flow_with_divergence(velocity, start, prepared, times, method, probes)
    return Drawn(end, log_normal(start, scale) - divergence)


def density_along(
    velocity: Velocity, at: Rows, scale: float, prepared: Any, times: Times, method: str, probes: Any = None
) -> PerRow:
    """Log density of points, by following them back to the noise; ``times`` run from noise to draw."""
    noise, divergence = flow_with_divergence(velocity, at, prepared, times[::-1], method, probes)
    return log_normal(noise, scale) + divergence


def _solve(field: Callable[[Float32[Array, ""], Any], Any], start: Any, times: Times, method: str) -> Any:
    check_option("solver", method, METHODS)
    step = _rk4 if method == "rk4" else _heun

    def advance(state: Any, ends: Any) -> tuple[Any, None]:
        return step(field, state, ends[0], ends[1]), None

    return jax.lax.scan(advance, start, (times[:-1], times[1:]))[0]


def _adapted(field: Callable[[Float32[Array, ""], Any], Any], start: Any, times: Times) -> Any:
    return adapted(field, start, times[0], times[-1], len(times) - 1)


def _rk4(field: Any, y: Any, t: Float32[Array, ""], end: Float32[Array, ""]) -> Any:
    """Classical Runge-Kutta step of fourth order."""
    h = end - t

    def stage(carry: Any, tableau: Any) -> tuple[Any, None]:
        slope, total = carry
        part, weight = tableau  # where this stage stands, and its weight
        here = jax.tree.map(lambda a, b: a + part * h * b, y, slope)
        slope = field(t + part * h, here)
        return (slope, jax.tree.map(lambda a, b: a + weight * b, total, slope)), None

    parts = jnp.asarray([0.0, 0.5, 0.5, 1.0], dtype=jnp.float32)
    weights = jnp.asarray([1.0, 2.0, 2.0, 1.0], dtype=jnp.float32) / np.float32(6.0)
    zero = jax.tree.map(jnp.zeros_like, y)
    (_, total), _ = jax.lax.scan(stage, (zero, zero), (parts, weights))  # one compiled field, not four
    return jax.tree.map(lambda a, b: a + h * b, y, total)


def _heun(field: Any, y: Any, t: Float32[Array, ""], end: Float32[Array, ""]) -> Any:
    """Trapezoidal step of second order."""
    h = end - t
    first = field(t, y)
    second = field(end, jax.tree.map(lambda a, b: a + h * b, y, first))
    return jax.tree.map(lambda a, b, c: a + np.float32(0.5) * h * (b + c), y, first, second)


def signs(keys: Any, size: int, probes: int) -> Float32[Array, "rows probes size"]:
    """Random vectors of +1 and -1, some for each key."""
    return jax.vmap(lambda k: jax.random.rademacher(k, (probes, size), dtype=jnp.float32))(keys)


def noise(keys: Any, size: int) -> Rows:
    """Standard normal vectors, one for each key."""
    return jax.vmap(lambda k: jax.random.normal(k, (size,), dtype=jnp.float32))(keys)
