from . import constructterms as constructterms
from .modelfitting.dimensions import ParameterDimension as ParameterDimension
from .modelfitting.dimensions import ParameterSpace as ParameterSpace
from .modelfitting.mixing_functions import calculate_ckm as calculate_ckm
from .modelfitting.mixing_functions import (
    calculate_lepton_dimensionless_observables as calculate_lepton_dimensionless_observables,
)
from .modelfitting.mixing_functions import calculate_lepton_observables as calculate_lepton_observables
from .modelfitting.mixing_functions import calculate_pmns as calculate_pmns
from .modelfitting.mixing_functions import calculate_quark_observables as calculate_quark_observables
from .modelfitting.mixing_functions import get_standard_parameters_ckm as get_standard_parameters_ckm
from .modelfitting.mixing_functions import get_standard_parameters_pmns as get_standard_parameters_pmns
from .modelfitting.mixing_functions import get_wolfenstein_parameters as get_wolfenstein_parameters
from .modelfitting.model import FlavorModel as FlavorModel
from .modelfitting.plotting import flavorpy_cmap as flavorpy_cmap
from .modelfitting.plotting import plot as plot
from .modelfitting.released_sets import Lexpdata_IO as Lexpdata_IO
from .modelfitting.released_sets import Lexpdata_NO as Lexpdata_NO
from .modelfitting.released_sets import NuFit52_IO as NuFit52_IO
from .modelfitting.released_sets import NuFit52_IO_gauss as NuFit52_IO_gauss
from .modelfitting.released_sets import NuFit52_NO as NuFit52_NO
from .modelfitting.released_sets import NuFit52_NO_gauss as NuFit52_NO_gauss
from .modelfitting.released_sets import NuFit53_IO as NuFit53_IO
from .modelfitting.released_sets import NuFit53_IO_gauss as NuFit53_IO_gauss
from .modelfitting.released_sets import NuFit53_NO as NuFit53_NO
from .modelfitting.released_sets import NuFit53_NO_gauss as NuFit53_NO_gauss
from .modelfitting.sets import ExperimentalData as ExperimentalData
from .modelfitting.single_fit import Fit as Fit
from .modelfitting.single_fit import LmfitMinimizer as LmfitMinimizer
