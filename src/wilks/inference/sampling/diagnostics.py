"""Convergence of chains, parameter by parameter, and the words in which it is judged."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from wilks.results.chains import autocorrelation_time

from .convergence import effective_size, halves, normal_scores, rhat

_FEWEST_DRAWS = 4  # of a chain that is judged
_TAIL = 0.05  # quantile, from either end, of the tail's effective sample size


class Diagnostics(NamedTuple):
    """Convergence of each parameter; NaN where a parameter does not move."""

    rhat: Float[np.ndarray, " free"]
    ess_bulk: Float[np.ndarray, " free"]
    ess_tail: Float[np.ndarray, " free"]
    mcse: Float[np.ndarray, " free"]
    tau: Float[np.ndarray, " free"]


def diagnose(
    position: Float[np.ndarray, "chains draws free"], spacing: int = 1, groups: Int[np.ndarray, " chains"] | None = None
) -> Diagnostics:
    """R-hat, effective sample sizes, error of the mean, and autocorrelation time in steps.

    Args:
        position: draws.
        spacing: steps from one draw to the next.
        groups: number of the group of each chain, groups of equal size: R-hat then compares groups (nested R-hat),
            which is the one for many short chains; by default every chain stands for itself.

    References:
        A. Vehtari et al., arXiv:1903.08008, eqs. 4, 10 and section 4;
        C. Margossian et al., arXiv:2110.13017, eqs. 4-8, on nested R-hat.
    """
    series = np.moveaxis(position, 2, 0)
    moving = np.ptp(series, axis=(1, 2)) > 0
    columns = np.full((4, len(series)), np.nan)
    if position.shape[1] >= _FEWEST_DRAWS:
        for number in np.flatnonzero(moving):
            columns[:, number] = _judged(series[number], groups)
    tau = np.array([spacing * autocorrelation_time(chains) for chains in series])
    apart, bulk, tail, error = columns
    return Diagnostics(apart, bulk, tail, error, tau)


def _judged(
    chains: Float[np.ndarray, "chains draws"], groups: Int[np.ndarray, " chains"] | None
) -> tuple[float, float, float, float]:
    """R-hat, effective sample sizes of bulk and tail, and error of the mean of one parameter."""
    split = halves(chains)
    bulk, folded = normal_scores(split)
    twice = None if groups is None else np.concatenate([groups, groups])
    ends = [
        effective_size(halves((chains <= limit).astype(float))) for limit in np.quantile(chains, (_TAIL, 1 - _TAIL))
    ]
    apart = max(rhat(bulk, twice), rhat(folded, twice)) if len(chains) > 1 else np.nan
    error = float(np.std(chains, ddof=1)) / math.sqrt(effective_size(split))
    return apart, effective_size(bulk), min(ends), error


def energy_information(energy: Float[np.ndarray, "chains draws"]) -> Float[np.ndarray, " chains"]:
    """E-BFMI of each chain: how freely the energy of a Hamiltonian sampler moves; below 0.3 it hardly does.

    References:
        M. Betancourt, arXiv:1604.00695, section 3.
    """
    return np.mean(np.diff(energy, axis=1) ** 2, axis=1) / np.var(energy, axis=1, ddof=1)


def worst(
    names: Sequence[str], values: Float[np.ndarray, " free"], bad: Bool[np.ndarray, " free"], *, highest: bool
) -> str:
    """The worst of the bad values with its parameter: ``1.31 for 'mu'``, NaN counting as worst."""
    order = np.where(bad, np.where(np.isnan(values), np.inf if highest else -np.inf, values), np.nan)
    where = int(np.nanargmax(order) if highest else np.nanargmin(order))
    return f"{values[where]:.4g} for {names[where]!r}"
