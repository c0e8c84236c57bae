# Face of the procedures: their choices; the procedures themselves are in the face of the package.
from .calibration import Asymptotic as Asymptotic
from .calibration import ByToys as ByToys
from .clusters import images as images
from .minimisers import Auto as Auto
from .minimisers import Minuit as Minuit
from .minimisers import Newton as Newton
from .multistart import Multistart as Multistart
from .sampling.ensemble import Ensemble as Ensemble
from .sampling.jeffreys import JeffreysPrior as JeffreysPrior
from .sampling.nuts import Nuts as Nuts
