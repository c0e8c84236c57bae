"""Finished chunks of a simulation in a folder, found again by a later run with the same key and simulator."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wilks._base.errors import InvalidFile, InvalidOption
from wilks.execution.chunks import Chunk

from .leaves import read_arrays, write_arrays

_GROUP = 16  # chunks run between two writes

Found = dict[str, np.ndarray]


@dataclass(frozen=True)
class PairStore:
    """A folder of chunks.

    Args:
        folder: where the files stand; made when the first is written.
        identity: what decides the numbers; chunks of another identity are refused.
    """

    folder: Path
    identity: Mapping[str, Any]

    def complete(self, chunks: Sequence[Chunk], run: Callable[[Sequence[Chunk]], list[Found]]) -> list[Found]:
        """Arrays of all chunks: those of the folder, and the others as they are made and kept.

        Raises:
            InvalidOption: if the folder holds chunks of another run.
        """
        found = {chunk.index: arrays for chunk in chunks if (arrays := self._read(chunk)) is not None}
        missing = [chunk for chunk in chunks if chunk.index not in found]
        for first in range(0, len(missing), _GROUP):
            group = missing[first : first + _GROUP]
            for chunk, arrays in zip(group, run(group), strict=True):
                write_arrays(self._path(chunk), arrays, {"identity": dict(self.identity)})
                found[chunk.index] = arrays
        return [found[chunk.index] for chunk in chunks]

    def _path(self, chunk: Chunk) -> Path:
        return self.folder / f"chunk-{chunk.index:07d}.npz"

    def _read(self, chunk: Chunk) -> Found | None:
        path = self._path(chunk)
        if not path.exists():
            return None
        try:
            arrays, header = read_arrays(path)
        except InvalidFile:  # killed while writing: simulated again
            return None
        if header.get("identity") != dict(self.identity):
            raise InvalidOption(
                f"{path} holds pairs of another key, simulator or proposal; take the same ones, or another store"
            )
        if len(arrays["status"]) < chunk.size:  # the last chunk of a shorter run
            return None
        return {name: array[: chunk.size] for name, array in arrays.items()}
