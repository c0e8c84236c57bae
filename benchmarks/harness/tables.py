"""Results of a benchmark as a table for the terminal (Markdown) and as JSON."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from .rows import ALONE, Outcome

_HEAD = (
    "case", "peer", "ours", "peer's", "ratio", "of minima", "safe", "stretch", "holds", "first call, ours / peer's",
    "answers differ by",
)  # fmt: skip


def markdown(outcomes: Iterable[Outcome]) -> str:
    """The table; ``ours`` and ``peer's`` are CPU time per item."""
    lines = ["| " + " | ".join(_HEAD) + " |", "|" + "---|" * len(_HEAD)]
    notes = []
    for outcome in outcomes:
        lines.append("| " + " | ".join(_cells(outcome)) + " |")
        if outcome.measured is not None and outcome.measured.note:
            notes.append(f"- {outcome.row.what}: {outcome.measured.note}")
    return "\n".join([*lines, "", *notes])


def _cells(outcome: Outcome) -> list[str]:
    row, measured, figure = outcome.row, outcome.measured, outcome.figure
    safe, stretch = (_bound(x, row.target.at_most) for x in (row.target.safe, row.target.stretch))
    if measured is None or figure is None:
        return [row.what, "", "", "", "", "", safe, stretch, "not measured", "", outcome.error]
    unit = f" per {measured.unit}" if measured.unit else ""
    cold = " / ".join(seconds(x) if x is not None else "-" for x in (measured.ours_cold, measured.peer_cold))
    ours = _ours(row.figure, measured.ours) + unit
    return [
        row.what,
        measured.peer_label,
        ours,
        "" if measured.peer is None else _ours(row.figure if row.figure == "score" else "", measured.peer) + unit,
        "" if row.figure in ALONE else f"{figure:.3g}",
        "" if outcome.of_least is None else f"{outcome.of_least:.3g}",
        safe,
        stretch,
        row.target.reached(figure),
        cold,
        measured.agreement,
    ]


def _ours(kind: str, value: float) -> str:
    if kind == "rate":
        return f"{1 / value:,.0f}/s"
    return {"megabytes": f"{value:.0f} MB", "score": f"{value:.3f}"}.get(kind) or seconds(value)


def _bound(bound: float | None, at_most: bool) -> str:
    return "" if bound is None else f"{'<=' if at_most else '>='} {bound:g}"


def seconds(value: float) -> str:
    """A duration with three digits in a unit that suits it."""
    for limit, factor, name in ((1e-3, 1e6, "us"), (1.0, 1e3, "ms")):
        if value < limit:
            return f"{value * factor:.3g} {name}"
    return f"{value:.3g} s"


def write_json(path: Path, outcomes: Iterable[Outcome], setting: Mapping[str, object]) -> None:
    """All figures with the setting in which they were measured."""
    rows = [
        {
            "name": o.row.name,
            "what": o.row.what,
            "figure": o.figure,
            "figure_of_minima": o.of_least,
            "kind": o.row.figure,
            "safe": o.row.target.safe,
            "stretch": o.row.target.stretch,
            "error": o.error,
            **(o.measured._asdict() if o.measured else {}),
        }
        for o in outcomes
    ]
    path.write_text(json.dumps({"setting": dict(setting), "rows": rows}, indent=2) + "\n")
