"""Where the search for the neutrino scale starts: its best value as a function of the ratio of the two splittings.

With splittings a x and b x, best values A and B, and x = (A/a) exp(alpha), the chi-square of both depends on alpha and
on rho = ln(b/B) - ln(a/A) alone, so that the best alpha is a function of rho, which is tabulated for given curves.
"""

import math
from collections.abc import Callable, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks._base.typing import Scalar
from wilks.likelihood.curves import Curve

from .coordinates import LN10

_REACH, _FINE = 5.0, 0.1  # largest |rho| that is tabulated; the table is even in asinh(rho/0.1)
_POINTS = 2049
_COARSE, _ZOOM, _ZOOMS = 33, 9, 6  # values of alpha that are tried: all over, then closer to the lowest, how often
_JUMP = 1.5  # change of alpha by rho, which is -1 to 0 for smooth curves, that counts as one
_TINY = 1e-300


class ScaleGuess(eqx.Module):
    """The best alpha by rho.

    Args:
        alpha: at equal steps of asinh(rho/0.1).
        change: of alpha from one point to the next, 0 where it jumps from one local minimum to another.
    """

    alpha: Float[np.ndarray | Array, " points"]
    change: Float[np.ndarray | Array, " points"]

    @classmethod
    def of(cls, curves: Sequence[Curve], logs: Sequence[bool]) -> "ScaleGuess":
        """Tabulate the minimum of the sum of two curves.

        Args:
            curves: of the two splittings.
            logs: which of them are curves of a log10.
        """
        rho = _FINE * np.sinh(np.linspace(-1.0, 1.0, _POINTS) * _largest())
        first, second = (_by_factor(curve, log) for curve, log in zip(curves, logs, strict=True))
        share, width = np.linspace(0.0, 1.0, _COARSE)[None], 1.0  # the minimum lies between those of the two
        for _ in range(_ZOOMS):
            alpha = -share * rho[:, None]
            lowest = np.argmin(first(alpha) + second(alpha + rho[:, None]), axis=1)[:, None]
            width *= 2.0 / (share.shape[1] - 1)
            best = np.take_along_axis(np.broadcast_to(share, alpha.shape), lowest, axis=1)
            share = best + width * np.linspace(-0.5, 0.5, _ZOOM)[None]
        alpha = -share[:, _ZOOM // 2] * rho
        change = np.diff(alpha, append=alpha[-1])
        return cls(alpha, np.where(np.abs(change) < _JUMP * np.diff(rho, append=np.inf), change, 0.0))

    def log_x(self, splittings: Float[Array, "2"], best: Float[Array, "2"]) -> tuple[Scalar, Bool[Array, ""]]:
        """ln x, and whether the table has it: not for splittings without the signs of their best values.

        Args:
            splittings: the unscaled a and b.
            best: A and B.
        """
        ratios = splittings / best
        logs = jnp.log(jnp.maximum(ratios, _TINY))
        rho = logs[1] - logs[0]
        place = (jnp.arcsinh(rho / _FINE) / _largest() + 1.0) * (0.5 * (_POINTS - 1))
        left = jnp.clip(place.astype(int), 0, _POINTS - 2)
        alpha, change = (jnp.asarray(x).at[left].get(mode="promise_in_bounds") for x in (self.alpha, self.change))
        return alpha + (place - left) * change - logs[0], jnp.all(ratios > 0) & (jnp.abs(rho) < _REACH)


def _largest() -> float:
    return math.asinh(_REACH / _FINE)


def _by_factor(curve: Curve, log: bool) -> Callable[[np.ndarray], np.ndarray]:
    """The curve as a function of the logarithm of its quantity over the best value."""
    if log:
        return lambda alpha: curve(curve.best + alpha / LN10)
    return lambda alpha: curve(curve.best * np.exp(alpha))
