"""Truth that a simulation is told to use for every event: an energy, a time, a position."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from wilks._base.errors import InvalidData, InvalidOption, UnknownName, near_names
from wilks.data.events import Events

from .volume import Cylinder

_KNOWN = ("energy", "event_time", "x", "y", "z", "r", "theta", "drift_time")
_FROM_ROWS = tuple(name for name in _KNOWN if name != "energy")


def fixed_columns(fix: Mapping[str, Any] | Events | None, volume: Cylinder) -> dict[str, float]:
    """What every event of a simulation has in common.

    Args:
        fix: None; a mapping with ``energy``, ``event_time``, or a position (``z`` with ``x, y`` or with ``r, theta``);
            or a table of one event, of which position and time are taken.
        volume: gives the drift time of a depth.

    Raises:
        InvalidOption: for a depth without a place in the plane, or nothing to fix.
        InvalidData: for a table of more than one event, or a number that is not finite.
        UnknownName: for a name that cannot be fixed.
    """
    if fix is None:
        return {}
    given = _of_one_row(fix) if isinstance(fix, Events) else {name: _number(name, x) for name, x in fix.items()}
    for name in given:
        if name not in _KNOWN:
            raise UnknownName(f"{name!r} cannot be fixed; {near_names(name, _KNOWN)}")
    if not given:
        raise InvalidOption(f"there is nothing to fix; give some of {', '.join(_KNOWN)}")
    fixed = {name: given[name] for name in ("energy", "event_time") if name in given}
    if fixed.get("energy", 0.0) < 0:
        raise InvalidOption(f"a fixed energy of {fixed['energy']:g} keV is negative")
    return {**fixed, **_position(given, volume)}


def _position(given: Mapping[str, float], volume: Cylinder) -> dict[str, float]:
    place = {name for name in given if name in ("x", "y", "z", "r", "theta", "drift_time")}
    if not place:
        return {}
    if "z" not in given or not ({"x", "y"} <= place or {"r", "theta"} <= place):
        raise InvalidOption(
            f"a fixed position needs z with x and y, or z with r and theta; {', '.join(sorted(place))} is not enough"
        )
    if {"x", "y"} <= place:
        x, y = given["x"], given["y"]
        r, theta = float(np.hypot(x, y)), float(np.arctan2(y, x) % (2 * np.pi))
        r, theta = given.get("r", r), given.get("theta", theta)
    else:
        r, theta = given["r"], given["theta"]
        x, y = r * float(np.cos(theta)), r * float(np.sin(theta))
    drift = given.get("drift_time", -given["z"] / volume.drift_velocity)
    return {"r": r, "theta": theta, "z": given["z"], "x": x, "y": y, "drift_time": drift}


def _of_one_row(events: Events) -> dict[str, float]:
    if len(events) != 1:
        raise InvalidData(f"a table that fixes the truth must hold one event; {events.source} holds {len(events)}")
    return {name: _number(name, np.asarray(events[name])[0]) for name in _FROM_ROWS if name in events}


def _number(name: str, value: Any) -> float:
    number = float(np.asarray(value).reshape(()))
    if not np.isfinite(number):
        raise InvalidData(f"fixed {name} is {number}; expected a finite number")
    return number
