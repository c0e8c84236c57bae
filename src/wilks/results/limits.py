"""Results that exclude: confidence in a signal strength (CLs and its parts), and limits with their expected band."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float

from .numbers import number, percent, probability, with_error, with_unit
from .result import AbstractResult
from .text import Summary

SIGMAS = (-2, -1, 0, 1, 2)
"""Numbers of standard deviations at which expected values are quoted."""


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class SignalTest(AbstractResult):
    """How well data agree with one value of a signal parameter, beside their agreement with no signal.

    Args:
        name: parameter.
        value: tested value.
        statistic: ``q`` or ``qtilde``.
        observed: the statistic on the data.
        asimov: the statistic on data equal to the expectation without signal.
        cls_b: CLb, the probability without signal of a statistic at least as large.
        cls_sb: CLs+b, the same at the tested value.
        cls: CLs = CLs+b / CLb.
        cls_b_error: Monte Carlo error, 0 for an asymptotic value.
        cls_sb_error: the same.
        cls_error: the same.
        expected: CLs expected without signal, at -2, -1, 0, 1 and 2 standard deviations; empty if not asked.
        best: best value of the parameter.
        n: toys per hypothesis, 0 for an asymptotic test.
        failed: toys without a statistic.
    """

    name: str
    value: float
    statistic: str
    observed: float
    asimov: float | None
    cls_b: float
    cls_sb: float
    cls: float
    cls_b_error: float
    cls_sb_error: float
    cls_error: float
    expected: Float[np.ndarray, " band"]
    best: float
    n: int
    failed: int

    @property
    def p_value(self) -> float:
        """CLs+b, the p-value of the tested value."""
        return self.cls_sb

    def summary(self) -> Summary:
        """The three confidences, and the expected CLs."""
        rows = tuple(
            (name, _with_error(value, error))
            for name, value, error in (
                ("CLs+b", self.cls_sb, self.cls_sb_error),
                ("CLb", self.cls_b, self.cls_b_error),
                ("CLs", self.cls, self.cls_error),
            )
        )
        rows += tuple((f"CLs expected, {_sigma(s)}", probability(float(v))) for s, v in _band(self.expected))
        sentences = (
            f"statistic {self.statistic} = {number(self.observed)} on the data, best value {number(self.best)}",
            f"{self.n} toys per hypothesis, {self.failed} failed" if self.n else "",
            self.how,
        )
        title = f"{self.name} = {number(self.value)}: CLs = {probability(self.cls)}"
        return Summary(title, sentences, ("confidence", "value"), rows, tuple(self.flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Limit(AbstractResult):
    """A one-sided limit of one parameter.

    Args:
        name: parameter.
        unit: its unit, empty for none.
        level: confidence level, in (0, 1).
        side: ``upper`` or ``lower``.
        method: ``cls``, ``profile`` or ``power-constrained``.
        statistic: ``q`` or ``qtilde``.
        observed: the limit; where ``open_``, the value that it is known to lie beyond (infinite if there is none).
        open_: True if the limit was not reached: a bound came before, or the toys cannot tell.
        observed_error: Monte Carlo error of the limit, 0 without toys.
        expected: limits expected without signal, at -2, -1, 0, 1 and 2 standard deviations; empty if not asked.
        expected_errors: their Monte Carlo errors.
        mu: values of the parameter at which the curves are known, in ascending order.
        cls_sb: CLs+b at each of them.
        cls_b: CLb.
        cls: CLs.
        cls_sb_error: Monte Carlo error of CLs+b.
        cls_b_error: of CLb.
        cls_error: of CLs.
        expected_cls: expected CLs, one row per standard deviation; without rows if not asked.
        best: best value of the parameter.
        least_power: smallest value at which the power suffices (power-constrained limits), else None.
        n: toys per hypothesis, 0 for an asymptotic limit.
        failed: toys without a statistic, over all hypotheses.
    """

    name: str
    unit: str
    level: float
    side: str
    method: str
    statistic: str
    observed: float
    open_: bool
    observed_error: float
    expected: Float[np.ndarray, " band"]
    expected_errors: Float[np.ndarray, " band"]
    mu: Float[np.ndarray, " points"]
    cls_sb: Float[np.ndarray, " points"]
    cls_b: Float[np.ndarray, " points"]
    cls: Float[np.ndarray, " points"]
    cls_sb_error: Float[np.ndarray, " points"]
    cls_b_error: Float[np.ndarray, " points"]
    cls_error: Float[np.ndarray, " points"]
    expected_cls: Float[np.ndarray, "rows points"]
    best: float
    least_power: float | None
    n: int
    failed: int

    @property
    def median(self) -> float | None:
        """The limit expected without signal; None if not asked."""
        return float(self.expected[len(self.expected) // 2]) if len(self.expected) else None

    def summary(self) -> Summary:
        """The limit, its error, and what was expected without signal."""
        sign = "<" if self.side == "upper" else ">"
        shown = with_error(self.observed, self.observed_error) if self.observed_error else number(self.observed)
        title = f"{self.name} {sign} {with_unit(shown, self.unit)} at {percent(self.level)} confidence"
        if self.open_:
            beyond = "above" if self.side == "upper" else "below"
            title = f"{self.name}: no {self.side} limit at {percent(self.level)} confidence; it lies {beyond} {shown}"
        rows = tuple(
            (_sigma(s), _with_error(float(v), float(e)))
            for (s, v), e in zip(_band(self.expected), self.expected_errors, strict=True)
        )
        sentences = (
            f"method {self.method}, statistic {self.statistic}, best value {number(self.best)}",
            "" if self.least_power is None else f"the power suffices from {number(self.least_power)} on",
            f"{self.n} toys per hypothesis, {self.failed} failed" if self.n else "",
            self.how,
        )
        return Summary(title, sentences, ("expected without signal", "limit"), rows, tuple(self.flags.items()))


def _band(expected: Float[np.ndarray, " band"]) -> list[tuple[int, float]]:
    return list(zip(SIGMAS, expected.tolist(), strict=True)) if len(expected) else []


def _sigma(number_of_errors: int) -> str:
    return "median" if number_of_errors == 0 else f"{number_of_errors:+d} sigma"


def _with_error(value: float, error: float) -> str:
    return with_error(value, error) if error and math.isfinite(error) else number(value)
