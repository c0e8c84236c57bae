"""Binnings whose bins are refined by binnings of their own, and what binnings without refinement have in common."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int, Integer

from wilks._base.errors import InvalidData, UnknownName

from .batches import Batch
from .bin_maps import BinMap
from .binning import AbstractBinning, Limits, Parts


class AbstractPlainBinning(AbstractBinning):
    """A binning none of whose bins is refined: data indices are bin indices."""

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return self.size

    @property
    def children(self) -> Mapping[int, AbstractBinning]:
        """No bin is refined."""
        return {}

    def refined(self, children: Mapping[int, AbstractBinning]) -> AbstractBinning:
        """The binning with bins refined by binnings of their own (see :class:`Refined`)."""
        return Refined(self, tuple(sorted(children.items()))) if children else self

    def coarsening(self, bins: Iterable[int] | None = None) -> tuple[AbstractBinning, BinMap]:
        """The same binning: there is nothing to coarsen."""
        for index in bins or ():
            self.child(index)
        return self, BinMap(np.arange(self.size), self.size)


@dataclass(frozen=True)
class Refined(AbstractBinning):
    """A binning with some bins refined; made by :meth:`AbstractBinning.refined`.

    An event that reaches a refined bin but no bin of its child is outside. Variables of a child are needed only for the
    events that reach it.

    Args:
        top: the binning that is refined.
        pairs: bin index and child, in rising order of the index.

    Raises:
        InvalidData: for a bin that does not exist.
    """

    top: AbstractPlainBinning
    pairs: tuple[tuple[int, AbstractBinning], ...]

    def __post_init__(self) -> None:
        for index, _ in self.pairs:
            if not 0 <= index < self.top.size:
                raise InvalidData(f"bin {index} cannot be refined; there are bins 0 to {self.top.size - 1}")

    @property
    def n_bins(self) -> int:
        """Number of bins of the top binning."""
        return self.top.size

    @cached_property
    def size(self) -> int:
        """Number of bins that hold contents."""
        return int(self.offsets[-1])

    @cached_property
    def children(self) -> Mapping[int, AbstractBinning]:
        """The binnings that refine bins, by bin index."""
        return dict(self.pairs)

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables of the top binning, then those of the children."""
        return tuple(dict.fromkeys([*self.top.variables, *(v for _, child in self.pairs for v in child.variables)]))

    def locate(self, batch: Batch, level: str = "") -> Integer[np.ndarray, " events"]:
        """Data index of each event; children see only the events that reach them."""
        index = batch.index_of(self.top, level)
        data = np.where(index < 0, -1, self.offsets[index])
        for position, child in self.pairs:
            rows = np.flatnonzero(index == position)
            if len(rows):
                inner = child.locate(batch.where(rows), f"the binning that refines bin {position}")
                data[rows] = np.where(inner < 0, -1, self.offsets[position] + inner)
        return data

    def refined(self, children: Mapping[int, AbstractBinning]) -> AbstractBinning:
        """The binning with more bins refined."""
        for index in children:
            if index in self.children:
                raise InvalidData(f"bin {index} is refined already; make it coarse first: coarse([{index}])")
        return self.top.refined({**self.children, **children})

    def coarsening(self, bins: Iterable[int] | None = None) -> tuple[AbstractBinning, BinMap]:
        """The binning without some (or all) children; the contents of a block are merged."""
        dropped = set(self.children) if bins is None else set(bins)
        for index in dropped:
            self.child(index)
        coarse = self.top.refined({i: child for i, child in self.children.items() if i not in dropped})
        owners = self._owners
        inside = np.arange(self.size) - self.offsets[owners]
        inside[np.isin(owners, list(dropped))] = 0
        return coarse, BinMap(coarse.offsets[owners] + inside, coarse.size)

    def projection(self, keep: Parts) -> tuple[AbstractBinning, BinMap]:
        """The projection of the top binning."""
        return self._after_coarsening(self.top.projection(keep))

    def parts_except(self, drop: Parts) -> Sequence[int]:
        """Parts of the top binning that remain."""
        return self.top.parts_except(drop)

    def slicing(self, ranges: Mapping[str, tuple[int | None, ...]]) -> tuple[AbstractBinning, BinMap]:
        """The slice of the top binning."""
        return self._after_coarsening(self.top.slicing(ranges))

    def edge_removal(self, removed: Mapping[str, Iterable[int]]) -> tuple[AbstractBinning, BinMap]:
        """The top binning without some edges."""
        return self._after_coarsening(self.top.edge_removal(removed))

    def neighbours(self, index: int) -> tuple[int, ...]:
        """Neighbours inside the child, or unrefined neighbours of an unrefined bin; no bin is next to a refined one."""
        position = self.bin_index(index)
        start = self.data_index(position)
        if position in self.children:
            return tuple(start + i for i in self.children[position].neighbours(index - start))
        near = self.top.neighbours(position)
        return tuple(self.data_index(i) for i in near if i not in self.children)

    def limits(self) -> Limits:
        """Edges of the top bin, narrowed by those of the bin of its child."""
        full: dict[str, tuple[np.ndarray, np.ndarray]] = {
            name: (np.full(self.size, -np.inf), np.full(self.size, np.inf)) for name in self.variables
        }
        for name, (lower, upper) in self.top.limits().items():
            full[name] = (lower[self._owners], upper[self._owners])
        for position, child in self.pairs:
            inside = np.s_[self.offsets[position] : self.offsets[position] + child.size]
            for name, (lower, upper) in child.limits().items():
                np.maximum(full[name][0][inside], lower, out=full[name][0][inside])
                np.minimum(full[name][1][inside], upper, out=full[name][1][inside])
        return full

    @cached_property
    def _owners(self) -> Int[np.ndarray, " data"]:
        """Bin index of each data index."""
        return np.repeat(np.arange(self.n_bins), np.diff(self.offsets))

    def _after_coarsening(self, step: tuple[AbstractBinning, BinMap]) -> tuple[AbstractBinning, BinMap]:
        binning, where = step
        return binning, self.coarsening()[1].then(where)


def chosen_parts(given: Parts, names: Sequence[str], what: str) -> tuple[int, ...]:
    """Numbers of parts or variables given by number or name, in rising order.

    Args:
        given: one or several.
        names: their names in order.
        what: what they are, for messages.

    Raises:
        UnknownName: for one that does not exist.
    """
    wanted = [given] if isinstance(given, int | str) else list(given)
    for item in wanted:
        known = item in names if isinstance(item, str) else -len(names) <= item < len(names)
        if not known:
            raise UnknownName(f"no {what} {item!r}; there are {', '.join(map(repr, names))}")
    return tuple(sorted({names.index(item) if isinstance(item, str) else item % len(names) for item in wanted}))
