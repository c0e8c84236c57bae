from .parameters.parameter import Parameter as Parameter
from .parameters.space import ParameterSpace as ParameterSpace
