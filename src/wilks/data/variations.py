"""Templates of a systematic variation: mirrored where one side is missing, and split into a factor and a shape."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData


def mirrored(nominal: Float[np.ndarray, " bins"], up: Float[np.ndarray, " bins"]) -> Float[np.ndarray, " bins"]:
    """The other side of a one-sided variation, ``down = 2 nominal - up``.

    Args:
        nominal: nominal template.
        up: varied template with the same bins.
    """
    return 2 * nominal - up


def mirrored_factor(hi: float) -> float:
    """The other side of a one-sided factor, ``lo = 2 - hi``."""
    return 2 - hi


@dataclass(frozen=True)
class FactorAndShape:
    """A variation as factors on the yield and templates of nominal yield.

    Args:
        hi: yield one standard deviation up, relative to the nominal yield.
        lo: the same for down.
        up: shape one standard deviation up, with the sum of the nominal template.
        down: the same for down.
    """

    hi: float
    lo: float
    up: Float[np.ndarray, " bins"]
    down: Float[np.ndarray, " bins"]

    @classmethod
    def of(
        cls,
        nominal: Float[np.ndarray, " bins"],
        up: Float[np.ndarray, " up"],
        down: Float[np.ndarray, " down"] | None = None,
        *,
        who: str = "variation",
    ) -> "FactorAndShape":
        """Split a variation: ``hi = sum(up) / sum(nominal)``, and ``up`` divided by it.

        Args:
            nominal: nominal template.
            up: template one standard deviation up.
            down: template one standard deviation down; ``None`` mirrors factor and shape of ``up``, each on its own.
            who: subject of messages.

        Raises:
            InvalidData: if shapes differ, a sum is not positive, or a mirrored factor is not.

        >>> split = FactorAndShape.of(np.array([10.0, 10.0]), np.array([9.0, 13.0]))
        >>> split.hi, round(split.lo, 12), split.up.round(3).tolist(), split.down.round(3).tolist()
        (1.1, 0.9, [8.182, 11.818], [11.818, 8.182])
        """
        _check_positive(nominal, f"{who}: the nominal template")
        hi, shape_up = _split(nominal, up, f"{who}: the up template")
        if down is not None:
            lo, shape_down = _split(nominal, down, f"{who}: the down template")
            return cls(hi, lo, shape_up, shape_down)
        lo = mirrored_factor(hi)
        if lo <= 0:
            raise InvalidData(
                f"{who}: an up factor of {hi:g} mirrored gives {lo:g}, but factors are above 0; give a down template"
            )
        return cls(hi, lo, shape_up, mirrored(nominal, shape_up))


def _split(nominal: np.ndarray, varied: np.ndarray, who: str) -> tuple[float, np.ndarray]:
    if nominal.shape != varied.shape:
        raise InvalidData(f"{who} has {len(varied)} bins, the nominal one {len(nominal)}")
    _check_positive(varied, who)
    factor = float(varied.sum() / nominal.sum())
    return factor, varied / factor


def _check_positive(template: np.ndarray, who: str) -> None:
    total = float(template.sum())
    if not (np.isfinite(total) and total > 0):
        raise InvalidData(f"{who} has the sum {total:g}; a factor on the yield needs one above 0")
