"""Weighted variations of a response matrix as plain arrays, and their ``npz`` files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import InvalidData, InvalidFile


@dataclass(frozen=True, eq=False)
class ResponseMatrices:
    """Variations of one response matrix; truth bins without simulated events have no column.

    Args:
        matrices: probability to reconstruct an event of a truth bin (column) in a reco bin (row), per variation.
        columns: data index of the truth bin of each column.
        truth_entries: simulated events per truth bin, over all truth bins.
        weights: weight of each variation; not negative, not all zero.
        variations: name of each variation, or none at all.

    Raises:
        InvalidData: if shapes do not fit, a number is not finite, or weights are not allowed.
    """

    matrices: Float[np.ndarray, "variations reco columns"]
    columns: Int[np.ndarray, " columns"]
    truth_entries: Int[np.ndarray, " truth"]
    weights: Float[np.ndarray, " variations"]
    variations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        variations, _, columns = self.matrices.shape
        if len(self.columns) != columns or len(self.weights) != variations:
            raise InvalidData(
                f"matrices of shape {self.matrices.shape} with {len(self.columns)} columns and {len(self.weights)} "
                "weights; expected (variations, reco bins, columns)"
            )
        inside = (self.columns >= 0) & (self.columns < len(self.truth_entries))
        if not inside.all() or len(np.unique(self.columns)) < columns:
            raise InvalidData(f"columns must be different truth bins below {len(self.truth_entries)}: {self.columns}")
        if not np.isfinite(self.matrices).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(self.matrices))[0])
            raise InvalidData(f"matrix element {where} (variation, reco bin, column) is {self.matrices[where]}")
        if len(self.variations) not in (0, variations) or len(set(self.variations)) < len(self.variations):
            raise InvalidData(f"names of {variations} variations must be one each and different: {self.variations[:5]}")
        if not np.isfinite(self.weights).all() or (self.weights < 0).any() or not self.weights.sum() > 0:
            raise InvalidData(f"weights of variations must not be negative, nor all zero: {self.weights}")

    def __len__(self) -> int:
        return len(self.weights)

    def dense(self) -> Float[np.ndarray, "variations reco truth"]:
        """Matrices with a column for every truth bin; 0 where nothing was simulated."""
        full = np.zeros((*self.matrices.shape[:2], len(self.truth_entries)))
        full[:, :, self.columns] = self.matrices
        return full

    def mean(self) -> "ResponseMatrices":
        """The weighted average as a single variation."""
        average = np.average(self.matrices, axis=0, weights=self.weights)
        return ResponseMatrices(average[None], self.columns, self.truth_entries, np.ones(1))

    def save(self, path: str | Path, *, compress: bool = False) -> None:
        """Write an ``npz`` file, which ReMU reads as well.

        Args:
            path: file.
            compress: make it smaller.
        """
        write = np.savez_compressed if compress else np.savez
        arrays: dict[str, Any] = {
            "matrices": self.matrices,
            "weights": self.weights,
            "truth_entries": self.truth_entries,
            "sparse_indices": self.columns,
            "is_sparse": np.array(True),
        }
        if self.variations:
            arrays["variations"] = np.array(self.variations)
        with Path(path).open("wb") as file:
            write(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> "ResponseMatrices":
        """Read an ``npz`` file; files made by ReMU included. Nothing in the file is executed.

        Args:
            path: file with ``matrices`` (variations, reco, filled truth) and, if they are not those of all truth bins,
                ``sparse_indices``; ``weights`` are 1 and ``truth_entries`` unlimited when absent.

        Raises:
            InvalidFile: if it cannot be read, lacks ``matrices``, or its arrays do not fit.
        """
        arrays = _arrays(path)
        if "matrices" not in arrays:
            raise InvalidFile(f"{path}: no array 'matrices'; found {', '.join(sorted(arrays)) or 'nothing'}")
        try:
            return cls(*_fields(arrays), variations=tuple(np.asarray(arrays.get("variations", ()), dtype=str).tolist()))
        except (InvalidData, TypeError, ValueError) as wrong:
            raise InvalidFile(f"{path}: {wrong}") from wrong


_UNLIMITED = 2**53  # entries of a file that does not state them


def _arrays(path: str | Path) -> dict[str, np.ndarray]:
    try:
        with Path(path).open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            return {} if isinstance(stored, np.ndarray) else {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, BadZipFile) as broken:
        raise InvalidFile(f"{path}: not a readable npz archive of numbers ({broken})") from broken


def _fields(arrays: dict[str, Any]) -> tuple[np.ndarray, ...]:
    matrices = np.asarray(arrays["matrices"], dtype=np.float64)
    matrices = matrices[None] if matrices.ndim == 2 else matrices
    if matrices.ndim != 3:
        raise InvalidData(f"'matrices' has shape {matrices.shape}; expected (variations, reco bins, columns)")
    columns = np.asarray(arrays.get("sparse_indices", np.arange(matrices.shape[2])), dtype=np.int64)
    size = int(columns.max(initial=-1)) + 1
    entries = np.asarray(arrays.get("truth_entries", np.full(size, _UNLIMITED)), dtype=np.int64)
    weights = np.asarray(arrays.get("weights", np.ones(len(matrices))), dtype=np.float64)
    return matrices, columns, entries, weights
