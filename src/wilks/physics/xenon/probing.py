"""What a detector does over its volume, found by trying its model functions at places, numbers and signals."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel
from wilks.data.events import Events

from .checks import check_function
from .evaluation import Evaluator
from .places import dimensions_seen, probe_points
from .signatures import HIDDEN
from .sizes import Response
from .volume import Cylinder

SIGNALS = ("s1", "s2")
Extend = Callable[[Events], Events]

_ACCEPTANCES = tuple(f"{signal}_acceptance" for signal in SIGNALS)
_NUMBERS = np.unique(np.geomspace(1, 2000, 60).astype(int)).astype(float)
_TRIED = np.geomspace(1e-3, 1e6, 500)
_HALVINGS = 40
_PART = {
    "s1": ("photon_detection_eff", "penning_quenching_eff", "photoelectron_gain"),
    "s2": ("electron_detection_eff", "electron_loss", "electron_gain"),
}


def place_columns(evaluate: Evaluator, places: Mapping[str, np.ndarray], extend: Extend) -> dict[str, np.ndarray]:
    """The columns of places that model functions take, and z, which gives their number.

    Columns that are derived from signals are left out; only acceptances may take them.

    Raises:
        InvalidModel: if another function takes a column that places do not have.
    """
    number = len(places["z"])
    blank = np.full(number, np.nan)
    table = extend(Events({**places, "s1": blank, "s2": blank}, source="places of the source"))
    found: dict[str, np.ndarray] = {"z": places["z"]}
    for function in evaluate.model.functions:
        for name in function.columns:
            column = np.asarray(table[name], dtype=float) if name in table else blank
            if np.isfinite(column).all():
                found[name] = column
            elif function.name not in _ACCEPTANCES:
                raise InvalidModel(
                    f"model function {function.name!r} takes the event column {name!r}, which places do not have; let "
                    f"add_extra_columns derive it from {', '.join(places)}"
                )
    return found


def signal_columns(
    evaluate: Evaluator, which: str, places: Mapping[str, np.ndarray], signals: np.ndarray, extend: Extend
) -> dict[str, np.ndarray]:
    """Columns of the acceptance of a signal that are derived from it, for pairs of places and signals.

    Raises:
        InvalidModel: if a column cannot be derived from places and this signal.
    """
    function = evaluate.model.function(f"{which}_acceptance")
    plain = place_columns(evaluate, {name: x[:1] for name, x in places.items()}, extend)
    wanted = [c for c in (() if function is None else function.columns) if c != which and c not in plain]
    if not wanted:
        return {}
    blank = np.full(len(signals), np.nan)
    rows = {**places, "s1": blank, "s2": blank, which: signals}
    table = extend(Events(rows, source="places and signals of the source"))
    found = {name: np.asarray(table[name], dtype=float) if name in table else blank for name in wanted}
    for name, column in found.items():
        if not np.isfinite(column).all():
            raise InvalidModel(
                f"model function '{which}_acceptance' takes the column {name!r}, which does not follow from a place "
                f"and {which} alone; split it into acceptances of s1 and of s2"
            )
    return found


def try_functions(evaluate: Evaluator, volume: Cylinder, extend: Extend) -> dict[str, np.ndarray]:
    """Results of every model function at the corners and the middle of the volume; checks them.

    Raises:
        InvalidModel: for results that make no sense.
    """
    places = volume.from_unit_cube(_corners())
    columns = place_columns(evaluate, places, extend)
    found = {}
    for name in evaluate.model.names:
        if name in HIDDEN:
            arguments = {**_in_the_middle(columns, len(_NUMBERS)), HIDDEN[name]: _NUMBERS}
            found[name] = evaluate(name, arguments, _NUMBERS)
        elif name in _ACCEPTANCES:
            middle = {n: np.repeat(x[len(x) // 2], len(_TRIED)) for n, x in places.items()}
            arguments = _with_signals(evaluate, name[:2], middle, _TRIED, extend)
            found[name] = evaluate(name, arguments)
        else:
            arguments, found[name] = columns, evaluate(name, columns)
        function = evaluate.model.function(name)
        shown = () if function is None else (*((HIDDEN[name],) if name in HIDDEN else ()), *function.columns)
        check_function(name, found[name], {c: arguments[c] for c in shown if arguments[c].ndim == 1})
    return found


def find_dimensions(evaluate: Evaluator, volume: Cylinder, extend: Extend) -> frozenset[str]:
    """The dimensions of space and time that the model functions depend on."""
    places = volume.from_unit_cube(probe_points())
    columns = place_columns(evaluate, places, extend)
    del columns["z"]
    used = {name: places["z"] for name in evaluate.model.columns() if name == "z"}
    for which, signal in (("s1", 10.0), ("s2", 1000.0)):
        used |= signal_columns(evaluate, which, places, np.full(len(places["z"]), signal), extend)
    return dimensions_seen({**columns, **used})


def find_edges(
    evaluate: Evaluator, which: str, places: Mapping[str, np.ndarray], extend: Extend
) -> tuple[Float[np.ndarray, " places"], Float[np.ndarray, " places"]]:
    """Smallest and largest accepted signal at every place; both 0 where nothing is accepted, infinite without end.

    Raises:
        InvalidModel: if nothing is accepted anywhere.
    """

    def accepted(chosen: Mapping[str, np.ndarray], signals: np.ndarray) -> np.ndarray:
        return evaluate(f"{which}_acceptance", _with_signals(evaluate, which, chosen, signals, extend)) > 0

    number, tried = len(places["z"]), _TRIED
    rows = {name: np.repeat(x, len(tried)) for name, x in places.items()}
    kept = accepted(rows, np.tile(tried, number)).reshape(number, len(tried))
    if not kept.any():
        raise InvalidModel(f"model function '{which}_acceptance' is 0 for all signals up to 1e6 PE")
    first, last = np.argmax(kept, axis=1), len(tried) - 1 - np.argmax(kept[:, ::-1], axis=1)
    low = _bisected(accepted, places, tried[np.maximum(first - 1, 0)], tried[first])
    high = _bisected(accepted, places, tried[np.minimum(last + 1, len(tried) - 1)], tried[last])
    low = np.where(first == 0, 0.0, low)
    high = np.where(last == len(tried) - 1, np.inf, high)
    some = kept.any(axis=1)
    return np.where(some, low, 0.0), np.where(some, high, 0.0)


def box_of(evaluate: Evaluator, which: str, default: Callable[..., Any]) -> tuple[str, str] | None:
    """The parameters that are the edges of the cut on a signal, None for any other acceptance."""
    function = evaluate.model.function(f"{which}_acceptance")
    return (f"{which}_min", f"{which}_max") if function is not None and function.call is default else None


def highest_signal(evaluate: Evaluator, which: str, volume: Cylinder, extend: Extend, box: Any) -> float:
    """The largest signal that is accepted anywhere."""
    if box is not None:
        return float(evaluate.values[box[1]])
    return float(np.max(find_edges(evaluate, which, volume.from_unit_cube(_corners()), extend)[1]))


def response(found: Mapping[str, np.ndarray], which: str, highest: float) -> Response:
    """Ranges of what a detector does to photons or electrons."""
    first, hidden, gain = _PART[which]
    bias = found[f"reconstruction_bias_{which}_simulate"].min()
    return Response(
        efficiency=(
            float(found[first].min() * found[hidden].min()),
            float(found[first].max() * found[hidden].max()),
        ),
        gain=float(found[f"{gain}_mean"].min() * bias),
        spread=float(found[f"{gain}_std"].max() * bias),
        highest=highest,
        doubling=float(found["double_pe_fraction"].min()) if which == "s1" else 0.0,
    )


def _corners() -> Float[np.ndarray, "points 4"]:
    return np.stack([g.ravel() for g in np.meshgrid(*[[0.0, 0.5, 1.0]] * 4, indexing="ij")], axis=1)


def _with_signals(
    evaluate: Evaluator, which: str, places: Mapping[str, np.ndarray], signals: np.ndarray, extend: Extend
) -> dict[str, np.ndarray]:
    """All columns of pairs of places and signals."""
    columns = place_columns(evaluate, places, extend)
    return {**columns, **signal_columns(evaluate, which, places, signals, extend), which: signals}


def _in_the_middle(columns: Mapping[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    return {name: np.repeat(x[len(x) // 2][None], number, axis=0) for name, x in columns.items()}


def _bisected(accepted: Callable[..., np.ndarray], places: Any, outside: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Where acceptance begins at every place, between a signal outside and one inside."""
    for _ in range(_HALVINGS):
        middle = (outside + inside) / 2
        kept = accepted(places, middle)
        outside, inside = np.where(kept, outside, middle), np.where(kept, middle, inside)
    return inside
