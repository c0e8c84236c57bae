"""The report of the neural programme: its chapters, its sentence, its numbers."""

import importlib
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from wilks.results.hypotheses import HypothesisTest
from wilks.results.numbers import number, percent, probability
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.results.weighted import Suspiciousness
from wilks.studies.study import Chapter, Effort, StudyReport

from .belts import Belts
from .comparison import Bayesian, numbers_of, verdicts
from .distances import Distance
from .loading import GALLIUM, RATES, Experiments
from .networks import Networks, Stopwatch, Training
from .problem import Posed
from .report import experiments_text, present, sources_text
from .tension import Tension
from .trust import CHECKS

Results = Mapping[str, AbstractResult]

TITLE = "Sterile neutrinos by neural posteriors, beside the exact answers"


class Programme(NamedTuple):
    """All that was found.

    Args:
        experiments: what was loaded.
        posed: the problem of the large networks.
        networks: trained for it.
        found: posteriors.
        belts: frequentist answers.
        tension: anomalies.
        distances: of every neural answer from the exact one.
        watch: CPU seconds.
        training: how much was trained.
        nodes: tested nodes per axis.
    """

    experiments: Experiments
    posed: Posed
    networks: Networks
    found: Bayesian
    belts: Belts
    tension: Tension
    distances: tuple[Distance, ...]
    watch: Stopwatch
    training: Training
    nodes: int


def assemble_neural(programme: Programme, results: Results, effort: Effort) -> StudyReport:
    """The report.

    Args:
        programme: what was found.
        results: results by name.
        effort: toys and seed, for provenance.
    """
    passed = verdicts(results)
    best = programme.found.best
    return StudyReport(
        name="sterile",
        title=TITLE,
        status="ok" if all(passed.values()) else "not_calibrated",
        sentence=_sentence(programme, results),
        results=results,
        chapters=_chapters(programme, results),
        numbers=_numbers(programme, results, effort),
        provenance=Provenance.collect(
            seed=effort.seed,
            model_digest=best.provenance.model_digest,
            data_digest=best.provenance.data_digest,
            settings={
                "study": "sterile", "toys": effort.toys, "exact": False, "nodes": programme.nodes,
                "experiments": list(programme.experiments.studies), **vars(programme.training),
            },
            started=best.provenance.started,
            duration_s=sum(programme.watch.seconds.values()),
        ),
        flags=_flags(programme, results, passed),
    )  # fmt: skip


def _flags(programme: Programme, results: Results, passed: Mapping[str, bool]) -> dict[str, str]:
    flags = {f"{name}_failed": str(vars(results[name])["verdict"]) for name, ok in passed.items() if not ok}
    for name, draws in programme.found.weighted.items():
        flags |= {f"{name}_{flag}": text for flag, text in draws.flags.items()}
    flags |= {f"tension_{flag}": text for flag, text in programme.tension.suspicious.flags.items()}
    flags |= dict(programme.posed.signal.flags)
    return flags | {f"{name}_not_loaded": text for name, text in programme.experiments.missing.items()}


def _numbers(programme: Programme, results: Results, effort: Effort) -> dict[str, Any]:
    numbers = numbers_of(programme.found, programme.belts, results, programme.watch, programme.nodes**2, effort.toys)
    tests = {
        name: results[name] for name in ("null", f"null_{RATES}", f"null_{GALLIUM}", "agreement") if name in results
    }
    tension = results["suspiciousness"]
    assert isinstance(tension, Suspiciousness)
    return {
        **numbers,
        "distances": {
            line.of: {"measure": line.measure, "distance": line.distance, "by_chance": _known(line.chance)}
            for line in programme.distances
        },
        "learned": list(programme.posed.data) if isinstance(programme.posed.data, Mapping) else [RATES],
        "tests": {name: _test_numbers(test) for name, test in tests.items()},
        "suspiciousness": {
            "log_suspiciousness": tension.log_suspiciousness,
            "log_ratio": tension.log_ratio,
            "dimension": tension.dimension,
            "p_value": tension.p_value,
            "reliable": tension.reliable,
        },
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _test_numbers(test: AbstractResult) -> dict[str, Any]:
    assert isinstance(test, HypothesisTest)
    return {"observed": test.observed, "p_value": test.p_value, "toys": test.n}


def _sentence(programme: Programme, results: Results) -> str:
    found = programme.found
    flow = found.distances["flow"]
    weighted = found.weighted["flow"]
    tension = results["suspiciousness"]
    assert isinstance(tension, Suspiciousness)
    failed = [name for name, ok in verdicts(results).items() if not ok]
    return (
        f"Flow matching lies {number(flow.distance, 2)} from the exact posterior in total variation, "
        f"{number(found.distances['flow_weighted'].distance, 2)} once weighted (effective share "
        f"{percent(weighted.ess / len(weighted))}, ln Z off by "
        f"{number(weighted.log_evidence - found.exact.log_evidence, 2)}); reactors and gallium agree with p = "
        f"{probability(tension.p_value)} in evidences; "
        + (f"checks failed: {', '.join(failed)}." if failed else "all checks of calibration passed.")
    )


def _picture(function: str, *arguments: Any) -> Callable[[], Mapping[str, Any]]:
    """A function of `.neural_pictures`, called when the report is written; matplotlib is loaded then."""
    return lambda: getattr(importlib.import_module("wilks.studies.sterile.neural_pictures"), function)(*arguments)


def _chapters(programme: Programme, results: Results) -> tuple[Chapter, ...]:
    distances = [f"distance_{name}{end}" for name in programme.found.draws for end in ("", "_weighted")]
    evidences = [f"evidence_{name}" for name in programme.found.draws]
    nulls = [f"null_{RATES}", f"null_{GALLIUM}"]
    bayesian = present(results, "comparison", "exact", *distances, *evidences, "bayes_factor", "map")
    frequentist = present(results, "set_learned", "set_profiled", "region_exact", "critical", "coverage", "null")
    return (
        Chapter("The experiments", experiments_text(programme.experiments)),
        Chapter("Neural and exact answers", _DISTANCES, present(results, "distances")),
        Chapter("The networks", _NETWORKS, present(results, "networks"), _picture("training", programme)),
        Chapter("Posteriors", _POSTERIORS, bayesian, _picture("posteriors", programme)),
        Chapter("Regions of confidence", _BELTS, frequentist, _picture("belts", programme)),
        Chapter("Can the networks be trusted?", _TRUST, present(results, *CHECKS), _picture("checks", results)),
        Chapter("The anomalies and their tension", _TENSION, present(results, *nulls, "suspiciousness", "agreement")),
        Chapter("What it costs", "", present(results, "costs")),
        Chapter("Where it comes from", sources_text(programme.experiments)),
    )  # fmt: skip


_DISTANCES = (
    "Short-baseline data are Gaussian in two parameters, so that every answer of the networks has an exact "
    "counterpart. Each is listed with its distance from it, beside the distance that exact draws or toys of the same "
    "number would show. Weighted draws (distance_..._weighted) and evidences use the exact likelihood to correct the "
    "networks."
)
_NETWORKS = (
    "Pseudo-experiments are drawn at values of the priors, log-uniform in both parameters. Flow matching and splines "
    "learn the posterior for any data, score matching in truncated rounds that of the observed data, a ratio network "
    "the likelihood ratio of pairs of points. None of them evaluates a likelihood."
)
_POSTERIORS = (
    "The exact posterior is likelihood times prior at all nodes of the plane. Draws of the networks are compared with "
    "it, then weighted with the exact likelihood, which gives the evidence as well."
)
_BELTS = (
    "Critical values are learned by quantile regression from one toy at each of many points. The exact ones are those "
    "of Feldman and Cousins, by toys at every node. Learned ones of the exact profile ratio are to be compared with "
    "them; the ratio of a network is another statistic. Coverage is that of its regions, at fresh points."
)
_TRUST = (
    "Ranks of true values among posterior draws are uniform if all is well; regions of every credibility hold the "
    "truth as often as they say; at the observed data a classifier cannot tell draws from truths; data drawn at the "
    "posterior look like the observed ones, and the observed ones like the simulations."
)
_TENSION = (
    "Reactor rates fall short of the flux model, and gallium sources count too few events. The joint posteriors are "
    "draws of the neural posteriors of each experiment and of the prior, weighted with the exact joint likelihood. "
    "Suspiciousness compares the evidences of reactors and gallium, free of the range of the priors; the "
    "parameter goodness of fit compares the best fits of spectra, rates and gallium."
)
