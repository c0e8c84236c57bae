"""Toys at many points of a plane: drawn in chunks with common random numbers, more of them where they decide."""

import abc
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Bool, Float, Float32, Int

from wilks._base.draws import uniforms
from wilks.execution.chunks import Chunk
from wilks.execution.executors import run_chunks
from wilks.execution.keys import as_seed, chunk_key, task_words

from .calibration import ByToys
from .probabilities import clopper_pearson

FIRST = 500
"""Toys thrown at every point before it is decided where more are needed."""

_TOYS = 500  # per chunk
_POINTS = 512  # per chunk
_UNDECIDED = 3.0  # standard deviations of a p-value from 1 - level within which a point is undecided

Draw = Callable[[Int[np.ndarray, " some"], int, int], Float32[np.ndarray, "some toys"]]
"""From points, the first toy and the number of toys to the statistic of each."""


class AbstractToyStatistic(abc.ABC):
    """Statistics of toys at the points of a plane, made from uniform numbers."""

    @property
    @abc.abstractmethod
    def cells(self) -> int:
        """Uniform numbers that one toy takes."""

    @abc.abstractmethod
    def measure(
        self, points: Int[np.ndarray, " some"], uniform: Float[np.ndarray, "toys cells"]
    ) -> Float32[np.ndarray, "some toys"]:
        """The statistic of every toy at each of some points."""


class ToyMap(NamedTuple):
    """What toys say at each point of a plane."""

    critical: Float[np.ndarray, " points"]
    critical_error: Float[np.ndarray, " points"]
    p_value: Float[np.ndarray, " points"]
    p_lower: Float[np.ndarray, " points"]
    p_upper: Float[np.ndarray, " points"]
    toys: Int[np.ndarray, " points"]
    failed: Int[np.ndarray, " points"]


class _Work(NamedTuple):
    """Payload of all chunks."""

    statistic: AbstractToyStatistic
    seed: int
    words: tuple[int, int]
    pieces: tuple[tuple[int, tuple[int, ...]], ...]  # per chunk: number of its block of toys, points


def drawer(statistic: AbstractToyStatistic, task: Mapping[str, Any], calibration: ByToys) -> Draw:
    """Draws toys in chunks; toy k has the same random numbers at all points.

    Args:
        statistic: measures them.
        task: what is computed, for the random numbers.
        calibration: seed, executor, progress.
    """
    seed, words = as_seed(calibration.key), task_words({**task, "toys_per_chunk": _TOYS})

    def draw(points: np.ndarray, first: int, count: int) -> np.ndarray:
        blocks = range(first // _TOYS, -(-(first + count) // _TOYS))
        groups = [points[i : i + _POINTS] for i in range(0, len(points), _POINTS)]
        pieces = tuple((block, tuple(group.tolist())) for block in blocks for group in groups)
        chunks = [Chunk("belt", i, i, len(group)) for i, (_, group) in enumerate(pieces)]
        found = run_chunks(
            _measure, _Work(statistic, seed, words, pieces), chunks,
            executor=calibration.executor, progress=calibration.progress,
        )  # fmt: skip
        rows = [
            np.concatenate([f["t"] for f in found[b * len(groups) : (b + 1) * len(groups)]]) for b in range(len(blocks))
        ]
        skipped = first - blocks[0] * _TOYS
        return np.concatenate(rows, axis=1)[:, skipped : skipped + count]

    return draw


def _measure(work: _Work, chunk: Chunk) -> dict[str, np.ndarray]:
    """One chunk: a block of toys at some points."""
    block, points = work.pieces[chunk.index]
    key = chunk_key(work.seed, work.words, block)
    cells = work.statistic.cells
    uniform = np.asarray(uniforms(key, _TOYS * cells)).reshape(_TOYS, cells)
    return {"t": work.statistic.measure(np.array(points), uniform)}


def toy_map(
    draw: Draw,
    observed: Float[np.ndarray, "columns rows"],
    level: float,
    calibration: ByToys,
) -> ToyMap:
    """Critical values and p-values at all nodes of a plane.

    Five hundred toys are thrown everywhere, all others only where the p-value is within three standard deviations of
    1 - level, and at nodes next to the edge of the region, unless all are asked for everywhere.

    Args:
        draw: throws toys.
        observed: statistic of the data at each node.
        level: confidence level.
        calibration: toys at an undecided node, or everywhere.
    """
    everything, most = np.arange(observed.size), calibration.toys
    first = most if calibration.everywhere else min(FIRST, most)
    thrown = list(draw(everything, 0, first))
    if most > first:
        early = _mapped(thrown, observed.ravel(), level)
        undecided = np.flatnonzero(_undecided(early, observed, level))
        if undecided.size:
            for i, row in zip(undecided, draw(undecided, first, most - first), strict=True):
                thrown[i] = np.concatenate([thrown[i], row])
    return _mapped(thrown, observed.ravel(), level)


def _undecided(found: ToyMap, observed: np.ndarray, level: float) -> Bool[np.ndarray, " points"]:
    alpha = 1 - level
    sigma = np.sqrt(np.maximum(found.p_value * (1 - found.p_value), alpha * level) / np.maximum(found.toys, 1))
    near = np.abs(found.p_value - alpha) < _UNDECIDED * sigma
    inside = (observed.ravel() <= found.critical).reshape(observed.shape)
    edge = np.zeros(observed.shape, dtype=bool)
    for axis in (0, 1):
        change = np.diff(inside, axis=axis)
        pad = [(0, 0), (0, 0)]
        for side in (0, 1):
            pad[axis] = (side, 1 - side)
            edge |= np.pad(change, pad)
    return near | edge.ravel()


def _mapped(thrown: list[np.ndarray], observed: np.ndarray, level: float) -> ToyMap:
    rows = [_row(toys.astype(float), float(t), level) for toys, t in zip(thrown, observed, strict=True)]
    return ToyMap(*(np.array(column) for column in zip(*rows, strict=True)))


def _row(toys: np.ndarray, observed: float, level: float) -> tuple[float | int, ...]:
    sound = toys[~np.isnan(toys)]
    n, k = len(sound), int(np.sum(sound >= observed - 1e-7 * (1 + abs(observed))))
    critical, error = critical_value(sound, level)
    lower, upper = clopper_pearson(k, n)
    return critical, error, (1 + k) / (1 + n), lower, upper, n, len(toys) - n


def critical_value(toys: Float[np.ndarray, " toys"], level: float) -> tuple[float, float]:
    """Value up to which a statistic is accepted, with its Monte Carlo error.

    It is accepted if (1 + k)/(1 + n) > 1 - level, k the number of toys at least as large: up to the q-th largest toy,
    q the integer part of (1 - level)(n + 1). Infinite if there are too few toys for that.
    """
    n = len(toys)
    rank = int((1 - level) * (n + 1) + 1e-9)
    if rank < 1:
        return np.inf, np.inf
    spread = max(1, round(np.sqrt(n * level * (1 - level))))
    low, high = max(rank - spread, 1), min(rank + spread, n)
    places = n - np.array([rank, low, high])
    value, above, below = np.partition(toys, np.unique(places))[places]
    return float(value), float(0.5 * (above - below))


def normals(uniform: Float[np.ndarray, "toys cells"]) -> Float[np.ndarray, "toys cells"]:
    """Standard normal numbers at the given probabilities."""
    return np.asarray(jax.scipy.special.ndtri(uniform))
