"""Checked reading of numeric files: what is missing, misshapen or not a number is named with file and line."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidFile


def read_numbers(path: Path, shape: tuple[int | None, int]) -> Float[np.ndarray, "rows columns"]:
    """Rows of numbers separated by commas, tabulators or spaces; what follows ``#`` is a comment.

    Args:
        path: the file.
        shape: expected rows (None for any number) and columns.

    Raises:
        InvalidFile: naming file, line, what was found and what was expected.
    """
    rows, columns = shape
    table = [_row(path, number, text, columns) for number, text in _lines(path)]
    if not table or (rows is not None and len(table) != rows):
        raise InvalidFile(f"{path}: {len(table)} rows of numbers; expected {'some' if rows is None else rows}")
    return np.array(table)


def require_files(folder: Path, names: Iterable[str], what: str) -> None:
    """Refuse an incomplete folder.

    Raises:
        InvalidFile: listing the files that are missing.
    """
    if not folder.is_dir():
        raise InvalidFile(f"{folder} is no folder; expected the folder with {what}")
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        shown = ", ".join(missing[:6]) + (f" and {len(missing) - 6} more" if len(missing) > 6 else "")
        raise InvalidFile(f"{folder}: {what} is incomplete; missing {shown}")


def sha256(paths: Iterable[Path]) -> str:
    """SHA-256 over the contents of files in the given order."""
    total = hashlib.sha256()
    for path in paths:
        total.update(path.read_bytes())
    return total.hexdigest()


def positive_definite(
    name: str, matrix: Float[np.ndarray, "values values"], *, what: str = "matrix"
) -> Float[np.ndarray, "values values"]:
    """The matrix, if it can be a covariance or the inverse of one.

    Raises:
        InvalidData: naming the matrix and its lowest eigenvalue.
    """
    lowest = float(np.linalg.eigvalsh(matrix)[0])
    if not lowest > 0:
        rank = int(np.linalg.matrix_rank(matrix))
        raise InvalidData(
            f"{name}: the {what} is not positive definite (lowest eigenvalue {lowest:g}, rank {rank} of {len(matrix)})"
        )
    return matrix


def asymmetry(matrix: Float[np.ndarray, "values values"]) -> float:
    """Largest difference of two mirrored entries, in units of the largest entry."""
    return float(np.abs(matrix - matrix.T).max() / np.abs(matrix).max())


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidFile(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InvalidFile(f"{path}: is not text; expected rows of numbers") from error
    stripped = [(n, line.split("#", 1)[0].strip()) for n, line in enumerate(text.splitlines(), 1)]
    return [(n, line) for n, line in stripped if line]


def _row(path: Path, number: int, text: str, columns: int) -> list[float]:
    cells = text.replace(",", " ").split()
    if len(cells) != columns:
        raise InvalidFile(f"{path}, line {number}: {len(cells)} columns; expected {columns}")
    try:
        row = [float(cell) for cell in cells]
    except ValueError as error:
        raise InvalidFile(f"{path}, line {number}: {text[:60]!r} holds something that is no number") from error
    if not np.isfinite(row).all():
        raise InvalidFile(f"{path}, line {number}: {text[:60]!r} holds a number that is not finite")
    return row
