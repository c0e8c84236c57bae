"""Signals on their plane, whitened and free of nuisances: what can be tested, and what can be a best fit."""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import InvalidOption
from wilks.likelihood.signals import ROUGH, AbstractSignal, GridSignal, LinearSignal

_SAG = 0.02  # largest distance of a chord from its curve, in standard deviations of the measured values
_MOST_CHORDS = 128  # per shape, on average
_BATCH = 64

Rows = Float[np.ndarray, "points cells"]
Tilts = Float[np.ndarray, "points nuisances cells"]


class Points(NamedTuple):
    """Points of the plane with their whitened means.

    Args:
        amplitudes: of each point.
        shapes: of each point.
        means: whitened; nuisances that act alike everywhere are projected out.
        tilts: orthonormal directions of nuisances that act differently at each point; None if there are none.
    """

    amplitudes: Float[np.ndarray, " points"]
    shapes: Float[np.ndarray, " points"]
    means: Rows
    tilts: Tilts | None

    def some(self, which: np.ndarray) -> "Points":
        """Some of the points, by their numbers or a mask."""
        tilts = None if self.tilts is None else self.tilts[which]
        return Points(self.amplitudes[which], self.shapes[which], self.means[which], tilts)


class Candidates(NamedTuple):
    """All that can be the best fit: points, or chords of curves of constant shape.

    Args:
        points: the points, or where the chords start.
        ends: amplitudes at which the chords end; None for points.
        steps: whitened way along each chord; None for points.
    """

    points: Points
    ends: Float[np.ndarray, " points"] | None
    steps: Rows | None


class Lowest(NamedTuple):
    """The best fit of many data: its chi-square and its place."""

    chi2: Float[np.ndarray, " sets"]
    amplitude: Float[np.ndarray, " sets"]
    shape: Float[np.ndarray, " sets"]


class SignalPlane:
    """A signal on its plane: data in whitened coordinates without nuisances, and the points to compare them with.

    Args:
        signal: linear and rational ones have continuous amplitudes, tabulated ones those of their nodes.
        more: shapes besides those of the grid, by interpolation.
    """

    def __init__(self, signal: AbstractSignal, more: Float[np.ndarray, " some"] | None = None) -> None:
        self.signal = signal
        self.shapes = np.union1d(signal.grid.shapes, () if more is None else more)
        shared = signal.shared_tilts
        cells = sum(signal.whitening.sizes)
        self._basis = np.zeros((0, cells)) if shared is None else orthonormal(shared[None])[0]
        self._origin = np.zeros(cells)
        lowest = signal.means.amplitudes.nodes[0] if isinstance(signal, GridSignal) else signal.space.lowers[0]
        self._origin = self._means(np.array([float(lowest)]), self.shapes[:1])[0]
        self.flags = dict(signal.flags)

    def vectors(self, *data: Any) -> Float[np.ndarray, "sets cells"]:
        """Whitened values of sets of data, nuisances at their reference and projected out."""
        return self._projected(np.stack([np.asarray(self.signal.whitening.vector(d)) for d in data]) - self._origin)

    def at(self, amplitudes: Float[np.ndarray, " points"], shapes: Float[np.ndarray, " points"]) -> Points:
        """Any points of the plane; the signal's own nodes exactly, others by its interpolation."""
        means = self._means(amplitudes, shapes)
        tilts = None
        if self.signal.shared_tilts is None:
            tilts = orthonormal(np.asarray(_tilts(self.signal, amplitudes, shapes)))
        return Points(amplitudes, shapes, means, tilts)

    def chi2(self, points: Points, x: Float[np.ndarray, "sets cells"]) -> Float[np.ndarray, "sets points"]:
        """Chi-square of data at points, nuisances at their best values."""
        return np.stack([_chi2(points, row) for row in x])

    def log_volumes(self, points: Points) -> Float[np.ndarray, " points"]:
        """Logarithm of the integral of exp(-chi2/2) over the nuisances, above that of its largest value."""
        tilts = self.signal.shared_tilts
        if tilts is None:
            raw = np.asarray(_tilts(self.signal, points.amplitudes, points.shapes))
        else:
            raw = np.broadcast_to(tilts, (len(points.means), *tilts.shape))
        metric = np.einsum("prc,pqc->prq", raw, raw)
        return 0.5 * raw.shape[1] * np.log(2 * np.pi) - 0.5 * np.linalg.slogdet(metric)[1]

    def null(self) -> Points:
        """The point without signal, or of the smallest amplitude where none is allowed."""
        return self.at(self.signal.space.lowers[:1].copy(), self.signal.grid.shapes[:1])

    def nodes(self) -> Points:
        """All nodes of the signal's grid, amplitudes varying slowest."""
        return self.at(*_pairs(self.signal.grid.amplitudes, self.signal.grid.shapes))

    def lowest(self, x: Float[np.ndarray, "sets cells"], shapes: Float[np.ndarray, " some"] | None = None) -> Lowest:
        """The best fit among the candidates, or among those of some shapes."""
        candidates = self.candidates if shapes is None else of_shapes(self.candidates, shapes)
        found = [_lowest(candidates, row) for row in x]
        return Lowest(*(np.array(column) for column in zip(*found, strict=True)))

    @functools.cached_property
    def candidates(self) -> Candidates:
        """Where the best fit is searched: all points of a table, or chords of the curves of constant shape."""
        if isinstance(self.signal, GridSignal):
            amplitudes, shapes = _pairs(np.asarray(self.signal.means.amplitudes.nodes), self.shapes)
            if amplitudes[0] == 0:  # all shapes meet without signal
                amplitudes, shapes = amplitudes[len(self.shapes) - 1 :], shapes[len(self.shapes) - 1 :]
            return Candidates(self.at(amplitudes, shapes), None, None)
        lower, upper = self.signal.space.lowers[0], self.signal.space.uppers[0]
        first, shapes = _pairs(np.array([lower]), self.shapes)
        last = np.full(len(first), upper)
        if not isinstance(self.signal, LinearSignal):
            first, last, shapes = self._split(first, last, shapes)
        start, end = self.at(first, shapes), self._means(last, shapes)
        return Candidates(start, last, end - start.means)

    def _split(self, first: np.ndarray, last: np.ndarray, shapes: np.ndarray) -> tuple[np.ndarray, ...]:
        """Chords halved until each lies close to its curve, the worst first while there may be more."""
        sag = self._sags(first, last, shapes)
        while (worst := self._to_halve(sag)).size:
            middle = 0.5 * (first[worst] + last[worst])
            first, last = np.append(first, middle), np.append(last, last[worst])
            shapes, last[worst] = np.append(shapes, shapes[worst]), middle
            new = np.concatenate([worst, np.arange(len(sag), len(first))])
            sag = np.append(sag, np.zeros(len(worst)))
            sag[new] = self._sags(first[new], last[new], shapes[new])
        if sag.max() > 2 * _SAG:
            self.flags["coarse_chords"] = (
                f"curves of constant shape are followed by straight pieces up to {sag.max():.2g} sigma away from them"
            )
        order = np.lexsort((first, shapes))
        return first[order], last[order], shapes[order]

    def _to_halve(self, sag: np.ndarray) -> Int[np.ndarray, " some"]:
        """The chords farthest from their curves, within a factor of halving one, as many as there may be."""
        chosen = np.flatnonzero(sag > max(_SAG, 0.25 * sag.max()))
        room = max(_MOST_CHORDS * len(self.shapes) - len(sag), 0)
        return chosen[np.argsort(-sag[chosen], kind="stable")][:room]

    def _sags(self, first: np.ndarray, last: np.ndarray, shapes: np.ndarray) -> Float[np.ndarray, " chords"]:
        """Distances of the middles of chords from their curves, in standard deviations."""
        bend = self._means(0.5 * (first + last), shapes) - 0.5 * (
            self._means(first, shapes) + self._means(last, shapes)
        )
        return np.sqrt(np.sum(bend**2, axis=1))

    def _means(self, amplitudes: np.ndarray, shapes: np.ndarray) -> Rows:
        return self._projected(np.asarray(_mains(self.signal, amplitudes, shapes)) - self._origin)

    def _projected(self, rows: np.ndarray) -> np.ndarray:
        return rows - (rows @ self._basis.T) @ self._basis


def plane_of(
    signal: AbstractSignal, names: tuple[str, str], axes: tuple[np.ndarray, np.ndarray] | None = None
) -> SignalPlane:
    """The plane of a signal, asked for by its names, to be tested at some nodes.

    Raises:
        InvalidOption: for other names than those of the signal's grid, or nodes at which it is not known.
    """
    if tuple(names) != signal.grid.names:
        raise InvalidOption(f"this signal is tabulated in {', '.join(signal.grid.names)}, not in {', '.join(names)}")
    if axes is None:
        return SignalPlane(signal)
    for name, axis, p in zip(names, axes, signal.space.parameters, strict=False):
        if axis[0] < p.lower or axis[-1] > p.upper:
            raise InvalidOption(
                f"nodes of {name!r} run from {axis[0]:g} to {axis[-1]:g}, but the signal is tabulated from {p.lower:g} "
                f"to {p.upper:g}"
            )
    near = np.argmin(np.abs(signal.grid.shapes[None] - axes[1][:, None]), axis=1)
    between = ~np.isclose(signal.grid.shapes[near], axes[1], rtol=1e-9)
    plane = SignalPlane(signal, axes[1][between])
    error = signal.roughness * axes[0][-1] / signal.grid.amplitudes[-1]
    if between.any() and error > ROUGH:
        plane.flags["coarse_between_shapes"] = (
            f"{int(between.sum())} values of {names[1]} lie between the tabulated ones, where the prediction is known "
            f"to {error:.2g} sigma only; test the tabulated ones or tabulate more"
        )
    return plane


def of_shapes(candidates: Candidates, shapes: Float[np.ndarray, " some"]) -> Candidates:
    """The candidates of some shapes, and the one without signal."""
    points = candidates.points
    which = np.isin(points.shapes, shapes) | (points.amplitudes == 0 if candidates.ends is None else False)
    return Candidates(
        points.some(which),
        None if candidates.ends is None else candidates.ends[which],
        None if candidates.steps is None else candidates.steps[which],
    )


def orthonormal(tilts: Tilts) -> Tilts:
    """Orthonormal rows that span the same directions at each point."""
    return np.swapaxes(np.linalg.qr(np.swapaxes(tilts, 1, 2))[0], 1, 2)


def _pairs(amplitudes: np.ndarray, shapes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.repeat(amplitudes, len(shapes)), np.tile(shapes, len(amplitudes))


def _chi2(points: Points, x: np.ndarray) -> Float[np.ndarray, " points"]:
    pull = x - points.means
    chi2 = np.einsum("pc,pc->p", pull, pull)
    if points.tilts is None:
        return chi2
    return chi2 - np.sum(np.einsum("prc,pc->pr", points.tilts, pull) ** 2, axis=1)


def _lowest(candidates: Candidates, x: np.ndarray) -> tuple[float, float, float]:
    points = candidates.points
    chi2, amplitudes = _chi2(points, x), points.amplitudes
    if candidates.steps is not None and candidates.ends is not None:
        slope = np.einsum("pc,pc->p", candidates.steps, x - points.means)
        length = np.einsum("pc,pc->p", candidates.steps, candidates.steps)
        share = np.clip(np.divide(slope, length, out=np.zeros_like(slope), where=length > 0), 0.0, 1.0)
        chi2 = chi2 - share * (2 * slope - share * length)
        amplitudes = amplitudes + share * (candidates.ends - amplitudes)
    best = int(np.argmin(chi2))
    return float(chi2[best]), float(amplitudes[best]), float(points.shapes[best])


@eqx.filter_jit
def _mains(signal, amplitudes, shapes):
    return jax.lax.map(lambda p: signal.main(p[0], p[1]), (amplitudes, shapes), batch_size=_BATCH)


@eqx.filter_jit
def _tilts(signal, amplitudes, shapes):
    return jax.lax.map(lambda p: signal.tilts(p[0], p[1]), (amplitudes, shapes), batch_size=_BATCH)
