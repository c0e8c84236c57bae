"""Correlation of two parameters of a posterior with all others held, by quadrature over cells that follow the law."""

import itertools
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption
from wilks._base.typing import Values
from wilks.inference.problem import Clock
from wilks.inference.sbi.points import log_priors, prior_quantiles, values_at
from wilks.inference.sbi.proposals import Proposal, log_densities
from wilks.inference.sbi.records import record
from wilks.results.samples import Samples
from wilks.results.subspaces import ConditionalCorrelation

_CELLS = 48  # per axis
_ZOOMS = 10
_LOW = 16.0  # cells whose density is e^-16 of the largest are left out
_SHRUNK = 0.8  # of the box's area, above which it is not worth another zoom


def conditional_correlation(
    posterior: Proposal, data: Any, at: Values | Samples, *, most: int = 20
) -> ConditionalCorrelation:
    """Correlation of each two parameters in p(a, b | all others, x): how they can make up for each other.

    A correlation of two parameters over a posterior also counts ways through third ones; this one does not. For a
    normal law it is -P_ab / sqrt(P_aa P_bb) with the inverse P of the covariance.

    Args:
        posterior: any with a density.
        data: observed data.
        at: values at which the other parameters are held; or draws, over which the mean is taken.
        most: draws that are used, evenly picked from all.

    Raises:
        InvalidOption: for a posterior of one parameter.
        InvalidData: for a point at which the density is zero whatever the two parameters.
    """
    clock = Clock.start()
    space = posterior.space
    if len(space.free) < 2:
        raise InvalidOption(f"the posterior has the free parameter {', '.join(space.free)} alone; two are needed")
    if isinstance(at, Samples):
        every = np.stack([at.values(name) for name in space.names], axis=1)
        points = every[np.unique(np.linspace(0, len(every) - 1, most).astype(int))]
    else:
        points = np.asarray(space.complete(at), dtype=float)[None]
    size = len(space.free)
    found = np.tile(np.eye(size), (len(points), 1, 1))
    for (i, j), (k, point) in itertools.product(itertools.combinations(range(size), 2), enumerate(points)):
        found[k, i, j] = found[k, j, i] = _correlation(posterior, data, point, i, j)
    return ConditionalCorrelation(
        names=space.free,
        correlation=found.mean(axis=0),
        spread=found.std(axis=0),
        points=len(points),
        how=f"quadrature over {_CELLS} x {_CELLS} cells around each conditional law",
        provenance=record(clock, "conditional_correlation", data=data, points=len(points)),
    )


def _correlation(posterior: Proposal, data: Any, point: Float[np.ndarray, " parameters"], i: int, j: int) -> float:
    """Of the i-th and j-th free parameter, all others as at the point."""
    space, pair = posterior.space, [i, j]
    shares = np.repeat(prior_quantiles(space, point[None]), _CELLS**2, axis=0)
    low, high = np.zeros(2), np.ones(2)
    middles = (np.stack(np.meshgrid(*[np.arange(_CELLS)] * 2, indexing="ij"), axis=-1).reshape(-1, 2) + 0.5) / _CELLS
    theta, heights = np.zeros((0, len(point))), np.zeros(0)
    for _ in range(_ZOOMS):
        shares[:, pair] = low + (high - low) * middles
        theta = values_at(space, shares)
        theta[:, ~space.free_mask] = point[~space.free_mask]
        heights = log_densities(posterior, theta, data) - log_priors(space, theta)  # cells of equal prior
        if not heights.max() > -np.inf:
            names = ", ".join(space.free[k] for k in pair)
            raise InvalidData(f"the density is zero for all {names} with the others held; hold them at a likely point")
        kept = shares[heights > heights.max() - _LOW][:, pair]
        cell = (high - low) / _CELLS
        closer = np.maximum(kept.min(axis=0) - 1.5 * cell, low), np.minimum(kept.max(axis=0) + 1.5 * cell, high)
        if np.prod(closer[1] - closer[0]) > _SHRUNK * np.prod(high - low):
            break
        low, high = closer
    weight = np.exp(heights - heights.max())
    own = theta[:, np.flatnonzero(space.free_mask)[pair]]
    centred = own - np.average(own, axis=0, weights=weight)
    covariance = (weight[:, None] * centred).T @ centred
    return float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1]))
