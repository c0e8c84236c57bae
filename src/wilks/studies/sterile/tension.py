"""The anomalies of reactors and gallium, and whether they agree: in evidences and in likelihood ratios."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from wilks.inference.calibration import Asymptotic, ByToys
from wilks.inference.compatibility import compatibility
from wilks.inference.null_tests import null_significance
from wilks.inference.sbi.evidence import suspiciousness
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.operations.combined import combine
from wilks.inference.sbi.posterior import NeuralPosterior
from wilks.likelihood.joint import Joint
from wilks.physics.oscillation.experiment import Study
from wilks.results.weighted import WeightedSamples
from wilks.studies.measurement import Findings
from wilks.studies.study import Effort

from .loading import GALLIUM, RATES
from .networks import Networks, Stopwatch, Training, train_small
from .problem import Posed, pose_plane

MAIN = "main"
"""Name of the experiments that the large networks learn, among those that are joined."""


class Tension(NamedTuple):
    """Exact draws of each side and of all, each from products of neural posteriors.

    Args:
        weighted: of reactors, gallium and all together.
        networks: small networks by name of the experiments.
    """

    weighted: dict[str, WeightedSamples]
    networks: dict[str, NeuralPosterior]


def find_tension(
    studies: Mapping[str, Study], posed: Posed, networks: Networks, training: Training, effort: Effort,
    watch: Stopwatch, results: Findings, *, nodes: int,
) -> Tension:  # fmt: skip
    """How significant each anomaly is, and the agreement of reactors and gallium.

    The posterior of several experiments is the product of those of each, weighted with the exact likelihood.

    Args:
        studies: all experiments, gallium among them.
        posed: the problem of the large networks.
        networks: these.
        training: how much.
        effort: toys, seed, processes.
        watch: takes the time.
        results: where results are announced.
        nodes: tested nodes per axis.
    """
    alone = set(studies) <= {RATES, GALLIUM}  # the large networks have learned the rates
    small = {name: pose_plane(studies[name], nodes) for name in ((GALLIUM,) if alone else (RATES, GALLIUM))}
    trained = {
        name: watch.measured("small networks", lambda i=i, p=p: train_small(p, training, effort, i))
        for i, (name, p) in enumerate(small.items())
    }
    for name, p in small.items():
        results.add(f"null_{name}", lambda p=p: null_significance(p.signal, p.data, calibration=_law(effort)))
    sets = {MAIN: posed, **small}
    parts: dict[str, Any] = {MAIN: networks.spline, **trained}
    sides = {
        "reactors": [name for name in sets if name != GALLIUM],
        GALLIUM: [GALLIUM],
        "all": list(sets),
    }
    weighted = {
        side: watch.measured("joint posteriors", lambda n=names: _weighted(sets, parts, n, training, effort))
        for side, names in sides.items()
    }
    results.add("suspiciousness", lambda: suspiciousness(weighted["all"], (weighted["reactors"], weighted[GALLIUM])))
    results.add("agreement", lambda: _agreement(sets))
    return Tension(weighted, trained)


def _weighted(
    sets: Mapping[str, Posed], parts: Mapping[str, Any], names: list[str], training: Training, effort: Effort
) -> WeightedSamples:
    """Draws of the product of some posteriors with the exact likelihood's weights."""
    product = combine({name: parts[name] for name in names})
    likelihood = Joint({name: sets[name].exact for name in names})
    data = {name: sets[name].data for name in names}
    return reweight(effort.seed + 40, product, likelihood, data, training.draws, defensive=0.2)


def _agreement(sets: Mapping[str, Posed]) -> Any:
    """Parameter goodness of fit of all sets of experiments."""
    return compatibility(Joint({n: p.signal for n, p in sets.items()}), {n: p.data for n, p in sets.items()})


def _law(effort: Effort) -> Any:
    if not effort.toys:
        return Asymptotic()
    return ByToys(effort.seed, effort.toys, executor=effort.executor, progress=effort.progress)
