"""Moves of nested sampling: slices through the part of the prior that lies above a threshold of the likelihood.

Points live in the unit cube of prior quantiles, where the prior is uniform.
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key, LogProb
from wilks.parameters.joint_priors import joined_values
from wilks.parameters.parameter import Parameter
from wilks.parameters.spread import cut_quantile

from .target import Target

_EDGE = 1e-9  # quantiles keep this distance from 0 and 1, where they may be infinite
_STEPS_OUT = 16  # of a slice, either way
_TRIES_PER_MOVE = 60  # evaluations after which a walker stays where it is

Cube = Float[Array, " free"]


class Moved(NamedTuple):
    """Where walkers have come to.

    Args:
        point: in the unit cube.
        value: ln L there.
        complete: whether all moves were made.
        evaluations: of the likelihood.
        undefined: evaluations that gave no number.
    """

    point: Float[Array, "walkers free"]
    value: Float[Array, " walkers"]
    complete: Bool[Array, " walkers"]
    evaluations: Int[Array, " walkers"]
    undefined: Int[Array, " walkers"]


class _Walk(NamedTuple):
    """State of one walker: a slice is widened on its left (phase 0) and right (1), then shrunk around the point (2)."""

    point: Cube
    value: LogProb
    direction: Cube
    left: Array
    right: Array
    phase: Array
    widened: Array
    moves: Array
    tries: Array
    undefined: Array


def check_priors(space: Any) -> None:
    """Refuse parameters whose prior cannot be drawn from.

    Raises:
        InvalidOption: naming the first of them.
    """
    for name in space.free:
        p = space[name]
        bounded = math.isfinite(p.lower) and math.isfinite(p.upper)
        if p.prior is None and not bounded and p.period is None:
            raise InvalidOption(
                f"nested sampling integrates over the prior, and {name!r} has none in [{p.lower:g}, {p.upper:g}]; give "
                "it a prior, or two bounds"
            )


def position_of(target: Target, point: Cube) -> Cube:
    """Values of the free parameters at a point of the unit cube."""
    free = [target.space[name] for name in target.space.free]
    inside = jnp.clip(point, _EDGE, 1.0 - _EDGE)
    values = jnp.stack([_quantile(p, inside[i], target.centre[i]) for i, p in enumerate(free)])
    return joined_values(target.space.blocks, values, inside)


def _quantile(p: Parameter, u: Array, centre: Array) -> Array:
    """Quantile of one parameter's prior, cut at its bounds."""
    if p.prior is not None:
        return jnp.clip(cut_quantile(p.prior, p.lower, p.upper, u), p.lower, p.upper)
    if math.isfinite(p.lower) and math.isfinite(p.upper):
        return p.lower + (p.upper - p.lower) * u
    return centre + (u - 0.5) * (p.period or 0.0)


def _log_likelihood(target: Target, point: Cube) -> LogProb:
    values = target.space.unpack(target.theta(position_of(target, point)))
    return jnp.asarray(target.likelihood.log_prob(values, target.data))


@eqx.filter_jit
def values_at(target: Target, points: Float[Array | np.ndarray, "points free"]) -> Float[Array, " points"]:
    """ln L at points of the unit cube; NaN where it is no number."""
    return jax.vmap(lambda point: _log_likelihood(target, point))(jnp.asarray(points))


@eqx.filter_jit
def positions_at(
    target: Target, points: Float[Array | np.ndarray, "points free"]
) -> tuple[Float[Array, "points free"], Float[Array, " points"]]:
    """Values of the free parameters at points of the unit cube, with likelihood times prior there."""
    positions = jax.vmap(lambda point: position_of(target, point))(jnp.asarray(points))
    return positions, jax.vmap(target.log_prob)(positions)


@eqx.filter_jit
def moved(
    target: Target,
    key: Key,
    start: Float[Array | np.ndarray, "walkers free"],
    value: Float[Array | np.ndarray, " walkers"],
    root: Float[Array | np.ndarray, "free free"],
    threshold: Float[Array, ""],
    moves: Int[Array, ""],
) -> Moved:
    """Walkers after a number of slice moves among the points with ln L above a threshold.

    Each move goes along a random direction of the ellipsoid ``root root^T``: the slice is widened by steps of its width
    until both ends lie outside, then shrunk until a uniform draw lies inside (R. Neal, arXiv:physics/0009028, figs. 3
    and 5).

    Args:
        target: likelihood and priors.
        key: random key.
        start: points above the threshold, in the unit cube.
        value: ln L there.
        root: Cholesky root of the covariance of points above the threshold.
        threshold: ln L that every new point exceeds.
        moves: moves of each walker.
    """
    width = math.sqrt(start.shape[1] + 2.0)  # radius of a uniform ball, in its standard deviations

    def turn(key: Key, point: Array) -> tuple[Array, Array, Array]:
        normal = jax.random.normal(jax.random.fold_in(key, 0), point.shape)
        direction = width * (root @ (normal / jnp.linalg.norm(normal)))
        left = -jax.random.uniform(jax.random.fold_in(key, 1))
        return direction, left, left + 1.0

    def begin(key: Key, point: Array, value: Array) -> _Walk:
        zero = jnp.zeros((), dtype=jnp.int64)
        return _Walk(point, value, *turn(key, point), zero, zero, zero, zero, zero)

    def on_the_way(walk: _Walk) -> Array:
        return (walk.moves < moves) & (walk.tries < _TRIES_PER_MOVE * moves)

    def step(key: Key, walk: _Walk) -> _Walk:
        own = jax.random.fold_in(key, 1 + walk.tries)
        inner = walk.left + (walk.right - walk.left) * jax.random.uniform(jax.random.fold_in(own, 2))
        at = jnp.where(walk.phase == 0, walk.left, jnp.where(walk.phase == 1, walk.right, inner))
        point = walk.point + at * walk.direction
        found = _log_likelihood(target, point)
        inside = jnp.all((point > 0.0) & (point < 1.0)) & (found > threshold)
        shrinking = walk.phase == 2
        wider = ~shrinking & inside & (walk.widened < _STEPS_OUT)
        accepted, narrower = shrinking & inside, shrinking & ~inside
        out = jnp.where(wider, 1.0, 0.0)
        left = jnp.where(narrower & (at < 0), at, walk.left - jnp.where(walk.phase == 0, out, 0.0))
        right = jnp.where(narrower & (at >= 0), at, walk.right + jnp.where(walk.phase == 1, out, 0.0))
        following = turn(own, point)
        return _Walk(
            point=jnp.where(accepted, point, walk.point),
            value=jnp.where(accepted, found, walk.value),
            direction=jnp.where(accepted, following[0], walk.direction),
            left=jnp.where(accepted, following[1], left),
            right=jnp.where(accepted, following[2], right),
            phase=jnp.where(accepted, 0, jnp.where(shrinking | wider, walk.phase, walk.phase + 1)),
            widened=jnp.where(wider, walk.widened + 1, 0),
            moves=walk.moves + accepted,
            tries=walk.tries + 1,
            undefined=walk.undefined + jnp.isnan(found),
        )

    def walked(key: Key, point: Array, value: Array) -> _Walk:
        return jax.lax.while_loop(on_the_way, lambda walk: step(key, walk), begin(key, point, value))

    ends = jax.vmap(walked)(jax.random.split(key, len(start)), jnp.asarray(start), jnp.asarray(value))
    return Moved(ends.point, ends.value, ends.moves >= moves, ends.tries, ends.undefined)
