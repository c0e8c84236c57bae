"""The figure that belongs to each class of results, for ``wilks plot``."""

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from wilks._base.errors import InvalidOption
from wilks.results.belts import Belt
from wilks.results.calibration import CoverageCheck, RankCalibration
from wilks.results.checks import LocalTest, PredictiveCheck
from wilks.results.comparisons import CostComparison
from wilks.results.confidence import ConfidenceSet, CoverageMap
from wilks.results.contour_bands import ContourBands
from wilks.results.fits import FitResult, FitTable
from wilks.results.grid_posteriors import GridPosterior
from wilks.results.hypotheses import GoodnessOfFit
from wilks.results.impacts import Impacts
from wilks.results.intervals import Contour
from wilks.results.limits import Limit
from wilks.results.regions import ClsMap, Raster, Region, Sensitivity
from wilks.results.result import AbstractResult
from wilks.results.samples import Samples
from wilks.results.scans import Scan, ScanTable
from wilks.results.toys import Bias, Coverage, CoverageCurve, Toys
from wilks.results.weighted import WeightedSamples

from .comparisons import costs
from .fits import correlation, pulls
from .neural.calibration import calibration_curves, local_pp, rank_histogram
from .neural.planes import contour_bands, coverage_plane, learned_region
from .neural.posteriors import predictive, weights
from .posteriors import grid_posterior
from .rankings import impacts
from .regions import belt, cls_map, raster, region, sensitivity
from .samples import corner
from .scans import contour, scan, scan_map, scan_table
from .style import figure_of
from .toys import bias, coverage_curve, lengths, spread, toy_distribution
from .upper_limits import confidences


def draw(result: AbstractResult) -> Figure:
    """The figure of a result.

    Raises:
        InvalidOption: if there is nothing to draw.
    """
    if type(result) not in DRAWN:
        names = ", ".join(kind.__name__ for kind in DRAWN)
        raise InvalidOption(f"a {type(result).__name__} has no figure; figures exist for {names}")
    return DRAWN[type(result)](result)


def _fit(result: FitResult) -> Figure:
    return figure_of(pulls(result) if result.pulls else correlation(result))


def _scan(result: Scan) -> Figure:
    return figure_of(scan(result) if len(result.names) == 1 else scan_map(result))


def _toys(result: Toys) -> Figure:
    return spread(result) if result.t is None else figure_of(toy_distribution(result))


DRAWN: dict[type[AbstractResult], Callable[[Any], Figure]] = {
    FitResult: _fit,
    FitTable: spread,
    Scan: _scan,
    ScanTable: lambda result: figure_of(scan_table(result)),
    Contour: lambda result: figure_of(contour(result)),
    Impacts: impacts,
    Limit: lambda result: figure_of(confidences(result)),
    GoodnessOfFit: lambda result: figure_of(toy_distribution(result)),
    Toys: _toys,
    Coverage: lambda result: figure_of(lengths(result)),
    CoverageCurve: coverage_curve,
    Bias: bias,
    CostComparison: costs,
    Samples: corner,
    Region: lambda result: figure_of(region(result)),
    Raster: lambda result: figure_of(raster(result)),
    Sensitivity: lambda result: figure_of(sensitivity(result)),
    ClsMap: lambda result: figure_of(cls_map(result)),
    GridPosterior: grid_posterior,
    Belt: lambda result: figure_of(belt(result)),
    RankCalibration: rank_histogram,
    CoverageCheck: lambda result: figure_of(calibration_curves(result)),
    LocalTest: lambda result: figure_of(local_pp(result)),
    PredictiveCheck: predictive,
    ConfidenceSet: lambda result: figure_of(learned_region(result)),
    CoverageMap: lambda result: figure_of(coverage_plane(result)),
    ContourBands: lambda result: figure_of(contour_bands(result)),
    WeightedSamples: lambda result: figure_of(weights(result)),
}
