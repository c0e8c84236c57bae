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


class Layout(eqx.Module):
    """What is worked out once.

    Args:
        sizes: lengths of tables.
        cuts: of s1 and s2.
        node_columns: columns of the nodes over which the expected number of events is averaged.
        node_weights: their weights, of sum 1.
        node_signals: for s1 and s2 the columns of their acceptance that are derived from the signal, at every node and
            every signal of its integral.
    """

    sizes: Sizes = eqx.field(static=True)
    cuts: tuple[tuple[str, Cut], ...] = eqx.field(static=True)
    node_columns: dict[str, Array]
    node_weights: Float[Array, " nodes"]
    node_signals: dict[str, dict[str, Float[Array, "nodes signals"]]]


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
    signals = {s: signal_columns(evaluate, s, places, signal_nodes(*cuts[s].edges)[0], extend) for s in SIGNALS}
    columns = place_columns(evaluate, places, extend)
    arrays = jax.tree.map(jnp.asarray, (columns, weights, signals))
    return Layout(sizes, tuple(cuts.items()), *arrays)


def _closed(cut: Cut, response: Response, most: int) -> Cut:
    """A cut whose upper edge is finite: beyond it there is no signal."""
    farthest = 2 * most * response.gain + 10 * response.spread * float(np.sqrt(most))
    return dataclasses.replace(cut, edges=(cut.edges[0], min(cut.edges[1], farthest)))
