"""Damped Newton steps for many starts at once, on the smooth form of the chi-square."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from .objective import Judged
from .simplex import Bounds

_STEPS = 60
_FIRST_DAMPING, _SMALLEST, _LARGEST = 1e-2, 1e-12, 1e8
_EASED, _RAISED = 0.2, 4.0
_STANDSTILL = 1e-10  # decrease of chi-square in one step that counts as none, relative above 1
_FLAT = 1e-6  # the same for the decrease that the slope promises

Points = Float[np.ndarray, "lanes parameters"]


class Descended(NamedTuple):
    """Ends of descents.

    Args:
        theta: where they ended.
        judged: chi-square there.
        settled: whether nothing was left to gain.
    """

    theta: Points
    judged: Judged
    settled: Bool[np.ndarray, " lanes"]


def descend(
    judge: Callable[[Points], Judged],
    start: Points,
    free: Bool[np.ndarray, " parameters"],
    bounds: Bounds,
    *,
    steps: int = _STEPS,
) -> Descended:
    """Descend from every start until its chi-square stands still, within bounds.

    Args:
        judge: chi-square of a batch of points, with slopes.
        start: one row per lane.
        free: which parameters move.
        bounds: of the parameters.
        steps: most steps of a lane.

    References:
        D. W. Marquardt, J. Soc. Indust. Appl. Math. 11 (1963) 431, on damping in the scale of each parameter.
    """
    theta = np.where(free, bounds.clip(start), start)
    judged = Judged(*(np.array(part) for part in judge(theta)))
    damping = np.full(len(theta), _FIRST_DAMPING)
    settled = np.zeros(len(theta), dtype=bool)
    open_ = np.flatnonzero(np.isfinite(judged.smooth))
    for _ in range(steps):
        if not open_.size:
            break
        here = Judged(*(part[open_] for part in judged))
        step = _newton_step(here, theta[open_], damping[open_], free, bounds)
        tried = np.where(free, bounds.clip(theta[open_] - step), theta[open_])
        found = judge(tried)
        gain = here.smooth - found.smooth
        better = gain > 0
        damping[open_] = np.clip(damping[open_] * np.where(better, _EASED, _RAISED), _SMALLEST, None)
        _replace(open_[better], theta, judged, tried[better], Judged(*(part[better] for part in found)))
        still = better & (gain <= _STANDSTILL * np.maximum(1.0, found.smooth))
        stuck, flat = damping[open_] > _LARGEST, _is_flat(here, free)
        settled[open_[(still | stuck) & flat]] = True
        open_ = open_[~stuck & ~(still & flat)]
    return Descended(theta, judged, settled)


def _newton_step(
    here: Judged,
    theta: Points,
    damping: Float[np.ndarray, " lanes"],
    free: Bool[np.ndarray, " parameters"],
    bounds: Bounds,
) -> Points:
    """Step against the slope; parameters that are held, pressed against a bound or without effect stay."""
    diagonal = np.einsum("lpp->lp", here.weight)
    idle = ~free | ~(diagonal > 0)
    idle |= ((theta <= bounds.lower) & (here.gradient > 0)) | ((theta >= bounds.upper) & (here.gradient < 0))
    scale = np.sqrt(np.where(idle, 1.0, diagonal))
    moving = ~idle[:, :, None] & ~idle[:, None, :]
    unit = np.where(moving, here.weight / (scale[:, :, None] * scale[:, None, :]), 0.0)
    unit += (damping[:, None, None] + idle[:, :, None]) * np.eye(theta.shape[1])
    step = np.linalg.solve(unit, (np.where(idle, 0.0, here.gradient) / scale)[..., None])[..., 0]
    return step / scale


def _is_flat(here: Judged, free: Bool[np.ndarray, " parameters"]) -> Bool[np.ndarray, " lanes"]:
    """Whether no single parameter could lower the chi-square by more than rounding."""
    diagonal = np.einsum("lpp->lp", here.weight)
    gain = np.where(free & (diagonal > 0), here.gradient**2 / np.where(diagonal > 0, diagonal, 1.0), 0.0)
    return gain.sum(axis=1) < _FLAT


def _replace(lanes: Int[np.ndarray, " chosen"], theta: Points, judged: Judged, new: np.ndarray, found: Judged) -> None:
    theta[lanes] = new
    for old, fresh in zip(judged, found, strict=True):
        np.asarray(old)[lanes] = fresh
