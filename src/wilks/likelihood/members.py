"""Single variations of an ensemble as likelihoods of their own; the number of the variation is part of the data."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base.typing import LogProb, Scalar, Theta, Values
from wilks.model.ensembles import AbstractEnsemble, LinearEnsemble
from wilks.parameters.space import ParameterSpace

from . import cells
from .constraints import saturated_poisson
from .expansions import AbstractExpandedLikelihood, Expanded
from .interface import Cells


class MemberData(eqx.Module):
    """Counts, and the variation that is to judge them.

    Args:
        counts: observed counts.
        member: number of the variation.
    """

    counts: Float[Array | np.ndarray, "*lanes bins"]
    member: Int[Array | np.ndarray, "*lanes"]


class MemberCounts(AbstractExpandedLikelihood[MemberData]):
    """Poisson counts of one variation of a stored ensemble; convex in its parameters."""

    space: ParameterSpace
    ensemble: LinearEnsemble
    exact: bool = eqx.field(static=True)

    def __init__(self, ensemble: LinearEnsemble) -> None:
        self.space, self.ensemble, self.exact = ensemble.space, ensemble, True

    def log_prob(self, values: Values, data: MemberData) -> LogProb:
        """Full log density of the counts under the member."""
        judged, _ = self._judge(self.space.pack(values), data)
        return jnp.where(jnp.all(judged.inside), self.saturated(data) - jnp.sum(judged.excess), -jnp.inf)

    def excess(self, theta: Theta, data: MemberData) -> Scalar:
        """-ln L above the saturated model."""
        return jnp.sum(self._judge(theta, data)[0].excess)

    def expand(self, theta: Theta, data: MemberData, *, exact: bool = False) -> Expanded:
        """The excess with its exact derivatives."""
        judged, matrix = self._judge(theta, data)
        return Expanded(jnp.sum(judged.excess), matrix.T @ judged.slope[0], (matrix.T * judged.observed[0]) @ matrix)

    def saturated(self, data: MemberData) -> LogProb:
        """Log density with mu = n in every bin."""
        return saturated_poisson(jnp.asarray(data.counts))

    def prepare(self, data: Any) -> MemberData:
        """Data are made by the engine, from checked counts."""
        return data

    def _judge(self, theta: Theta, data: MemberData) -> tuple[Cells, Float[Array, "bins parameters"]]:
        matrix = _of_member(self.ensemble.matrices, data.member)
        if len(self.ensemble.columns) != len(self.space):
            matrix = jnp.zeros((matrix.shape[0], len(self.space))).at[:, self.ensemble.columns].set(matrix)
        mean = matrix @ theta + _of_member(self.ensemble.constants, data.member)
        return cells.poisson(mean, jnp.asarray(data.counts)), matrix


def linearised(
    ensemble: AbstractEnsemble, theta: Theta
) -> tuple[Float[Array, "variations bins"], Float[Array, "variations bins parameters"]]:
    """Predictions of all variations with their Jacobians."""
    if isinstance(ensemble, LinearEnsemble) and len(ensemble.columns) == len(ensemble.space):
        shape = (len(ensemble.weights), ensemble.outputs, len(ensemble.space))
        return ensemble.at(theta), jnp.broadcast_to(jnp.asarray(ensemble.matrices), shape)
    mean, push = jax.linearize(ensemble.at, theta)
    return mean, jnp.moveaxis(jax.vmap(push)(jnp.eye(theta.shape[0])), 0, 2)


def _of_member(arrays: Array | np.ndarray, member: Any) -> Array:
    """The arrays of one variation, which may be given once for all."""
    return jnp.asarray(arrays)[0 if arrays.shape[0] == 1 else member]
