"""What a command hands over, as an object and as the JSON document made of it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult

SCHEMA = "wilks.command/1"


@dataclass(frozen=True)
class Outcome:
    """The outcome of one command.

    Args:
        command: its name, e.g. ``"fit"``.
        title: heading of the report.
        status: word of the status, e.g. ``"ok"``; anything not in ``trusted`` ends with exit code 4.
        result: the JSON document's ``result``.
        results: results behind it, by name; printed in order.
        provenance: how it was made.
        flags: name -> sentence.
        sections: parts of the report (`wilks.cli.report.Section`); one for everything if empty.
        notes: lines printed before the results.
        figures: caption -> figure, also written to ``figures/``.
        draw: makes further figures; called only when a folder is written.
    """

    command: str
    title: str
    status: str
    result: Mapping[str, Any]
    results: Mapping[str, AbstractResult]
    provenance: Provenance
    flags: Mapping[str, str] = field(default_factory=dict)
    sections: Sequence[Any] = ()
    notes: Sequence[str] = ()
    figures: Mapping[str, Any] = field(default_factory=dict)
    draw: Callable[[], Mapping[str, Any]] = dict

    @property
    def trusted(self) -> bool:
        """Whether the status is that of a result one may quote."""
        return self.status in {"ok", "at_bound", "fallback_ok"}

    def document(self) -> dict[str, Any]:
        """The JSON document: numbers only where they are finite, null elsewhere."""
        return {
            "schema": SCHEMA,
            "command": self.command,
            "status": self.status,
            "flags": dict(self.flags),
            "result": finite(self.result),
            "provenance": finite(vars(self.provenance)),
        }


def finite(value: Any) -> Any:
    """Plain JSON values: arrays as lists, numbers that are not finite as null."""
    if isinstance(value, Mapping):
        return {str(k): finite(v) for k, v in value.items()}
    if isinstance(value, np.ndarray):
        return finite(value.tolist())
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value if value is None else str(value)
