"""Results of calibration: ranks of the truth, and coverage of credible regions over the prior."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int

from .numbers import percent, probability
from .result import AbstractResult
from .text import Summary

_SHOWN = (0.5, 0.6827, 0.9, 0.9545)


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class RankCalibration(AbstractResult):
    """Ranks of true values among posterior draws; uniform on 0..draws for exact posteriors.

    Args:
        names: free parameters.
        ranks: rank of each truth, -1 in all columns of a set that failed.
        draws: number of draws that each truth is ranked among.
        failed: sets without a rank.
        p_chi2: p-value of the histogram of ranks, per parameter.
        p_ecdf: p-value of the empirical distribution, per parameter.
        band_lower: lower edge of the simultaneous 95 % band of P(rank <= r), r = 0..draws.
        band_upper: upper edge.
        ok: whether the ranks are uniform at 1 %, corrected for the number of tests.
        verdict: the sentence on that.
    """

    names: tuple[str, ...]
    ranks: Int[np.ndarray, "n parameters"]
    draws: int
    failed: int
    p_chi2: Float[np.ndarray, " parameters"]
    p_ecdf: Float[np.ndarray, " parameters"]
    band_lower: Float[np.ndarray, " ranks"]
    band_upper: Float[np.ndarray, " ranks"]
    ok: bool
    verdict: str

    def __len__(self) -> int:
        return len(self.ranks)

    @property
    def finished(self) -> Int[np.ndarray, "finished parameters"]:
        """Ranks of the sets that did not fail."""
        return self.ranks[(self.ranks >= 0).all(axis=1)]

    def distribution(self, name: str) -> Float[np.ndarray, " ranks"]:
        """Empirical P(rank <= r) of one parameter for r = 0..draws."""
        ranks = self.finished[:, self.names.index(name)]
        return np.cumsum(np.bincount(ranks, minlength=self.draws + 1)) / len(ranks)

    def summary(self) -> Summary:
        """Verdict, and mean rank and p-values per parameter."""
        columns = ("parameter", "mean rank / draws", "p (histogram)", "p (distribution)")
        means = self.finished.mean(axis=0) / self.draws
        rows = tuple(
            (name, f"{mean:.3f}", probability(float(chi2)), probability(float(ecdf)))
            for name, mean, chi2, ecdf in zip(self.names, means, self.p_chi2, self.p_ecdf, strict=True)
        )
        sentences = (self.verdict, f"{len(self)} sets of data, {self.failed} failed", self.how)
        title = f"Ranks: {'calibrated' if self.ok else 'not calibrated'}"
        return Summary(title, sentences, columns, rows, tuple(self.flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CoverageCheck(AbstractResult):
    """How often regions of each credibility hold the truth, over truths from the prior.

    Args:
        kind: regions: ``highest density``, or balls around ``random points``.
        credibility: fixed grid from 0 to 1.
        coverage: share of truths inside, for each credibility.
        shares: credibility of the smallest region that holds each truth; uniform for exact posteriors.
        band: half width of the simultaneous 95 % band around the diagonal.
        gap: largest departure of ``shares`` from uniform.
        p_value: of that departure.
        draws: posterior draws per set of data.
        ok: whether the departure lies within the band.
        verdict: the sentence on that.
        failed: truths without data, as their simulation raised or gave values that are not finite; besides those in
            ``shares``.
    """

    kind: str
    credibility: Float[np.ndarray, " grid"]
    coverage: Float[np.ndarray, " grid"]
    shares: Float[np.ndarray, " n"]
    band: float
    gap: float
    p_value: float
    draws: int
    ok: bool
    verdict: str
    failed: int = 0

    def __len__(self) -> int:
        return len(self.shares)

    def at(self, credibility: float) -> float:
        """Coverage of the region of one credibility."""
        return float(np.mean(self.shares <= credibility))

    def summary(self) -> Summary:
        """Verdict, and the coverage of usual credibilities."""
        n = len(self)
        rows = tuple((percent(a), f"{percent(self.at(a))} ± {percent((a * (1 - a) / n) ** 0.5)}") for a in _SHOWN)
        sets = (f"{n + self.failed} sets of data, {self.failed} failed",) if self.failed else ()
        sentences = (self.verdict, f"p-value {probability(self.p_value)}", *sets, self.how)
        title = f"Coverage ({self.kind}): {'calibrated' if self.ok else 'not calibrated'}"
        return Summary(title, sentences, ("credibility", "coverage"), rows, tuple(self.flags.items()))
