"""Neural answers of the sterile study beside exact ones, and what each costs: the tables and the numbers."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from wilks.physics.oscillation.spaces import PLANE, SINE, SPLITTING
from wilks.results.checks import TotalVariation
from wilks.results.fits import FitResult
from wilks.results.grid_posteriors import GridPosterior
from wilks.results.numbers import fixed, number, percent
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.results.samples import Samples
from wilks.results.weighted import WeightedSamples
from wilks.studies.tabular import StudyTable

from .belts import Belts, agreement, covered_points, rms_difference
from .networks import Stopwatch
from .trust import CHECKS

LEVELS = (0.6827, 0.90)


class Bayesian(NamedTuple):
    """Posteriors at the observed data.

    Args:
        exact: on a grid.
        draws: of flow matching and of score matching, by name.
        weighted: the same corrected by the exact likelihood.
        distances: total variations of both kinds from the grid, by name; corrected ones end in ``_weighted``.
        best: maximum of the likelihood from draws of a network.
        best_exact: maximum on the plane.
        log_null: logarithm of the likelihood without a sterile neutrino.
    """

    exact: GridPosterior
    draws: dict[str, Samples]
    weighted: dict[str, WeightedSamples]
    distances: dict[str, TotalVariation]
    best: FitResult
    best_exact: tuple[float, float, float]
    log_null: float


def comparison_table(found: Bayesian) -> StudyTable:
    """One row per quantity: flow matching, score matching, corrected, exact."""
    log_null = found.log_null
    rows: list[tuple[str, ...]] = []
    names = list(found.draws)
    for p in PLANE:
        means = [np.log10(found.draws[n].values(p)) for n in names]
        exact = _log_moments(found.exact, p)
        corrected = _weighted_moments(found.weighted[names[0]], p)
        rows.append((f"log10 {p}, mean ± sd", *[_pm(m.mean(), m.std()) for m in means], _pm(*corrected), _pm(*exact)))
    rows.append(("total variation", *[number(found.distances[n].distance, 3) for n in names],
                 number(found.distances[f"{names[0]}_weighted"].distance, 3), "0"))  # fmt: skip
    rows.append(("of a perfect sample", *[number(found.distances[n].floor, 2) for n in names],
                 number(found.distances[f"{names[0]}_weighted"].floor, 2), "0"))  # fmt: skip
    first = found.weighted[names[0]]
    rows.append(("ln Z", *[_pm(found.weighted[n].log_evidence, found.weighted[n].error, 3) for n in names],
                 "", fixed(found.exact.log_evidence, 3)))  # fmt: skip
    rows.append(("ln Bayes factor, 3+1 over 3", *[fixed(found.weighted[n].log_evidence - log_null, 3) for n in names],
                 "", fixed(found.exact.log_evidence - log_null, 3)))  # fmt: skip
    rows.append(("effective share of draws", *[percent(found.weighted[n].ess / len(found.weighted[n])) for n in names],
                 "", "100 %"))  # fmt: skip
    rows.append(("Pareto k", *[number(found.weighted[n].pareto_k, 2) for n in names], "", ""))
    best = found.best.values
    rows.append(("highest likelihood at", "", "", f"{number(best[SINE], 3)}, {number(best[SPLITTING], 4)}",
                 f"{number(found.best_exact[0], 3)}, {number(found.best_exact[1], 4)}"))  # fmt: skip
    areas = [percent(found.exact.prior_area(level)) for level in LEVELS]
    rows.append(("68 and 90 % regions, share of the prior", "", "", "", ", ".join(areas)))
    return StudyTable(
        title="Neural posteriors beside the exact one",
        sentences=(f"corrected: {names[0]} weighted with the exact likelihood, {len(first)} draws: {first.verdict}",),
        columns=("quantity", *[f"{n} matching" for n in names], "corrected", "exact"),
        rows=tuple(rows),
        flags=dict(first.flags),
        how="exact: likelihood times prior at all nodes of the plane; total variation over 12 x 10 cells of the prior",
        provenance=first.provenance,
    )


def cost_table(watch: Stopwatch, found: Bayesian, belts: Belts, nodes: int, toys: int) -> StudyTable:
    """CPU seconds per step, and the speed-ups that they amount to.

    Args:
        watch: the times.
        found: posteriors.
        belts: frequentist answers.
        nodes: tested nodes of the plane.
        toys: toys per node.
    """
    rows = tuple((name, number(seconds, 3)) for name, seconds in watch.seconds.items())
    ups = tuple(f"{name}: {number(value, 3)}" for name, value in speed_ups(watch, belts, nodes, toys).items())
    drawn = len(next(iter(found.draws.values())))
    return StudyTable(
        title="What it costs",
        sentences=(*ups, f"{drawn} draws at the data once the network is trained, compilation included"),
        columns=("step", "CPU seconds"),
        rows=rows,
        how="CPU time of this process; an exact grid of two parameters is cheap, a network is not bound to two",
        provenance=Provenance.collect(),
    )


def speed_ups(watch: Stopwatch, belts: Belts, nodes: int, toys: int) -> dict[str, float]:
    """Exact over neural cost of the same answer; below one, the exact answer is the cheaper one.

    Args:
        watch: the times.
        belts: frequentist answers.
        nodes: tested nodes of the plane.
        toys: toys per node.
    """
    seconds = watch.seconds
    found: dict[str, float] = {}
    if "sampling" in seconds and "exact grid" in seconds:
        found["a posterior at further data, exact grid over draws of flow matching"] = (
            seconds["exact grid"] / seconds["sampling"]
        )
    if belts.exact is not None:
        found["critical values, exact toys over learned ones"] = seconds["Feldman and Cousins"] / (
            seconds["ratio"] + seconds["critical values"]
        )
        trials = seconds["trials with maxima from splines"] / max(toys, 1)
        found["exact toys of the plane per fitted trial"] = trials / (
            seconds["Feldman and Cousins"] / max(nodes * toys, 1)
        )
    return found


def numbers_of(
    found: Bayesian, belts: Belts, results: Mapping[str, AbstractResult], watch: Stopwatch, nodes: int, toys: int
) -> dict[str, Any]:
    """Headline numbers as plain values.

    Args:
        found: posteriors.
        belts: frequentist answers.
        results: what was found, with the checks among it.
        watch: the times.
        nodes: tested nodes of the plane.
        toys: toys per node.
    """
    neural = {
        name: {
            "total_variation": found.distances[name].distance,
            "floor": found.distances[name].floor,
            "total_variation_weighted": found.distances[f"{name}_weighted"].distance,
            "ess_share": found.weighted[name].ess / len(found.weighted[name]),
            "pareto_k": found.weighted[name].pareto_k,
            "log_evidence": found.weighted[name].log_evidence,
            "log_evidence_error": found.weighted[name].error,
            "log_evidence_minus_exact": found.weighted[name].log_evidence - found.exact.log_evidence,
        }
        for name in found.draws
    }
    best = found.best.values
    frequentist: dict[str, Any] = {
        "coverage": belts.coverage.overall,
        "coverage_at_points": covered_points(belts.coverage),
    }
    if belts.exact is not None:
        frequentist |= {
            "critical_rms_difference": rms_difference(belts.profiled, belts.exact),
            "regions_agree": agreement(belts.profiled, belts.exact),
        }
    return {
        "posterior": neural,
        "exact": {
            "log_evidence": found.exact.log_evidence,
            "areas": {str(level): found.exact.prior_area(level) for level in LEVELS},
            "best": list(found.best_exact),
        },
        "map": {"at": [best[SINE], best[SPLITTING]], "nll": found.best.nll},
        "frequentist": frequentist,
        "verdicts": verdicts(results),
        "cpu_seconds": dict(watch.seconds),
        "speed_ups": speed_ups(watch, belts, nodes, toys),
    }


def verdicts(results: Mapping[str, AbstractResult]) -> dict[str, bool]:
    """Whether each check passed."""
    return {name: bool(vars(results[name])["ok"]) for name in (*CHECKS, "coverage") if name in results}


def _pm(value: float, error: float, digits: int = 2) -> str:
    return f"{fixed(float(value), digits)} ± {fixed(float(error), digits)}"


def _log_moments(exact: GridPosterior, name: str) -> tuple[float, float]:
    logs = np.log10(exact.centres[exact.names.index(name)])
    mass = exact.marginal(name)
    mean = float(np.sum(mass * logs))
    return mean, float(np.sqrt(np.sum(mass * (logs - mean) ** 2)))


def _weighted_moments(weighted: WeightedSamples, name: str) -> tuple[float, float]:
    logs, weights = np.log10(weighted.values(name)), weighted.weights
    mean = float(np.sum(weights * logs))
    return mean, float(np.sqrt(np.sum(weights * (logs - mean) ** 2)))
