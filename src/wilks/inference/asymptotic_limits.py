"""Limits by the asymptotic laws of one-sided likelihood ratios, with Asimov data for what is expected."""

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import ndtri

from wilks._base.errors import InvalidOption
from wilks.likelihood.interface import AbstractSimulator

from .asymptotics import expected_limits, log_confidences, log_expected_cls, log_expected_cls_sb
from .exclusion import STEPS, Curve, Found, Question, crossing, no_curve
from .intervals import walk_both_sides
from .lanes import stack_lanes
from .profiles import minimum_of
from .roots import Roots, falling_roots
from .signals import NULL, SignalProfile, without_signal

_PRECISION = 1e-7  # of the logarithm of a confidence at a limit


def one_sided(question: Question, profile: SignalProfile) -> Found:
    """Where 2 delta nll reaches Phi^-1(level)^2 on the wanted side."""
    problem = profile.problem
    single = problem._replace(data=stack_lanes(problem.data, 1))
    height = float(ndtri(question.level)) ** 2
    if question.level <= 0.5:
        raise InvalidOption(f"level {question.level} of a one-sided limit must exceed 0.5; the best value has 0.5")
    ends = walk_both_sides(single, minimum_of(problem, profile.best), (profile.i,), height)
    side = 1 if question.side == "upper" else 0
    flags = {}
    if ends.failed[0, 0, side]:
        flags["failed_end"] = "a profile fit failed before the threshold was reached; the limit is a bound on it"
    how = "where 2 delta nll of the profile reaches the squared normal quantile of the level (asymptotic, one-sided)"
    opened = bool(ends.open_[0, 0, side]) or bool(ends.failed[0, 0, side])
    value = float(ends.value[0, 0, side])
    return Found(value, opened, 0.0, np.zeros(0), np.zeros(0), no_curve(), None, 0, 0, flags, how)


class AsymptoticLimits:
    """Confidences in the values of a signal parameter, with everything evaluated kept for the curves.

    Args:
        question: which limit is asked for.
        profile: of the observed data.
        simulator: makes Asimov data.
    """

    def __init__(self, question: Question, profile: SignalProfile, simulator: AbstractSimulator) -> None:
        self._question, self._profile = question, profile
        self.null_theta = profile.theta_at(NULL)
        problem, self.flags = without_signal(simulator, profile.problem, self.null_theta)
        start = dict(zip(problem.space.names, self.null_theta, strict=True))
        self.asimov = SignalProfile(problem, question.name, question.statistic, start)
        self._points: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def evaluate(self, mu: Float[np.ndarray, " points"]) -> tuple[np.ndarray, np.ndarray]:
        """The statistic on the data and on Asimov data."""
        q, q_asimov = self._profile.q(mu), self.asimov.q(mu)
        self._points.append((mu, q, q_asimov))
        return q, q_asimov

    def roots(self) -> Roots:
        """The observed limit, and behind it the expected ones if they are asked for."""
        question, best = self._question, self._profile.best_value
        alpha = np.log1p(-question.level)
        lanes = 1 + (len(STEPS) if question.expected else 0)
        steps = np.concatenate([[0.0], STEPS])[:lanes]

        def above(lane: np.ndarray, mu: np.ndarray) -> np.ndarray:
            q, q_asimov = self.evaluate(mu)
            found = log_confidences(q, q_asimov, question.statistic)
            law = log_expected_cls if question.by_ratio else log_expected_cls_sb
            seen = found.cls if question.by_ratio else found.cls_sb
            return np.where(lane == 0, seen, law(q_asimov, steps[lane])) - alpha

        guess = self._guess(lanes)
        lower = np.zeros(lanes)
        at_lower = np.full(lanes, -alpha)
        if not question.by_ratio:
            lower[0] = max(best, NULL)
            at_lower = log_expected_cls_sb(np.zeros(lanes), steps) - alpha
        upper = self._profile.problem.space[question.name].upper
        return falling_roots(above, guess, lower, at_lower, upper, _PRECISION)

    def least_power(self) -> float:
        """Smallest value that is excluded with the least power without signal: sqrt(q_A) = z(level) + z(power)."""
        question = self._question
        step = float(ndtri(question.min_power))
        alpha = np.log1p(-question.level)

        def above(lane: np.ndarray, mu: np.ndarray) -> np.ndarray:
            return log_expected_cls_sb(self.evaluate(mu)[1], np.full(len(mu), step)) - alpha

        start = log_expected_cls_sb(np.zeros(1), np.array([step])) - alpha
        upper = self._profile.problem.space[question.name].upper
        return float(falling_roots(above, self._guess(1), np.zeros(1), start, upper, _PRECISION).value[0])

    def curve(self) -> Curve:
        """Confidences at every value that was evaluated."""
        mu, q, q_asimov = (np.concatenate(parts) for parts in zip(*self._points, strict=True))
        mu, first = np.unique(mu, return_index=True)
        found = log_confidences(q[first], q_asimov[first], self._question.statistic)
        rows = np.zeros((0, len(mu)))
        if self._question.expected:
            law = log_expected_cls if self._question.by_ratio else log_expected_cls_sb
            rows = np.exp(
                law(np.broadcast_to(q_asimov[first], (len(STEPS), len(mu))), np.repeat(STEPS[:, None], len(mu), 1))
            )
        return Curve.exact(mu, np.exp(found.cls_sb), np.exp(found.cls_b), np.exp(found.cls), rows)

    def _guess(self, lanes: int) -> np.ndarray:
        """First points, from one standard deviation on Asimov data."""
        width = self._profile.sigma if np.isfinite(self._profile.sigma) else 1.0
        probe = max(self._profile.best_value, NULL) + 2.0 * width
        probe = min(probe, self._profile.problem.space[self._question.name].upper)
        root = float(np.sqrt(self.evaluate(np.array([probe]))[1][0]))
        sigma = probe / root if np.isfinite(root) and root > 0 else width
        level = self._question.level
        band = expected_limits(sigma, level) if self._question.by_ratio else sigma * (ndtri(level) + STEPS)
        first = max(self._profile.best_value, NULL) + float(abs(ndtri(level))) * sigma
        return np.maximum(np.concatenate([[first], band])[:lanes], 1e-3 * sigma)


def asymptotic_limit(question: Question, profile: SignalProfile, simulator: AbstractSimulator, grid: Any) -> Found:
    """The limit with its expected band by the asymptotic laws."""
    laws = AsymptoticLimits(question, profile, simulator)
    flags = dict(laws.flags)
    least = None
    if grid is None:
        roots = laws.roots()
        values, opened = roots.value, roots.open_
        least = laws.least_power() if question.method == "power-constrained" else None
        curve = laws.curve()
    else:
        laws.evaluate(np.unique(np.asarray(grid, dtype=float)))
        curve = laws.curve()
        deciding = curve.cls if question.by_ratio else curve.cls_sb
        values = np.array([crossing(curve.mu, row, question.level) for row in (deciding, *curve.expected_cls)])
        opened = ~np.isfinite(values)
        if question.method == "power-constrained":
            least = laws.least_power()
    if least is not None:
        values = np.maximum(values, least)
    if opened[1:].any():
        flags["open_expected"] = "some expected limits lie beyond the parameter's upper bound"
    how = _how(question) + (", from a grid by linear interpolation" if grid is not None else "")
    expected = np.where(opened[1:], np.inf, values[1:])
    observed = float(values[0])
    return Found(observed, bool(opened[0]), 0.0, expected, np.zeros(len(expected)), curve, least, 0, 0, flags, how)


def _how(question: Question) -> str:
    what = "CLs" if question.by_ratio else "CLs+b"
    return (
        f"{what} = {1 - question.level:.4g} by the asymptotic law of {question.statistic}; expected values from Asimov "
        "data without signal, nuisances at their best values there"
    )
