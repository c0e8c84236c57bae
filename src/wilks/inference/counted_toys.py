"""p-values from as many toys as their precision asks for."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from .calibration import ByToys
from .tails import ToyTail, insist, tail_of
from .toys import ToyStudy, throw


class CountedToys(NamedTuple):
    """The statistic of toys, its tail beyond the observed value, and what a reader must know of it."""

    t: Float[np.ndarray, " toys"]
    tail: ToyTail
    flags: dict[str, str]


def count_toys(study: ToyStudy, observed: float, calibration: ByToys, what: str) -> CountedToys:
    """Toys of a study beyond the observed value, doubled in number until the tolerances of the calibration are met.

    The error of a p-value is half the length of its interval at 68 %. The rule looks at that error alone, and more
    toys begin with those thrown before, so the result is that of one study of the final size.

    Args:
        study: throws the toys and measures its statistic.
        observed: the statistic on the data.
        calibration: number of toys at the start, tolerances, and the largest number.
        what: names the procedure in an error.

    Raises:
        TooManyFailures: if more than 1 % of the toys fail.
    """
    n, t = calibration.toys, np.zeros(0)
    while True:
        known = len(t) // study.chunk_size * study.chunk_size  # a chunk that was cut short is thrown again
        run = throw(study, n, first=known, executor=calibration.executor, progress=calibration.progress)
        t = np.concatenate([t[:known], run["t"]])
        tail = tail_of(t, observed)
        insist(tail, what)
        p, error = float(tail.p_value or 0.0), (tail.interval[1] - tail.interval[0]) / 2
        if calibration.enough(p, error):
            return CountedToys(t, tail, {})
        if 2 * n > calibration.most:
            return CountedToys(t, tail, {"tolerance_missed": _missed(n, p, error, calibration)})
        n *= 2


def _missed(n: int, p: float, error: float, calibration: ByToys) -> str:
    """What was reached, and how many toys would do: the error falls with their square root."""
    allowed = min(
        math.inf if calibration.rtol is None else calibration.rtol * p,
        math.inf if calibration.atol is None else calibration.atol,
    )
    return (
        f"the Monte Carlo error {error:.2g} of the p-value misses the tolerance {allowed:.2g} after {n} toys; about "
        f"{math.ceil(n * (error / allowed) ** 2):.2g} would meet it, and at most {calibration.most} are allowed"
    )
