"""How many events each cut keeps: counts, sums of weights and squared weights, efficiencies with intervals."""

import html
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.special import betaincinv

from wilks._base.errors import InvalidData, UnknownName, near_names

_ONE_SIGMA = 0.682689492137086


@dataclass(frozen=True, eq=False)
class CutSums:
    """Sums after each step of a selection; the first step is the input.

    Args:
        steps: name of each step.
        events: number of events.
        sumw: sum of weights.
        sumw2: sum of squared weights.
    """

    steps: tuple[str, ...]
    events: Int[np.ndarray, " steps"]
    sumw: Float[np.ndarray, " steps"]
    sumw2: Float[np.ndarray, " steps"]

    @classmethod
    def of(
        cls,
        steps: tuple[str, ...],
        masks: list[Bool[np.ndarray, " events"]],
        weights: Float[np.ndarray, " events"],
    ) -> "CutSums":
        """Sums over the events that each mask keeps.

        Args:
            steps: name of each mask.
            masks: events kept at each step; each keeps some of those of the one before.
            weights: weight of each event.
        """
        survived = np.zeros(len(weights), dtype=np.int16)  # number of steps that keep the event
        for mask in masks:
            survived += mask
        bins = len(steps) + 1
        last = (np.bincount(survived, minlength=bins), *(np.bincount(survived, w, bins) for w in (weights, weights**2)))
        events, sumw, sumw2 = (np.cumsum(column[::-1])[::-1][1:] for column in last)
        return cls(steps, events.astype(np.int64), sumw.astype(np.float64), sumw2.astype(np.float64))

    def __add__(self, other: "CutSums") -> "CutSums":
        if self.steps != other.steps:
            raise InvalidData(f"cutflows of different selections cannot be added: {self.steps} and {other.steps}")
        return replace(
            self, events=self.events + other.events, sumw=self.sumw + other.sumw, sumw2=self.sumw2 + other.sumw2
        )

    def efficiency(self, step: str, *, relative: bool = False, level: float = _ONE_SIGMA) -> tuple[float, float, float]:
        """Share of events that pass a step, with its Clopper-Pearson interval (Biometrika 26 (1934) 404).

        Args:
            step: name of the step.
            relative: to the step before, instead of to the input.
            level: confidence level of the central interval.

        Returns:
            Efficiency, lower end, upper end; (nan, 0, 1) if there was no event to pass.

        Raises:
            UnknownName: if there is no such step.
        """
        if step not in self.steps:
            raise UnknownName(f"no step {step!r}; {near_names(step, self.steps)}")
        place = self.steps.index(step)
        before = max(place - 1, 0) if relative else 0
        return clopper_pearson(int(self.events[place]), int(self.events[before]), level=level)


@dataclass(frozen=True, eq=False, repr=False)
class Cutflow:
    """Cutflows of several samples.

    Args:
        samples: sums after each step, by sample.
    """

    samples: Mapping[str, CutSums]

    def __getitem__(self, name: str) -> CutSums:
        if name not in self.samples:
            raise UnknownName(f"no cutflow of {name!r}; {near_names(name, self.samples)}")
        return self.samples[name]

    def __repr__(self) -> str:
        return "\n".join(_text(name, sums) for name, sums in self.samples.items())

    def _repr_html_(self) -> str:
        return "".join(_markup(name, sums) for name, sums in self.samples.items())


def clopper_pearson(passed: int, total: int, *, level: float = _ONE_SIGMA) -> tuple[float, float, float]:
    """Share and its central Clopper-Pearson interval.

    Args:
        passed: number that passed.
        total: number tried.
        level: confidence level.
    """
    if total == 0:
        return float("nan"), 0.0, 1.0
    tail = 0.5 * (1.0 - level)
    low = float(betaincinv(passed, total - passed + 1, tail)) if passed > 0 else 0.0
    high = float(betaincinv(passed + 1, total - passed, 1.0 - tail)) if passed < total else 1.0
    return passed / total, low, high


def _rows(sums: CutSums) -> list[tuple[str, ...]]:
    rows = []
    for number, step in enumerate(sums.steps):
        share, low, high = clopper_pearson(int(sums.events[number]), int(sums.events[0]))
        before, _, _ = clopper_pearson(int(sums.events[number]), int(sums.events[max(number - 1, 0)]))
        rows.append(
            (
                step,
                f"{sums.events[number]}",
                f"{sums.sumw[number]:.6g}",
                f"{np.sqrt(sums.sumw2[number]):.3g}",
                f"{100 * before:.1f}",
                f"{100 * share:.1f}",
                f"[{100 * low:.1f}, {100 * high:.1f}]",
            )
        )
    return rows


_HEADINGS = ("step", "events", "sumw", "error", "% of step before", "% of all", "68.3 % interval")


def _text(name: str, sums: CutSums) -> str:
    rows = [_HEADINGS, *_rows(sums)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]
    return "\n".join([f"{name}:", *(f"  {line}" for line in lines)])


def _markup(name: str, sums: CutSums) -> str:
    head = "".join(f"<th>{html.escape(text)}</th>" for text in _HEADINGS)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in _rows(sums))
    return f"<table><caption>{html.escape(name)}</caption><tr>{head}</tr>{body}</table>"
