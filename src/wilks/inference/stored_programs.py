"""Traced programs kept between processes: a second one neither traces nor lowers what it knows, and starts sooner.

A program is kept as StableHLO, beside the compiled programs of `wilks._base.runtime` and under the same conditions. Its
name is a digest of all that went into the trace: the files of Wilks, the versions of the libraries that it computes
with, settings of JAX, the structure of the likelihood with the code of its user's functions, and the shapes of all
arrays. Where that code is not known as a whole (`wilks._base.closed_code`), each process traces anew.
"""

import contextlib
import functools
import hashlib
import json
import os
import platform
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax import export

from wilks._base.digests import closed_digest
from wilks._base.runtime import STARTED, program_directory

_LIBRARIES = ("jax", "jaxlib", "equinox", "numpy", "scipy")
_SETTINGS = (
    "jax_default_matmul_precision",
    "jax_numpy_dtype_promotion",
    "jax_numpy_rank_promotion",
    "jax_default_prng_impl",
    "jax_threefry_partitionable",
)
_SEARCHES = ("jax_debug_nans", "jax_debug_infs")  # look for the operation that fails, which a kept program hides
_ROOT = Path(__file__).parents[1]
_SUM = 32  # bytes of a SHA-256

with contextlib.suppress(ValueError):  # somebody else may have done so
    export.register_pytree_node_serialization(
        OrderedDict,
        serialized_name="collections.OrderedDict",
        serialize_auxdata=lambda names: json.dumps(list(names)).encode(),
        deserialize_auxdata=lambda text: tuple(json.loads(bytes(text))),
    )


def traced(name: str, function: Callable[..., Any], structure: Any, arguments: Any, options: dict[str, Any]) -> Any:
    """The function of its arguments while `jax.jit` traces it: from the store if it is there, else into the store.

    Args:
        name: of the function, unique in Wilks.
        function: pure; takes the arguments.
        structure: all that the function holds.
        arguments: sequence of trees of traced arrays.
        options: what the function was told besides.
    """
    leaves, tree = jax.tree.flatten(arguments)
    path = _place(name, structure, arguments, options) if all(map(_is_traced, leaves)) else None
    if path is None:
        return function(*arguments)

    def flat(*arrays: Any) -> Any:
        own = [_as_key(array, leaf) if _is_key(leaf) else array for array, leaf in zip(arrays, leaves, strict=True)]
        return function(*jax.tree.unflatten(tree, own))

    arrays = [jax.random.key_data(leaf) if _is_key(leaf) else leaf for leaf in leaves]
    program = _read(path) or _written(path, flat, arrays)
    return function(*arguments) if program is None else program.call(*arrays)


def _is_traced(leaf: Any) -> bool:
    return isinstance(leaf, jax.core.Tracer)


def _is_key(leaf: Any) -> bool:
    """Whether an argument holds keys of random numbers, which a file knows as plain numbers."""
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _as_key(array: Any, like: Any) -> Any:
    return jax.random.wrap_key_data(array, impl=jax.random.key_impl(like))


def _place(name: str, structure: Any, arguments: Any, options: dict[str, Any]) -> Path | None:
    """The file of a program; None if it must not be kept."""
    directory = program_directory()
    if directory is None or any(jax.config.values.get(search) for search in _SEARCHES):
        return None
    shapes = jax.tree.map(lambda leaf: f"{leaf.dtype} {leaf.shape} {getattr(leaf, 'weak_type', '')}", arguments)
    settings = [str(jax.config.values.get(setting)) for setting in _SETTINGS]
    sources = _sources()
    key = closed_digest((sources, settings, name, structure, shapes, sorted(options.items())))
    return directory / key if sources and key else None


def _files() -> list[Path]:
    """Source and tables of Wilks, without bytecode, which other processes may be writing."""
    found: list[Path] = []
    for folder, inside, names in os.walk(_ROOT):
        inside[:] = [name for name in inside if name != "__pycache__"]
        found += (Path(folder, name) for name in names)
    return sorted(found)


def _edited() -> bool:
    """Whether a file of Wilks is younger than this process, which then may not run what stands there."""
    try:
        return any(path.stat().st_mtime > STARTED for path in _files())
    except OSError:  # gone meanwhile
        return True


@functools.cache
def _sources() -> tuple[str, ...] | None:
    """Digest of the files of Wilks, versions of libraries, and the processor; None if a file has been edited."""
    if _edited():
        return None
    own = hashlib.sha256()
    try:
        for path in _files():
            own.update(f"{path.relative_to(_ROOT)}\0".encode() + path.read_bytes())
    except OSError:  # gone meanwhile, as files of editors go
        return None
    versions = (f"{library} {metadata.version(library)}" for library in _LIBRARIES)
    return (own.hexdigest(), *versions, platform.machine(), jax.default_backend())


def _read(path: Path) -> export.Exported | None:
    """A program that was kept; None if there is none, or it is damaged."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    return export.deserialize(bytearray(content[_SUM:])) if _sum(content[_SUM:]) == content[:_SUM] else None


def _written(path: Path, function: Callable[..., Any], arrays: Sequence[Any]) -> export.Exported | None:
    """A program as the next process will read it, or as it is if no file can hold it; None if it has no text."""
    shapes = [jax.ShapeDtypeStruct(array.shape, array.dtype, weak_type=array.weak_type) for array in arrays]
    try:
        program = export.export(jax.jit(function))(*shapes)
    except (ValueError, NotImplementedError):  # it calls back to Python, or uses what need not stay as it is
        return None
    if _edited():
        return program
    try:
        content = bytes(program.serialize())
        _keep(path, _sum(content) + content)
    except (OSError, ValueError):  # no room; a type of results that no file knows
        return program
    return export.deserialize(bytearray(content))


def _keep(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, whoever else may be writing it."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _sum(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
