# Face of the figures of simulation-based inference: calibration, learned regions, posteriors beside exact ones.
from .calibration import calibration_curves as calibration_curves
from .calibration import local_pp as local_pp
from .calibration import rank_histogram as rank_histogram
from .planes import contour_bands as contour_bands
from .planes import coverage_plane as coverage_plane
from .planes import critical_maps as critical_maps
from .planes import learned_region as learned_region
from .posteriors import posterior_pair as posterior_pair
from .posteriors import predictive as predictive
from .posteriors import weights as weights
from .training import training as training
