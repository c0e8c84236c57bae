"""Products of binnings, and grids of several variables."""

import abc
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from wilks._base.errors import InvalidData, UnknownName, near_names
from wilks.data.bin_maps import BinMap, Reduction
from wilks.data.grid import Grid
from wilks.data.product import Product

from .bins import AbstractBin, CartesianProductBin, RectangularBin
from .boxes import Binning
from .holder import AbstractFilledBinning
from .linear import LinearBinning
from .phase_space import PhaseSpace


class AbstractProductBinning(AbstractFilledBinning):
    """All combinations of the data indices of several binnings, the last one fastest."""

    binnings: tuple[Any, ...]

    @abc.abstractmethod
    def part_number(self, part: Any) -> int:
        """Number of a part."""

    @abc.abstractmethod
    def with_parts(self, numbers: Sequence[int], arrays: dict[str, Any]) -> "AbstractProductBinning":
        """The product of some parts, with contents."""

    @property
    def bins_shape(self) -> tuple[int, ...]:
        """Number of data bins of each part."""
        return tuple(binning.data_size for binning in self.binnings)

    def get_tuple_bin_index(self, tup: Sequence[int | None]) -> int | None:
        """Bin with the given data index in each part; None if one of them is None."""
        indices = [i for i in tup if i is not None]
        return int(np.ravel_multi_index(tuple(indices), self.bins_shape)) if len(indices) == len(tup) else None

    def get_bin_index_tuple(self, i_bin: int | None) -> tuple[int | None, ...]:
        """Data index in each part; None everywhere if there is no such bin."""
        if i_bin is None or not 0 <= i_bin < self.nbins:
            return (None,) * len(self.binnings)
        return tuple(int(i) for i in np.unravel_index(i_bin, self.bins_shape))

    def get_event_tuple(self, event: Mapping[str, Any]) -> tuple[int | None, ...]:
        """Data index of an event in each part."""
        return tuple(binning.get_event_data_index(event) for binning in self.binnings)

    def marginalize(self, binning_i: Any, reduction_function: Reduction = np.sum) -> Any:
        """Without some parts, by number or (for grids) name; subbinnings are summed up first.

        Args:
            binning_i: one part, or several.
            reduction_function: what becomes of the contents of merged bins; takes an ``axis``.
        """
        gone = {self.part_number(part) for part in _several(binning_i)}
        kept = [i for i in range(len(self.binnings)) if i not in gone]
        if not kept:
            raise InvalidData("all parts would be gone; keep at least one")
        return self.with_parts(kept, self._reduced(kept, reduction_function))

    def project(self, binning_i: Any, reduction_function: Reduction = np.sum) -> Any:
        """Some parts alone, in their order here; one given by itself comes as the binning that it is.

        Args:
            binning_i: one part, or several.
            reduction_function: as for `marginalize`.
        """
        kept = sorted({self.part_number(part) for part in _several(binning_i)})
        arrays = self._reduced(kept, reduction_function)
        if isinstance(binning_i, int | str):
            return self.binnings[kept[0]].clone(**{"dummy": self.is_dummy(), **arrays})
        return self.with_parts(kept, arrays)

    def _reduced(self, kept: Sequence[int], reduction: Reduction) -> dict[str, Any]:
        if self.is_dummy():
            return {"dummy": True}
        indices = np.unravel_index(np.arange(self.nbins), self.bins_shape)
        shape = tuple(self.bins_shape[i] for i in kept)
        targets = np.ravel_multi_index(tuple(indices[i] for i in kept), shape)
        where = self.native.coarsening()[1].then(BinMap(targets, int(np.prod(shape))))
        if reduction is np.sum:
            return self._mapped(where.apply)
        last = BinMap(targets, where.size)
        return self._mapped(lambda array: last.apply(self.marginalize_subbinnings_on_ndarray(array), reduction))


@Binning.register
class CartesianProductBinning(AbstractProductBinning):
    """The product of binnings.

    Args:
        binnings: factors in different variables.
        kwargs: as for `AbstractFilledBinning`.
    """

    def __init__(self, binnings: Iterable[Any], **kwargs: Any) -> None:
        self.binnings = tuple(binnings)
        names = (name for binning in self.binnings for name in binning.phasespace.variables)
        kwargs["phasespace"] = kwargs.get("phasespace") or PhaseSpace(names)
        AbstractFilledBinning.__init__(self, Product(tuple(binning.native for binning in self.binnings)), **kwargs)

    def structure(self) -> dict[str, Any]:
        """Copies of the factors."""
        return {"binnings": [binning.clone(dummy=True) for binning in self.binnings]}

    def bin_at(self, index: int, arrays: dict[str, Any]) -> AbstractBin:
        """One combination of data indices."""
        return CartesianProductBin(self.binnings, (int(i) for i in np.unravel_index(index, self.bins_shape)), **arrays)

    def part_number(self, part: Any) -> int:
        """Factors are known by number."""
        return range(len(self.binnings))[part]

    def with_parts(self, numbers: Sequence[int], arrays: dict[str, Any]) -> AbstractProductBinning:
        """The product of some factors."""
        return CartesianProductBinning([self.binnings[i].clone(dummy=True) for i in numbers], **arrays)


@CartesianProductBinning.register
class RectilinearBinning(AbstractProductBinning):
    """A grid of several variables.

    Args:
        variables: names.
        bin_edges: edges of each variable.
        include_upper: whether upper edges belong to the bins, instead of lower ones.
        kwargs: as for `AbstractFilledBinning`.
    """

    def __init__(
        self, variables: Iterable[str], bin_edges: Iterable[Any], include_upper: bool = False, **kwargs: Any
    ) -> None:
        self.variables, edges = tuple(variables), [np.asarray(own, dtype=float) for own in bin_edges]
        self.include_upper = bool(include_upper)
        if len(edges) != len(self.variables):
            raise InvalidData(f"{len(edges)} lists of edges for {len(self.variables)} variables; give one each")
        pairs = zip(self.variables, edges, strict=True)
        self.binnings = tuple(LinearBinning(name, own, self.include_upper, dummy=True) for name, own in pairs)
        self.bin_edges = tuple(binning.bin_edges for binning in self.binnings)
        kwargs["phasespace"] = kwargs.get("phasespace") or PhaseSpace(self.variables)
        AbstractFilledBinning.__init__(self, Grid(tuple(binning.axis for binning in self.binnings)), **kwargs)

    def structure(self) -> dict[str, Any]:
        """Variables and edges."""
        edges = [list(binning.axis.edges) for binning in self.binnings]
        return {"variables": list(self.variables), "bin_edges": edges, "include_upper": self.include_upper}

    def bin_at(self, index: int, arrays: dict[str, Any]) -> AbstractBin:
        """One box."""
        place, upper = np.unravel_index(index, self.bins_shape), self.include_upper
        edges = tuple((own[i], own[i + 1]) for own, i in zip(self.bin_edges, place, strict=True))
        return RectangularBin(self.variables, edges, include_lower=not upper, include_upper=upper, **arrays)

    def part_number(self, part: Any) -> int:
        """Variables are known by name and by number."""
        if not isinstance(part, str):
            return range(len(self.binnings))[part]
        if part not in self.variables:
            raise UnknownName(f"no variable {part!r}; {near_names(part, self.variables)}")
        return self.variables.index(part)

    def get_variable_index(self, variable: Any) -> int:
        """Number of a variable."""
        return self.part_number(variable)

    def with_parts(self, numbers: Sequence[int], arrays: dict[str, Any]) -> AbstractProductBinning:
        """The grid of some variables."""
        names, edges = [self.variables[i] for i in numbers], [self.bin_edges[i] for i in numbers]
        return RectilinearBinning(names, edges, self.include_upper, **arrays)

    def slice(self, slices: Mapping[str, tuple[int | None, ...]]) -> "RectilinearBinning":
        """Slices ``(start, stop[, step])`` of some variables; subbinnings are dropped."""
        return self._changed(self.native.slicing(slices))

    def remove_bin_edges(self, bin_edge_indices: Mapping[str, Iterable[int]]) -> "RectilinearBinning":
        """Without some edges of variables; see `LinearBinning.remove_bin_edges`."""
        return self._changed(self.native.edge_removal(bin_edge_indices))

    def _changed(self, step: Any) -> "RectilinearBinning":
        grid, where = step
        edges = [axis.edges for axis in grid.axes]
        return RectilinearBinning(self.variables, edges, self.include_upper, **self._mapped(where.apply))


def _several(parts: Any) -> list[Any]:
    """Parts given alone, by number or name, or in a list."""
    return [parts] if isinstance(parts, int | str | np.integer) else list(parts)
