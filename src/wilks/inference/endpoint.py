"""What is known at the end of a fit: exact curvature, contributions of the parts, bins outside the physical domain."""

import functools
from collections import OrderedDict
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import export
from jaxtyping import Array, Bool, Float

from wilks._base.typing import Scalar, Theta
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.event_likelihood import AbstractEventLikelihood
from wilks.likelihood.interface import AbstractCellLikelihood, AbstractLikelihood, AbstractNamedTerms
from wilks.likelihood.joint import Joint
from wilks.likelihood.stored_variations import Surroundings, saturated_counts

from .compiled import compiled
from .event_hessian import at_points, hessian_by_differences
from .quadratic import Curvature, excess, places, quadratic, saturated
from .variation_newton import surroundings

_SINGULAR = 1e-10  # eigenvalue of the unit-diagonal curvature below which a direction counts as flat
_NAMED = 0.1  # components of a flat direction that are worth naming


@functools.partial(export.register_namedtuple_serialization, serialized_name="wilks.inference.endpoint.Endpoint")
class Endpoint(NamedTuple):
    """The excess at one point, taken apart.

    Args:
        excess: -ln L above the saturated model, where there is one.
        saturated: log density of the saturated model.
        hessian: curvature of the excess; without rows where it was not asked for.
        parts: share of each part of a joint, or of each named term, in the excess.
        cells: excess per cell.
        inside: which cells are in the physical domain.
        shares: part of the likelihood that each systematic variation carries, where that is known already.
    """

    excess: Scalar | float
    saturated: Scalar | float
    hessian: Float[Array | np.ndarray, "parameters parameters"]
    parts: OrderedDict[str, Scalar]  # a plain dict would come back sorted
    cells: Float[Array | np.ndarray, " cells"]
    inside: Bool[Array | np.ndarray, " cells"]
    shares: Float[np.ndarray, " variations"] | None = None


def endpoint(
    likelihood: AbstractLikelihood,
    data: Any,
    theta: Any,
    *,
    curvature: Curvature | None,
    known: Surroundings | None = None,
) -> Endpoint:
    """Everything a report on a fit needs: in one compiled call, by the program of fits of events, or in numpy.

    Without ``curvature`` none is computed; ``known`` is what a fit in numpy has found out there, if it has.
    """
    known = (known or surroundings(likelihood, data, theta)) if curvature == "exact" else None
    if known is not None:
        parts, cells, inside = _nothing_known()
        if isinstance(likelihood, PoissonCounts) and known.cells is not None:
            cells, inside = known.cells, np.ones(len(known.cells), dtype=bool)
        constant = saturated_counts(np.asarray(data.counts))
        return Endpoint(known.value, constant, known.hessian, parts, cells, inside, known.shares)
    if isinstance(likelihood, AbstractEventLikelihood) and curvature == "exact" and not likelihood.exact:
        return _of_events(likelihood, data, np.asarray(theta))
    return _compiled_endpoint(likelihood, data, theta, curvature=curvature)


def _of_events(likelihood: AbstractEventLikelihood, data: Any, theta: Float[np.ndarray, " parameters"]) -> Endpoint:
    """The curvature from gradients close by, since second derivatives take long to compile, and longer to run."""
    value = at_points(likelihood, data, theta[None]).value[0]
    hessian = hessian_by_differences(
        lambda points: at_points(likelihood, data, points).gradient, likelihood.space, theta
    )
    return Endpoint(float(value), 0.0, hessian, *_nothing_known())


def _nothing_known() -> tuple[OrderedDict[str, Scalar], Float[np.ndarray, " none"], Bool[np.ndarray, " none"]]:
    """No parts, and no cells."""
    return OrderedDict(), np.zeros(0), np.ones(0, dtype=bool)


@compiled("curvature", once=True)
def _compiled_endpoint(
    likelihood: AbstractLikelihood, data: Any, theta: Theta, *, curvature: Curvature | None
) -> Endpoint:
    if curvature is None:
        value, hessian = excess(likelihood, theta, data), jnp.zeros((0, 0))
    else:
        value, _, hessian = quadratic(likelihood, theta, data, curvature)
    parts, cells, inside = _parts("", likelihood, theta, data)
    if isinstance(likelihood, AbstractNamedTerms):
        terms = likelihood.contributions(likelihood.space.unpack(theta), data)
        parts = {name: 0.5 * jnp.asarray(term) for name, term in terms.items()}
    named = OrderedDict((name, part) for name, part in parts.items() if name)
    return Endpoint(value, saturated(likelihood, data), hessian, named, cells, inside)


def _parts(
    name: str, likelihood: AbstractLikelihood, theta: Theta, data: Any
) -> tuple[dict[str, Scalar], Array, Array]:
    """Excess per part, excess per cell, and which cells are in the physical domain."""
    if isinstance(likelihood, Joint):
        found, cells, inside = {}, [], []
        for part, where in places(likelihood).items():
            values, own, ok = _parts(part, likelihood.parts[part], theta[where], data[part])
            found[part] = jnp.sum(jnp.stack(list(values.values())))
            cells.append(own)
            inside.append(ok)
        return found, jnp.concatenate(cells), jnp.concatenate(inside)
    if isinstance(likelihood, AbstractCellLikelihood):
        judged = likelihood.judge(likelihood.mean(likelihood.space.unpack(theta)), data)
        return {name: jnp.sum(judged.excess)}, judged.excess, judged.inside
    whole = {name: -likelihood.log_prob(likelihood.space.unpack(theta), data)} if name else {}
    return whole, jnp.zeros(0), jnp.ones(0, dtype=bool)


class Curved(NamedTuple):
    """A curvature examined on its free block: its inverse, or the direction in which it is not positive definite.

    Args:
        covariance: the inverse, zero in rows and columns of parameters that are not free.
        weakest: smallest eigenvalue of the unit-diagonal curvature; infinite where there is an inverse.
        direction: its eigenvector, in the parameters' units; zero where there is an inverse.
    """

    covariance: Float[np.ndarray, "parameters parameters"] | None
    weakest: float
    direction: Float[np.ndarray, " parameters"]


def examine(hessian: Float[np.ndarray, "parameters parameters"], free: Bool[np.ndarray, " parameters"]) -> Curved:
    """Inverse of the curvature on the free block, or its weakest direction if it is not positive definite."""
    size = len(free)
    where = ... if free.all() else np.ix_(free, free)
    block, direction = hessian[where], np.zeros(size)
    if not block.size:
        return Curved(np.zeros((size, size)), np.inf, direction)
    if not np.isfinite(block).all():
        return Curved(None, -np.inf, direction)
    scaled, scale = _unit_diagonal(block)
    inverse = _inverse(scaled)
    if inverse is None:
        eigenvalues, vectors = np.linalg.eigh(scaled)
        weakest = float(eigenvalues[0])
        if weakest < _SINGULAR:
            moves = scale * vectors[:, 0]
            direction[free] = moves / np.abs(moves).max()
            return Curved(None, weakest, direction)
        root = vectors / np.sqrt(eigenvalues)
        inverse = root @ root.T
    covariance = np.zeros((size, size))
    covariance[where] = inverse * scale[:, None] * scale
    return Curved(covariance, np.inf, direction)


def flat_directions(
    hessian: Float[np.ndarray, "parameters parameters"], free: Bool[np.ndarray, " parameters"]
) -> list[Float[np.ndarray, " parameters"]]:
    """All directions in which the curvature on the free block is not positive, in the parameters' units."""
    block = hessian[np.ix_(free, free)]
    if not block.size or not np.isfinite(block).all():
        return []
    scaled, scale = _unit_diagonal(block)
    eigenvalues, vectors = np.linalg.eigh(scaled)
    found = []
    for vector in vectors.T[eigenvalues < _SINGULAR]:
        direction = np.zeros(len(free))
        direction[free] = scale * vector / np.abs(scale * vector).max()
        found.append(direction)
    return found


def _unit_diagonal(block: Float[np.ndarray, "free free"]) -> tuple[np.ndarray, np.ndarray]:
    """A curvature in units in which its diagonal is 1 where it is not zero, and those units."""
    diagonal = np.abs(np.diagonal(block))
    scale = np.where(diagonal > 0, diagonal, 1.0) ** -0.5
    return block * scale[:, None] * scale, scale


def _inverse(scaled: Float[np.ndarray, "free free"]) -> Float[np.ndarray, "free free"] | None:
    """Inverse of a curvature that is positive definite beyond doubt; a tenth of the cost of its eigenvalues."""
    try:
        root = np.linalg.inv(np.linalg.cholesky(scaled))
    except np.linalg.LinAlgError:
        return None
    inverse = root.T @ root
    return inverse if np.linalg.norm(inverse) * _SINGULAR < 1.0 else None  # its largest eigenvalue is no larger


def name_direction(direction: Float[np.ndarray, " parameters"], names: tuple[str, ...]) -> str:
    """A direction in words: ``+1 a -0.5 b``, largest component first."""
    order = np.argsort(-np.abs(direction), kind="stable")
    sign = np.sign(direction[order[0]]) or 1.0
    return " ".join(f"{sign * direction[i]:+.3g} {names[i]}" for i in order if abs(direction[i]) > _NAMED)
