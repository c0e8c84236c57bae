"""Filling of several binnings from one table or from csv files."""

from collections.abc import Callable, Iterator, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from wilks._base.errors import InvalidData, InvalidFile
from wilks.data.batches import as_batch
from wilks.data.binning import fill_all
from wilks.data.events import Events
from wilks.data.tables import CsvFiles, read_csv


def identity(table: Any) -> Any:
    """The cut that keeps everything."""
    return table


def fill_each(
    binnings: Sequence[Any],
    events: Any,
    *,
    weight: Any = 1.0,
    scale: float | int = 1.0,
    raise_error: bool = False,
    rename: Mapping[str, str] | None = None,
) -> None:
    """Add events to several binnings in one pass.

    Args:
        binnings: drop-in binnings.
        events: one event, a list of them, a structured array, a DataFrame, or columns.
        weight: one number, one per event, or the name of a column.
        scale: factor on all weights.
        raise_error: refuse events that lie in no bin.
        rename: new names of columns; names that do not occur are passed over. The table itself is not changed.
    """
    if isinstance(events, Sized) and len(events) == 0:
        return
    batch = as_batch(events)
    found = {old: new for old, new in (rename or {}).items() if old in batch.columns}
    filled = fill_all(
        [binning.native for binning in binnings],
        batch,
        weight=weight if isinstance(weight, str) else np.asarray(weight, dtype=float),
        scale=scale,
        rename=found or None,
        outside="error" if raise_error else "count",
    )
    for binning, contents in zip(binnings, filled, strict=True):
        binning.add_contents(contents)


def fill_each_from_csv(
    binnings: Sequence[Any],
    filename: Any,
    weightfield: str | None = None,
    weight: Any = 1.0,
    rename: Mapping[str, str] | None = None,
    cut_function: Callable[[Any], Any] = identity,
    buffer_csv_files: bool = False,
    chunksize: int = 10000,
    raise_error: bool = False,
) -> None:
    """Add the events of csv files to several binnings, each file read once.

    Args:
        binnings: drop-in binnings.
        filename: a file, or a list of files. For ``x.txt`` that does not exist, ``x.csv.gz`` beside it is opened.
        weightfield: name of a column of weights.
        weight: factor on the weights; one for all files, or one per file of a list.
        rename: new names of columns, see :func:`fill_each`.
        cut_function: from the renamed table, a structured array, to the table to fill.
        buffer_csv_files: keep tables in memory for the next call, as long as their files do not change.
        chunksize: accepted without effect; files are read in pieces anyway.
        raise_error: refuse events that lie in no bin.

    Raises:
        InvalidData: if there is not one weight per file.
        InvalidFile: if a file does not exist or cannot be read.
    """
    files = list(filename) if isinstance(filename, list | tuple) else [filename]
    factors = [float(weight)] * len(files) if np.ndim(weight) == 0 else [float(factor) for factor in weight]
    if len(factors) != len(files):
        raise InvalidData(f"{len(files)} files and {len(factors)} weights; give one weight per file, or one for all")
    for file, factor in zip(files, factors, strict=True):
        for table in _tables(existing(file), rename, cut_function, buffer_csv_files):
            fill_each(
                binnings,
                table,
                weight=1.0 if weightfield is None else weightfield,
                scale=factor,
                raise_error=raise_error,
                rename=rename if cut_function is identity else None,
            )


def existing(filename: str | Path) -> Path:
    """The file itself, or the gzipped csv file of the same name beside it.

    Raises:
        InvalidFile: if there is neither.
    """
    path = Path(filename)
    packed = path.with_name(path.stem + ".csv.gz")
    for candidate in (path, packed):
        if candidate.is_file():
            return candidate
    raise InvalidFile(f"{path}: no such file, and no {packed.name} beside it")


def _tables(
    path: Path, rename: Mapping[str, str] | None, cut_function: Callable[[Any], Any], remember: bool
) -> Iterator[Any]:
    """Tables to fill: pieces of a file, or the whole file after the user's cut."""
    if cut_function is not identity:
        yield cut_function(_structured(read_csv(path, remember=remember), rename or {}))
    elif remember:
        yield read_csv(path, remember=True)
    else:
        yield from CsvFiles((path,))


def _structured(table: Events, rename: Mapping[str, str]) -> Shaped[np.ndarray, " rows"]:
    """A copy of the table as a structured array, columns renamed."""
    names = [rename.get(name, name) for name in table.columns]
    rows = np.column_stack([np.asarray(column, dtype=float) for column in table.columns.values()])
    return np.ascontiguousarray(rows).view([(name, float) for name in names]).reshape(-1)
