"""Neyman construction for one Poisson count with known background: outcomes are enumerated, not sampled.

At a signal s an outcome n belongs to the belt if the outcomes that stand before it in the ordering have less
probability than the level. Orderings: the likelihood ratio P(n; s + b)/P(n; max(0, n - b) + b) of Feldman and Cousins,
the probability itself (shortest acceptance), both tails alike (central), or one tail only (limits).

References:
    G. J. Feldman and R. D. Cousins, Phys. Rev. D 57 (1998) 3873, section IV.
    E. L. Crow and R. S. Gardner, Biometrika 46 (1959) 441 (shortest acceptance).
"""

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import gammaln, pdtr, pdtrc, xlogy

from wilks._base.errors import InvalidData, InvalidOption, check_option

from .probabilities import check_level

ORDERINGS = ("feldman-cousins", "central", "upper", "lower", "shortest")

_TIE = 1e-10  # difference of logarithms of ratios that counts as none
_SCAN = 0.01  # step of a scan for ends, in units of the root of the observed count
_PRECISION = 1e-7  # of an end, relative to 1 + its value
_BACKGROUND_REACH = 3.0  # upper ends do not grow again beyond
_PLANE, _NARROWINGS = 301, 3  # nodes per axis and rounds of the search for the largest upper end

Signals = Float[np.ndarray, " signals"]
Pieces = tuple[tuple[float, float], ...]


def counting_acceptance(
    signals: Signals, background: float, level: float, ordering: str
) -> tuple[Float[np.ndarray, " signals"], Float[np.ndarray, " signals"]]:
    """Smallest and largest accepted count at each signal."""
    _check(0, background, level, ordering)
    counts = np.arange(_most(float(signals[-1]) + background) + 1.0)
    accepted = np.stack([_accepted(n, signals, background, level, ordering) for n in counts], axis=1)
    return counts[np.argmax(accepted, axis=1)], counts[len(counts) - 1 - np.argmax(accepted[:, ::-1], axis=1)]


def counting_pieces(
    n: float | int,
    background: float | int,
    *,
    level: float = 0.9,
    ordering: str = "feldman-cousins",
    monotone_in_background: bool = False,
) -> Pieces:
    """All signals whose belt holds an observed count, as closed intervals; in one piece if monotone in background.

    Args:
        n: observed count.
        background: its known expectation without signal.
        level: confidence level in (0, 1).
        ordering: one of `ORDERINGS`.
        monotone_in_background: raise the upper end to that of any larger background, as published tables do, so that
            it never grows when the background falls.

    Raises:
        InvalidData: for a count that is negative or not whole, or a negative background.

    >>> [[round(end, 4) for end in piece] for piece in counting_pieces(10, 3.0)]
    [[2.6326, 13.5005]]
    """
    n, background = _check(n, background, level, ordering)
    pieces = _pieces(n, background, level, ordering)
    if monotone_in_background and np.isfinite(pieces[-1][1]):
        return ((pieces[0][0], _highest(n, background, level, ordering, pieces[-1][1])),)
    return pieces


def _pieces(n: float, background: float, level: float, ordering: str) -> Pieces:
    reach = max(n - background, 0.0) + 12 * np.sqrt(n + 1.0) + 15.0
    grid = np.linspace(0.0, reach, int(reach / (_SCAN * np.sqrt(max(n, 1.0)))) + 2)
    inside = _accepted(n, grid, background, level, ordering)
    if not inside.any():
        return ((0.0, 0.0),)  # too few counts for any signal
    edges = np.flatnonzero(inside[1:] != inside[:-1])
    ends = _bisect(n, grid[edges], grid[edges + 1], inside[edges], background, level, ordering)
    starts = ([0.0] if inside[0] else []) + [e for e, rising in zip(ends, ~inside[edges], strict=True) if rising]
    stops = [e for e, falling in zip(ends, inside[edges], strict=True) if falling] + ([np.inf] if inside[-1] else [])
    return tuple((float(a), float(b)) for a, b in zip(starts, stops, strict=True))


def _bisect(
    n: float, low: np.ndarray, high: np.ndarray, low_inside: np.ndarray, background: float, level: float, ordering: str
) -> list[float]:
    while len(low) and np.max((high - low) / (1 + high)) > _PRECISION:
        middle = 0.5 * (low + high)
        same = _accepted(n, middle, background, level, ordering) == low_inside
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return (0.5 * (low + high)).tolist()


def _highest(n: float, background: float, level: float, ordering: str, top: float) -> float:
    """Largest signal that is accepted with any larger background, sought on a grid that narrows around the best.

    At some backgrounds a second, narrow piece of the interval lies above the first, so ends cannot be followed.
    """
    low, high = (top, background), (top + 1.0, background + _BACKGROUND_REACH)
    best = (top, background)
    for _ in range(_NARROWINGS):
        signals, backgrounds = (np.linspace(a, b, _PLANE) for a, b in zip(low, high, strict=True))
        s, b = (axis.ravel() for axis in np.meshgrid(signals, backgrounds, indexing="ij"))
        inside = np.flatnonzero(_accepted(n, s, b, level, ordering))
        if inside.size:
            best = max(best, (float(s[inside[-1]]), float(b[inside[-1]])))
        steps = (signals[1] - signals[0], backgrounds[1] - backgrounds[0])
        low = (best[0], max(background, best[1] - 3 * steps[1]))
        high = (best[0] + 2 * steps[0], best[1] + 3 * steps[1])
    return best[0]


def _accepted(
    n: float, signals: np.ndarray, background: float | np.ndarray, level: float, ordering: str
) -> Bool[np.ndarray, " signals"]:
    mean = signals + background
    if ordering in ("central", "upper", "lower"):
        share = 0.5 * (1 - level) if ordering == "central" else 1 - level
        below, above = pdtr(n, mean), np.ones_like(mean) if n == 0 else pdtrc(n - 1, mean)
        return ((ordering == "lower") | (below > share)) & ((ordering == "upper") | (above > share))
    counts = np.arange(max(_most(float(mean.max())), n) + 1.0)
    log_p = xlogy(counts, mean[:, None]) - mean[:, None] - gammaln(counts + 1)
    rank = log_p
    if ordering == "feldman-cousins":
        best = np.maximum(counts, np.broadcast_to(background, mean.shape)[:, None])
        rank = log_p - (xlogy(counts, best) - best - gammaln(counts + 1))
    before = rank > rank[:, int(n)][:, None] + _TIE
    return np.sum(np.exp(log_p), axis=1, where=before) < level


def _most(mean: float) -> int:
    """A count above which there is no probability worth a mention."""
    return int(mean + 10 * np.sqrt(mean) + 30)


def _check(n: float | int, background: float | int, level: float, ordering: str) -> tuple[float, float]:
    check_level(level)
    check_option("ordering", ordering, ORDERINGS)
    if not (n >= 0 and float(n).is_integer()):
        raise InvalidData(f"an observed count of {n}; expected a whole number, at least 0")
    if not (background >= 0 and np.isfinite(background)):
        raise InvalidOption(f"a background of {background}; expected a finite number, at least 0")
    return float(n), float(background)
