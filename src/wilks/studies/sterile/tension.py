"""The anomalies of reactors and gallium, and whether they agree: in evidences and in likelihood ratios."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from wilks.inference.calibration import Asymptotic, ByToys
from wilks.inference.compatibility import compatibility
from wilks.inference.null_tests import null_significance
from wilks.inference.sbi.evidence import suspiciousness
from wilks.inference.sbi.grid_posteriors import posterior_on_grid
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.operations.at_data import at_data
from wilks.inference.sbi.operations.ensembles import ensemble
from wilks.inference.sbi.posterior import NeuralPosterior
from wilks.likelihood.joint import Joint
from wilks.physics.oscillation.experiment import Study
from wilks.physics.oscillation.spaces import SINE, SPLITTING
from wilks.results.grid_posteriors import GridPosterior
from wilks.results.weighted import Suspiciousness, WeightedSamples
from wilks.studies.measurement import Findings
from wilks.studies.study import Effort

from .loading import GALLIUM, RATES
from .networks import Networks, Stopwatch, Training, train_small
from .problem import Posed, pose_plane

_MORE = 4  # draws of a joint posterior, in units of those of one: few of them lie where all experiments agree
_CELLS = {SINE: 120, SPLITTING: 300}

MAIN = "main"
"""Name of the experiments that the large networks learn, among those that are joined."""


class Tension(NamedTuple):
    """Exact draws of each side and of all, each from draws of the neural posteriors.

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

    The posterior of several experiments is found among draws of those of each and of the prior, by exact weights.

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
    exact = {side: posterior_on_grid(*_joint(sets, names), _CELLS) for side, names in sides.items()}
    return Tension(weighted, exact, found, trained)


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
    """Draws of the posteriors of some experiments and of the prior, with the exact joint likelihood's weights.

    A product of posteriors that disagree lies in the tails of all of them, where networks are worst.
    """
    proposal = ensemble([at_data(parts[name], sets[name].data) for name in names])
    likelihood, data = _joint(sets, names)
    return reweight(effort.seed + 40, proposal, likelihood, data, _MORE * training.draws, defensive=0.5)


def _joint(sets: Mapping[str, Posed], names: list[str]) -> tuple[Joint, dict[str, Any]]:
    """The exact likelihood of some experiments, and their data."""
    return Joint({name: sets[name].exact for name in names}), {name: sets[name].data for name in names}


def _agreement(sets: Mapping[str, Posed]) -> Any:
    """Parameter goodness of fit of all sets of experiments."""
    return compatibility(Joint({n: p.signal for n, p in sets.items()}), {n: p.data for n, p in sets.items()})


def _law(effort: Effort) -> Any:
    if not effort.toys:
        return Asymptotic()
    return ByToys(effort.seed, effort.toys, executor=effort.executor, progress=effort.progress)
