"""Exact posteriors of few parameters on grids, and the distance of draws from them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractLikelihood
from wilks.results.checks import TotalVariation
from wilks.results.grid_posteriors import GridPosterior
from wilks.results.samples import Samples
from wilks.results.weighted import WeightedSamples

from .points import log_likelihoods, refuse_improper, values_at
from .records import record

_MOST_AXES = 3


def posterior_on_grid(likelihood: AbstractLikelihood, data: Any, cells: Mapping[str, int]) -> GridPosterior:
    """Posterior of one to three parameters by evaluating the likelihood in the middle of cells of equal prior.

    mass = L/sum L, ln Z = ln mean L: the midpoint rule in the prior quantiles.

    Args:
        likelihood: judges the data; all other parameters must be fixed.
        data: observed data.
        cells: number of cells per free parameter; enough that a cell is narrow against the posterior.
    """
    clock = Clock.start()
    space = likelihood.space
    refuse_improper(space)
    if tuple(cells) != space.free or not 1 <= len(cells) <= _MOST_AXES:
        raise InvalidOption(
            f"cells are given for {', '.join(cells)}; expected 1 to {_MOST_AXES} axes, the free parameters in order: "
            f"{', '.join(space.free)}"
        )
    counts = tuple(cells.values())
    shares = np.meshgrid(*[(np.arange(n) + 0.5) / n for n in counts], indexing="ij")
    theta = values_at(space, np.stack([s.ravel() for s in shares], axis=1))
    log_likelihood = log_likelihoods(likelihood, data, theta)
    top = float(np.max(log_likelihood))
    weights = np.exp(log_likelihood - top).reshape(counts)
    axes = [_axis(likelihood, i, n) for i, n in enumerate(counts)]
    return GridPosterior(
        names=space.free,
        units=tuple(space[name].unit for name in space.free),
        edges=tuple(edges for edges, _ in axes),
        centres=tuple(centres for _, centres in axes),
        mass=weights / weights.sum(),
        prior_mass=np.full(counts, 1.0 / weights.size),
        log_evidence=top + math.log(float(weights.mean())),
        how=f"likelihood in the middle of {weights.size} cells of equal prior",
        provenance=record(clock, "posterior_on_grid", model=likelihood, data=data, cells=dict(cells)),
    )


def total_variation(
    draws: Samples | WeightedSamples, exact: GridPosterior, cells: Sequence[int] = (12, 10)
) -> TotalVariation:
    """Half the sum of |share of draws - exact mass| over equal cells of the prior.

    Args:
        draws: draws to judge, weighted or not.
        exact: the exact posterior on a finer grid, whose priors of the axes are independent.
        cells: number of cells per axis; masses of grid cells that cross a border are shared out.
    """
    clock = Clock.start()
    if len(cells) != len(exact.names) or min(cells) < 1:
        raise InvalidOption(f"cells {tuple(cells)}; expected one positive number per axis of {', '.join(exact.names)}")
    if missing := [name for name in exact.names if name not in draws.names]:
        raise InvalidData(f"the draws lack {', '.join(missing)}")
    borders = [_cumulative(exact, i) for i in range(len(cells))]
    mass = exact.mass
    for axis, (border, count) in enumerate(zip(borders, cells, strict=True)):
        mass = np.moveaxis(np.tensordot(_overlaps(border, count), mass, axes=(1, axis)), 0, axis)
    share, effective = _shares(draws, exact, borders, cells)
    spread = np.maximum(mass * (1.0 - mass), 0.0)  # a mass of one may be a rounding above it
    floor = float(np.sum(np.sqrt(spread / (2.0 * math.pi * effective))))
    return TotalVariation(
        names=exact.names,
        distance=0.5 * float(np.abs(share - mass).sum()),
        floor=floor,
        draws=share,
        exact=mass,
        effective=effective,
        how="exact masses from a grid",
        provenance=record(clock, "total_variation", cells=list(cells)),
    )


def _axis(likelihood: AbstractLikelihood, i: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges and centres of cells of equal prior along one axis."""
    space = likelihood.space
    shares = np.full((2 * n + 1, len(space.free)), 0.5)
    shares[:, i] = np.linspace(0.0, 1.0, 2 * n + 1)
    column = values_at(space, shares)[:, space.index(space.free[i])]
    return column[::2], column[1::2]


def _cumulative(exact: GridPosterior, axis: int) -> Float[np.ndarray, " edges"]:
    """Prior probability below each edge of one axis."""
    others = tuple(i for i in range(len(exact.names)) if i != axis)
    below = np.concatenate([[0.0], np.cumsum(exact.prior_mass.sum(axis=others))])
    return below / below[-1]


def _overlaps(border: Float[np.ndarray, " edges"], count: int) -> Float[np.ndarray, "cells fine"]:
    """Share of each fine cell that lies in each of ``count`` equal ones."""
    coarse = np.linspace(0.0, 1.0, count + 1)
    low = np.maximum(border[None, :-1], coarse[:-1, None])
    high = np.minimum(border[None, 1:], coarse[1:, None])
    width = np.diff(border)
    return np.maximum(high - low, 0.0) / np.where(width > 0, width, 1.0)


def _shares(
    draws: Samples | WeightedSamples, exact: GridPosterior, borders: list[np.ndarray], cells: Sequence[int]
) -> tuple[np.ndarray, float]:
    """Share of the draws in each cell, and how many independent draws they are worth."""
    weights = draws.weights if isinstance(draws, WeightedSamples) else np.full(len(draws), 1.0 / len(draws))
    effective = draws.ess if isinstance(draws, WeightedSamples) else min(draws.effective(n) for n in exact.names)
    columns = [draws.values(name) for name in exact.names]
    places = [np.interp(x, edges, border) for x, edges, border in zip(columns, exact.edges, borders, strict=True)]
    edges = [np.linspace(0.0, 1.0, count + 1) for count in cells]
    share, _ = np.histogramdd(np.stack(places, axis=1), bins=edges, weights=weights)
    return share, effective
