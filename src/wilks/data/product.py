"""Cartesian products of binnings: every combination of their data indices, the last part running fastest."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Integer

from wilks._base.errors import InvalidData, InvalidOption

from .batches import Batch
from .bin_maps import BinMap
from .binning import AbstractBinning, Limits, Parts
from .refinement import AbstractPlainBinning, chosen_parts


@dataclass(frozen=True)
class Product(AbstractPlainBinning):
    """All combinations of the data indices of several binnings (their children are expanded), in row-major order.

    Args:
        parts: binnings of different variables.

    Raises:
        InvalidData: if there is none, or two parts share a variable.
    """

    parts: tuple[AbstractBinning, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        names = [name for part in self.parts for name in part.variables]
        twice = sorted({name for name in names if names.count(name) > 1})
        if not names or twice:
            raise InvalidData(f"a product needs at least one part, and variables of one part only; twice: {twice}")

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables of all parts in order."""
        return tuple(name for part in self.parts for name in part.variables)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """Number of data bins of each part."""
        return tuple(part.size for part in self.parts)

    @cached_property
    def size(self) -> int:
        """Number of bins."""
        return math.prod(self.shape)

    def unravel(self, index: int) -> tuple[int, ...]:
        """Data index in each part."""
        return tuple(int(i) for i in np.unravel_index(range(self.size)[index], self.shape))

    def ravel(self, indices: Sequence[int]) -> int:
        """Bin with the given data index in each part."""
        return int(np.ravel_multi_index(tuple(indices), self.shape))

    def marginal_bins(self, index: int) -> tuple[int, ...]:
        """Bin of each part that a bin belongs to, refined bins counted once."""
        return tuple(part.bin_index(i) for part, i in zip(self.parts, self.unravel(index), strict=True))

    def marginal_subbins(self, index: int) -> tuple[tuple[int, ...], ...]:
        """Chain (bin, bin of its child, ...) in each part."""
        return tuple(part.subbins(i) for part, i in zip(self.parts, self.unravel(index), strict=True))

    def locate(self, batch: Batch, level: str = "") -> Integer[np.ndarray, " events"]:
        """Index of each event, -1 if it is outside of any part."""
        index, outside = np.zeros(batch.size, dtype=np.int64), np.zeros(batch.size, dtype=bool)
        for part in self.parts:
            inner = batch.index_of(part, level)
            outside |= inner < 0
            index *= part.size
            index += inner
        index[outside] = -1
        return index

    def projection(self, keep: Parts) -> tuple[AbstractBinning, BinMap]:
        """One part given alone comes as it is; several come as a product."""
        kept = chosen_parts(keep, self._part_names, "part")
        indices = np.unravel_index(np.arange(self.size), self.shape)
        if isinstance(keep, int | str):
            return self.parts[kept[0]], BinMap(indices[kept[0]], self.parts[kept[0]].size)
        product = Product(tuple(self.parts[i] for i in kept))
        return product, BinMap(np.ravel_multi_index(tuple(indices[i] for i in kept), product.shape), product.size)

    def parts_except(self, drop: Parts) -> Sequence[int]:
        """Numbers of the other parts."""
        dropped = chosen_parts(drop, self._part_names, "part")
        return [i for i in range(len(self.parts)) if i not in dropped]

    def slicing(self, ranges: Mapping[str, tuple[int | None, ...]]) -> tuple[AbstractBinning, BinMap]:
        """The product with the parts that hold the variables sliced."""
        return self._changed(list(ranges), lambda part, names: part.slicing({name: ranges[name] for name in names}))

    def edge_removal(self, removed: Mapping[str, Iterable[int]]) -> tuple[AbstractBinning, BinMap]:
        """The product with edges removed from the parts that hold the variables."""
        return self._changed(
            list(removed), lambda part, names: part.edge_removal({name: removed[name] for name in names})
        )

    def neighbours(self, index: int) -> tuple[int, ...]:
        """Bins one step away in exactly one part, as that part defines a step."""
        place = self.unravel(index)
        stepped = [
            (*place[:i], near, *place[i + 1 :])
            for i, part in enumerate(self.parts)
            for near in part.neighbours(place[i])
        ]
        return tuple(sorted(self.ravel(p) for p in stepped))

    def limits(self) -> Limits:
        """Lower and upper edge of each bin by variable."""
        indices = np.unravel_index(np.arange(self.size), self.shape)
        return {
            name: (lower[i], upper[i])
            for part, i in zip(self.parts, indices, strict=True)
            for name, (lower, upper) in part.limits().items()
        }

    @property
    def _part_names(self) -> list[str]:
        return [part.variables[0] if len(part.variables) == 1 else f"part {i}" for i, part in enumerate(self.parts)]

    def _changed(self, names: Sequence[str], change) -> tuple[AbstractBinning, BinMap]:
        for name in names:
            if name not in self.variables:
                raise InvalidOption(f"no variable {name!r} in this product; there are {', '.join(self.variables)}")
        changed, places = [], []
        indices = np.unravel_index(np.arange(self.size), self.shape)
        for part, index in zip(self.parts, indices, strict=True):
            own = [name for name in names if name in part.variables]
            new, where = change(part, own) if own else (part, BinMap(np.arange(part.size), part.size))
            changed.append(new)
            places.append(where.targets[index])
        product = Product(tuple(changed))
        flat = np.ravel_multi_index(tuple(np.maximum(place, 0) for place in places), product.shape)
        return product, BinMap(np.where(np.min(places, axis=0) < 0, -1, flat), product.size)
