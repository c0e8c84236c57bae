"""Confidence sets of neural statistics with learned critical values, and the coverage that they have."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption
from wilks._base.typing import Key, Values
from wilks.execution.keys import as_seed
from wilks.execution.progress import Progress
from wilks.inference.probabilities import clopper_pearson
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractSimulator
from wilks.likelihood.signal_grids import SignalGrid
from wilks.parameters.space import ParameterSpace
from wilks.results.confidence import ConfidenceSet, CoverageMap

from .critical_curves import CriticalValues, throw_statistics
from .neural_statistics import AbstractNeuralStatistic
from .points import Points, prior_quantiles
from .records import record
from .smooth_rates import smooth_rate

_ROUNDING = 1e-9

Grid = SignalGrid | Mapping[str, Float[np.ndarray, " _"]]
"""Nodes of a plane, or values per parameter."""


def confidence_set(
    statistic: AbstractNeuralStatistic,
    critical: CriticalValues,
    data: Any,
    *,
    grid: Grid,
    level: float | None = None,
) -> ConfidenceSet:
    """Points theta of a grid with T(theta; x) <= c(theta).

    Args:
        statistic: T(theta; x).
        critical: its critical values.
        data: observed data.
        grid: values of every free parameter.
        level: one of the trained levels; may be left out if there is only one.

    Returns:
        The set; with `RatioStatistic` it is never empty on a grid that holds the best point, with others it may be,
        and then says so.
    """
    clock = Clock.start()
    axes = _axes(grid, statistic.space)
    theta = _nodes(axes, statistic.space)
    shape = tuple(len(axis) for axis in axes.values())
    t = statistic.curve(theta, data).reshape(shape)
    c = critical.at(_columns(theta, statistic.space, critical.space), level).reshape(shape)
    inside = t <= c
    place = np.unravel_index(int(np.argmin(t)), shape)
    ends = _open_ends(tuple(axes), inside, statistic.space, axes)
    return ConfidenceSet(
        names=tuple(axes),
        units=tuple(statistic.space[name].unit for name in axes),
        level=critical.levels[0] if level is None else level,
        axes=tuple(axes.values()),
        statistic=t,
        critical=c,
        inside=inside,
        best=tuple(float(axis[i]) for axis, i in zip(axes.values(), place, strict=True)),
        open_ends=ends,
        flags={**critical.flags, **_set_flags(inside, ends)},
        how=f"{type(statistic).__name__} against critical values learned from {critical.toys} toys",
        provenance=record(clock, "confidence_set", data=data, level=level),
    )


def coverage_map(
    key: Key | int,
    statistic: AbstractNeuralStatistic,
    critical: CriticalValues,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    *,
    n: int = 20_000,
    level: float | None = None,
    points: Sequence[Values] = (),
    toys: int = 1000,
    executor: Any = None,
    progress: Progress | None = None,
) -> CoverageMap:
    """Measure how often T <= c at fresh truths: smoothly over the prior, and at chosen points with toys of their own.

    Args:
        key: random key or seed; take another one than for the critical values.
        statistic: T(theta; x).
        critical: its critical values.
        simulator: makes one set of data per truth.
        space: parameters with priors.
        n: number of truths.
        level: one of the trained levels; may be left out if there is only one.
        points: chosen points.
        toys: toys at each chosen point.
        executor: None, a number of processes, an executor, or a Dask client.
        progress: called with (done, total, failed, seconds), counted in truths.
    """
    clock = Clock.start()
    if n < 100 or toys < 1:
        raise InvalidOption(f"{n} truths and {toys} toys per point; ask for at least 100 and 1")
    if critical.provenance.seed == as_seed(key):
        raise InvalidOption(f"key {as_seed(key)} made the critical values; coverage needs toys of another key")
    theta, t = throw_statistics(key, statistic, simulator, space, n, executor=executor, progress=progress)
    covered = t <= critical.at(_columns(theta, space, critical.space), level)
    fitted, error = smooth_rate(prior_quantiles(space, theta), covered)
    chosen = np.array([np.asarray(space.pack(p), float) for p in points]).reshape(len(points), len(space))
    counts = [_covered_at(key, i, statistic, critical, simulator, space, p, toys, level) for i, p in enumerate(chosen)]
    ends = np.array([clopper_pearson(k, toys) for k in counts]).reshape(-1, 2)
    nominal = critical.levels[0] if level is None else level
    sigma = (nominal * (1 - nominal) / n) ** 0.5
    pull = (float(covered.mean()) - nominal) / sigma
    ok = abs(pull) < 3.0
    verdict = f"average coverage {100 * covered.mean():.2f} %, {pull:+.1f} binomial errors from {100 * nominal:g} %"
    return CoverageMap(
        names=space.names,
        level=nominal,
        theta=theta,
        covered=covered,
        fitted=fitted,
        error=error,
        points=chosen,
        point_toys=np.full(len(counts), toys),
        point_covered=np.array(counts, dtype=int),
        point_lower=ends[:, 0],
        point_upper=ends[:, 1],
        ok=ok,
        verdict=verdict,
        flags={} if ok else {"miscovers": verdict},
        how=f"{n} truths from the prior, one toy each" + (f"; {toys} toys at each chosen point" if counts else ""),
        provenance=record(clock, "coverage_map", key=key, model=simulator, n=n, level=nominal),
    )


def _covered_at(
    key: Key | int,
    i: int,
    statistic: AbstractNeuralStatistic,
    critical: CriticalValues,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    point: np.ndarray,
    toys: int,
    level: float | None,
) -> int:
    seed = (as_seed(key) + 1 + i) % 2**64
    theta, t = throw_statistics(seed, statistic, simulator, space, toys, at=point)
    return int((t <= critical.at(_columns(theta, space, critical.space), level)).sum())


def _axes(grid: Grid, space: ParameterSpace) -> dict[str, np.ndarray]:
    if isinstance(grid, SignalGrid):
        found = dict(zip(grid.names, (np.asarray(grid.amplitudes), np.asarray(grid.shapes)), strict=True))
    else:
        found = {name: np.asarray(axis, dtype=float) for name, axis in grid.items()}
    if set(found) != set(space.free):
        raise InvalidOption(
            f"the grid has the axes {', '.join(found)}, the statistic the free parameters {', '.join(space.free)}; "
            "test all of them, or train the network with targets="
        )
    for name, axis in found.items():
        if axis.ndim != 1 or len(axis) < 2 or not (np.diff(axis) > 0).all():
            raise InvalidOption(f"axis {name!r} is {axis.tolist()[:3]}...; expected two or more increasing values")
        slack = _ROUNDING * float(np.abs(axis).max())  # of evenly spaced logarithms
        if axis[0] < space[name].lower - slack or axis[-1] > space[name].upper + slack:
            raise InvalidOption(
                f"axis {name!r} runs from {axis[0]:g} to {axis[-1]:g}; toys lie in "
                f"[{space[name].lower:g}, {space[name].upper:g}]"
            )
    return found


def _nodes(axes: Mapping[str, np.ndarray], space: ParameterSpace) -> Points:
    meshes = np.meshgrid(*axes.values(), indexing="ij")
    theta = np.tile(space.starts, (meshes[0].size, 1))
    for name, mesh in zip(axes, meshes, strict=True):
        theta[:, space.index(name)] = mesh.ravel()
    return theta


def _columns(theta: Points, mine: ParameterSpace, theirs: ParameterSpace) -> Points:
    missing = [name for name in theirs.names if name not in mine]
    if missing:
        raise InvalidData(f"the critical values need {', '.join(missing)}, which the statistic does not know")
    return theta[:, list(mine.indices(theirs.names))]


def _open_ends(
    names: tuple[str, ...], inside: np.ndarray, space: ParameterSpace, axes: Mapping[str, np.ndarray]
) -> tuple[str, ...]:
    """Ends of the grid that lie inside the set without being a bound of the parameter."""
    found = []
    for i, name in enumerate(names):
        edge = np.moveaxis(inside, i, 0)
        if edge[0].any() and axes[name][0] > space[name].lower:
            found.append(f"{name} lower")
        if edge[-1].any() and axes[name][-1] < space[name].upper:
            found.append(f"{name} upper")
    return tuple(found)


def _set_flags(inside: np.ndarray, ends: tuple[str, ...]) -> dict[str, str]:
    flags = {} if inside.any() else {"empty": "no point of the grid is in the set"}
    if ends:
        flags["open"] = f"the set reaches the end of the grid: {', '.join(ends)}"
    return flags
