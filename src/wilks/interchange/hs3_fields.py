"""The tables of an HS3 document: entries by name, of the types that are read, and what their axes and values say."""

import dataclasses
import itertools
import math
from collections.abc import Mapping
from typing import Any, TypeAlias

from wilks._base.errors import near_names

from .json_fields import take_array, take_number, take_numbers, take_object, take_text
from .measurement_schema import take_named
from .strict_json import Place

Entry: TypeAlias = tuple[dict[str, Any], Place]
"""An object with the place where it stands."""

_OPTIONAL = ("data", "functions", "domains", "parameter_points", "analyses", "misc")

_DISTRIBUTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "histfactory_dist": (("axes", "samples"), ()),
    "gaussian_dist": (("x", "mean", "sigma"), ()),
    "poisson_dist": (("x", "mean"), ()),
    "product_dist": (("factors",), ()),
}
_FUNCTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {"product": (("factors",), ())}
_DATA: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "binned": (("contents",), ("axes",)),
    "point": (("value",), ("axes",)),
    "unbinned": (("entries",), ("axes",)),
}
_DOMAINS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {"product_domain": (("axes",), ())}


@dataclasses.dataclass(frozen=True)
class Tables:
    """What an HS3 document holds, by name; all types are known, and all entries have their keys."""

    root: Place
    distributions: dict[str, Entry]
    functions: dict[str, Entry]
    data: dict[str, Entry]
    likelihoods: dict[str, Entry]
    domains: dict[str, Entry]
    points: dict[str, Entry]
    analyses: dict[str, Entry]


def is_hs3(document: Any) -> bool:
    """Whether a parsed document is meant to be HS3: it lists distributions, or gives a version of HS3."""
    if not isinstance(document, dict):
        return False
    metadata = document.get("metadata")
    return "distributions" in document or (isinstance(metadata, dict) and "hs3_version" in metadata)


def read_tables(document: Any, root: Place) -> Tables:
    """Check the outer form of an HS3 document.

    Raises:
        InvalidFile: naming file, JSON path, value and expectation.
    """
    take_object(document, root, ("metadata", "distributions", "likelihoods"), _OPTIONAL)
    metadata, place = document["metadata"], root / "metadata"
    if not isinstance(metadata, dict) or "hs3_version" not in metadata:
        place.refuse("should be an object with the key 'hs3_version'")
    take_text(metadata["hs3_version"], place / "hs3_version")
    likelihoods = take_named(document["likelihoods"], root / "likelihoods")
    for entry, at in likelihoods.values():
        take_object(entry, at, ("name", "distributions"), ("data", "aux_distributions"))
    points = _optional(document, root, "parameter_points")
    for entry, at in points.values():
        take_object(entry, at, ("name", "parameters"))
    analyses = _optional(document, root, "analyses")
    for entry, at in analyses.values():
        keys = ("parameters_of_interest", "domains", "domain", "init", "prior")
        take_object(entry, at, ("name", "likelihood"), keys)
    return Tables(
        root,
        _typed(_optional(document, root, "distributions"), "distribution", _DISTRIBUTIONS),
        _typed(_optional(document, root, "functions"), "function", _FUNCTIONS),
        _typed(_optional(document, root, "data"), "data", _DATA),
        likelihoods,
        _typed(_optional(document, root, "domains"), "domain", _DOMAINS),
        points,
        analyses,
    )


def _optional(document: Mapping[str, Any], root: Place, key: str) -> dict[str, Entry]:
    return take_named(document[key], root / key) if document.get(key, []) != [] else {}


def _typed(entries: dict[str, Entry], what: str, types: Mapping[str, Any]) -> dict[str, Entry]:
    """The entries, refused where their type is not among those that are read."""
    for name, (entry, place) in entries.items():
        if "type" not in entry:
            place.refuse("key 'type' is missing; add it")
        kind = take_text(entry["type"], place / "type")
        if kind not in types:
            (place / "type").refuse(
                f"{what} {name!r} has the type {kind!r}, which is not read; {near_names(kind, list(types))}"
            )
        required, optional = types[kind]
        take_object(entry, place, ("name", "type", *required), optional)
    return entries


def referenced(entries: Mapping[str, Entry], name: Any, place: Place, what: str) -> Entry:
    """The entry that a text names.

    Raises:
        InvalidFile: if there is none.
    """
    take_text(name, place)
    if name not in entries:
        place.refuse(f"no {what} {name!r}; {near_names(name, list(entries))}")
    return entries[name]


def take_contents(entry: Mapping[str, Any], place: Place, bins: int | None = None) -> list[float]:
    """Bin contents, as many as the axes have bins where axes are given."""
    if "axes" in entry:
        axes = count_bins(entry["axes"], place / "axes")
        if bins is not None and axes != bins:
            (place / "axes").refuse(f"has {axes} bins, expected {bins}")
        bins = axes
    return take_numbers(entry["contents"], place / "contents", bins)


def count_bins(axes: Any, place: Place) -> int:
    """Number of bins of all axes together."""
    return math.prod(_bins_of(axis, place / i) for i, axis in enumerate(take_array(axes, place)))


def _bins_of(axis: Any, place: Place) -> int:
    take_object(axis, place, ("name",), ("min", "max", "nbins", "edges"))
    if ("nbins" in axis) == ("edges" in axis):
        place.refuse("a binned axis has either 'nbins' or 'edges'; give one of them")
    if "edges" in axis:
        edges = take_numbers(axis["edges"], place / "edges")
        if len(edges) < 2 or any(low >= high for low, high in itertools.pairwise(edges)):
            (place / "edges").refuse("edges should increase, and be two at least")
        return len(edges) - 1
    number = axis["nbins"]
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        (place / "nbins").refuse(f"{number!r} should be a number of bins, 1 at least")
    return number


def take_single(tables: Tables, given: Any, place: Place) -> float:
    """The one observed value of a distribution in one dimension: in line, or a data set with one entry."""
    if not isinstance(given, str):
        return take_number(given, place)
    entry, at = referenced(tables.data, given, place, "data")
    match entry["type"]:
        case "point":
            return take_number(entry["value"], at / "value")
        case "binned":
            return take_contents(entry, at, 1)[0]
    rows = take_array(entry["entries"], at / "entries")
    if len(rows) != 1:
        (at / "entries").refuse(f"has {len(rows)} entries; one observed value is expected here")
    return take_numbers(rows[0], at / "entries" / 0, 1)[0]
