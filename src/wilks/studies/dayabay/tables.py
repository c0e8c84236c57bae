"""Tables of the Daya Bay study: the data, and ways to fit them."""

from collections.abc import Sequence

from wilks.physics.oscillation.dayabay.constants import PUBLISHED
from wilks.physics.oscillation.dayabay.summary import DataSummary
from wilks.results.numbers import fixed
from wilks.results.provenance import Provenance
from wilks.studies.tabular import StudyTable

from .ways import ANGLE, SPLITTING, Measured


def data_table(by_period: DataSummary, by_detector: DataSummary) -> StudyTable:
    """Candidates, days and rates per detector and period, then per detector."""
    summary = by_period.summary()
    return StudyTable(
        title=summary.title,
        sentences=summary.sentences,
        columns=summary.columns,
        rows=(*summary.rows, *by_detector.summary().rows),
        how="sums over the days of each period, and over all periods",
        provenance=Provenance.collect(),
    )


def ways_table(ways: Sequence[Measured]) -> StudyTable:
    """What every way to fit finds."""
    published = PUBLISHED[ANGLE], PUBLISHED[SPLITTING]
    rows = tuple(
        (
            m.way,
            fixed(m.angle, 5),
            f"{fixed(m.angle_error, 5)} ({m.angle_error / published[0][1] - 1.0:+.1%})",
            fixed(1e3 * m.splitting, 4),
            f"{fixed(1e3 * m.splitting_error, 4)} ({m.splitting_error / published[1][1] - 1.0:+.1%})",
            fixed(m.chi2, 1),
            f"{m.overshoot:+.1%}",
        )
        for m in ways
    )
    return StudyTable(
        title="Ways to fit",
        sentences=("errors with their difference from the published ones; events: expected over observed, less one",),
        columns=("way", ANGLE, "error", "|dm2_32| [1e-3 eV^2]", "error", "chi2", "events"),
        rows=rows,
        how="errors from the second derivatives at the best fit",
        provenance=Provenance.collect(),
    )
