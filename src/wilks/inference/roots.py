"""Roots of falling functions, many at once: each step evaluates all unfinished lanes in one batch."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

_STEPS = 60
_WIDEN = 2.0
_WIDTH = 1e-12  # relative width of a bracket below which nothing is left to find

FallingFunctions = Callable[[Int[np.ndarray, " lanes"], Float[np.ndarray, " lanes"]], Float[np.ndarray, " lanes"]]
"""From the numbers of some lanes and a point for each to their values there."""


class Roots(NamedTuple):
    """Where the functions vanish; a lane that is open reached its upper bound before."""

    value: Float[np.ndarray, " lanes"]
    open_: Bool[np.ndarray, " lanes"]


def falling_roots(
    function: FallingFunctions,
    guess: Float[np.ndarray, " lanes"],
    lower: Float[np.ndarray, " lanes"],
    at_lower: Float[np.ndarray, " lanes"],
    upper: float | Float[np.ndarray, " lanes"],
    precision: float,
) -> Roots:
    """Root of each function between ``lower``, where its value ``at_lower`` is positive, and ``upper``.

    Args:
        function: values of some lanes at a point each; NaN counts as positive, so that the search goes on.
        guess: first point of each lane.
        lower: lower end of each lane.
        at_lower: value there; a lane in which it is not positive has its root there.
        upper: upper end of each lane, or of all; may be infinite.
        precision: absolute value of the function at which a lane is done.
    """
    upper = np.broadcast_to(np.asarray(upper, dtype=float), lower.shape)
    low, f_low = lower.astype(float).copy(), at_lower.astype(float).copy()
    high, f_high = np.full(len(low), np.inf), np.full(len(low), -np.inf)
    x = np.clip(guess, low, upper)
    x = np.where(x > low, x, np.minimum(low + 1.0, upper))
    root, open_ = low.copy(), np.zeros(len(low), dtype=bool)
    done = ~(f_low > 0)
    side = np.zeros(len(low), dtype=int)
    for _ in range(_STEPS):
        todo = np.flatnonzero(~done)
        if not todo.size:
            break
        f = function(todo, x[todo])
        above = ~(f <= 0)
        root[todo] = x[todo]
        narrow = high[todo] - low[todo] <= _WIDTH * np.abs(x[todo])
        stuck = above & (x[todo] >= upper[todo])
        open_[todo] = stuck
        done[todo] = (np.abs(f) <= precision) | narrow | stuck
        _shrink(low, f_low, high, f_high, side, todo, x[todo], np.where(np.isnan(f), np.inf, f), above)
        x[todo] = _next(low[todo], f_low[todo], high[todo], f_high[todo], lower[todo], upper[todo])
    open_ |= ~done
    return Roots(root, open_)


def _shrink(low, f_low, high, f_high, side, lanes, x, f, above) -> None:
    """Move one end of each bracket to its new point; an end that stays twice loses half its weight (Illinois)."""
    up, down = lanes[above], lanes[~above]
    f_high[up] = np.where(side[up] == 1, 0.5 * f_high[up], f_high[up])
    f_low[down] = np.where(side[down] == -1, 0.5 * f_low[down], f_low[down])
    low[up], f_low[up], side[up] = x[above], f[above], 1
    high[down], f_high[down], side[down] = x[~above], f[~above], -1


def _next(low, f_low, high, f_high, start, upper) -> np.ndarray:
    bracketed = np.isfinite(high)
    known = bracketed & np.isfinite(f_low) & np.isfinite(f_high)
    share = np.where(known, f_low / np.where(known, f_low - f_high, 1.0), 0.5)
    inside = low + np.clip(share, 0.01, 0.99) * np.where(bracketed, high - low, 0.0)
    wider = np.minimum(start + _WIDEN * np.maximum(low - start, 1e-12), upper)
    return np.where(bracketed, inside, wider)
