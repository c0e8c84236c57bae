"""Scaling of data before a network sees them, in double precision: counts, heavy tails, constant features."""

from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from wilks._base.errors import InvalidData, check_option

from .blocks import Layout

SCALES = ("auto", "counts", "standard", "robust", "none")

_HEAVY = 20.0  # median absolute deviations beyond which a feature counts as heavy-tailed
_CONSTANT = 1e-12  # relative spread below which a feature counts as constant
_OUTSIDE = 1.5  # training ranges beyond which observed data are flagged
_COUNT_ROWS = 2000  # rows by which counts are told from measurements


class BlockScaling(eqx.Module):
    """Scaling of one block: square roots of counts or asinh of heavy tails, then mean 0 and standard deviation 1.

    Args:
        counts: whether 2 sqrt(n + 3/8) comes first (F. J. Anscombe, Biometrika 35 (1948) 246).
        bent: features taken through asinh((x - median)/MAD).
        middle: medians.
        width: median absolute deviations.
        mean: means after that.
        spread: standard deviations after that.
        low: smallest scaled value of each feature in training.
        high: largest.
        kept: which features of a flat block are not constant.
    """

    counts: bool = eqx.field(static=True)
    bent: Bool[Array, "*features"]
    middle: Float[Array, "*features"]
    width: Float[Array, "*features"]
    mean: Float[Array, "*features"]
    spread: Float[Array, "*features"]
    low: Float[Array, "*features"]
    high: Float[Array, "*features"]
    kept: Int[Array, " kept"]

    def __call__(self, block: Any) -> Array:
        """Scaled numbers of ONE set of data, in single precision; constant features of a flat block are left out."""
        x = jnp.asarray(block).astype(float)
        if self.counts:
            x = anscombe(x)
        x = jnp.where(self.bent, jnp.arcsinh((x - self.middle) / self.width), x)
        x = (x - self.mean) / self.spread
        return (x[self.kept] if x.ndim == 1 else x).astype(jnp.float32)

    def beyond(self, block: Any) -> bool:
        """Whether a set of data lies far outside of what training has seen."""
        x = np.asarray(self(block))
        low, high = (np.asarray(a if a.ndim != 1 else a[self.kept]) for a in (self.low, self.high))
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        return bool(np.any(np.abs(x - middle) > _OUTSIDE * half + 1e-6))


def anscombe(x: Array) -> Array:
    """2 sqrt(n + 3/8), of nearly constant variance for Poisson counts."""
    return 2.0 * jnp.sqrt(jnp.maximum(x, 0.0) + 0.375)


def fit_scaling(data: Mapping[str, np.ndarray], scale: str = "auto") -> dict[str, BlockScaling]:
    """Scalings of all blocks, from the training rows.

    Args:
        data: arrays by block with a leading axis of rows, all finite.
        scale: ``"auto"``, ``"counts"``, ``"standard"``, ``"robust"`` (asinh everywhere) or ``"none"``.

    Raises:
        InvalidData: if no feature varies.
    """
    check_option("scale", scale, SCALES)
    found = {name: _fit(name, np.asarray(rows), scale) for name, rows in data.items()}
    if not any(_varies(scaling) for scaling in found.values()):
        raise InvalidData("all simulated data are constant: they say nothing on the parameters")
    return found


def constant_features(scalings: Mapping[str, BlockScaling], layout: Layout) -> list[str]:
    """Names of the features that were left out, e.g. ``near[3]``."""
    return [
        f"{name}[{i}]"
        for name, scaling in scalings.items()
        if len(layout[name]) == 1
        for i in sorted(set(range(layout[name][0])) - set(np.asarray(scaling.kept).tolist()))
    ]


def _varies(scaling: BlockScaling) -> bool:
    return scaling.mean.ndim != 1 or len(scaling.kept) > 0


def _fit(name: str, rows: np.ndarray, scale: str) -> BlockScaling:
    if name.endswith(".mask") or rows.dtype == bool:
        return _unscaled(rows)
    x = rows.astype(float)
    counts = scale == "counts" or (scale == "auto" and _are_counts(x))
    if counts:
        x = np.asarray(anscombe(jnp.asarray(x)))
    middle = np.median(x, axis=0)
    width = np.median(np.abs(x - middle), axis=0)
    heavy = np.abs(x - middle).max(axis=0) > _HEAVY * width
    bent = (width > 0) & (heavy | (scale == "robust")) & (not counts) & (scale not in ("none", "standard"))
    width = np.where(width > 0, width, 1.0)
    x = np.where(bent, np.arcsinh((x - middle) / width), x)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    varies = spread > _CONSTANT * np.maximum(np.abs(mean), 1e-300)
    if scale == "none":
        mean, spread, varies = np.zeros_like(mean), np.ones_like(spread), np.ones_like(varies)
    spread = np.where(varies, spread, 1.0)
    scaled = (x - mean) / spread
    kept = np.flatnonzero(varies) if varies.ndim == 1 else np.zeros(0, dtype=int)
    return BlockScaling(
        counts=bool(counts),
        bent=jnp.asarray(bent),
        middle=jnp.asarray(middle),
        width=jnp.asarray(width),
        mean=jnp.asarray(mean),
        spread=jnp.asarray(spread),
        low=jnp.asarray(scaled.min(axis=0)),
        high=jnp.asarray(scaled.max(axis=0)),
        kept=jnp.asarray(kept),
    )


def _unscaled(rows: np.ndarray) -> BlockScaling:
    shape = rows.shape[1:]
    zero, one = jnp.zeros(shape), jnp.ones(shape)
    kept = jnp.arange(shape[0]) if len(shape) == 1 else jnp.zeros(0, dtype=int)
    return BlockScaling(False, jnp.zeros(shape, dtype=bool), zero, one, zero, one, zero, one, kept)


def _are_counts(x: np.ndarray) -> bool:
    """Whole numbers that are not negative and reach above one."""
    some = x[:_COUNT_ROWS]
    return bool(np.all(some >= 0) and np.all(some == np.rint(some)) and some.max(initial=0.0) > 1.0)
