"""The role of fixed summaries of data, known before training; `sufficient` has those made from a model."""

import abc
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float

from wilks._base import runtime  # noqa: F401  64 bit before any array exists

_BATCH = 1024  # rows at once, so that what a summary computes on its way stays in the cache


class AbstractSummary(eqx.Module):
    """A fixed map from unscaled data to a few numbers, passed as ``encoder``; scaling and networks come after it."""

    @abc.abstractmethod
    def __call__(self, blocks: Mapping[str, Any]) -> Float[Array, " numbers"]:
        """Summary of ONE set of data, in double precision."""


@eqx.filter_jit
def summarise_rows(
    summary: AbstractSummary, blocks: Mapping[str, Float[Array | np.ndarray, "rows ..."]]
) -> Float[Array, "rows numbers"]:
    """Summaries of many sets of data."""
    return jax.lax.map(summary, blocks, batch_size=_BATCH)
