"""Limits by toys: confidences at nodes that share their random numbers, and the crossing of a curve through them."""

from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from wilks.likelihood.interface import AbstractSimulator

from .asymptotic_limits import asymptotic_limit
from .calibration import ByToys
from .ensembles import Ensembles
from .exclusion import STEPS, Curve, Found, Question, crossing
from .signals import NULL, SignalProfile
from .statistics import Exclusion
from .toy_curves import Confidences, confidences, error_of_crossing, locate, log_crossing, sound, tail_share

_AROUND = np.array([0.7, 0.85, 1.0, 1.15, 1.35])  # nodes around the observed limit, in units of the asymptotic one
_BAND = np.geomspace(0.5, 1.5, 2)  # how far nodes reach beyond the asymptotic band
_BAND_NODES = 9


def toy_limit(
    question: Question, profile: SignalProfile, simulator: AbstractSimulator, calibration: ByToys, grid: Any
) -> Found:
    """The limit with its expected band by toys; more of them until the tolerances of the calibration are met."""
    study = _ToyLimit(question, profile, simulator, calibration)
    if grid is not None:
        return study.on_grid(np.unique(np.asarray(grid, dtype=float)))
    first = asymptotic_limit(question, profile, simulator, None)
    return study.search(_first_nodes(question, profile, first), first.flags)


class _ToyLimit:
    """Nodes of one limit, thrown as needed."""

    def __init__(
        self, question: Question, profile: SignalProfile, simulator: AbstractSimulator, calibration: ByToys
    ) -> None:
        self._question, self._profile, self._calibration = question, profile, calibration
        self._toys = Ensembles(
            profile.problem,
            simulator,
            profile.theta_at,
            lambda value: Exclusion(question.name, value, question.statistic),
            calibration,
        )
        self._rounds = 1
        self._observed: dict[float, float] = {}

    def on_grid(self, mu: Float[np.ndarray, " points"]) -> Found:
        """The limit by linear interpolation of the confidence on a grid."""
        deciding, error = self._deciding(mu)
        value = crossing(mu, deciding, self._question.level)
        return self._report(mu, value, error_of_crossing(mu, deciding, error, value), {}, ", on a grid")

    def search(self, nodes: Float[np.ndarray, " points"], flags: dict[str, str]) -> Found:
        """The limit from nodes that are moved and added until they hold the crossing."""
        upper = self._profile.problem.space[self._question.name].upper
        while True:
            value, error, nodes = locate(self._deciding, nodes, self._question.level, upper)
            more = 2 * self._rounds
            if not np.isfinite(value) or self._calibration.enough(value, error):
                break
            if more * self._calibration.toys > self._calibration.most:
                flags = {
                    **flags,
                    "tolerance_missed": f"the Monte Carlo error {error:.2g} of the limit misses the tolerance",
                }
                break
            self._rounds = more
        return self._report(nodes, value, error, flags, "")

    def _throw(self, mu: np.ndarray) -> None:
        """Toys with signal at each node, and toys without signal measured at all of them."""
        nodes = [float(v) for v in mu]
        wanted = [(v, (v,)) for v in nodes if v != NULL]
        self._toys.throw([*wanted, (NULL, tuple(nodes))], self._rounds)
        fresh = [v for v in nodes if v not in self._observed]
        if fresh:
            self._observed.update(zip(fresh, self._profile.q(np.array(fresh)).tolist(), strict=True))

    def _node(self, mu: float) -> Confidences:
        return confidences(self._toys.of(mu, mu), self._toys.of(NULL, mu), self._observed[mu])

    def _deciding(self, mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The confidence that decides and its error at every node."""
        self._throw(mu)
        nodes = [self._node(float(v)) for v in mu]
        if self._question.by_ratio:
            return np.array([n.cls for n in nodes]), np.array([n.cls_error for n in nodes])
        return np.array([n.cls_sb for n in nodes]), np.array([n.cls_sb_error for n in nodes])

    def _report(self, mu: np.ndarray, value: float, error: float, flags: dict[str, str], where: str) -> Found:
        question = self._question
        nodes = [self._node(float(v)) for v in mu]
        band, band_errors, rows = self._band(mu) if question.expected else (np.zeros(0), np.zeros(0), None)
        least = None
        if question.method == "power-constrained":
            least = self._least_power(mu)
            value, band = max(value, least), np.maximum(band, least)
        opened = not np.isfinite(value)
        flags = {**flags, **self._empty_tails(mu, nodes, value)}
        columns = {f: np.array([getattr(n, f) for n in nodes]) for f in Confidences._fields[2:]}
        curve = Curve(mu=mu, **columns, expected_cls=np.zeros((0, len(mu))) if rows is None else rows)
        failed = sum(n.sb.failed for n in nodes) + nodes[0].b.failed
        total = self._rounds * self._calibration.toys
        observed = self._known_bound(mu, nodes) if opened else value
        how = _how(question, total) + where
        return Found(observed, opened, error, band, band_errors, curve, least, total, failed, flags, how)

    def _known_bound(self, mu: np.ndarray, nodes: list[Confidences]) -> float:
        """Largest node that the toys surely do not exclude; 0 if they cannot tell of any."""
        alpha = 1 - self._question.level
        sure = [
            m
            for m, n in zip(mu.tolist(), nodes, strict=True)
            if n.sb.interval_95[0] / (n.b.interval_95[1] if self._question.by_ratio else 1.0) > alpha
        ]
        return max(sure, default=NULL)

    def _empty_tails(self, mu: np.ndarray, nodes: list[Confidences], value: float) -> dict[str, str]:
        near = nodes if not np.isfinite(value) else [nodes[int(np.argmin(np.abs(mu - value)))]]
        empty = [
            word
            for word, tails in (("with signal", [n.sb for n in near]), ("without signal", [n.b for n in near]))
            if any(t.exceedances == 0 for t in tails)
        ]
        if not empty:
            return {}
        return {
            "empty_tail": f"no toy {' and no toy '.join(empty)} is as extreme as the data; the limit is a one-sided "
            "bound, throw more toys or use the asymptotic law"
        }

    def _toy_confidences(self, mu: np.ndarray) -> np.ndarray:
        """The deciding confidence of every toy without signal, as if it were the data, at every node."""
        columns = []
        for value in mu.tolist():
            sb, b = np.sort(sound(self._toys.of(value, value))), self._toys.of(NULL, value)
            p_sb = tail_share(sb, b)
            ratio = p_sb / tail_share(np.sort(sound(b)), b) if self._question.by_ratio else p_sb
            columns.append(np.minimum(ratio, 1.0))
        found = np.stack(columns, axis=1)
        return found[~np.isnan(found).any(axis=1)]

    def _band(self, mu: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Quantiles of the limits of toys without signal with their errors, and of their confidences at the nodes."""
        confidences = self._toy_confidences(mu)
        limits = np.sort([log_crossing(mu, row, self._question.level) for row in confidences])
        share = ndtr(STEPS)
        n = len(limits)
        spread = np.sqrt(share * (1 - share) / n)
        low, middle, high = (
            limits[np.clip((at * n).astype(int), 0, n - 1)] for at in (share - spread, share, share + spread)
        )
        with np.errstate(invalid="ignore"):
            errors = np.where(np.isfinite(high) & np.isfinite(low), 0.5 * (high - low), 0.0)
        return middle, errors, np.quantile(confidences, share, axis=0)

    def _least_power(self, mu: np.ndarray) -> float:
        """Smallest value excluded with the least power by toys without signal."""
        power = (self._toy_confidences(mu) <= 1 - self._question.level).mean(axis=0)
        enough = np.flatnonzero(power >= self._question.min_power)
        if not enough.size:
            return float(mu[-1])
        first = int(enough[0])
        if first == 0:
            return float(mu[0])
        low, high = power[first - 1], power[first]
        share = (self._question.min_power - low) / (high - low)
        return float(mu[first - 1] + share * (mu[first] - mu[first - 1]))


def _first_nodes(question: Question, profile: SignalProfile, first: Found) -> np.ndarray:
    """Nodes around the asymptotic limit, and through its band where that is asked for."""
    upper = profile.problem.space[question.name].upper
    centre = first.observed if np.isfinite(first.observed) and first.observed > 0 else profile.sigma
    nodes = [centre * _AROUND]
    finite = first.expected[np.isfinite(first.expected) & (first.expected > 0)]
    if finite.size:
        nodes.append(np.geomspace(_BAND[0] * finite.min(), _BAND[1] * finite.max(), _BAND_NODES))
    if first.least_power:
        nodes.append(first.least_power * _AROUND)
    return np.unique(np.clip(np.concatenate(nodes), None, upper))


def _how(question: Question, toys: int) -> str:
    what = "CLs" if question.by_ratio else "CLs+b"
    return (
        f"{what} = {1 - question.level:.4g} by {toys} toys of {question.statistic} at each tested value and as many "
        "without signal, nuisances at their best values there, auxiliary data fluctuated, each toy refitted, ties "
        "counted"
    )
