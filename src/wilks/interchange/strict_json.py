"""JSON read without leniency: every fault of the text is an error that names the file and the place in it."""

import copy
import dataclasses
import hashlib
import io
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

from wilks._base.errors import InvalidFile

SIZE_LIMIT_MB = 500.0
"""Largest file that is read unless the caller says otherwise."""

DEPTH_LIMIT = 50
"""Deepest nesting of objects and arrays."""

JsonSource: TypeAlias = str | os.PathLike[str] | io.IOBase | Mapping[str, Any] | Sequence[Any]
"""A path, an open file, or the parsed document itself."""


@dataclasses.dataclass(frozen=True)
class Place:
    """A place in a document, for messages.

    Args:
        file: name of the file, or what stands for it.
        path: JSON path from the root ``$``.
    """

    file: str
    path: str = "$"

    def __truediv__(self, step: str | int) -> "Place":
        """The place one key or index further in."""
        if isinstance(step, int):
            return Place(self.file, f"{self.path}[{step}]")
        plain = step.isidentifier()
        return Place(self.file, f"{self.path}.{step}" if plain else f"{self.path}[{json.dumps(step)}]")

    def __str__(self) -> str:
        return f"{self.file}: {self.path}"

    def refuse(self, sentence: str) -> NoReturn:
        """Raise an error for this place."""
        raise InvalidFile(f"{self}: {sentence}")


class _RepeatedKey(dict[str, Any]):
    """An object of the text in which a key stands twice."""

    key: str


def read_json(source: JsonSource, *, size_limit_mb: float = SIZE_LIMIT_MB) -> tuple[Any, Place]:
    """Read a JSON document and the place that stands for its root.

    Args:
        source: path, open file (text or bytes), or a parsed document, which is copied.
        size_limit_mb: largest accepted size in 10^6 bytes.

    Raises:
        InvalidFile: if it cannot be opened, is too large, is not UTF-8 or not JSON, holds NaN or Infinity, repeats a
            key, or is nested too deeply.
    """
    if isinstance(source, str | os.PathLike):
        root = Place(os.fspath(source))
        document = _parse(_read_path(Path(source), root, size_limit_mb), root)
    elif isinstance(source, io.IOBase):
        root = Place(str(getattr(source, "name", "<stream>")))
        document = _parse(_limited(source.read(int(size_limit_mb * 1e6) + 1), root, size_limit_mb), root)
    else:
        root = Place("<document>")
        document = copy.deepcopy(source)
    _check_nesting(document, root)
    return document, root


def json_digest(document: Any) -> str:
    """SHA-256 of the document with sorted keys in UTF-8; formatting and key order do not enter."""
    return hashlib.sha256(canonical_bytes(document)).hexdigest()


def canonical_bytes(document: Any) -> bytes:
    """The bytes that digests are taken of."""
    return json.dumps(document, sort_keys=True, ensure_ascii=False).encode("utf-8")


def write_json(document: Any, path: str | os.PathLike[str]) -> Path:
    """Write a document whole or not at all."""
    target = Path(path)
    draft = target.with_name(target.name + ".part")
    draft.write_text(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(draft, target)
    return target


def _read_path(path: Path, root: Place, size_limit_mb: float) -> bytes:
    try:
        size = path.stat().st_size
        if size > size_limit_mb * 1e6:
            _refuse_size(root, f"{size / 1e6:.0f} MB", size_limit_mb)
        return path.read_bytes()
    except OSError as error:
        raise InvalidFile(f"{root.file}: cannot be read ({error.strerror}); give the path of a JSON file") from error


def _limited(text: str | bytes, root: Place, size_limit_mb: float) -> str | bytes:
    if len(text) > size_limit_mb * 1e6:
        _refuse_size(root, f"more than {size_limit_mb:g} MB", size_limit_mb)
    return text


def _refuse_size(root: Place, size: str, limit: float) -> NoReturn:
    root.refuse(f"the file has {size}, the limit is {limit:g} MB; raise size_limit_mb if it is meant to be so large")


def _parse(raw: str | bytes, root: Place) -> Any:
    text = _decoded(raw, root)
    if text.lstrip()[:1] == "<":
        root.refuse("this is XML, not JSON; HistFactory XML is not read yet, convert it with `pyhf xml2json`")
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        root.refuse(f"not JSON: {error.msg} in line {error.lineno}, column {error.colno}")
    except RecursionError:
        root.refuse(f"nested deeper than {DEPTH_LIMIT} levels")


def _decoded(raw: str | bytes, root: Place) -> str:
    if isinstance(raw, str):
        return raw
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        root.refuse(f"not UTF-8: byte {error.object[error.start]:#04x} at position {error.start}; save it as UTF-8")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) == len(pairs):
        return result
    repeated = _RepeatedKey(result)
    names = [name for name, _ in pairs]
    repeated.key = next(name for name in names if names.count(name) > 1)
    return repeated


def _check_nesting(document: Any, root: Place) -> None:
    """Walk the document without recursion: depth, repeated keys, and numbers that JSON does not have."""
    rest: list[tuple[Any, Place, int]] = [(document, root, 1)]
    while rest:
        item, place, depth = rest.pop()
        if isinstance(item, _RepeatedKey):
            place.refuse(f"key {item.key!r} stands twice; remove one")
        if depth > DEPTH_LIMIT:
            place.refuse(f"nested deeper than {DEPTH_LIMIT} levels")
        for step, value in _entries(item, place):
            if isinstance(value, dict | list):
                rest.append((value, place / step, depth + 1))
            elif isinstance(value, float) and not math.isfinite(value):
                (place / step).refuse(f"{value} is no number that JSON has; write a finite number")


def _entries(item: Any, place: Place) -> Iterator[tuple[str | int, Any]]:
    if isinstance(item, list):
        return iter(enumerate(item))
    if not isinstance(item, dict):
        return iter(())
    for key in item:
        if not isinstance(key, str):
            place.refuse(f"key {key!r} is {type(key).__name__}; keys are text")
    return iter(item.items())
