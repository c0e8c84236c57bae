"""The report of the sterile study: its chapters, its sentence, its numbers."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from wilks.physics.oscillation.closure import Closure
from wilks.results.fits import FitResult
from wilks.results.hypotheses import HypothesisTest
from wilks.results.numbers import number, probability
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.studies.study import Chapter, Effort, StudyReport

from .loading import Experiments

Results = Mapping[str, AbstractResult]

TITLE = "Electron-neutrino disappearance in the plane of 3+1 neutrinos"


def assemble(experiments: Experiments, closed: Closure, results: Results, effort: Effort, exact: bool) -> StudyReport:
    """The report of what was found.

    Args:
        experiments: what was loaded.
        closed: published numbers against ours.
        results: what was found, by name.
        effort: toys and seed, for provenance.
        exact: whether regions are calibrated by toys.
    """
    best = results["fit"]
    assert isinstance(best, FitResult)
    return StudyReport(
        name="sterile",
        title=TITLE,
        status=best.status.word,
        sentence=_sentence(results),
        results=results,
        chapters=_chapters(experiments, results, exact and bool(effort.toys)),
        numbers=_numbers(experiments, closed, results),
        provenance=Provenance.collect(
            seed=effort.seed,
            model_digest=best.provenance.model_digest,
            data_digest=best.provenance.data_digest,
            settings={
                "study": "sterile",
                "toys": effort.toys,
                "exact": exact,
                "experiments": list(experiments.studies),
            },
            started=best.provenance.started,
            duration_s=sum(result.provenance.duration_s for result in results.values()),
        ),
        flags=_flags(experiments, closed, results),
    )


def _flags(experiments: Experiments, closed: Closure, results: Results) -> dict[str, str]:
    flags = {flag: text for name in ("region_all", "fit") for flag, text in results[name].flags.items()}
    if not closed.passed:
        failed = [f"{row.experiment} {row.quantity}" for row in closed.rows if not row.passed]
        flags["closure_failed"] = f"numbers out of tolerance: {', '.join(failed)}"
    return flags | {f"{name}_not_loaded": text for name, text in experiments.missing.items()}


def _numbers(experiments: Experiments, closed: Closure, results: Results) -> dict[str, Any]:
    judged = {
        name: {
            "best": list(_region(results, name).best),
            "delta_chi2_null": _test(results, f"null_{name}").observed,
            "p_null": _test(results, f"null_{name}").p_value,
        }
        for name in (*experiments.studies, "all")
    }
    agreement = _test(results, "agreement")
    return {
        **judged,
        "agreement": {"chi2": agreement.observed, "p_value": agreement.p_value},
        "closure": [
            {
                "experiment": row.experiment,
                "quantity": row.quantity,
                "published": row.published,
                "error": row.error,
                "ours": row.ours,
                "difference": row.difference,
                "passed": row.passed,
                "source": row.source,
            }
            for row in closed.rows
        ],
    }


def _sentence(results: Results) -> str:
    s, m = _region(results, "all").best
    null, agreement = _test(results, "null_all"), _test(results, "agreement")
    toys = f"{null.exceedances} of {null.n} toys" if null.n else "asymptotic"
    text = f"All experiments together fit best at sin^2 2theta_ee = {number(s, 2)}, dm2_41 = {number(m, 3)} eV^2"
    if null.p_value is not None:
        text += f"; without a sterile neutrino p = {probability(null.p_value)} ({toys})"
    if agreement.p_value is not None:
        text += f"; reactors and gallium agree with p = {probability(agreement.p_value)}"
    return text + "."


def _region(results: Results, name: str) -> Any:
    return results[f"region_{name}"]


def _test(results: Results, name: str) -> HypothesisTest:
    found = results[name]
    assert isinstance(found, HypothesisTest)
    return found


def _picture(function: str, *arguments: Any) -> Callable[[], Mapping[str, Any]]:
    """A function of `.pictures`, called when the report is written; matplotlib is loaded then."""
    return lambda: getattr(importlib.import_module("wilks.studies.sterile.pictures"), function)(*arguments)


def _chapters(experiments: Experiments, results: Results, exact: bool) -> tuple[Chapter, ...]:
    names = tuple(experiments.studies)
    how = _EXACT if exact else _ASYMPTOTIC
    made = [
        Chapter("The experiments", experiments_text(experiments)),
    ]
    if "closure" in results:
        made.append(Chapter("Published numbers and ours", _CLOSURE, ("closure",)))
    for name in names:
        made.append(
            Chapter(name, "", present(results, f"region_{name}", f"null_{name}"), _picture("one", name, results))
        )
    everything = present(results, "fit", "region_all", "contour_all", "null_all")
    made += [
        Chapter("All together", f"{_sentence(results)}\n\n{how}", everything, _picture("everything", names, results)),
        Chapter("Do reactors and gallium agree?", _AGREEMENT, ("agreement",)),
        Chapter("Where it comes from", sources_text(experiments)),
    ]
    return tuple(made)


def present(results: Results, *names: str) -> tuple[str, ...]:
    """Those of some names that have a result."""
    return tuple(name for name in names if name in results)


def experiments_text(experiments: Experiments) -> str:
    """The model, what was loaded and what is missing."""
    loaded = "; ".join(f"{name} ({len(study.data)} values)" for name, study in experiments.studies.items())
    missing = " ".join(f"{name} is missing: it {text}." for name, text in experiments.missing.items())
    return f"{_MODEL}\n\nLoaded: {loaded}. {missing}".rstrip()


def sources_text(experiments: Experiments) -> str:
    """Where all figures are from."""
    lines = [
        f"{name}: {source.what}: {source.citation}"
        + (f" ({source.path}, SHA-256 {source.digest[:12]})" if source.digest else "")
        for name, study in experiments.studies.items()
        for source in study.sources
    ]
    return "\n\n".join(dict.fromkeys(lines))


_MODEL = (
    "At short baselines the survival probability of electron neutrinos is 1 - sin^2 2theta_ee sin^2(kappa dm2_41 L/E). "
    "Reactor spectra at several distances, integrated reactor rates and radioactive sources in gallium detectors "
    "constrain both parameters. Uncertain yields of the isotopes, energy scales and the absorption cross section of "
    "gallium enter as covariances."
)
_CLOSURE = "Every experiment reproduces its published result within the quoted error or the stated tolerance."
_EXACT = (
    "Regions are those of Feldman and Cousins: at every node of the plane toys are thrown, each is compared with its "
    "own best fit over all splittings and mixings, and the node belongs to the region if the data are not among the "
    "most extreme tenth. Dashed lines are asymptotic: a chi-square with two degrees of freedom, which is not the law "
    "of the likelihood ratio here, because the splitting means nothing without mixing."
)
_ASYMPTOTIC = (
    "Regions are asymptotic: a chi-square with two degrees of freedom, which is not the law of the likelihood ratio "
    "here, because the splitting means nothing without mixing. Exact regions come with --exact."
)
_AGREEMENT = (
    "The parameter goodness of fit compares the best fit of all with those of reactors and of gallium alone. Its "
    "asymptotic law is a chi-square with two degrees of freedom."
)
