"""Results of frequentist use of neural statistics: confidence sets on a grid, and maps of their coverage."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int

from .numbers import number, percent
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ConfidenceSet(AbstractResult):
    """All points of a grid whose statistic does not exceed its critical value.

    Args:
        names: parameters of the axes.
        units: unit per parameter, empty for none.
        level: confidence level.
        axes: increasing values per parameter.
        statistic: T of the data at each point.
        critical: critical value at each point.
        inside: whether the point is in the set.
        best: the point of smallest statistic, per parameter.
        open_ends: parameters whose range ends inside the set, with the end, e.g. ``s lower``.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    level: float
    axes: tuple[Float[np.ndarray, " _"], ...]
    statistic: Float[np.ndarray, "*points"]
    critical: Float[np.ndarray, "*points"]
    inside: Bool[np.ndarray, "*points"]
    best: tuple[float, ...]
    open_ends: tuple[str, ...]

    @property
    def empty(self) -> bool:
        """Whether no point of the grid is in the set."""
        return not bool(self.inside.any())

    def bounds(self, name: str) -> tuple[float, float] | None:
        """Smallest and largest value of one parameter in the set; None for an empty one."""
        if self.empty:
            return None
        axis = self.names.index(name)
        others = tuple(i for i in range(len(self.names)) if i != axis)
        found = self.axes[axis][np.any(self.inside, axis=others)]
        return float(found[0]), float(found[-1])

    def summary(self) -> Summary:
        """Size of the set, and one row per parameter."""
        rows = tuple(self._row(i) for i in range(len(self.names)))
        columns = ("parameter", "best", "from", "to", "open")
        text = "empty" if self.empty else f"{percent(float(self.inside.mean()))} of {self.inside.size} points"
        title = f"Confidence set at {percent(self.level)}: {text}"
        return Summary(title, (self.how,), columns, rows, tuple(self.flags.items()))

    def _row(self, i: int) -> tuple[str, ...]:
        ends = self.bounds(self.names[i])
        low, high = ("-", "-") if ends is None else (number(ends[0], 4), number(ends[1], 4))
        opened = ", ".join(end.rpartition(" ")[2] for end in self.open_ends if end.startswith(f"{self.names[i]} "))
        name = f"{self.names[i]} [{self.units[i]}]" if self.units[i] else self.names[i]
        return (name, number(self.best[i], 4), low, high, opened)


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CoverageMap(AbstractResult):
    """Measured coverage of confidence sets over the parameters.

    Args:
        names: parameters.
        level: nominal level.
        theta: truths of the toys.
        covered: whether the set of each toy holds its truth.
        fitted: smooth coverage at each truth, from a logistic regression on splines.
        error: its standard error.
        points: chosen points.
        point_toys: toys thrown at each.
        point_covered: how many of them were covered.
        point_lower: lower end of the Clopper-Pearson interval at 68 %, per point.
        point_upper: upper end.
        ok: whether overall coverage agrees with the level within three binomial errors.
        verdict: the sentence on that.
    """

    names: tuple[str, ...]
    level: float
    theta: Float[np.ndarray, "toys parameters"]
    covered: Bool[np.ndarray, " toys"]
    fitted: Float[np.ndarray, " toys"]
    error: Float[np.ndarray, " toys"]
    points: Float[np.ndarray, "points parameters"]
    point_toys: Int[np.ndarray, " points"]
    point_covered: Int[np.ndarray, " points"]
    point_lower: Float[np.ndarray, " points"]
    point_upper: Float[np.ndarray, " points"]
    ok: bool
    verdict: str

    @property
    def overall(self) -> float:
        """Coverage averaged over the prior."""
        return float(self.covered.mean())

    def summary(self) -> Summary:
        """Average and extremes, and one row per chosen point."""
        low, high = float(self.fitted.min()), float(self.fitted.max())
        sentences = (
            self.verdict,
            f"smooth coverage between {percent(low)} and {percent(high)}",
            self.how,
        )
        columns = (*self.names, "coverage", "68 % interval", "toys")
        rows = tuple(self._row(i) for i in range(len(self.points)))
        title = f"Coverage map: {percent(self.overall)} at level {percent(self.level)}"
        return Summary(title, sentences, columns, rows, tuple(self.flags.items()))

    def _row(self, i: int) -> tuple[str, ...]:
        share = self.point_covered[i] / max(int(self.point_toys[i]), 1)
        interval = f"[{percent(float(self.point_lower[i]))}, {percent(float(self.point_upper[i]))}]"
        values = (number(float(v), 4) for v in self.points[i])
        return (*values, percent(float(share)), interval, str(int(self.point_toys[i])))
