"""Results of importance sampling: weighted posterior draws, evidences, and what is built of evidences."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import UnknownName, near_names

from .numbers import fixed, number, percent, probability, with_error, with_unit
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Evidence(AbstractResult):
    """Probability of the data under one model, its parameters integrated over their prior.

    Args:
        model: what was integrated over, or held.
        log_evidence: ln Z.
        error: its standard error; 0 for a point hypothesis.
        reliable: whether the verdict of the integration is good.
        priors: name -> prior and bounds; ranges scale Z.
    """

    model: str
    log_evidence: float
    error: float
    reliable: bool
    priors: dict[str, str]

    def summary(self) -> Summary:
        """Evidence with its error, and the priors that it depends on."""
        text = evidence_text(self.log_evidence, self.error, self.reliable)
        rows = tuple(self.priors.items())
        return Summary(f"Evidence: {text}", (self.model, self.how), ("parameter", "prior"), rows, _flags(self))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class WeightedSamples(AbstractResult):
    """Draws from a proposal with weights that make them draws of the exact posterior.

    Args:
        names: parameters in order, the held ones included.
        units: unit per parameter, empty for none.
        fixed: which parameters were held.
        lower: lower bound per parameter.
        upper: upper bound per parameter.
        theta: draws, those from the prior last.
        log_weight: ln of likelihood x prior / proposal, -inf for draws outside the support.
        log_likelihood: logarithm of the likelihood.
        log_prior: logarithm of the prior, -inf outside the support.
        from_prior: number of draws that came from the prior.
        log_evidence: ln Z.
        error: its standard error.
        ess: number of equally weighted draws that are worth as much.
        pareto_k: shape of the tail of the weights; above 0.7 they cannot be trusted.
        reliable: whether ESS and tail allow quoting.
        verdict: the sentence on that.
        priors: name -> prior and bounds.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    fixed: Bool[np.ndarray, " parameters"]
    lower: Float[np.ndarray, " parameters"]
    upper: Float[np.ndarray, " parameters"]
    theta: Float[np.ndarray, "draws parameters"]
    log_weight: Float[np.ndarray, " draws"]
    log_likelihood: Float[np.ndarray, " draws"]
    log_prior: Float[np.ndarray, " draws"]
    from_prior: int
    log_evidence: float
    error: float
    ess: float
    pareto_k: float
    reliable: bool
    verdict: str
    priors: dict[str, str]

    def __len__(self) -> int:
        return len(self.log_weight)

    @property
    def weights(self) -> Float[np.ndarray, " draws"]:
        """Weights that add up to 1."""
        weights = np.exp(self.log_weight - np.max(self.log_weight))
        return weights / np.sum(weights)

    @property
    def evidence(self) -> Evidence:
        """The evidence by itself."""
        free = [n for n, held in zip(self.names, self.fixed, strict=True) if not held]
        return Evidence(
            model=f"integrated over {', '.join(free)}",
            log_evidence=self.log_evidence,
            error=self.error,
            reliable=self.reliable,
            priors=self.priors,
            flags=self.flags,
            how=self.how,
            provenance=self.provenance,
        )

    @property
    def mean_log_likelihood(self) -> float:
        """Posterior mean of ln L."""
        return float(self._average(self.log_likelihood))

    @property
    def information(self) -> float:
        """Information gained over the prior in nats, <ln L> - ln Z."""
        return self.mean_log_likelihood - self.log_evidence

    @property
    def dimension(self) -> float:
        """Number of directions that the data constrain, 2 Var(ln L) (arXiv:1903.06682)."""
        spread = np.where(self.weights > 0, self.log_likelihood - self.mean_log_likelihood, 0.0)
        return 2.0 * float(self._average(spread**2))

    def values(self, name: str) -> Float[np.ndarray, " draws"]:
        """Draws of one parameter, to be weighted.

        Raises:
            UnknownName: with the nearest names.
        """
        if name not in self.names:
            raise UnknownName(f"no draws of {name!r}; {near_names(name, self.names)}")
        return self.theta[:, self.names.index(name)]

    def mean(self, name: str) -> float:
        """Weighted mean of one parameter."""
        return float(self._average(self.values(name)))

    def std(self, name: str) -> float:
        """Weighted standard deviation of one parameter."""
        return math.sqrt(float(self._average((self.values(name) - self.mean(name)) ** 2)))

    def quantile(self, name: str, probability: float) -> float:
        """Weighted quantile of one parameter."""
        values = self.values(name)
        order = np.argsort(values)
        below = np.cumsum(self.weights[order])
        return float(values[order][min(int(np.searchsorted(below, probability * below[-1])), len(values) - 1)])

    def summary(self) -> Summary:
        """Verdict, evidence, and one row per parameter."""
        columns = ("parameter", "mean ± sd", "median", "prior")
        rows = tuple(self._row(i) for i in range(len(self.names)))
        count = len(self)
        sentences = (
            self.verdict,
            evidence_text(self.log_evidence, self.error, self.reliable),
            f"{count} draws, {self.from_prior} of them from the prior; effective {number(self.ess, 4)} "
            f"({percent(self.ess / count)}), Pareto k {number(self.pareto_k, 3)}",
            self.how,
        )
        title = f"Reweighted draws: {'ok' if self.reliable else 'low_ess'}"
        return Summary(title, sentences, columns, rows, _flags(self))

    def _row(self, i: int) -> tuple[str, ...]:
        name, unit = self.names[i], self.units[i]
        if self.fixed[i]:
            return (name, with_unit(number(float(self.theta[0, i])), unit), "", "fixed")
        text = with_unit(with_error(self.mean(name), self.std(name)), unit)
        return (name, text, number(self.quantile(name, 0.5), 4), self.priors.get(name, ""))

    def _average(self, values: Float[np.ndarray, " draws"]) -> float:
        weights = self.weights
        return float(np.sum(weights * np.where(weights > 0, values, 0.0)))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class BayesFactor(AbstractResult):
    """Evidence of one model against another's.

    Args:
        log_ratio: ln Z of the first minus ln Z of the second.
        error: its standard error, both evidences' included.
        first: the first evidence.
        second: the second evidence.
    """

    log_ratio: float
    error: float
    first: Evidence
    second: Evidence

    @property
    def ratio(self) -> float:
        """The Bayes factor itself."""
        return math.exp(min(self.log_ratio, 700.0))

    def summary(self) -> Summary:
        """Both evidences and their priors: wider prior ranges lower an evidence."""
        rows = tuple(
            (label, evidence_text(e.log_evidence, e.error, e.reliable), e.model, _ranges(e.priors))
            for label, e in (("first", self.first), ("second", self.second))
        )
        text = with_error(self.log_ratio, self.error)
        reliable = self.first.reliable and self.second.reliable
        title = f"Bayes factor: ln B = {text}" + ("" if reliable else " (unreliable)")
        return Summary(title, (self.how,), ("model", "evidence", "what", "priors"), rows, _flags(self))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Suspiciousness(AbstractResult):
    """How well data sets agree, with the dependence of the evidences on the prior ranges taken out.

    Args:
        log_ratio: ln R = ln Z of all - sum of ln Z of each.
        error: standard error of ln R.
        information: ln I, information of the parts minus that of all.
        log_suspiciousness: ln S = ln R - ln I; negative where the data sets disagree.
        dimension: number of directions that the parts constrain in common.
        p_value: P(chi2 > dimension - 2 ln S); small for tension.
        reliable: whether all evidences are.
    """

    log_ratio: float
    error: float
    information: float
    log_suspiciousness: float
    dimension: float
    p_value: float
    reliable: bool

    def summary(self) -> Summary:
        """The chain of numbers from the evidences to the p-value."""
        rows = (
            ("ln R", with_error(self.log_ratio, self.error)),
            ("ln I", fixed(self.information, 3)),
            ("ln S", fixed(self.log_suspiciousness, 3)),
            ("dimension", fixed(self.dimension, 2)),
            ("p-value", probability(self.p_value)),
        )
        title = f"Suspiciousness: p = {probability(self.p_value)}" + ("" if self.reliable else " (unreliable)")
        return Summary(title, (self.how,), ("quantity", "value"), rows, _flags(self))


def evidence_text(log_evidence: float, error: float, reliable: bool) -> str:
    """``ln Z = -12.30 ± 0.04``, with the word "unreliable" where it must not be quoted."""
    return f"ln Z = {with_error(log_evidence, error)}" + ("" if reliable else " (unreliable)")


def _ranges(priors: dict[str, str]) -> str:
    return "; ".join(f"{name}: {prior}" for name, prior in priors.items()) or "none"


def _flags(result: AbstractResult) -> tuple[tuple[str, str], ...]:
    return tuple(result.flags.items())
