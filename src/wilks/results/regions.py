"""Confidence regions of two parameters calibrated by toys, kept as maps over their plane."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from .numbers import number, percent, probability
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Region(AbstractResult):
    """The points of a plane that toys thrown at them do not find extreme.

    Args:
        names: the two parameters.
        level: confidence level, in (0, 1).
        x: nodes of the first parameter.
        y: nodes of the second parameter.
        t: likelihood ratio of the data at each node, against the best fit.
        critical: value that t exceeds in a share 1 - level of toys at most; infinite where there are too few toys.
        critical_error: its Monte Carlo error.
        p_value: share of toys at least as extreme as the data, the data counted as one more toy.
        p_lower: lower end of its Clopper-Pearson interval at 68 %.
        p_upper: upper end of it.
        toys: toys thrown at each node.
        failed: toys at each node without a statistic.
        threshold: what the critical value would be for large samples: a quantile of chi2 with two degrees of freedom.
        best: the two best values.
        pieces: curves around the region, closed unless they end at an edge of the plane.
        at_edge: per piece, which points lie on an edge of the plane.
    """

    names: tuple[str, str]
    level: float
    x: Float[np.ndarray, " columns"]
    y: Float[np.ndarray, " rows"]
    t: Float[np.ndarray, "columns rows"]
    critical: Float[np.ndarray, "columns rows"]
    critical_error: Float[np.ndarray, "columns rows"]
    p_value: Float[np.ndarray, "columns rows"]
    p_lower: Float[np.ndarray, "columns rows"]
    p_upper: Float[np.ndarray, "columns rows"]
    toys: Int[np.ndarray, "columns rows"]
    failed: Int[np.ndarray, "columns rows"]
    threshold: float
    best: tuple[float, float]
    pieces: tuple[Float[np.ndarray, "_ 2"], ...]
    at_edge: tuple[Bool[np.ndarray, " _"], ...]

    @property
    def inside(self) -> Bool[np.ndarray, "columns rows"]:
        """Which nodes belong to the region."""
        return self.t <= self.critical

    def summary(self) -> Summary:
        """Level, how many nodes lie inside, the range of critical values, and the extent of each piece."""
        x, y = self.names
        finite = self.critical[np.isfinite(self.critical)]
        spread = f"{number(float(finite.min()), 4)} to {number(float(finite.max()), 4)}" if finite.size else "unknown"
        sentences = (
            f"{percent(self.level)} level: {int(self.inside.sum())} of {self.t.size} nodes inside",
            f"best: {x} = {number(self.best[0], 4)}, {y} = {number(self.best[1], 4)}",
            f"critical values {spread}; chi2 with 2 dof would have {number(self.threshold, 4)}",
            f"p-values from {probability(float(self.p_value.min()))} to {probability(float(self.p_value.max()))}; "
            f"{int(self.toys.min())} to {int(self.toys.max())} toys per node",
            self.how,
        )
        rows = tuple(
            (str(i + 1), str(len(p)), *(number(float(v), 4) for v in (*p.min(axis=0), *p.max(axis=0))))
            for i, p in enumerate(self.pieces)
            if len(p)
        )
        columns = ("piece", "points", f"{x} from", f"{y} from", f"{x} to", f"{y} to")
        return Summary(f"Region of {x} and {y}", sentences, columns, rows, tuple(self.flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Raster(AbstractResult):
    """Intervals of one parameter at fixed values of another, each against the best fit at that value.

    Args:
        names: parameter of the intervals, and the one that is held.
        level: confidence level, in (0, 1).
        method: how intervals are calibrated.
        held: values of the second parameter.
        best: best value of the first at each of them.
        lower: lower end.
        upper: upper end.
        lower_open: whether the lower end lies on the bound of the parameter.
        upper_open: the same of the upper end.
        improvement: by how much chi-square of the best fit at each value lies above that of the plane.
    """

    names: tuple[str, str]
    level: float
    method: str
    held: Float[np.ndarray, " rows"]
    best: Float[np.ndarray, " rows"]
    lower: Float[np.ndarray, " rows"]
    upper: Float[np.ndarray, " rows"]
    lower_open: Bool[np.ndarray, " rows"]
    upper_open: Bool[np.ndarray, " rows"]
    improvement: Float[np.ndarray, " rows"]

    def summary(self) -> Summary:
        """One row per held value."""
        name, held = self.names
        rows = tuple(
            (
                number(float(h), 4),
                number(float(b), 4),
                number(float(low), 4) + (" bound" if lo else ""),
                number(float(high), 4) + (" bound" if hi else ""),
                number(float(d), 3),
            )
            for h, b, low, high, lo, hi, d in zip(
                self.held, self.best, self.lower, self.upper, self.lower_open, self.upper_open, self.improvement,
                strict=True,
            )
        )  # fmt: skip
        sentences = (f"{percent(self.level)} intervals of {name} at each {held}, method {self.method}", self.how)
        columns = (held, f"best {name}", "lower", "upper", "delta chi2")
        return Summary(f"Raster scan of {name}", sentences, columns, rows, tuple(self.flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ClsMap(AbstractResult):
    """Gaussian CLs over a plane: where a signal is excluded against its absence.

    Args:
        names: the two parameters.
        level: confidence level of the exclusion, in (0, 1).
        x: nodes of the first parameter.
        y: nodes of the second parameter.
        q: chi-square with signal minus chi-square without, on the data.
        cls: CLs of the data.
        expected: CLs expected without signal; data that deviate by -2, -1, 0, 1 and 2 standard deviations, the first
            ones excluding most.
        pieces: curves on which CLs of the data is 1 - level.
        expected_pieces: the same of the median expectation.
    """

    names: tuple[str, str]
    level: float
    x: Float[np.ndarray, " columns"]
    y: Float[np.ndarray, " rows"]
    q: Float[np.ndarray, "columns rows"]
    cls: Float[np.ndarray, "columns rows"]
    expected: Float[np.ndarray, "5 columns rows"]
    pieces: tuple[Float[np.ndarray, "_ 2"], ...]
    expected_pieces: tuple[Float[np.ndarray, "_ 2"], ...]

    @property
    def excluded(self) -> Bool[np.ndarray, "columns rows"]:
        """Which nodes are excluded."""
        return self.cls < 1 - self.level

    def summary(self) -> Summary:
        """Level, and how much of the plane is excluded and expected to be."""
        expected = int((self.expected[2] < 1 - self.level).sum())
        sentences = (
            f"excluded at {percent(self.level)} by CLs: {int(self.excluded.sum())} of {self.q.size} nodes, "
            f"{expected} expected",
            f"lowest CLs {probability(float(self.cls.min()))}",
            self.how,
        )
        return Summary(f"CLs over {' and '.join(self.names)}", sentences, flags=tuple(self.flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Sensitivity(AbstractResult):
    """How often data without signal exclude each point of a plane.

    Args:
        names: the two parameters.
        level: confidence level of the exclusion, in (0, 1).
        x: nodes of the first parameter.
        y: nodes of the second parameter.
        share: share of toys without signal that exclude each node.
        toys: number of toys.
        median: curves on which half of them do.
    """

    names: tuple[str, str]
    level: float
    x: Float[np.ndarray, " columns"]
    y: Float[np.ndarray, " rows"]
    share: Float[np.ndarray, "columns rows"]
    toys: int
    median: tuple[Float[np.ndarray, "_ 2"], ...]

    def summary(self) -> Summary:
        """How much of the plane is excluded by half of the toys, and by those one and two standard deviations off."""
        counts = [int((self.share > bound).sum()) for bound in (0.9772, 0.8413, 0.5, 0.1587, 0.0228)]
        rows = tuple(
            (word, str(n))
            for word, n in zip(("-2 sigma", "-1 sigma", "median", "+1 sigma", "+2 sigma"), counts, strict=True)
        )
        sentences = (f"{percent(self.level)} exclusion by {self.toys} sets of data without signal", self.how)
        columns = ("data", f"nodes excluded, of {self.share.size}")
        title = f"Sensitivity to {' and '.join(self.names)}"
        return Summary(title, sentences, columns, rows, tuple(self.flags.items()))
