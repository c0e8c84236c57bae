"""What the tutorial of flamedisx printed for its own events, beside what this study finds for others.

The tutorial's events were never published, so its numbers are one draw of the same truth (a lifetime of 452 us): they
may differ from another draw by the errors of both, and by nothing else. Its errors are the roots of the inverse Hessian
of -2 ln L, too small by sqrt(2); they are corrected here. Its sample was cut as in the preset "1.4".
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from wilks.results.fits import FitResult
from wilks.results.intervals import Interval
from wilks.results.numbers import number, with_error
from wilks.results.provenance import Provenance
from wilks.studies.tabular import StudyTable

RATE, LIFETIME, LENGTH = "er_rate_multiplier", "elife", "absorption_length"

FITS: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "fit": {RATE: (0.0261, 0.00394), LIFETIME: (4.59e5, 1.81e4)},
    "fit_absorption": {RATE: (0.026, 0.00392), LENGTH: (61.7, 2.43)},
    "fit_yields": {
        RATE: (0.0279, 0.00421), "a": (-0.0901, 0.227), "b": (-0.432, 0.0622), "c": (0.45, 0.0283),
        LIFETIME: (4.44e5, 3.77e4), "g2": (21.5, 0.733),
    },
}  # fmt: skip
"""Values and errors as printed; c is its upper bound."""

INTERVAL = (435215.3396773964, 487174.84735532813)
"""Interval of the lifetime at 68 %, ns; its half width of 26.0e3 is sqrt(2) times the printed error of 18.1e3."""

SURVIVORS = (1000, 836)
"""Trials and events that the cuts keep."""

LENGTH_OF_DEFAULT = 60.342
"""452 us times the drift velocity, cm."""

_BOUNDS = (0.45,)  # a value on a bound has no error
_TEXTS = {"fit": "lifetime", "fit_absorption": "length", "fit_yields": "six parameters"}


@dataclass(frozen=True)
class Row:
    """One comparison.

    Args:
        text: which quantity.
        printed: by the tutorial.
        printed_error: corrected by sqrt(2); None without error.
        found: by this study.
        found_error: None without error.
        pull: difference over the root of the summed squares of both errors; None if an error is missing.
    """

    text: str
    printed: float
    printed_error: float | None
    found: float
    found_error: float | None
    pull: float | None


def compare_fits(fits: Mapping[str, FitResult], interval: Interval | None) -> tuple[Row, ...]:
    """Every parameter of the tutorial's fits, and the width of its interval.

    Args:
        fits: by the names of `FITS`.
        interval: of the lifetime at 68 %.
    """
    rows = []
    for name, best in fits.items():
        for parameter, (value, error) in FITS.get(name, {}).items():
            if parameter in best.values:
                corrected = None if value in _BOUNDS else math.sqrt(2) * error
                unit = dict(zip(best.names, best.units, strict=True)).get(parameter, "")
                text = f"{parameter} ({_TEXTS[name]})" + (f", {unit}" if unit else "")
                rows.append(_row(text, value, corrected, best.values[parameter], best.errors.get(parameter)))
    if interval is not None:
        half, own = 0.5 * (INTERVAL[1] - INTERVAL[0]), 0.5 * (interval.upper - interval.lower)
        rows.append(_row("half of the 68 % interval of elife, ns", half, None, own, None))
    return tuple(rows)


def compare_simulation(survivors: int, expected: float, length: float) -> tuple[Row, ...]:
    """Survivors of a thousand trials, and the length of the default lifetime.

    Args:
        survivors: of 1000 trials.
        expected: survivors expected of 1000 trials.
        length: 452 us in cm.
    """
    trials, printed = SURVIVORS
    share = expected / trials
    error = math.sqrt(trials * share * (1 - share))  # binomial
    return (
        _row("survivors of 1000 events", float(printed), error, float(survivors), error),
        _row("452 us times the drift velocity, cm", LENGTH_OF_DEFAULT, None, length, None),
    )


def table_of(rows: tuple[Row, ...], provenance: Provenance) -> StudyTable:
    """The comparisons as a table that prints itself."""
    return StudyTable(
        title="The tutorial's printed numbers",
        sentences=("its events are another draw of the same truth; its errors are multiplied by sqrt(2)",),
        columns=("quantity", "tutorial", "here", "difference / error"),
        rows=tuple(
            (
                row.text,
                with_error(row.printed, row.printed_error),
                with_error(row.found, row.found_error),
                "-" if row.pull is None else f"{row.pull:+.2f}",
            )
            for row in rows
        ),
        how="difference over the root of the summed squares of both errors; none where a number has no error",
        provenance=provenance,
    )


def _row(text: str, printed: float, printed_error: float | None, found: float, found_error: float | None) -> Row:
    pull = None
    if printed_error and found_error:
        pull = (found - printed) / math.hypot(printed_error, found_error)
    return Row(text, printed, printed_error, found, found_error, pull)


def plain(rows: tuple[Row, ...]) -> list[dict[str, float | str | None]]:
    """The comparisons as plain values."""
    return [dict(vars(row)) for row in rows]


def text_of_worst(rows: tuple[Row, ...]) -> str:
    """The largest difference in words."""
    known = [row for row in rows if row.pull is not None]
    worst = max(known, key=lambda row: abs(row.pull or 0.0), default=None)
    if worst is None:
        return ""
    return f"The largest difference is {number(abs(worst.pull or 0.0), 2)} standard deviations, of {worst.text}."
