"""Result of scanning a likelihood along one or two parameters."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Float, Int8
from scipy.special import chdtrc

from wilks._base.errors import InvalidOption

from .fits import status_counts
from .numbers import fixed, number
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Scan(AbstractResult):
    """2 [nll(v) - nll_min] on a grid of one or two parameters.

    Args:
        names: scanned parameters, one or two.
        grid: values along each of them.
        delta: 2 [nll(v) - nll_min] at each node.
        theta: all parameters at each node.
        parameters: names of all parameters, in the order of ``theta``.
        status: code of the `Status` of each node's fit.
        best: values of the scanned parameters at the minimum.
        best_nll: nll at the minimum.
        fixed_others: True for a slice, False for a profile (all other parameters refitted).
    """

    names: tuple[str, ...]
    grid: tuple[Float[np.ndarray, " _"], ...]
    delta: Float[np.ndarray, "*nodes"]
    theta: Float[np.ndarray, "*nodes parameters"]
    parameters: tuple[str, ...]
    status: Int8[np.ndarray, "*nodes"]
    best: tuple[float, ...]
    best_nll: float
    fixed_others: bool

    def p_values(self, dof: int) -> Float[np.ndarray, "*nodes"]:
        """P(chi2_dof >= delta) at each node.

        Args:
            dof: degrees of freedom, at least 1.

        Raises:
            InvalidOption: for fewer than one degree of freedom.
        """
        if dof < 1:
            raise InvalidOption(f"dof is {dof}; expected at least 1")
        return chdtrc(float(dof), np.maximum(self.delta, 0.0))

    def summary(self) -> Summary:
        """Best point, kind of scan, and the grid per scanned parameter."""
        kind = "all other parameters kept" if self.fixed_others else "all other parameters refitted at each node"
        best = ", ".join(f"{n} = {number(v)}" for n, v in zip(self.names, self.best, strict=True))
        rows = tuple(
            (n, number(b), str(len(g)), number(float(g[0])), number(float(g[-1])))
            for n, b, g in zip(self.names, self.best, self.grid, strict=True)
        )
        sentences = (f"best: {best}, -ln L = {fixed(self.best_nll)}", kind, self._range(), self.how)
        columns = ("parameter", "best", "nodes", "from", "to")
        return Summary(f"Scan of {' and '.join(self.names)}", sentences, columns, rows, tuple(self.flags.items()))

    def _range(self) -> str:
        finite = self.delta[np.isfinite(self.delta)]
        top = float(np.max(finite)) if finite.size else math.nan
        return f"2 delta nll up to {number(top, 4)}; nodes: {status_counts(self.status)}"
