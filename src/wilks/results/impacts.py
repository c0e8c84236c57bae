"""Result of a ranking: how much each parameter, and each group of them, adds to the error of one."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int8

from .fits import status_counts
from .numbers import number, with_error
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Impacts(AbstractResult):
    """How the best value of one parameter moves with all others, the largest first.

    An impact is a change of the best value of ``name`` and has its unit.

    Args:
        name: the parameter of interest.
        best: its best value.
        sigma: its error from the curvature.
        names: the other free parameters, ranked by the larger of their post-fit impacts.
        values: their best values.
        errors: their errors after the fit.
        pull: (best - nominal)/(error before the fit); NaN for a parameter without auxiliary measurement.
        constraint: error after over error before the fit; NaN likewise.
        up: impact of the parameter held at its best value plus its error after the fit, all others refitted.
        down: the same with minus.
        up_prefit: impact of the parameter held at its best value plus its error before the fit; NaN without one.
        down_prefit: the same with minus.
        linear: what the covariance says of ``up``: C_mk / sqrt(C_kk).
        shift_up: change of the best value if the auxiliary measurement is moved up by its error, everything refitted;
            NaN without one. Where everything is linear, the squares of these and of the error that remains with all
            measurements exactly known add to the squared error.
        shift_down: the same with down.
        clipped: parameters that were held at a bound instead, since that was nearer than their error.
        status: code of the worst `Status` among the fits of each parameter.
        groups: name of a group -> sqrt(sigma^2 - sigma^2 with the group held at its best values); a difference below
            zero keeps its sign.
        statistical: error with all other parameters held at their best values.
    """

    name: str
    best: float
    sigma: float
    names: tuple[str, ...]
    values: Float[np.ndarray, " parameters"]
    errors: Float[np.ndarray, " parameters"]
    pull: Float[np.ndarray, " parameters"]
    constraint: Float[np.ndarray, " parameters"]
    up: Float[np.ndarray, " parameters"]
    down: Float[np.ndarray, " parameters"]
    up_prefit: Float[np.ndarray, " parameters"]
    down_prefit: Float[np.ndarray, " parameters"]
    linear: Float[np.ndarray, " parameters"]
    shift_up: Float[np.ndarray, " parameters"]
    shift_down: Float[np.ndarray, " parameters"]
    clipped: Bool[np.ndarray, " parameters"]
    status: Int8[np.ndarray, " parameters"]
    groups: dict[str, float]
    statistical: float

    def __len__(self) -> int:
        return len(self.names)

    @property
    def largest(self) -> Float[np.ndarray, " parameters"]:
        """The larger of both post-fit impacts in size, which ranks the parameters."""
        return np.fmax(np.abs(self.up), np.abs(self.down))

    def summary(self) -> Summary:
        """Error budget, then one row per parameter, the largest impact first."""
        shares = [("statistical", self.statistical), *self.groups.items()]
        sentences = (
            f"{self.name} = {with_error(self.best, self.sigma)}",
            "error budget: " + ", ".join(f"{group} {number(share, 3)}" for group, share in shares),
            f"fits: {status_counts(self.status)}",
            self.how,
        )
        columns = ("parameter", "value", "pull", "constraint", "up", "down", "up, pre-fit", "down, pre-fit", "linear")
        columns += ("shift up", "shift down", "note")
        rows = tuple(self._row(i) for i in range(len(self)))
        return Summary(f"Impacts on {self.name}", sentences, columns, rows, tuple(self.flags.items()))

    def _row(self, i: int) -> tuple[str, ...]:
        changes = (self.up, self.down, self.up_prefit, self.down_prefit, self.linear, self.shift_up, self.shift_down)
        return (
            self.names[i],
            with_error(float(self.values[i]), float(self.errors[i])),
            *(_shown(column[i]) for column in (self.pull, self.constraint, *changes)),
            "at a bound" if self.clipped[i] else "",
        )


def _shown(value: float) -> str:
    return number(float(value), 3) if np.isfinite(value) else ""
