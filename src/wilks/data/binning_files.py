"""Files of binnings and their contents: the structure as JSON with a version, the numbers as arrays, in one npz."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from wilks._base.errors import InvalidFile, WilksError

from .binning import AbstractBinning, BinContents
from .boxes import Boxes
from .grid import Grid
from .intervals import Intervals
from .product import Product
from .refinement import Refined

VERSION = 1
"""Version of the structure; files of a newer one are refused."""

_ARRAYS = ("values", "entries", "sumw2")


def save_contents(path: str | Path, contents: BinContents) -> None:
    """Write contents with their binning; they are read back bit for bit.

    Args:
        path: file, by convention ``.npz``.
        contents: what to write; the report of the fillings is left out.
    """
    structure = json.dumps({"version": VERSION, "binning": structure_of(contents.binning)})
    with Path(path).open("wb") as file:
        np.savez_compressed(
            file, structure=np.array(structure), values=contents.values, entries=contents.entries, sumw2=contents.sumw2
        )


def load_contents(path: str | Path) -> BinContents:
    """Read contents with their binning. Nothing in the file is executed.

    Raises:
        InvalidFile: if it cannot be read, is of a newer version, or its parts do not fit together.
    """
    try:
        with Path(path).open("rb") as file:
            stored = np.load(file, allow_pickle=False)
            arrays = {} if isinstance(stored, np.ndarray) else {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, BadZipFile) as broken:
        raise InvalidFile(f"{path}: not a readable npz archive of numbers ({broken})") from broken
    missing = [name for name in ("structure", *_ARRAYS) if name not in arrays]
    if missing:
        raise InvalidFile(f"{path}: no array {missing[0]!r}; found {', '.join(sorted(arrays)) or 'nothing'}")
    try:
        binning = _versioned(json.loads(str(arrays["structure"])))
        return binning.contents(*(arrays[name] for name in _ARRAYS))
    except (WilksError, ValueError, KeyError, TypeError, RecursionError) as wrong:
        raise InvalidFile(f"{path}: the structure cannot be used ({type(wrong).__name__}: {wrong})") from wrong


def structure_of(binning: AbstractBinning) -> dict[str, Any]:
    """Structure of a binning as JSON values; infinite edges are the texts "inf" and "-inf".

    Raises:
        InvalidFile: for a kind of binning that the format does not know.
    """
    if isinstance(binning, Grid):
        return {"kind": "grid", "axes": [_axis_record(axis) for axis in binning.axes]}
    if isinstance(binning, Boxes):
        edges = [[_texts(span) for span in box] for box in binning.edges]
        return {"kind": "boxes", "names": list(binning.names), "edges": edges, "closed": list(binning.closed)}
    if isinstance(binning, Product):
        return {"kind": "product", "parts": [structure_of(part) for part in binning.parts]}
    if isinstance(binning, Refined):
        children = {str(index): structure_of(child) for index, child in binning.pairs}
        return {"kind": "refined", "top": structure_of(binning.top), "children": children}
    raise InvalidFile(f"binnings of type {type(binning).__name__} have no file format")


def binning_from(structure: Mapping[str, Any]) -> AbstractBinning:
    """Binning of a structure; see :func:`structure_of`.

    Raises:
        InvalidFile: for an unknown kind.
    """
    kind = structure["kind"]
    if kind not in _BUILDERS:
        raise InvalidFile(f"unknown kind of binning {kind!r}; known are {', '.join(_BUILDERS)}")
    return _BUILDERS[kind](structure)


def _versioned(record: Mapping[str, Any]) -> AbstractBinning:
    if record["version"] != VERSION:
        raise InvalidFile(f"version {record['version']} of the structure; this package reads version {VERSION}")
    return binning_from(record["binning"])


def _grid(record: Mapping[str, Any]) -> AbstractBinning:
    return Grid(tuple(Intervals(a["name"], _floats(a["edges"]), a["unit"], a["closed"]) for a in record["axes"]))


def _boxes(record: Mapping[str, Any]) -> AbstractBinning:
    return Boxes(record["names"], [[_floats(span) for span in box] for box in record["edges"]], record["closed"])


def _product(record: Mapping[str, Any]) -> AbstractBinning:
    return Product(tuple(binning_from(part) for part in record["parts"]))


def _refined(record: Mapping[str, Any]) -> AbstractBinning:
    children = {int(index): binning_from(child) for index, child in record["children"].items()}
    return binning_from(record["top"]).refined(children)


_BUILDERS: Mapping[str, Callable[[Mapping[str, Any]], AbstractBinning]] = {
    "grid": _grid,
    "boxes": _boxes,
    "product": _product,
    "refined": _refined,
}


def _axis_record(axis: Intervals) -> dict[str, Any]:
    return {"name": axis.name, "edges": _texts(axis.edges), "unit": axis.unit, "closed": axis.closed}


def _texts(numbers: Any) -> list[float | str]:
    return [number if np.isfinite(number) else str(number) for number in numbers]


def _floats(numbers: Any) -> list[float]:
    return [float(number) for number in numbers]
