"""The report of an anomaly: its chapters, its sentence, its numbers."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from wilks.physics.oscillation.pulls import AverageRatio
from wilks.results.fits import FitResult
from wilks.results.hypotheses import HypothesisTest
from wilks.results.numbers import number, probability
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.studies.numbers import headline
from wilks.studies.study import Chapter, Effort, StudyReport

from .question import Question

Results = Mapping[str, AbstractResult]


class Best(NamedTuple):
    """The best sterile neutrino under one assumption.

    Args:
        s: sin^2 2theta_ee.
        dm2: dm2_41 in eV^2.
        gain: chi-square without a sterile neutrino minus that of the best fit.
    """

    s: float
    dm2: float
    gain: float


def assemble(
    question: Question,
    averages: Mapping[str, AverageRatio],
    best: Mapping[str, Best],
    results: Results,
    effort: Effort,
) -> StudyReport:
    """The report of what was found.

    Args:
        question: what was asked.
        averages: average ratio by assumption.
        best: best sterile neutrino by assumption.
        results: what was found, by name.
        effort: toys and seed, for provenance.
    """
    fitted = results["fit"]
    assert isinstance(fitted, FitResult)
    return StudyReport(
        name=question.name,
        title=question.title,
        status=fitted.status.word,
        sentence=_sentence(question, averages, results),
        results=results,
        chapters=_chapters(question, averages, best, results),
        numbers={
            "chosen": question.chosen,
            "averages": {name: {**vars(a), "deficit": a.deficit} for name, a in averages.items()},
            "sterile": {name: b._asdict() for name, b in best.items()},
            **headline(results),
        },
        provenance=Provenance.collect(
            seed=effort.seed,
            model_digest=fitted.provenance.model_digest,
            data_digest=fitted.provenance.data_digest,
            settings={"study": question.name, "toys": effort.toys, question.assumption: question.chosen},
            started=fitted.provenance.started,
            duration_s=sum(result.provenance.duration_s for result in results.values()),
        ),
        flags=_flags(question, results),
    )


def _flags(question: Question, results: Results) -> dict[str, str]:
    flags = dict(question.experiment.flags)
    for name in ("fit", "region", "null"):
        flags |= results[name].flags
    return flags


def _sentence(question: Question, averages: Mapping[str, AverageRatio], results: Results) -> str:
    average, null = averages[question.chosen], results["null"]
    assert isinstance(null, HypothesisTest)
    text = (
        f"With {question.assumption} {question.chosen} the measured rate is {number(average.ratio, 3)} +- "
        f"{number(average.error, 2)} of the expected one, {number(average.deficit, 2)} standard deviations below 1"
    )
    if null.p_value is None:
        return f"{text}."
    law = f"{null.exceedances} of {null.n} toys" if null.n else "asymptotic"
    return f"{text}; without a sterile neutrino p = {probability(null.p_value)} ({law})."


def _picture(function: str, *arguments: Any) -> Callable[[], Mapping[str, Any]]:
    """A function of `.pictures`, called when the report is written; matplotlib is loaded then."""
    return lambda: getattr(importlib.import_module("wilks.studies.anomaly.pictures"), function)(*arguments)


def _chapters(
    question: Question, averages: Mapping[str, AverageRatio], best: Mapping[str, Best], results: Results
) -> tuple[Chapter, ...]:
    chosen = averages[question.chosen]
    made = [
        Chapter("What was measured", question.introduction, (), _picture("ratios", question, chosen, results)),
        Chapter(f"The deficit by {question.assumption}", _AVERAGES, ("averages",), _picture("by_assumption", averages)),
        Chapter("A sterile neutrino", _STERILE, ("sterile",)),
        Chapter(
            f"{question.assumption.capitalize()} {question.chosen}",
            f"{_sentence(question, averages, results)}\n\n{_REGION} {_goodness_text(chosen)}",
            tuple(name for name in ("fit", "region", "contour", "null") if name in results),
            _picture("plane", results),
        ),
    ]
    shown = {name for chapter in made for name in chapter.results}
    if rest := tuple(name for name in results if name not in shown):
        made.append(Chapter("Further results", "", rest))
    made.append(Chapter("Where it comes from", _sources_text(question)))
    return tuple(made)


def _goodness_text(average: AverageRatio) -> str:
    return (
        f"Around their average the ratios have chi2 = {number(average.chi2, 3)} for {average.points - 1} degrees of "
        "freedom, errors of the expectation included."
    )


def _sources_text(question: Question) -> str:
    lines = [
        f"{source.what}: {source.citation}"
        + (f" ({source.path}, SHA-256 {source.digest[:12]})" if source.digest else "")
        for experiment in question.experiments.values()
        for source in experiment.sources
    ]
    return "\n\n".join(dict.fromkeys(lines))


_AVERAGES = (
    "The average of all ratios, each weighted with its errors and correlations. Errors that are common to the expected "
    "rates do not average out: they are most of the error here."
)
_STERILE = (
    "Electron neutrinos that become sterile ones are missing from every rate: by half the mixing where "
    "the source is far away, by less nearby. A common deficit looks like a sterile neutrino with a large splitting."
)
_REGION = (
    "The splitting means nothing without mixing, so that the likelihood ratio does not follow a chi-square with two "
    "degrees of freedom: p-values by toys and by that law differ."
)
