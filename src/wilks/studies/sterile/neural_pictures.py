"""Figures of the neural programme."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from wilks.physics.oscillation.spaces import PLANE, STERILE
from wilks.plots.drawing import draw
from wilks.plots.neural.calibration import calibration_curves
from wilks.plots.neural.planes import coverage_plane, learned_region
from wilks.plots.neural.posteriors import posterior_pair, weights
from wilks.plots.neural.training import training as training_curve
from wilks.plots.posteriors import plane_density
from wilks.plots.regions import critical_map
from wilks.plots.style import figure_of
from wilks.results.result import AbstractResult

_LABELS = {p.name: p.label for p in STERILE}


def training(programme: Any) -> Mapping[str, Figure]:
    """How the networks were trained."""
    networks = programme.networks
    records = {"flow matching": networks.flow, "score matching, last round": networks.score.posterior}
    records |= {"splines": networks.spline}
    plain = {name: posterior.record.plain() for name, posterior in records.items()}
    return {"Losses of the networks; stars mark the snapshots that were kept.": figure_of(training_curve(plain))}


def posteriors(programme: Any) -> Mapping[str, Figure]:
    """Draws beside the exact posterior, and their weights."""
    found = programme.found
    draws = {f"{name} matching": samples for name, samples in found.draws.items()}
    pair = posterior_pair(draws, PLANE, exact=found.exact, labels=_LABELS)
    return {
        "Neural posteriors at 68 and 90 %, the exact one dashed, all smoothed alike.": figure_of(pair),
        "Exact posterior.": figure_of(plane_density(found.exact, labels=_LABELS)),
        "Importance weights of draws of flow matching.": figure_of(weights(found.weighted["flow"])),
    }


def belts(programme: Any) -> Mapping[str, Figure]:
    """Regions, critical values, coverage."""
    found = programme.belts
    region = learned_region(found.learned, exact=found.exact, posterior=programme.found.exact, labels=_LABELS)
    figures = {
        "Region at 90 % by learned critical values, by toys at every node, and credible.": figure_of(region),
        "Coverage of the learned regions.": figure_of(coverage_plane(found.coverage, labels=_LABELS)),
    }
    if found.exact is not None:
        figures["Exact critical values."] = figure_of(critical_map(found.exact, labels=_LABELS))
    return figures


def checks(results: Mapping[str, AbstractResult]) -> Mapping[str, Figure]:
    """Ranks, coverage, the local test, predicted data."""
    curves: Any = [results[name] for name in ("tarp", "expected_coverage") if name in results]
    return {
        "Ranks of true values among draws of flow matching.": draw(results["ranks"]),
        "Coverage of credible regions.": figure_of(calibration_curves(curves)),
        "Probabilities of a classifier at the data.": draw(results["local_test"]),
        "Observed data among replicas drawn at the posterior.": draw(results["predictive"]),
    }
