"""Confidences estimated by toys, and where a curve through them crosses its threshold."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from .tails import ToyTail, insist, tail_of

_LOCAL = 3  # nodes to each side of a crossing through which the curve is drawn
_EXTENSIONS = 8  # how often the nodes are moved outwards in search of a crossing
_CLOSE = 0.05  # relative distance of a node from the crossing that needs no other
_HALVINGS = 50  # of the bracket of a root
_LEAST = 1e-12  # a confidence below counts as zero in a probit

Points = Float[np.ndarray, " points"]
Toys = Float[np.ndarray, " toys"]


class Confidences(NamedTuple):
    """CLs+b, CLb and CLs of one tested value by toys, with their Monte Carlo errors."""

    sb: ToyTail
    b: ToyTail
    cls_sb: float
    cls_b: float
    cls: float
    cls_sb_error: float
    cls_b_error: float
    cls_error: float


def confidences(with_signal: Toys, without_signal: Toys, observed: float) -> Confidences:
    """Tails of both ensembles beyond the observed statistic; the error of CLs propagates two binomials.

    Raises:
        TooManyFailures: if more than 1 % of the toys of an ensemble failed.
    """
    tails = tail_of(with_signal, observed), tail_of(without_signal, observed)
    for tail, what in zip(tails, ("toys with signal", "toys without signal"), strict=True):
        insist(tail, what)
    p_sb, p_b = (float(tail.p_value or np.nan) for tail in tails)  # never 0: the data count as one more toy
    e_sb, e_b = (float(np.sqrt(p * (1 - p) / max(t.n, 1))) for p, t in zip((p_sb, p_b), tails, strict=True))
    ratio = min(p_sb / p_b, 1.0)
    error = ratio * float(np.hypot(e_sb / p_sb, e_b / p_b))
    return Confidences(tails[0], tails[1], p_sb, p_b, ratio, e_sb, e_b, error)


class Located(NamedTuple):
    """Where a falling confidence crosses its threshold: infinite if it does not within reach."""

    value: float
    error: float
    nodes: Points


def locate(evaluate: Callable[[Points], tuple[Points, Points]], nodes: Points, level: float, upper: float) -> Located:
    """Crossing of a confidence that toys estimate, with nodes moved and added until they hold it.

    Args:
        evaluate: confidence and its Monte Carlo error at ascending nodes; toys that it knows are not thrown again.
        nodes: first nodes, ascending and positive.
        level: the confidence falls to 1 - level.
        upper: no node lies beyond.
    """
    for _ in range(_EXTENSIONS):
        confidence, error = evaluate(nodes)
        if confidence[-1] > 1 - level and nodes[-1] < upper:
            nodes = np.append(nodes, min(1.4 * nodes[-1], upper))
        elif confidence[0] <= 1 - level and nodes[0] > 0:
            nodes = np.insert(nodes, 0, 0.6 * nodes[0])
        else:
            break
    confidence, error = evaluate(nodes)
    value = probit_crossing(nodes, confidence, error, level)
    if np.isfinite(value) and np.min(np.abs(nodes / value - 1)) > _CLOSE:
        nodes = np.unique(np.append(nodes, value))
        confidence, error = evaluate(nodes)
        value = probit_crossing(nodes, confidence, error, level)
    return Located(value, error_of_crossing(nodes, confidence, error, value), nodes)


def error_of_crossing(mu: Points, confidence: Points, error: Points, value: float) -> float:
    """Error of the confidence at its crossing over its slope; nodes err together, so it does not average out."""
    slope = slope_at(mu, confidence, value) if np.isfinite(value) else 0.0
    return float(np.interp(value, mu, error) / slope) if slope > 0 else 0.0


def probit_crossing(
    mu: Float[np.ndarray, " points"],
    confidence: Float[np.ndarray, " points"],
    error: Float[np.ndarray, " points"],
    level: float,
) -> float:
    """Where a confidence known at nodes falls to 1 - level: root of a parabola through its probits, weighted by error.

    Falls back on the straight line between the two nodes around the crossing if the parabola does not cross there.
    """
    above = np.flatnonzero(confidence > 1 - level)
    if not above.size:
        return float(mu[0])
    last = int(above[-1])
    if last == len(mu) - 1:
        return float("inf")
    probit = ndtri(np.clip(confidence, _LEAST, 1 - _LEAST))
    target = float(ndtri(1 - level))
    straight = mu[last] + (probit[last] - target) / (probit[last] - probit[last + 1]) * (mu[last + 1] - mu[last])
    near = np.arange(max(last - _LOCAL + 1, 0), min(last + _LOCAL + 1, len(mu)))
    near = near[(confidence[near] > 0.1 * (1 - level)) & (confidence[near] < 1 - 0.1 * level)]
    if len(near) < 4:
        return float(straight)
    width = error[near] / (np.exp(-0.5 * probit[near] ** 2) / np.sqrt(2 * np.pi))
    parabola = np.polynomial.Polynomial.fit(mu[near], probit[near] - target, 2, w=1 / np.maximum(width, 1e-6))
    low, high = float(mu[last]), float(mu[last + 1])
    if not parabola(low) > 0 >= parabola(high):
        return float(straight)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if parabola(middle) > 0 else (low, middle)
    return 0.5 * (low + high)


def slope_at(mu: np.ndarray, confidence: np.ndarray, value: float) -> float:
    """How steeply the confidence falls at a value."""
    after = int(np.clip(np.searchsorted(mu, value), 1, len(mu) - 1))
    low, high = max(after - 2, 0), min(after + 1, len(mu) - 1)
    return float((confidence[low] - confidence[high]) / (mu[high] - mu[low]))


def log_crossing(mu: np.ndarray, confidence: np.ndarray, level: float) -> float:
    """Crossing by linear interpolation of the logarithm, which is 0 without signal."""
    points, logs = np.concatenate([[0.0], mu]), np.concatenate([[0.0], np.log(confidence)])
    above = int(np.flatnonzero(logs > np.log1p(-level))[-1])
    if above == len(mu):
        return np.inf
    share = (logs[above] - np.log1p(-level)) / (logs[above] - logs[above + 1])
    return float(points[above] + share * (points[above + 1] - points[above]))


def sound(t: Toys) -> Toys:
    """The statistics of toys that have not failed."""
    return t[~np.isnan(t)]


def tail_share(ordered: np.ndarray, values: np.ndarray) -> np.ndarray:
    """(1 + number of toys at least as extreme)/(1 + n), ties counted, for many observed values; NaN for NaN."""
    tied = values - 1e-7 * (1 + np.abs(values))
    count = len(ordered) - np.searchsorted(ordered, tied, side="left")
    return np.where(np.isnan(values), np.nan, (1 + count) / (1 + len(ordered)))
