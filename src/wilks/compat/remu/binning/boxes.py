"""Binnings of single bins, and of boxes with common variables."""

from collections.abc import Iterable, Sequence
from typing import Any

from wilks._base.errors import InvalidData
from wilks.data.boxes import Boxes
from wilks.interchange.remu_tags import Box, bins

from .bins import AbstractBin, CartesianProductBin, RectangularBin
from .holder import AbstractFilledBinning, bin_arrays

_SIDES = {(True, False): "left", (False, True): "right", (True, True): "both", (False, False): "neither"}


class Binning(AbstractFilledBinning):
    """Disjoint bins, boxes in the same variables.

    Args:
        bins: the bins; their contents become views of this binning's arrays.
        kwargs: as for `AbstractFilledBinning`.

    Raises:
        InvalidData: if bins overlap or have different variables.
    """

    def __init__(self, bins: Iterable[AbstractBin], subbinnings: Any = None, *args: Any, **kwargs: Any) -> None:
        self._bins = tuple(bins)
        names = ("value_array", "entries_array", "sumw2_array", "phasespace", "dummy")
        kwargs |= dict(zip(names, args, strict=False))
        AbstractFilledBinning.__init__(self, boxes_of(self._bins), subbinnings=subbinnings, **kwargs)
        if not self.is_dummy():
            for index, one in enumerate(self._bins):
                one.link(bin_arrays(self, index))

    def structure(self) -> dict[str, Any]:
        """Copies of the bins."""
        return {"bins": [one.clone(dummy=True) for one in self._bins]}

    def bin_at(self, index: int, arrays: dict[str, Any]) -> AbstractBin:
        """The bin that was given."""
        one = self._bins[index]
        if "dummy" not in arrays:
            one.link(arrays)
        return one


@Binning.register
class RectangularBinning(AbstractFilledBinning):
    """Disjoint boxes.

    Args:
        variables: names.
        bin_edges: for each box, (lower, upper) of each variable.
        include_upper: whether upper edges belong to the boxes, instead of lower ones.
        kwargs: as for `AbstractFilledBinning`.

    Raises:
        InvalidData: naming two boxes that overlap.
    """

    def __init__(
        self, variables: Iterable[str], bin_edges: Sequence[Any], include_upper: bool = False, **kwargs: Any
    ) -> None:
        self.variables, self.include_upper = tuple(variables), bool(include_upper)
        boxes = Boxes(self.variables, bin_edges, "right" if self.include_upper else "left")
        AbstractFilledBinning.__init__(self, boxes, **kwargs)
        self.bin_edges = boxes.edges

    def structure(self) -> dict[str, Any]:
        """Variables and edges."""
        edges = [[list(pair) for pair in box] for box in self.bin_edges]
        return {"variables": list(self.variables), "bin_edges": edges, "include_upper": self.include_upper}

    def bin_at(self, index: int, arrays: dict[str, Any]) -> AbstractBin:
        """One box."""
        edges, upper = self.bin_edges[index], self.include_upper
        return RectangularBin(self.variables, edges, include_lower=not upper, include_upper=upper, **arrays)


def boxes_of(given: Sequence[AbstractBin]) -> Boxes:
    """Single bins as boxes of the engine.

    Raises:
        InvalidData: if one is no box, or they have different variables or overlap.
    """
    found = bins({"bins": [_box(one) for one in given]})
    assert isinstance(found, Boxes)
    return found


def _box(one: AbstractBin) -> Box:
    if isinstance(one, RectangularBin):
        edges = tuple((float(low), float(high)) for low, high in one.edges)
        return Box(one.variables, edges, _SIDES[one.include_lower, one.include_upper])
    if isinstance(one, CartesianProductBin):
        limits: dict[str, tuple[float, float]] = {}
        for binning, index in zip(one.binnings, one.data_indices, strict=True):
            pairs = binning.native.limits().items()
            limits |= {name: (float(low[index]), float(high[index])) for name, (low, high) in pairs}
        return Box(tuple(limits), tuple(limits.values()), "left")
    raise InvalidData(f"a {type(one).__name__} cannot be part of a binning; give RectangularBins")
