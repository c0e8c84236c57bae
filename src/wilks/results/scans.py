"""Results of scanning a likelihood along one or two parameters, for one set of data or many."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Bool, Float, Int8

from wilks._base.errors import InvalidOption

from .fits import converged, status_counts
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

    def p_values(self, dof: int | None = None) -> Float[np.ndarray, "*nodes"]:
        """P(chi2_dof >= delta) at each node: Wilks' theorem, whose conditions the flag ``boundary`` calls in question.

        Args:
            dof: degrees of freedom, at least 1; by default the number of scanned parameters.

        Raises:
            InvalidOption: for fewer than one degree of freedom.
        """
        return _p_values(self.delta, len(self.names) if dof is None else dof)

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


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class ScanTable(AbstractResult):
    """Profiles of many sets of data along one parameter, one lane each; no lane is lost.

    Args:
        name: scanned parameter.
        grid: its values.
        delta: 2 [nll(v) - nll_min] of each lane at each node.
        status: code of the `Status` of each node's fit.
        parameters: names of all parameters, in the order of ``best``.
        best: all parameters at each lane's minimum.
        best_nll: nll there.
        best_status: code of the `Status` of each lane's free fit.
    """

    name: str
    grid: Float[np.ndarray, " nodes"]
    delta: Float[np.ndarray, "lanes nodes"]
    status: Int8[np.ndarray, "lanes nodes"]
    parameters: tuple[str, ...]
    best: Float[np.ndarray, "lanes parameters"]
    best_nll: Float[np.ndarray, " lanes"]
    best_status: Int8[np.ndarray, " lanes"]

    def __len__(self) -> int:
        return len(self.best_nll)

    @property
    def converged(self) -> Bool[np.ndarray, " lanes"]:
        """Lanes with a minimum, and one at every node."""
        return converged(self.best_status) & converged(self.status).all(axis=1)

    def p_values(self, dof: int = 1) -> Float[np.ndarray, "lanes nodes"]:
        """P(chi2_dof >= delta) of each lane at each node.

        Raises:
            InvalidOption: for fewer than one degree of freedom.
        """
        return _p_values(self.delta, dof)

    def quantiles(self, probabilities: Float[np.ndarray, " _"]) -> Float[np.ndarray, "_ nodes"]:
        """Quantiles of delta over the converged lanes at each node; NaN if there are none."""
        kept = self.delta[self.converged]
        return (
            np.quantile(kept, probabilities, axis=0)
            if len(kept)
            else np.full((len(probabilities), len(self.grid)), np.nan)
        )

    def summary(self) -> Summary:
        """Delta over the lanes at up to nine nodes."""
        shown = np.unique(np.linspace(0, len(self.grid) - 1, 9).astype(int))
        low, middle, high = self.quantiles(np.array([0.15865, 0.5, 0.84135]))[:, shown]
        rows = tuple(
            tuple(number(float(value), 4) for value in row)
            for row in zip(self.grid[shown], middle, low, high, strict=True)
        )
        lost = len(self) - int(self.converged.sum())
        sentences = (f"free fits: {status_counts(self.best_status)}; nodes: {status_counts(self.status)}", self.how)
        columns = (self.name, "median 2 delta nll", "15.9 %", "84.1 %")
        title = f"Profiles of {len(self)} sets of data along {self.name}, {lost} incomplete"
        return Summary(title, sentences, columns, rows, tuple(self.flags.items()))


def _p_values(delta: Float[np.ndarray, "*nodes"], dof: int) -> Float[np.ndarray, "*nodes"]:
    if dof < 1:
        raise InvalidOption(f"dof is {dof}; expected at least 1")
    return scipy.special.chdtrc(float(dof), np.maximum(delta, 0.0))
