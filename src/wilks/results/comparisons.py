"""Result of fitting the same data with several costs."""

from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int, Int8

from .numbers import fixed, number, with_error
from .result import AbstractResult
from .status import Status
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CostComparison(AbstractResult):
    """The same data and model under several costs.

    Args:
        names: parameters in order.
        costs: the costs, e.g. ``poisson``, ``pearson``.
        theta: best values per cost.
        sigma: errors per cost; NaN where none is given.
        minimum: cost at its minimum.
        ndf: cells used by the cost minus free parameters.
        excess_events: sum of the fitted expectations minus the observed events; 0 for an unbiased cost.
        empty_bins: bins without events, which a cost may treat specially.
        status: code of each fit's `Status`.
    """

    names: tuple[str, ...]
    costs: tuple[str, ...]
    theta: Float[np.ndarray, "costs parameters"]
    sigma: Float[np.ndarray, "costs parameters"]
    minimum: Float[np.ndarray, " costs"]
    ndf: Int[np.ndarray, " costs"]
    excess_events: Float[np.ndarray, " costs"]
    empty_bins: Int[np.ndarray, " costs"]
    status: Int8[np.ndarray, " costs"]

    def summary(self) -> Summary:
        """One row per cost."""
        columns = ("cost", *self.names, "minimum / ndf", "events too many", "empty bins", "status")
        rows = tuple(self._row(k) for k in range(len(self.costs)))
        sentences = ("events too many: sum of the fitted expectations minus the observed events", self.how)
        return Summary("Costs compared on the same data", sentences, columns, rows, tuple(self.flags.items()))

    def _row(self, k: int) -> tuple[str, ...]:
        values = (with_error(float(v), float(s)) for v, s in zip(self.theta[k], self.sigma[k], strict=True))
        return (
            self.costs[k],
            *values,
            f"{fixed(float(self.minimum[k]), 2)} / {int(self.ndf[k])}",
            number(round(float(self.excess_events[k]), 6) + 0.0, 3),
            str(int(self.empty_bins[k])),
            Status.from_code(int(self.status[k])).word,
        )
