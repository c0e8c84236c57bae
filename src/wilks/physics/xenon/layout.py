"""What a source works out once: lengths of its tables, the edges of its cuts, and the nodes that average over space."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks._base.typing import Values
from wilks.data.events import Events

from .checks import check_function
from .cuts import Cut
from .evaluation import Evaluator
from .model import Model
from .places import average_nodes
from .signatures import HIDDEN
from .sizes import Response, Sizes, sizes_for
from .volume import Cylinder

_PROBED_NUMBERS = np.unique(np.geomspace(1, 2000, 60).astype(int)).astype(float)
_PROBED_SIGNALS = np.geomspace(1e-3, 1e6, 2000)
_SIGNALS = ("s1", "s2")
_OF_SIGNALS = tuple(f"{s}_acceptance" for s in _SIGNALS)


class Layout(eqx.Module):
    """What is worked out once.

    Args:
        sizes: lengths of tables.
        cuts: of s1 and s2.
        node_columns: columns of the nodes over which the expected number of events is averaged.
        node_weights: their weights, of sum 1.
    """

    sizes: Sizes = eqx.field(static=True)
    cuts: tuple[tuple[str, Cut], ...] = eqx.field(static=True)
    node_columns: dict[str, Array]
    node_weights: Float[Array, " nodes"]


def lay_out(
    evaluate: Evaluator,
    volume: Cylinder,
    most_quanta: float,
    default_cuts: Mapping[str, Callable[..., Any]],
    extend: Callable[[Events], Events],
) -> Layout:
    """Check the model functions at their defaults, and work out a layout.

    Args:
        evaluate: the model functions at one point of their parameters.
        volume: where events happen.
        most_quanta: that recoils can make.
        default_cuts: acceptances that are nothing but a lower and an upper edge.
        extend: adds derived columns to a table of events.

    Raises:
        InvalidModel: for model functions whose results make no sense.
    """
    model, values = evaluate.model, evaluate.values
    corners = np.stack([g.ravel() for g in np.meshgrid(*[[0.0, 0.5, 1.0]] * 4, indexing="ij")], axis=1)
    needed = [c for c in model.columns() if c not in _SIGNALS]
    probed = _columns(volume.from_unit_cube(corners), needed, extend)
    results = {name: _probe(evaluate, name, probed) for name in model.names}
    for name, result in results.items():
        _check(model, name, result, probed)
    cuts = {s: _cut(model, values, s, results[f"{s}_acceptance"], default_cuts[s]) for s in _SIGNALS}
    sizes = sizes_for(math.floor(most_quanta), *(_response(results, s, cuts[s]) for s in _SIGNALS))
    columns, weights = average_nodes(volume, needed)
    nodes = {name: jnp.asarray(x) for name, x in _columns(columns, needed, extend).items()}
    return Layout(sizes, tuple(cuts.items()), nodes, jnp.asarray(weights))


def _columns(
    places: dict[str, np.ndarray], needed: list[str], extend: Callable[[Events], Events]
) -> dict[str, np.ndarray]:
    """The needed columns of some places, and z, which gives their number."""
    table = extend(Events(places, source="places of the source"))
    for name in needed:
        if name not in table:
            raise InvalidModel(
                f"a model function takes the event column {name!r}, which places do not have; let add_extra_columns "
                f"derive it from {', '.join(places)}"
            )
    return {name: np.asarray(table[name], dtype=float) for name in dict.fromkeys([*needed, "z"])}


def _probe(evaluate: Evaluator, name: str, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """One function at places, and at numbers or signals in the middle of the volume."""
    if name not in HIDDEN and name not in _OF_SIGNALS:
        return evaluate(name, dict(columns))
    points = _PROBED_NUMBERS if name in HIDDEN else _PROBED_SIGNALS
    middle = {c: np.repeat(x[len(x) // 2][None], len(points), axis=0) for c, x in columns.items()}
    return evaluate(name, middle, points) if name in HIDDEN else evaluate(name, {**middle, name[:2]: points})


def _check(model: Model, name: str, result: np.ndarray, columns: Mapping[str, np.ndarray]) -> None:
    function = model.function(name)
    arguments: dict[str, np.ndarray] = {}
    if name in HIDDEN:
        arguments[HIDDEN[name]] = _PROBED_NUMBERS
    elif name in _OF_SIGNALS:
        arguments[name[:2]] = _PROBED_SIGNALS
    elif function is not None:
        arguments = {c: columns[c] for c in function.columns if columns[c].ndim == 1}
    check_function(name, result, arguments)


def _cut(model: Model, values: Values, which: str, acceptance: np.ndarray, default: Callable[..., Any]) -> Cut:
    function = model.function(f"{which}_acceptance")
    if function is not None and function.call is default:
        edges = (f"{which}_min", f"{which}_max")
        return Cut(edges, (max(float(values[edges[0]]), 0.0), float(values[edges[1]])))
    kept = np.flatnonzero(acceptance > 0)
    if not len(kept):
        raise InvalidModel(f"model function '{which}_acceptance' is 0 for all signals up to 1e6 PE")
    low = 0.0 if kept[0] == 0 else float(_PROBED_SIGNALS[kept[0] - 1])
    high = math.inf if kept[-1] == len(_PROBED_SIGNALS) - 1 else float(_PROBED_SIGNALS[kept[-1] + 1])
    return Cut(None, (low, high))


def _response(results: Mapping[str, np.ndarray], which: str, cut: Cut) -> Response:
    light = which == "s1"
    first, hidden, gain = (
        ("photon_detection_eff", "penning_quenching_eff", "photoelectron_gain")
        if light
        else ("electron_detection_eff", "electron_loss", "electron_gain")
    )
    efficiency, loss = results[first], results[hidden]
    bias = results[f"reconstruction_bias_{which}_simulate"].min()
    double = results["double_pe_fraction"].min() if light else 0.0
    return Response(
        efficiency=(float(efficiency.min() * loss.min()), float(efficiency.max() * loss.max())),
        gain=float(results[f"{gain}_mean"].min() * bias),
        spread=float(results[f"{gain}_std"].max() * bias),
        highest=cut.edges[1],
        doubling=float(double),
    )
