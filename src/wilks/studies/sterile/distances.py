"""How far each neural answer of the sterile study lies from its exact counterpart, and how far chance would take it."""

import math
from typing import NamedTuple

import numpy as np

from wilks.results.numbers import number
from wilks.results.provenance import Provenance
from wilks.results.regions import Region
from wilks.studies.tabular import StudyTable

from .belts import LEVEL, Belts, agreement, rms_difference
from .comparison import Bayesian
from .tension import Tension, exact_suspiciousness


class Distance(NamedTuple):
    """One neural answer beside the exact one.

    Args:
        of: name of the result.
        measure: what is compared.
        neural: the network's number; NaN where only the distance has one.
        exact: the exact number; NaN likewise.
        distance: neural less exact, or a distance proper.
        chance: what is expected of an exact answer with as many draws or toys; NaN where nothing is random.
    """

    of: str
    measure: str
    neural: float
    exact: float
    distance: float
    chance: float


def neural_distances(found: Bayesian, belts: Belts, tension: Tension) -> tuple[Distance, ...]:
    """Every neural answer with its distance to the exact one.

    Args:
        found: posteriors at the data.
        belts: frequentist answers; without toys the learned region has its coverage alone.
        tension: joint posteriors.
    """
    return (*posterior_distances(found), *_frequentist(belts), *_joint(tension))


def distance_table(lines: tuple[Distance, ...]) -> StudyTable:
    """One row per neural answer."""
    rows = tuple(
        (line.of, line.measure, *(_shown(value) for value in (line.neural, line.exact, line.distance, line.chance)))
        for line in lines
    )
    return StudyTable(
        title="Every neural answer and its distance from the exact one",
        columns=("answer", "measure", "neural", "exact", "distance", "by chance"),
        rows=rows,
        how="by chance: size of the distance that exact draws or toys of the same number would show",
        provenance=Provenance.collect(),
    )


def posterior_distances(found: Bayesian) -> list[Distance]:
    """Those of draws, evidences and the maximum."""
    lines, exact = [], found.exact.log_evidence
    for name, variation in found.distances.items():
        measure = "total variation over 12 x 10 cells"
        lines.append(Distance(f"distance_{name}", measure, math.nan, math.nan, variation.distance, variation.floor))
    for name, draws in found.weighted.items():
        own = draws.log_evidence
        lines.append(Distance(f"evidence_{name}", "ln Z", own, exact, own - exact, draws.error))
    first = next(iter(found.weighted.values()))
    own, known = first.log_evidence - found.log_null, exact - found.log_null
    lines.append(Distance("bayes_factor", "ln Bayes factor, 3+1 over 3", own, known, own - known, first.error))
    highest, top = -found.best.nll, found.best_exact[2]
    lines.append(Distance("map", "highest ln L, exact: of all nodes", highest, top, highest - top, math.nan))
    return lines


def _frequentist(belts: Belts) -> list[Distance]:
    covered, toys = belts.coverage.overall, len(belts.coverage.covered)
    error = math.sqrt(LEVEL * (1.0 - LEVEL) / toys)
    lines = [Distance("coverage", "coverage over the prior", covered, LEVEL, covered - LEVEL, error)]
    if belts.exact is not None:
        for name, region in (("set_learned", belts.learned), ("set_profiled", belts.profiled)):
            apart = 1.0 - agreement(region, belts.exact)
            lines.append(Distance(name, "share of nodes in one region only", math.nan, math.nan, apart, math.nan))
        rms, chance = rms_difference(belts.profiled, belts.exact), _rms_error(belts.exact)
        lines.append(Distance("critical", "rms difference of critical values", math.nan, math.nan, rms, chance))
    return lines


def _joint(tension: Tension) -> list[Distance]:
    lines = []
    for side, draws in tension.weighted.items():
        own, exact = draws.log_evidence, tension.exact[side].log_evidence
        lines.append(Distance(f"joint_{side}", "ln Z of the joint posterior", own, exact, own - exact, draws.error))
    own, exact = tension.suspicious.log_suspiciousness, exact_suspiciousness(tension.exact)
    error = tension.suspicious.error
    lines.append(Distance("suspiciousness", "ln suspiciousness", own, exact, own - exact, error))
    return lines


def _rms_error(exact: Region) -> float:
    """Root mean square Monte Carlo error of exact critical values."""
    return float(np.sqrt(np.mean(exact.critical_error[np.isfinite(exact.critical)] ** 2)))


def _shown(value: float) -> str:
    return number(value, 3) if math.isfinite(value) else ""
