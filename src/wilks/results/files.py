"""Reads and writes the files of results, distrusting what it reads: no pickles, no bombs, no doubtful JSON."""

import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from wilks._base.errors import InvalidFile, check_option

from .encoding import SCHEMA, VERSION, decode, encode

_ENDINGS = (".npz", ".json")
_HEADER = "header"
_LARGEST_JSON = 200_000_000  # bytes
_LARGEST_NPZ = 4_000_000_000  # bytes, unpacked
_LARGEST_RATIO = 1000
_KEYS = {"schema": str, "version": int, "class": str, "result": dict, "nonfinite": dict, "empty": dict}


def write(record: Any, path: Path) -> Path:
    """Write a record, so that the file is either whole or absent.

    Raises:
        InvalidOption: if the path ends neither in ``.npz`` nor in ``.json``.
    """
    check_option("a result file ending in", path.suffix, _ENDINGS)
    path.parent.mkdir(parents=True, exist_ok=True)
    document, entries = encode(record, separate_arrays=path.suffix == ".npz")
    content = json.dumps(document, allow_nan=False).encode()
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as stream:
            if path.suffix == ".npz":  # stored, not compressed: a status column of zeros would look like a bomb
                entries[_HEADER] = np.frombuffer(content, dtype=np.uint8)
                np.savez(stream, allow_pickle=False, **entries)
            else:
                stream.write(content + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def read(path: Path) -> tuple[str, dict[str, Any]]:
    """Class name and fields of the record in a file.

    Raises:
        InvalidFile: naming the path, what is wrong and what was expected.
    """
    check_option("a result file ending in", path.suffix, _ENDINGS)
    if not path.is_file():
        raise InvalidFile(f"{path}: there is no such file")
    document, entries = _read_npz(path) if path.suffix == ".npz" else (_read_json(path), {})
    _check_document(path, document)
    try:
        return document["class"], decode(document, entries)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise InvalidFile(f"{path}: its side tables do not match its content ({error!r})") from None


def _check_document(path: Path, document: Any) -> None:
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, dict) else type(document).__name__
        raise InvalidFile(f"{path}: /schema is {found!r}; expected {SCHEMA!r}, a result saved by Wilks")
    if document.get("version") != VERSION:
        raise InvalidFile(
            f"{path}: /version is {document.get('version')!r}; this Wilks reads {VERSION}; update the older of the two"
        )
    for key, kind in _KEYS.items():
        if not isinstance(document.get(key), kind):
            raise InvalidFile(f"{path}: /{key} is missing or is no {kind.__name__}")


def _read_json(path: Path) -> Any:
    size = path.stat().st_size
    if size > _LARGEST_JSON:
        raise InvalidFile(f"{path}: {size} bytes of JSON; at most {_LARGEST_JSON} are read, save as .npz instead")
    return _parsed(path, path.read_bytes())


def _parsed(path: Path, content: bytes) -> Any:
    try:
        return json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except UnicodeDecodeError as error:
        raise InvalidFile(f"{path}: not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise InvalidFile(f"{path}: nested too deeply") from None
    except ValueError as error:
        raise InvalidFile(f"{path}: no JSON of a result: {error}") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"the key {next(n for n in names if names.count(n) > 1)!r} stands twice in one object")
    return found


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"the literal {word} is not JSON; expected null and an entry in 'nonfinite'")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"the number {text} does not fit into 64 bits")
    return value


def _read_npz(path: Path) -> tuple[Any, dict[str, np.ndarray]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _refuse_bombs(path, members)
            entries = {m.filename.removesuffix(".npy"): _read_entry(archive, m) for m in members}
    except (zipfile.BadZipFile, EOFError, ValueError, NotImplementedError, OSError) as error:
        raise InvalidFile(f"{path}: truncated, altered or no result: {error}") from None
    header = entries.pop(_HEADER, None)
    if header is None or header.dtype != np.uint8:
        raise InvalidFile(f"{path}: no entry '{_HEADER}.npy'; expected a result saved by Wilks")
    return _parsed(path, header.tobytes()), entries


def _refuse_bombs(path: Path, members: list[zipfile.ZipInfo]) -> None:
    total = sum(m.file_size for m in members)
    if total > _LARGEST_NPZ:
        raise InvalidFile(f"{path}: would unpack to {total} bytes; at most {_LARGEST_NPZ} are read")
    for member in members:
        if member.file_size > _LARGEST_RATIO * max(member.compress_size, 1):
            raise InvalidFile(f"{path}: entry {member.filename!r} grows more than {_LARGEST_RATIO} times when unpacked")


def _read_entry(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> np.ndarray:
    """One array; its header is compared with the entry's size before anything is allocated."""
    with archive.open(member) as stream:
        shape, fortran, dtype = _array_header(stream)
        if dtype.hasobject:
            raise ValueError(f"entry {member.filename!r} holds Python objects; only numbers are read")
        count = math.prod(shape)
        if stream.tell() + count * dtype.itemsize != member.file_size:
            raise ValueError(f"entry {member.filename!r} does not have the size that its header states")
        flat = np.frombuffer(stream.read(), dtype=dtype, count=count)
    return flat.reshape(shape, order="F" if fortran else "C")


def _array_header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"array format {version} is unknown")
    return readers[version](stream)
