"""Events as pandas frames, and frames as events."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from wilks._base.errors import InvalidData, MissingExtra
from wilks.data.events import Events

_WHOLE = ("quanta_produced", "photons_produced", "electrons_produced", "photons_detected", "electrons_detected")
_RANGED = ("quanta_produced", "photons_produced", "electrons_produced", "photoelectrons_detected", "electrons_detected")
_COUNTS = (*_WHOLE, "photoelectrons_detected", *(f"{name}_{end}" for name in _RANGED for end in ("min", "max")))
"""Columns that hold whole numbers."""

_OF_PLACE = ("x", "y", "z", "r", "theta", "event_time", "drift_time")


def pandas() -> Any:
    """The package pandas.

    Raises:
        MissingExtra: if it is not installed.
    """
    try:
        import pandas as pd  # optional
    except ImportError as missing:
        raise MissingExtra("pandas", "io") from missing
    return pd


def to_frame(events: Events) -> Any:
    """A frame with one row per event; numbers of quanta are whole."""
    columns: dict[str, Any] = {}
    for name in events.columns:
        column = np.asarray(events[name])
        whole = name in _COUNTS and column.dtype.kind == "f" and bool(np.isfinite(column).all())
        columns[name] = column.astype(np.int64) if whole else (list(column) if column.ndim > 1 else column)
    return pandas().DataFrame(columns)  # which copies them


def to_events(data: Any, what: str = "data") -> Events:
    """Events of a frame, or as they are.

    Args:
        data: a frame with one row per event.
        what: what it is, for messages.

    Raises:
        InvalidData: for anything else.
    """
    if isinstance(data, Events):
        return data
    if not isinstance(data, pandas().DataFrame):
        raise InvalidData(f"{what} are a {type(data).__name__}; expected a pandas DataFrame with one row per event")
    return Events({str(name): _column(data[name]) for name in data.columns}, source=what)


def fixed_truth(fix: Any) -> Mapping[str, Any] | Events | None:
    """What all events of a simulation have in common, in the form that sources take.

    Args:
        fix: None, a mapping, or an event: a frame of one row, or a row, of which position and time are taken.
    """
    if fix is None or isinstance(fix, (Mapping, Events)):
        return fix
    if isinstance(fix, pandas().Series):
        return {name: fix[name] for name in _OF_PLACE if name in fix.index}
    return to_events(fix, "fix_truth")


def _column(series: Any) -> np.ndarray:
    column = series.to_numpy()
    arrays = column.dtype == object and len(column) and isinstance(column[0], (list, np.ndarray))
    return np.stack([np.asarray(x, dtype=float) for x in column]) if arrays else column
