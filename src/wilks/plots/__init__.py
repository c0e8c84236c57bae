# Face of the plots: figures of results and histograms.
from .comparisons import costs as costs
from .draw import draw as draw
from .events import stacked as stacked
from .fits import correlation as correlation
from .fits import data_model as data_model
from .fits import pulls as pulls
from .limits import confidences as confidences
from .limits import limits as limits
from .scans import contour as contour
from .scans import scan as scan
from .scans import scan_map as scan_map
from .style import wilks_style as wilks_style
from .toys import bias as bias
from .toys import coverage_curve as coverage_curve
from .toys import lengths as lengths
from .toys import spread as spread
from .toys import toy_distribution as toy_distribution
