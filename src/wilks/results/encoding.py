"""Turns a record into a plain tree of JSON values and back, exactly; what JSON cannot hold stands in tables beside it.

A document has the keys ``schema``, ``version``, ``class``, ``result`` (the tree, with null for what JSON cannot hold)
and three tables from JSON pointer (RFC 6901) to what stands there: ``nonfinite`` (``nan``, ``inf``, ``-inf``),
``empty`` (shapes of arrays of size zero) and ``arrays`` (name of the entry that holds the array, in npz files).
"""

import dataclasses
import enum
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

SCHEMA = "wilks.result"
VERSION = 1
_WORDS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


@dataclasses.dataclass
class _Aside:
    """What does not fit into the tree, by place."""

    nonfinite: dict[str, str] = dataclasses.field(default_factory=dict)
    empty: dict[str, list[int]] = dataclasses.field(default_factory=dict)
    arrays: dict[str, str] | None = None
    entries: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)


def encode(record: Any, *, separate_arrays: bool) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The document of a record, and its arrays by entry name (none unless they are kept separate)."""
    aside = _Aside(arrays={} if separate_arrays else None)
    tree = _tree(record, (), aside)
    document = {
        "schema": SCHEMA,
        "version": VERSION,
        "class": type(record).__name__,
        "result": tree,
        "nonfinite": aside.nonfinite,
        "empty": aside.empty,
    }
    if aside.arrays is not None:
        document["arrays"] = aside.arrays
    return document, aside.entries


def decode(document: dict[str, Any], entries: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The fields of the record, with everything put back in its place.

    Raises:
        KeyError, IndexError, TypeError, ValueError: if a table points to a place that does not exist.
    """
    tree = document["result"]
    for place, word in document["nonfinite"].items():
        _put(tree, place, _WORDS[word])
    for place, shape in document["empty"].items():
        if 0 not in shape:
            raise ValueError(f"the array at {place} is called empty but has shape {shape}")
        _put(tree, place, np.zeros(shape))
    for place, name in document.get("arrays", {}).items():
        _put(tree, place, entries[name])
    return tree


def _tree(value: Any, place: tuple[str, ...], aside: _Aside) -> Any:
    if isinstance(value, np.ndarray):
        return _array(value, place, aside)
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if dataclasses.is_dataclass(value):
        return {f.name: _tree(getattr(value, f.name), (*place, f.name), aside) for f in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {k: _tree(v, (*place, k), aside) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [_tree(v, (*place, str(i)), aside) for i, v in enumerate(value)]
    if isinstance(value, float) and not math.isfinite(value):
        aside.nonfinite[_pointer(place)] = str(value)
        return None
    return value


def _array(array: np.ndarray, place: tuple[str, ...], aside: _Aside) -> Any:
    if aside.arrays is not None:
        name = ".".join(part if part.isidentifier() or part.isdigit() else f"entry{i}" for i, part in enumerate(place))
        name = name if name not in aside.entries else f"{name}.{len(aside.entries)}"
        aside.arrays[_pointer(place)] = name
        aside.entries[name] = array
        return None
    if array.size == 0:
        aside.empty[_pointer(place)] = list(array.shape)
        return None
    tree = array.tolist()
    if array.dtype.kind == "f":
        for index in np.argwhere(~np.isfinite(array)):
            where = [str(i) for i in index]
            aside.nonfinite[_pointer((*place, *where))] = str(float(array[tuple(index)]))
            _put(tree, _pointer(tuple(where)), None)
    return tree


def _pointer(place: tuple[str, ...]) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in place)


def _put(tree: Any, place: str, value: Any) -> None:
    """Put a value at the place of a JSON pointer; on the way back nothing but null is replaced."""
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in place.split("/")[1:]]
    for part in way:
        tree = tree[_key(tree, part)]
    key = _key(tree, last)
    if tree[key] is not None and value is not None:
        raise ValueError(f"{place} holds a value already")
    tree[key] = value


def _key(tree: Any, part: str) -> Any:
    return int(part) if isinstance(tree, list) else part
