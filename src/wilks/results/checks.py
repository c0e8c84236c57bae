"""Results of checks of a posterior against data: replicas, misspecification, local tests, distance to exact answers."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from .numbers import number, probability
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class PredictiveCheck(AbstractResult):
    """Observed data against data replicated at posterior draws.

    Args:
        statistic: what was compared.
        blocks: blocks of the data, the last one ``total``.
        p_values: share of replicas whose statistic is at least that of the data, per block.
        observed: mean statistic of the data over the draws.
        replicated: mean statistic of the replicas.
        probabilities: of the bands.
        bands: array of the data -> quantiles of the replicas per bin.
        data: array of the data -> observed values.
        n: number of replicas.
        ok: whether the smallest p-value, corrected for the number of blocks, is above 1 %.
        verdict: the sentence on that.
    """

    statistic: str
    blocks: tuple[str, ...]
    p_values: Float[np.ndarray, " blocks"]
    observed: Float[np.ndarray, " blocks"]
    replicated: Float[np.ndarray, " blocks"]
    probabilities: Float[np.ndarray, " quantiles"]
    bands: dict[str, Float[np.ndarray, "quantiles _"]]
    data: dict[str, Float[np.ndarray, " _"]]
    n: int
    ok: bool
    verdict: str

    def summary(self) -> Summary:
        """One row per block."""
        rows = tuple(
            (block, number(float(own), 5), number(float(their), 5), probability(float(p)))
            for block, own, their, p in zip(self.blocks, self.observed, self.replicated, self.p_values, strict=True)
        )
        columns = ("block", "data", "replicas (mean)", "p-value")
        sentences = (self.verdict, f"statistic: {self.statistic}", self.how)
        title = f"Predictive check: {'ok' if self.ok else 'unlikely data'}"
        return Summary(title, sentences, columns, rows, tuple(self.flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Misspecification(AbstractResult):
    """Distance of observed data from prior-predictive simulations.

    Args:
        spaces: features that were compared: ``data``, and those of encoders.
        features: number of features in each.
        mmd: squared maximum mean discrepancy of the data.
        mahalanobis: Mahalanobis distance of the data.
        null: the discrepancy of held-out simulations.
        p_mmd: p-value of the discrepancy.
        p_mahalanobis: p-value of the Mahalanobis distance.
        ok: whether the smallest p-value, corrected for the number of tests, is above 1 %.
        verdict: the sentence on that.
        failed: simulations that raised or gave values that are not finite, besides those that were used.
        log_density: ln p of the data by a learned density of standardised features; None where none was asked for.
        p_density: p-value of it.
    """

    spaces: tuple[str, ...]
    features: tuple[int, ...]
    mmd: Float[np.ndarray, " spaces"]
    mahalanobis: Float[np.ndarray, " spaces"]
    null: Float[np.ndarray, "spaces held_out"]
    p_mmd: Float[np.ndarray, " spaces"]
    p_mahalanobis: Float[np.ndarray, " spaces"]
    ok: bool
    verdict: str
    failed: int = 0
    log_density: Float[np.ndarray, " spaces"] | None = None
    p_density: Float[np.ndarray, " spaces"] | None = None

    def summary(self) -> Summary:
        """One row per space of features."""
        rows = tuple(
            (
                space,
                str(self.features[i]),
                number(float(self.mmd[i]), 4),
                probability(float(self.p_mmd[i])),
                number(float(self.mahalanobis[i]), 4),
                probability(float(self.p_mahalanobis[i])),
                *self._density(i),
            )
            for i, space in enumerate(self.spaces)
        )
        more = () if self.log_density is None else ("ln density", "p")
        columns = ("features", "number", "discrepancy", "p", "Mahalanobis", "p", *more)
        title = f"Misspecification: {'ok' if self.ok else 'data unlike the simulations'}"
        return Summary(title, (self.verdict, self.how), columns, rows, tuple(self.flags.items()))

    def _density(self, i: int) -> tuple[str, ...]:
        if self.log_density is None or self.p_density is None:
            return ()
        return (number(float(self.log_density[i]), 4), probability(float(self.p_density[i])))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class LocalTest(AbstractResult):
    """Classifier two-sample test of a posterior at one set of data.

    Args:
        statistic: mean of (probability - 1/2)^2 over draws at the data.
        null: the same with permuted labels.
        p_value: (1 + number of null values at least as large)/(1 + permutations).
        probabilities: the classifier's probability of "drawn from the posterior" at each draw.
        ok: whether the p-value is above 1 %.
        verdict: the sentence on that.
        valid: truths with data that the classifier learned from.
        failed: simulations that raised or gave values that are not finite, besides those that were used.
    """

    statistic: float
    null: Float[np.ndarray, " permutations"]
    p_value: float
    probabilities: Float[np.ndarray, " draws"]
    ok: bool
    verdict: str
    valid: int = 0
    failed: int = 0

    def summary(self) -> Summary:
        """Statistic, its null and the p-value."""
        rows = (
            ("statistic", number(self.statistic, 4)),
            ("null, mean", number(float(np.mean(self.null)), 4)),
            ("null, 95 %", number(float(np.quantile(self.null, 0.95)), 4)),
            ("p-value", probability(self.p_value)),
        )
        title = f"Local two-sample test: {'ok' if self.ok else 'posterior wrong at these data'}"
        return Summary(title, (self.verdict, self.how), ("quantity", "value"), rows, tuple(self.flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class TotalVariation(AbstractResult):
    """Distance between draws and an exact posterior over equal cells of the prior.

    Args:
        names: parameters of the cells.
        distance: half the sum of |share of draws - exact mass|.
        floor: what perfect draws of this number would give on average.
        draws: share of draws per cell.
        exact: exact mass per cell.
        effective: number of independent draws.
    """

    names: tuple[str, ...]
    distance: float
    floor: float
    draws: Float[np.ndarray, "..."]
    exact: Float[np.ndarray, "..."]
    effective: float

    def summary(self) -> Summary:
        """Distance and floor."""
        cells = " x ".join(map(str, self.exact.shape))
        sentences = (
            f"{cells} cells of equal prior in {' and '.join(self.names)}; {number(self.effective, 5)} draws: a perfect "
            f"sample gives {number(self.floor, 3)}",
            self.how,
        )
        return Summary(f"Total variation {number(self.distance, 3)}", sentences, flags=tuple(self.flags.items()))
