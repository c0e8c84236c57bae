"""Columns of a batch of events: ``Ragged`` (several values per event) and ``Events`` (named columns); numpy only."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from numpy.lib.mixins import NDArrayOperatorsMixin

from wilks._base.errors import InvalidData, MissingExtra, UnknownName, near_names

_SHORT = 8  # events of equally many values, at most so many, are reduced column by column


@dataclass(frozen=True, eq=False, repr=False)
class Ragged(NDArrayOperatorsMixin):
    """Several values per event: all values in one flat array, and where each event begins.

    Arithmetic and numpy functions work value by value, with scalars, with one number per event, and with another
    ``Ragged`` of the same shape.

    Args:
        values: values of all events, one after the other.
        offsets: ``offsets[i]:offsets[i + 1]`` are the values of event ``i``; one more than there are events.

    Raises:
        InvalidData: if offsets do not begin at 0, do not ascend, or do not end at the number of values.

    >>> pt = Ragged(np.array([40.0, 30.0, 20.0]), np.array([0, 2, 2, 3]))
    >>> pt.max().tolist()
    [40.0, -inf, 20.0]
    """

    values: Shaped[np.ndarray, " entries"]
    offsets: Int[np.ndarray, " edges"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", np.asarray(self.values))
        object.__setattr__(self, "offsets", np.asarray(self.offsets, dtype=np.int64))
        if self.values.ndim != 1 or self.offsets.ndim != 1 or len(self.offsets) < 1 or self.offsets[0] != 0:
            raise InvalidData("ragged column: values and offsets must be flat, and the first offset 0")
        falling = np.flatnonzero(np.diff(self.offsets) < 0)
        if len(falling):
            event = int(falling[0])
            raise InvalidData(
                f"ragged column: offsets fall from {self.offsets[event]} to {self.offsets[event + 1]} at event {event}"
            )
        if self.offsets[-1] != len(self.values):
            raise InvalidData(
                f"ragged column: the last offset is {self.offsets[-1]}, but there are {len(self.values)} values"
            )

    @classmethod
    def from_lists(cls, lists: Iterable[Any], dtype: Any = None) -> "Ragged":
        """Column from one list of values per event.

        Args:
            lists: values of each event.
            dtype: numpy type of the values.
        """
        rows = [np.asarray(row, dtype=dtype) for row in lists]
        filled = [row for row in rows if len(row)]
        values = np.concatenate(filled) if filled else np.empty(0, dtype=dtype or np.float64)
        return cls(values, np.cumsum([0, *map(len, rows)]))

    @classmethod
    def from_awkward(cls, array: Any) -> "Ragged":
        """Column from an awkward array of depth two.

        Args:
            array: ``awkward.Array`` of lists of numbers.

        Raises:
            MissingExtra: if awkward is not installed.
        """
        ak = _awkward()
        counts = ak.to_numpy(ak.num(array, axis=1))
        return cls(ak.to_numpy(ak.flatten(array, axis=1)), np.cumsum(np.concatenate([[0], counts])))

    def to_awkward(self) -> Any:
        """The same column as an awkward array.

        Raises:
            MissingExtra: if awkward is not installed.
        """
        return _awkward().unflatten(self.values, self.counts())

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __repr__(self) -> str:
        return f"Ragged({len(self)} events, {len(self.values)} values, {self.values.dtype})"

    def __getitem__(self, key: Any) -> "Ragged":
        """Values kept by a ``Ragged`` of bool, or events kept by a mask, slice or array of positions."""
        return self._keep_values(key) if isinstance(key, Ragged) else self._keep_events(key)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or "out" in options:
            return NotImplemented
        return self.like(ufunc(*[self._flat(item) for item in inputs], **options))

    def like(self, values: np.ndarray) -> "Ragged":
        """Other values with the same number per event."""
        return Ragged(values, self.offsets)

    def counts(self) -> Int[np.ndarray, " events"]:
        """Number of values of each event."""
        return np.diff(self.offsets)

    def count(self) -> Int[np.ndarray, " events"]:
        """Number of values of each event; for a column of bool, of the true ones."""
        return self.sum().astype(np.int64) if self.values.dtype == bool else self.counts()

    def event_numbers(self) -> Int[np.ndarray, " entries"]:
        """Event number of each value."""
        return np.repeat(np.arange(len(self)), self.counts())

    def same_shape(self, other: "Ragged") -> bool:
        """Whether both have the same number of values in each event."""
        return self.offsets is other.offsets or np.array_equal(self.offsets, other.offsets)

    def sum(self) -> np.ndarray:
        """Sum per event, 0 if it is empty; accumulated in float64 or int64."""
        wide = np.float64 if self.values.dtype.kind == "f" else np.int64
        return self._reduced(np.add, wide, 0)

    def max(self) -> Float[np.ndarray, " events"]:
        """Largest value per event, -inf if it is empty."""
        return self._reduced(np.maximum, self._real_type, -np.inf)

    def min(self) -> Float[np.ndarray, " events"]:
        """Smallest value per event, +inf if it is empty."""
        return self._reduced(np.minimum, self._real_type, np.inf)

    def any(self) -> Bool[np.ndarray, " events"]:
        """Whether any value of the event is true; false if it is empty."""
        return self._reduced(np.logical_or, np.bool_, False)

    def all(self) -> Bool[np.ndarray, " events"]:
        """Whether all values of the event are true; true if it is empty."""
        return self._reduced(np.logical_and, np.bool_, True)

    def argmax(self) -> Int[np.ndarray, " events"]:
        """Position of the first largest value within each event, -1 if it is empty."""
        first = self.argsort(descending=True).to_padded(1, -1)[:, 0]
        return first.astype(np.int64)

    def argsort(self, *, descending: bool = False) -> "Ragged":
        """Positions within each event that sort it; equal values keep their order.

        Args:
            descending: largest first.
        """
        sign = -1 if descending else 1
        values = self.values.astype(np.float64) if self.values.dtype.kind in "ub" else self.values
        order = np.lexsort((sign * values, self.event_numbers()))
        return self.like(order - np.repeat(self.offsets[:-1], self.counts()))

    def take(self, positions: "Ragged") -> "Ragged":
        """Values at the given positions within each event.

        Args:
            positions: positions, as from :meth:`argsort`.
        """
        starts = np.repeat(self.offsets[:-1], positions.counts())
        return positions.like(self.values[starts + positions.values])

    def sort(self, *, descending: bool = False) -> "Ragged":
        """Values sorted within each event.

        Args:
            descending: largest first.
        """
        return self.take(self.argsort(descending=descending))

    def to_padded(self, k: int, fill: float | int) -> np.ndarray:
        """Matrix (events, k) of the first k values, filled up where an event has fewer.

        Args:
            k: number of columns.
            fill: value of missing places.
        """
        counts = self.counts()
        if len(self.values) == k * len(self) and bool((counts == k).all()):
            return self.values.reshape(len(self), k)
        positions = np.arange(k)
        inside = positions < counts[:, None]
        padded = np.full(inside.shape, fill, dtype=np.result_type(self.values.dtype, np.min_scalar_type(fill)))
        padded[inside] = self.values[(self.offsets[:-1, None] + positions)[inside]]
        return padded

    def positions(self, key: Any) -> tuple[Int[np.ndarray, " kept"], Int[np.ndarray, " edges"]]:
        """Where the values of some events lie among all values, and the offsets of those events alone.

        Args:
            key: mask of events, slice, or array of positions.
        """
        counts, starts = self.counts()[key], self.offsets[:-1][key]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        return np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts), offsets

    @property
    def _real_type(self) -> Any:
        return self.values.dtype if self.values.dtype.kind == "f" else np.float64

    def _reduced(self, ufunc: np.ufunc, dtype: Any, empty: Any) -> np.ndarray:
        counts = self.counts()
        if len(self) and 0 < counts[0] <= _SHORT and bool((counts == counts[0]).all()):
            columns = self.values.reshape(len(self), counts[0]).astype(dtype, copy=False)
            return reduce(ufunc, [columns[:, i] for i in range(1, counts[0])], columns[:, 0].copy())
        result = np.full(len(self), empty, dtype=dtype)
        filled = counts > 0
        if filled.any():  # without empty events the segments of reduceat are exactly the events
            result[filled] = ufunc.reduceat(self.values, self.offsets[:-1][filled], dtype=dtype)
        return result

    def _flat(self, item: Any) -> Any:
        if isinstance(item, Ragged):
            if not self.same_shape(item):
                raise InvalidData("ragged columns with different numbers of values per event cannot be combined")
            return item.values
        array = np.asarray(item)
        if array.ndim == 0:
            return item
        if array.shape != (len(self),):
            raise InvalidData(f"an array of shape {array.shape} cannot be combined with {len(self)} events")
        return np.repeat(array, self.counts())

    def _keep_values(self, mask: "Ragged") -> "Ragged":
        if mask.values.dtype != bool or not self.same_shape(mask):
            raise InvalidData("a ragged column is filtered by a ragged column of bool with the same shape")
        kept = np.concatenate([[0], np.cumsum(mask.values)])
        return Ragged(self.values[mask.values], kept[self.offsets])

    def _keep_events(self, key: Any) -> "Ragged":
        values, offsets = self.positions(key)
        return Ragged(self.values[values], offsets)


Column: TypeAlias = np.ndarray | Ragged
"""One value per event, or several."""


@dataclass(frozen=True, eq=False, repr=False)
class Events:
    """Named columns of one batch of events.

    Args:
        columns: columns of one length, by name.
        units: unit of a column; a column that is not named has no known unit (``None``).
        source: where the events come from, for messages.
        first: number of the first event in its source.

    Raises:
        InvalidData: if lengths differ, or a counter ``x_n`` differs from the length of ``x_...``; names the event.
    """

    columns: Mapping[str, Column]
    units: Mapping[str, str | None] = field(default_factory=dict)
    source: str = "events"
    first: int = 0
    known: dict[Any, np.ndarray] = field(default_factory=dict, init=False, repr=False)  # found in read-only columns

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", MappingProxyType(_shared_offsets(self.columns)))
        object.__setattr__(self, "units", MappingProxyType(dict(self.units)))
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise InvalidData(f"{self.source}: columns of unequal lengths {lengths}; the shortest ends at event "
                              f"{self.first + min(lengths.values())}")  # fmt: skip
        for name in self.columns:
            self._check_counter(name)

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def __getitem__(self, name: str) -> Any:
        if name not in self.columns:
            raise UnknownName(f"{self.source}: no column {name!r}; {near_names(name, self.columns)}")
        return self.columns[name]

    def __repr__(self) -> str:
        return f"Events({self.source}: {len(self)} events from {self.first}, columns {', '.join(self.columns)})"

    def unit(self, name: str) -> str | None:
        """Unit of a column, ``None`` if it is not known."""
        return self.units.get(name)

    def where(self, key: Any, names: Iterable[str] | None = None) -> "Events":
        """Events kept by a mask, slice or array of positions.

        Args:
            key: mask of bool, slice, or positions.
            names: columns to keep; all when absent.
        """
        chosen = np.flatnonzero(key) if isinstance(key, np.ndarray) and key.dtype == bool else key
        taken: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # positions of values, once per set of offsets
        kept: dict[str, Column] = {}
        for name in self.columns if names is None else list(names):
            column = self[name]
            if isinstance(column, Ragged):
                if id(column.offsets) not in taken:
                    taken[id(column.offsets)] = column.positions(chosen)
                values, offsets = taken[id(column.offsets)]
                kept[name] = Ragged(column.values[values], offsets)
            else:
                kept[name] = column[chosen]
        return replace(self, columns=kept)

    def with_columns(self, columns: Mapping[str, Column], units: Mapping[str, str | None] | None = None) -> "Events":
        """Events with columns added or replaced.

        Args:
            columns: new columns by name.
            units: their units.
        """
        return replace(self, columns={**self.columns, **columns}, units={**self.units, **(units or {})})

    def collection(self, prefix: str) -> dict[str, Ragged]:
        """The ragged columns whose names begin with a prefix, such as ``lep_``."""
        ragged = {name: column for name, column in self.columns.items() if isinstance(column, Ragged)}
        return {name: column for name, column in ragged.items() if name.startswith(prefix)}

    def with_collection(self, prefix: str, change: Callable[[Ragged], Ragged]) -> "Events":
        """Events with one collection filtered or reordered, and its counter ``<prefix>n`` made to agree.

        Args:
            prefix: beginning of the names, such as ``lep_``.
            change: applied to each of its ragged columns.
        """
        changed = {name: change(column) for name, column in self.collection(prefix).items()}
        counter = f"{prefix}n"
        if changed and counter in self.columns:
            changed[counter] = next(iter(changed.values())).counts().astype(self.columns[counter].dtype)  # type: ignore
        return self.with_columns(changed)

    def _check_counter(self, name: str) -> None:
        counter = self.columns[name]
        if not name.endswith("_n") or isinstance(counter, Ragged):
            return
        checked: set[int] = set()
        for other, column in self.collection(name[:-1]).items():
            if id(column.offsets) in checked:
                continue
            checked.add(id(column.offsets))
            wrong = np.flatnonzero(column.counts() != counter)
            if len(wrong):
                event = int(wrong[0])
                raise InvalidData(
                    f"{self.source}: event {self.first + event} has {name} = {counter[event]} but "
                    f"{column.counts()[event]} values of {other}"
                )


def _shared_offsets(columns: Mapping[str, Column]) -> dict[str, Column]:
    """The same columns; those of equal shape share one array of offsets, so that later work is done once."""
    known: list[np.ndarray] = []
    shared: dict[str, Column] = {}
    for name, column in columns.items():
        if isinstance(column, Ragged):
            same = next((o for o in known if o is column.offsets or np.array_equal(o, column.offsets)), None)
            if same is None:
                known.append(column.offsets)
            elif same is not column.offsets:
                column = Ragged(column.values, same)
        shared[name] = column
    return shared


def _awkward() -> Any:
    try:
        import awkward  # heavy and optional
    except ImportError as missing:
        raise MissingExtra("awkward", "io") from missing
    return awkward
