"""Statistics known before training: data reduced to few numbers that keep all, or nearly all, they say of parameters.

What to use when:

==============================  ======================================================================================
``SufficientStatistic``         Gaussian data of fixed covariance whose means are tabulated: loses nothing on the nodes
``ScoreCompression``            any differentiable likelihood: loses nothing near the points where the score is taken
==============================  ======================================================================================
"""

from collections.abc import Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, MissingRole
from wilks._base.typing import Values
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.signals import AbstractSignal, GridSignal, LinearSignal

from .blocks import ONLY, blocks_of
from .summaries import AbstractSummary

_SMALLEST_SHARE = 1e-4  # singular values of a mean manifold, as a share of the largest, that are kept
_SMALLEST_SLOPE = float(np.sqrt(1e-7))  # the same for slopes of a linear signal: eigenvalues 1e-7 of the largest
_AMPLITUDES = 8  # amplitudes at which a curved signal is tabulated

Raw = Mapping[str, Any]
"""Unscaled arrays of ONE set of data by block name, as `blocks_of` gives them."""


class SufficientStatistic(AbstractSummary):
    """y = R^T L^-1 (x - mu_0): exactly sufficient on the nodes of a mean manifold, with noise N(0, I).

    For x ~ N(mu(theta), V), V = L L^T, the rows L^-1 (mu_k - mu_0) span all directions in which nodes differ; R are
    their right singular vectors. Likelihood ratios of nodes are functions of y alone. For a signal mu_0 + s A_k that is
    linear in its amplitude the rows are L^-1 A_k, and y is sufficient for every amplitude.

    Make one by `of` (a tabulated signal) or `of_means` (arrays).

    Args:
        names: blocks of the data, in the order in which their numbers are joined; ``x`` for data that are one array.
        origin: mu_0.
        matrix: R^T L^-1, one row per number that is kept.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    origin: Float[Array, " cells"]
    matrix: Float[Array, "features cells"]

    @classmethod
    def of_means(
        cls,
        origin: Float[np.ndarray, " cells"],
        directions: Float[np.ndarray, "nodes cells"],
        covariance: Float[np.ndarray, "cells cells"],
        *,
        names: Sequence[str] = (ONLY,),
        smallest: float = _SMALLEST_SHARE,
    ) -> "SufficientStatistic":
        """The statistic of tabulated means.

        Args:
            origin: mean at one node.
            directions: mean at each node minus ``origin``, or slopes A_k of a linear signal.
            covariance: fixed covariance of the data.
            names: blocks of the data in this order, ``x`` for data that are one array.
            smallest: singular values below this share of the largest are dropped.

        Raises:
            InvalidModel: if the covariance is not positive definite, or all nodes have the same mean.
        """
        try:
            factor = np.linalg.cholesky(np.asarray(covariance, dtype=float))
        except np.linalg.LinAlgError as error:
            raise InvalidModel(f"the covariance of the data is not positive definite: {error}") from error
        whiten = np.linalg.inv(factor)
        rows = np.asarray(directions, dtype=float) @ whiten.T
        return cls._made(names, np.asarray(origin, dtype=float), _kept(rows, smallest) @ whiten)

    @classmethod
    def of(cls, signal: AbstractSignal, *, smallest: float | None = None) -> "SufficientStatistic":
        """The statistic of a tabulated signal, whatever the number of its nuisances.

        Args:
            signal: Gaussian measurements tabulated in two parameters; nuisances count as further directions.
            smallest: singular values below this share of the largest are dropped; by default 1e-4, or 3e-4 for a
                signal that is linear in its amplitude.
        """
        origin, rows = _manifold(signal)
        whiten = np.asarray(signal.whitening.turn_many(np.eye(len(origin)))).T
        share = smallest or (_SMALLEST_SLOPE if isinstance(signal, LinearSignal) else _SMALLEST_SHARE)
        names = [".".join(path) or ONLY for path in signal.whitening.paths]
        return cls._made(names, np.linalg.solve(whiten, origin), _kept(rows, share) @ whiten)

    @classmethod
    def _made(cls, names: Sequence[str], origin: np.ndarray, matrix: np.ndarray) -> "SufficientStatistic":
        return cls(names=tuple(names), origin=jnp.asarray(origin), matrix=jnp.asarray(matrix))

    @property
    def features(self) -> int:
        """How many numbers are kept."""
        return len(self.matrix)

    def __call__(self, blocks: Raw) -> Float[Array, " features"]:
        """R^T L^-1 (x - mu_0)."""
        x = jnp.concatenate([jnp.ravel(jnp.asarray(blocks[name])).astype(float) for name in self.names])
        return self.matrix @ (x - self.origin)


class ScoreCompression(AbstractSummary):
    """Scores of a likelihood at given points, each turned to unit covariance: one number per parameter and point.

    t = F^(-1/2) d ln L/d theta. For Gaussian data of fixed covariance the score is J^T V^-1 (x - mu), which keeps the
    Fisher information at the point.

    Args:
        likelihood: judges the data; differentiable in its free parameters.
        points: values of the free parameters at which the score is taken, one mapping per point.
        data: one set of simulated or expected data, by which blocks are told apart.

    References:
        J. Alsing, B. Wandelt, arXiv:1712.00012, eqs. 4 and 5.
    """

    likelihood: AbstractLikelihood
    theta: Float[Array, "points parameters"]
    scale: Float[Array, "points free free"]
    example: Any

    def __init__(self, likelihood: AbstractLikelihood, points: Sequence[Values] | Values, data: Any) -> None:
        if not isinstance(likelihood, AbstractLikelihood):
            raise MissingRole(f"{type(likelihood).__name__} cannot judge data; scores need a likelihood")
        chosen = [points] if isinstance(points, Mapping) else list(points)
        if not chosen:
            raise InvalidOption("give at least one point at which to take the score")
        space = likelihood.space
        self.likelihood = likelihood
        self.theta = jnp.stack([jnp.asarray(space.complete(point)) for point in chosen])
        self.example = jax.tree.map(np.asarray, data)
        self.scale = jnp.stack([self._whitening(theta) for theta in self.theta])

    def __call__(self, blocks: Raw) -> Float[Array, " features"]:
        """All scores in one row."""
        data = _rebuilt(blocks, self.example)
        scores = [scale @ self._score(theta, data) for theta, scale in zip(self.theta, self.scale, strict=True)]
        return jnp.concatenate(scores)

    def _score(self, theta: Float[Array, " parameters"], data: Any) -> Float[Array, " free"]:
        space = self.likelihood.space
        gradient = jax.grad(lambda at: self.likelihood.log_prob(space.unpack(at), data))(theta)
        return gradient[np.flatnonzero(space.free_mask)]

    def _whitening(self, theta: Float[Array, " parameters"]) -> Float[Array, "free free"]:
        """F^(-1/2) from the curvature at the example data; the identity where that is not positive."""
        space, free = self.likelihood.space, np.flatnonzero(self.likelihood.space.free_mask)
        curvature = -jax.hessian(lambda at: self.likelihood.log_prob(space.unpack(at), self.example))(theta)
        values, vectors = np.linalg.eigh(np.asarray(curvature)[np.ix_(free, free)])
        if not np.isfinite(values).all():
            raise InvalidData("the likelihood has no finite curvature at a point of the score; choose another point")
        size = np.where(np.abs(values) > 0, np.abs(values), 1.0)
        return jnp.asarray(vectors @ np.diag(size**-0.5) @ vectors.T)


def _manifold(signal: AbstractSignal) -> tuple[np.ndarray, np.ndarray]:
    """Whitened mean without signal, or at the first node, and the directions of all others and of nuisances."""
    grid = signal.grid
    amplitudes = np.asarray(grid.amplitudes)
    if isinstance(signal, LinearSignal):
        origin, rows = np.asarray(signal.null), np.asarray(signal.slopes)
    else:
        if not isinstance(signal, GridSignal):
            amplitudes = np.linspace(0.0, amplitudes[-1], _AMPLITUDES)
        nodes = np.stack(np.meshgrid(amplitudes, grid.shapes, indexing="ij"), axis=-1).reshape(-1, 2)
        means = np.asarray(_means(signal, nodes))
        origin, rows = means[0], means - means[0]
    if len(signal.reference):
        corners = np.stack(np.meshgrid(amplitudes[[0, -1]], grid.shapes, indexing="ij"), axis=-1).reshape(-1, 2)
        tilts = np.asarray(signal.shared_tilts) if signal.shared_tilts is not None else _tilts(signal, corners)
        rows = np.concatenate([rows, np.asarray(tilts).reshape(-1, len(origin))])
    return origin, rows


def _kept(rows: Float[np.ndarray, "nodes cells"], smallest: float) -> Float[np.ndarray, "features cells"]:
    """Directions in which whitened means differ, those that differ least left out."""
    _, sizes, turned = np.linalg.svd(rows, full_matrices=False)
    if not sizes.size or not sizes[0] > 0.0:
        raise InvalidModel("all nodes have the same mean: the data say nothing on the parameters")
    return turned[sizes > smallest * sizes[0]]


def _rebuilt(blocks: Raw, example: Any) -> Any:
    """Data of the example's structure from blocks by name; an empty array stays as it is."""
    paths, structure = jax.tree_util.tree_flatten_with_path(example)
    names = [jax.tree_util.keystr(path, simple=True, separator=".") or ONLY for path, _ in paths]
    missing = [n for n in blocks_of(example) if n not in blocks]
    if missing:
        raise InvalidData(f"the data lack the block {missing[0]!r}")
    leaves = [blocks.get(name, leaf) for name, (_, leaf) in zip(names, paths, strict=True)]
    return jax.tree_util.tree_unflatten(structure, leaves)


@eqx.filter_jit
def _means(signal, nodes):
    return jax.lax.map(lambda p: signal.main(p[0], p[1]), nodes, batch_size=64)


@eqx.filter_jit
def _tilts(signal, nodes):
    return jax.lax.map(lambda p: signal.tilts(p[0], p[1]), nodes, batch_size=64)
