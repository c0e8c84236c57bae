"""The report of the flavour study: its chapters, its sentence, its flags."""

import importlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from wilks.inference.clusters import images
from wilks.physics.flavor.model import FlavorModel, evaluate
from wilks.results.fits import FitResult
from wilks.results.hypotheses import GoodnessOfFit
from wilks.results.minima import Minima
from wilks.results.numbers import fixed, number, probability
from wilks.results.provenance import Provenance
from wilks.results.result import AbstractResult
from wilks.results.samples import Samples
from wilks.studies.chapters import picture
from wilks.studies.study import Chapter, Effort, Study, StudyReport

from .models import SEED_POINT
from .numbers import chi2_of, document
from .posing import Question, model_of

Results = Mapping[str, AbstractResult]
Groups = tuple[tuple[int, ...], ...]


def assemble(
    question: Question, study: Study, results: Results, depth: Mapping[str, int], effort: Effort
) -> StudyReport:
    """The report of what was found.

    Args:
        question: what was fitted to what.
        study: the same, posed.
        results: what was found, by name.
        depth: starts and steps, for provenance.
        effort: toys and seed, for provenance.
    """
    best: Any = results["fit"]
    observables, groups = _examined(question, model_of(study), best)
    settings = {name: value for name, value in vars(question).items() if name != "ordering"}
    return StudyReport(
        name=study.name,
        title=study.title,
        status=best.status.word,
        sentence=_sentence(question, results),
        results=results,
        chapters=_chapters(question, study, results, observables, groups),
        numbers={"ordering": question.chosen, **document(results, groups)},
        provenance=Provenance.collect(
            seed=effort.seed,
            model_digest=best.provenance.model_digest,
            data_digest=best.provenance.data_digest,
            settings={
                "study": study.name, **settings, "ordering": question.chosen, **depth, "toys": effort.toys,
            },
            started=best.provenance.started,
            duration_s=sum(result.provenance.duration_s for name, result in results.items() if name in _TIMED),
        ),
        flags={name: text for result in results.values() for name, text in result.flags.items()},
    )  # fmt: skip


def _examined(question: Question, model: FlavorModel, best: FitResult) -> tuple[Mapping[str, float], Groups]:
    """Observables at the first point, and which minima predict the same: one list of points, one compiled program."""
    first = np.array([[_first_point(question, model)[name] for name in model.space.names]])
    theta = np.concatenate([first, best.minima.theta]) if best.minima is not None else first
    found = evaluate(model, theta)
    columns = np.stack([np.asarray(found[name]) for name in found.names], axis=1)
    groups = images(best.minima, columns[1:]) if best.minima is not None else ()
    return dict(zip(found.names, columns[0].tolist(), strict=True)), groups


def _first_point(question: Question, model: FlavorModel) -> Mapping[str, float]:
    starts = dict(zip(model.space.names, model.space.starts.tolist(), strict=True))
    return SEED_POINT if question.model == "seed" else starts


_TIMED = ("fit", "fit_NO", "fit_IO", "goodness", "samples")  # minima and predictions carry the times of their sources


def _sentence(question: Question, results: Results) -> str:
    best: Any = results["fit"]
    if not best.status.converged or best.minima is None:
        return best.status.value
    text = (
        f"chi2 = {number(chi2_of(best), 5)} with {best.ndf} degrees of freedom; {int(best.minima.hits[0])} of "
        f"{best.minima.starts} starts led there"
    )
    found, other = results.get("goodness"), results.get(f"fit_{question.other}")
    if isinstance(found, GoodnessOfFit):
        text += f"; data of this model lie as far from it with probability {probability(found.p_value)} (toys)"
    if isinstance(other, FitResult):
        above = chi2_of(other) - chi2_of(best)
        text += f"; {question.other} has a chi2 {number(abs(above), 4)} {'higher' if above >= 0 else 'lower'}"
    return text + "."


def _chapters(
    question: Question, study: Study, results: Results, observables: Mapping[str, float], groups: Groups
) -> tuple[Chapter, ...]:
    made = [_opening(question, model_of(study), observables), _search(results, groups)]
    if "minima" in results:
        made += [_orderings(question, results), _worth(results), *_chain(question, results)]
    return (*made, Chapter("Where model and data come from", f"{study.citation}."))


def _opening(question: Question, model: FlavorModel, observables: Mapping[str, float]) -> Chapter:
    where = ", ".join(f"{name} = {number(value)}" for name, value in _first_point(question, model).items())
    listed = ", ".join(f"{name} = {number(value)}" for name, value in observables.items())
    text = (
        f"Mass matrices are functions of {len(model.space.free)} parameters ({', '.join(model.space.free)}). Masses "
        "and mixing follow from them; the scale of the neutrino masses takes its best value at every point."
        f"\n\nAt {where}: {listed}."
    )
    return Chapter("What is fitted", text)


def _search(results: Results, groups: Groups) -> Chapter:
    best: Any = results["fit"]
    if not isinstance(results.get("minima"), Minima):
        return Chapter("Where are the minima?", best.status.value, ("fit",))
    shares = ", ".join(f"{name} {fixed(value, 2)}" for name, value in best.contributions.items())
    alike = [group for group in groups if len(group) > 1]
    text = (
        f"Contributions to chi2 = {number(chi2_of(best), 5)} at the best point: {shares}."
        "\n\nMinima of a flavour model are many: couplings have signs and permutations, angles have octants. Fits from "
        "many starts are told apart by their distance in units of the errors. The share of starts that would lead to "
        "minima not met yet is estimated from how many were met only once. Entries far above the lowest, without a "
        "positive definite curvature, are directions in which couplings run away."
    )
    if alike:
        listed = "; ".join(" and ".join(map(str, group)) for group in alike)
        text += f"\n\nImages of one another, with all observables equal: {listed}."
    return Chapter("Where are the minima?", text, ("fit", "minima"))


def _orderings(question: Question, results: Results) -> Chapter:
    name, best = f"fit_{question.other}", results["fit"]
    other = results.get(name)
    if not isinstance(other, FitResult) or not isinstance(best, FitResult):
        return Chapter("Which ordering?", f"NuFIT {question.release} has no data on the other ordering in the package.")
    offsets = [fit.contributions.get("ordering", 0.0) for fit in (best, other)]
    text = (
        f"{question.chosen}: chi2 = {number(chi2_of(best), 5)}, of which {number(offsets[0], 5)} is how far the data "
        f"alone put this ordering above the better one. {question.other}: chi2 = {number(chi2_of(other), 5)}, with "
        f"{number(offsets[1], 5)}.\n\nThe two orderings are not nested, so this difference follows no chi-square law; "
        "toys of one ordering fitted in both would calibrate it."
    )
    return Chapter("Which ordering?", text, (name,))


def _worth(results: Results) -> Chapter:
    found = results.get("goodness")
    text = (
        "chi2 = x does not mean sqrt(x) standard deviations: that holds for one degree of freedom only. What counts is "
        "how often data drawn from the fitted model lie as far from it."
    )
    if not isinstance(found, GoodnessOfFit):
        return Chapter("Does the model describe the data?", text)
    text += (
        f"\n\nOf {found.n} sets of best values drawn from the best fit, each refitted from there, {found.exceedances} "
        f"had a chi2 of {number(found.observed, 4)} or more: p = {probability(found.p_value)}."
    )
    captions = {"goodness": "chi2 of refitted toys, and of the data."}
    return Chapter("Does the model describe the data?", text, ("goodness",), picture("drawn", results, captions))


def _chain(question: Question, results: Results) -> tuple[Chapter, ...]:
    samples = results.get("samples")
    if not isinstance(samples, Samples):
        return ()
    text = (
        "An ensemble of walkers explores the surroundings of the lowest minimum; it does not cross to other minima. "
        f"{samples.verdict[0].upper()}{samples.verdict[1:]}.\n\nPredictions are medians and central regions over the "
        "draws."
    )

    def figures() -> Mapping[str, Any]:
        module = importlib.import_module("wilks.studies.flavor.figures")  # loads matplotlib
        return module.drawn(results, question.release, question.chosen)

    return (Chapter("What does the model predict?", text, ("samples", "predictions"), figures),)
