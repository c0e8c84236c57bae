"""Tables of numbers in csv files, plain or gzipped: read as columns, whole or in chunks of bounded memory."""

import gzip
import io
import sys
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidFile

from .binned_filling import BinSums, bin_sums
from .binning import AbstractBinning, BinContents
from .events import Events

_CHUNK = 16_000_000  # characters
_LARGE = 10_000_000  # characters that are worth loading pandas: the next table of that size pays for it
_TYPED = (OSError, EOFError, zlib.error)
_MAGIC = b"\x1f\x8b\x08"  # with which a part of a gzip file begins
_FIRST_RESERVED_FLAG = 0x20  # of the next letter
_MOST_PACKED = 1032  # letters that one of a gzip file can stand for


@dataclass(frozen=True)
class CsvFiles:
    """Rows of csv files as a stream of chunks, read anew each time it is iterated over.

    A file begins with a line of column names; values are numbers separated by commas.

    Args:
        paths: files, plain or gzipped (``.gz``).
        chunk: characters read at a time, which bound the memory.
    """

    paths: tuple[Path, ...]
    chunk: int = _CHUNK

    def __iter__(self) -> Iterator[Events]:
        for path in self.paths:
            yield from _chunks(path, self.chunk)


_remembered: dict[tuple[str, int, int], Events] = {}


def read_csv(path: str | Path, *, remember: bool = False) -> Events:
    """All rows of a csv file as named columns.

    Args:
        path: file, plain or gzipped (``.gz``), with a header line of names and numbers separated by commas.
        remember: keep the table in memory for the next call, as long as place, size and time of the file are the same.

    Raises:
        InvalidFile: naming file and line, if the file is empty, has no header, or a line does not fit it.
    """
    source = Path(path).absolute()
    if not source.is_file():
        raise InvalidFile(f"{path}: no such file")
    status = source.stat()
    mark = (str(source), status.st_size, status.st_mtime_ns)
    if mark in _remembered:
        return _remembered[mark]
    chunks = list(_chunks(Path(path), sys.maxsize))
    table = chunks[0]
    if remember:
        _remembered[mark] = table
    return table


def fill_csv(
    binnings: Sequence[AbstractBinning],
    paths: Sequence[str | Path],
    *,
    scale: float | int | Sequence[float] = 1.0,
    **options,
) -> list[BinContents]:
    """Contents of several binnings from one pass over csv files, in bounded memory.

    Args:
        binnings: binnings to fill.
        paths: files.
        scale: factor on the weights, for all files or one per file.
        options: as in :func:`wilks.data.binned_filling.bin_sums`.

    Raises:
        InvalidData: if there is not one factor per file.
    """
    scales = [float(scale)] * len(paths) if isinstance(scale, int | float) else [float(s) for s in scale]
    if len(scales) != len(paths) or not paths:
        raise InvalidData(f"{len(paths)} files and {len(scales)} weights; give one weight per file, or one for all")
    totals: list[BinSums] = []
    for path, factor in zip(paths, scales, strict=True):
        new = bin_sums(binnings, CsvFiles((Path(path),)), scale=factor, **options)
        totals = [old + one for old, one in zip(totals, new, strict=True)] if totals else new
    return [
        BinContents(b, s.values, s.entries, s.sumw2, s.report) for b, s in zip(binnings, totals, strict=True)
    ]  # fmt: skip


def write_csv(path: str | Path, events: Events) -> None:
    """Write flat columns as csv; gzipped if the name ends in ``.gz``. Numbers are read back bit for bit."""
    table = np.column_stack([np.asarray(column, dtype=np.float64) for column in events.columns.values()])
    lines = [",".join(events.columns), *(",".join(map(repr, row)) for row in table.tolist())]
    text = ("\n".join(lines) + "\n").encode()
    Path(path).write_bytes(gzip.compress(text, mtime=0) if Path(path).suffix == ".gz" else text)


def _chunks(path: Path, chunk: int) -> Iterator[Events]:
    try:
        with _opened(path, whole=chunk == sys.maxsize) as file:
            names = _header(path, file.readline())
            if isinstance(file, io.BytesIO) and (table := _parsed_in_place(file, len(names))) is not None:
                yield _events(path, table, names, 0)
                return
            line, first, rest = 2, 0, b""
            while True:
                text = file.read() if chunk == sys.maxsize else file.read(chunk)
                whole, rest = _whole_lines(rest + text, last=not text or chunk == sys.maxsize)
                if whole or first == line - 2 == 0:
                    table = _parsed(path, whole, names, line)
                    yield _events(path, table, names, first)
                    first += len(table)
                if not text or chunk == sys.maxsize:
                    return
                line += whole.count(b"\n")
    except _TYPED as broken:
        raise InvalidFile(f"{path}: cannot be read ({broken})") from broken


def _events(path: Path, table: Float[np.ndarray, "rows columns"], names: Sequence[str], first: int) -> Events:
    columns = np.array(table.T, order="C")  # a column's numbers side by side are read faster
    columns.flags.writeable = False  # so that what is looked up once can be kept
    return Events(dict(zip(names, columns, strict=True)), source=str(path), first=first)


def _opened(path: Path, *, whole: bool) -> Any:
    if path.suffix != ".gz":
        return path.open("rb")
    return io.BytesIO(_unzipped(path.read_bytes())) if whole else gzip.open(path, "rb")  # at once is faster


def _unzipped(packed: bytes) -> bytes:
    """The contents of a gzip file; room for the length that it states is made at once, which saves a third of the time.

    Files of several parts, which state the length of the last one only, go through the standard library.
    """
    length = int.from_bytes(packed[-4:], "little")
    if not _may_have_parts(packed):
        room = min(max(length, 1), _MOST_PACKED * len(packed))  # a damaged file may state any length
        text = zlib.decompress(packed, wbits=31, bufsize=room)  # checks its sum as well
        if len(text) & 0xFFFFFFFF == length:
            return text
    return gzip.decompress(packed)


def _may_have_parts(packed: bytes) -> bool:
    """Whether another part of a gzip file may begin behind the first: its three letters, and flags that exist."""
    letters = np.frombuffer(packed, dtype=np.uint8)
    places = np.flatnonzero(letters[1:] == _MAGIC[0]) + 1  # several times faster than a search for all three
    places = places[places < len(letters) - 3]
    for offset in (1, 2):
        places = places[letters[places + offset] == _MAGIC[offset]]
    return bool((letters[places + 3] < _FIRST_RESERVED_FLAG).any())


def _header(path: Path, line: bytes) -> list[str]:
    names = [name.strip().strip('"') for name in line.decode("utf-8-sig", "replace").strip().split(",")]
    if names == [""]:
        raise InvalidFile(f"{path}, line 1: the file is empty; expected a line of column names")
    if any(_is_number(name) or not name for name in names):
        raise InvalidFile(f"{path}, line 1: {names[:4]} are no column names; expected a header line")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidFile(f"{path}, line 1: column {twice[0]!r} occurs twice; names must differ")
    return names


def _whole_lines(text: bytes, *, last: bool) -> tuple[bytes, bytes]:
    """The text up to its last line end, and the rest."""
    if last:
        return text, b""
    end = text.rfind(b"\n") + 1
    return text[:end], text[end:]


def _parsed(path: Path, text: bytes, names: Sequence[str], line: int) -> Float[np.ndarray, "rows columns"]:
    if not text or text.isspace():
        return np.empty((0, len(names)))
    fast = _parsed_by_pandas(io.BytesIO(text), len(names)) if _pandas_pays(len(text)) else None
    if fast is not None:
        return fast
    try:
        table = np.loadtxt(io.BytesIO(text), delimiter=",", ndmin=2, comments=None)
        if table.shape[1] == len(names):
            return table
    except ValueError:
        pass
    raise InvalidFile(f"{path}, {_first_fault(text.splitlines(), names, line)}")


def _parsed_in_place(file: io.BytesIO, columns: int) -> Float[np.ndarray, "rows columns"] | None:
    """The rest of an unzipped file without a copy of its text; ``None``, and nothing read, where that does not go."""
    start, size = file.tell(), file.getbuffer().nbytes
    table = _parsed_by_pandas(file, columns) if _pandas_pays(size) and start < size else None
    if table is None:
        file.seek(start)
    return table


def _pandas_pays(size: int) -> bool:
    """Whether pandas is loaded, or installed and soon worth its loading, which takes as long as 40 MB without it."""
    return "pandas" in sys.modules or (size > _LARGE and find_spec("pandas") is not None)


def _parsed_by_pandas(text: io.BytesIO, columns: int) -> Float[np.ndarray, "rows columns"] | None:
    """The same numbers several times faster, or ``None`` where pandas would be more lenient than we are."""
    import pandas as pd  # optional

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            frame = pd.read_csv(text, header=None, quoting=3, float_precision=None)
        except (ValueError, Warning):
            return None
    numeric = all(kind.kind in "if" for kind in frame.dtypes)
    if not numeric or frame.shape[1] != columns:
        return None
    table = frame.to_numpy(dtype=np.float64)
    return None if np.isnan(table).any() else table  # a short line gives NaN


def _first_fault(lines: Iterable[bytes], names: Sequence[str], start: int) -> str:
    for number, line in enumerate(lines, start):
        cells = line.decode("utf-8", "replace").split(",")
        if line.strip() and len(cells) != len(names):
            return f"line {number}: {len(cells)} values; expected {len(names)} as in the header"
        for name, cell in zip(names, cells, strict=False):
            if line.strip() and not _is_number(cell):
                return f"line {number}: {cell.strip()!r} in column {name!r} is no number"
    return "no line can be read as numbers"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
