"""Does the fitted model describe the events? Each observable's distribution against that of simulated events."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import kolmogorov

from wilks.data.events import Events
from wilks.results.numbers import fixed, probability
from wilks.results.provenance import Provenance
from wilks.studies.tabular import StudyTable

OBSERVABLES = ("s1", "s2", "r", "z")


class Marginal(NamedTuple):
    """One distribution compared.

    Args:
        name: of the quantity.
        distance: largest difference of the two cumulative distributions.
        p_value: probability of a distance at least as large (asymptotic).
    """

    name: str
    distance: float
    p_value: float


def compare_marginals(
    data: Events,
    simulated: Events,
    log_rates: tuple[Float[np.ndarray, " data"], Float[np.ndarray, " simulated"]],
) -> tuple[Marginal, ...]:
    """Observables and the density of the events itself, which sees what single observables hide.

    Args:
        data: observed events.
        simulated: events of the fitted model, many more.
        log_rates: ln of the fitted differential rate of both.
    """
    found = [_compared(name, data[name], simulated[name]) for name in OBSERVABLES if name in data]
    return (*found, _compared("ln rate", *log_rates))


def table_of(marginals: tuple[Marginal, ...], simulated: int, provenance: Provenance) -> StudyTable:
    """The comparisons as a table that prints itself."""
    return StudyTable(
        title="Does the model describe the events?",
        sentences=(f"against {simulated} events simulated at the fit",),
        columns=("quantity", "distance", "p"),
        rows=tuple((m.name, fixed(m.distance, 3), probability(m.p_value)) for m in marginals),
        how="Kolmogorov-Smirnov distance of two samples (asymptotic law); a fit to the same events makes it smaller",
        provenance=provenance,
    )


def _compared(name: str, first: np.ndarray, second: np.ndarray) -> Marginal:
    """Two-sample distance with the effective size of Stephens, J. R. Stat. Soc. B 32 (1970) 115."""
    a, b = np.sort(np.asarray(first, dtype=float)), np.sort(np.asarray(second, dtype=float))
    every = np.concatenate([a, b])
    shares = [np.searchsorted(part, every, side="right") / len(part) for part in (a, b)]
    distance = float(np.max(np.abs(shares[0] - shares[1])))
    root = np.sqrt(len(a) * len(b) / (len(a) + len(b)))
    return Marginal(name, distance, float(kolmogorov((root + 0.12 + 0.11 / root) * distance)))
