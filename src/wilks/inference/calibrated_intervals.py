"""Intervals whose threshold is no chi-square quantile: a given critical value, or one that toys calibrate."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption
from wilks.likelihood.joint import as_simulator
from wilks.results.intervals import Interval
from wilks.results.status import Status

from .calibration import ByToys
from .ensembles import Ensembles
from .problem import Clock, Problem
from .roots import falling_roots
from .signals import SignalProfile
from .statistics import ProfileRatio
from .tails import insist, tail_of
from .toy_curves import locate

Critical = Callable[[float], float] | float
"""Threshold of 2 delta nll: a number, or a function of the parameter's value."""

_PRECISION = 1e-7  # of 2 delta nll at an end, relative to the threshold
_NODES = np.array([0.6, 0.8, 1.0, 1.2, 1.5])  # of a side, in units of the asymptotic distance
_SIDES = (-1.0, 1.0)


def critical_interval(problem: Problem, clock: Clock, name: str, level: float, critical: Critical) -> Interval:
    """Where 2 delta nll of the profile meets a critical value, on both sides of the best value."""
    threshold: Callable[[float], float] = critical if callable(critical) else lambda value: float(critical)
    profile = SignalProfile(problem, name, "q")
    best, room = profile.best_value, _room(profile, name)

    def inside(lane: np.ndarray, distance: np.ndarray) -> np.ndarray:
        values = best + np.array(_SIDES)[lane] * distance
        return np.array([float(threshold(float(v))) for v in values]) - profile.t(values)

    at_best = float(threshold(best))
    if not at_best > 0:
        raise InvalidOption(f"the critical value at the best value {best:g} is {at_best:g}; it must be positive")
    reach = np.full(2, np.sqrt(at_best) * profile.sigma)
    zero = np.zeros(2)
    roots = falling_roots(inside, np.minimum(reach, room), zero, np.full(2, at_best), room, _PRECISION * at_best)
    ends = best + np.array(_SIDES) * roots.value
    residuals = tuple(
        np.nan if o else float(profile.t(np.array([v]))[0] - threshold(float(v)))
        for v, o in zip(ends, roots.open_, strict=True)
    )
    how = "ends where the profile of 2 delta nll meets the given critical value"
    return _interval(
        problem, clock, profile, level, at_best, ends, roots.open_, residuals, (0.0, 0.0), {}, how,
        {"critical": "function" if callable(critical) else float(critical)}, None,
    )  # fmt: skip


def toy_interval(problem: Problem, clock: Clock, asymptotic: Interval, calibration: ByToys) -> Interval:
    """Values that toys thrown at them do not find extreme: the likelihood ratio, ordered and calibrated by toys.

    With nuisances profiled this is the construction of Feldman and Cousins; random numbers are shared by all values.
    """
    name, level = asymptotic.name, asymptotic.level
    profile = SignalProfile(problem, name, "q")
    own = calibration.simulator
    toys = Ensembles(
        problem,
        as_simulator(problem.likelihood if own is None else own),
        profile.theta_at,
        lambda value: ProfileRatio({name: value}),
        calibration,
    )
    ends, opened, errors, flags = [], [], [], {}
    for side, reach, room in zip(_SIDES, (asymptotic.minus, asymptotic.plus), _room(profile, name), strict=True):
        distance, error, missed = _end(profile, toys, calibration, side, _reach(profile, reach, level), room, level)
        opened.append(not np.isfinite(distance))
        ends.append(profile.best_value + side * (min(room, distance) if np.isfinite(room) else distance))
        errors.append(error)
        flags.update(missed)
    how = (
        f"values that {calibration.toys} toys or more at each do not find extreme: p > {1 - level:.4g} of the profile "
    )
    how += "likelihood ratio, nuisances at their best values there, auxiliary data fluctuated, each toy refitted"
    return _interval(
        problem, clock, profile, level, asymptotic.threshold, np.array(ends), np.array(opened), (np.nan, np.nan),
        (errors[0], errors[1]), flags, how, {"toys": calibration.toys}, calibration.settings()["seed"],
    )  # fmt: skip


def _end(
    profile: SignalProfile,
    toys: Ensembles,
    calibration: ByToys,
    side: float,
    reach: float,
    room: float,
    level: float,
) -> tuple[float, float, dict[str, str]]:
    """Distance of one end from the best value with its Monte Carlo error, and a flag if that misses its tolerance."""
    if room <= 0:
        return np.inf, 0.0, {}
    rounds = 1
    nodes = np.unique(np.minimum(reach * _NODES, room))

    def confidence(distance: Float[np.ndarray, " points"]) -> tuple[np.ndarray, np.ndarray]:
        values = (profile.best_value + side * distance).tolist()
        toys.throw([(v, (v,)) for v in values], rounds)
        observed = profile.t(np.array(values))
        tails = [tail_of(toys.of(v, v), float(t)) for v, t in zip(values, observed, strict=True)]
        for value, tail in zip(values, tails, strict=True):
            insist(tail, f"toys at {value:g}")
        p = np.array([float(tail.p_value or np.nan) for tail in tails])
        return p, np.sqrt(p * (1 - p) / np.array([max(tail.n, 1) for tail in tails]))

    while True:
        value, error, nodes = locate(confidence, nodes, level, room)
        end = profile.best_value + side * value
        if not np.isfinite(value) or calibration.enough(end, error):
            return value, error, {}
        if 2 * rounds * calibration.toys > calibration.most:
            return (
                value,
                error,
                {"tolerance_missed": f"the Monte Carlo error {error:.2g} of an end misses the tolerance"},
            )
        rounds *= 2


def _reach(profile: SignalProfile, distance: float, level: float) -> float:
    """Asymptotic distance of an end, or one standard deviation where there is none."""
    return distance if np.isfinite(distance) and distance > 0 else profile.sigma


def _room(profile: SignalProfile, name: str) -> Float[np.ndarray, " sides"]:
    """How far each side may go before its bound."""
    p = profile.problem.space[name]
    return np.array([profile.best_value - p.lower, p.upper - profile.best_value])


def _interval(
    problem: Problem,
    clock: Clock,
    profile: SignalProfile,
    level: float,
    threshold: float,
    ends: np.ndarray,
    opened: np.ndarray,
    residuals: Any,
    errors: tuple[float, float],
    flags: dict[str, str],
    how: str,
    settings: dict[str, Any],
    seed: int | None,
) -> Interval:
    p = problem.space.parameters[profile.i]
    lower = p.lower if opened[0] else float(ends[0])
    upper = p.upper if opened[1] else float(ends[1])
    if opened.any():
        which = " and ".join(s for s, o in zip(("lower", "upper"), opened, strict=True) if o)
        flags = {**flags, "open_interval": f"the {which} end of {p.name} is open: the bound comes before the threshold"}
    return Interval(
        name=p.name,
        unit=p.unit,
        level=level,
        method="profile",
        lower=lower,
        upper=upper,
        lower_open=bool(opened[0]),
        upper_open=bool(opened[1]),
        pieces=((lower, upper),),
        threshold=threshold,
        best=profile.best_value,
        residuals=residuals,
        errors=errors,
        status=profile.best.status if profile.best.status.converged else Status.NOT_PD,
        flags={**profile.flags, **flags},
        how=how,
        provenance=clock.provenance(
            problem, "interval", seed=seed, settings={"name": p.name, "level": level, **settings}
        ),
    )
