# Face of the likelihoods: what can judge data, and what can make data.
from .counts import ChiSquareCounts as ChiSquareCounts
from .counts import PoissonCounts as PoissonCounts
from .ensemble_counts import EnsembleCounts as EnsembleCounts
from .interface import AbstractCellLikelihood as AbstractCellLikelihood
from .interface import AbstractLikelihood as AbstractLikelihood
from .interface import AbstractSimulator as AbstractSimulator
from .joint import Joint as Joint
from .residuals import GaussianResiduals as GaussianResiduals
from .residuals import VaryingResiduals as VaryingResiduals
from .signal_grids import SignalGrid as SignalGrid
from .tabulated import TabulatedProfiles as TabulatedProfiles
from .tabulation import tabulate as tabulate
from .unbinned import Unbinned as Unbinned
