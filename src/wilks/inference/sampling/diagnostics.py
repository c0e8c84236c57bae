"""Convergence of chains, parameter by parameter, and the words in which it is judged."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from wilks._base.errors import MissingExtra
from wilks.results.chains import autocorrelation_time

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

    Raises:
        MissingExtra: if arviz-stats is not installed.

    References:
        A. Vehtari et al., arXiv:1903.08008, eqs. 4, 10 and section 4;
        C. Margossian et al., arXiv:2110.13017, eqs. 4-8, on nested R-hat.
    """
    stats = _array_stats()
    series = np.moveaxis(position, 2, 0)
    moving = np.ptp(series, axis=(1, 2)) > 0
    columns = np.full((4, len(series)), np.nan)
    if moving.any() and position.shape[1] >= 4:
        chosen = series[moving]
        columns[0, moving] = stats.rhat(chosen) if groups is None else stats.rhat_nested(chosen, groups)
        columns[1, moving] = stats.ess(chosen)
        columns[2, moving] = stats.ess(chosen, method="tail", prob=_TAIL)
        columns[3, moving] = stats.mcse(chosen)
    tau = np.array([spacing * autocorrelation_time(chains) for chains in series])
    rhat, bulk, tail, mcse = columns
    return Diagnostics(rhat, bulk, tail, mcse, tau)


def energy_information(energy: Float[np.ndarray, "chains draws"]) -> Float[np.ndarray, " chains"]:
    """E-BFMI of each chain: how freely the energy of a Hamiltonian sampler moves; below 0.3 it hardly does.

    Raises:
        MissingExtra: if arviz-stats is not installed.

    References:
        M. Betancourt, arXiv:1604.00695, section 3.
    """
    return np.atleast_1d(np.asarray(_array_stats().bfmi(energy)))


def worst(
    names: Sequence[str], values: Float[np.ndarray, " free"], bad: Bool[np.ndarray, " free"], *, highest: bool
) -> str:
    """The worst of the bad values with its parameter: ``1.31 for 'mu'``, NaN counting as worst."""
    order = np.where(bad, np.where(np.isnan(values), np.inf if highest else -np.inf, values), np.nan)
    where = int(np.nanargmax(order) if highest else np.nanargmin(order))
    return f"{values[where]:.4g} for {names[where]!r}"


def _array_stats():
    try:
        from arviz_stats.base.array import array_stats
    except ImportError:
        raise MissingExtra("arviz-stats", "sampling") from None
    return array_stats
