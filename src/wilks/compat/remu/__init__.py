# Face of the drop-in for ReMU; modules: binning, likelihood, likelihood_utils, matrix_utils, migration, plotting.
from .binning import yaml as yaml
from .pool import Pool as Pool
