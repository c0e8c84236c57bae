"""Where the bins of a binning lie in a figure: displayed edges, densities, projections, and bands over variations."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption, UnknownName, near_names
from wilks.data.binning import AbstractBinning, BinContents
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.product import Product

Reduction = Callable[..., Any]
"""A function such as ``numpy.mean`` or ``numpy.max`` that takes an ``axis``."""

Stack = float | Reduction | tuple[Reduction, Reduction]
"""What is drawn of many variations: the band that holds a part of them, one function, or the lower and upper one."""

Density = bool | Sequence[str] | None
"""Whether contents are divided by widths: for all variables, for some, or as the binning suggests."""


class Layer(NamedTuple):
    """Contents of a rectilinear binning, one array per variation.

    Args:
        axes: the binned variables.
        values: contents, the variables in their order behind the axis of variations.
        density: variables by whose relative widths contents are divided.
        margin: what becomes of contents over variables that are not shown.
        stack: what is drawn of the variations.
    """

    axes: tuple[Intervals, ...]
    values: Float[np.ndarray, "variations ..."]
    density: tuple[str, ...]
    margin: Reduction
    stack: Stack

    def seen(self, *names: str) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper contents as a function of some variables; equal unless the stack is a band."""
        known = [axis.name for axis in self.axes]
        where = [known.index(name) for name in names]
        hidden = tuple(i + 1 for i in range(len(known)) if i not in where)
        values = self.margin(self.values, axis=hidden) if hidden else self.values
        kept = sorted(where)
        for place, i in enumerate(kept):
            if known[i] in self.density:
                shape = [1] * values.ndim
                shape[place + 1] = -1
                values = values / relative_widths(self.axes[i].edge_array).reshape(shape)
        low, high = stacked_ends(values, self.stack)
        order = [kept.index(i) for i in where]
        return np.transpose(low, order), np.transpose(high, order)


def layer(
    contents: BinContents,
    *,
    variations: Float[np.ndarray, "variations bins"] | None = None,
    density: Density = None,
    margin: Reduction = np.sum,
    stack: Stack = np.mean,
) -> Layer:
    """Contents of a rectilinear binning ready to be drawn.

    Raises:
        InvalidData: if the binning is not rectilinear, or variations do not fit it.
    """
    axes = flat_axes(contents.binning)
    if axes is None:
        raise InvalidData(f"a binning of type {type(contents.binning).__name__} is not rectilinear; draw it by index")
    rows = rows_of(contents, variations)
    return Layer(axes, rows.reshape(-1, *(len(axis) for axis in axes)), dense_names(axes, density), margin, stack)


def rows_of(contents: BinContents, variations: Float[np.ndarray, "..."] | None) -> Float[np.ndarray, "variations bins"]:
    """Contents of each variation, one row if there is none.

    Raises:
        InvalidData: if the shape does not fit the binning.
    """
    rows = contents.values[None] if variations is None else np.atleast_2d(np.asarray(variations, dtype=float))
    if rows.ndim != 2 or rows.shape[1] != len(contents):
        raise InvalidData(f"variations of shape {rows.shape}; expected (variations, {len(contents)})")
    return rows


def flat_axes(binning: AbstractBinning) -> tuple[Intervals, ...] | None:
    """The binned variables of a grid, or of a product of grids; None for other binnings."""
    if isinstance(binning, Grid):
        return binning.axes
    if isinstance(binning, Product):
        parts = [flat_axes(part) for part in binning.parts]
        known = [part for part in parts if part is not None]
        return tuple(axis for part in known for axis in part) if len(known) == len(parts) else None
    return None


def dense_names(axes: Sequence[Intervals], density: Density) -> tuple[str, ...]:
    """Variables by whose widths contents are divided.

    Raises:
        UnknownName: for a variable that is not there.
    """
    names = tuple(axis.name for axis in axes)
    if density is None or density is True:
        return names
    if density is False:
        return ()
    for name in density:
        if name not in names:
            raise UnknownName(f"no variable {name!r}; {near_names(name, names)}")
    return tuple(density)


def display_edges(edges: Float[np.ndarray, " edges"]) -> Float[np.ndarray, " edges"]:
    """Edges to draw: an infinite outermost bin is as wide as its neighbour, or 1 if it has none."""
    shown = edges.copy()
    inner = np.diff(edges)
    if np.isinf(edges[0]) and np.isinf(edges[-1]) and len(edges) == 2:
        return np.array([-0.5, 0.5])
    if np.isinf(edges[0]):
        width = inner[1] if len(inner) > 1 and np.isfinite(inner[1]) else 1.0
        shown[0] = edges[1] - width
    if np.isinf(edges[-1]):
        width = inner[-2] if len(inner) > 1 and np.isfinite(inner[-2]) else 1.0
        shown[-1] = edges[-2] + width
    return shown


def relative_widths(edges: Float[np.ndarray, " edges"]) -> Float[np.ndarray, " bins"]:
    """Width of each bin as drawn, as a part of the drawn range."""
    shown = display_edges(edges)
    return np.diff(shown) / (shown[-1] - shown[0])


def stacked_ends(
    values: Float[np.ndarray, "variations ..."], stack: Stack
) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
    """What is drawn of variations: both ends of a band, or one line twice.

    Raises:
        InvalidOption: for a band that holds no part of the variations.
    """
    if isinstance(stack, (int, float)):
        if not 0 < stack < 1:
            raise InvalidOption(f"a band that holds {stack} of the variations; expected a number between 0 and 1")
        ends = np.quantile(values, [0.5 * (1 - stack), 0.5 * (1 + stack)], axis=0)
        return ends[0], ends[1]
    if isinstance(stack, tuple):
        return stack[0](values, axis=0), stack[1](values, axis=0)
    line = stack(values, axis=0)
    return line, line


def scattered(
    edges: Sequence[Float[np.ndarray, " _"]], values: Float[np.ndarray, "..."], points: int, seed: int
) -> Float[np.ndarray, "points variables"]:
    """Random points: a cell with probability proportional to its content, uniform inside it.

    Args:
        edges: displayed edges of each variable.
        values: contents, not negative.
        points: how many.
        seed: of the random numbers.

    Raises:
        InvalidData: if a content is negative, or all are zero.
    """
    flat = np.asarray(values, dtype=float).ravel()
    if (flat < 0).any() or not flat.sum() > 0:
        raise InvalidData("points can be scattered by contents that are not negative and not all zero")
    random = np.random.default_rng(seed)
    cells = np.unravel_index(random.choice(flat.size, size=points, p=flat / flat.sum()), values.shape)
    return np.stack(
        [random.uniform(e[cell], e[np.asarray(cell) + 1]) for e, cell in zip(edges, cells, strict=True)], axis=1
    )
