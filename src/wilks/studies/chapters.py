"""The chapters that every measurement of a strength has in its report: what was found, and what it is worth."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

from wilks.results.fits import FitResult
from wilks.results.hypotheses import GoodnessOfFit, HypothesisTest
from wilks.results.intervals import Intervals
from wilks.results.numbers import number, percent, probability
from wilks.results.result import AbstractResult
from wilks.results.toys import Bias, Coverage

from .study import Chapter, Study

Results = Mapping[str, AbstractResult]


def picture(function: str, *arguments: Any, **options: Any) -> Callable[[], Mapping[str, Any]]:
    """A function of `wilks.studies.pictures`, to be called when a report is written; matplotlib is loaded then."""
    return lambda: getattr(importlib.import_module("wilks.studies.pictures"), function)(*arguments, **options)


def measured(study: Study, results: Results, labels: Mapping[str, str], **axis: Any) -> tuple[Chapter, ...]:
    """Strengths, regions, significance, goodness of fit, coverage: as far as there are results.

    Args:
        study: what was measured.
        results: of `wilks.studies.measurement.measure`.
        labels: text per component of the model, for figures.
        axis: ``edges``, ``quantity`` and ``unit`` for figures.
    """
    made = [_strength(study, results, labels, axis)]
    for chapter in (_regions, _discovery, _goodness, _procedures):
        found = chapter(study, results)
        if found is not None:
            made.append(found)
    return tuple(made)


def sentence_of(results: Results, signal: str) -> str:
    """The result in one sentence."""
    found, test = results.get("intervals"), results.get("discovery")
    if not isinstance(found, Intervals):
        return ""
    item = found[signal]
    text = f"{signal} = {number(item.best, 3)} -{number(item.minus, 2)} +{number(item.plus, 2)} (68.27 % profile)"
    if isinstance(test, HypothesisTest) and test.z_asymptotic is not None:
        text += (
            f"; without signal the data would be {number(test.z_asymptotic, 3)} standard deviations away (asymptotic)"
        )
    return f"{text}."


def _strength(study: Study, results: Results, labels: Mapping[str, str], axis: Mapping[str, Any]) -> Chapter:
    best = results["fit"]
    assert isinstance(best, FitResult)
    names = tuple(n for n in study.parameters_of_interest if n in best.free)
    text = sentence_of(results, names[0]) if names else best.status.value
    text += (
        "\n\nA strength of 1 is the prediction of the simulation. The interval of one strength refits the others: its "
        "ends are where twice the rise of -ln L along the profile reaches 1 (68.27 %) or 3.84 (95 %), found by root "
        "finding. Its two sides need not be equal."
    )

    def figures() -> Mapping[str, Any]:
        return {**picture("strength", study, results, labels, **axis)(), **picture("profiles", study, names)()}

    shown = tuple(n for n in ("fit", "intervals", "intervals_95") if n in results)
    return Chapter("The strengths", text, shown, figures if best.status.converged else dict)


def _regions(study: Study, results: Results) -> Chapter | None:
    if "contour" not in results:
        return None
    text = (
        "A region of two parameters at 68.27 % needs a threshold of 2.2957, not 1; its projections are wider than the "
        "intervals of one parameter above, and answer another question."
    )
    shown = tuple(n for n in ("contour", "contour_95") if n in results)
    return Chapter("Both strengths at once", text, shown, picture("region", results))


def _discovery(study: Study, results: Results) -> Chapter | None:
    test = results.get("discovery")
    if not isinstance(test, HypothesisTest):
        return None
    text = (
        f"Without signal, a statistic q0 as large as {number(test.observed, 4)} has the asymptotic probability "
        f"{probability(test.p_asymptotic)}: a significance of {number(test.z_asymptotic, 3)} standard deviations."
    )
    if test.n:
        text += (
            f"\n\nOf {test.n} toys without signal, each refitted, {test.exceedances} reached it. Toys can show a "
            f"probability of 1/{test.n} at best; the asymptotic law carries on from there."
        )
    return Chapter("Is there a signal?", text, ("discovery",))


def _goodness(study: Study, results: Results) -> Chapter | None:
    saturated = results.get("goodness")
    if not isinstance(saturated, GoodnessOfFit):
        return None
    if saturated.p_value is None:
        text = f"No probability is quoted: {saturated.how}."
    else:
        text = (
            f"Data drawn from the fitted model lie further from it than the observed ones with probability "
            f"{probability(saturated.p_value)} (saturated model)."
        )
    if saturated.n:
        text += " Every toy was fitted like the data; without that, the toys would look worse than the data can."
    captions = {"goodness": "Distance of refitted toys from the model, the chi-square law, and the data."}
    shown = tuple(n for n in ("goodness", "goodness_pearson", "goodness_ks") if n in results)
    return Chapter(
        "Does the model describe the data?", text, shown, picture("drawn", results, captions) if saturated.n else dict
    )


def _procedures(study: Study, results: Results) -> Chapter | None:
    covered, pulls = results.get("coverage"), results.get("bias")
    if not isinstance(covered, Coverage) or not isinstance(pulls, Bias):
        return None
    low, high = covered.interval
    text = (
        f"Toys drawn at the best fit tell what the procedure is worth: the {percent(covered.level)} interval of "
        f"{covered.name} contained the truth in {percent(covered.fraction)} of {covered.n - covered.failed} toys "
        f"(Clopper-Pearson interval {percent(low)} to {percent(high)})."
        "\n\nThe curve gives the coverage of every threshold of the joint region at once, from one set of toys."
    )
    captions = {
        "coverage_curve": "Coverage f(d) of the region 2 delta nll <= d, the chi-square law, and their difference.",
        "coverage": "Lengths of the intervals over the toys.",
        "bias": "Mean and width of the pulls over the toys; 0 and 1 are ideal.",
    }
    return Chapter(
        "Do the intervals hold what they say?",
        text,
        ("coverage", "coverage_curve", "bias"),
        picture("drawn", results, captions),
    )
