# Face of the drop-in for remu.likelihood.
from wilks.compat.remu.mapping import mapper as mapper

from .calculator import LikelihoodCalculator as LikelihoodCalculator
from .combinations import ConcatenatedPredictor as ConcatenatedPredictor
from .combinations import SummedPredictor as SummedPredictor
from .data_models import PoissonData as PoissonData
from .hypotheses import HypothesisTester as HypothesisTester
from .hypotheses import ToyPValue as ToyPValue
from .jeffreys import JeffreysPrior as JeffreysPrior
from .matrices import LinearEinsumPredictor as LinearEinsumPredictor
from .matrices import MatrixPredictor as MatrixPredictor
from .matrices import ResponseMatrixPredictor as ResponseMatrixPredictor
from .matrices import TemplatePredictor as TemplatePredictor
from .maxima import Maximum as Maximum
from .maximizer import BasinHoppingMaximizer as BasinHoppingMaximizer
from .predictors import ComposedMatrixPredictor as ComposedMatrixPredictor
from .predictors import ComposedPredictor as ComposedPredictor
from .predictors import FixedParameterMatrixPredictor as FixedParameterMatrixPredictor
from .predictors import FixedParameterPredictor as FixedParameterPredictor
from .predictors import LinearizedPredictor as LinearizedPredictor
from .predictors import Predictor as Predictor
from .systematics import MarginalLikelihoodSystematics as MarginalLikelihoodSystematics
from .systematics import NoSystematics as NoSystematics
from .systematics import ProfileLikelihoodSystematics as ProfileLikelihoodSystematics
