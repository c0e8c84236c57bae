"""Work on its way to other processes: packed once, unpacked once per worker, its errors brought home intact."""

import functools
import importlib
import pickle
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from wilks._base.errors import InvalidData, InvalidOption

from .chunks import Chunk

Arrays: TypeAlias = dict[str, np.ndarray]
"""What a chunk gives back: arrays by name."""

ChunkFunction: TypeAlias = Callable[[Any, Chunk], Mapping[str, Any]]
"""A pure function of (payload, chunk) that returns arrays by name."""


@dataclass(frozen=True)
class Failure:
    """An exception of the function itself, as it comes home from another process."""

    error: Exception


def compute(function: ChunkFunction, payload: Any, chunk: Chunk) -> Arrays:
    """Run one chunk and check that what it returns is numeric arrays by name."""
    result = {str(name): np.asarray(value) for name, value in function(payload, chunk).items()}
    for name, array in result.items():
        if array.dtype.hasobject:
            raise InvalidData(f"{chunk} returned {name!r} of type {array.dtype}; return arrays of numbers or texts")
    return result


def pack(function: ChunkFunction, payload: Any) -> bytes:
    """Function and payload as bytes; cloudpickle, where installed, also takes lambdas and functions of a notebook.

    Raises:
        InvalidOption: if they cannot be packed.
    """
    try:
        import cloudpickle as packer  # optional: comes with dask
    except ImportError:
        packer = pickle
    try:
        return packer.dumps((function, payload))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        advice = "" if packer is not pickle else ", or install cloudpickle (pip install 'wilks[distributed]')"
        name = getattr(function, "__qualname__", repr(function))
        raise InvalidOption(
            f"executor: {name} or its payload cannot be sent to other processes ({error}); "
            f"define the functions it uses at the top level of a module{advice}"
        ) from error


@functools.lru_cache(maxsize=2)
def _unpack(packed: bytes) -> tuple[ChunkFunction, Any]:
    # 64 bit and one thread per worker must be set before the first array is unpickled; the import stands here because
    # this file itself stays free of JAX.
    importlib.import_module("wilks._base.runtime")
    return pickle.loads(packed)  # bytes made by `pack` in the parent process, never read from a file


def run_packed(packed: bytes, chunk: Chunk) -> Arrays | Failure:
    """Run one chunk of packed work in a worker."""
    try:
        function, payload = _unpack(packed)
        return compute(function, payload, chunk)
    except Exception as error:
        return Failure(_portable(error))


def _portable(error: Exception) -> Exception:
    """The exception itself if it survives the way home, else its text; with the worker's traceback as a note."""
    note = "raised in a worker:\n" + "".join(traceback.format_exception(error)).rstrip()
    try:
        same = type(pickle.loads(pickle.dumps(error))) is type(error)
    except Exception:  # errors with constructors of their own may fail to come back in any way
        same = False
    portable = error if same else RuntimeError(f"{type(error).__name__}: {error}")
    portable.add_note(note)
    return portable
