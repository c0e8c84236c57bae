"""YAML read by the safe loader only, and without leniency: repeated keys, cycles and swelling aliases are errors."""

import os
from pathlib import Path
from typing import Any

from wilks._base.errors import InvalidFile, MissingExtra

from .strict_json import DEPTH_LIMIT, Place

_LARGEST_FILE = 10_000_000  # bytes
_MOST_ENTRIES = 1_000_000  # with aliases written out
_KEYS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")  # a merge is the key << before an alias
_MISFITS = (ValueError, LookupError, AttributeError, TypeError)  # of texts that do not fit their tag, as 2020-13-01


def read_yaml(path: str | os.PathLike[str]) -> tuple[Any, Place]:
    """Read a YAML document of plain data, and the place that stands for its root.

    Args:
        path: file of at most 10 MB.

    Raises:
        InvalidFile: if it cannot be opened, is too large, is not UTF-8 or not YAML, has a tag that would build an
            object, repeats a key, holds itself, or is nested too deeply.
        MissingExtra: if PyYAML is not installed.
    """
    yaml, root = _yaml(), Place(os.fspath(path))
    text = _text(Path(path), root)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None:
            _measured(node, root, {})
        return yaml.safe_load(text), root
    except InvalidFile:
        raise
    except (yaml.YAMLError, *_MISFITS) as wrong:
        root.refuse(f"not plain YAML: {' '.join(str(wrong).split())}")
    except RecursionError:
        root.refuse(f"nested deeper than {DEPTH_LIMIT} levels")


def _text(path: Path, root: Place) -> str:
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            root.refuse(f"the file has {size} bytes; at most {_LARGEST_FILE} are read")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        root.refuse(f"cannot be read ({error.strerror}); give the path of a YAML file")
    except UnicodeDecodeError as error:
        root.refuse(f"not UTF-8: byte {error.object[error.start]:#04x} at position {error.start}; save it as UTF-8")


def _measured(node: Any, place: Place, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Number of entries below a node, with aliases written out, and its levels; checks keys on the way."""
    if id(node) in known:
        found = known[id(node)]
        if found is None:
            place.refuse("this alias holds itself; write it out")
        return found
    known[id(node)] = None  # being measured
    inner = [_measured(child, at, known) for child, at in _children(node, place)]
    entries, levels = 1 + sum(size for size, _ in inner), 1 + max((depth for _, depth in inner), default=0)
    if entries > _MOST_ENTRIES:
        place.refuse(f"more than {_MOST_ENTRIES} entries with its aliases written out")
    if levels > DEPTH_LIMIT:
        place.refuse(f"nested deeper than {DEPTH_LIMIT} levels")
    known[id(node)] = entries, levels
    return entries, levels


def _children(node: Any, place: Place) -> list[tuple[Any, Place]]:
    if isinstance(node.value, str):
        return []
    children: list[tuple[Any, Place]] = []
    seen: set[str] = set()
    for i, item in enumerate(node.value):
        if not isinstance(item, tuple):
            children.append((item, place / i))
            continue
        key, child = item
        if key.tag not in _KEYS:
            place.refuse(f"key {str(key.value)[:40]!r} is {key.tag.rpartition(':')[2]}; keys are text, quote it")
        if key.value in seen:
            place.refuse(f"key {key.value!r} stands twice; remove one")
        seen.add(key.value)
        children.append((child, place / key.value))
    return children


def _yaml() -> Any:
    try:
        import yaml  # optional
    except ImportError as missing:
        raise MissingExtra("pyyaml", "io") from missing
    return yaml
