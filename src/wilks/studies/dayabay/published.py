"""Published numbers of Daya Bay against ours."""

import numpy as np

from wilks.physics.oscillation.closure import Closure, ClosureRow
from wilks.physics.oscillation.closure_table import DAYA_BAY
from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis
from wilks.physics.oscillation.dayabay.constants import PUBLISHED
from wilks.results.provenance import Provenance
from wilks.studies.tabular import StudyTable

from .ways import ANGLE, SPLITTING, Measured

PAPER = "Daya Bay, Phys. Rev. Lett. 130 (2023) 161802, arXiv:2211.14988"
PUBLISHED_ANGLE, PUBLISHED_SPLITTING = PUBLISHED[ANGLE], PUBLISHED[SPLITTING]
INVERTED_SPLITTING = (2.571e-3, 0.060e-3)
"""Size of Dm2_32 in the inverted ordering; the paper's abstract, whose value is negative."""

_VALUES_WITHIN = 0.2  # of the quoted error
_ERRORS_WITHIN = 0.05  # relatively


def compared(found: Measured, analysis: DayaBayAnalysis, chi2_at_start: float) -> Closure:
    """Published against ours: data, chi-square of the release model, best fit and errors.

    Args:
        found: of the fit.
        analysis: what was fitted.
        chi2_at_start: of the release model at its start values.
    """
    counts = np.asarray(analysis.data.counts)
    inputs = (float(len(counts)), float(counts.sum()) * 1e-6, chi2_at_start)
    rows = [
        ClosureRow(f.experiment, f.quantity, f.value, f.error, ours, f.allowed, f.source)
        for f, ours in zip(DAYA_BAY, inputs, strict=True)
    ]
    splitting = PUBLISHED_SPLITTING if analysis.choices.ordering == 1 else INVERTED_SPLITTING
    for name, (value, error), ours, width in (
        (ANGLE, PUBLISHED_ANGLE, found.angle, found.angle_error),
        (SPLITTING, splitting, found.splitting, found.splitting_error),
    ):
        rows.append(ClosureRow("Daya Bay", name, value, error, ours, _VALUES_WITHIN, PAPER))
        rows.append(ClosureRow("Daya Bay", f"error of {name}", error, _ERRORS_WITHIN * error, width, 1.0, PAPER))
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
