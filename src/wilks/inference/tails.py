"""p-values from toys: counted with ties, bounded by what failed, never zero and never NaN."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wilks._base.errors import TooManyFailures

from .probabilities import clopper_pearson, toy_p_value

_TIE = 1e-7  # relative distance at which a toy's statistic equals the observed one
_MOST_FAILED = 0.01


class ToyTail(NamedTuple):
    """The tail of a statistic beyond the observed value."""

    p_value: float | None
    interval: tuple[float, float]
    interval_95: tuple[float, float]
    low: float
    high: float
    n: int
    exceedances: int
    ties: int
    failed: int


def tail_of(t: Float[np.ndarray, " toys"], observed: float) -> ToyTail:
    """P(t >= observed) with its Clopper-Pearson interval.

    Failed toys (NaN) count as less extreme in ``low`` and as more extreme in ``high``; above 1 % of them there is no
    headline value.
    """
    failed = int(np.isnan(t).sum())
    sound = t[~np.isnan(t)]
    tolerance = _TIE * (1.0 + abs(observed)) if np.isfinite(observed) else 0.0
    tied = (sound == observed) | ((sound >= observed - tolerance) & (sound <= observed + tolerance))
    exceed = int(((sound > observed) | tied).sum())
    ties = int(tied.sum())
    n = len(sound)
    trusted = failed <= _MOST_FAILED * len(t)
    return ToyTail(
        toy_p_value(exceed, n) if trusted else None,
        clopper_pearson(exceed, n),
        clopper_pearson(exceed, n, 0.95),
        toy_p_value(exceed, len(t)),
        toy_p_value(exceed + failed, len(t)),
        n,
        exceed,
        ties,
        failed,
    )


def insist(tail: ToyTail, what: str) -> None:
    """Refuse to go on without a headline value.

    Raises:
        TooManyFailures: with both bounds.
    """
    if tail.p_value is None:
        raise TooManyFailures(
            f"{what}: {tail.failed} of {tail.n + tail.failed} toys failed, more than 1 %; the p-value lies between "
            f"{tail.low:.3g} and {tail.high:.3g}",
            tail,
        )
