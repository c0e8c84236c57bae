"""The plotter that suits an object."""

from typing import Any

import numpy as np

from wilks._base.errors import InvalidData
from wilks.compat.remu.binning.holder import AbstractFilledBinning
from wilks.compat.remu.binning.linear import LinearBinning
from wilks.compat.remu.binning.products import CartesianProductBinning, RectilinearBinning

from .grids import CartesianProductBinningPlotter, RectilinearBinningPlotter
from .rows import ArrayPlotter, BinningPlotter, LinearBinningPlotter


def get_plotter(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """A plotter for an array or a binning.

    Args:
        obj: the object.
        args: further arguments of the plotter.
        kwargs: the same, by name.

    Raises:
        InvalidData: for anything else.
    """
    for kind, plotter in _PLOTTERS.items():
        if isinstance(obj, kind):
            return plotter(obj, *args, **kwargs)
    raise InvalidData(f"{type(obj).__name__} cannot be plotted; give an array or a binning")


_PLOTTERS: dict[type, Any] = {
    RectilinearBinning: RectilinearBinningPlotter,
    LinearBinning: LinearBinningPlotter,
    CartesianProductBinning: CartesianProductBinningPlotter,
    AbstractFilledBinning: BinningPlotter,
    np.ndarray: ArrayPlotter,
}
