"""Parameter goodness of fit: whether parts of a joint likelihood agree on the parameters that they share."""

from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from wilks._base.errors import FitFailed, InvalidOption
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint, as_simulator
from wilks.parameters.space import ParameterSpace
from wilks.results.hypotheses import HypothesisTest

from .calibration import AbstractCalibration, Asymptotic, ByToys
from .fitting import fit
from .goodness import conditioned
from .ladder import Climbed
from .lanes import saturated_lanes
from .minimisers import TOY_TOLERANCE, AbstractMinimiser
from .multistart import Multistart
from .probabilities import chi2_tail, significance
from .problem import Clock, Problem, judged, pose
from .profiles import conditional
from .shared_planes import SharedPlane
from .statistics import AbstractStatistic
from .tails import ToyTail, insist, tail_of
from .toys import pose_study, throw


class PartsGap(AbstractStatistic):
    """Twice the nll of the joint fit minus those of the fits of its parts.

    Args:
        starts: other points from which fits of toys start besides where they were thrown, in the order of the joint.
    """

    starts: Float[np.ndarray, "starts parameters"]

    @property
    def name(self) -> str:
        """``"pg"``."""
        return "pg"

    def measure(self, problem: Problem, ends: Climbed) -> Float[np.ndarray, " lanes"]:
        """The gap of every lane; NaN where a fit failed."""
        joint = problem.likelihood
        assert isinstance(joint, Joint)
        total = _lowest(problem, [ends.theta, *(np.broadcast_to(s, ends.theta.shape) for s in self.starts)])
        for name, part in joint.parts.items():
            where = list(problem.space.indices(part.space.names))
            space = ParameterSpace(tuple(problem.space.parameters[i] for i in where))
            own = judged(part, problem.data[name], space, problem.minimiser, tolerance=TOY_TOLERANCE)
            starts = [
                ends.theta[:, where],
                *(np.broadcast_to(s[where], (len(ends.theta), len(where))) for s in self.starts),
            ]
            total = total - _lowest(own._replace(batch=problem.batch), starts)
        return np.maximum(2 * total, 0.0)


def compatibility(
    joint: Joint,
    data: Any,
    *,
    calibration: AbstractCalibration | None = None,
    start: Multistart | None = None,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> HypothesisTest:
    """p-value of the parts of a joint likelihood agreeing: chi2_min(joint) - sum of chi2_min(part).

    The asymptotic law is a chi-square whose degrees of freedom are the free parameters of all parts, counted part by
    part, minus those of the joint. A joint of signals tabulated on one grid is searched node by node; other fits start
    from the usual place and from each other's minima.

    Args:
        joint: parts that share parameters.
        data: of all parts.
        calibration: `Asymptotic`, or `ByToys` thrown at the best fit of the joint.
        start: many starts instead, where likelihoods have several minima.
        space: as for `fit`, of the joint.
        minimiser: as for `fit`.

    Raises:
        InvalidOption: if the joint has one part only, or its parts share no free parameter.
        FitFailed: if a fit finds no minimum.
        TooManyFailures: if more than 1 % of the toys fail.

    References:
        M. Maltoni and T. Schwetz, Phys. Rev. D 68 (2003) 033020, hep-ph/0304176, eqs. 8 to 10.
    """
    clock = Clock.start()
    calibration = calibration or Asymptotic()
    problem = pose(joint, data, space, minimiser)
    dof = _degrees(joint, problem.space)
    shared = SharedPlane.of(joint)
    toys = calibration if isinstance(calibration, ByToys) else None
    if shared is not None:
        observed, values, counted = _on_plane(problem, shared, toys)
        kind = "minima over the nodes of a common grid"
    else:
        gap = _gap(problem, start)
        observed, values = gap.value, gap.values
        counted = None if toys is None else _toys(problem, gap, toys)
        kind = "each toy refitted, jointly and part by part"
    if counted is not None:
        insist(counted, "compatibility")
    p_asymptotic = chi2_tail(observed, dof)
    p_value = p_asymptotic if counted is None else counted.p_value
    parts = ", ".join(f"{name} {2 * value:.2f}" for name, value in values.items())
    law = f"chi2 with {dof} dof" if counted is None else f"{counted.n} toys at the joint best fit, {kind}"
    return HypothesisTest(
        statistic="pg", observed=observed, p_value=p_value,
        p_interval=None if counted is None else counted.interval,
        p_interval_95=None if counted is None else counted.interval_95,
        p_low=None if counted is None else counted.low, p_high=None if counted is None else counted.high,
        z=None if p_value is None else significance(p_value), n=0 if counted is None else counted.n,
        exceedances=0 if counted is None else counted.exceedances, ties=0 if counted is None else counted.ties,
        failed=0 if counted is None else counted.failed, p_asymptotic=p_asymptotic,
        z_asymptotic=significance(p_asymptotic),
        how=f"parameter goodness of fit of {len(joint.parts)} parts, {dof} dof; 2 nll above each part's own minimum: "
        f"{parts}; {law}",
        provenance=clock.provenance(problem, "compatibility", seed=calibration.settings()["seed"],
                                    settings={"dof": dof, "toys": calibration.settings()["toys"]}),
    )  # fmt: skip


class _Gap(NamedTuple):
    """The observed gap, each part's share in units of nll, and where the joint fit ended."""

    value: float
    values: dict[str, float]
    theta: Float[np.ndarray, " parameters"]
    starts: Float[np.ndarray, "starts parameters"]


def _gap(problem: Problem, start: Multistart | None) -> _Gap:
    """Fits of all parts and of the joint, each also from where the others ended."""
    joint = problem.likelihood
    assert isinstance(joint, Joint)
    first = _fit(problem, joint, problem.data, problem.space, [start])
    starts, lowest = [], {}
    for name, part in joint.parts.items():
        where = list(problem.space.indices(part.space.names))
        space = ParameterSpace(tuple(problem.space.parameters[i] for i in where))
        there = dict(zip(space.names, first.theta[where].tolist(), strict=True))
        found = _fit(problem, part, problem.data[name], space, [start, there])
        lowest[name] = found.nll
        moved = first.theta.copy()
        moved[where] = found.theta
        starts.append(moved)
    again = [dict(zip(problem.space.names, s.tolist(), strict=True)) for s in starts]
    best = min([first, _fit(problem, joint, problem.data, problem.space, again)], key=lambda f: f.nll)
    values = _shares(joint, best.theta, problem, lowest)
    return _Gap(max(2 * (best.nll - sum(lowest.values())), 0.0), values, best.theta, np.array(starts))


def _shares(joint: Joint, theta: np.ndarray, problem: Problem, lowest: dict[str, float]) -> dict[str, float]:
    named = problem.space.unpack(theta)
    return {
        name: float(-part.log_prob(joint.values_of(name, named), problem.data[name])) - lowest[name]
        for name, part in joint.parts.items()
    }


def _fit(problem: Problem, likelihood: AbstractLikelihood, data: Any, space: ParameterSpace, starts: list[Any]) -> Any:
    found = [fit(likelihood, data, start=s, space=space, minimiser=problem.minimiser, throw=False) for s in starts]
    sound = [f for f in found if f.status.converged or f.status.word == "not_pd"]
    if not sound:
        raise FitFailed(f"no fit of {', '.join(space.names)} finds a minimum: {found[0].cause}", found[0])
    return min(sound, key=lambda f: f.nll)


def _toys(problem: Problem, gap: _Gap, calibration: ByToys) -> ToyTail:
    values = problem.space.unpack(gap.theta)
    simulator = as_simulator(problem.likelihood if calibration.simulator is None else calibration.simulator)
    study = pose_study(
        calibration.key, conditioned(simulator, values, problem.data), problem.likelihood, values,
        PartsGap(gap.starts), space=problem.space, minimiser=problem.minimiser,
    )  # fmt: skip
    thrown = throw(study, calibration.toys, executor=calibration.executor, progress=calibration.progress)
    return tail_of(thrown["t"], gap.value)


def _lowest(problem: Problem, starts: list[np.ndarray]) -> Float[np.ndarray, " lanes"]:
    """-ln L of the lowest of several fits per lane; NaN where all fail."""
    nobody = np.zeros(starts[0].shape, dtype=bool)
    found = np.full(len(starts[0]), np.inf)
    for start in starts:
        ends = conditional(problem, problem.data, np.array(start), nobody)
        found = np.minimum(found, np.where(ends.status <= 3, ends.value, np.inf))
    nll = found - saturated_lanes(problem.likelihood, problem.data, batch=problem.batch)
    return np.where(np.isfinite(found), nll, np.nan)


def _degrees(joint: Joint, space: ParameterSpace) -> int:
    """Free parameters of the parts, counted part by part, minus those of the joint."""
    if len(joint.parts) < 2:
        raise InvalidOption("compatibility compares parts of a joint; this one has a single part")
    used = [[n for n in part.space.names if space[n].is_free] for part in joint.parts.values()]
    dof = sum(len(names) for names in used) - len({n for names in used for n in names})
    if dof < 1:
        raise InvalidOption("the parts of this joint share no free parameter; there is nothing to disagree about")
    return dof


def _on_plane(
    problem: Problem, shared: SharedPlane, calibration: ByToys | None
) -> tuple[float, dict[str, float], ToyTail | None]:
    """The gap from the nodes of a common grid, and that of toys at the joint best node."""
    found = shared.gap(problem.data)
    if calibration is None:
        return found.value, found.values, None
    toys = shared.toys(found.node, problem.data, calibration, problem.identity.model)
    return found.value, found.values, tail_of(toys, found.value)
