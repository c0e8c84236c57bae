# Face of the parameters: names, starts, bounds, priors.
from .parameter import Parameter as Parameter
from .priors import AbstractPrior as AbstractPrior
from .space import NamedValues as NamedValues
from .space import ParameterSpace as ParameterSpace
