"""Sensitivity from an amortised posterior: contours that toys at one truth would give, without a fit per toy."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import InvalidData, InvalidOption, TooManyFailures, UnknownName, near_names
from wilks._base.typing import Key, Values
from wilks.execution.keys import as_seed
from wilks.inference.probabilities import check_level
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractSimulator
from wilks.results.contour_bands import ContourBands

from .many_sets import draws_for_each
from .pairs import VALID
from .points import prior_quantiles, values_at
from .proposals import Proposal
from .pseudo_data import simulate_tried
from .records import record

_FEWEST = 20
_TAIL = 5e-4  # of all draws, left out on each side of the plane
_MARGIN = 0.05
_WIDTH = 0.5  # of Scott's bandwidth, which makes regions one per cent too wide at 2,000 draws


def contour_bands(
    key: Key | int,
    posterior: Proposal,
    simulator: AbstractSimulator,
    values: Values,
    *,
    names: tuple[str, str] | None = None,
    level: float = 0.90,
    n: int = 200,
    draws: int = 2000,
    cells: tuple[int, int] = (40, 40),
) -> ContourBands:
    """Median contour, and its scatter, of credible regions that data simulated at one truth would give.

    Each toy's region is where the smoothed density of its draws per prior probability is highest, on a plane of cells
    of equal prior around all draws: it does not depend on how the parameters are written, and for uniform priors is
    the usual region of highest density.

    Args:
        key: random key or seed.
        posterior: draws for any data; amortised networks make those of all toys together.
        simulator: makes one set of data per toy.
        values: the truth, one value per parameter.
        names: the two parameters of the plane; may be left out where two are free.
        level: credibility of the regions.
        n: number of toys, at least 20.
        draws: posterior draws per toy.
        cells: of the plane, per parameter.

    Raises:
        InvalidOption: for numbers that are too small, or a level outside (0, 1).
        TooManyFailures: if fewer than 20 toys have data.
    """
    clock, level = Clock.start(), check_level(level)
    if n < _FEWEST or draws < 100 or min(cells) < 5:
        raise InvalidOption(f"{n} toys, {draws} draws, cells {cells}; ask for at least {_FEWEST}, 100 and 5 by 5")
    seed, space = jax.random.key(as_seed(key)), posterior.space
    pair = _checked_names(names, space.free)
    truth = np.asarray(space.pack(values), float)
    data, status = simulate_tried(jax.random.fold_in(seed, 0), simulator, space, np.tile(truth, (n, 1)))
    toys = int((status == VALID).sum())
    failed = f"{n - toys} of {n} simulations at the truth failed"
    if toys < _FEWEST:
        raise TooManyFailures(f"{failed}; at least {_FEWEST} valid ones are needed")
    data = jax.tree.map(lambda leaf: np.asarray(leaf)[status == VALID], data)
    theta = draws_for_each(jax.random.fold_in(seed, 1), posterior, data, toys, draws)
    where = [space.free.index(name) for name in pair]
    u = prior_quantiles(space, theta.reshape(toys * draws, -1))[:, where].reshape(toys, draws, 2)
    edges = [_edges(u[..., i], count) for i, count in enumerate(cells)]
    share = np.mean([_region(one, edges, level) for one in u], axis=0)
    middles = [0.5 * (e[1:] + e[:-1]) for e in edges]
    axes = [_physical(space, name, middle) for name, middle in zip(pair, middles, strict=True)]
    return ContourBands(
        names=pair,
        units=(space[pair[0]].unit, space[pair[1]].unit),
        level=level,
        x=axes[0],
        y=axes[1],
        share=share,
        truth=(float(truth[space.index(pair[0])]), float(truth[space.index(pair[1])])),
        toys=toys,
        failed=n - toys,
        flags={"failed_simulations": failed} if toys < n else {},
        how=f"regions of {draws} posterior draws per toy, of highest density per prior probability",
        provenance=record(clock, "contour_bands", key=key, model=simulator, n=n, draws=draws, cells=list(cells)),
    )


def _checked_names(names: tuple[str, str] | None, free: tuple[str, ...]) -> tuple[str, str]:
    chosen = free if names is None else tuple(names)
    unknown = [name for name in chosen if name not in free]
    if unknown:
        raise UnknownName(f"no free parameter {unknown[0]!r}; {near_names(unknown[0], free)}")
    if len(chosen) != 2 or chosen[0] == chosen[1]:
        raise InvalidData(f"a plane has two parameters, not {', '.join(chosen)}; give names=")
    return chosen[0], chosen[1]


def _edges(u: Float[np.ndarray, "toys draws"], cells: int) -> Float[np.ndarray, " edges"]:
    """Even cells around all draws but few, in prior probability."""
    low, high = np.quantile(u, (_TAIL, 1.0 - _TAIL))
    wider = _MARGIN * (high - low)
    return np.linspace(max(low - wider, 0.0), min(high + wider, 1.0), cells + 1)


def _region(
    u: Float[np.ndarray, "draws 2"], edges: list[Float[np.ndarray, " _"]], level: float
) -> Bool[np.ndarray, "columns rows"]:
    """Cells of highest smoothed density that hold the level; draws beyond the plane count as outside."""
    counts, *_ = np.histogram2d(*u.T, bins=edges)
    smooth = counts / len(u)
    for axis, border in enumerate(edges):
        width = max(_WIDTH * len(u) ** (-1.0 / 6.0) * u[:, axis].std() / (border[1] - border[0]), 1e-3)
        steps = np.arange(len(border) - 1)
        kernel = np.exp(-0.5 * ((steps[:, None] - steps) / width) ** 2)
        smooth = np.moveaxis(np.tensordot(kernel / kernel.sum(axis=0), smooth, axes=(1, axis)), 0, axis)
    order = np.argsort(-smooth, axis=None)
    within = np.cumsum(smooth.ravel()[order]) - 0.5 * smooth.ravel()[order] <= level  # half of a cell in: it is in
    inside = np.zeros(smooth.size, dtype=bool)
    inside[order[within]] = True
    return inside.reshape(smooth.shape)


def _physical(space: Any, name: str, shares: Float[np.ndarray, " cells"]) -> Float[np.ndarray, " cells"]:
    rows = np.full((len(shares), len(space.free)), 0.5)
    rows[:, space.free.index(name)] = shares
    return values_at(space, rows)[:, space.index(name)]
