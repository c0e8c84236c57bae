"""Fresh pairs made inside every training step: no pair is seen twice, and nothing is stored."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Float32

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace

from .blocks import blocks_of
from .coordinates import AbstractCoordinate, from_unit, inferred_space
from .estimator import Preparation, Standardiser, standardise_rows
from .pairs import Pairs
from .simulation import is_traceable, simulate_pairs
from .switches import draw_switches, switch_blocks
from .training_record import TrainingRecord

_SMALLEST = 2.0**-53
_JUDGES = 5_000


class OnlinePairs(eqx.Module):
    """A source of training batches: parameters from the prior, data from a simulator that compiles.

    Args:
        simulator: makes one set of data.
        space: its parameters.
        coordinate: how the network sees the inferred ones.
        standard: conditional standardisation, where there is one.
        preparation: what happens to data before the networks.
        batch: pairs per batch.
    """

    simulator: AbstractSimulator
    space: ParameterSpace = eqx.field(static=True)
    coordinate: AbstractCoordinate
    standard: Standardiser | None
    preparation: Preparation
    batch: int = eqx.field(static=True)

    def __call__(self, key: Key) -> dict[str, Any]:
        """One batch of rows ``{"y": ..., "x": ...}``."""
        theta, data = fresh_pairs(key, self.simulator, self.space, self.batch)
        x = jax.vmap(self.preparation)(data)
        y = seen_by(self.coordinate, self.space, theta)
        return {"y": y if self.standard is None else standardise_rows(self.standard, x, y), "x": x}


def fresh_pairs(
    key: Key, simulator: AbstractSimulator, space: ParameterSpace, batch: int
) -> tuple[Float[Array, "batch parameters"], dict[str, Array]]:
    """Parameters from the prior, and data at each by block; made in compiled code.

    Args:
        key: random key.
        simulator: makes one set of data.
        space: its parameters.
        batch: number of pairs.
    """
    prior_key, data_key = jax.random.split(key)
    inferred = inferred_space(space)
    u = jax.random.uniform(prior_key, (batch, len(inferred)), dtype=float, minval=_SMALLEST)
    free = from_unit(inferred, u)
    rows = jnp.tile(jnp.asarray(space.starts), (batch, 1))
    theta = rows.at[:, jnp.asarray(space.indices(inferred.names))].set(free)
    theta = jnp.asarray(draw_switches(prior_key, space, theta))
    keys = jax.random.split(data_key, batch)
    data = jax.vmap(lambda k, row: blocks_of(simulator.simulate(k, space.unpack(row))))(keys, theta)
    return theta, data | switch_blocks(space, theta)


def seen_by(
    coordinate: AbstractCoordinate, space: ParameterSpace, theta: Float[Array, "batch parameters"]
) -> Float32[Array, "batch size"]:
    """Coordinates of the parameters that a network sees, out of all parameters of a space."""
    own = theta[:, jnp.asarray(space.indices(coordinate.space.names))]
    return jax.vmap(coordinate.to_network)(own).astype(jnp.float32)


def judging_pairs(
    key: Key | int, simulator: AbstractSimulator, space: ParameterSpace, *, allow_invalid: bool = False
) -> Pairs:
    """Pairs that scale the data and judge a run whose other pairs are made inside the steps.

    Raises:
        InvalidOption: for a simulator that does not compile.
    """
    if not is_traceable(simulator, space):
        raise InvalidOption(
            f"online pairs need a simulator that compiles, and {type(simulator).__name__} does not; give a number of "
            "pairs, or write it with jax.numpy"
        )
    return simulate_pairs(key, simulator, space, _JUDGES, allow_invalid=allow_invalid)


def judging_pairs_without_failures(key: Key | int, simulator: AbstractSimulator, space: ParameterSpace) -> Pairs:
    """The same for networks that must know where simulations fail, which batches cannot tell them.

    Raises:
        InvalidOption: for a simulator that does not compile, or some of whose simulations fail.
    """
    made = judging_pairs(key, simulator, space, allow_invalid=True)
    if made.failed:
        raise InvalidOption(
            f"{made.failed} of {len(made)} simulations failed, and online pairs cannot tell how often they do; give a "
            "number of pairs, with allow_invalid=True if these are many"
        )
    return made


def online_ledger(judges: Pairs, trained: TrainingRecord) -> tuple[dict[str, Any], ...]:
    """The ledger of a run with online pairs: one round of the prior, those that judge it included."""
    steps = trained.done * trained.batch
    return (
        {
            "round": 1, "simulated": len(judges) + steps, "failed": judges.failed, "trained_on": steps,
            "prior_mass": 1.0, "accepted": 1.0,
        },
    )  # fmt: skip
