"""Results of tests: p-values of hypotheses and goodness of fit, with the error of their toys."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from .numbers import fixed, number, percent, probability
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class HypothesisTest(AbstractResult):
    """p-value of a hypothesis.

    Args:
        statistic: name of the test statistic.
        observed: its value on the data.
        p_value: headline p-value; None if too many toys failed.
        p_interval: Clopper-Pearson interval of the toy p-value at 68 %.
        p_interval_95: the same at 95 %.
        p_low: p-value with failed toys counted as less extreme.
        p_high: p-value with failed toys counted as more extreme.
        z: significance, one-sided.
        n: number of toys, 0 for an asymptotic test.
        exceedances: toys at least as extreme as the data, ties included.
        ties: toys that tie with the data.
        failed: toys without a statistic.
        p_asymptotic: p-value of the asymptotic law, where there is one.
        z_asymptotic: significance of the asymptotic law.
    """

    statistic: str
    observed: float
    p_value: float | None
    p_interval: tuple[float, float] | None
    p_interval_95: tuple[float, float] | None
    p_low: float | None
    p_high: float | None
    z: float | None
    n: int
    exceedances: int
    ties: int
    failed: int
    p_asymptotic: float | None
    z_asymptotic: float | None

    def summary(self) -> Summary:
        """p-value by toys and by the asymptotic law, side by side."""
        headline = "no headline p-value" if self.p_value is None else f"p = {probability(self.p_value)}"
        rows = ()
        if self.p_asymptotic is not None:
            rows += (("asymptotic", probability(self.p_asymptotic), "-", number(self.z_asymptotic, 4)),)
        if self.n:
            value = None if self.p_value is None else self.p_value
            rows += (("toys", probability(value), range_text(self.p_interval), number(self.z, 4)),)
        sentences = (
            f"statistic {self.statistic} = {fixed(self.observed)} on the data",
            toy_sentence(self.n, self.exceedances, self.ties, self.failed),
            failure_sentence(self.failed, self.p_low, self.p_high),
            self.how,
        )
        columns = ("calibration", "p", f"{percent(0.68)} interval", "Z")
        return Summary(f"Hypothesis test: {headline}", sentences, columns, rows, tuple(self.flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class GoodnessOfFit(AbstractResult):
    """How well a model describes the data.

    Args:
        statistic: name of the statistic.
        observed: its value on the data.
        dof: degrees of freedom of the asymptotic law; None if there is none.
        p_asymptotic: p-value of the asymptotic law.
        p_toys: p-value of the toys.
        p_toys_interval: its Clopper-Pearson interval at 68 %.
        n: number of toys.
        exceedances: toys at least as extreme as the data, ties included.
        ties: toys that tie with the data.
        failed: toys without a statistic.
        refit: whether each toy was refitted.
        contributions: part of the model -> contribution of each of its cells.
        toys: statistic of each toy; NaN for a failed one.
    """

    statistic: str
    observed: float
    dof: int | None
    p_asymptotic: float | None
    p_toys: float | None
    p_toys_interval: tuple[float, float] | None
    n: int
    exceedances: int
    ties: int
    failed: int
    refit: bool
    contributions: dict[str, Float[np.ndarray, "..."]]
    toys: Float[np.ndarray, " n"]

    @property
    def p_value(self) -> float | None:
        """p-value of the toys if there are any, else of the asymptotic law."""
        return self.p_toys if self.p_toys is not None else self.p_asymptotic

    def summary(self) -> Summary:
        """Statistic, degrees of freedom, and both p-values."""
        rows = ()
        if self.p_asymptotic is not None:
            law = "asymptotic" if self.dof is None else f"asymptotic, {self.dof} dof"
            rows += ((law, probability(self.p_asymptotic), "-"),)
        if self.n:
            kind = "toys, refitted" if self.refit else "toys, not refitted"
            rows += ((kind, probability(self.p_toys), range_text(self.p_toys_interval)),)
        per_dof = "" if not self.dof else f", {fixed(self.observed / self.dof, 3)} per degree of freedom"
        sentences = (
            f"statistic {self.statistic} = {fixed(self.observed, 3)}{per_dof}",
            toy_sentence(self.n, self.exceedances, self.ties, self.failed),
            self._worst_part(),
            self.how,
        )
        title = "Goodness of fit: " + ("no p-value" if self.p_value is None else f"p = {probability(self.p_value)}")
        columns = ("calibration", "p", f"{percent(0.68)} interval")
        return Summary(title, sentences, columns, rows, tuple(self.flags.items()))

    def _worst_part(self) -> str:
        sums = {name: float(np.sum(cells)) for name, cells in self.contributions.items()}
        if len(sums) < 2:
            return ""
        return "contributions: " + ", ".join(f"{name} {fixed(total, 2)}" for name, total in sums.items())


def toy_sentence(n: int, exceedances: int, ties: int, failed: int) -> str:
    """Counts of a toy study in one line; empty without toys."""
    if not n:
        return ""
    return f"{n} toys: {exceedances} at least as extreme as the data, {ties} of them ties, {failed} failed"


def failure_sentence(failed: int, p_low: float | None, p_high: float | None) -> str:
    """The bounds that failed toys leave on a p-value; empty if none failed."""
    if not failed or p_low is None or p_high is None:
        return ""
    return (
        f"the failed toys leave p between {probability(p_low)} (all less extreme) "
        f"and {probability(p_high)} (all more extreme)"
    )


def range_text(ends: tuple[float, float] | None) -> str:
    """``[0.031, 0.037]``."""
    return "-" if ends is None else f"[{probability(ends[0])}, {probability(ends[1])}]"
