"""Exact posterior of a signal on its plane: normalised, with evidence and Bayes factor."""

import math
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption
from wilks.likelihood.signals import AbstractSignal
from wilks.parameters.space import ParameterSpace
from wilks.results.grid_posteriors import GridPosterior

from .problem import Clock, pose
from .regions import plane_flags
from .signal_planes import Points, SignalPlane, plane_of

_MISSED = 0.01  # share of the prior outside the nodes that is flagged


def grid_posterior(signal: AbstractSignal, data: Any, *, space: ParameterSpace | None = None) -> GridPosterior:
    """Posterior of amplitude and shape at the nodes of a signal's grid, nuisances integrated out in closed form.

    Integrals are trapezoids in the logarithms of positive axes. Nuisances have flat priors besides their auxiliary
    measurements, which are part of the likelihood.

    Args:
        signal: a tabulated likelihood.
        data: as for `fit`.
        space: the signal's space with other priors of amplitude and shape; nodes outside the support of the priors
            have no weight.

    Raises:
        InvalidOption: if amplitude or shape have no prior, or no node lies within the priors.
    """
    clock = Clock.start()
    problem = pose(signal, data)
    names = signal.grid.names
    priors = signal.space if space is None else space
    for name in names:
        if priors[name].prior is None:
            raise InvalidOption(f"parameter {name!r} has no prior; give space= with one, e.g. LogUniform(1e-3, 1.0)")
    if joined := [name for prior in priors.joint for name in prior.names if name in names]:
        raise InvalidOption(f"{', '.join(joined)}: a joint prior; give amplitude and shape priors of their own")
    plane = plane_of(signal, names)
    (x,) = plane.vectors(problem.data)
    nodes, shape = plane.nodes(), (len(signal.grid.amplitudes), len(signal.grid.shapes))
    log_likelihood = _log_likelihood(plane, nodes, x).reshape(shape)
    log_prior = _log_prior(priors, names, nodes).reshape(shape)
    axes = (np.asarray(signal.grid.amplitudes), np.asarray(signal.grid.shapes))
    prior_mass = np.exp(log_prior + _stretch(*axes)) * _areas(*axes)
    top = float(np.max(log_likelihood[prior_mass > 0], initial=-np.inf))
    weighted = np.exp(np.where(prior_mass > 0, log_likelihood - top, -np.inf)) * prior_mass
    integral, covered = float(np.sum(weighted)), float(np.sum(prior_mass))
    if not covered > 0.0:
        raise InvalidOption(f"no node of the grid of {' and '.join(names)} lies within the priors; shift the grid")
    best = int(np.argmax(log_likelihood))
    flags = {**plane.flags, **plane_flags(signal, (float(nodes.amplitudes[best]), float(nodes.shapes[best])))}
    if abs(covered - 1.0) > _MISSED:
        flags["prior_outside_grid"] = f"the nodes hold {100 * covered:.3g} % of the prior; widen or refine the grid"
    bounded = float(signal.space.lowers[0]) == 0
    return GridPosterior(
        names=names, units=tuple(priors[name].unit for name in names), edges=tuple(_edges(axis) for axis in axes),
        centres=axes, mass=weighted / integral, prior_mass=prior_mass, log_evidence=top + math.log(integral),
        log_null=float(_log_likelihood(plane, plane.null(), x)[0]) if bounded else math.nan, flags=flags,
        how="likelihood times prior at all nodes, nuisances integrated in closed form, trapezoids in logarithms",
        provenance=clock.provenance(problem, "grid_posterior"),
    )  # fmt: skip


def _log_likelihood(plane: SignalPlane, points: Points, x: Float[np.ndarray, " cells"]) -> Float[np.ndarray, " points"]:
    norm = float(plane.signal.whitening.log_norm())
    return norm - 0.5 * plane.chi2(points, x[None])[0] + plane.log_volumes(points)


def _log_prior(space: ParameterSpace, names: tuple[str, str], points: Points) -> Float[np.ndarray, " points"]:
    total = np.zeros(len(points.means))
    for name, values in zip(names, (points.amplitudes, points.shapes), strict=True):
        p = space[name]
        prior = p.prior
        assert prior is not None
        inside = (values >= p.lower) & (values <= p.upper)
        density = np.array([float(prior.log_prob(value)) for value in values.tolist()])
        density = density - float(prior.log_mass(p.lower, p.upper))
        total = total + np.where(inside, density, -np.inf)
    return total


def _edges(axis: Float[np.ndarray, " nodes"]) -> Float[np.ndarray, " edges"]:
    """Edges of the cells that the trapezoid rule gives the nodes: halfway in the logarithm of a positive axis."""
    u = np.log(axis) if axis[0] > 0 else axis
    middle = 0.5 * (u[1:] + u[:-1])
    return np.concatenate([axis[:1], np.exp(middle) if axis[0] > 0 else middle, axis[-1:]])


def _areas(x: np.ndarray, y: np.ndarray) -> Float[np.ndarray, "columns rows"]:
    """Trapezoid weights of all nodes."""
    widths = [np.diff(np.log(edges) if edges[0] > 0 else edges) for edges in (_edges(x), _edges(y))]
    return np.outer(*widths)


def _stretch(x: np.ndarray, y: np.ndarray) -> Float[np.ndarray, "columns rows"]:
    """Logarithm of the change of variables at all nodes."""
    logs = [np.log(axis) if axis[0] > 0 else np.zeros_like(axis) for axis in (x, y)]
    return logs[0][:, None] + logs[1][None]
