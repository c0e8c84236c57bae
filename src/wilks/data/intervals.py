"""One binned variable: adjacent intervals between increasing edges, without flow bins; infinite outer edges allowed."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, Integer

from wilks._base.errors import InvalidData, check_option

from .axes import Numbers

_COUNTED_EDGES = 64  # up to so many edges, comparing with each one is faster than a binary search
_BLOCK = 16384  # values compared at a time, so that they stay in the cache


@dataclass(frozen=True, init=False)
class Intervals:
    """Adjacent intervals of one variable; a value outside them, and NaN, belongs to none.

    Unlike the axes of a :class:`~wilks.data.histogram.Histogram` it has no flow bins: infinite outer edges serve.

    Args:
        name: name of the variable, which is the name of its column in tables of events.
        edges: strictly increasing edges, at least two; the first may be -inf and the last +inf.
        unit: unit of the edges.
        closed: ``"left"`` for low <= value < high, ``"right"`` for low < value <= high.

    Raises:
        InvalidData: naming the variable and the position of an edge that is NaN or does not increase.
        InvalidOption: if ``closed`` is neither.

    >>> Intervals("reco_x", [-np.inf, 0, 1]).index([-5.0, 0.0, 1.0, np.nan]).tolist()
    [0, 1, -1, -1]
    """

    name: str
    edges: tuple[float, ...]
    unit: str
    closed: str

    def __init__(self, name: str, edges: Numbers, unit: str = "", closed: str = "left") -> None:
        check_option("closed side", closed, ("left", "right"))
        ascending = tuple(float(edge) for edge in edges)
        _check_edges(name, ascending)
        for field, value in (("name", name), ("edges", ascending), ("unit", unit), ("closed", closed)):
            object.__setattr__(self, field, value)

    def __len__(self) -> int:
        return len(self.edges) - 1

    @cached_property
    def edge_array(self) -> Float[np.ndarray, " edges"]:
        """Edges as an array."""
        array = np.array(self.edges)
        array.flags.writeable = False
        return array

    @property
    def lower(self) -> Float[np.ndarray, " bins"]:
        """Lower edge of each bin."""
        return self.edge_array[:-1]

    @property
    def upper(self) -> Float[np.ndarray, " bins"]:
        """Upper edge of each bin."""
        return self.edge_array[1:]

    @property
    def centers(self) -> Float[np.ndarray, " bins"]:
        """Middle of each bin; infinite or NaN where an edge is infinite."""
        with np.errstate(invalid="ignore"):
            return 0.5 * (self.lower + self.upper)

    def steps(self, values: Float[np.ndarray, " events"]) -> Integer[np.ndarray, " events"]:
        """Number of edges at or below each value (below it, if closed on the right); 0 for NaN.

        Bin i has i + 1 such edges; 0 and ``len(self) + 1`` mean outside.
        """
        return edges_passed(self.edge_array, values, self.closed)

    def index(self, values: Numbers) -> Integer[np.ndarray, " events"]:
        """Bin of each value, -1 if it is in none."""
        steps = self.steps(np.asarray(values, dtype=np.float64)).astype(np.int64)
        return np.where(steps <= len(self), steps - 1, -1)

    def sliced(self, start: int | None, stop: int | None, step: int | None = None) -> "Intervals":
        """The bins of a slice: their lower edges and the last upper edge.

        Raises:
            InvalidData: if no bin remains, or the order is reversed.
        """
        kept = range(len(self))[start:stop:step]
        if not kept or kept.step < 0:
            raise InvalidData(
                f"variable {self.name!r}: slice {start}:{stop}:{step} of {len(self)} bins keeps none in rising order"
            )
        return replace_edges(self, [*self.lower[list(kept)], self.edges[kept[-1] + 1]])

    def without_edges(self, indices: frozenset[int]) -> "Intervals":
        """The intervals that remain when edges are removed.

        Args:
            indices: positions of the edges, from 0; an inner edge merges two bins, an outer one drops a bin.

        Raises:
            InvalidData: for a position that is no edge, or if fewer than two edges remain.
        """
        wrong = sorted(i for i in indices if not 0 <= i < len(self.edges))
        if wrong:
            raise InvalidData(f"variable {self.name!r}: no edge {wrong[0]}; there are {len(self.edges)} edges")
        return replace_edges(self, [edge for i, edge in enumerate(self.edges) if i not in indices])


def edges_passed(
    edges: Float[np.ndarray, " edges"], values: Float[np.ndarray, " events"], closed: str = "left"
) -> Integer[np.ndarray, " events"]:
    """Number of edges at or below each value (``closed="left"``) or below it (``"right"``); 0 for NaN.

    Args:
        edges: increasing edges.
        values: any numbers.
        closed: closed side of the intervals between the edges.
    """
    if len(edges) > _COUNTED_EDGES:
        steps = np.searchsorted(edges, values, side="right" if closed == "left" else "left")
        steps[np.isnan(values)] = 0  # NaN sorts above all numbers
        return steps
    compare = np.greater_equal if closed == "left" else np.greater
    counts = np.zeros(len(values), dtype=np.uint8)
    for start in range(0, len(values), _BLOCK):
        block, count = values[start : start + _BLOCK], counts[start : start + _BLOCK]
        passed = np.empty(len(block), dtype=bool)
        for edge in edges:
            compare(block, edge, out=passed)
            count += passed.view(np.uint8)
    return counts


def replace_edges(intervals: Intervals, edges: Numbers) -> Intervals:
    """The same variable with other edges."""
    return replace(intervals, edges=tuple(float(edge) for edge in edges))


def _check_edges(name: str, edges: tuple[float, ...]) -> None:
    if len(edges) < 2:
        raise InvalidData(f"variable {name!r}: edges {list(edges)}; at least 2 are needed")
    for position, edge in enumerate(edges):
        if np.isnan(edge):
            raise InvalidData(f"variable {name!r}: edge {position} is NaN; edges must be numbers")
        if position and not edges[position - 1] < edge:
            raise InvalidData(
                f"variable {name!r}: edge {position} is {edge:g} and follows {edges[position - 1]:g}; "
                "edges must increase strictly"
            )
