"""The anomalies of reactors and gallium, and whether they agree: in evidences and in likelihood ratios."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from wilks.inference.calibration import Asymptotic, ByToys
from wilks.inference.compatibility import compatibility
from wilks.inference.null_tests import null_significance
from wilks.inference.sbi.evidence import suspiciousness
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.operations.combined import combine
from wilks.inference.sbi.posterior import NeuralPosterior
from wilks.likelihood.joint import Joint
from wilks.physics.oscillation.experiment import Study
from wilks.results.grid_posteriors import GridPosterior
from wilks.results.weighted import Suspiciousness, WeightedSamples
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
        exact: the same on a grid.
        suspicious: tension by the weighted draws.
        networks: small networks by name of the experiments.
    """

    weighted: dict[str, WeightedSamples]
    exact: dict[str, GridPosterior]
    suspicious: Suspiciousness
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
    found = results.add(
        "suspiciousness", lambda: suspiciousness(weighted["all"], (weighted["reactors"], weighted[GALLIUM]))
    )
    results.add("agreement", lambda: _agreement(sets))
    grids = {name: p.posterior() for name, p in sets.items()}
    exact = {side: product([grids[name] for name in names]) for side, names in sides.items()}
    return Tension(weighted, exact, found, trained)


def product(grids: Sequence[GridPosterior]) -> GridPosterior:
    """The exact posterior of independent data sets on one grid: likelihoods multiply, the prior counts once.

    Args:
        grids: of each data set, with the same nodes and priors.
    """
    logs = np.sum([grid.log_likelihood for grid in grids], axis=0)
    heights = grids[0].prior_mass * np.exp(logs - logs.max())
    log_evidence = float(logs.max() + np.log(heights.sum()))
    log_null = float(sum(grid.log_null for grid in grids))
    return replace(grids[0], mass=heights / heights.sum(), log_evidence=log_evidence, log_null=log_null)


def exact_suspiciousness(exact: Mapping[str, GridPosterior]) -> float:
    """ln S = ln R - (D_A + D_B - D_AB) with D = <ln L> - ln Z, from posteriors on grids (arXiv:1902.04029).

    Args:
        exact: of reactors, gallium and all together.
    """
    # the evidences of R and of the D cancel: what is left are means of ln L
    mean = {side: float(np.sum(grid.mass * _finite(grid.log_likelihood))) for side, grid in exact.items()}
    return mean["all"] - mean["reactors"] - mean[GALLIUM]


def _finite(logs: Float[np.ndarray, "*cells"]) -> Float[np.ndarray, "*cells"]:
    """Logarithms with 0 in place of -inf, where the mass is 0 as well."""
    return np.where(np.isfinite(logs), logs, 0.0)


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
