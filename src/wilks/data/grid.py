"""Rectilinear binnings: the product of binned variables, the last one running fastest."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Integer

from wilks._base.errors import InvalidData

from .batches import Batch
from .bin_maps import BinMap
from .binning import AbstractBinning, Limits, Parts
from .intervals import Intervals
from .refinement import AbstractPlainBinning, chosen_parts


@dataclass(frozen=True)
class Grid(AbstractPlainBinning):
    """All combinations of the bins of several variables, in row-major order (the last variable runs fastest).

    Args:
        axes: binned variables with different names.

    Raises:
        InvalidData: if there is none, or a name occurs twice.

    >>> grid = Grid((Intervals("x", [0, 1, 2]), Intervals("y", [0, 1, 2, 3])))
    >>> grid.size, grid.unravel(4), grid.neighbours(4)
    (6, (1, 1), (1, 3, 5))
    """

    axes: tuple[Intervals, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))
        names = [axis.name for axis in self.axes]
        if not names or len(set(names)) < len(names):
            raise InvalidData(f"a grid needs at least one variable, each with a name of its own; got {names}")

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the axes."""
        return tuple(axis.name for axis in self.axes)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Number of bins along each axis."""
        return tuple(len(axis) for axis in self.axes)

    @cached_property
    def size(self) -> int:
        """Number of bins."""
        return math.prod(self.shape)

    def axis(self, name: str) -> Intervals:
        """The axis of a variable."""
        return self.axes[chosen_parts(name, self.variables, "variable")[0]]

    def unravel(self, index: int) -> tuple[int, ...]:
        """Bin along each axis of a bin."""
        return tuple(int(i) for i in np.unravel_index(range(self.size)[index], self.shape))

    def ravel(self, indices: Sequence[int]) -> int:
        """Bin with the given bin along each axis."""
        return int(np.ravel_multi_index(tuple(indices), self.shape))

    def locate(self, batch: Batch, level: str = "") -> Integer[np.ndarray, " events"]:
        """Index of each event, -1 outside."""
        index, outside = np.zeros(batch.size, dtype=np.int64), np.zeros(batch.size, dtype=bool)
        for axis in self.axes:
            steps = batch.steps(axis, level)
            outside |= (steps == 0) | (steps > len(axis))
            index *= len(axis)
            index += steps
            index -= 1
        index[outside] = -1
        return index

    def projection(self, keep: Parts) -> tuple[AbstractBinning, BinMap]:
        """The grid of some variables, in their order here."""
        kept = chosen_parts(keep, self.variables, "variable")
        grid = Grid(tuple(self.axes[i] for i in kept))
        indices = np.unravel_index(np.arange(self.size), self.shape)
        return grid, BinMap(np.ravel_multi_index(tuple(indices[i] for i in kept), grid.shape), grid.size)

    def parts_except(self, drop: Parts) -> Sequence[int]:
        """Numbers of the other variables."""
        dropped = chosen_parts(drop, self.variables, "variable")
        return [i for i in range(len(self.axes)) if i not in dropped]

    def slicing(self, ranges: Mapping[str, tuple[int | None, ...]]) -> tuple[AbstractBinning, BinMap]:
        """The grid of slices of some variables."""
        changes = {}
        for name, bounds in ranges.items():
            cut, axis = slice(*bounds), self.axis(name)
            targets = np.full(len(axis), -1)
            sliced = axis.sliced(cut.start, cut.stop, cut.step)
            targets[cut] = np.arange(len(sliced))
            changes[name] = (sliced, targets)
        return self._changed(changes)

    def edge_removal(self, removed: Mapping[str, Iterable[int]]) -> tuple[AbstractBinning, BinMap]:
        """The grid without some edges: an inner edge merges its two neighbours, an outer one drops a bin."""
        changes = {}
        for name, indices in removed.items():
            axis = self.axis(name)
            rest = axis.without_edges(frozenset(i % len(axis.edges) if i < 0 else i for i in indices))
            targets = np.searchsorted(rest.edge_array, axis.lower, side="right") - 1
            changes[name] = (rest, np.where(targets < len(rest), targets, -1))
        return self._changed(changes)

    def neighbours(self, index: int) -> tuple[int, ...]:
        """Bins one step away along exactly one axis."""
        place = self.unravel(index)
        stepped = [
            (*place[:axis], place[axis] + step, *place[axis + 1 :]) for axis in range(len(place)) for step in (-1, 1)
        ]
        inside = [p for p in stepped if all(0 <= i < n for i, n in zip(p, self.shape, strict=True))]
        return tuple(sorted(self.ravel(p) for p in inside))

    def limits(self) -> Limits:
        """Lower and upper edge of each bin by variable."""
        indices = np.unravel_index(np.arange(self.size), self.shape)
        return {axis.name: (axis.lower[i], axis.upper[i]) for axis, i in zip(self.axes, indices, strict=True)}

    def _changed(self, changes: Mapping[str, tuple[Intervals, np.ndarray]]) -> tuple[AbstractBinning, BinMap]:
        unchanged = {axis.name: (axis, np.arange(len(axis))) for axis in self.axes if axis.name not in changes}
        pairs = [(unchanged | dict(changes))[name] for name in self.variables]
        grid = Grid(tuple(axis for axis, _ in pairs))
        places = np.meshgrid(*(targets for _, targets in pairs), indexing="ij")
        flat = np.ravel_multi_index(tuple(np.maximum(place, 0).reshape(-1) for place in places), grid.shape)
        lost = np.any([place.reshape(-1) < 0 for place in places], axis=0)
        return grid, BinMap(np.where(lost, -1, flat), grid.size)
