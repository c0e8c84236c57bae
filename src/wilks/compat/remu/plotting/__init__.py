# Face of the drop-in for remu.plotting.
from .grids import CartesianProductBinningPlotter as CartesianProductBinningPlotter
from .grids import RectilinearBinningPlotter as RectilinearBinningPlotter
from .rows import ArrayPlotter as ArrayPlotter
from .rows import BinningPlotter as BinningPlotter
from .rows import LinearBinningPlotter as LinearBinningPlotter
from .suitable import get_plotter as get_plotter
