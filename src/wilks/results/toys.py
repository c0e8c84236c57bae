"""Results of toy studies: the toys themselves, coverage of intervals and thresholds, bias of estimates."""

import dataclasses
import math
from dataclasses import dataclass
from typing import final

import numpy as np
import scipy  # its parts load when first used
from jaxtyping import Float, Int, Int8

from wilks._base.errors import InvalidData, InvalidOption

from .fits import SPREAD, converged, spread_row, status_counts
from .numbers import number, percent, with_error
from .result import AbstractResult
from .text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Toys(AbstractResult):
    """Fits of simulated data, one per toy; failed toys keep their place.

    Args:
        names: parameters in order.
        theta: best values of each toy.
        excess: nll above the saturated model, at the best values.
        nll: -ln L at the best values.
        statistic: name of the statistic ``t``; None if none was asked.
        t: statistic of each toy, NaN for a failed one.
        status: code of each toy's `Status`.
        rung: step of the rescue ladder that succeeded.
        seed: seed of all random numbers.
        chunk_size: toys per chunk; part of the identity of the random numbers.
    """

    names: tuple[str, ...]
    theta: Float[np.ndarray, "toys parameters"]
    excess: Float[np.ndarray, " toys"]
    nll: Float[np.ndarray, " toys"]
    statistic: str | None
    t: Float[np.ndarray, " toys"] | None
    status: Int8[np.ndarray, " toys"]
    rung: Int[np.ndarray, " toys"]
    seed: int
    chunk_size: int

    def __len__(self) -> int:
        return len(self.status)

    @property
    def failed(self) -> int:
        """Number of toys without a trustworthy fit."""
        return int(np.sum(~converged(self.status)))

    def merge(self, *others: "Toys") -> "Toys":
        """These toys followed by others of the same study.

        Raises:
            InvalidData: if parameters, statistic, seed or chunk size differ, naming the first difference.
        """
        for other in others:
            for name in ("names", "statistic", "seed", "chunk_size"):
                if getattr(self, name) != getattr(other, name):
                    raise InvalidData(
                        f"toys differ in {name}: {getattr(self, name)!r} and {getattr(other, name)!r}; "
                        "only toys of one study can be merged"
                    )
        flags = {flag: sentence for toys in (self, *others) for flag, sentence in toys.flags.items()}
        merged = {
            f: None if getattr(self, f) is None else np.concatenate([getattr(toys, f) for toys in (self, *others)])
            for f in _PER_TOY
        }
        return dataclasses.replace(self, flags=flags, **merged)

    def split(self, at: int) -> tuple["Toys", "Toys"]:
        """The first ``at`` toys, and the others.

        Raises:
            InvalidOption: if there are not that many toys.
        """
        if not 0 <= at <= len(self):
            raise InvalidOption(f"cannot split {len(self)} toys after {at}; expected 0 to {len(self)}")
        first, second = (
            {f: None if getattr(self, f) is None else getattr(self, f)[part] for f in _PER_TOY}
            for part in (slice(None, at), slice(at, None))
        )
        return dataclasses.replace(self, **first), dataclasses.replace(self, **second)

    def summary(self) -> Summary:
        """Counts by status, mean and spread of each parameter and of the statistic."""
        good = converged(self.status)
        rows = [spread_row(n, self.theta[good, i]) for i, n in enumerate(self.names)]
        if self.t is not None and self.statistic is not None:
            rows.append(spread_row(self.statistic, self.t[np.isfinite(self.t)]))
        sentences = (
            f"{status_counts(self.status)}; seed {self.seed}, chunks of {self.chunk_size}",
            self.how,
        )
        title = f"{len(self)} toys, {self.failed} failed"
        return Summary(title, sentences, SPREAD, tuple(rows), tuple(self.flags.items()))


_PER_TOY = ("theta", "excess", "nll", "t", "status", "rung")


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Coverage(AbstractResult):
    """How often an interval contains the truth.

    Args:
        name: parameter.
        level: nominal level of the intervals.
        n: number of toys.
        covered: toys whose interval contains the truth.
        failed: toys without an interval; they do not count as covered.
        open_: toys with an interval that is open at an end.
        fraction: covered / (n - failed).
        interval: Clopper-Pearson interval of the fraction at 68 %.
        lengths: length of each toy's interval; infinite if open to infinity, NaN if failed.
        truth: true value.
    """

    name: str
    level: float
    n: int
    covered: int
    failed: int
    open_: int
    fraction: float
    interval: tuple[float, float]
    lengths: Float[np.ndarray, " n"]
    truth: float

    def summary(self) -> Summary:
        """Coverage with its binomial interval, against the nominal level."""
        finite = self.lengths[np.isfinite(self.lengths)]
        length = number(float(np.median(finite)), 4) if finite.size else "-"
        row = (
            number(self.truth),
            percent(self.level),
            percent(self.fraction),
            f"[{percent(self.interval[0])}, {percent(self.interval[1])}]",
            length,
        )
        sentences = (
            f"{self.n} toys: {self.covered} covered, {self.failed} failed, {self.open_} with an open end",
            self.how,
        )
        columns = ("truth", "nominal", "coverage", "68 % interval", "median length")
        return Summary(f"Coverage of {self.name}", sentences, columns, (row,), tuple(self.flags.items()))


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class CoverageCurve(AbstractResult):
    """f(d): the fraction of toys whose statistic at the truth is at most d, for every d from one set of toys.

    Args:
        names: parameters fixed to the truth in the statistic.
        truth: their true values.
        t: statistic 2 [nll(truth) - nll_min] of each finished toy, in ascending order.
        n: number of toys, failed ones included.
        failed: toys without a statistic.
        dof: degrees of freedom of the nominal law.
    """

    names: tuple[str, ...]
    truth: tuple[float, ...]
    t: Float[np.ndarray, " finished"]
    n: int
    failed: int
    dof: int

    def fraction(self, d: float | int | Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Fraction of the finished toys with t <= d."""
        return np.asarray(np.searchsorted(self.t, d, side="right") / max(len(self.t), 1))

    def error(self, d: float | int | Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """Binomial standard error of the fraction, sqrt(f (1 - f) / n); for f = 0 or 1 that of one more toy."""
        count, total = np.searchsorted(self.t, d, side="right"), max(len(self.t), 1)
        clipped = np.clip(count, 1, max(total - 1, 1)) / total
        return np.asarray(np.sqrt(np.maximum(clipped * (1.0 - clipped), 0.0) / total))

    def band(
        self, d: float | int | Float[np.ndarray, "..."]
    ) -> tuple[Float[np.ndarray, "..."], Float[np.ndarray, "..."]]:
        """Fraction of all toys with the failed ones counted as not covered, and as covered."""
        count = np.searchsorted(self.t, d, side="right")
        return np.asarray(count / max(self.n, 1)), np.asarray((count + self.failed) / max(self.n, 1))

    def nominal(self, d: float | int | Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """P(chi2_dof <= d): what f(d) should be if Wilks' theorem holds."""
        return np.asarray(scipy.special.chdtr(float(self.dof), np.maximum(d, 0.0)))

    def summary(self) -> Summary:
        """Coverage at the usual thresholds."""
        rows = tuple(self._row(float(d)) for d in (1.0, 2.3, 4.0, 6.18, 9.0))
        truth = ", ".join(f"{n} = {number(v)}" for n, v in zip(self.names, self.truth, strict=True))
        sentences = (f"truth: {truth}; {self.n} toys, {self.failed} failed; {self.dof} dof", self.how)
        title = f"Coverage of 2 delta nll <= d in {' and '.join(self.names)}"
        columns = ("d", "coverage", "chi2 law", "failed counted both ways")
        return Summary(title, sentences, columns, rows, tuple(self.flags.items()))

    def _row(self, d: float) -> tuple[str, ...]:
        low, high = (float(x) for x in self.band(d))
        return (
            number(d),
            with_error(float(self.fraction(d)), float(self.error(d))),
            f"{float(self.nominal(d)):.4f}",
            f"[{low:.4f}, {high:.4f}]",
        )


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Bias(AbstractResult):
    """Residuals and pulls of fitted parameters over toys.

    Args:
        names: parameters in order.
        truth: true values.
        residual_mean: mean of (fitted - true).
        residual_error: its standard error.
        pull_mean: mean of (fitted - true) / error.
        pull_mean_error: its standard error.
        pull_width: standard deviation of the pulls.
        pull_width_error: its standard error.
        median: median of the fitted values.
        at_bound_fraction: fraction of toys with the parameter on a bound.
        n: number of toys.
        failed: toys without a trustworthy fit.
    """

    names: tuple[str, ...]
    truth: Float[np.ndarray, " parameters"]
    residual_mean: Float[np.ndarray, " parameters"]
    residual_error: Float[np.ndarray, " parameters"]
    pull_mean: Float[np.ndarray, " parameters"]
    pull_mean_error: Float[np.ndarray, " parameters"]
    pull_width: Float[np.ndarray, " parameters"]
    pull_width_error: Float[np.ndarray, " parameters"]
    median: Float[np.ndarray, " parameters"]
    at_bound_fraction: Float[np.ndarray, " parameters"]
    n: int
    failed: int

    def summary(self) -> Summary:
        """One row per parameter; a pull should have mean 0 and width 1."""
        rows = tuple(self._row(i) for i in range(len(self.names)))
        columns = ("parameter", "truth", "bias", "pull mean", "pull width", "median", "at bound")
        sentences = (f"{self.n} toys, {self.failed} failed", self.how)
        return Summary("Bias of fitted values", sentences, columns, rows, tuple(self.flags.items()))

    def _row(self, i: int) -> tuple[str, ...]:
        at_bound = float(self.at_bound_fraction[i])
        return (
            self.names[i],
            number(float(self.truth[i])),
            with_error(float(self.residual_mean[i]), float(self.residual_error[i])),
            with_error(float(self.pull_mean[i]), float(self.pull_mean_error[i])),
            with_error(float(self.pull_width[i]), float(self.pull_width_error[i])),
            number(float(self.median[i])),
            percent(at_bound) if math.isfinite(at_bound) else "-",
        )
