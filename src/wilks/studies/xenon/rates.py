"""Differential rates of the events at two lifetimes, and their comparison with known ones."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wilks.physics.xenon.er import ERSource
from wilks.results.numbers import fixed, number
from wilks.results.provenance import Provenance
from wilks.studies.tabular import StudyTable

from .posing import log_rates
from .sample import EXACT, Sample

LIFETIMES = (100e3, 500e3)
"""ns: far from the truth of the tutorial, and close to it."""


class Rates(NamedTuple):
    """Rates of a sample.

    Args:
        logs: ln of the rate of every event, one row per lifetime.
        worst: largest relative difference from known rates; None if the table has none.
    """

    logs: Float[np.ndarray, "lifetimes events"]
    worst: float | None


def rates_of(source: ERSource, sample: Sample) -> Rates:
    """Rates at both lifetimes, and at the defaults where the table knows them."""
    logs = np.stack([log_rates(source, {"elife": lifetime}, sample.events) for lifetime in LIFETIMES])
    if EXACT not in sample.events:
        return Rates(logs, None)
    known = np.asarray(sample.events[EXACT], dtype=float)
    found = np.exp(log_rates(source, None, sample.events))
    return Rates(logs, float(np.max(np.abs(found / known - 1.0))))


def rates_table(rates: Rates, provenance: Provenance) -> StudyTable:
    """Both lifetimes as a table that prints itself."""
    known = f"at the defaults within {number(rates.worst, 2)} of the exact rates in the table" if rates.worst else ""
    return StudyTable(
        title="Differential rates",
        sentences=(known,) if known else (),
        columns=("lifetime [us]", "smallest [1/PE2]", "largest [1/PE2]", "sum of ln rate"),
        rows=tuple(
            (
                number(lifetime / 1e3),
                number(float(np.exp(logs.min())), 3),
                number(float(np.exp(logs.max())), 3),
                fixed(float(logs.sum()), 2),
            )
            for lifetime, logs in zip(LIFETIMES, rates.logs, strict=True)
        ),
        how="exact sums over everything that the detector does not see, on windows that follow the parameters",
        provenance=provenance,
    )
