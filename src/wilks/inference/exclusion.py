"""What every calculation of a limit shares: the question, the curves of confidence, and what was found."""

from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import ndtr

from wilks._base.errors import InvalidOption, check_option
from wilks.results.limits import SIGMAS

from .probabilities import check_level

METHODS = ("cls", "profile", "power-constrained")
STATISTICS = ("qtilde", "q")
SIDES = ("upper", "lower")
MIN_POWER = float(ndtr(-1.0))
"""Power below which a limit is not believed: the lower one-sigma edge of the expected band."""
STEPS = np.array(SIGMAS, dtype=float)
"""Standard deviations of the expected band."""

Points = Float[np.ndarray, " points"]


class Question(NamedTuple):
    """Which limit is asked for; the arguments of `wilks.inference.limits.limit`."""

    name: str
    level: float
    side: Literal["upper", "lower"]
    method: Literal["cls", "profile", "power-constrained"]
    statistic: Literal["qtilde", "q"]
    expected: bool
    min_power: float

    @property
    def by_ratio(self) -> bool:
        """Whether CLs decides, and not CLs+b."""
        return self.method == "cls"

    def check(self) -> None:
        """Refuse what cannot be asked.

        Raises:
            InvalidOption: naming the value and what is allowed.
        """
        check_level(self.level)
        check_option("method", self.method, METHODS)
        check_option("statistic", self.statistic, STATISTICS)
        check_option("side", self.side, SIDES)
        if not 0.0 < self.min_power < 1.0:
            raise InvalidOption(f"min_power {self.min_power} lies outside (0, 1); give a probability such as 0.16")
        if self.side == "lower" and self.method != "profile":
            raise InvalidOption(f"method {self.method!r} gives upper limits only; use method='profile' for a lower one")


class Curve(NamedTuple):
    """Confidences at values of the parameter in ascending order, with their Monte Carlo errors."""

    mu: Points
    cls_sb: Points
    cls_b: Points
    cls: Points
    cls_sb_error: Points
    cls_b_error: Points
    cls_error: Points
    expected_cls: Float[np.ndarray, "rows points"]

    @classmethod
    def exact(
        cls, mu: Points, cls_sb: Points, cls_b: Points, ratio: Points, expected: Float[np.ndarray, "rows points"]
    ) -> "Curve":
        """A curve without Monte Carlo errors."""
        zero = np.zeros(len(mu))
        return cls(mu, cls_sb, cls_b, ratio, zero, zero, zero, expected)


class Found(NamedTuple):
    """A limit with everything that is known about it."""

    observed: float
    open_: bool
    observed_error: float
    expected: Float[np.ndarray, " band"]
    expected_errors: Float[np.ndarray, " band"]
    curve: Curve
    least_power: float | None
    n: int
    failed: int
    flags: dict[str, str]
    how: str


def no_curve() -> Curve:
    """The curve of a limit that needs none."""
    nothing = np.zeros(0)
    return Curve.exact(nothing, nothing, nothing, nothing, np.zeros((0, 0)))


def crossing(mu: Points, confidence: Points, level: float) -> float:
    """Where a falling curve of confidence meets 1 - level, by linear interpolation; infinite if it stays above.

    The last crossing counts, so that a curve with a bump excludes no value too many.
    """
    above = np.flatnonzero(confidence > 1 - level)
    if not above.size:
        return float(mu[0])
    last = int(above[-1])
    if last == len(mu) - 1:
        return float("inf")
    share = (confidence[last] - (1 - level)) / (confidence[last] - confidence[last + 1])
    return float(mu[last] + share * (mu[last + 1] - mu[last]))
