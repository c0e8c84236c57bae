"""What parameters of simulated pairs are drawn from: the prior, plainly or spread evenly, a part of it, or values."""

from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption, check_option
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.parameters.space import ParameterSpace
from wilks.parameters.spread import latin_hypercube

from .coordinates import inferred_space
from .points import values_at
from .restricted import Restricted, refuse_other_space
from .switches import choice_of, draw_switches

DRAWS = ("random", "latin")
_SMALLEST = 2.0**-53  # distance of uniform numbers from 0 and 1
_TASK = 0x1A71  # folded into a key

Proposal: TypeAlias = Float[np.ndarray, "pairs parameters"] | Restricted
"""Parameters to simulate at, one row each, or the part of the prior to draw them from."""


class Law(NamedTuple):
    """Parameters drawn before any simulation.

    Args:
        theta: one row of all parameters per pair; None where chunks draw the prior themselves.
        name: what they were drawn from.
        facts: numbers for the record.
    """

    theta: Float[np.ndarray, "pairs parameters"] | None
    name: str
    facts: dict[str, Any]


def drawn(key: Key | int, space: ParameterSpace, n: int, proposal: Any, name: str, draw: str) -> Law:
    """Parameters of n pairs; equal keys give equal ones, whoever simulates at them.

    Args:
        key: random key or seed of the simulation.
        space: all parameters of the simulator.
        n: number of pairs.
        proposal: None for the prior, values, or a part of the prior.
        name: what given values were drawn from.
        draw: ``"random"`` or ``"latin"``, how the prior is drawn from.

    Raises:
        InvalidData: for given values of another shape.
        InvalidOption: for an unknown way to draw, or one that does not go with a proposal.
        InvalidParameter: for a part of another prior.
    """
    check_option("draw", draw, DRAWS)
    if proposal is not None and draw != "random":
        raise InvalidOption(f"draw={draw!r} spreads points over the whole prior; leave out proposal=, or draw=")
    if proposal is None:
        return Law(None, "prior", {}) if draw == "random" else Law(_latin(key, space, n), "prior, Latin hypercube", {})
    if not isinstance(proposal, Restricted):
        return Law(_complete(key, np.asarray(proposal, dtype=float), space, n), name, {})
    refuse_other_space(proposal, space)
    theta, attempts = proposal.draw(jax.random.fold_in(jax.random.key(as_seed(key)), _TASK), n)
    facts = {"tried": attempts.tried, "accepted": attempts.share, "accepted_error": attempts.error}
    return Law(_complete(key, theta, space, n), proposal.name, facts)


def _latin(key: Key | int, space: ParameterSpace, n: int) -> Float[np.ndarray, "pairs parameters"]:
    """Points of which every parameter has one in each of n parts of equal prior; alternatives in their exact shares."""
    own = jax.random.fold_in(jax.random.key(as_seed(key)), _TASK)
    generator = np.random.default_rng(np.asarray(jax.random.key_data(own)))
    free = len(space.free)
    shares = np.clip(latin_hypercube(generator, n, free + len(space.switches)), _SMALLEST, 1.0 - _SMALLEST)
    theta = values_at(space, shares[:, :free])
    for column, name in enumerate(space.switches, start=free):
        own = jnp.asarray(shares[:, column])
        theta[:, space.index(name)] = np.asarray(jax.vmap(choice_of(space, name).quantile)(own))
    return theta


def _complete(
    key: Key | int, theta: Float[np.ndarray, "pairs parameters"], space: ParameterSpace, n: int
) -> Float[np.ndarray, "pairs parameters"]:
    """Rows of all parameters: held ones at their values, switches drawn."""
    inferred = inferred_space(space)
    if theta.shape != (n, len(inferred)):
        raise InvalidData(f"proposal of shape {theta.shape}; expected ({n}, {len(inferred)})")
    rows = np.tile(space.starts, (n, 1))
    rows[:, [space.index(name) for name in inferred.names]] = theta
    return np.asarray(draw_switches(jax.random.key(as_seed(key)), space, rows))
