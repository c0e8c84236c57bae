# Face of the drop-in for remu.matrix_utils.
from .comparison import compatibility as compatibility
from .comparison import improve_stats as improve_stats
from .comparison import mahalanobis_distance as mahalanobis_distance
from .matrix_plots import plot_compatibility as plot_compatibility
from .matrix_plots import plot_in_bin_variation as plot_in_bin_variation
from .matrix_plots import plot_mahalanobis_distance as plot_mahalanobis_distance
from .matrix_plots import plot_mean_efficiency as plot_mean_efficiency
from .matrix_plots import plot_mean_response_matrix as plot_mean_response_matrix
from .matrix_plots import plot_relative_in_bin_variation as plot_relative_in_bin_variation
from .matrix_plots import plot_statistical_uncertainty as plot_statistical_uncertainty
