"""The 3+1 global fit by neural posteriors: networks beside exact answers, step by step."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from wilks.inference.sbi.evidence import bayes_factor, log_evidence_at
from wilks.inference.sbi.grid_posteriors import total_variation
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.map_estimates import map_estimate
from wilks.physics.oscillation.experiment import Study
from wilks.physics.oscillation.join import join
from wilks.physics.oscillation.spaces import PLANE, SINE
from wilks.results.samples import Samples
from wilks.results.weighted import WeightedSamples
from wilks.studies.measurement import Findings
from wilks.studies.study import Effort, StudyReport

from .belts import find_belts
from .comparison import Bayesian, comparison_table, cost_table
from .distances import distance_table, neural_distances
from .loading import GALLIUM, RATES, load
from .networks import Networks, Stopwatch, Training, ledger_table, train_networks
from .neural_report import Programme, assemble_neural
from .problem import Posed, pose_plane
from .tension import find_tension
from .trust import check_networks

NODES = 30


def neural(
    *,
    folder: Path | None = None,
    nodes: int = NODES,
    flux: str = "HM",
    cross_section: str = "bahcall",
    training: Training | None = None,
    effort: Effort | None = None,
) -> StudyReport:
    """The sterile plane by flow matching and score matching, Bayesian and frequentist, each beside its exact answer.

    Spectra at several baselines are learned together: those of PROSPECT, DANSS and Bugey-3 whose files are there, the
    integrated rates without any. Rates and gallium have networks of their own, and join by products of posteriors.

    Args:
        folder: folder with ``globesfit/`` and ``prospect/``; without it the experiments whose figures ship with Wilks.
        nodes: tested nodes per axis of the plane; five times as many splittings are tabulated.
        flux: flux model of the integrated rates.
        cross_section: absorption cross section of gallium.
        training: how much is simulated, trained and checked.
        effort: toys per node, seed, processes.
    """
    training, effort, watch = training or Training(), effort or Effort(toys=1000), Stopwatch()
    experiments = load(folder, flux=flux, cross_section=cross_section)
    results = Findings(effort)
    posed = watch.measured("tabulation", lambda: pose_plane(_learned(experiments.studies), nodes))
    networks, pairs = train_networks(posed, training, effort, watch)
    found = _bayesian(posed, networks, training, effort, watch, results)
    belts = find_belts(posed, networks, training, effort, watch, results)
    check_networks(posed, networks, found.draws["flow"], training, effort, watch, results)
    tension = find_tension(experiments.studies, posed, networks, training, effort, watch, results, nodes=nodes)
    lines = neural_distances(found, belts, tension)
    results.add("distances", lambda: distance_table(lines))
    results.add("networks", lambda: ledger_table(networks, pairs, tension.networks))
    results.add("costs", lambda: cost_table(watch, found, belts, nodes**2, effort.toys))
    programme = Programme(experiments, posed, networks, found, belts, tension, lines, watch, training, nodes)
    return assemble_neural(programme, results, effort)


def _learned(studies: Mapping[str, Study]) -> Study:
    """What the large networks learn."""
    spectra = {name: study for name, study in studies.items() if name not in (RATES, GALLIUM)}
    return join(spectra, name="spectra") if spectra else studies[RATES]


def _bayesian(
    posed: Posed, networks: Networks, training: Training, effort: Effort, watch: Stopwatch, results: Findings
) -> Bayesian:
    """Posteriors at the data, corrected, compared with the exact one, with evidence and maximum."""
    seed, data = effort.seed, posed.data
    exact = watch.measured("exact grid", lambda: results.add("exact", posed.posterior))
    draws: dict[str, Samples] = {}
    weighted: dict[str, WeightedSamples] = {}
    distances: dict[str, Any] = {}
    for i, (name, posterior) in enumerate({"flow": networks.flow, "score": networks.score}.items()):
        sample = partial(posterior.sample, seed + 5 + i, data, training.draws)
        draws[name] = watch.measured("sampling", sample) if name == "flow" else sample()
        correct = partial(reweight, seed + 7 + i, posterior, posed.exact, data, training.draws)
        weighted[name] = watch.measured("importance weights", correct)
        distances[name] = results.add(f"distance_{name}", partial(total_variation, draws[name], exact))
        distances[f"{name}_weighted"] = results.add(
            f"distance_{name}_weighted", partial(total_variation, weighted[name], exact)
        )
        results.add(f"evidence_{name}", partial(getattr, weighted[name], "evidence"))
    null = log_evidence_at(posed.exact, data, {SINE: 0.0})
    results.add("bayes_factor", lambda: bayes_factor(weighted["flow"], null))
    best = watch.measured(
        "maximum",
        lambda: results.add(
            "map", lambda: map_estimate(seed + 9, networks.spline, data, likelihood=posed.exact, target="likelihood")
        ),
    )
    place = np.unravel_index(int(np.argmax(exact.log_likelihood)), exact.mass.shape)
    top = [float(axis[i]) for axis, i in zip(exact.centres, place, strict=True)]
    highest = (top[0], top[1], float(exact.log_likelihood[place]))
    found = Bayesian(exact, draws, weighted, distances, best, highest, null.log_evidence)
    results.add("comparison", lambda: comparison_table(found))
    assert exact.names == PLANE
    return found
