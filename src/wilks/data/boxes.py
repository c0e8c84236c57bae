"""Binnings of arbitrary disjoint boxes in any number of variables."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from wilks._base.errors import InvalidData, InvalidOption, check_option

from .batches import Batch
from .bin_maps import BinMap
from .binning import AbstractBinning, Limits, Parts
from .intervals import edges_passed
from .refinement import AbstractPlainBinning

_LARGEST_TABLE = 50_000_000  # cells; beyond, boxes are tried one by one
_SIDES = ("left", "right", "both", "neither")


@dataclass(frozen=True, init=False)
class Boxes(AbstractPlainBinning):
    """Ordered disjoint boxes; an event lies in at most one, and boxes know no neighbours.

    Args:
        names: variables.
        edges: for each box, (low, high) of each variable; infinite edges are allowed.
        closed: which edges belong to a box, for all boxes or one by one: ``"left"`` for low <= value < high,
            ``"right"``, ``"both"`` or ``"neither"``.

    Raises:
        InvalidData: naming a box with bad edges, or two boxes that overlap.

    >>> Boxes(("x", "y"), [[(0, 1), (0, 2)], [(1, 3), (0, 1)]]).fill({"x": [0.5, 1.0], "y": [1.5, 1.5]}).values.tolist()
    [1.0, 0.0]
    """

    names: tuple[str, ...]
    edges: tuple[tuple[tuple[float, float], ...], ...]
    closed: tuple[str, ...]

    def __init__(
        self,
        names: Sequence[str],
        edges: Sequence[Sequence[Sequence[float | int]]] | np.ndarray,
        closed: str | Sequence[str] = "left",
    ) -> None:
        boxes = tuple(tuple((float(low), float(high)) for low, high in box) for box in edges)
        sides = (closed,) * len(boxes) if isinstance(closed, str) else tuple(closed)
        _check_boxes(tuple(names), boxes, sides)
        for field, value in (("names", tuple(names)), ("edges", boxes), ("closed", sides)):
            object.__setattr__(self, field, value)
        self._check_disjoint()

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables of the boxes."""
        return self.names

    @property
    def size(self) -> int:
        """Number of boxes."""
        return len(self.edges)

    @property
    def lower(self) -> Float[np.ndarray, "boxes variables"]:
        """Lower edges."""
        return np.array(self.edges)[:, :, 0]

    @property
    def upper(self) -> Float[np.ndarray, "boxes variables"]:
        """Upper edges."""
        return np.array(self.edges)[:, :, 1]

    def locate(self, batch: Batch, level: str = "") -> Integer[np.ndarray, " events"]:
        """Index of the box of each event, -1 outside: one look into a table of all cells between edges."""
        columns = [batch.column(name, level) for name in self.names]
        if self._table is None:
            return self._tried_one_by_one(np.array(columns))
        pieces = [self._pieces(edges, column) for edges, column in zip(self._edge_sets, columns, strict=True)]
        return self._table[tuple(pieces)]

    def projection(self, keep: Parts) -> tuple[AbstractBinning, BinMap]:
        """Boxes have no parts."""
        raise InvalidOption(f"boxes cannot be projected on {keep!r}: they are no product of variables")

    def parts_except(self, drop: Parts) -> Sequence[int]:
        """Boxes have no parts."""
        raise InvalidOption(f"boxes cannot be marginalised over {drop!r}: they are no product of variables")

    def slicing(self, ranges: Mapping[str, tuple[int | None, ...]]) -> tuple[AbstractBinning, BinMap]:
        """Boxes have no common edges."""
        raise InvalidOption(f"boxes cannot be sliced along {list(ranges)}: they are no product of variables")

    def edge_removal(self, removed: Mapping[str, Iterable[int]]) -> tuple[AbstractBinning, BinMap]:
        """Boxes have no common edges."""
        raise InvalidOption(f"edges of {list(removed)} cannot be removed: boxes are no product of variables")

    def neighbours(self, index: int) -> tuple[int, ...]:
        """Boxes know no neighbours."""
        return ()

    def limits(self) -> Limits:
        """Lower and upper edge of each box by variable."""
        return {name: (self.lower[:, i], self.upper[:, i]) for i, name in enumerate(self.names)}

    @cached_property
    def _includes(self) -> tuple[Bool[np.ndarray, " boxes"], Bool[np.ndarray, " boxes"]]:
        """Whether the lower and upper edges belong to each box."""
        return np.isin(self.closed, ["left", "both"]), np.isin(self.closed, ["right", "both"])

    @cached_property
    def _one_side(self) -> str | None:
        """The closed side if all boxes have the same single one: edges then need no cells of their own."""
        sides = set(self.closed)
        return sides.pop() if sides in ({"left"}, {"right"}) else None

    @cached_property
    def _edge_sets(self) -> list[Float[np.ndarray, " edges"]]:
        """All edges of each variable."""
        return [np.unique(np.array(self.edges)[:, i]) for i in range(len(self.names))]

    @cached_property
    def _table(self) -> Int[np.ndarray, "..."] | None:
        """Box of each cell between the edges of all boxes, -1 for none; ``None`` if there are too many cells."""
        factor = 1 if self._one_side else 2
        shape = tuple(factor * len(edges) + 1 for edges in self._edge_sets)
        if np.prod(shape, dtype=float) > _LARGEST_TABLE:
            return None
        table = np.full(shape, -1, dtype=np.int64)
        for number in range(self.size):
            table[tuple(self._span(number, i) for i in range(len(self.names)))] = number
        return table

    def _pieces(self, edges: np.ndarray, values: np.ndarray) -> Integer[np.ndarray, " events"]:
        """Cell along one variable: intervals between edges, and the edges themselves if sides differ."""
        if self._one_side:
            return edges_passed(edges, values, self._one_side)
        return edges_passed(edges, values, "left").astype(np.int64) + edges_passed(edges, values, "right")

    def _span(self, number: int, variable: int) -> slice:
        low, high = np.searchsorted(self._edge_sets[variable], self.edges[number][variable])
        if self._one_side:
            return slice(int(low) + 1, int(high) + 1)
        with_low, with_high = (bool(side[number]) for side in self._includes)
        return slice(2 * int(low) + (1 if with_low else 2), 2 * int(high) + (2 if with_high else 1))

    def _tried_one_by_one(self, values: Float[np.ndarray, "variables events"]) -> Int[np.ndarray, " events"]:
        found = np.full(values.shape[1], -1, dtype=np.int64)
        for number in range(self.size):
            low, high = self.lower[number][:, None], self.upper[number][:, None]
            above = values >= low if self._includes[0][number] else values > low
            below = values <= high if self._includes[1][number] else values < high
            found[np.all(above & below, axis=0)] = number
        return found

    def _check_disjoint(self) -> None:
        for first, second in self._overlaps():
            raise InvalidData(
                f"boxes {first} {list(self.edges[first])} and {second} {list(self.edges[second])} overlap in "
                f"({', '.join(self.names)}); an event may lie in one box only"
            )

    def _overlaps(self) -> Iterator[tuple[int, int]]:
        lower, upper = self.lower, self.upper
        with_low, with_high = self._includes
        for number in range(1, self.size):
            low, high = np.maximum(lower[:number], lower[number]), np.minimum(upper[:number], upper[number])
            point = _closed_at(low, lower, with_low, number) & _closed_at(high, upper, with_high, number)
            common = np.all((low < high) | ((low == high) & point), axis=1)
            if common.any():
                yield int(np.argmax(common)), number


def _closed_at(edge: np.ndarray, edges: np.ndarray, closed: np.ndarray, number: int) -> np.ndarray:
    """Whether the intersection with earlier boxes contains its edge: every box that has this edge must own it."""
    earlier = (edges[:number] != edge) | closed[:number, None]
    return earlier & ((edges[number] != edge) | bool(closed[number]))


def _check_boxes(names: tuple[str, ...], boxes: Sequence[Sequence[tuple[float, float]]], sides: Sequence[str]) -> None:
    if not names or not boxes or len(sides) != len(boxes):
        raise InvalidData(f"{len(names)} variables, {len(boxes)} boxes and {len(sides)} closed sides do not fit")
    for side in sides:
        check_option("closed side", side, _SIDES)
    for number, box in enumerate(boxes):
        if len(box) != len(names):
            raise InvalidData(f"box {number} has edges in {len(box)} variables; there are {len(names)}: {names}")
        for name, (low, high) in zip(names, box, strict=True):
            if not low < high:
                raise InvalidData(f"box {number}: edges {low:g} and {high:g} of {name!r} must increase")
