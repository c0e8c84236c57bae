"""A solver that finds its own steps: Dormand-Prince 5(4), each point at its own pace, to check fixed steps against."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base import runtime  # noqa: F401  64 bit before any array exists

TOLERANCE = 1e-5
"""Error per step, absolute and in units of the state."""

MOST_TRIES = 1000
"""Steps, taken or refused, after which a point is given up as NaN."""

Field = Callable[[Float[Array, ""], Any], Any]
"""``field(t, y)``: slope of ONE state, a tree of arrays."""

_PARTS = np.array([0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1])  # where the stages stand
_SHARES = np.array(  # of the slopes before each stage
    [
        [0, 0, 0, 0, 0, 0, 0],
        [1 / 5, 0, 0, 0, 0, 0, 0],
        [3 / 40, 9 / 40, 0, 0, 0, 0, 0],
        [44 / 45, -56 / 15, 32 / 9, 0, 0, 0, 0],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729, 0, 0, 0],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656, 0, 0],
        [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0],
    ]
)
_FIFTH = _SHARES[6]
_FOURTH = np.array([5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40])

_SAFETY, _SLOWEST, _FASTEST = 0.9, 0.2, 5.0  # part of the best step that is tried; bounds of its change


class Step(NamedTuple):
    """One step.

    Args:
        state: at its end, of fifth order.
        error: its difference from the solution of fourth order.
    """

    state: Any
    error: Any


class _Progress(NamedTuple):
    t: Float[Array, ""]
    width: Float[Array, ""]
    state: Any
    tries: Any


def dormand_prince(field: Field, y: Any, t: Float[Array, ""], width: Float[Array, ""]) -> Step:
    """One step of a pair of Runge-Kutta methods of fifth and fourth order.

    Args:
        field: slope.
        y: state at its begin.
        t: time there.
        width: of the step, negative for one back in time.

    References:
        J. R. Dormand and P. J. Prince, J. Comput. Appl. Math. 6 (1980) 19, table 2 (7 stages).
    """

    def mixed(weights: Float[Array, " stages"], slopes: Any) -> Any:
        return jax.tree.map(lambda k: width * jnp.tensordot(weights.astype(k.dtype), k, axes=1), slopes)

    def stage(slopes: Any, known: Any) -> tuple[Any, None]:
        number, part, shares = known
        here = jax.tree.map(jnp.add, y, mixed(shares, slopes))
        found = field(t + part.astype(t.dtype) * width, here)
        return jax.tree.map(lambda all_, k: all_.at[number].set(k), slopes, found), None

    none = jax.tree.map(lambda a: jnp.zeros((len(_PARTS), *a.shape), dtype=a.dtype), y)
    rows = (jnp.arange(len(_PARTS)), jnp.asarray(_PARTS), jnp.asarray(_SHARES))
    slopes, _ = jax.lax.scan(stage, none, rows)  # one compiled field, not seven
    return Step(
        jax.tree.map(jnp.add, y, mixed(jnp.asarray(_FIFTH), slopes)), mixed(jnp.asarray(_FIFTH - _FOURTH), slopes)
    )


def adapted(
    field: Field, start: Any, first: Float[Array, ""], last: Float[Array, ""], steps: int, tolerance: float = TOLERANCE
) -> Any:
    """Where ONE state ends that follows a field, in steps whose root mean square error is within the tolerance.

    Args:
        field: slope.
        start: state at the first time.
        first: where the time begins.
        last: where it ends.
        steps: the first step tried is one in so many.
        tolerance: error per step, absolute and relative alike.

    Returns:
        The state at the last time; NaN where 1,000 steps do not reach it.
    """
    forward = jnp.sign(last - first)

    def going_on(now: _Progress) -> Any:
        return (forward * (last - now.t) > 0) & (now.tries < MOST_TRIES)

    def advance(now: _Progress) -> _Progress:
        rest = last - now.t
        ends = jnp.abs(now.width) >= jnp.abs(rest)
        width = jnp.where(ends, rest, now.width)
        tried = dormand_prince(field, now.state, now.t, width)
        error = _relative(tried, now.state, tolerance)
        good = error <= 1
        change = _SAFETY * jnp.maximum(jnp.where(jnp.isfinite(error), error, jnp.inf), 1e-10) ** -0.2
        wider = width * jnp.clip(change, _SLOWEST, _FASTEST).astype(width.dtype)
        t = jnp.where(good, jnp.where(ends, last, now.t + width), now.t)
        state = jax.tree.map(lambda new, old: jnp.where(good, new, old), tried.state, now.state)
        return _Progress(t, wider, state, now.tries + 1)

    found = jax.lax.while_loop(going_on, advance, _Progress(first, (last - first) / steps, start, jnp.asarray(0)))
    return jax.tree.map(lambda a: jnp.where(found.t == last, a, jnp.nan), found.state)


def _relative(step: Step, before: Any, tolerance: float) -> Float[Array, ""]:
    """Root mean square error over the numbers of a state, 1 at the tolerance."""

    def scaled(error: Array, old: Array, new: Array) -> Array:
        return jnp.ravel(error / (tolerance * (1 + jnp.maximum(jnp.abs(old), jnp.abs(new)))))

    parts = jax.tree.leaves(jax.tree.map(scaled, step.error, before, step.state))
    return jnp.sqrt(jnp.mean(jnp.concatenate(parts) ** 2))
