"""What a source works out once: lengths of its tables, the edges of its cuts, and the nodes that average over space."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .cuts import Cut
from .evaluation import Evaluator
from .expectation import signal_nodes
from .places import average_nodes
from .probing import SIGNALS, Extend, find_cut, place_columns, response, signal_columns, try_functions
from .sizes import Reach, Response, Sizes, sizes_for
from .volume import Cylinder


class SignalNodes(eqx.Module):
    """How the acceptance of one signal is integrated.

    Args:
        box: names of the parameters that are its lower and upper edge, if it is nothing but these.
        signals: nodes, PE, for any other acceptance.
        weights: their weights.
        derived: columns that follow from the signal, for every place and signal.
    """

    box: tuple[str, str] | None = eqx.field(static=True)
    signals: Float[Array, " signals"]
    weights: Float[Array, " signals"]
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
    cuts = {s: find_cut(evaluate, s, volume, extend, default_cuts[s]) for s in SIGNALS}
    responses = {s: response(found, s, cuts[s]) for s in SIGNALS}
    sizes = sizes_for(reach, responses["s1"], responses["s2"])
    most = {"s1": sizes.detected, "s2": sizes.electrons}
    cuts = {s: _closed(cut, responses[s], most[s]) for s, cut in cuts.items()}
    places, weights = average_nodes(volume, evaluate.model.columns(), refine=refine)
    columns = place_columns(evaluate, places, extend)
    nodes = {s: _signal_nodes(evaluate, s, cut, places, extend) for s, cut in cuts.items()}
    return Layout(sizes, {n: jnp.asarray(c) for n, c in columns.items()}, jnp.asarray(weights), nodes)


def _signal_nodes(
    evaluate: Evaluator, which: str, cut: Cut, places: Mapping[str, np.ndarray], extend: Extend
) -> SignalNodes:
    signals, weights = signal_nodes(*cut.edges)
    derived = signal_columns(evaluate, which, places, signals, extend)
    return SignalNodes(cut.box, *jax.tree.map(jnp.asarray, (signals, weights, derived)))


def _closed(cut: Cut, response: Response, most: int) -> Cut:
    """A cut whose upper edge is finite: beyond it there is no signal."""
    farthest = 2 * most * response.gain + 10 * response.spread * float(np.sqrt(most))
    return dataclasses.replace(cut, edges=(cut.edges[0], min(cut.edges[1], farthest)))
