# Face of operations on posteriors: conditional and marginal laws, mixtures, products, truncated ones made whole.
from .alternatives import average as average
from .alternatives import choose as choose
from .at_data import at_data as at_data
from .combined import combine as combine
from .conditioning import condition as condition
from .correlations import conditional_correlation as conditional_correlation
from .ensembles import ensemble as ensemble
from .marginals import marginal as marginal
from .subspaces import active_subspace as active_subspace
from .widening import WidenedPosterior as WidenedPosterior
