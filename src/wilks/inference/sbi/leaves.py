"""Arrays of a tree by path, in npz files without pickle: what networks, training states and pairs are stored as."""

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wilks._base import runtime  # noqa: F401  64 bit before any array exists
from wilks._base.errors import InvalidFile

_HEADER = "header"


def arrays_of(tree: Any) -> dict[str, np.ndarray]:
    """Every array of a tree under the path of its leaf."""
    paths, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_name(path): np.asarray(leaf) for path, leaf in paths}


def filled(tree: Any, arrays: Mapping[str, np.ndarray], where: str) -> Any:
    """The tree with its arrays replaced by those of a file.

    Args:
        tree: arrays of the right shapes and types.
        arrays: array per path of a leaf.
        where: file named in errors.

    Raises:
        InvalidFile: for missing or unknown leaves, and for other shapes or types.
    """
    paths, structure = jax.tree_util.tree_flatten_with_path(tree)
    names = [_name(path) for path, _ in paths]
    missing, unknown = sorted(set(names) - set(arrays)), sorted(set(arrays) - set(names))
    if missing or unknown:
        raise InvalidFile(f"{where}: leaves do not match the network: missing {missing}, unknown {unknown}")
    leaves = []
    for name, (_, leaf) in zip(names, paths, strict=True):
        found, expected = arrays[name], np.asarray(leaf)
        if found.shape != expected.shape or found.dtype != expected.dtype:
            raise InvalidFile(
                f"{where}: leaf {name!r} has shape {found.shape} and type {found.dtype}; expected {expected.shape} and "
                f"{expected.dtype}"
            )
        leaves.append(jnp.asarray(found))
    return jax.tree_util.tree_unflatten(structure, leaves)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], header: Mapping[str, Any]) -> None:
    """Write arrays and a JSON header, so that the file is either whole or absent."""
    content = np.frombuffer(json.dumps(header, allow_nan=True).encode(), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as stream:
            np.savez(stream, allow_pickle=False, **{_HEADER: content}, **_stored(arrays))
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and header of a file.

    Raises:
        InvalidFile: if the file is absent, truncated, altered, or holds Python objects.
    """
    if not path.is_file():
        raise InvalidFile(f"{path}: there is no such file")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name.replace("|", "/"): archive[name] for name in archive.files}
        header = json.loads(arrays.pop(_HEADER).tobytes().decode())
    except (zipfile.BadZipFile, EOFError, KeyError, ValueError, OSError) as error:
        raise InvalidFile(f"{path}: truncated, altered, or not written by Wilks: {error}") from None
    if not isinstance(header, dict):
        raise InvalidFile(f"{path}: its header is no JSON object")
    return arrays, header


def _stored(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.replace("/", "|"): array for name, array in arrays.items()}


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator=".") or "."
