"""The report of the Daya Bay study: its chapters, its sentence, its numbers."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wilks.physics.oscillation.closure import Closure
from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis
from wilks.physics.oscillation.dayabay.constants import CITATION
from wilks.results.fits import FitResult
from wilks.results.numbers import number, with_error
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.studies.numbers import headline
from wilks.studies.study import Chapter, Effort, StudyReport

from . import texts
from .ways import Measured

Results = Mapping[str, AbstractResult]

TITLE = "Oscillation of reactor antineutrinos in the full data of Daya Bay"


@dataclass(frozen=True)
class Answer:
    """The numbers of the fit.

    Args:
        measured: best values, errors, chi-square.
        chi2_at_start: chi-square of the release model at its start values.
        free: number of free parameters.
    """

    measured: Measured
    chi2_at_start: float
    free: int


def assemble(
    analysis: DayaBayAnalysis,
    answer: Answer,
    closure: Closure,
    ways: Sequence[Measured],
    results: Results,
    settings: Mapping[str, Any],
    effort: Effort,
) -> StudyReport:
    """The report of what was found.

    Args:
        analysis: what was fitted.
        answer: the numbers of the fit.
        closure: published numbers against ours.
        ways: what other ways to fit find.
        results: what was found, by name.
        settings: options of the study, for provenance.
        effort: toys and seed, for provenance.
    """
    best = results["fit"]
    assert isinstance(best, FitResult)
    return StudyReport(
        name="dayabay",
        title=TITLE,
        status=best.status.word,
        sentence=_sentence(answer, analysis),
        results=results,
        chapters=_chapters(analysis, answer, best, ways, results),
        numbers={**settings, **_numbers(analysis, answer, closure, ways), **headline(results)},
        provenance=Provenance.collect(
            seed=effort.seed,
            model_digest=best.provenance.model_digest,
            data_digest=best.provenance.data_digest,
            settings={"study": "dayabay", "toys": effort.toys, **settings},
            started=best.provenance.started,
            duration_s=sum(result.provenance.duration_s for result in results.values()),
        ),
        flags=_flags(best, closure),
    )


def _flags(best: FitResult, closure: Closure) -> dict[str, str]:
    flags = dict(best.flags)
    if not closure.passed:
        failed = [row.quantity for row in closure.rows if not row.passed]
        flags["closure_failed"] = f"numbers out of tolerance: {', '.join(failed)}"
    return flags


def _sentence(answer: Answer, analysis: DayaBayAnalysis) -> str:
    found, bins = answer.measured, len(analysis.data.counts)
    return (
        f"sin^2 2theta_13 = {with_error(found.angle, found.angle_error)} and |Dm2_32| = "
        f"{with_error(found.splitting, found.splitting_error)} eV^2 "
        f"({'normal' if analysis.choices.ordering == 1 else 'inverted'} ordering), chi2 = {number(found.chi2, 4)} for "
        f"{bins} bins and {answer.free} parameters."
    )


def _numbers(analysis: DayaBayAnalysis, answer: Answer, closure: Closure, ways: Sequence[Measured]) -> dict[str, Any]:
    found = answer.measured
    return {
        "sin2_2theta13": found.angle,
        "sin2_2theta13_error": found.angle_error,
        "dm2_32": found.splitting,
        "dm2_32_error": found.splitting_error,
        "chi2": found.chi2,
        "bins": len(analysis.data.counts),
        "free_parameters": answer.free,
        "expected_over_observed": 1.0 + found.overshoot,
        "chi2_at_start": answer.chi2_at_start,
        "closure": [{**vars(row), "difference": row.difference, "passed": row.passed} for row in closure.rows],
        "ways": [vars(way) for way in ways],
    }


def _picture(function: str, *arguments: Any) -> Callable[[], Mapping[str, Any]]:
    """A function of `.pictures`, called when the report is written; matplotlib is loaded then."""
    return lambda: getattr(importlib.import_module("wilks.studies.dayabay.pictures"), function)(*arguments)


def _chapters(
    analysis: DayaBayAnalysis, answer: Answer, best: FitResult, ways: Sequence[Measured], results: Results
) -> tuple[Chapter, ...]:
    regions = tuple(name for name in ("contour", "contour_95") if name in results)
    made = [
        Chapter("What was measured", texts.EXPERIMENT, ("data",)),
        Chapter("How it is judged", texts.LIKELIHOOD),
        Chapter(
            "The best fit",
            f"{_sentence(answer, analysis)}\n\n{texts.SPECTRA}",
            tuple(name for name in ("fit", "goodness") if name in results),
            _picture("spectra", analysis, best.values),
        ),
        Chapter("Published numbers and ours", texts.CLOSURE, ("closure",)),
    ]
    if regions:
        made.append(Chapter("Both parameters", texts.REGIONS, regions, _picture("regions", results, answer.measured)))
    if ways:
        made.append(Chapter("How much depends on the way to fit", texts.WAYS, ("ways",), _picture("by_way", ways)))
    source = f"{CITATION}; read from the release, SHA-256 {analysis.release.digest[:12]}"
    made.append(Chapter("Where it comes from", source))
    return tuple(made)
