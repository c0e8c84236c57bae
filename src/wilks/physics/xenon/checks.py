"""Checks of model functions before they are used, and of events before they are judged."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption
from wilks._base.notices import notice
from wilks.data.events import Events

PROBABILITIES = (
    "photon_detection_eff",
    "penning_quenching_eff",
    "photon_acceptance",
    "double_pe_fraction",
    "electron_detection_eff",
    "electron_loss",
    "electron_acceptance",
    "p_electron",
)
_POSITIVE = ("work", "photoelectron_gain_mean", "electron_gain_mean", "electron_gain_std", "photoelectron_gain_std")
_DRIFT_TOLERANCE = 0.01
_DAY = 86_400e9
_SLACK = 1e-9  # rounding of a probability of one


def check_function(name: str, results: np.ndarray, arguments: Mapping[str, np.ndarray]) -> None:
    """Refuse results that a model function must not have.

    Args:
        name: model function.
        results: its values.
        arguments: the values of its arguments, each as long as the results.

    Raises:
        InvalidModel: naming function, value and arguments.
    """
    if name in PROBABILITIES:
        bad, expected = ~((results >= -_SLACK) & (results <= 1 + _SLACK)), "a probability in [0, 1]"
    elif name in _POSITIVE:
        bad, expected = ~((results > 0) & np.isfinite(results)), "a positive number"
    else:
        bad, expected = ~((results >= 0) & np.isfinite(results)), "a number of at least 0"
    if name == "electron_detection_eff" and not bad.any() and (results <= 0).all():
        bad, expected = results <= 0, "a probability above 0 somewhere"
    if not bad.any():
        return
    first = int(np.flatnonzero(bad)[0])
    where = ", ".join(f"{n} = {np.broadcast_to(a, results.shape)[first]:g}" for n, a in arguments.items())
    raise InvalidModel(
        f"model function {name!r} gives {results[first]:g}{' at ' + where if where else ''}; expected {expected}"
    )


def check_finite(events: Events, name: str) -> Float[np.ndarray, " events"]:
    """A column of finite numbers.

    Raises:
        InvalidData: naming column and rows.
    """
    column = np.asarray(events[name])
    if column.dtype.kind not in "biuf":
        raise InvalidData(f"{events.source}: column {name!r} holds {column.dtype}; expected numbers")
    bad = np.flatnonzero(~np.isfinite(column).all(axis=tuple(range(1, column.ndim))))
    if len(bad):
        raise InvalidData(f"{events.source}: column {name!r} is not finite in {_rows(bad)}; remove these events")
    return column.astype(float)


def check_accepted(events: Events, name: str, acceptance: Float[np.ndarray, " events"]) -> None:
    """Refuse events outside a cut.

    Raises:
        InvalidData: naming the cut, the number of such events, and the first.
    """
    lost = np.flatnonzero(~(acceptance > 0))
    if len(lost):
        signal = name.partition("_")[0]
        shown = f", with {signal} = {float(events[signal][lost[0]]):g}" if signal in events else ""
        raise InvalidData(
            f"{events.source}: {len(lost)} events have {name} = 0, the first is event {lost[0]}{shown}; cut the data "
            "as the source does, or give check_acceptances=False to keep them with a rate of 0"
        )


def check_efficiency(events: Events, name: str, efficiency: Float[np.ndarray, " events"]) -> None:
    """Refuse events at places where nothing is detected.

    Raises:
        InvalidData: naming the model function and the first event.
    """
    lost = np.flatnonzero(~(efficiency > 0))
    if len(lost):
        raise InvalidData(
            f"{events.source}: {name} is {efficiency[lost[0]]:g} for event {lost[0]} ({len(lost)} such events); "
            "expected more than 0; give check_efficiencies=False to keep them"
        )


def check_places(events: Events, drift_velocity: float, live: tuple[float, float], used: tuple[str, ...]) -> None:
    """Say when drift times contradict depths, and refuse times outside the live time.

    Raises:
        InvalidData: for events more than a day outside the live time.
    """
    if "z" in events and "drift_time" in events:
        z, drift = np.asarray(events["z"], dtype=float), np.asarray(events["drift_time"], dtype=float)
        apart = np.abs(drift * drift_velocity + z) > _DRIFT_TOLERANCE * np.maximum(np.abs(z), 1.0)
        if apart.any():
            notice(
                f"{events.source}: {int(apart.sum())} of {len(events)} events have a drift_time that differs by more "
                f"than 1 % from -z / drift_velocity with {drift_velocity:g} cm/ns"
            )
    if "event_time" in used and "event_time" in events:
        time = np.asarray(events["event_time"], dtype=float)
        far = np.flatnonzero((time < live[0] - _DAY) | (time > live[1] + _DAY))
        if len(far):
            raise InvalidData(
                f"{events.source}: event_time of {len(far)} events lies more than a day outside the live time "
                f"[{live[0]:.0f}, {live[1]:.0f}] ns, the first is event {far[0]} at {time[far[0]]:.0f} ns"
            )


def _rows(bad: np.ndarray) -> str:
    shown = ", ".join(str(row) for row in bad[:5])
    return f"{len(bad)} rows ({shown}{', ...' if len(bad) > 5 else ''})"


def whole_trials(n: Any) -> int:
    """A number of trials.

    Raises:
        InvalidOption: if it is no whole number of at least 0.
    """
    whole = isinstance(n, (int, np.integer)) and not isinstance(n, bool)
    if not (whole or (isinstance(n, float) and n.is_integer())) or n < 0:
        raise InvalidOption(f"n = {n!r} trials; expected a whole number of at least 0")
    return int(n)
