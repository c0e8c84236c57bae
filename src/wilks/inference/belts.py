"""Likelihood ratios of toys at many points of a plane, each toy compared with all candidates of the best fit.

A toy at a tested point t is x = mu_t + z with the same unit noise z at all points. Its statistic is
T = chi2_t - min(chi2_t, min over candidates of chi2) >= 0. Per point and toy that is a few additions and a maximum per
candidate, done in numpy on blocks that stay in the cache and in single precision: noise and distances are measured from
the tested point, so that T is right to 1e-4.
"""

import numpy as np
from jaxtyping import Float, Float32

from .signal_planes import Candidates, Points

_BLOCK = 32  # toys at a time
_WIDE_BLOCK = 16_384  # numbers per block where there are few candidates
_WORTH_POINTS, _WORTH_CHORDS = 0.25, 0.7  # share of candidates up to which it pays to gather the near ones
_REACH = 12.0  # sigma: a candidate farther from the truth wins with a chance below 1e-8

Noise = Float[np.ndarray, "toys cells"]
Ratios = Float32[np.ndarray, "points toys"]


def toy_ratios(candidates: Candidates, tested: Points, noise: Noise) -> Ratios:
    """T of every toy at every tested point.

    Args:
        candidates: among which each toy finds its best fit; the tested point itself is always one.
        tested: truths of the toys; with tilts, their means hold the nuisances at which toys are thrown.
        noise: independent standard normal numbers, shared by all points.
    """
    if candidates.points.tilts is not None:
        return _tilted_ratios(candidates.points, tested, noise)
    if candidates.steps is not None:
        return _chord_ratios(candidates, tested, noise)
    return _node_ratios(candidates.points, tested, noise)


def _node_ratios(points: Points, tested: Points, noise: Noise) -> Ratios:
    """Candidates are points: T = 2 max(0, max_k [z.(mu_k - mu_t) - |mu_k - mu_t|^2/2])."""
    offsets = -0.5 * _distances(tested.means, points.means)
    heights = (noise @ points.means.T).astype(np.float32)
    own = noise @ tested.means.T
    ratios = np.empty((len(tested.means), len(noise)), dtype=np.float32)
    for t, offset in enumerate(offsets):
        keep, (heights_t,) = _near(offset, _WORTH_POINTS, heights)
        row = offset[keep].astype(np.float32)
        for block in _blocks(len(noise), len(row)):
            ratios[t, block] = np.add(heights_t[block], row).max(axis=1)
    return _doubled(ratios, own)


def _chord_ratios(candidates: Candidates, tested: Points, noise: Noise) -> Ratios:
    """Candidates are chords a + tau d, tau in [0, 1].

    With q the point of the chord next to mu_t and w = (z + mu_t - q).d/|d|, the gain over mu_t is
    z.(q - mu_t) - |q - mu_t|^2/2 + v (w - v/2), v = w cut at the ends of the chord.
    """
    assert candidates.steps is not None
    starts, length = candidates.points.means, np.sqrt(np.sum(candidates.steps**2, axis=1))
    unit = np.divide(candidates.steps, length[:, None], out=np.zeros_like(starts), where=length[:, None] > 0)
    along, heights = (noise @ unit.T).astype(np.float32), (noise @ starts.T).astype(np.float32)
    own = noise @ tested.means.T
    ways = tested.means @ unit.T - np.einsum("kc,kc->k", unit, starts)
    squares = _distances(tested.means, starts)
    ratios = np.empty((len(tested.means), len(noise)), dtype=np.float32)
    for t, way in enumerate(ways):
        nearest = np.clip(way, 0.0, length)
        offset = -0.5 * np.maximum(squares[t] - nearest * (2 * way - nearest), 0.0)
        keep, (along_t, heights_t) = _near(offset, _WORTH_CHORDS, along, heights)
        rows = (nearest, offset, way - nearest, -nearest, length - nearest)
        shift, row, push, low, high = (r[keep].astype(np.float32) for r in rows)
        for block in _blocks(len(noise), len(row)):
            n = along_t[block]
            w = n + push
            v = np.minimum(np.maximum(w, low), high)
            gain = n * shift
            gain += heights_t[block]
            gain += row
            w -= np.float32(0.5) * v
            w *= v
            gain += w
            ratios[t, block] = gain.max(axis=1)
    return _doubled(ratios, own)


def _tilted_ratios(points: Points, tested: Points, noise: Noise) -> Ratios:
    """Candidates are points with nuisances of their own, spanned by the orthonormal rows Q_k.

    T = max_k [2 z.(mu_k - M_t) - |M_t - mu_k|^2 + |Q_k (z + M_t - mu_k)|^2] - |Q_t z|^2 with M_t the mean of the toys.
    """
    assert points.tilts is not None
    assert tested.tilts is not None
    swung = np.einsum("krc,ic->rik", points.tilts, noise)
    heights = (2 * noise @ points.means.T + np.sum(swung**2, axis=0)).astype(np.float32)
    swung = swung.astype(np.float32)
    own_swing = np.einsum("trc,ic->tri", tested.tilts, noise)
    own = noise @ tested.means.T + 0.5 * np.sum(own_swing**2, axis=1).T
    ratios = np.empty((len(tested.means), len(noise)), dtype=np.float32)
    for t, mean in enumerate(tested.means):
        gap = mean - points.means
        swing = np.einsum("krc,kc->rk", points.tilts, gap)
        offset = np.sum(swing**2, axis=0) - np.einsum("kc,kc->k", gap, gap)
        row, twice = offset.astype(np.float32), (2 * swing).astype(np.float32)
        for block in _blocks(len(noise), len(row)):
            gain = heights[block] + row
            for one, factor in zip(swung, twice, strict=True):
                gain += one[block] * factor
            ratios[t, block] = gain.max(axis=1)
    return _doubled(0.5 * ratios, own)


def _doubled(gains: np.ndarray, own: Float[np.ndarray, "toys points"]) -> Ratios:
    return np.maximum(2 * (gains - own.T), 0.0).astype(np.float32)


def _distances(one: np.ndarray, other: np.ndarray) -> Float[np.ndarray, "points candidates"]:
    """Squared distances of all pairs."""
    squares = np.sum(one**2, axis=1)[:, None] + np.sum(other**2, axis=1)[None]
    return np.maximum(squares - 2 * one @ other.T, 0.0)


def _near(offset: np.ndarray, worth: float, *tables: np.ndarray) -> tuple[np.ndarray | slice, list[np.ndarray]]:
    """The candidates within reach of a tested point, gathered where they are few enough to be worth it."""
    near = np.flatnonzero(offset > -0.5 * _REACH**2)
    if len(near) > worth * len(offset) or not len(near):
        return slice(None), list(tables)
    return near, [table.take(near, axis=1) for table in tables]


def _blocks(toys: int, candidates: int) -> list[slice]:
    size = max(_BLOCK, _WIDE_BLOCK // candidates)
    return [slice(first, first + size) for first in range(0, toys, size)]
