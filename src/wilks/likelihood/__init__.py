# Face of the likelihoods: what can judge data, and what can make data.
from .interface import AbstractCellLikelihood as AbstractCellLikelihood
from .interface import AbstractLikelihood as AbstractLikelihood
from .interface import AbstractSimulator as AbstractSimulator
