"""What a detector does over its volume, found by trying its model functions at places, numbers and signals."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidModel
from wilks.data.events import Events

from .checks import check_function
from .cuts import Cut
from .evaluation import Evaluator
from .signatures import HIDDEN
from .sizes import Response
from .volume import Cylinder

SIGNALS = ("s1", "s2")
Extend = Callable[[Events], Events]

_ACCEPTANCES = tuple(f"{signal}_acceptance" for signal in SIGNALS)
_NUMBERS = np.unique(np.geomspace(1, 2000, 60).astype(int)).astype(float)
_TRIED = np.geomspace(1e-3, 1e6, 2000)
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
) -> dict[str, Float[np.ndarray, "places signals"]]:
    """Columns of the acceptance of a signal that are derived from it, for every place and signal.

    Raises:
        InvalidModel: if a column cannot be derived from places and this signal.
    """
    function = evaluate.model.function(f"{which}_acceptance")
    plain = place_columns(evaluate, places, extend)
    wanted = [c for c in (() if function is None else function.columns) if c != which and c not in plain]
    if not wanted:
        return {}
    rows = {name: np.repeat(x, len(signals), axis=0) for name, x in places.items()}
    rows |= {s: np.full(len(rows["z"]), np.nan) for s in SIGNALS}
    rows[which] = np.tile(signals, len(places["z"]))
    table = extend(Events(rows, source="places and signals of the source"))
    found = {}
    for name in wanted:
        column = np.asarray(table[name], dtype=float) if name in table else rows[SIGNALS[which == "s1"]]
        if not np.isfinite(column).all():
            raise InvalidModel(
                f"model function '{which}_acceptance' takes the column {name!r}, which does not follow from a place "
                f"and {which} alone; split it into acceptances of s1 and of s2"
            )
        found[name] = column.reshape(len(places["z"]), len(signals))
    return found


def try_functions(evaluate: Evaluator, volume: Cylinder, extend: Extend) -> dict[str, np.ndarray]:
    """Results of every model function at the corners and the middle of the volume; checks them.

    Raises:
        InvalidModel: for results that make no sense.
    """
    grid = np.stack([g.ravel() for g in np.meshgrid(*[[0.0, 0.5, 1.0]] * 4, indexing="ij")], axis=1)
    places = volume.from_unit_cube(grid)
    columns = place_columns(evaluate, places, extend)
    found = {}
    for name in evaluate.model.names:
        if name in HIDDEN:
            arguments = {**_in_the_middle(columns, len(_NUMBERS)), HIDDEN[name]: _NUMBERS}
            found[name] = evaluate(name, arguments, _NUMBERS)
        elif name in _ACCEPTANCES:
            arguments = _with_signal(evaluate, name[:2], columns, places, _TRIED, extend)
            found[name] = evaluate(name, arguments)
        else:
            arguments, found[name] = columns, evaluate(name, columns)
        function = evaluate.model.function(name)
        shown = () if function is None else (*((HIDDEN[name],) if name in HIDDEN else ()), *function.columns)
        check_function(name, found[name], {c: arguments[c] for c in shown if arguments[c].ndim == 1})
    return found


def find_cut(evaluate: Evaluator, which: str, volume: Cylinder, extend: Extend, default: Callable[..., Any]) -> Cut:
    """The cut on a signal: the edges in its parameters, or those found by trying an acceptance in the middle.

    Raises:
        InvalidModel: if nothing is accepted.
    """
    name = f"{which}_acceptance"
    function = evaluate.model.function(name)
    if function is not None and function.call is default:
        edges = (f"{which}_min", f"{which}_max")
        low, high = (float(evaluate.values[edge]) for edge in edges)
        return Cut(edges, (max(low, 0.0), high))
    places = volume.from_unit_cube(np.full((1, 4), 0.5))
    columns = place_columns(evaluate, places, extend)

    def accepted(signals: np.ndarray) -> np.ndarray:
        return evaluate(name, _with_signal(evaluate, which, columns, places, signals, extend)) > 0

    kept = np.flatnonzero(accepted(_TRIED))
    if not len(kept):
        raise InvalidModel(f"model function {name!r} is 0 for all signals up to 1e6 PE; nothing would be seen")
    low = 0.0 if kept[0] == 0 else _edge(accepted, float(_TRIED[kept[0] - 1]), float(_TRIED[kept[0]]))
    last = len(_TRIED) - 1
    high = math.inf if kept[-1] == last else _edge(accepted, float(_TRIED[kept[-1] + 1]), float(_TRIED[kept[-1]]))
    return Cut(None, (low, high))


def response(found: Mapping[str, np.ndarray], which: str, cut: Cut) -> Response:
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
        highest=cut.edges[1],
        doubling=float(found["double_pe_fraction"].min()) if which == "s1" else 0.0,
    )


def _with_signal(
    evaluate: Evaluator,
    which: str,
    columns: Mapping[str, np.ndarray],
    places: Mapping[str, np.ndarray],
    signals: np.ndarray,
    extend: Extend,
) -> dict[str, np.ndarray]:
    """Columns for signals in the middle of the volume."""
    middle = {name: x[len(x) // 2][None] for name, x in places.items()}
    derived = signal_columns(evaluate, which, middle, signals, extend)
    return {**_in_the_middle(columns, len(signals)), **{n: x[0] for n, x in derived.items()}, which: signals}


def _in_the_middle(columns: Mapping[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    return {name: np.repeat(x[len(x) // 2][None], number, axis=0) for name, x in columns.items()}


def _edge(accepted: Callable[[np.ndarray], np.ndarray], outside: float, inside: float) -> float:
    """Where acceptance begins between two signals, to one part in 1e9 of their distance."""
    for _ in range(5):
        tried = np.linspace(outside, inside, 64)
        first = int(np.argmax(accepted(tried)))
        outside, inside = float(tried[max(first - 1, 0)]), float(tried[first])
    return inside
