"""Results of fits: one fit with its errors, and a table of many."""

import math
from dataclasses import dataclass
from typing import final

import numpy as np
from jaxtyping import Bool, Float, Int, Int8

from .minima import Minima
from .numbers import fixed, number, with_error, with_unit
from .result import AbstractResult
from .status import Status
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class FitResult(AbstractResult):
    """The best values of one fit.

    Args:
        names: parameters in order.
        theta: best values.
        sigma: errors from the curvature; NaN where no symmetric error is given (fixed, or on a bound); None if
            the fit gives no errors at all.
        fixed: which parameters were held.
        units: unit per parameter, empty for none.
        nll: -ln L at the best values, fully normalised.
        excess: nll above the saturated model.
        status: how the fit ended.
        cause: the status's details, in words.
        rung: step of the rescue ladder that succeeded, 0 for the first attempt.
        edm: estimated distance to the minimum, in units of nll.
        iterations: steps of the minimiser.
        evaluations: evaluations of the likelihood.
        covariance: of the best values; None if the curvature is not positive definite.
        at_lower: parameters exactly on their lower bound.
        at_upper: parameters exactly on their upper bound.
        contributions: -2 ln L per named part, or its excess where the part has a saturated model.
        pulls: constrained parameter -> (pull, error after / error before the fit).
        ndf: number of cells minus free parameters; None where that is not defined.
        start: values from which the fit began.
        minima: all distinct minima, if the fit began from many starts.
        effective_variations: 1 / sum p_s^2 of the posterior weights of systematic variations, how many of them carry
            the likelihood; the least of all parts of a joint, None without such variations.
    """

    names: tuple[str, ...]
    theta: Float[np.ndarray, " parameters"]
    sigma: Float[np.ndarray, " parameters"] | None
    fixed: Bool[np.ndarray, " parameters"]
    units: tuple[str, ...]
    nll: float
    excess: float
    status: Status
    cause: str
    rung: int
    edm: float
    iterations: int
    evaluations: int
    covariance: Float[np.ndarray, "parameters parameters"] | None
    at_lower: tuple[str, ...]
    at_upper: tuple[str, ...]
    contributions: dict[str, float]
    pulls: dict[str, tuple[float, float]]
    ndf: int | None
    start: Float[np.ndarray, " parameters"]
    minima: Minima | None = None
    effective_variations: float | None = None

    @property
    def values(self) -> dict[str, float]:
        """Best value by name."""
        return dict(zip(self.names, self.theta.tolist(), strict=True))

    @property
    def errors(self) -> dict[str, float]:
        """Symmetric error by name, for the parameters that have one."""
        if self.sigma is None:
            return {}
        return {n: s for n, s in zip(self.names, self.sigma.tolist(), strict=True) if math.isfinite(s)}

    @property
    def free(self) -> tuple[str, ...]:
        """Names of the parameters that the fit could move."""
        return tuple(n for n, held in zip(self.names, self.fixed, strict=True) if not held)

    @property
    def twice_nll(self) -> float:
        """-2 ln L at the best values."""
        return 2.0 * self.nll

    @property
    def correlation(self) -> Float[np.ndarray, "parameters parameters"] | None:
        """Correlation matrix; NaN in rows and columns of parameters without a variance."""
        if self.covariance is None:
            return None
        spread = np.sqrt(np.where(self._measured, np.diag(self.covariance), np.nan))
        return self.covariance / np.outer(spread, spread)

    @property
    def global_correlation(self) -> Float[np.ndarray, " parameters"] | None:
        """rho_k with rho_k^2 = 1 - 1/(C_kk (C^-1)_kk): correlation with the best combination of all others."""
        if self.covariance is None:
            return None
        rho = np.full(len(self.names), np.nan)
        measured = self._measured
        block = self.covariance[np.ix_(measured, measured)]
        product = np.diag(block) * np.diag(np.linalg.inv(block))
        rho[measured] = np.sqrt(np.clip(1.0 - 1.0 / product, 0.0, 1.0))
        return rho

    @property
    def _measured(self) -> Bool[np.ndarray, " parameters"]:
        variance = np.full(len(self.names), np.nan) if self.covariance is None else np.diag(self.covariance)
        return np.isfinite(variance) & (variance > 0)

    def summary(self) -> Summary:
        """Status, likelihood and one row per parameter."""
        correlated = self._shown_correlations()
        columns = ("parameter", "value", *(("pull",) if self.pulls else ()), "note")
        columns += tuple(f"corr. {self.names[k]}" for k in correlated)
        rows = tuple(self._row(i, correlated) for i in range(len(self.names)))
        return Summary(f"Fit: {self.status.word}", self._sentences(), columns, rows, tuple(self.flags.items()))

    def _sentences(self) -> tuple[str, ...]:
        likelihood = f"-ln L = {fixed(self.nll)}, -2 ln L = {fixed(self.twice_nll)}"
        if self.ndf is not None:
            likelihood += f", 2 excess / ndf = {fixed(2.0 * self.excess, 2)} / {self.ndf}"
        work = f"EDM {number(self.edm, 2)} after {self.iterations} iterations, {self.evaluations} evaluations"
        if self.rung > 0:
            work += f", rung {self.rung} of the rescue ladder"
        carried = self.effective_variations
        parts = ", ".join(f"{name} {fixed(value, 2)}" for name, value in self.contributions.items())
        return (
            self.status.value + (f": {self.cause}" if self.cause else ""),
            likelihood,
            f"contributions: {parts}" if len(self.contributions) > 1 else "",
            work,
            "" if carried is None else f"{number(carried, 3)} effective systematic variations carry the likelihood",
            f"the lowest of {len(self.minima)} distinct minima from {self.minima.starts} starts" if self.minima else "",
            self.how,
        )

    def _row(self, i: int, correlated: tuple[int, ...]) -> tuple[str, ...]:
        name = self.names[i]
        value = with_error(float(self.theta[i]), None if self.sigma is None else float(self.sigma[i]))
        pull = self.pulls.get(name)
        cells = (name, with_unit(value, self.units[i]))
        if self.pulls:
            cells += (with_error(*pull) if pull else "",)
        rho = self.correlation
        coefficients = () if rho is None else tuple(fixed(float(rho[i, k]), 2) for k in correlated)
        return (*cells, self._note(i), *coefficients)

    def _shown_correlations(self) -> tuple[int, ...]:
        """Columns of the correlation matrix that fit beside the table: all of them up to six, else none."""
        measured = np.flatnonzero(self._measured)
        return tuple(int(k) for k in measured) if 2 <= len(measured) <= 6 else ()

    def _note(self, i: int) -> str:
        if self.fixed[i]:
            return "fixed"
        if self.names[i] in self.at_lower:
            return "at lower bound"
        return "at upper bound" if self.names[i] in self.at_upper else ""


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class FitTable(AbstractResult):
    """Many fits, one lane per data set; no lane is lost.

    Args:
        names: parameters in order.
        theta: best values.
        nll: -ln L at the best values.
        excess: nll above the saturated model.
        status: code of each lane's `Status`.
        rung: step of the rescue ladder that succeeded.
        edm: estimated distance to the minimum, in units of nll.
        iterations: steps of the minimiser.
    """

    names: tuple[str, ...]
    theta: Float[np.ndarray, "lanes parameters"]
    nll: Float[np.ndarray, " lanes"]
    excess: Float[np.ndarray, " lanes"]
    status: Int8[np.ndarray, " lanes"]
    rung: Int[np.ndarray, " lanes"]
    edm: Float[np.ndarray, " lanes"]
    iterations: Int[np.ndarray, " lanes"]

    def __len__(self) -> int:
        return len(self.status)

    @property
    def statuses(self) -> tuple[Status, ...]:
        """Status of each lane."""
        return tuple(Status.from_code(int(code)) for code in self.status)

    @property
    def converged(self) -> Bool[np.ndarray, " lanes"]:
        """Which lanes ended in a minimum."""
        return converged(self.status)

    @property
    def failed(self) -> int:
        """Number of lanes without a minimum."""
        return int(np.sum(~self.converged))

    def summary(self) -> Summary:
        """Counts by status, mean and spread per parameter over the converged lanes."""
        rows = tuple(spread_row(n, self.theta[self.converged, i]) for i, n in enumerate(self.names))
        sentences = (status_counts(self.status), self.how)
        return Summary(f"{len(self)} fits, {self.failed} failed", sentences, SPREAD, rows, tuple(self.flags.items()))


SPREAD = ("parameter", "mean", "standard deviation", "smallest", "largest")


def converged(status: Int8[np.ndarray, "..."]) -> Bool[np.ndarray, "..."]:
    """Which status codes stand for a minimum."""
    return np.isin(status, [s.code for s in Status if s.converged])


def status_counts(status: Int8[np.ndarray, "..."]) -> str:
    """``118 ok, 2 failed``."""
    codes, counts = np.unique(status, return_counts=True)
    return ", ".join(f"{n} {Status.from_code(int(c)).word}" for c, n in zip(codes, counts, strict=True)) or "none"


def spread_row(name: str, values: Float[np.ndarray, " lanes"]) -> tuple[str, ...]:
    """Row of a table: mean with its error, spread and range of the values of one parameter."""
    if len(values) < 2:
        return (name, *([number(float(values[0]))] if len(values) else ["-"]), "-", "-", "-")
    mean, spread = float(np.mean(values)), float(np.std(values, ddof=1))
    return (
        name,
        with_error(mean, spread / math.sqrt(len(values))),
        number(spread, 3),
        number(float(np.min(values)), 4),
        number(float(np.max(values)), 4),
    )
