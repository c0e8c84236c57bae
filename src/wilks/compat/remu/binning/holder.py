"""What all binnings of the drop-in share: a binning of the engine, and three arrays that scripts may change."""

import abc
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Shaped

from wilks._base.errors import InvalidData, InvalidOption
from wilks.data.batches import as_batch
from wilks.data.binning import AbstractBinning, BinContents, expanded

from .bins import ARRAYS, AbstractBin, same_contents
from .filling import fill_each, fill_each_from_csv
from .phase_space import PhaseSpace

_LARGEST = 100_000_000  # bins


class AbstractFilledBinning(abc.ABC):
    """A binning with contents that scripts change in place.

    Args:
        top: the bins.
        subbinnings: binnings that replace bins, by bin index; their arrays become views of this binning's arrays.
        value_array: sums of weights by data index, zeros by default; kept, not copied.
        entries_array: numbers of events.
        sumw2_array: sums of squared weights.
        phasespace: variables, by default those of the bins.
        dummy: without arrays.

    Raises:
        InvalidData: if an array does not fit.
    """

    __hash__ = None  # type: ignore[assignment]  # contents change
    value_array: Any
    entries_array: Any
    sumw2_array: Any

    def __init__(
        self,
        top: AbstractBinning,
        *,
        subbinnings: "Mapping[int, AbstractFilledBinning] | None" = None,
        value_array: Any = None,
        entries_array: Any = None,
        sumw2_array: Any = None,
        phasespace: PhaseSpace | None = None,
        dummy: bool = False,
    ) -> None:
        self.subbinnings = {int(index): child for index, child in (subbinnings or {}).items()}
        self.top = top
        self.native = top.refined({index: child.native for index, child in self.subbinnings.items()})
        self.nbins, self.data_size = top.size, self.native.size
        if self.data_size > _LARGEST:
            raise InvalidData(f"a binning of {self.data_size} bins; at most {_LARGEST} are possible")
        self.phasespace = PhaseSpace(self.native.variables) if phasespace is None else phasespace
        given = {"value_array": value_array, "entries_array": entries_array, "sumw2_array": sumw2_array}
        for name, kind in ARRAYS.items():
            setattr(self, name, None if dummy else self._checked(name, given[name], kind))
        if not dummy:
            self.link_arrays()

    @abc.abstractmethod
    def structure(self) -> dict[str, Any]:
        """Arguments that make the same bins, as plain lists and numbers."""

    @abc.abstractmethod
    def bin_at(self, index: int, arrays: dict[str, Any]) -> AbstractBin:
        """One bin, with the arrays that hold its contents (or ``dummy=True``)."""

    @property
    def bins(self) -> "Bins":
        """All bins, made when they are asked for."""
        return Bins(self)

    def link_arrays(self) -> None:
        """Let the subbinnings hold views of this binning's arrays."""
        for index, child in self.subbinnings.items():
            start = self.native.data_index(index)
            for name in ARRAYS:
                setattr(child, name, getattr(self, name)[start : start + child.data_size])
            child.link_arrays()

    def is_dummy(self) -> bool:
        """Whether there are no arrays."""
        return self.value_array is None

    def contents(self) -> BinContents:
        """The contents as they are now, for the engine."""
        return self.native.contents(self.value_array, self.entries_array, self.sumw2_array)

    def add_contents(self, contents: BinContents) -> None:
        """Add contents of the same bins in place."""
        self.value_array[:] += contents.values
        self.entries_array[:] += contents.entries
        self.sumw2_array[:] += contents.sumw2

    def fill(
        self, event: Any, weight: Any = 1, raise_error: bool = False, rename: Mapping[str, str] | None = None
    ) -> None:
        """Add events; see :func:`wilks.compat.remu.binning.filling.fill_each`."""
        fill_each([self], event, weight=weight, raise_error=raise_error, rename=rename)

    def fill_data_index(self, i: int, weight: Any = 1.0) -> None:
        """Add one event, or one per weight, to a data index."""
        weights = np.atleast_1d(np.asarray(weight, dtype=float))
        self.value_array[i] += weights.sum()
        self.entries_array[i] += len(weights)
        self.sumw2_array[i] += np.sum(weights**2)

    def fill_from_csv_file(self, *args: Any, **kwargs: Any) -> None:
        """Add events of csv files; see :func:`wilks.compat.remu.binning.filling.fill_each_from_csv`."""
        fill_each_from_csv([self], *args, **kwargs)

    @classmethod
    def fill_multiple_from_csv_file(cls, binnings: Sequence[Any], *args: Any, **kwargs: Any) -> None:
        """The same for several binnings, each file read once."""
        fill_each_from_csv(binnings, *args, **kwargs)

    def reset(self, value: float | int = 0.0, entries: int = 0, sumw2: float | int = 0.0) -> None:
        """Set all contents."""
        for name, number in zip(ARRAYS, (value, entries, sumw2), strict=True):
            getattr(self, name).fill(number)

    def get_values_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Copy of the sums of weights, of some data indices, in a shape."""
        return _copied(self.value_array, shape, indices)

    def get_entries_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Copy of the numbers of events, of some data indices, in a shape."""
        return _copied(self.entries_array, shape, indices)

    def get_sumw2_as_ndarray(self, shape: Any = None, indices: Any = None) -> np.ndarray:
        """Copy of the sums of squared weights, of some data indices, in a shape."""
        return _copied(self.sumw2_array, shape, indices)

    def set_values_from_ndarray(self, arr: Any) -> None:
        """Set the sums of weights; of a stack of arrays the first one is taken, with a warning."""
        self.value_array[:] = self._fitting(arr, "values")

    def set_entries_from_ndarray(self, arr: Any) -> None:
        """Set the numbers of events; of a stack of arrays the first one is taken, with a warning."""
        new = self._fitting(arr, "entries")
        cut = np.asarray(new) != np.round(new)
        if cut.any():
            raise InvalidData(f"entries {np.asarray(new)[cut][0]:g}: a number of events is a whole number")
        self.entries_array[:] = new

    def set_sumw2_from_ndarray(self, arr: Any) -> None:
        """Set the sums of squared weights; of a stack of arrays the first one is taken, with a warning."""
        self.sumw2_array[:] = self._fitting(arr, "sumw2")

    def get_event_data_index(self, event: Mapping[str, Any]) -> int | None:
        """Data index of an event, None if it lies in no bin."""
        return _index_in(self.native, event)

    def get_event_bin_index(self, event: Mapping[str, Any]) -> int | None:
        """Bin of an event, refined bins counted as one; None if it lies in none."""
        return _index_in(self.top, event)

    def get_bin_data_index(self, bin_i: int | None) -> int | None:
        """First data index of a bin."""
        return None if bin_i is None else self.native.data_index(bin_i)

    def get_data_bin_index(self, data_i: int | None) -> int | None:
        """Bin that a data index belongs to."""
        return None if data_i is None else self.native.bin_index(data_i)

    def get_event_bin(self, event: Mapping[str, Any]) -> AbstractBin | None:
        """Bin of an event, None if it lies in none."""
        index = self.get_event_bin_index(event)
        return None if index is None else self.bins[index]

    def get_subbins(self, data_index: int) -> tuple[AbstractBin, ...]:
        """The bin of a data index, the bin of its subbinning, and so on."""
        index = self.native.bin_index(data_index)
        if index not in self.subbinnings:
            return (self.bins[index],)
        inside = range(self.data_size)[data_index] - self.native.data_index(index)
        return (self.bins[index], *self.subbinnings[index].get_subbins(inside))

    def get_event_subbins(self, event: Mapping[str, Any]) -> tuple[AbstractBin, ...] | None:
        """The same for an event, None if it lies in no bin."""
        index = self.get_event_data_index(event)
        return None if index is None else self.get_subbins(index)

    def iter_subbins(self) -> Iterator[tuple[AbstractBin, ...]]:
        """The same for all data indices."""
        return (self.get_subbins(index) for index in range(self.data_size))

    def event_in_binning(self, event: Mapping[str, Any]) -> bool:
        """Whether an event lies in any bin."""
        return self.get_event_data_index(event) is not None

    def get_adjacent_bin_indices(self) -> list[np.ndarray]:
        """Neighbours of each bin."""
        return [np.array(self.top.neighbours(i), dtype=int) for i in range(self.nbins)]

    def get_adjacent_data_indices(self) -> list[np.ndarray]:
        """Neighbours of each data index."""
        return [np.array(self.native.neighbours(i), dtype=int) for i in range(self.data_size)]

    def marginalize_subbinnings_on_ndarray(self, array: Any, bin_indices: Iterable[int] | None = None) -> np.ndarray:
        """An array over data indices with the blocks of subbinnings summed up, along its first axis."""
        return self.native.coarsening(bin_indices)[1].apply(np.asarray(array))

    def marginalize_subbinnings(self, bin_indices: Iterable[int] | None = None) -> Any:
        """A copy without subbinnings, or without some of them."""
        gone = set(self.subbinnings) if bin_indices is None else set(bin_indices)
        where = self.native.coarsening(gone)[1]
        rest = {index: child.clone(dummy=True) for index, child in self.subbinnings.items() if index not in gone}
        return self.clone(subbinnings=rest, **self._mapped(where.apply))

    def insert_subbinning_on_ndarray(self, array: Any, bin_index: int, insert_array: Any) -> np.ndarray:
        """An array over data indices with the entry of a bin replaced by those of a subbinning."""
        return expanded(self.native, np.asarray(array), {bin_index: np.asarray(insert_array)})

    def insert_subbinning(self, bin_index: int, binning: "AbstractFilledBinning") -> Any:
        """A copy with one bin refined; the contents of the bin are replaced by those of the subbinning.

        Raises:
            InvalidData: if the bin is refined already.
        """
        if bin_index in self.subbinnings:
            raise InvalidData(f"bin {bin_index} has a subbinning already; marginalize_subbinnings([{bin_index}]) first")
        children = {index: child.clone(dummy=True) for index, child in self.subbinnings.items()}
        arrays = {
            name: self.insert_subbinning_on_ndarray(getattr(self, name), bin_index, getattr(binning, name))
            for name in ([] if self.is_dummy() else ARRAYS)
        }
        return self.clone(subbinnings={**children, bin_index: binning}, **arrays)

    def clone(self, **changes: Any) -> Any:
        """A copy with arrays of its own, and with other arguments."""
        fields = self.structure() | {"phasespace": self.phasespace.clone()}
        fields["subbinnings"] = {index: child.clone(dummy=True) for index, child in self.subbinnings.items()}
        bare = self.is_dummy() or changes.get("dummy", False)
        contents = {"dummy": True} if bare else self._mapped(np.copy)
        return type(self)(**{**fields, **contents, **changes})

    def __add__(self, other: "AbstractFilledBinning") -> Any:
        if self.native != other.native:
            raise InvalidData("two binnings with different bins cannot be added")
        return self.clone(**{name: getattr(self, name) + getattr(other, name) for name in ARRAYS})

    def __eq__(self, other: object) -> bool:
        """Equal bins, and equal contents where both have them."""
        if not isinstance(other, AbstractFilledBinning):
            return False
        return self.native == other.native and same_contents(self, other)

    def __contains__(self, event: Mapping[str, Any]) -> bool:
        return self.event_in_binning(event)

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={field!r}" for name, field in self.structure().items())
        inner = f", subbinnings={self.subbinnings!r}" if self.subbinnings else ""
        return f"{type(self).__name__}({fields}{inner})"

    def _mapped(self, change: Any) -> dict[str, np.ndarray]:
        """All arrays changed by a function; none if there are none."""
        return {} if self.is_dummy() else {name: change(getattr(self, name)) for name in ARRAYS}

    def _checked(self, name: str, given: Any, kind: type) -> np.ndarray:
        array = np.zeros(self.data_size, dtype=kind) if given is None else np.asarray(given, dtype=kind)
        if array.shape != (self.data_size,):
            raise InvalidData(f"{name} of shape {array.shape} for a binning of shape ({self.data_size},)")
        return array

    def _fitting(self, given: Any, what: str) -> Shaped[np.ndarray, " bins"]:
        """The numbers of an array of the right size, or the first row of a stack."""
        array = np.asarray(given)
        if array.size == self.data_size:
            return array.reshape(-1)
        if array.ndim > 1 and array.shape[-1] == self.data_size:
            message = (
                f"{what} of shape {array.shape} for a binning of shape ({self.data_size},); the first row is taken"
            )
            warnings.warn(message, stacklevel=3)
            return array.reshape(-1, self.data_size)[0]
        raise InvalidData(f"{what} of shape {array.shape} do not fit a binning of shape ({self.data_size},)")


class Bins(Sequence):
    """The bins of a binning; each is made when asked for, and shares its contents with the binning.

    Args:
        binning: where they belong.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, binning: AbstractFilledBinning) -> None:
        self._binning = binning

    def __len__(self) -> int:
        return self._binning.nbins

    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, int | np.integer):
            raise InvalidOption(f"bins are counted by whole numbers, not by {index!r}")
        number = range(len(self))[index]
        return self._binning.bin_at(number, bin_arrays(self._binning, number))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Sequence)
            and len(self) == len(other)
            and all(a == b for a, b in zip(self, other, strict=True))
        )


def bin_arrays(binning: AbstractFilledBinning, index: int) -> dict[str, Any]:
    """Views of a binning's arrays that hold the contents of one bin."""
    if binning.is_dummy():
        return {"dummy": True}
    start = binning.native.data_index(index)
    return {name: getattr(binning, name)[start : start + 1] for name in ARRAYS}


def _index_in(binning: AbstractBinning, event: Mapping[str, Any]) -> int | None:
    index = int(binning.locate(as_batch(dict(event)))[0])
    return None if index < 0 else index


def _copied(array: np.ndarray, shape: Any, indices: Any) -> np.ndarray:
    chosen = np.array(array if indices is None else array[indices])
    return chosen.reshape(-1 if shape is None else shape)
