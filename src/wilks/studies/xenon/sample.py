"""The events that are fitted: simulated, or read from a table; and the seeds of all draws of the study."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wilks._base.errors import InvalidFile
from wilks.data.events import Events
from wilks.data.tables import read_csv
from wilks.physics.xenon.er import ERSource

EXACT = "exact_rate_p0"
"""Column of known differential rates at the defaults of flamedisx 2.1.0, PE^-2, which some tables have."""

_NEEDED = ("s1", "s2", "z", "drift_time")


@dataclass(frozen=True, eq=False)
class Sample:
    """Events to be fitted.

    Args:
        events: with signals, positions and times.
        source: where they come from, in words.
        trials: how many were simulated, cut ones included; None for a table.
    """

    events: Events
    source: str
    trials: int | None = None


def seed_of(seed: int, draw: int) -> int:
    """Seed of one of the draws of a study, so that all of them are independent."""
    return int(np.random.SeedSequence([seed, draw]).generate_state(1)[0])


def simulate_sample(source: ERSource, trials: int, seed: int) -> Sample:
    """Events out of so many trials at the defaults."""
    events = source.draw(seed_of(seed, 1), trials)
    return Sample(events, f"{len(events)} of {trials} events simulated with seed {seed}", trials)


def read_sample(file: str | Path) -> Sample:
    """Events of a csv table with the columns s1, s2 (PE), x, y, z, r (cm), drift_time and event_time (ns).

    Raises:
        InvalidFile: if the file cannot be read, holds no event, or lacks a column that every source needs.
    """
    path = Path(file)
    table = read_csv(path)
    missing = [name for name in _NEEDED if name not in table]
    if missing or not len(table):
        what = f"no column {', '.join(missing)}" if missing else "no events"
        raise InvalidFile(f"{path.name}: {what}; expected a table of events with {', '.join(_NEEDED)}, r, event_time")
    return Sample(table, f"{len(table)} events of {path.name}")
