"""The stretch move: an affine-invariant ensemble of walkers, advanced many steps in one compiled call.

The walkers stand in two halves that move in turn, each walker along the line through a random one of the other half.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
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


def gather(target: Target, tries: Float[np.ndarray, "tries 2 half free"], key: Key) -> Walkers:
    """Walkers at the first try of each whose density is not zero; at the last one if there is none.

    A stretch by one moves nothing: such a step takes the densities, by the program that is compiled for all others.
    """
    in_place, one = jnp.asarray(1.0), jnp.asarray(1)
    position, log_prob = tries[0], np.full(tries.shape[1:3], -np.inf)
    for following in tries:
        lost = ~np.isfinite(log_prob)
        if not lost.any():
            break
        position = np.where(lost[..., None], following, position)
        walkers = Walkers(jnp.asarray(position), jnp.asarray(log_prob))
        log_prob = np.asarray(advance(target, in_place, key, walkers, one).walkers.log_prob)
    return Walkers(jnp.asarray(position), jnp.asarray(log_prob))


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
        proposal = here + (factor[turn][:, None] - 1.0) * (here - anchor)  # a factor of one leaves it as it is
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
