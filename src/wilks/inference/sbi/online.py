"""Fresh pairs made inside every training step: no pair is seen twice, and nothing is stored."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from wilks._base.typing import Key
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace

from .blocks import blocks_of
from .coordinates import AbstractCoordinate, from_unit, inferred_space
from .estimator import Preparation, Standardiser, standardise_rows
from .switches import draw_switches, switch_blocks

_SMALLEST = 2.0**-53


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
        prior_key, data_key = jax.random.split(key)
        inferred = inferred_space(self.space)
        u = jax.random.uniform(prior_key, (self.batch, len(inferred)), dtype=float, minval=_SMALLEST)
        free = from_unit(inferred, u)
        rows = jnp.tile(jnp.asarray(self.space.starts), (self.batch, 1))
        theta = rows.at[:, jnp.asarray(self.space.indices(inferred.names))].set(free)
        theta = jnp.asarray(draw_switches(prior_key, self.space, theta))
        keys = jax.random.split(data_key, self.batch)
        data = jax.vmap(lambda k, row: blocks_of(self.simulator.simulate(k, self.space.unpack(row))))(keys, theta)
        data |= switch_blocks(self.space, theta)
        x = jax.vmap(self.preparation)(data)
        targets = theta[:, jnp.asarray(self.space.indices(self.coordinate.space.names))]
        y = jax.vmap(self.coordinate.to_network)(targets).astype(jnp.float32)
        return {"y": y if self.standard is None else standardise_rows(self.standard, x, y), "x": x}
