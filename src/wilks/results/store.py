"""Saves and loads results: the registry of classes that a file may hold, and JSON for programs."""

from pathlib import Path
from typing import Any

from wilks._base.errors import InvalidData, InvalidFile, near_names

from .belts import Belt
from .calibration import CoverageCheck, RankCalibration
from .checks import LocalTest, Misspecification, PredictiveCheck, TotalVariation
from .comparisons import CostComparison
from .confidence import ConfidenceSet, CoverageMap
from .contour_bands import ContourBands
from .encoding import encode
from .fields import build
from .files import read
from .fits import FitResult, FitTable
from .grid_posteriors import GridPosterior
from .hypotheses import GoodnessOfFit, HypothesisTest
from .impacts import Impacts
from .intervals import Contour, Interval, Intervals
from .limits import Limit, SignalTest
from .minima import Minima
from .predictions import Predictions
from .regions import ClsMap, Raster, Region, Sensitivity
from .result import AbstractResult
from .samples import Samples
from .scans import Scan, ScanTable
from .subspaces import ActiveSubspace, ConditionalCorrelation
from .toys import Bias, Coverage, CoverageCurve, Toys
from .weighted import BayesFactor, Evidence, Suspiciousness, WeightedSamples

RESULTS: dict[str, type[AbstractResult]] = {
    kind.__name__: kind
    for kind in (
        FitResult,
        FitTable,
        Minima,
        Scan,
        ScanTable,
        Interval,
        Intervals,
        Contour,
        Limit,
        Impacts,
        HypothesisTest,
        SignalTest,
        GoodnessOfFit,
        Toys,
        Coverage,
        CoverageCurve,
        Bias,
        CostComparison,
        Samples,
        Predictions,
        Region,
        Raster,
        ClsMap,
        Sensitivity,
        Belt,
        WeightedSamples,
        Evidence,
        BayesFactor,
        Suspiciousness,
        RankCalibration,
        CoverageCheck,
        PredictiveCheck,
        Misspecification,
        LocalTest,
        TotalVariation,
        GridPosterior,
        ConfidenceSet,
        CoverageMap,
        ContourBands,
        ActiveSubspace,
        ConditionalCorrelation,
    )
}


def save(result: AbstractResult, path: str | Path) -> Path:
    """Write a result to ``path``, which ends in ``.npz`` (arrays with one JSON header) or ``.json``.

    Raises:
        InvalidOption: for another ending.
    """
    return result.save(path)


def load(path: str | Path) -> AbstractResult:
    """Read a result back, exactly as it was saved; neither JAX nor pickle is involved.

    Raises:
        InvalidFile: for anything but a whole result file, naming the path, the place in it and what was expected.

    Example:
        >>> import tempfile
        >>> from wilks.results.intervals import Interval
        >>> from wilks.results.provenance import Provenance
        >>> from wilks.results.status import Status
        >>> interval = Interval(
        ...     name="mu", unit="", level=0.6827, method="profile", lower=0.5, upper=1.8, lower_open=False,
        ...     upper_open=False, pieces=((0.5, 1.8),), threshold=1.0, best=1.1, residuals=(0.0, 0.0),
        ...     status=Status.OK, how="chi2 with 1 dof", provenance=Provenance.collect())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     load(interval.save(f"{folder}/mu.json")).contains(1.0)
        True
    """
    path = Path(path)
    name, fields = read(path)
    if name not in RESULTS:
        raise InvalidFile(f"{path}: /class is {name!r}, which is no result; {near_names(name, RESULTS)}")
    try:
        return build(RESULTS[name], fields, name)
    except InvalidData as error:
        raise InvalidFile(f"{path}: /result: {error}") from None


def to_json(result: AbstractResult) -> dict[str, Any]:
    """A result as plain JSON values for programs.

    The fields stand under their names, with null for NaN and infinities; ``nonfinite`` says which of the two a null
    is, by JSON pointer.
    """
    document, _ = encode(result, separate_arrays=False)
    return {"class": document["class"], **document["result"], "nonfinite": document["nonfinite"]}
