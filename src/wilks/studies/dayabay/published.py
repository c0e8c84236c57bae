"""Published numbers of Daya Bay against ours."""

import numpy as np

from wilks.physics.oscillation.closure import Closure, row_of
from wilks.physics.oscillation.closure_table import DAYA_BAY, DAYA_BAY_BEST, daya_bay_best
from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis
from wilks.physics.oscillation.dayabay.constants import PUBLISHED
from wilks.results.provenance import Provenance
from wilks.studies.tabular import StudyTable

from .ways import ANGLE, SPLITTING, Measured

PUBLISHED_ANGLE, PUBLISHED_SPLITTING = PUBLISHED[ANGLE], PUBLISHED[SPLITTING]
INVERTED_SPLITTING = (2.571e-3, 0.060e-3)
"""Size of Dm2_32 in the inverted ordering; the paper's abstract, whose value is negative."""


def compared(found: Measured, analysis: DayaBayAnalysis, chi2_at_start: float) -> Closure:
    """Published against ours: data, chi-square of the release model, best fit and errors.

    Args:
        found: of the fit.
        analysis: what was fitted.
        chi2_at_start: of the release model at its start values.
    """
    counts = np.asarray(analysis.data.counts)
    inputs = (float(len(counts)), float(counts.sum()) * 1e-6, chi2_at_start)
    rows = [row_of(figure, ours) for figure, ours in zip(DAYA_BAY, inputs, strict=True)]
    splitting = DAYA_BAY_BEST[SPLITTING]
    if analysis.choices.ordering == -1:
        splitting = daya_bay_best(SPLITTING, *INVERTED_SPLITTING)
    ours = (found.angle, found.angle_error, found.splitting, found.splitting_error)
    rows += [row_of(figure, value) for figure, value in zip((*DAYA_BAY_BEST[ANGLE], *splitting), ours, strict=True)]
    return Closure(tuple(rows))


def closure_table(closure: Closure) -> StudyTable:
    """The comparison as a result."""
    summary = closure.summary()
    return StudyTable(
        title="Published numbers and ours",
        sentences=summary.sentences,
        columns=summary.columns,
        rows=summary.rows,
        how="differences in units of the quoted error, or of a tolerance; errors may differ by a twentieth",
        provenance=Provenance.collect(),
    )
