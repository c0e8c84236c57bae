# Face of the response wing: counted simulation, response matrices and their statistics, exposures, cross sections.
from wilks.data.response_matrices import ResponseMatrices as ResponseMatrices

from .counts import ResponseCounts as ResponseCounts
from .cross_sections import cross_section_table as cross_section_table
from .ensembles import EnsembleBuilder as EnsembleBuilder
from .exposures import Exposure as Exposure
from .merging import merge_once as merge_once
from .merging import merge_sparse_bins as merge_sparse_bins
from .posterior import MatrixPosterior as MatrixPosterior
from .quality import Compatibility as Compatibility
from .quality import InBinVariation as InBinVariation
from .quality import compatibility as compatibility
from .quality import expected_distance as expected_distance
from .quality import in_bin_variation as in_bin_variation
from .quality import mahalanobis as mahalanobis
