# Face of the drop-in for remu.binning.
from wilks.compat.remu.mapping import mapper as mapper

from . import yaml as yaml
from .bins import Bin as Bin
from .bins import CartesianProductBin as CartesianProductBin
from .bins import RectangularBin as RectangularBin
from .boxes import Binning as Binning
from .boxes import RectangularBinning as RectangularBinning
from .linear import LinearBinning as LinearBinning
from .phase_space import PhaseSpace as PhaseSpace
from .products import CartesianProductBinning as CartesianProductBinning
from .products import RectilinearBinning as RectilinearBinning
