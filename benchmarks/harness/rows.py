"""Rows of a benchmark: what is compared with what, measured side by side."""

import statistics
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .sides import Run, Sides, Task

ALONE = ("seconds", "rate", "megabytes", "score")
"""Kinds of figures of our side alone: CPU seconds, items per CPU second, 10^6 bytes, a number without unit."""


class Measured(NamedTuple):
    """The figures of one row: median CPU seconds per item, the first call apart, and how far the answers differ.

    The least of all repeats stands beside the median: on a machine that others use, too, it is the steadier figure.
    """

    ours: float
    peer: float | None
    ours_cold: float | None
    peer_cold: float | None
    peer_label: str
    unit: str
    agreement: str = ""
    note: str = ""
    ours_least: float | None = None
    peer_least: float | None = None


class Target(NamedTuple):
    """What is promised and what is hoped for: lower bounds of a ratio, or upper bounds where ``at_most``."""

    safe: float | None
    stretch: float | None
    at_most: bool = False

    def reached(self, figure: float) -> str:
        """Which of the two a figure reaches."""
        for name, bound in (("stretch", self.stretch), ("safe", self.safe)):
            if bound is not None and (figure <= bound if self.at_most else figure >= bound):
                return name
        return "below safe" if self.safe is not None else ""


class Row(NamedTuple):
    """One line of the table.

    Args:
        name: to choose it on the command line.
        what: what is timed.
        measure: does it.
        target: bounds of the figure.
        figure: ``ratio`` (peer over ours), ``inverse`` (ours over peer), or ours alone: one of `ALONE`.
    """

    name: str
    what: str
    measure: Callable[[Sides, int], Measured]
    target: Target
    figure: str = "ratio"


class Outcome(NamedTuple):
    """A row with its figures, or with the reason why there are none."""

    row: Row
    measured: Measured | None
    error: str = ""

    @property
    def figure(self) -> float | None:
        """The number that the target bounds."""
        if self.measured is None:
            return None
        ours, peer = self.measured.ours, self.measured.peer
        if self.row.figure in ALONE:
            return 1 / ours if self.row.figure == "rate" else ours
        assert peer is not None
        return peer / ours if self.row.figure == "ratio" else ours / peer

    @property
    def of_least(self) -> float | None:
        """The same ratio from the least CPU time of each side."""
        if self.measured is None or self.measured.ours_least is None or self.measured.peer_least is None:
            return None
        return self.measured.peer_least / self.measured.ours_least


def side_by_side(
    name: str, what: str, ours: Task, peers: tuple[Task, ...], target: Target, *, unit: str = "", note: str = ""
) -> Row:
    """A row that alternates our task with the best of the peer's recipes."""

    def measure(sides: Sides, rounds: int) -> Measured:
        first_ours, answer = _warm_up(sides, ours)
        warmed = [(*_warm_up(sides, peer), peer) for peer in peers]
        first_peer, peer_answer, best = min(warmed, key=lambda found: found[1].per_item)
        alternated = [(sides.run(ours).per_item, sides.run(best).per_item) for _ in range(rounds)]
        labels = ", ".join(f"{p.label} {1e3 * warm.per_item:.3g} ms" for _, warm, p in warmed) if len(peers) > 1 else ""
        return Measured(
            ours=statistics.median(a for a, _ in alternated),
            peer=statistics.median(b for _, b in alternated),
            ours_cold=first_ours.cpu,
            peer_cold=first_peer.cpu,
            peer_label=best.label or best.side,
            unit=unit,
            agreement=_compare(answer.answer, peer_answer.answer),
            note="; ".join(x for x in (note, labels) if x),
            ours_least=min(a for a, _ in alternated),
            peer_least=min(b for _, b in alternated),
        )

    return Row(name, what, measure, target)


def alone(name: str, what: str, ours: Task, target: Target, *, figure: str = "seconds", unit: str = "") -> Row:
    """A row without a peer."""

    def measure(sides: Sides, rounds: int) -> Measured:
        first, warm = _warm_up(sides, ours)
        runs = [sides.run(ours) for _ in range(rounds)]
        wall = statistics.median(run.wall for run in runs)
        cpu = statistics.median(run.per_item for run in runs)
        return Measured(cpu, None, first.cpu, None, "", unit, _failures(warm.answer), f"wall {wall:.3g} s")

    return Row(name, what, measure, target, figure)


def _warm_up(sides: Sides, task: Task) -> tuple[Run, Run]:
    """The cold run, and a warm one."""
    return sides.run(task), sides.run(task)


def _compare(ours: dict[str, Any], peer: dict[str, Any]) -> str:
    """The largest difference of the answers in units of their scale, over what both have."""
    sentence = _failures(ours)
    if "values" not in ours or "values" not in peer:
        return sentence
    a, b = np.array(ours["values"], dtype=float), np.array(peer["values"], dtype=float)
    common = min(len(a), len(b))
    difference = np.abs(a[:common] - b[:common]) / np.asarray(ours.get("scale", 1.0))
    return f"{np.nanmax(difference):.1e}" + (f"; {sentence}" if sentence else "")


def _failures(answer: dict[str, Any]) -> str:
    lost = answer.get("unconverged", 0)
    return f"{lost} not converged" if lost else ""
