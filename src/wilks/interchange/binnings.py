"""Contents of grids as histograms of other tools, and back: infinite outer bins are their flow bins."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from wilks._base.errors import InvalidData
from wilks.data.axes import AbstractContinuousAxis, Axis, ContinuousAxis, axis_from_edges
from wilks.data.binning import BinContents
from wilks.data.grid import Grid
from wilks.data.histogram import Histogram
from wilks.data.intervals import Intervals

from .uhi import read


def to_histogram(contents: BinContents, *, label: str = "") -> Histogram:
    """Contents of a grid as a histogram with the UHI protocol; `uhi.to_hist` and `uhi.to_mapping` take it further.

    Args:
        contents: of a `Grid`; the binning of an infinite outer edge becomes a flow bin.
        label: name of the histogram.

    Raises:
        InvalidData: for a refined binning, boxes, intervals closed on the right, or an axis without finite bin.

    >>> grid = Grid((Intervals("x", [-np.inf, 0, 1, 3]),))
    >>> made = to_histogram(grid.contents([5.0, 1.0, 2.0], [5, 1, 2], [5.0, 1.0, 2.0]))
    >>> made.values().tolist(), made.values(flow=True).tolist()
    ([1.0, 2.0], [5.0, 1.0, 2.0])
    """
    if not isinstance(contents.binning, Grid):
        raise InvalidData(
            f"a histogram has the bins of a grid; a {type(contents.binning).__name__} with its "
            f"{len(contents)} bins is none: project it, or drop its refinements with coarse()"
        )
    axes, shape = tuple(_axis(interval) for interval in contents.binning.axes), contents.binning.shape
    values, variances = contents.values.reshape(shape), contents.sumw2.reshape(shape)
    return Histogram(axes, values, variances, entries=int(contents.entries.sum()), label=label)


def from_histogram(source: Any, *, names: Sequence[str] | None = None, variances: Any = None) -> BinContents:
    """A histogram of another tool as contents of a grid; its flow bins become bins with infinite edges.

    Histograms do not say how many entries each bin has: it is taken as the nearest whole number to sumw^2/sumw2, which
    is exact for unweighted entries.

    Args:
        source: as for `uhi.read`.
        names: names of the variables where the axes have none, or others.
        variances: as for `uhi.read`.

    Raises:
        InvalidData: for axes that are no adjacent intervals, or have no names.
    """
    found = read(source, variances=variances)
    titles = [axis.name for axis in found.axes] if names is None else list(names)
    if len(titles) != len(found.axes):
        raise InvalidData(f"{len(titles)} names for {len(found.axes)} axes; give one for each")
    grid = Grid(
        tuple(_intervals(axis, title, i) for i, (axis, title) in enumerate(zip(found.axes, titles, strict=True)))
    )
    entries = np.rint(found.counts(flow=True)).astype(np.int64)
    return grid.contents(found.values(flow=True).ravel(), entries.ravel(), found.variances(flow=True).ravel())


def _axis(interval: Intervals) -> ContinuousAxis:
    if interval.closed != "left":
        raise InvalidData(
            f"{interval.name!r}: intervals closed on the right; those of histograms are closed on the left"
        )
    below, above = math.isinf(interval.edges[0]), math.isinf(interval.edges[-1])
    edges = interval.edges[below : len(interval.edges) - above]
    if len(edges) < 2:
        raise InvalidData(f"{interval.name!r}: no finite bin between edges {list(interval.edges)}")
    return axis_from_edges(edges, name=interval.name, unit=interval.unit, underflow=below, overflow=above)


def _intervals(axis: Axis, name: str, position: int) -> Intervals:
    if not isinstance(axis, AbstractContinuousAxis) or axis.circular:
        raise InvalidData(f"axis {position} ({axis.title}) is a {type(axis).__name__}; a grid takes adjacent intervals")
    if not name:
        raise InvalidData(f"axis {position} has no name; give names=, the columns of events that the axes stand for")
    edges = [-math.inf] * axis.underflow + axis.edges.tolist() + [math.inf] * axis.overflow
    return Intervals(name, edges, axis.unit)
