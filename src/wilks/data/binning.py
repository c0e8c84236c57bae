"""What every binning offers, and the contents of its bins; structure and contents are separate objects."""

import abc
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Int, Shaped

from wilks._base.errors import InvalidData, UnknownName

from .batches import AbstractLookup, Cut, Weight
from .bin_maps import BinMap, Reduction
from .binned_filling import BinSums, FillReport, bin_sums

Limits: TypeAlias = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Lower and upper edge of each bin, by variable; infinite where a bin does not limit the variable."""

Parts: TypeAlias = int | str | Sequence[int] | Sequence[str]
"""One part or variable, by number or name, or several."""


class AbstractBinning(AbstractLookup):
    """An immutable, hashable set of disjoint bins; a bin may be refined by a binning of its own.

    A *bin index* counts bins with each refined one as one; a *data index* counts what holds contents: refined bins are
    replaced in place by the bins of their child.
    """

    @property
    @abc.abstractmethod
    def n_bins(self) -> int:
        """Number of bins, a refined one counted once."""

    @property
    @abc.abstractmethod
    def children(self) -> Mapping[int, "AbstractBinning"]:
        """The binnings that refine bins, by bin index."""

    @abc.abstractmethod
    def refined(self, children: Mapping[int, "AbstractBinning"]) -> "AbstractBinning":
        """The binning with bins refined by binnings of their own.

        Args:
            children: child by bin index.

        Raises:
            InvalidData: for a bin that does not exist or is refined already.
        """

    @abc.abstractmethod
    def coarsening(self, bins: Iterable[int] | None = None) -> tuple["AbstractBinning", BinMap]:
        """The binning without some (or all) of its children, and where the contents go."""

    @abc.abstractmethod
    def projection(self, keep: Parts) -> tuple["AbstractBinning", BinMap]:
        """The binning of some parts or variables alone, and where the contents go; children are dropped first."""

    @abc.abstractmethod
    def parts_except(self, drop: Parts) -> Sequence[int]:
        """Numbers of the parts that remain when others are dropped."""

    @abc.abstractmethod
    def slicing(self, ranges: Mapping[str, tuple[int | None, ...]]) -> tuple["AbstractBinning", BinMap]:
        """The bins in ranges ``(start, stop[, step])`` of variables, and where the contents go; without children."""

    @abc.abstractmethod
    def edge_removal(self, removed: Mapping[str, Iterable[int]]) -> tuple["AbstractBinning", BinMap]:
        """The binning without some edges of variables, and where the contents go; without children."""

    @abc.abstractmethod
    def neighbours(self, index: int) -> tuple[int, ...]:
        """Data indices of the bins adjacent to the one with this data index."""

    @abc.abstractmethod
    def limits(self) -> Limits:
        """Lower and upper edges of all bins by data index, for each variable."""

    @property
    def phase_space(self) -> frozenset[str]:
        """All variables as a set: subset order, union and difference are those of Python."""
        return frozenset(self.variables)

    @cached_property
    def offsets(self) -> Int[np.ndarray, " bins"]:
        """First data index of each bin: bin + sum over refined b < bin of (size_b - 1); the last entry is the size."""
        sizes = np.ones(self.n_bins, dtype=np.int64)
        for index, child in self.children.items():
            sizes[index] = child.size
        return np.concatenate([[0], np.cumsum(sizes)])

    def data_index(self, index: int) -> int:
        """First data index of a bin."""
        return int(self.offsets[range(self.n_bins)[index]])

    def bin_index(self, data: int) -> int:
        """Bin that holds a data index: all data indices inside a child belong to the refined bin."""
        return int(np.searchsorted(self.offsets, range(self.size)[data], side="right") - 1)

    def subbins(self, data: int) -> tuple[int, ...]:
        """Chain of a data index: the bin, the bin of its child, and so on."""
        index = self.bin_index(data)
        if index not in self.children:
            return (index,)
        return (index, *self.children[index].subbins(range(self.size)[data] - self.data_index(index)))

    def child(self, index: int) -> "AbstractBinning":
        """The binning that refines a bin.

        Raises:
            UnknownName: if the bin is not refined.
        """
        if index not in self.children:
            raise UnknownName(f"bin {index} is not refined; refined bins are {sorted(self.children) or 'none'}")
        return self.children[index]

    def coarse(self, bins: Iterable[int] | None = None) -> "AbstractBinning":
        """The binning without its children, or without those of some bins."""
        return self.coarsening(bins)[0]

    def project(self, keep: Parts) -> "AbstractBinning":
        """The binning of some variables (of a grid) or parts (of a product); one alone comes as its own type."""
        return self.projection(keep)[0]

    def marginalise(self, drop: Parts) -> "AbstractBinning":
        """The binning without some variables (of a grid) or parts (of a product)."""
        return self.projection(self.parts_except(drop))[0]

    def slice(self, ranges: Mapping[str, tuple[int | None, ...]]) -> "AbstractBinning":
        """The bins in ranges ``{variable: (start, stop[, step])}``, without children."""
        return self.slicing(ranges)[0]

    def without_edges(self, removed: Mapping[str, Iterable[int]]) -> "AbstractBinning":
        """The binning without some edges ``{variable: positions}``: neighbours merge, outermost bins are dropped."""
        return self.edge_removal(removed)[0]

    def adjacency(self) -> Int[np.ndarray, "pairs 2"]:
        """All ordered pairs of adjacent data indices."""
        pairs = [(i, j) for i in range(self.size) for j in self.neighbours(i)]
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    def block(self, index: int, values: Any) -> Float[np.ndarray, " bins"]:
        """Array over all data bins that is zero outside one (refined) bin.

        Args:
            index: bin index.
            values: one number, or one per bin of the child.

        Raises:
            InvalidData: if the values do not fit.
        """
        start = self.data_index(index)
        size = self.children[index].size if index in self.children else 1
        given = np.asarray(values, dtype=np.float64)
        if given.ndim and given.shape != (size,):
            raise InvalidData(f"values of shape {given.shape} for bin {index}, which holds {size} bins")
        array = np.zeros(self.size)
        array[start : start + size] = given
        return array

    def fill(
        self,
        events: Any,
        *,
        weight: Weight = 1.0,
        scale: float | int = 1.0,
        rename: Mapping[str, str] | None = None,
        constants: Mapping[str, float | int] | None = None,
        cut: Cut | None = None,
        outside: str = "count",
    ) -> "BinContents":
        """Contents from a table of events; see :func:`wilks.data.binned_filling.bin_sums` for the arguments."""
        return fill_all(
            [self], events, weight=weight, scale=scale, rename=rename, constants=constants, cut=cut, outside=outside
        )[0]

    def filled_at(
        self, point: Mapping[str, float | int] | None = None, *, value: float | int = 1.0, **coordinates: float | int
    ) -> "BinContents":
        """Contents with one entry.

        Args:
            point: value of each variable.
            value: weight of the entry.
            coordinates: the same as ``point``, as keywords.

        Raises:
            InvalidData: if the point lies in no bin.
        """
        return self.fill({**(point or {}), **coordinates}, weight=value, outside="error")

    def contents(self, values: Any, entries: Any = None, sumw2: Any = None) -> "BinContents":
        """Contents of given values; entries and squared weights are 0 when absent.

        Raises:
            InvalidData: if a shape is wrong, or entries are no whole numbers.
        """
        arrays = {"values": values, "entries": entries, "sumw2": sumw2}
        given = {name: np.zeros(self.size) if a is None else np.asarray(a, float) for name, a in arrays.items()}
        for name, array in given.items():
            if array.shape != (self.size,):
                raise InvalidData(f"{name} of shape {array.shape} do not fit a binning of shape ({self.size},)")
        cut = given["entries"] != np.round(given["entries"])
        if cut.any():
            raise InvalidData(f"entries {given['entries'][cut][0]:g}: a number of events is a whole number")
        return BinContents(self, given["values"], given["entries"].astype(np.int64), given["sumw2"])

    def empty(self) -> "BinContents":
        """Contents without entries."""
        return self.contents(np.zeros(self.size))


@dataclass(frozen=True, eq=False)
class BinContents:
    """Contents of the bins of a binning, by data index: a histogram that knows its number of entries bin by bin.

    Args:
        binning: the bins.
        values: sum of weights per bin.
        entries: number of events per bin.
        sumw2: sum of squared weights per bin.
        report: events inside and outside of the fillings.

    Raises:
        InvalidData: if a shape is wrong.
    """

    binning: AbstractBinning
    values: Float[np.ndarray, " bins"]
    entries: Int[np.ndarray, " bins"]
    sumw2: Float[np.ndarray, " bins"]
    report: FillReport = field(default_factory=FillReport)

    def __post_init__(self) -> None:
        for name in ("values", "entries", "sumw2"):
            array = getattr(self, name).copy()
            if array.shape != (self.binning.size,):
                raise InvalidData(f"{name} of shape {array.shape} do not fit a binning of {self.binning.size} bins")
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __len__(self) -> int:
        return self.binning.size

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The values: contents stand for them wherever an array is expected."""
        return np.array(self.values, dtype=dtype, copy=copy)

    @property
    def errors(self) -> Float[np.ndarray, " bins"]:
        """Square root of the sum of squared weights."""
        return np.sqrt(self.sumw2)

    def __add__(self, other: "BinContents") -> "BinContents":
        self._check_equal_bins(other, "added")
        entries, report = self.entries + other.entries, self.report + other.report
        return BinContents(self.binning, self.values + other.values, entries, self.sumw2 + other.sumw2, report)

    def __sub__(self, other: "BinContents") -> "BinContents":
        self._check_equal_bins(other, "subtracted")
        entries, report = self.entries + other.entries, self.report + other.report
        return BinContents(self.binning, self.values - other.values, entries, self.sumw2 + other.sumw2, report)

    def __mul__(self, factor: float | int) -> "BinContents":
        return replace(self, values=self.values * factor, sumw2=self.sumw2 * factor**2)

    __rmul__ = __mul__

    def __truediv__(self, other: "BinContents | float | int") -> "BinContents":
        """Scaled by a number, or the ratio to other contents with uncorrelated errors (NaN where these are zero)."""
        if not isinstance(other, BinContents):
            return self * (1.0 / other)
        self._check_equal_bins(other, "divided")
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.where(other.values != 0, self.values / other.values, np.nan)
            sumw2 = (self.sumw2 + values**2 * other.sumw2) / other.values**2
        return BinContents(self.binning, values, self.entries + other.entries, sumw2)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BinContents):
            return NotImplemented
        arrays = ((self.values, other.values), (self.entries, other.entries), (self.sumw2, other.sumw2))
        return self.binning == other.binning and all(np.array_equal(a, b) for a, b in arrays)

    __hash__ = None  # type: ignore[assignment]  # arrays inside

    def __repr__(self) -> str:
        names = ", ".join(self.binning.variables)
        return f"BinContents({names}: {len(self)} bins, sum {self.values.sum():.6g}, {self.entries.sum()} entries)"

    def coarse(self, bins: Iterable[int] | None = None) -> "BinContents":
        """Contents with the blocks of all children (or of some bins) summed up."""
        return self._mapped(*self.binning.coarsening(bins))

    def refined(self, children: "Mapping[int, BinContents]") -> "BinContents":
        """Contents with bins replaced by the contents of children.

        Args:
            children: contents by bin index.
        """
        binning = self.binning.refined({index: child.binning for index, child in children.items()})
        values, entries, sumw2 = (
            expanded(self.binning, getattr(self, name), {i: getattr(child, name) for i, child in children.items()})
            for name in ("values", "entries", "sumw2")
        )
        return BinContents(binning, values, entries, sumw2, self.report)

    def child(self, index: int) -> "BinContents":
        """Contents of the child of a bin."""
        child, start = self.binning.child(index), self.binning.data_index(index)
        inside = np.s_[start : start + child.size]
        return BinContents(child, self.values[inside], self.entries[inside], self.sumw2[inside])

    def project(self, keep: Parts, reduction: Reduction = np.sum) -> "BinContents":
        """Contents of some variables or parts alone, children summed up first."""
        top = self.coarse()
        return top._mapped(*top.binning.projection(keep), reduction)

    def marginalise(self, drop: Parts, reduction: Reduction = np.sum) -> "BinContents":
        """Contents without some variables or parts, children summed up first."""
        return self.project(self.binning.parts_except(drop), reduction)

    def slice(self, ranges: Mapping[str, tuple[int | None, ...]]) -> "BinContents":
        """Contents of the bins in ranges ``{variable: (start, stop[, step])}``, children summed up first."""
        top = self.coarse()
        return top._mapped(*top.binning.slicing(ranges))

    def without_edges(self, removed: Mapping[str, Iterable[int]]) -> "BinContents":
        """Contents after some edges ``{variable: positions}`` are removed, children summed up first."""
        top = self.coarse()
        return top._mapped(*top.binning.edge_removal(removed))

    def _mapped(self, binning: AbstractBinning, where: BinMap, reduction: Reduction = np.sum) -> "BinContents":
        values, entries, sumw2 = (where.apply(array, reduction) for array in (self.values, self.entries, self.sumw2))
        return BinContents(binning, values, np.rint(entries).astype(np.int64), sumw2, self.report)

    def _check_equal_bins(self, other: "BinContents", verb: str) -> None:
        if self.binning != other.binning:
            raise InvalidData(
                f"contents of {len(self)} bins in {self.binning.variables} and of {len(other)} bins in "
                f"{other.binning.variables} have different binnings and cannot be {verb}"
            )


def expanded(
    binning: AbstractBinning, array: Shaped[np.ndarray, "old ..."], children: Mapping[int, Shaped[np.ndarray, "..."]]
) -> Shaped[np.ndarray, "new ..."]:
    """An array with the entries of bins replaced by arrays of the children that refine them, along the first axis.

    Args:
        binning: the binning before refinement.
        array: one entry per data bin.
        children: one array per bin to refine.
    """
    pieces = [array[i : i + 1] for i in range(binning.size)]
    for index, inner in children.items():
        pieces[binning.data_index(index)] = np.asarray(inner)
    return np.concatenate(pieces)


def fill_all(binnings: Sequence[AbstractBinning], events: Any, **options: Any) -> list[BinContents]:
    """Contents of several binnings from one pass over the events.

    Args:
        binnings: binnings to fill.
        events: anything that can be filled.
        options: as in :func:`wilks.data.binned_filling.bin_sums`.
    """
    sums: list[BinSums] = bin_sums(binnings, events, **options)
    return [
        BinContents(binning, s.values, s.entries, s.sumw2, s.report) for binning, s in zip(binnings, sums, strict=True)
    ]
