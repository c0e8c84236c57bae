"""What each YAML tag of ReMU stands for, in both directions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wilks._base.errors import InvalidData
from wilks.data.binning import AbstractBinning
from wilks.data.boxes import Boxes
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.product import Product
from wilks.data.refinement import Refined

Fields = Mapping[str, Any]
"""Fields of one tagged mapping, inner tags already turned into objects."""

_SIDES = {(True, False): "left", (False, True): "right", (True, True): "both", (False, False): "neither"}
_INCLUDED = {side: included for included, side in _SIDES.items()}
_ANYWHERE = {"phasespace", "dummy", "subbinnings"}


@dataclass(frozen=True)
class Box:
    """One box (``!RectangularBin``): variables, (low, high) of each, and the closed side."""

    names: tuple[str, ...]
    edges: tuple[tuple[float, float], ...]
    closed: str


def linear(fields: Fields) -> AbstractBinning:
    """One binned variable."""
    axis = Intervals(_name(fields["variable"]), _numbers(fields["bin_edges"]), closed=_closed(fields))
    return _refined(Grid((axis,)), fields)


def rectilinear(fields: Fields) -> AbstractBinning:
    """A grid."""
    names, edges = _names(fields["variables"]), list(fields["bin_edges"])
    if len(names) != len(edges):
        raise InvalidData(f"{len(names)} variables and {len(edges)} lists of edges; expected as many of each")
    axes = [Intervals(name, _numbers(own), closed=_closed(fields)) for name, own in zip(names, edges, strict=True)]
    return _refined(Grid(tuple(axes)), fields)


def rectangular(fields: Fields) -> AbstractBinning:
    """Boxes with one closed side."""
    boxes = [[_pair(span) for span in box] for box in fields["bin_edges"]]
    return _refined(Boxes(_names(fields["variables"]), boxes, _closed(fields)), fields)


def rectangular_bin(fields: Fields) -> Box:
    """One box; its lower edge belongs to it and its upper edge does not unless the file says otherwise."""
    sides = bool(fields.get("include_lower", True)), bool(fields.get("include_upper", False))
    return Box(_names(fields["variables"]), tuple(_pair(span) for span in fields["edges"]), _SIDES[sides])


def cartesian(fields: Fields) -> AbstractBinning:
    """A product."""
    return _refined(Product(_binnings(fields["binnings"])), fields)


def cartesian_bin(fields: Fields) -> Box:
    """One bin of a product, as a box."""
    product, indices = Product(_binnings(fields["binnings"])), [int(i) for i in fields["data_indices"]]
    index = product.ravel(indices)
    edges = tuple((float(low[index]), float(high[index])) for low, high in product.limits().values())
    return Box(product.variables, edges, "left")


def bins(fields: Fields) -> AbstractBinning:
    """A list of bins, which must be boxes in the same variables."""
    boxes = list(fields["bins"])
    if not boxes or not all(isinstance(box, Box) for box in boxes):
        raise InvalidData("a list of bins must hold boxes, at least one")
    names = boxes[0].names
    for number, box in enumerate(boxes):
        if sorted(box.names) != sorted(names):
            raise InvalidData(f"bin {number} has variables {box.names}, bin 0 has {names}; they must be the same")
    edges = [[dict(zip(box.names, box.edges, strict=True))[name] for name in names] for box in boxes]
    return _refined(Boxes(names, edges, [box.closed for box in boxes]), fields)


READERS: Mapping[str, tuple[Callable[[Fields], Any], frozenset[str]]] = {
    "!LinearBinning": (linear, frozenset({"variable", "bin_edges", "include_upper"})),
    "!RectilinearBinning": (rectilinear, frozenset({"variables", "bin_edges", "include_upper"})),
    "!RectangularBinning": (rectangular, frozenset({"variables", "bin_edges", "include_upper"})),
    "!CartesianProductBinning": (cartesian, frozenset({"binnings"})),
    "!Binning": (bins, frozenset({"bins"})),
    "!RectangularBin": (rectangular_bin, frozenset({"variables", "edges", "include_lower", "include_upper"})),
    "!CartesianProductBin": (cartesian_bin, frozenset({"binnings", "data_indices"})),
}
"""What each tag makes of its fields, and the fields it knows."""


def built(tag: str, fields: Any) -> Any:
    """The object of a tagged mapping.

    Raises:
        InvalidData: if a field is missing, unknown or of the wrong kind.
    """
    reader, known = READERS[tag]
    if not isinstance(fields, Mapping):
        raise InvalidData(f"{tag} holds {type(fields).__name__}; expected a mapping")
    unknown = sorted(map(str, set(fields) - known - _ANYWHERE))
    if unknown:
        raise InvalidData(f"{tag} has an unknown field {unknown[0]!r}; known are {', '.join(sorted(known))}")
    try:
        return reader(fields)
    except KeyError as missing:
        raise InvalidData(f"{tag} lacks the field {missing}") from missing
    except (TypeError, ValueError) as wrong:
        raise InvalidData(f"{tag}: {wrong}") from wrong


def tagged(item: AbstractBinning | Box) -> tuple[str, dict[str, Any]]:
    """Tag and fields of a binning or box.

    Raises:
        InvalidData: if ReMU has no such binning.
    """
    if isinstance(item, Refined):
        tag, fields = tagged(item.top)
        return tag, {**fields, "subbinnings": dict(item.children)}
    if isinstance(item, Grid):
        return _tagged_grid(item)
    if isinstance(item, Product):
        return "!CartesianProductBinning", {"binnings": list(item.parts), "subbinnings": {}}
    if isinstance(item, Boxes):
        return _tagged_boxes(item)
    if isinstance(item, Box):
        lower, upper = _INCLUDED[item.closed]
        fields = {"variables": list(item.names), "edges": _lists(item.edges)}
        return "!RectangularBin", {**fields, "include_lower": lower, "include_upper": upper}
    raise InvalidData(f"ReMU has no binning like {type(item).__name__}")


def _tagged_grid(grid: Grid) -> tuple[str, dict[str, Any]]:
    sides = {axis.closed for axis in grid.axes}
    if len(sides) > 1:
        raise InvalidData("ReMU has one closed side for all variables of a grid; write it as boxes")
    upper = sides == {"right"}
    if len(grid.axes) == 1:
        axis = grid.axes[0]
        fields: dict[str, Any] = {"variable": axis.name, "bin_edges": list(axis.edges)}
        return "!LinearBinning", {**fields, "include_upper": upper, "subbinnings": {}}
    fields = {"variables": list(grid.variables), "bin_edges": [list(axis.edges) for axis in grid.axes]}
    return "!RectilinearBinning", {**fields, "include_upper": upper, "subbinnings": {}}


def _tagged_boxes(boxes: Boxes) -> tuple[str, dict[str, Any]]:
    sides = set(boxes.closed)
    if sides <= {"left"} or sides <= {"right"}:
        fields = {"variables": list(boxes.names), "bin_edges": [_lists(box) for box in boxes.edges]}
        return "!RectangularBinning", {**fields, "include_upper": sides == {"right"}, "subbinnings": {}}
    pairs = zip(boxes.edges, boxes.closed, strict=True)
    return "!Binning", {"bins": [Box(boxes.names, edges, side) for edges, side in pairs], "subbinnings": {}}


def _refined(binning: AbstractBinning, fields: Fields) -> AbstractBinning:
    children = fields.get("subbinnings") or {}
    if not isinstance(children, Mapping):
        raise InvalidData(f"subbinnings are a {type(children).__name__}; expected a mapping of bin to binning")
    _binnings(list(children.values()))
    return binning.refined({int(index): child for index, child in children.items()})


def _binnings(items: Any) -> tuple[AbstractBinning, ...]:
    found = tuple(items)
    for item in found:
        if not isinstance(item, AbstractBinning):
            raise InvalidData(f"{item!r} stands where a binning is expected")
    return found


def _closed(fields: Fields) -> str:
    return "right" if fields.get("include_upper", False) else "left"


def _name(item: Any) -> str:
    if not isinstance(item, str):
        raise InvalidData(f"{item!r} is no name of a variable")
    return item


def _names(items: Any) -> tuple[str, ...]:
    return tuple(_name(item) for item in items)


def _numbers(items: Any) -> list[float]:
    if isinstance(items, str) or not isinstance(items, Sequence):
        raise InvalidData(f"edges {items!r} are no list of numbers")
    return [float(item) for item in items]


def _pair(span: Any) -> tuple[float, float]:
    low, high = _numbers(span)
    return low, high


def _lists(pairs: Any) -> list[list[float]]:
    return [list(pair) for pair in pairs]
