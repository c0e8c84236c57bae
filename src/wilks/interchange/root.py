"""ROOT files: trees of events in chunks, histograms in, and both out."""

import glob
import re
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from wilks._base.errors import InvalidData, InvalidFile, InvalidOption, MissingExtra, UnknownName, near_names
from wilks.data.axes import Category, ContinuousAxis
from wilks.data.events import Events, Ragged
from wilks.data.histogram import Histogram

from .branches import ATLAS_2020, Schema
from .uhi import read

_UNREADABLE = (OSError, ValueError, KeyError, IndexError, TypeError, EOFError, zlib.error, struct.error)


@dataclass(frozen=True)
class RootEvents:
    """Events of ROOT files, read anew chunk by chunk each time it is iterated over.

    Args:
        paths: files or URLs, in order.
        columns: branches to read.
        tree: name of the TTree or RNTuple.
        schema: units of the branches.
        step: memory for a chunk, such as ``"50 MB"``, half of it for working copies; or a number of events.
        needed_by: who needs a column, for the message when it is missing.
    """

    paths: tuple[str, ...]
    columns: tuple[str, ...]
    tree: str
    schema: Schema
    step: str | int
    needed_by: Mapping[str, str]

    def __iter__(self) -> Iterator[Events]:
        for path in self.paths:
            yield from self._chunks(path)

    def entries(self) -> dict[str, int]:
        """Number of events in the tree of each file.

        Raises:
            InvalidFile: if a file cannot be read.
        """
        return {path: self._entries(path) for path in self.paths}

    def _entries(self, path: str) -> int:
        with _opened(path) as file:
            return int(_tree(file, self.tree, path).num_entries)

    def _chunks(self, path: str) -> Iterator[Events]:
        with _opened(path) as file:
            tree = _tree(file, self.tree, path)
            self._check_columns(tree.keys(recursive=False), path)
            chunks = iter(tree.iterate(list(self.columns), step_size=_raw_step(self.step), library="ak"))
            first = 0
            while (chunk := _next(chunks, path)) is not None:
                events = self.schema.read({name: chunk[name] for name in self.columns}, path, first)
                del chunk  # only one chunk is held at a time, and not while the next one is read
                first += len(events)
                yield events
                del events

    def _check_columns(self, found: Sequence[str], path: str) -> None:
        for name in self.columns:
            if name not in found:
                user = f", which {self.needed_by[name]} needs" if name in self.needed_by else ""
                raise UnknownName(f"{path}: tree {self.tree!r} has no column {name!r}{user}; {near_names(name, found)}")


def events(
    paths: str | Path | Iterable[str | Path],
    columns: Iterable[str],
    *,
    tree: str = "mini",
    schema: Schema = ATLAS_2020,
    step: str | int = "50 MB",
    needed_by: Mapping[str, str] | None = None,
) -> RootEvents:
    """Events of ROOT files as a stream of chunks; memory does not grow with the size of the files.

    Vectors and C-style arrays with counters give the same columns; energies and momenta come in GeV.

    Args:
        paths: files, glob patterns or URLs.
        columns: branches to read; nothing else is touched.
        tree: name of the TTree or RNTuple.
        schema: units of the branches in the file.
        step: memory for a chunk, such as ``"50 MB"``, half of it for working copies; or a number of events.
        needed_by: who needs a column (such as the name of a cut), for the message when it is missing.

    Raises:
        InvalidFile: if a file does not exist; while iterating, if it is no ROOT file, truncated, or lacks the tree.
        UnknownName: while iterating, if a column does not exist.
        MissingExtra: if uproot is not installed.
    """
    _uproot()
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    found = [path for pattern in given for path in _matching(str(pattern))]
    return RootEvents(tuple(found), tuple(sorted(columns)), tree, schema, step, dict(needed_by or {}))


def histogram(path: str | Path, name: str, *, variances: Any = None, label: str | None = None) -> Histogram:
    """One histogram of a ROOT file.

    Args:
        path: file.
        name: name of the histogram in it, with directories.
        variances: as in :func:`wilks.interchange.uhi.read`, for weighted histograms without sums of squared weights.
        label: name of the result; that of the histogram when absent.

    Raises:
        InvalidFile: if the file cannot be read or holds no such histogram.
        InvalidData: if variances are missing.
    """
    with _opened(str(path)) as file:
        if name not in file:
            raise InvalidFile(f"{path}: no histogram {name!r}; {near_names(name, _names(file))}")
        found = _guarded(lambda: file[name], str(path))
        if not isinstance(found, _uproot().behaviors.TH1.Histogram):
            raise InvalidFile(f"{path}: {name!r} is a {found.classname}, no histogram")
        made = read(found, variances=variances, label=label or str(found.name))
        return replace(made, entries=int(found.member("fEntries")))


def histograms(path: str | Path, *, variances: Any = None) -> dict[str, Histogram]:
    """All histograms of a ROOT file, by name.

    Args:
        path: file.
        variances: as in :func:`histogram`, for all of them.

    Raises:
        InvalidFile: if the file cannot be read.
    """
    with _opened(str(path)) as file:
        names = [key.partition(";")[0] for key, kind in file.classnames().items() if kind.startswith(("TH1", "TH2"))]
    return {name: histogram(path, name, variances=variances) for name in names}


def write_histograms(path: str | Path, named: Mapping[str, Histogram]) -> None:
    """Write histograms of one axis as TH1D with sums of squared weights, entries, title and axis labels.

    Args:
        path: file to write.
        named: histograms by name; the label becomes the title.

    Raises:
        InvalidData: for a histogram that is no TH1.
    """
    with _uproot().recreate(str(path)) as file:
        for name, one in named.items():
            file[name] = _th1(name, one)


def write_events(
    path: str | Path,
    chunks: Iterable[Events],
    *,
    tree: str = "mini",
    schema: Schema = ATLAS_2020,
    form: str = "ttree",
) -> int:
    """Write events; collections become C-style arrays with counters (TTree) or vectors (RNTuple).

    Args:
        path: file to write.
        chunks: events with energies and momenta in GeV, all with the same columns.
        tree: name of the tree.
        schema: units to write.
        form: ``"ttree"`` or ``"rntuple"``.

    Returns:
        Number of events written.

    Raises:
        InvalidData: if a ragged column belongs to no collection ``x_...``, or chunks differ.
    """
    uproot, written, target = _uproot(), 0, None
    with uproot.recreate(str(path)) as file:
        for chunk in chunks:
            record = _record(schema.written(chunk)) if form == "ttree" else _vectors(schema.written(chunk))
            if target is None:
                target = _new_tree(file, tree, record, form)
            target.extend(record)
            written += len(chunk)
    return written


def _uproot() -> Any:
    try:
        import awkward  # noqa: F401  uproot needs it for jagged branches
        import uproot  # heavy and optional
    except ImportError as missing:
        raise MissingExtra("uproot", "io") from missing
    return uproot


def _raw_step(step: str | int) -> str | int:
    """What uproot may hold of a chunk: half of its memory."""
    if isinstance(step, int):
        return step
    found = re.fullmatch(r"\s*([0-9.]+)\s*([kMG]?B)\s*", step)
    if found is None:
        raise InvalidOption(f"step {step!r}: give a size such as '50 MB', or a number of events")
    return f"{float(found[1]) / 2} {found[2]}"


def _matching(pattern: str) -> list[str]:
    if "://" in pattern or Path(pattern).is_file():
        return [pattern]
    found = sorted(glob.glob(pattern)) if glob.has_magic(pattern) else []
    if not found:
        folder = Path(pattern).parent
        present = sorted(item.name for item in folder.glob("*.root")) if folder.is_dir() else []
        raise InvalidFile(f"{pattern}: no such file; {folder} holds {', '.join(present[:12]) or 'no ROOT files'}")
    return found


def _opened(path: str) -> Any:
    return _guarded(lambda: _uproot().open(path), path)


def _guarded(action: Any, path: str) -> Any:
    try:
        return action()
    except _UNREADABLE as broken:
        sentence = str(broken).partition("\n")[0]
        raise InvalidFile(f"{path}: not a readable ROOT file ({sentence}); download it again") from broken


def _next(chunks: Iterator[Any], path: str) -> Any:
    return _guarded(lambda: next(chunks, None), path)


def _names(file: Any) -> list[str]:
    return sorted({key.partition(";")[0] for key in file.keys()})  # noqa: SIM118  a ROOT directory, not a dict


def _tree(file: Any, name: str, path: str) -> Any:
    behaviors = _uproot().behaviors
    names = _names(file)
    if name not in names:
        raise InvalidFile(f"{path}: no tree {name!r}; the file holds {', '.join(names[:12]) or 'nothing'}")
    found = _guarded(lambda: file[name], path)
    if not isinstance(found, behaviors.TBranch.HasBranches | behaviors.RNTuple.HasFields):
        raise InvalidFile(f"{path}: {name!r} is a {found.classname}; expected a TTree or RNTuple")
    return found


def _th1(name: str, one: Histogram) -> Any:
    if len(one.axes) != 1 or isinstance(one.axes[0], Category) or one.axes[0].extent != len(one.axes[0]) + 2:
        raise InvalidData(f"histogram {name!r}: a TH1 has one axis of intervals with underflow and overflow")
    axis, identify = one.axis, _uproot().writing.identify
    values, centers = one.values(), axis.centers
    return identify.to_TH1x(
        name,
        one.label,
        one.values(flow=True),
        float(one.counts().sum() if one.entries is None else one.entries),
        float(values.sum()),
        float(one.variances().sum()),
        float((values * centers).sum()),
        float((values * centers**2).sum()),
        one.variances(flow=True),
        _taxis(axis),
    )


def _taxis(axis: ContinuousAxis) -> Any:
    edges = np.asarray(axis.edges, dtype=np.float64)
    return _uproot().writing.identify.to_TAxis(
        "xaxis", axis.title, len(axis), float(edges[0]), float(edges[-1]), fXbins=edges
    )


def _record(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Columns with each collection zipped into one record, whose counter ``x_n`` the file makes by itself."""
    ak = _awkward()
    collections: dict[str, dict[str, Any]] = {}
    for name, column in columns.items():
        if isinstance(column, Ragged):
            prefix, _, inner = name.partition("_")
            if not inner:
                raise InvalidData(f"ragged column {name!r} belongs to no collection; name it like lep_pt")
            collections.setdefault(prefix, {})[inner] = column.to_awkward()
    flat = {name: column for name, column in columns.items() if not isinstance(column, Ragged)}
    counters = {f"{prefix}_n" for prefix in collections}
    return {name: column for name, column in flat.items() if name not in counters} | {
        prefix: ak.zip(fields) for prefix, fields in collections.items()
    }


def _vectors(columns: Mapping[str, Any]) -> dict[str, Any]:
    return {name: column.to_awkward() if isinstance(column, Ragged) else column for name, column in columns.items()}


def _new_tree(file: Any, name: str, record: Mapping[str, Any], form: str) -> Any:
    if form == "rntuple":
        return file.mkrntuple(name, {key: array[:0] for key, array in record.items()})
    types = {key: array.dtype if isinstance(array, np.ndarray) else array.type.content for key, array in record.items()}
    types = {key: kind if isinstance(kind, np.dtype) else f"var * {kind.content}" for key, kind in types.items()}
    return file.mktree(
        name, types,
        counter_name=lambda collection: f"{collection}_n",
        field_name=lambda outer, inner: f"{outer}_{inner}" if outer else inner,
    )  # fmt: skip


def _awkward() -> Any:
    _uproot()
    import awkward  # heavy and optional; _uproot has checked that it is there

    return awkward
