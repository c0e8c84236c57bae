"""The report of the cross-section study: its chapters, its sentence, its numbers."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from wilks.results.hypotheses import GoodnessOfFit, HypothesisTest
from wilks.results.intervals import Intervals
from wilks.results.numbers import number, probability
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.results.scans import Scan
from wilks.studies.numbers import headline
from wilks.studies.study import Chapter, Effort, Study, StudyReport

from .hypotheses import Judgement

Results = Mapping[str, AbstractResult]
_UNFLAGGED = ("one_matrix", "background")  # steps on the way: their flags stay with them


def assemble(
    chain: Any, study: Study, results: Results, tests: Mapping[str, tuple[Judgement, ...]], effort: Effort
) -> StudyReport:
    """The report of what was found.

    Args:
        chain: of `wilks.studies.crosssection.analysis`.
        study: its last question.
        results: what was found, by name.
        tests: hypotheses by the name of their table.
        effort: toys and seed, for provenance.
    """
    best: Any = results["fit"]
    return StudyReport(
        name=study.name,
        title=study.title,
        status=best.status.word,
        sentence=_sentence(results),
        results=results,
        chapters=_chapters(chain, study, results),
        numbers={
            "source": chain.tables.source,
            "truth_bins": chain.matrices.complete_bins.size,
            "effective_variations": _effective(chain, best),
            **{name: [test.plain for test in group] for name, group in tests.items()},
            **headline(results),
            "wilks_p_values": {n: _wilks(results[f"scan_{n}"]) for n in "AB" if f"scan_{n}" in results},
        },
        provenance=Provenance.collect(
            seed=effort.seed,
            model_digest=best.provenance.model_digest,
            data_digest=best.provenance.data_digest,
            settings={"study": study.name, "toys": effort.toys, "tables": chain.tables.source},
            started=best.provenance.started,
            duration_s=sum(result.provenance.duration_s for result in results.values()),
        ),
        flags={
            flag: text for name, result in results.items() if name not in _UNFLAGGED
            for flag, text in result.flags.items() if flag != "flat_prior"
        },
    )  # fmt: skip


def _effective(chain: Any, best: Any) -> float:
    return chain.flux.effective_variations(best.values, chain.flux.prepare(chain.full_data))


def _wilks(scan: Any) -> dict[str, list[float]]:
    return {"weight": scan.grid[0].tolist(), "p_value": scan.p_values(1).tolist()}


def _sentence(results: Results) -> str:
    found = results.get("intervals")
    if not isinstance(found, Intervals):
        best: Any = results["fit"]
        return best.status.value
    parts = []
    for name in ("A", "B"):
        item, alone = found[name], results.get(f"goodness_{name}")
        text = f"{name} = {number(item.best, 3)} -{number(item.minus, 2)} +{number(item.plus, 2)}"
        if isinstance(alone, GoodnessOfFit):
            text += f" (alone: p = {probability(alone.p_toys)})"
        parts.append(text)
    return f"Weights of the models' cross sections, where 1 is the model as it is: {', '.join(parts)}."


def _picture(function: str, *arguments: Any) -> Callable[[], Mapping[str, Any]]:
    """A function of `.pictures`, called when the report is written; matplotlib is loaded then."""
    return lambda: getattr(importlib.import_module("wilks.studies.crosssection.pictures"), function)(*arguments)


def _chapters(chain: Any, study: Study, results: Results) -> tuple[Chapter, ...]:
    made = [
        Chapter("The experiment", _EXPERIMENT.format(source=chain.tables.source), (), _picture("events", chain)),
        Chapter("Response matrices", _MATRICES, ("compatibility",), _picture("matrices", chain)),
        Chapter("One response matrix", _ONE, ("one_matrix",)),
        Chapter("A hundred detectors", _DETECTORS, ("detectors",), _picture("detectors", chain)),
    ]
    if "posterior" in results:
        made.append(Chapter("Posterior", _POSTERIOR, ("posterior",), _picture("posterior", chain, results)))
    made.append(Chapter("Background and noise", _BACKGROUND, ("background",)))
    made.append(
        Chapter("Flux and cross sections", _FLUX, _present(results, "fit", "intervals"), _picture("flux", chain))
    )
    tested = _present(results, "goodness_A", "goodness_B", "without_A", "without_B")
    if "scan_A" in results:
        made.append(Chapter("Which model?", _tests_text(results), tested, _picture("verdict", results)))
    made.append(Chapter("Where it comes from", f"{study.citation}; {chain.tables.source}."))
    return tuple(made)


def _present(results: Results, *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name in results)


def _tests_text(results: Results) -> str:
    parts = [_TESTS]
    for name, other in ("AB", "BA"):
        needed, scan = results.get(f"without_{other}"), results.get(f"scan_{name}")
        if isinstance(needed, HypothesisTest):
            parts.append(f"Without model {other} the likelihood ratio has p = {probability(needed.p_value)}.")
        if isinstance(scan, Scan):
            parts.append(f"Model {name} alone fits best with a weight of {number(scan.best[0], 3)}.")
    return "\n\n".join([parts[0], " ".join(parts[1:])])


_EXPERIMENT = (
    "Events have two true quantities, x and y. The detector smears x and loses events of small y; what it measures of "
    "x is counted in eight bins. Two models predict the same rate and nearly the same spectrum, but other correlations "
    "of x and y. Simulations of both cover ten times the exposure of the data. Tables: {source}."
)
_MATRICES = (
    "A response matrix may be used for any model only if its truth bins are fine enough: both simulations must give "
    "the same matrix within their statistics. In x alone they do not, because the efficiency depends on y. In x and y "
    "they do, and sparse bins are then merged, always the pair of slices whose matrices differ least."
)
_ONE = (
    "With the mean of the matrix's posterior as the only matrix. A p-value of a model as it is needs no fit; where "
    "weights are fitted, every toy is fitted like the data."
)
_DETECTORS = (
    "The detector is known as a hundred variations, each with one random matrix of its simulation statistics. The "
    "likelihood is averaged over them. The last column is the effective number of variations that carry it: where it "
    "is small, the average is an accident of few of them."
)
_POSTERIOR = "Both weights with flat priors, under the same average over detectors."
_BACKGROUND = (
    "Data now hold background, which has truth bins of its own, and noise, which has no truth at all and enters "
    "through one bin of efficiency 1. Weights are numbers of true events."
)
_FLUX = (
    "Events are cross sections times exposure: tables of cross sections per truth bin and beam energy, folded with a "
    "hundred throws of the flux, throw s with detector variation s. Weights multiply cross sections."
)
_TESTS = (
    "Each model alone, the other's weight fixed at zero: the part of refitted toys that is at most as likely as the "
    "data tells whether it describes them. The curves give the asymptotic p-value of each weight (Wilks), from one "
    "free fit per model and conditional fits along the curve."
)
