"""The report of the xenon study: its chapters, its sentence, its numbers."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from wilks.results.fits import FitResult
from wilks.results.intervals import Intervals
from wilks.results.limits import Limit
from wilks.results.numbers import number, percent, probability
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.results.toys import CoverageCurve
from wilks.studies.numbers import headline
from wilks.studies.study import Chapter, Effort, Study, StudyReport

from .marginals import Marginal
from .posing import CROSS_SECTION, EXPOSURE, MASS
from .printed import LIFETIME, Row, plain, text_of_worst
from .rates import LIFETIMES
from .simulations import TRIALS

Results = Mapping[str, AbstractResult]

COVERED = {0.68: 0.98895, 0.90: 2.70554}
"""Levels whose coverage is quoted, with their quantiles of chi-square with one degree of freedom."""

_HEADLINE = ("fit", "goodness", "coverage_curve")
_STEPS = ("fit_absorption", "intervals_absorption", "fit_yields")  # their flags stay with them


def assemble(
    chain: Any,
    study: Study,
    results: Results,
    marginals: tuple[Marginal, ...],
    rows: tuple[Row, ...],
    effort: Effort,
) -> StudyReport:
    """The report of what was found.

    Args:
        chain: of `wilks.studies.xenon.analysis`.
        study: its first question.
        results: what was found, by name.
        marginals: distributions compared.
        rows: the tutorial's numbers compared.
        effort: toys and seed, for provenance.
    """
    best: Any = results["fit"]
    return StudyReport(
        name=study.name,
        title=study.title,
        status=best.status.word,
        sentence=_sentence(results),
        results=results,
        chapters=_chapters(chain, study, results, rows),
        numbers=_numbers(chain, results, marginals, rows),
        provenance=Provenance.collect(
            seed=effort.seed,
            model_digest=best.provenance.model_digest,
            data_digest=best.provenance.data_digest,
            settings={"study": study.name, "toys": effort.toys, "preset": chain.preset, "events": chain.sample.source},
            started=best.provenance.started,
            duration_s=sum(result.provenance.duration_s for result in results.values()),
        ),
        flags={
            flag: text for name, result in results.items() if name not in _STEPS for flag, text in result.flags.items()
        },
    )


def _numbers(chain: Any, results: Results, marginals: tuple[Marginal, ...], rows: tuple[Row, ...]) -> dict[str, Any]:
    simulated = chain.simulated
    return {
        "source": chain.sample.source,
        "preset": chain.preset,
        "events": len(chain.sample.events),
        "expected_of_1000": chain.expected,
        "simulated": {name: len(events) for name, events in simulated._asdict().items()},
        "rates": {
            **{f"{lifetime / 1e3:g} us": logs for lifetime, logs in zip(LIFETIMES, chain.rates.logs, strict=True)},
            "worst_difference": chain.rates.worst,
        },
        **headline({name: results[name] for name in _HEADLINE if name in results}),
        **{name: _ends(result) for name, result in results.items() if isinstance(result, Intervals)},
        **{name: _fit(result) for name, result in results.items() if isinstance(result, FitResult) and name != "fit"},
        "slices": [part._asdict() for part in chain.slices],
        **({"limit": _limit(results["limit"])} if "limit" in results else {}),
        "marginals": {m.name: {"distance": m.distance, "p_value": m.p_value} for m in marginals},
        "coverage": _coverage(results),
        "printed": plain(rows),
    }


def _ends(found: Intervals) -> dict[str, Any]:
    return {item.name: {"level": item.level, "interval": [item.lower, item.upper]} for item in found.items}


def _fit(best: FitResult) -> dict[str, Any]:
    parameters = {name: {"value": value, "error": best.errors.get(name)} for name, value in best.values.items()}
    return {"status": best.status.word, "twice_nll": best.twice_nll, "parameters": parameters}


def _limit(found: Any) -> dict[str, Any]:
    return {
        "parameter": found.name,
        "level": found.level,
        "limit": found.observed,
        "best": found.best,
        "cross_section_cm2": found.observed * CROSS_SECTION,
        "mass_gev": MASS,
    }


def _coverage(results: Results) -> dict[str, Any]:
    curve = results.get("coverage_curve")
    if not isinstance(curve, CoverageCurve):
        return {}
    return {
        str(level): {"fraction": float(curve.fraction(d)), "error": float(curve.error(d))}
        for level, d in COVERED.items()
    }


def _sentence(results: Results) -> str:
    found, best = results.get("intervals"), results["fit"]
    if not isinstance(found, Intervals) or not isinstance(best, FitResult):
        return best.status.value  # type: ignore[union-attr]
    item = found[LIFETIME]
    text = (
        f"Electron lifetime {number(item.best / 1e3, 3)} -{number(item.minus / 1e3, 2)} +{number(item.plus / 1e3, 2)} "
        f"us ({percent(item.level)} profile)"
    )
    excluded = results.get("limit")
    if isinstance(excluded, Limit):
        section = excluded.observed * CROSS_SECTION
        text += (
            f"; cross section of WIMPs of {number(MASS)} GeV below {number(section, 2)} cm^2 "
            f"({percent(excluded.level)}, one-sided profile)"
        )
    return text + "."


def _picture(function: str, *arguments: Any) -> Callable[[], Mapping[str, Any]]:
    """A function of `.pictures`, called when the report is written; matplotlib is loaded then."""
    return lambda: getattr(importlib.import_module("wilks.studies.xenon.pictures"), function)(*arguments)


def _chapters(chain: Any, study: Study, results: Results, rows: tuple[Row, ...]) -> tuple[Chapter, ...]:
    best: Any = results["fit"]
    made = [
        Chapter("Simulation", _SIMULATION, ("simulated",), _picture("simulation", chain)),
        Chapter("Differential rates", _RATES.format(source=chain.sample.source), ("rates",), _picture("rates", chain)),
    ]
    fitted = Chapter("The electron lifetime", _LIFETIME, _present(results, "fit", "intervals", "intervals_90"))
    if not best.status.converged:
        return (*made, fitted, _origin(chain, study))
    with_figures = Chapter(fitted.title, fitted.text, fitted.results, _picture("lifetime", chain, study, best))
    absorption = _present(results, "fit_absorption", "intervals_absorption")
    made += [
        with_figures,
        Chapter("A model function of one's own", _OWN, absorption, _picture("absorption", results)),
    ]
    if "fit_yields" in results:
        made.append(Chapter("Six parameters", _SIX, ("fit_yields",), _picture("yields", results)))
    made.append(Chapter("What the position does", _POSITION, ("slices",), _picture("position", chain)))
    if "limit" in results:
        made.append(Chapter("Are there WIMPs?", _limit_text(results), ("limit",), _picture("search", chain)))
    made.append(_worth(results))
    if rows:
        made.append(Chapter("The tutorial's numbers", f"{_PRINTED}\n\n{text_of_worst(rows)}", ("printed",)))
    return (*made, _origin(chain, study))


def _origin(chain: Any, study: Study) -> Chapter:
    return Chapter(
        "Where events and model come from", f'Events: {chain.sample.source}; preset "{chain.preset}". {study.citation}.'
    )


def _present(results: Results, *names: str) -> tuple[str, ...]:
    return tuple(name for name in names if name in results)


def _limit_text(results: Results) -> str:
    found: Any = results["limit"]
    section = number(found.observed * CROSS_SECTION, 3)
    return (
        f"The same events, searched for WIMPs of {number(MASS)} GeV whose spectrum changes with the season, in "
        f"{number(EXPOSURE)} tonne year. Their rate is relative to a cross section of "
        f"{number(CROSS_SECTION)} cm^2; the rate of electronic recoils is refitted for each value of it."
        f"\n\nAt {percent(found.level)} confidence the cross section lies below {section} cm^2: where twice the rise "
        "of -ln L above the best value reaches the squared one-sided normal quantile."
    )


def _worth(results: Results) -> Chapter:
    curve, text = results.get("coverage_curve"), _WORTH
    if isinstance(curve, CoverageCurve):
        parts = [
            f"{percent(level)} intervals in {percent(float(curve.fraction(d)))} +- {percent(float(curve.error(d)))}"
            for level, d in COVERED.items()
        ]
        text += f"\n\nOf {curve.n} toys at the fit the lifetime lies inside {' and '.join(parts)} of them."
    goodness: Any = results.get("goodness")
    if goodness is not None:
        text += (
            f"\n\nToys, each refitted, have a -ln L as large as the data's with probability "
            f"{probability(goodness.p_value)}. For single events this is a weak test: it sees the density at the "
            "events, not their distances from one another."
        )
    shown = _present(results, "marginals", "goodness", "coverage_curve")
    return Chapter("What are fit and intervals worth?", text, shown, _picture("worth", results))


_SIMULATION = (
    f"Electronic recoils of {TRIALS} events, flat in energy up to 10 keV and uniform in the volume, go through the "
    "detector stage by stage: quanta, their split into photons and electrons, detection, S1 and S2. Fewer events come "
    "back than went in: those with less than three detected photons, or S1 or S2 outside the cuts, are lost. Energy or "
    "place can be fixed."
)
_RATES = (
    "{source}. The differential rate of an event is a sum over all numbers of quanta, photons and electrons that could "
    "have made it. At a lifetime of 100 us the events would have to be extreme outliers; the rates stay finite numbers "
    "all the same. At 500 us they are ordinary."
)
_LIFETIME = (
    "The extended unbinned likelihood of rate and lifetime. Expected events follow from the same sums as the rates, "
    "exactly and for every parameter, so nothing is simulated or interpolated. Errors come from the exact Hessian of "
    "-ln L; intervals from the profile. Everything but the lifetime is assumed to be known, which is what makes it so "
    "precise."
)
_OWN = (
    "The loss of electrons by an absorption length in place of a lifetime: one function with the depth as argument and "
    "the length as parameter replaces the source's own. The default lifetime of 452 us corresponds to 60.342 cm."
)
_SIX = (
    "The share of quanta that become electrons as a parabola with three free parameters, together with lifetime, gain "
    "and rate. Bounds are hard, as in the tutorial: a parameter that ends on one is said to, and has no symmetric "
    "error. Twenty events do not tell six parameters apart; the band shows what they leave open."
)
_POSITION = (
    "Signals are corrected for their mean losses, so the energies seen by light and charge do not depend on z on "
    "average. Their precision does: deep events lose electrons, and few electrons fluctuate more. A likelihood of all "
    "observables knows that of each event; corrected energies have forgotten it."
)
_WORTH = (
    "Each observable's distribution is compared with that of events simulated at the fit, and so is the fitted rate "
    "itself, which sees what single observables hide."
)
_PRINTED = (
    "The tutorial's own events were not published. Its numbers are one draw of a truth that is known, a lifetime of "
    "452 us and 25 trials, and can be compared with those of another draw within the errors of both. It printed errors "
    "that are too small by sqrt(2), as its own interval shows; here they are corrected. Its cuts were those of the "
    'preset "1.4".'
)
