"""Official release files of NuFIT: text, plain or compressed, to tables of Delta chi-square per group of quantities."""

import gzip
import hashlib
import lzma
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from jaxtyping import Float

from wilks._base.errors import InvalidFile
from wilks.likelihood.curves import Curve

MOST_BYTES = 500_000_000
"""Largest release file that is read, after decompression."""

COLUMNS = {
    "sin^2(theta12)": "s12^2",
    "sin^2(theta13)": "s13^2",
    "sin^2(theta23)": "s23^2",
    "Delta_CP/deg": "delta",
    "Log10(Delta_m21^2/[eV^2])": "log10 m21^2",
    "Delta_m31^2/[1e-3_eV^2]": "m3l^2",
    "Delta_m32^2/[1e-3_eV^2]": "m3l^2",
}
"""Column of a release file -> quantity: sin^2, degrees, log10 of eV^2, and 1e-3 eV^2."""

_HEADINGS = {"### Normal Ordering": "NO", "### Inverted Ordering": "IO"}
_THIRD_SPLITTING = {"NO": "Delta_m31^2/[1e-3_eV^2]", "IO": "Delta_m32^2/[1e-3_eV^2]"}
_CHI2 = "Delta_chi^2"
_OPENERS = {b"\x1f\x8b": gzip.open, b"\xfd7": lzma.open}  # by the first two bytes of the file
_CACHE_VERSION = 1


@dataclass(frozen=True)
class ReleaseTable:
    """Delta chi-square on a full rectangular grid.

    Args:
        axes: values of each quantity, increasing.
        chi2: one axis per quantity, in the same order.
    """

    axes: tuple[Float[np.ndarray, " _"], ...]
    chi2: Float[np.ndarray, "..."]


@dataclass(frozen=True)
class Release:
    """All tables of one release and ordering, by the names of their quantities.

    Args:
        ordering: ``"NO"`` or ``"IO"``.
        tables: names of the quantities (values of `COLUMNS`) -> table, zero where both orderings have it together.
        digest: SHA-256 of the file as it was given.
        curves: curves through one-dimensional tables where they are known already, by name.
    """

    ordering: str
    tables: Mapping[tuple[str, ...], ReleaseTable]
    digest: str
    curves: Mapping[str, Curve] = field(default_factory=dict)


def read_release(path: str | Path, *, cache: bool = True) -> Release:
    """Tables of an official release file (.txt, .gz or .xz, told by content).

    Args:
        path: the file.
        cache: keep what was read under the user's cache folder, named by the file's digest.

    Raises:
        InvalidFile: naming line and block if the file is truncated, no full grid, of unknown columns or compression,
            too large, or of a sign of m3l^2 that contradicts its first line.
    """
    path = Path(path)
    if not path.is_file():
        raise InvalidFile(f"{path}: no such file; official release files are at www.nu-fit.org")
    digest = _digest(path)
    kept = Path(platformdirs.user_cache_dir("wilks", "wilks")) / "nufit" / f"{digest}-{_CACHE_VERSION}.npz"
    if cache and kept.is_file():
        return _from_cache(kept, digest)
    release = parse_release(_text(path), str(path), digest)
    if cache:
        _to_cache(release, kept)
    return release


def parse_release(text: str, where: str, digest: str) -> Release:
    """Tables of the text of a release file; ``where`` names it in errors."""
    first, _, rest = text.partition("\n")
    ordering = _HEADINGS.get(first.strip())
    if ordering is None:
        raise InvalidFile(f"{where}, line 1: {first[:60]!r}; expected {' or '.join(map(repr, _HEADINGS))}")
    tables: dict[tuple[str, ...], ReleaseTable] = {}
    for line, block in _blocks(rest):
        names, table = _parse_block(block, ordering, where, line)
        if names in tables:
            raise InvalidFile(f"{where}, line {line}: a second block of {', '.join(names)}")
        tables[names] = table
    if not tables:
        raise InvalidFile(f"{where}: no block of numbers after the first line")
    if not text.endswith("\n\n"):
        raise InvalidFile(
            f"{where}: no blank line after line {len(text.splitlines())}, the last; the file is truncated"
        )
    return Release(ordering, tables, digest)


def _blocks(text: str) -> Iterator[tuple[int, str]]:
    """Blocks of lines between blank lines, each with the number of its first line in the file."""
    line = 2
    for block in text.split("\n\n"):
        inner = block.lstrip("\n")
        if inner.strip():
            yield line + len(block) - len(inner), inner
        line += block.count("\n") + 2


def _parse_block(block: str, ordering: str, where: str, line: int) -> tuple[tuple[str, ...], ReleaseTable]:
    header, _, body = block.partition("\n")
    names = header.rpartition(":")[2].split()
    place = f"{where}, line {line}, block {' '.join(names)[:80]!r}"
    if len(names) < 2 or names[-1] != _CHI2:
        raise InvalidFile(f"{place}: expected a header of column names that ends with {_CHI2}")
    for name in names[:-1]:
        if name not in COLUMNS:
            raise InvalidFile(f"{place}: unknown column {name!r}; known are {', '.join(COLUMNS)}")
        if COLUMNS[name] == "m3l^2" and name != _THIRD_SPLITTING[ordering]:
            raise InvalidFile(f"{place}: column {name} in a file of {ordering}; expected {_THIRD_SPLITTING[ordering]}")
    rows = _numbers(body, len(names), place, line + 1)
    axes, chi2 = _grid(rows, place, line + 1)
    quantities = tuple(COLUMNS[name] for name in names[:-1])
    _check_sign(quantities, axes, ordering, place)
    return quantities, ReleaseTable(axes, chi2)


def _numbers(body: str, columns: int, place: str, line: int) -> Float[np.ndarray, "rows columns"]:
    """All numbers of a block in one pass; only a block that cannot be read is searched line by line."""
    rows = body.count("\n") + (not body.endswith("\n"))
    try:
        numbers = np.array(body.split(), dtype=float)
    except ValueError:
        numbers = np.zeros(0)
    if numbers.size == rows * columns and np.isfinite(numbers).all():
        return numbers.reshape(rows, columns)
    for offset, text in enumerate(body.splitlines()):
        try:
            values = [float(word) for word in text.split()]
        except ValueError:
            values = []
        if len(values) != columns or not np.isfinite(values).all():
            raise InvalidFile(f"{place}: line {line + offset} holds {text[:60]!r}; expected {columns} numbers")
    raise InvalidFile(f"{place}: {numbers.size} numbers in {rows} rows of {columns}")


def _grid(
    rows: Float[np.ndarray, "rows columns"], place: str, line: int
) -> tuple[tuple[Float[np.ndarray, "_"], ...], Float[np.ndarray, "..."]]:
    """Axes and values of rows that run over a full grid, first column slowest."""
    axes = tuple(np.unique(column) for column in rows[:, :-1].T)
    shape = tuple(len(axis) for axis in axes)
    if int(np.prod(shape)) != len(rows):
        raise InvalidFile(f"{place}: {len(rows)} rows are no full grid of {' x '.join(map(str, shape))}; truncated?")
    expected = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(len(rows), -1)
    wrong = np.flatnonzero((rows[:, :-1] != expected).any(axis=1))
    if wrong.size:
        raise InvalidFile(f"{place}: line {line + int(wrong[0])} breaks the order of the grid, last column fastest")
    return axes, np.ascontiguousarray(rows[:, -1].reshape(shape))


def _check_sign(quantities: tuple[str, ...], axes: tuple[np.ndarray, ...], ordering: str, place: str) -> None:
    sign = 1.0 if ordering == "NO" else -1.0
    for name, axis in zip(quantities, axes, strict=True):
        if name == "m3l^2" and not (sign * axis > 0).all():
            raise InvalidFile(f"{place}: m3l^2 of {axis[0]:g} to {axis[-1]:g} contradicts the first line, {ordering}")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _text(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(2)
    opener = _OPENERS.get(start)
    try:
        with opener(path, "rb") if opener else path.open("rb") as file:
            return _limited(file, path)
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        raise InvalidFile(f"{path}: no text, and no whole .gz or .xz of text ({error})") from error


def _limited(file: Any, path: Path) -> str:
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise InvalidFile(f"{path}: more than {MOST_BYTES} bytes; a release file has about 47 million")
    return content.decode("ascii").replace("\r\n", "\n")


def _to_cache(release: Release, kept: Path) -> None:
    arrays: dict[str, np.ndarray] = {"ordering": np.array(release.ordering)}
    for names, table in release.tables.items():
        arrays |= {f"{'|'.join(names)}#{i}": axis for i, axis in enumerate(table.axes)}
        arrays["|".join(names)] = table.chi2
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    part = kept.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
    part.replace(kept)


def _from_cache(kept: Path, digest: str) -> Release:
    with np.load(kept, allow_pickle=False) as arrays:
        tables = {
            tuple(key.split("|")): ReleaseTable(
                tuple(arrays[f"{key}#{i}"] for i in range(key.count("|") + 1)), arrays[key]
            )
            for key in arrays.files
            if "#" not in key and key != "ordering"
        }
        return Release(str(arrays["ordering"]), tables, digest)
