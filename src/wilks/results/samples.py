"""Draws from a posterior: chains with their diagnostics, a verdict, and the numbers a reader takes from them."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import InvalidOption, MissingExtra, UnknownName, near_names

from .densities import Range, highest_density, mode
from .numbers import number, percent, with_error, with_unit
from .result import AbstractResult
from .text import Summary
from .weighted import Evidence

_SHOWN_LEVEL = 0.6827


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class Samples(AbstractResult):
    """Draws of all parameters from one posterior.

    Diagnostics of a parameter that was held are NaN.

    Args:
        names: parameters in order, the held ones included.
        units: unit per parameter, empty for none.
        fixed: which parameters were held.
        lower: lower bound per parameter.
        upper: upper bound per parameter.
        draws: values; each walker of an ensemble is a chain.
        log_prob: logarithm of likelihood times prior, up to a constant of the data.
        log_prior: logarithm of the prior alone; parameters without one add nothing.
        algorithm: name of the sampler.
        warmup: steps of each chain that were thrown away.
        spacing: steps of the chain from one draw to the next.
        converged: whether the verdict is good.
        verdict: sentence on whether these draws may be quoted.
        rhat: rank-normalised split R-hat, 1 for chains that agree; of an ensemble the nested one, between groups of
            walkers.
        ess_bulk: number of independent draws that would know the centre as well.
        ess_tail: the same for the 5 % and 95 % quantiles.
        mcse: Monte-Carlo standard error of the mean.
        tau: integrated autocorrelation time, in steps.
        acceptance: accepted part of the proposals, per chain.
        evaluations: evaluations of the likelihood, or of its gradient.
        facts: other numbers of the run by name, e.g. ``divergences``.
        evidence: probability of the data under the model, where the sampler finds it.

    References:
        A. Vehtari et al., arXiv:1903.08008, on R-hat and effective sample sizes;
        C. Margossian et al., arXiv:2110.13017, on nested R-hat.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    fixed: Bool[np.ndarray, " parameters"]
    lower: Float[np.ndarray, " parameters"]
    upper: Float[np.ndarray, " parameters"]
    draws: Float[np.ndarray, "chains draws parameters"]
    log_prob: Float[np.ndarray, "chains draws"]
    log_prior: Float[np.ndarray, "chains draws"]
    algorithm: str
    warmup: int
    spacing: int
    converged: bool
    verdict: str
    rhat: Float[np.ndarray, " parameters"]
    ess_bulk: Float[np.ndarray, " parameters"]
    ess_tail: Float[np.ndarray, " parameters"]
    mcse: Float[np.ndarray, " parameters"]
    tau: Float[np.ndarray, " parameters"]
    acceptance: Float[np.ndarray, " chains"]
    evaluations: int
    facts: dict[str, float]
    evidence: Evidence | None = None

    def __len__(self) -> int:
        return self.log_prob.size

    @property
    def free(self) -> tuple[str, ...]:
        """Names of the parameters that were sampled."""
        return tuple(n for n, held in zip(self.names, self.fixed, strict=True) if not held)

    def index(self, name: str) -> int:
        """Position of a parameter.

        Raises:
            UnknownName: with the nearest names.
        """
        if name not in self.names:
            raise UnknownName(f"no draws of {name!r}; {near_names(name, self.names)}")
        return self.names.index(name)

    def chains(self, name: str) -> Float[np.ndarray, "chains draws"]:
        """Draws of one parameter, chain by chain."""
        return self.draws[:, :, self.index(name)]

    def values(self, name: str) -> Float[np.ndarray, " draws"]:
        """All draws of one parameter, one chain after the other."""
        return self.chains(name).ravel()

    def bounds(self, name: str) -> Range:
        """Lower and upper bound of one parameter."""
        where = self.index(name)
        return float(self.lower[where]), float(self.upper[where])

    def effective(self, name: str) -> float:
        """Number of independent draws that these are worth for one parameter, by which densities are smoothed."""
        ess = float(self.ess_bulk[self.index(name)])
        return min(max(ess, 1.0), float(len(self))) if math.isfinite(ess) else float(len(self))

    def mean(self, name: str) -> float:
        """Mean of one parameter."""
        return float(np.mean(self.values(name)))

    def std(self, name: str) -> float:
        """Standard deviation of one parameter."""
        return float(np.std(self.values(name)))

    def median(self, name: str) -> float:
        """Median of one parameter."""
        return float(np.median(self.values(name)))

    def mode(self, name: str) -> float:
        """Most probable value of one parameter by itself, from a smooth density of its draws."""
        return mode(self.values(name), self.bounds(name), effective=self.effective(name))

    def quantiles(self, name: str, probabilities: Sequence[float]) -> tuple[float, ...]:
        """Quantiles of one parameter, e.g. ``(0.16, 0.5, 0.84)``."""
        return tuple(float(q) for q in np.quantile(self.values(name), probabilities))

    def equal_tailed(self, name: str, level: float = _SHOWN_LEVEL) -> Range:
        """Interval of one parameter with equal probability beyond either end."""
        _check_level(level)
        low, high = self.quantiles(name, (0.5 - 0.5 * level, 0.5 + 0.5 * level))
        return low, high

    def highest_density(self, name: str, level: float = _SHOWN_LEVEL) -> tuple[Range, ...]:
        """Pieces of the region of highest density of one parameter; one piece unless a deep gap splits it."""
        _check_level(level)
        return highest_density(self.values(name), level, self.bounds(name), effective=self.effective(name))

    @property
    def best(self) -> dict[str, float]:
        """The draw of highest posterior density, by name."""
        chain, draw = np.unravel_index(int(np.argmax(self.log_prob)), self.log_prob.shape)
        return dict(zip(self.names, self.draws[chain, draw].tolist(), strict=True))

    @property
    def log_likelihood(self) -> Float[np.ndarray, "chains draws"]:
        """Logarithm of the likelihood of each draw."""
        return self.log_prob - self.log_prior

    @property
    def covariance(self) -> Float[np.ndarray, "parameters parameters"]:
        """Covariance of all parameters; zero in rows and columns of held ones."""
        return np.atleast_2d(np.cov(self.draws.reshape(-1, len(self.names)), rowvar=False))

    def thin(self, every: int) -> "Samples":
        """Every so many draws of each chain; the diagnostics stay those of the whole run.

        Raises:
            InvalidOption: for a step below 1 or one that leaves no draw.
        """
        kept = self.log_prob.shape[1] // every if every >= 1 else 0
        if kept < 1:
            raise InvalidOption(f"every {every} leaves no draw; choose 1 to {self.log_prob.shape[1]}")
        where = slice(every - 1, kept * every, every)
        return dataclasses.replace(
            self,
            draws=self.draws[:, where],
            log_prob=self.log_prob[:, where],
            log_prior=self.log_prior[:, where],
            spacing=self.spacing * every,
        )

    def to_dataframe(self) -> Any:
        """A pandas DataFrame: one row per draw with columns ``chain``, ``draw``, the parameters and ``log_prob``.

        Raises:
            MissingExtra: if pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise MissingExtra("pandas", "io") from None
        chain, draw = (index.ravel() for index in np.indices(self.log_prob.shape))
        columns = {name: self.values(name) for name in self.names}
        return pd.DataFrame({"chain": chain, "draw": draw, **columns, "log_prob": self.log_prob.ravel()})

    def to_arviz(self) -> Any:
        """An xarray DataTree in arviz's layout: groups ``posterior`` and ``sample_stats``.

        Raises:
            MissingExtra: if arviz-base is not installed.
        """
        try:
            import arviz_base
        except ImportError:
            raise MissingExtra("arviz-base", "sampling") from None
        posterior = {name: self.chains(name) for name in self.free}
        return arviz_base.from_dict({"posterior": posterior, "sample_stats": {"lp": self.log_prob}})

    def summary(self) -> Summary:
        """Verdict, work, and one row per parameter."""
        columns = ("parameter", "mean ± sd", "median", f"{percent(_SHOWN_LEVEL)} highest density")
        columns += ("R-hat", "ESS bulk", "ESS tail", "note")
        rows = tuple(self._row(i) for i in range(len(self.names)))
        title = f"Samples: {'converged' if self.converged else 'not converged'}"
        return Summary(title, self._sentences(), columns, rows, tuple(self.flags.items()))

    def _sentences(self) -> tuple[str, ...]:
        chains, draws = self.log_prob.shape
        spaced = f", every {self.spacing}th step kept" if self.spacing > 1 else ""
        facts = ", ".join(f"{name} {number(value, 4)}" for name, value in self.facts.items())
        slowest = max((float(t) for t in self.tau if not math.isnan(t)), default=math.nan)
        return (
            self.verdict,
            f"{self.algorithm}: {chains} chains of {draws} draws after {self.warmup} steps of warm-up{spaced}; "
            f"{self.evaluations} evaluations",
            f"acceptance {percent(float(np.mean(self.acceptance)))}, "
            f"longest autocorrelation time {number(slowest, 3)} steps" + (f"; {facts}" if facts else ""),
            self.how,
        )

    def _row(self, i: int) -> tuple[str, ...]:
        name, unit = self.names[i], self.units[i]
        if self.fixed[i]:
            value = with_unit(number(float(self.draws[0, 0, i])), unit)
            return (name, value, "", "", "", "", "", "fixed")
        pieces = " and ".join(f"[{number(a, 4)}, {number(b, 4)}]" for a, b in self.highest_density(name))
        return (
            name,
            with_unit(with_error(self.mean(name), self.std(name)), unit),
            number(self.median(name), 4),
            pieces,
            number(float(self.rhat[i]), 4),
            number(float(self.ess_bulk[i]), 4),
            number(float(self.ess_tail[i]), 4),
            "" if math.isfinite(self.rhat[i]) else "does not move",
        )


def _check_level(level: float) -> None:
    if not 0.0 < level < 1.0:
        raise InvalidOption(f"level {level} must lie between 0 and 1, e.g. 0.6827 or 0.95")
