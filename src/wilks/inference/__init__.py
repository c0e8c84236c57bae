# Face of the procedures: their choices; the procedures themselves are in the face of the package.
from .calibration import Asymptotic as Asymptotic
from .calibration import ByToys as ByToys
from .cls_maps import cls_map as cls_map
from .clusters import images as images
from .grid_posterior import grid_posterior as grid_posterior
from .minimisers import Auto as Auto
from .minimisers import Minuit as Minuit
from .minimisers import Newton as Newton
from .multistart import Multistart as Multistart
from .neyman import bounded_interval as bounded_interval
from .neyman import counting_interval as counting_interval
from .null_tests import null_significance as null_significance
from .rasters import raster as raster
from .sampling.ensemble import Ensemble as Ensemble
from .sampling.jeffreys import JeffreysPrior as JeffreysPrior
from .sampling.nuts import Nuts as Nuts
from .sensitivities import sensitivity as sensitivity
