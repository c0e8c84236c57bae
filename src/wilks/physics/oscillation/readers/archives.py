"""A folder of numpy archives, YAML files and columns of numbers, each table checked for its keys and shape."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidFile, MissingExtra


class Archives:
    """Reads files of one folder and remembers what was read, for a digest of all of it.

    Args:
        folder: where the files are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._digests: dict[str, str] = {}
        self._open: dict[str, Any] = {}

    def record(self, name: str, key: str, rows: int, columns: tuple[str, ...]) -> np.ndarray:
        """A table with named columns.

        Raises:
            InvalidFile: naming file and key, and what was found and expected.
        """
        table = self._array(name, key)
        missing = [column for column in columns if column not in (table.dtype.names or ())]
        if table.shape != (rows,) or missing:
            raise InvalidFile(
                f"{self.folder / name}: key {key!r} has shape {table.shape} and columns {table.dtype.names}; "
                f"expected ({rows},) and {', '.join(columns)}"
            )
        for column in columns:
            if not np.isfinite(table[column]).all():
                raise InvalidFile(f"{self.folder / name}: key {key!r}, column {column!r} holds a value not finite")
        return table

    def matrix(self, name: str, key: str, shape: tuple[int, ...]) -> Float[np.ndarray, "..."]:
        """An array of numbers.

        Raises:
            InvalidFile: naming file and key, and what was found and expected.
        """
        array = self._array(name, key)
        if array.shape != shape or array.dtype.kind != "f" or not np.isfinite(array).all():
            raise InvalidFile(
                f"{self.folder / name}: key {key!r} has shape {array.shape} and type {array.dtype}; expected {shape} "
                "finite numbers"
            )
        return array

    def column(self, name: str) -> Float[np.ndarray, " rows"]:
        """Numbers below one line of heading.

        Raises:
            InvalidFile: naming the file.
        """
        text = self._bytes(name).decode("utf-8", "replace").splitlines()[1:]
        try:
            return np.array([float(line) for line in text if line.strip()])
        except ValueError as error:
            raise InvalidFile(f"{self.folder / name}: {error}; expected one number per line") from error

    def yaml(self, name: str) -> dict[str, Any]:
        """A mapping from a YAML file.

        Raises:
            MissingExtra: if pyyaml is not installed.
            InvalidFile: if it cannot be read, or holds no mapping.
        """
        try:
            import yaml
        except ImportError as error:
            raise MissingExtra("pyyaml", "data") from error
        try:
            content = yaml.safe_load(self._bytes(name))
        except yaml.YAMLError as error:
            raise InvalidFile(f"{self.folder / name}: no YAML: {error}") from error
        if not isinstance(content, dict):
            raise InvalidFile(f"{self.folder / name}: holds a {type(content).__name__}; expected a mapping")
        return content

    def digest(self) -> str:
        """SHA-256 over the digests of all files that were read, in the order of their names."""
        return hashlib.sha256("".join(self._digests[name] for name in sorted(self._digests)).encode()).hexdigest()

    def _bytes(self, name: str) -> bytes:
        path = self.folder / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InvalidFile(f"{path}: cannot be read: {error.strerror or error}") from error
        self._digests[name] = hashlib.sha256(content).hexdigest()
        return content

    def _array(self, name: str, key: str) -> np.ndarray:
        path = self.folder / name
        if name not in self._open:
            self._bytes(name)
            try:
                self._open[name] = np.load(path, allow_pickle=False)
            except (OSError, ValueError) as error:
                raise InvalidFile(f"{path}: is no archive of arrays: {error}") from error
        archive = self._open[name]
        if key not in archive.files:
            raise InvalidFile(f"{path}: no key {key!r}; keys are {', '.join(archive.files)}")
        try:
            return archive[key]
        except ValueError as error:
            raise InvalidFile(f"{path}: key {key!r} holds objects instead of numbers and is not read") from error
