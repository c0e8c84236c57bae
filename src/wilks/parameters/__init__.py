# Face of the parameters: names, starts, bounds, priors.
from .gamma_priors import Beta as Beta
from .gamma_priors import Gamma as Gamma
from .normal_priors import HalfNormal as HalfNormal
from .normal_priors import LogNormal as LogNormal
from .normal_priors import Normal as Normal
from .normal_priors import TruncatedNormal as TruncatedNormal
from .parameter import Parameter as Parameter
from .priors import AbstractPrior as AbstractPrior
from .priors import Exponential as Exponential
from .priors import LogUniform as LogUniform
from .priors import Uniform as Uniform
from .space import NamedValues as NamedValues
from .space import ParameterSpace as ParameterSpace
from .tabulated_priors import Tabulated as Tabulated
