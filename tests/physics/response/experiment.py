"""A small measurement whose response matrix is known in closed form, and the tutorial's tables."""

import numpy as np

from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.tables import read_csv
from wilks.interchange.remu import read_binning
from wilks.physics.response.counts import ResponseCounts

RECO = Grid((Intervals("r", [0, 1, 2, 3]),))
TRUTH = Grid((Intervals("t", [0, 1, 2]),))


def events(*rows):
    """Table of (number, r, t, w): so many events each."""
    columns = {name: [row[i] for row in rows] for i, name in enumerate("rtw", start=1)}
    return {name: np.repeat(np.array(values, float), [row[0] for row in rows]) for name, values in columns.items()}


SEEN = events((5, 0.5, 0.5, 1), (3, 1.5, 0.5, 2), (4, 2.5, 1.5, 0.5), (2, 1.5, 1.5, 1))
LOST = events((4, np.nan, 0.5, 1), (2, np.nan, 1.5, 1))


def small(**lists):
    """Counts of the small measurement."""
    return ResponseCounts(RECO, TRUTH, **lists).fill(SEEN, weight="w").fill(LOST, weight="w")


def models(shared_data, truth):
    """Counts of models A and B of the tutorial in some truth binning."""
    folder = shared_data / "response"
    reco, bins = read_binning(folder / "01" / "reco-binning.yml"), read_binning(folder / "01" / f"{truth}-binning.yml")
    return [
        ResponseCounts(reco, bins)
        .fill(read_csv(folder / "00" / f"model{name}_data.csv.gz", remember=True))
        .fill_up_truth(read_csv(folder / "00" / f"model{name}_truth.csv.gz", remember=True))
        for name in "AB"
    ]
