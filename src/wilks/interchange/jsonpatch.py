"""Patches of JSON documents (RFC 6902, with JSON pointers of RFC 6901) and pyhf's sets of named patches."""

import copy
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any

from wilks._base.errors import UnknownName, near_names

from .json_fields import take_array, take_object, take_text
from .measurement_schema import take_named
from .strict_json import JsonSource, Place, canonical_bytes, read_json

_INDEX = re.compile(r"0|[1-9][0-9]*")

_KEYS: dict[str, tuple[str, ...]] = {
    "add": ("op", "path", "value"),
    "replace": ("op", "path", "value"),
    "test": ("op", "path", "value"),
    "remove": ("op", "path"),
    "move": ("op", "path", "from"),
    "copy": ("op", "path", "from"),
}


def apply_patch(document: Any, operations: Any, place: Place | None = None) -> Any:
    """A patched copy of a document; the document itself stays as it is.

    Args:
        document: parsed JSON.
        operations: array of ``add``, ``remove``, ``replace``, ``move``, ``copy`` and ``test`` operations.
        place: stands for the array of operations in messages.

    Raises:
        InvalidFile: naming the operation that is malformed, does not fit the document, or tests false.

    References:
        RFC 6902, section 4.
    """
    place = place or Place("<patch>")
    holder = {"": copy.deepcopy(document)}  # the whole document has a parent too
    for i, operation in enumerate(take_array(operations, place, empty=True)):
        _apply(holder, _checked(operation, place / i), place / i)
    return holder[""]


def patched(document: Any, source: JsonSource, name: str | None = None) -> Any:
    """A document with a patch of a file applied, or with one patch of a patch set.

    Args:
        document: parsed JSON.
        source: path, open file, or parsed document of the patch.
        name: which patch of a set; may be left out when there is only one.

    Raises:
        InvalidFile: as `apply_patch` and `choose_patch` do.
        UnknownName: for a name that the set does not hold.
    """
    patches, root = read_json(source)
    operations, place = choose_patch(patches, document, root, name)
    return apply_patch(document, operations, place)


def choose_patch(patches: Any, document: Any, place: Place, name: str | None = None) -> tuple[list[Any], Place]:
    """The operations of a plain patch, or of one patch of a patch set after its digests were verified.

    Args:
        patches: parsed JSON patch or patch set.
        document: the workspace to be patched.
        place: stands for ``patches`` in messages.
        name: which patch of a set; may be left out when there is only one.

    Raises:
        InvalidFile: if the set is malformed or belongs to another workspace, with both digests.
        UnknownName: for a name that the set does not hold.
    """
    if isinstance(patches, list):
        if name is not None:
            raise UnknownName(f"{place.file}: a plain patch has no name; leave out {name!r}")
        return patches, place
    take_object(patches, place, ("metadata", "patches", "version"))
    if patches["version"] != "1.0.0":
        (place / "version").refuse(f"{patches['version']!r} is not supported; expected '1.0.0'")
    _verify_digests(patches["metadata"], document, place / "metadata")
    named = _named_patches(patches["patches"], place / "patches")
    if name is None and len(named) == 1:
        name = next(iter(named))
    if name is None:
        raise UnknownName(f"{place.file}: the set holds {len(named)} patches; name one, {near_names('', named)}")
    if name not in named:
        raise UnknownName(f"{place.file}: no patch {name!r}; {near_names(name, named)}")
    return named[name]


def _named_patches(value: Any, place: Place) -> dict[str, tuple[list[Any], Place]]:
    named: dict[str, tuple[list[Any], Place]] = {}
    for i, entry in enumerate(take_array(value, place)):
        take_object(entry, place / i, ("metadata", "patch"))
        (name,) = take_named([entry["metadata"]], place / i / "metadata")
        if name in named:
            (place / i / "metadata").refuse(f"{name!r} is already the name of {named[name][1].path}; rename one")
        named[name] = take_array(entry["patch"], place / i / "patch", empty=True), place / i / "patch"
    return named


def _verify_digests(metadata: Any, document: Any, place: Place) -> None:
    if not isinstance(metadata, dict) or not isinstance(metadata.get("digests"), dict) or not metadata["digests"]:
        place.refuse("the digests of the background workspace are missing; add 'digests' with 'sha256'")
    content = canonical_bytes(document)
    for algorithm, stated in metadata["digests"].items():
        if algorithm not in ("sha256", "md5"):
            (place / "digests" / algorithm).refuse("unknown digest; expected sha256 or md5")
        found = hashlib.new(algorithm, content, usedforsecurity=False).hexdigest()
        if str(stated).lower() != found:
            (place / "digests" / algorithm).refuse(
                f"the set was made for a workspace of digest {stated}, this one has {found}; give the right workspace"
            )


def _checked(operation: Any, place: Place) -> dict[str, Any]:
    if not isinstance(operation, dict) or "op" not in operation:
        place.refuse("should be an object with the key 'op'")
    kind = take_text(operation["op"], place / "op")
    if kind not in _KEYS:
        (place / "op").refuse(f"unknown operation {kind!r}; {near_names(kind, _KEYS)}")
    for key in _KEYS[kind]:  # other members are ignored, as the RFC asks
        if key not in operation:
            place.refuse(f"key {key!r} is missing; a {kind} needs {', '.join(_KEYS[kind])}")
    return operation


def _apply(holder: dict[str, Any], operation: dict[str, Any], place: Place) -> None:
    path = _pointer(operation["path"], place / "path")
    match operation["op"]:
        case "add":
            _add(holder, path, copy.deepcopy(operation["value"]), place / "path")
        case "remove":
            _remove(holder, path, place / "path")
        case "replace":
            _replace(holder, path, copy.deepcopy(operation["value"]), place / "path")
        case "test":
            found = _get(holder, path, place / "path")
            if not _equal(found, operation["value"]):
                place.refuse(f"the test of {operation['path']!r} failed; the patch is meant for another document")
        case "move":
            source = _pointer(operation["from"], place / "from")
            if path[: len(source)] == source and path != source:
                (place / "path").refuse("a value cannot be moved into itself")
            value = _get(holder, source, place / "from")
            _remove(holder, source, place / "from")
            _add(holder, path, value, place / "path")
        case "copy":
            value = _get(holder, _pointer(operation["from"], place / "from"), place / "from")
            _add(holder, path, copy.deepcopy(value), place / "path")


def _pointer(text: Any, place: Place) -> list[str]:
    """Steps of a JSON pointer from the holder; RFC 6901 section 4."""
    if not isinstance(text, str) or (text and not text.startswith("/")):
        place.refuse(f"{text!r} should be a JSON pointer: empty, or starting with '/'")
    if re.search(r"~(?![01])", text):
        place.refuse(f"{text!r} holds '~' that is not '~0' or '~1'")
    return [step.replace("~1", "/").replace("~0", "~") for step in text.split("/")]


def _get(holder: Any, path: Sequence[str], place: Place) -> Any:
    value = holder
    for step in path:
        value = value[_key(value, step, place)]
    return value


def _key(container: Any, step: str, place: Place, *, end: bool = False) -> Any:
    """Key or index of an existing member; with ``end`` also the position after the last of an array."""
    if isinstance(container, dict):
        if step not in container and not end:
            place.refuse(f"{step!r} is not there; {near_names(step, container)}")
        return step
    if not isinstance(container, list):
        place.refuse(f"{step!r} leads into a value that is no object or array")
    if end and step == "-":
        return len(container)
    if not _INDEX.fullmatch(step) or int(step) >= len(container) + end:
        place.refuse(f"{step!r} is no position in an array of {len(container)} entries")
    return int(step)


def _at_parent(act: Callable[[Any, Any, Any], None], *, end: bool) -> Callable[[Any, list[str], Any, Place], None]:
    """An operation on the last step of a path, given what it does to the parent."""

    def run(holder: Any, path: list[str], value: Any, place: Place) -> None:
        parent = _get(holder, path[:-1], place)
        act(parent, _key(parent, path[-1], place, end=end), value)

    return run


def _insert(parent: Any, key: Any, value: Any) -> None:
    if isinstance(parent, list):
        parent.insert(key, value)
    else:
        parent[key] = value


def _assign(parent: Any, key: Any, value: Any) -> None:
    parent[key] = value


_add = _at_parent(_insert, end=True)
_replace = _at_parent(_assign, end=False)


def _remove(holder: Any, path: list[str], place: Place) -> None:
    parent = _get(holder, path[:-1], place)
    if parent is holder:
        place.refuse("the whole document cannot be removed")
    del parent[_key(parent, path[-1], place)]


def _equal(one: Any, two: Any) -> bool:
    """Equality of JSON values: numbers by value, but true is not 1."""
    if isinstance(one, bool) or isinstance(two, bool):
        return one is two
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_equal(one[key], two[key]) for key in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_equal, one, two))
    return one == two
