"""Binnings of the engine as binnings of the drop-in."""

from typing import Any

import numpy as np

from wilks._base.errors import InvalidData
from wilks.data.binning import AbstractBinning, BinContents
from wilks.data.boxes import Boxes
from wilks.data.grid import Grid
from wilks.data.product import Product
from wilks.data.refinement import Refined

from .bins import RectangularBin
from .boxes import Binning, RectangularBinning
from .linear import LinearBinning
from .products import CartesianProductBinning, RectilinearBinning

_SIDES = {"left": (True, False), "right": (False, True), "both": (True, True), "neither": (False, False)}


def filled_binning(contents: BinContents) -> Any:
    """Drop-in binning with the given contents."""
    return from_native(
        contents.binning,
        value_array=np.array(contents.values),
        entries_array=np.array(contents.entries),
        sumw2_array=np.array(contents.sumw2),
    )


def from_native(binning: AbstractBinning, **kwargs: Any) -> Any:
    """Drop-in binning of the same bins.

    Args:
        binning: a binning of the engine.
        kwargs: arrays, or ``dummy=True``.

    Raises:
        InvalidData: if the drop-in has no such binning.
    """
    if isinstance(binning, Refined):
        return from_native(binning.top, subbinnings={i: from_native(child) for i, child in binning.pairs}, **kwargs)
    if isinstance(binning, Product):
        return CartesianProductBinning([from_native(part) for part in binning.parts], **kwargs)
    if isinstance(binning, Grid):
        sides = {axis.closed for axis in binning.axes}
        if len(sides) == 1:
            edges, upper = [axis.edges for axis in binning.axes], sides == {"right"}
            if len(edges) == 1:
                return LinearBinning(binning.variables[0], edges[0], upper, **kwargs)
            return RectilinearBinning(binning.variables, edges, upper, **kwargs)
    if isinstance(binning, Boxes):
        sides = set(binning.closed)
        if len(sides) == 1 and sides <= {"left", "right"}:
            return RectangularBinning(binning.names, binning.edges, sides == {"right"}, **kwargs)
        pairs = zip(binning.edges, binning.closed, strict=True)
        return Binning([RectangularBin(binning.names, box, *_SIDES[side]) for box, side in pairs], **kwargs)
    raise InvalidData(f"the drop-in has no binning like {binning!r}")
