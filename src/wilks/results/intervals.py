"""Results that say where a parameter lies: intervals, tables of them, and contours of two parameters."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import UnknownName, near_names

from .numbers import number, percent, with_errors, with_unit
from .result import AbstractResult
from .status import Status
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Interval(AbstractResult):
    """An interval of one parameter.

    Args:
        name: parameter.
        unit: its unit, empty for none.
        level: confidence or credibility level, in (0, 1).
        method: how the ends were found, e.g. ``profile``.
        lower: lower end; the parameter's bound if ``lower_open``.
        upper: upper end; the parameter's bound if ``upper_open``.
        lower_open: True if a bound came before the threshold was reached.
        upper_open: the same at the upper end.
        pieces: all pieces of a disconnected interval; one piece otherwise.
        threshold: value of 2 delta nll (or of the method's statistic) at the ends.
        best: best value of the parameter.
        residuals: 2 delta nll minus threshold at the lower and upper end.
        errors: Monte Carlo error of the lower and upper end; 0 where no toys were thrown.
        status: the worst status of the fits behind it.
    """

    name: str
    unit: str
    level: float
    method: str
    lower: float
    upper: float
    lower_open: bool
    upper_open: bool
    pieces: tuple[tuple[float, float], ...]
    threshold: float
    best: float
    residuals: tuple[float, float]
    errors: tuple[float, float] = (0.0, 0.0)
    status: Status

    @property
    def minus(self) -> float:
        """Distance from the best value down to the lower end."""
        return self.best - self.lower

    @property
    def plus(self) -> float:
        """Distance from the best value up to the upper end."""
        return self.upper - self.best

    def contains(self, value: float | int) -> bool:
        """Whether a value lies in the interval, ends included; holes between pieces are outside."""
        pieces = self.pieces or ((self.lower, self.upper),)
        return any(low <= value <= high for low, high in pieces)

    @property
    def text(self) -> str:
        """``[0.42, 1.87]``, with the pieces of a disconnected interval."""
        pieces = self.pieces or ((self.lower, self.upper),)
        return " and ".join(f"[{_end(low, self)}, {_end(high, self)}]" for low, high in pieces)

    def summary(self) -> Summary:
        """Value with both errors, ends, level and method."""
        value = with_unit(with_errors(self.best, self.minus, self.plus), self.unit)
        ends = with_unit(f"{percent(self.level)} interval {self.text}", self.unit)
        worst = max((abs(r) for r in self.residuals if math.isfinite(r)), default=math.nan)
        sentences = (
            f"{ends}, method {self.method}, threshold {number(self.threshold, 5)}",
            _open_sentence(self),
            f"Monte Carlo errors of the ends: {number(self.errors[0], 2)} and {number(self.errors[1], 2)}"
            if any(self.errors)
            else "",
            f"{self.status.word}: the ends meet the threshold within {number(worst, 2)}"
            if math.isfinite(worst)
            else self.status.word,
            self.how,
        )
        return Summary(f"{self.name} = {value}", sentences, flags=tuple(self.flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Intervals(AbstractResult):
    """Intervals of several parameters, found together.

    Args:
        items: one interval per parameter.
    """

    items: tuple[Interval, ...]

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, name: str) -> Interval:
        for item in self.items:
            if item.name == name:
                return item
        names = [item.name for item in self.items]
        raise UnknownName(f"no interval of {name!r}; {near_names(name, names)}")

    def summary(self) -> Summary:
        """One row per parameter."""
        rows = tuple(_row(item) for item in self.items)
        columns = ("parameter", "best, errors", "lower", "upper", "level", "method", "status")
        flags = dict(self.flags)
        for item in self.items:
            flags.update({f"{item.name}: {flag}": sentence for flag, sentence in item.flags.items()})
        title = "1 interval" if len(self) == 1 else f"{len(self)} intervals"
        return Summary(title, (self.how,), columns, rows, tuple(flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Contour(AbstractResult):
    """Curves of two parameters at one value of 2 delta nll.

    Args:
        names: the two parameters.
        level: confidence level, in (0, 1).
        dof: degrees of freedom used for the threshold.
        threshold: 2 delta nll on the curve.
        pieces: closed curves, one array of points each.
        at_bound: per piece, which points lie on a bound of a parameter.
        best: the two best values.
    """

    names: tuple[str, str]
    level: float
    dof: int
    threshold: float
    pieces: tuple[Float[np.ndarray, "_ 2"], ...]
    at_bound: tuple[Bool[np.ndarray, " _"], ...]
    best: tuple[float, float]

    def summary(self) -> Summary:
        """Level with its degrees of freedom, and the extent of each piece."""
        x, y = self.names
        bounded = sum(int(np.sum(mask)) for mask in self.at_bound)
        sentences = (
            f"{percent(self.level)} level with {self.dof} dof: 2 delta nll = {number(self.threshold, 5)}",
            f"best: {x} = {number(self.best[0])}, {y} = {number(self.best[1])}",
            f"points on a bound of a parameter: {bounded}" if bounded else "",
            self.how,
        )
        rows = tuple(
            (str(i + 1), str(len(p)), *(number(float(v), 4) for v in (*p.min(axis=0), *p.max(axis=0))))
            for i, p in enumerate(self.pieces)
            if len(p)
        )
        columns = ("piece", "points", f"{x} from", f"{y} from", f"{x} to", f"{y} to")
        return Summary(f"Contour of {x} and {y}", sentences, columns, rows, tuple(self.flags.items()))


def _end(value: float, interval: Interval) -> str:
    width = interval.upper - interval.lower
    if not (math.isfinite(value) and math.isfinite(width) and width > 0):
        return number(value)
    place = max(0, 3 - math.floor(math.log10(width)))  # four digits of the width
    return f"{value:.{place}f}" if place <= 10 else number(value, 8)


def _open_sentence(interval: Interval) -> str:
    ends = [name for name, is_open in (("lower", interval.lower_open), ("upper", interval.upper_open)) if is_open]
    return f"open at its {' and '.join(ends)} end: a bound comes before the threshold" if ends else ""


def _row(item: Interval) -> tuple[str, ...]:
    return (
        item.name,
        with_unit(with_errors(item.best, item.minus, item.plus), item.unit),
        _end(item.lower, item) + (" open" if item.lower_open else ""),
        _end(item.upper, item) + (" open" if item.upper_open else ""),
        percent(item.level),
        item.method,
        item.status.word,
    )
