"""What a source works out once: lengths of its tables, the edges of its cuts, and the nodes that average over space."""

from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .evaluation import Evaluator
from .expectation import signal_nodes
from .places import average_nodes
from .probing import (
    SIGNALS,
    Extend,
    box_of,
    find_dimensions,
    find_edges,
    highest_signal,
    place_columns,
    response,
    signal_columns,
    try_functions,
)
from .sizes import Reach, Response, Sizes, sizes_for
from .volume import Cylinder


class SignalNodes(eqx.Module):
    """How the acceptance of one signal is integrated.

    Args:
        box: names of the parameters that are its lower and upper edge, if it is nothing but these.
        signals: nodes at every place, PE, for any other acceptance.
        weights: their weights.
        derived: columns that follow from the signal.
    """

    box: tuple[str, str] | None = eqx.field(static=True)
    signals: Float[Array, "nodes signals"]
    weights: Float[Array, "nodes signals"]
    derived: dict[str, Float[Array, "nodes signals"]]


class Layout(eqx.Module):
    """What is worked out once.

    Args:
        sizes: lengths of tables.
        node_columns: columns of the places over which the expected number of events is averaged.
        node_weights: their weights, of sum 1.
        cuts: of s1 and s2.
    """

    sizes: Sizes = eqx.field(static=True)
    node_columns: dict[str, Array]
    node_weights: Float[Array, " nodes"]
    cuts: dict[str, SignalNodes]


def lay_out(
    evaluate: Evaluator,
    volume: Cylinder,
    reach: Reach,
    default_cuts: Mapping[str, Callable[..., Any]],
    extend: Extend,
    *,
    refine: int = 1,
) -> Layout:
    """Check the model functions at one point of their parameters, and work out a layout.

    Args:
        evaluate: the model functions there.
        volume: where events happen.
        reach: what recoils make.
        default_cuts: acceptances that are nothing but a lower and an upper edge.
        extend: adds derived columns to a table of events.
        refine: factor on the number of nodes per dimension.

    Raises:
        InvalidModel: for model functions whose results make no sense.
    """
    found = try_functions(evaluate, volume, extend)
    boxes = {s: box_of(evaluate, s, default_cuts[s]) for s in SIGNALS}
    highest = {s: highest_signal(evaluate, s, volume, extend, boxes[s]) for s in SIGNALS}
    responses = {s: response(found, s, highest[s]) for s in SIGNALS}
    sizes = sizes_for(reach, responses["s1"], responses["s2"])
    places, weights = average_nodes(volume, find_dimensions(evaluate, volume, extend), refine=refine)
    columns = {name: jnp.asarray(column) for name, column in place_columns(evaluate, places, extend).items()}
    most = {"s1": sizes.detected, "s2": sizes.electrons}
    needed = {s: boxes[s] is None or _has_views(evaluate, s) for s in SIGNALS}
    ends = {s: _farthest(responses[s], most[s]) for s in SIGNALS}
    cuts = {s: _signal_nodes(evaluate, s, boxes[s], places, ends[s], needed[s], extend) for s in SIGNALS}
    return Layout(sizes, columns, jnp.asarray(weights), cuts)


def _signal_nodes(
    evaluate: Evaluator,
    which: str,
    box: tuple[str, str] | None,
    places: Mapping[str, np.ndarray],
    end: float,
    needed: bool,
    extend: Extend,
) -> SignalNodes:
    number = len(places["z"])
    if not needed:
        return SignalNodes(box, jnp.zeros((number, 0)), jnp.zeros((number, 0)), {})
    if box is None:
        low, high = find_edges(evaluate, which, places, extend)
    else:
        low, high = (np.full(number, float(evaluate.values[edge])) for edge in box)
    signals, weights = signal_nodes(np.maximum(low, 0.0), np.minimum(high, end))
    rows = {name: np.repeat(x, signals.shape[1]) for name, x in places.items()}
    derived = signal_columns(evaluate, which, rows, signals.ravel(), extend)
    shaped = {name: jnp.asarray(column.reshape(signals.shape)) for name, column in derived.items()}
    return SignalNodes(box, jnp.asarray(signals), jnp.asarray(weights), shaped)


def _has_views(evaluate: Evaluator, which: str) -> bool:
    """Whether bias or smearing depend on the raw signal, so that no edge is sharp."""
    names = [f"reconstruction_{what}_{which}_simulate" for what in ("bias", "smear")]
    return any(evaluate.model.function(name) is not None for name in names)


def _farthest(response: Response, most: int) -> float:
    """Beyond this there is no signal."""
    return 2 * most * response.gain + 10 * response.spread * float(np.sqrt(most))
