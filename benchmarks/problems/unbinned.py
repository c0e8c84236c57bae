"""Problem c: 10,000 events, a Gaussian peak on an exponential; share, place and width of the peak are fitted."""

import numpy as np

NAMES, START, TRUTH = ("f", "m", "s"), (0.3, 4.7, 0.7), (0.2, 5.0, 0.5)
BOUNDS = ((0.0, 1.0), (3.0, 7.0), (0.1, 2.0))
LIMITS, SCALE, EVENTS = (0.0, 10.0), 4.0, 10_000
GRID = (0.15, 0.25)  # of the share, in a profile
PEAK = 1.0 / np.sqrt(2.0 * np.pi)  # the peak is inside the limits to 1e-23
DECAY = 1.0 / (SCALE * (1.0 - np.exp(-LIMITS[1] / SCALE)))


def toys(n: int) -> np.ndarray:
    """Sets of events at the truth."""
    generator = np.random.default_rng(3)
    share, place, width = TRUTH
    peak = generator.random((n, EVENTS)) < share
    uniform = generator.random((n, EVENTS))
    falling = -SCALE * np.log1p(-uniform / (DECAY * SCALE))
    return np.where(peak, generator.normal(place, width, (n, EVENTS)), falling)
