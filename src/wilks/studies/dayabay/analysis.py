"""The measurement of theta_13 and of the splitting Dm2_32 with the full data of Daya Bay."""

from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import numpy as np

from wilks._base.errors import check_option
from wilks.execution.progress import ThrottledProgress
from wilks.inference.calibration import ByToys
from wilks.inference.contours import contour
from wilks.inference.fitting import fit
from wilks.inference.goodness import goodness_of_fit
from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis, analysis_of
from wilks.physics.oscillation.dayabay.choices import Choices
from wilks.physics.oscillation.dayabay.summary import summary_table
from wilks.physics.oscillation.dayabay.variances import KEPT, STATISTICS
from wilks.physics.oscillation.readers.dayabay import read_release
from wilks.results.fits import FitResult
from wilks.studies.measurement import Findings
from wilks.studies.study import Effort, StudyReport

from .published import closure_table, compared
from .report import Answer, assemble
from .tables import data_table, ways_table
from .ways import ANGLE, ORDERINGS, SPLITTING, WAYS, Measured, chosen, measure, measured

LEVELS = {"contour": 0.6827, "contour_95": 0.95}


def dayabay(
    *,
    statistic: str = "cnp",
    ordering: str = "normal",
    folder: Path | None = None,
    contours: bool = True,
    compare: bool = True,
    effort: Effort | None = None,
) -> StudyReport:
    """How large are theta_13 and Dm2_32?

    Args:
        statistic: cost of the counts; see `wilks.physics.oscillation.dayabay.variances.STATISTICS`. ``"poisson"`` knows
            no covariance: every uncertain input is a parameter then, which takes a minute.
        ordering: ``"normal"`` or ``"inverted"``.
        folder: folder ``npz`` of the release; by default that of the package ``dayabay-data-official``.
        contours: also draw joint regions of both parameters.
        compare: also fit with other costs and treatments.
        effort: toys for the goodness of fit, seed, processes.

    Raises:
        InvalidOption: for an option that does not exist.
        MissingExtra: if no folder is given and the package is not installed.
        InvalidFile: for a release that cannot be used.
    """
    check_option("statistic", statistic, STATISTICS)
    check_option("ordering", ordering, ORDERINGS)
    effort = effort or Effort()
    release = read_release(folder)
    analysis = analysis_of(release, Choices(**chosen(statistic, ordering)))
    results = Findings(effort)
    results.add("data", partial(data_table, summary_table(analysis), summary_table(analysis, "detector")))
    best = results.add("fit", lambda: fit(analysis.likelihood, analysis.data, throw=False))
    answer = Answer(measured("this fit", analysis, best), _chi2_at_start(analysis), len(best.free))
    closure = compared(answer.measured, analysis, answer.chi2_at_start)
    results.add("closure", partial(closure_table, closure))
    if best.status.converged:
        _more(analysis, best, contours, effort, results)
    ways = _compared_ways(analysis, effort) if compare else ()
    if ways:
        results.add("ways", partial(ways_table, ways))
    settings = {"statistic": statistic, "ordering": ordering}
    return assemble(analysis, answer, closure, ways, results, settings, effort)


def _more(analysis: DayaBayAnalysis, best: FitResult, contours: bool, effort: Effort, results: Findings) -> None:
    likelihood, data = analysis.likelihood, analysis.data
    if contours:
        for name, level in LEVELS.items():
            results.add(name, partial(contour, likelihood, data, (ANGLE, SPLITTING), level=level))
    if effort.toys:
        by: Any = ByToys(effort.seed, effort.toys, executor=effort.executor, progress=effort.progress)
        results.add("goodness", lambda: goodness_of_fit(likelihood, data, calibration=by, start=best.values))


def _compared_ways(analysis: DayaBayAnalysis, effort: Effort) -> tuple[Measured, ...]:
    """What every way finds, counted on the progress bar: the first waits for the compiler."""
    standard = analysis if _is_standard(analysis) else analysis_of(analysis.release, Choices())
    progress = ThrottledProgress(effort.progress, len(WAYS))
    found: list[Measured] = []
    for way in WAYS:
        found.append(measure(standard, way))
        progress.add(1, failed=int(not np.isfinite(found[-1].angle_error)))
    return tuple(found)


def _is_standard(analysis: DayaBayAnalysis) -> bool:
    return analysis.choices.cost == KEPT and analysis.choices.ordering == 1


def _chi2_at_start(analysis: DayaBayAnalysis) -> float:
    """Chi-square of the release model at its start values."""
    reference = analysis if _is_standard(analysis) else analysis_of(analysis.release, Choices())
    space = reference.likelihood.space
    return float(eqx.filter_jit(reference.likelihood.chi2)(space.unpack(space.starts), reference.data))
