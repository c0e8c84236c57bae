"""Fixed summaries of data, computed from a model instead of learned: exactly sufficient numbers, and scores."""

import abc
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidData
from wilks._base.typing import Values
from wilks.likelihood.interface import AbstractLikelihood


class AbstractSummary(eqx.Module):
    """A fixed map from data to a few numbers; also passed as ``encoder``, a trained one then follows by itself."""

    @abc.abstractmethod
    def __call__(self, blocks: Mapping[str, Any]) -> Float[Array, " numbers"]:
        """Summary of ONE set of data, in double precision."""


class SufficientStatistic(AbstractSummary):
    """Whitened projections that keep all information on means tabulated at nodes, for data of fixed covariance.

    With V = L L^T and rows r_k = L^-1 (mu_k - mu_0), y = R^T L^-1 (x - mu_0) with the right singular vectors R of the
    rows is exactly sufficient at the nodes, and its noise is N(0, I).

    Args:
        projection: R^T L^-1.
        origin: mu_0.
    """

    projection: Float[Array, "numbers data"]
    origin: Float[Array, " data"]

    @classmethod
    def from_means(
        cls,
        means: Float[np.ndarray, "nodes data"],
        covariance: Float[np.ndarray, "data data"],
        *,
        threshold: float = 1e-4,
    ) -> "SufficientStatistic":
        """Summary for a manifold of means.

        Args:
            means: expected data at nodes that cover the prior; the first is the origin.
            covariance: of the data, the same everywhere.
            threshold: singular values below this part of the largest are left out.

        Raises:
            InvalidData: if the covariance is not positive definite, or the means do not vary.
        """
        try:
            whiten = np.linalg.inv(np.linalg.cholesky(covariance))
        except np.linalg.LinAlgError:
            raise InvalidData(
                "the covariance is not positive definite; a sufficient statistic needs it to be"
            ) from None
        rows = (means - means[0]) @ whiten.T
        _, values, vectors = np.linalg.svd(rows, full_matrices=False)
        kept = values > threshold * max(float(values.max(initial=0.0)), 1e-300)
        if not kept.any():
            raise InvalidData("the means are the same at all nodes: the data say nothing on the parameters")
        return cls(jnp.asarray(vectors[kept] @ whiten), jnp.asarray(means[0]))

    @classmethod
    def from_signals(
        cls,
        signals: Float[np.ndarray, "nodes data"],
        background: Float[np.ndarray, " data"],
        covariance: Float[np.ndarray, "data data"],
        *,
        threshold: float = 1e-7,
    ) -> "SufficientStatistic":
        """Summary for a linear signal mu_0 + s A_k of any strength s and one of some shapes A_k.

        With C = A V^-1 A^T = U diag(l) U^T, y = l^(-1/2) U^T A V^-1 (x - mu_0), eigenvalues l above a part of the
        largest.
        """
        solved = np.linalg.solve(covariance, signals.T).T
        eigenvalues, vectors = np.linalg.eigh(signals @ solved.T)
        kept = eigenvalues > threshold * eigenvalues.max()
        projection = (vectors[:, kept] / np.sqrt(eigenvalues[kept])).T @ solved
        return cls(jnp.asarray(projection), jnp.asarray(background))

    def __call__(self, blocks: Mapping[str, Any]) -> Float[Array, " numbers"]:
        """Projections of the data, blocks in the order of their names."""
        return self.projection @ (_row(blocks) - self.origin)


class ScoreCompression(AbstractSummary):
    """Scores of a likelihood at fixed points: the gradient of ln L, one number per parameter and point.

    Args:
        likelihood: judges the data; its data are one array or arrays by block name.
        points: named values, one mapping per point.
    """

    likelihood: AbstractLikelihood
    points: Float[Array, "points parameters"]

    def __init__(self, likelihood: AbstractLikelihood, *points: Values) -> None:
        if not points:
            raise InvalidData("a compression by scores needs at least one point")
        self.likelihood = likelihood
        self.points = jnp.stack([likelihood.space.pack(values) for values in points])

    def __call__(self, blocks: Mapping[str, Any]) -> Float[Array, " numbers"]:
        """Gradients at all points, free parameters only."""
        data = next(iter(blocks.values())) if set(blocks) == {"x"} else dict(blocks)
        free = np.flatnonzero(self.likelihood.space.free_mask)

        def at(theta: Any) -> Any:
            return jax.grad(lambda t: self.likelihood.log_prob(self.likelihood.space.unpack(t), data))(theta)[free]

        return jnp.ravel(jax.vmap(at)(self.points))


@eqx.filter_jit
def summarise_rows(
    summary: AbstractSummary, blocks: Mapping[str, Float[Array | np.ndarray, "rows ..."]]
) -> Float[Array, "rows numbers"]:
    """Summaries of many sets of data."""
    return jax.vmap(summary)(blocks)


def _row(blocks: Mapping[str, Any]) -> Float[Array, " data"]:
    return jnp.concatenate([jnp.ravel(jnp.asarray(blocks[name]).astype(float)) for name in sorted(blocks)])
