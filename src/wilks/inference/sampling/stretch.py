"""The stretch move: an affine-invariant ensemble of walkers, advanced many steps in one compiled call.

The walkers stand in two halves that move in turn, each walker along the line through a random one of the other half.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from wilks._base.typing import Key

from .target import Target

BLOCK = 250  # steps of one compiled call, whose random numbers are drawn at once


class Walkers(NamedTuple):
    """Where an ensemble stands, in its two halves."""

    position: Float[Array, "2 half free"]
    log_prob: Float[Array, "2 half"]


class Block(NamedTuple):
    """What one compiled call gives: the walkers at its end and each step on the way (those not asked for are empty)."""

    walkers: Walkers
    position: Float[Array, "steps walkers free"]
    log_prob: Float[Array, "steps walkers"]
    accepted: Bool[Array, "steps walkers"]
    undefined: Int[Array, " steps"]


@eqx.filter_jit
def gather(target: Target, tries: Float[Array, "tries 2 half free"]) -> Walkers:
    """Walkers at the first try of each whose density is not zero; at the last one if there is none."""
    log_prob, _ = _judged(target, tries.reshape(-1, tries.shape[-1]))
    log_prob = log_prob.reshape(tries.shape[:-1])
    good = jnp.isfinite(log_prob)
    first = jnp.where(good.any(axis=0), jnp.argmax(good, axis=0), len(tries) - 1)[None]
    position = jnp.take_along_axis(tries, first[..., None], axis=0)[0]
    return Walkers(position, jnp.take_along_axis(log_prob, first, axis=0)[0])


@eqx.filter_jit
def advance(target: Target, stretch: Float[Array, ""], key: Key, walkers: Walkers, count: Int[Array, ""]) -> Block:
    """Advance an ensemble by ``count`` steps, at most ``BLOCK``.

    A walker at X with partner X' in the other half is proposed Y = X' + z (X - X'), z with density ~ 1/sqrt(z) on
    [1/a, a], and accepted with probability min(1, z^(d-1) p(Y)/p(X)).

    References:
        J. Goodman, J. Weare, Commun. Appl. Math. Comput. Sci. 5 (2010) 65, eqs. 9, 10;
        D. Foreman-Mackey et al., arXiv:1202.3665, algorithm 3.
    """
    _, half, free = walkers.position.shape
    one, two, three = jax.random.split(key, 3)
    turns = 2 * BLOCK  # one turn moves one half
    root = (stretch - 1.0) * jax.random.uniform(one, (turns, half)) + 1.0
    factor = root**2 / stretch
    partner = jax.random.randint(two, (turns, half), 0, half)
    hurdle = jnp.log(jax.random.uniform(three, (turns, half))) - (free - 1) * jnp.log(factor)

    def move(turn: Array, state: tuple) -> tuple:
        positions, log_probs, recorded = state
        mine = turn % 2
        here, there, value = positions[mine], positions[1 - mine], log_probs[mine]
        anchor = there[partner[turn]]
        proposal = anchor + factor[turn][:, None] * (here - anchor)
        proposed, undefined = _judged(target, proposal)
        accepted = proposed - value > hurdle[turn]
        here = jnp.where(accepted[:, None], proposal, here)
        value = jnp.where(accepted, proposed, value)
        step = (here, value, accepted, undefined)
        recorded = tuple(array.at[turn].set(entry) for array, entry in zip(recorded, step, strict=True))
        return positions.at[mine].set(here), log_probs.at[mine].set(value), recorded

    empty = (
        jnp.zeros((turns, half, free)),
        jnp.zeros((turns, half)),
        jnp.zeros((turns, half), dtype=bool),
        jnp.zeros(turns, dtype=int),
    )
    positions, log_probs, recorded = jax.lax.fori_loop(0, 2 * count, move, (*walkers, empty))
    position, log_prob, accepted, undefined = (array.reshape(BLOCK, -1, *array.shape[2:]) for array in recorded)
    return Block(Walkers(positions, log_probs), position, log_prob, accepted, undefined.sum(axis=1))


def _judged(target: Target, positions: Float[Array, "points free"]) -> tuple[Float[Array, " points"], Int[Array, ""]]:
    """Density at each position, zero where it is not a number, and how often it was not."""
    log_prob = jax.vmap(target.log_prob)(positions)
    undefined = jnp.isnan(log_prob) | (log_prob == jnp.inf)
    return jnp.where(undefined, -jnp.inf, log_prob), jnp.sum(undefined)
