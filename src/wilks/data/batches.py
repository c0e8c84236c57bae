"""What can be filled: mappings, lists, structured arrays, DataFrames, awkward records and trees, as flat columns."""

import abc
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Integer, Shaped

from wilks._base.errors import InvalidData, UnknownName, near_names

from .events import Events, Ragged
from .intervals import Intervals

_TREE_STEP = "50 MB"

BLOCK = 65536
"""Rows filled at a time: they fit in the cache, and memory does not grow with the table."""

Weight: TypeAlias = float | int | str | np.ndarray | Sequence[float]
"""One weight for all events, the name of a column, or one weight per event."""

Cut: TypeAlias = Callable[[Events], Any]
"""A function that takes the renamed table and returns the table to fill."""


class AbstractLookup(abc.ABC):
    """What finds the bin of each event of a batch; hashable."""

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """Number of bins that hold contents."""

    @property
    @abc.abstractmethod
    def variables(self) -> tuple[str, ...]:
        """Columns that any event may need, in order."""

    @abc.abstractmethod
    def locate(self, batch: "Batch", level: str = "") -> Integer[np.ndarray, " events"]:
        """Index of the bin of each event, -1 if it is in none.

        Args:
            batch: events.
            level: which bins these are, for messages.
        """


@dataclass(frozen=True, eq=False)
class Batch:
    """Flat columns of one table of events; what has been looked up once is remembered.

    Args:
        columns: one entry per event, by name.
        size: number of events.
        absent: events that lack a value, by name of the column.
        source: where the events come from, for messages.
        first: number of the first event in its source.
    """

    columns: Mapping[str, Any]
    size: int
    absent: Mapping[str, Bool[np.ndarray, " events"]] = field(default_factory=dict)
    source: str = "events"
    first: int = 0
    _known: dict[Any, np.ndarray] = field(default_factory=dict, repr=False)
    _kept: dict[Any, np.ndarray] | None = field(default=None, repr=False)  # what a table keeps for its next filling

    def column(self, name: str, level: str = "") -> Float[np.ndarray, " events"]:
        """Numbers of a column that every event of this batch needs.

        Args:
            name: name of the column.
            level: the bins that need it, for the message.

        Raises:
            InvalidData: if the column is missing, lacks a value, is ragged or holds no numbers.
        """
        needed = f", which {level} needs" if level else ""
        if name not in self.columns and self.size == 0:
            return np.empty(0)
        if name not in self.columns:
            raise InvalidData(f"{self.source}: no column {name!r}{needed}; {near_names(name, self.columns)}")
        if name in self.absent and self.absent[name].any():
            row = self.first + int(np.argmax(self.absent[name]))
            raise InvalidData(f"{self.source}: event {row} has no value {name!r}{needed}")
        return np.broadcast_to(_numbers(self.columns[name], name, self.source), (self.size,))

    def steps(self, intervals: Intervals, level: str = "") -> Integer[np.ndarray, " events"]:
        """Edges passed by each event, see :meth:`wilks.data.intervals.Intervals.steps`; remembered."""
        if intervals not in self._known:
            column = self.columns.get(intervals.name)
            kept = self._kept if _cannot_change(column) else None
            if kept is None or self.size > BLOCK:
                self._known[intervals] = intervals.steps(self.column(intervals.name, level))
            else:  # keyed by the column itself, which the table holds as long as what it keeps
                if (id(column), intervals) not in kept:
                    kept[id(column), intervals] = intervals.steps(self.column(intervals.name, level))
                self._known[intervals] = kept[id(column), intervals]
        return self._known[intervals]

    def index_of(self, lookup: AbstractLookup, level: str = "") -> Integer[np.ndarray, " events"]:
        """Index of the bin of each event, -1 if it is in none; remembered."""
        if lookup not in self._known:
            self._known[lookup] = lookup.locate(self, level)
        return self._known[lookup]

    def where(self, rows: Any) -> "Batch":
        """The batch of some events.

        Args:
            rows: positions or slice.
        """
        taken = {name: _taken(column, rows) for name, column in self.columns.items()}
        absent = {name: mask[rows] for name, mask in self.absent.items()}
        starts = isinstance(rows, slice)
        size = len(range(self.size)[rows]) if starts else len(rows)
        first = self.first + (range(self.size)[rows].start if starts else 0)
        return Batch(taken, size, absent, self.source, first)

    def blocks(self, names: Iterable[str]) -> Iterator["Batch"]:
        """Small batches one after the other, with the named columns only."""
        wanted = set(names)
        columns = {name: column for name, column in self.columns.items() if name in wanted}
        absent = {name: mask for name, mask in self.absent.items() if name in wanted}
        slim = Batch(columns, self.size, absent, self.source, self.first, _kept=self._kept)
        if self.size <= BLOCK:
            yield slim
            return
        for start in range(0, self.size, BLOCK):
            yield slim.where(slice(start, min(start + BLOCK, self.size)))

    def prepared(
        self, rename: Mapping[str, str] | None, constants: Mapping[str, float | int] | None, cut: Cut | None
    ) -> "Batch":
        """The batch with columns renamed, columns of one value added, and the user's cut applied, in this order."""
        batch = self if not rename else _renamed(self, rename)
        if constants:
            batch = replace(batch, columns={**batch.columns, **constants}, _known={})
        if cut is None:
            return batch
        flat = {name: column for name, column in batch.columns.items() if np.ndim(column)}
        spread = {name: np.full(batch.size, column) for name, column in batch.columns.items() if name not in flat}
        table = Events({**flat, **spread}, source=batch.source, first=batch.first)
        return as_batch(cut(table))


def batches(events: Any, names: Sequence[str] | None = None) -> Iterator[Batch]:
    """Tables one by one from anything that can be filled.

    Args:
        events: one table (see :func:`as_batch`), or an iterable of tables such as
            :class:`~wilks.data.tables.CsvFiles` or the streams of :mod:`wilks.interchange.root`.
        names: columns to read of a ROOT tree; all when absent.
    """
    if _kind(events) in _TREES:
        chosen = names if names is None else [name for name in names if name in events]
        for chunk in events.iterate(chosen, step_size=_TREE_STEP, library="ak"):
            yield _from_awkward(chunk)
    elif _is_table(events) or not isinstance(events, Iterable):
        yield as_batch(events)
    else:
        for chunk in events:
            yield as_batch(chunk)


def _is_table(events: Any) -> bool:
    if isinstance(events, Batch | Events | Mapping | np.ndarray) or _kind(events) is not None:
        return True
    return isinstance(events, Sequence) and all(isinstance(event, Mapping) for event in events)


def as_batch(events: Any) -> Batch:
    """Flat columns of one table.

    Args:
        events: ``Events``, a mapping of arrays or of single numbers, a list of mappings, a structured array, a pandas
            ``DataFrame``, an awkward array of records, or a ROOT tree opened with uproot.

    Raises:
        InvalidData: if it is nothing of that, or columns have different lengths.
    """
    if isinstance(events, Batch):
        return events
    if isinstance(events, Events):
        return Batch(events.columns, len(events), source=events.source, first=events.first, _kept=events.known)
    kind = _kind(events)  # before mappings: a ROOT tree is one
    if kind:
        return _OTHERS[kind][1](events)
    if isinstance(events, Mapping):
        return _from_mapping(events)
    if isinstance(events, np.ndarray) and events.dtype.names:
        return Batch({name: events[name].reshape(-1) for name in events.dtype.names}, events.size)
    if isinstance(events, Sequence) and all(isinstance(event, Mapping) for event in events):
        return _from_rows(events)
    raise InvalidData(
        f"{type(events).__name__} cannot be filled; give a mapping of columns, a list of mappings, a structured array, "
        "a DataFrame, awkward records, a ROOT tree, or events read from a file"
    )


def _from_mapping(columns: Mapping[str, Any]) -> Batch:
    arrays = {name: column if isinstance(column, Ragged) else np.asarray(column) for name, column in columns.items()}
    lengths = {name: len(a) for name, a in arrays.items() if isinstance(a, Ragged) or a.ndim > 0}
    if len(set(lengths.values())) > 1:
        raise InvalidData(f"columns have different lengths {lengths}; give one entry per event in each")
    size = next(iter(lengths.values()), 1)
    return Batch(arrays, size)


def _from_rows(rows: Sequence[Mapping[str, Any]]) -> Batch:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: np.array([row.get(name, np.nan) for row in rows]) for name in names}
    absent = {name: np.array([name not in row for row in rows]) for name in names}
    return Batch(columns, len(rows), {name: mask for name, mask in absent.items() if mask.any()})


def _from_frame(frame: Any) -> Batch:
    return Batch({str(name): frame[name].to_numpy() for name in frame.columns}, len(frame))


def _from_awkward(array: Any) -> Batch:
    fields = list(array.fields)
    if not fields:
        raise InvalidData("an awkward array without records cannot be filled; give named fields")
    flat = [name for name in fields if array[name].ndim == 1]
    jagged = [name for name in fields if name not in flat]
    columns = {name: np.asarray(array[name]) for name in flat}
    ragged = {name: Ragged.from_awkward(array[name]) for name in jagged if array[name].ndim == 2}
    return Batch(columns | ragged, len(array))


def _from_tree(tree: Any) -> Batch:
    return _from_awkward(tree.arrays(library="ak"))


_OTHERS: Mapping[str, tuple[str, Callable[[Any], Batch]]] = {
    "frame": ("pandas.DataFrame", _from_frame),
    "awkward": ("awkward.Array", _from_awkward),
    "tree": ("uproot.behaviors.TBranch.HasBranches", _from_tree),
    "tuple": ("uproot.behaviors.RNTuple.HasFields", _from_tree),
}
_TREES = ("tree", "tuple")


def _kind(events: Any) -> str | None:
    """Which class of an optional package an object belongs to; a package that is not loaded has made no object."""
    for kind, (path, _) in _OTHERS.items():
        module, _, name = path.rpartition(".")
        if module in sys.modules and isinstance(events, getattr(sys.modules[module], name)):
            return kind
    return None


def _renamed(batch: Batch, rename: Mapping[str, str]) -> Batch:
    for name in rename:
        if name not in batch.columns:
            raise UnknownName(f"{batch.source}: no column {name!r} to rename; {near_names(name, batch.columns)}")

    def under_new_names(columns: Mapping[str, Any]) -> dict[str, Any]:
        kept = {name: column for name, column in columns.items() if name not in rename}
        return kept | {new: columns[old] for old, new in rename.items() if old in columns}

    return replace(batch, columns=under_new_names(batch.columns), absent=under_new_names(batch.absent), _known={})


def _cannot_change(column: Any) -> bool:
    """Whether nobody can write into a column, nor into an array of which it is a view."""
    known = isinstance(column, np.ndarray)
    while isinstance(column, np.ndarray):
        if column.flags.writeable:
            return False
        column = column.base
    return known and column is None


def _taken(column: Any, rows: Any) -> Any:
    return column if np.ndim(column) == 0 and not isinstance(column, Ragged) else column[rows]


def _numbers(column: Any, name: str, source: str) -> Float[np.ndarray, "*events"]:
    if isinstance(column, Ragged):
        raise InvalidData(f"{source}: column {name!r} holds several values per event; reduce it to one first")
    array: Shaped[np.ndarray, "..."] = np.asarray(column)
    if array.ndim > 1 or array.dtype.kind not in "biuf":
        raise InvalidData(
            f"{source}: column {name!r} of type {array.dtype} and shape {array.shape} holds no flat numbers"
        )
    return array.astype(np.float64, copy=False)
