"""Raster scans: intervals of the amplitude at each shape, each against the best fit at that shape."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Float32, Int

from wilks._base.errors import check_option
from wilks.likelihood.signals import AbstractSignal, LinearSignal
from wilks.results.regions import Raster

from .belts import toy_ratios
from .calibration import AbstractCalibration, ByToys
from .gaussian_belts import bounded_pieces
from .probabilities import check_level, threshold
from .problem import Clock, pose
from .regions import by_toys, plane_flags, thrown_at
from .signal_planes import Candidates, Points, SignalPlane, of_shapes, plane_of
from .toy_maps import AbstractToyStatistic, critical_value, drawer, normals


@dataclass(frozen=True)
class RasterToys(AbstractToyStatistic):
    """Likelihood ratios of toys against the best fit at the shape where they are thrown."""

    candidates: Candidates
    tested: Points

    @property
    def cells(self) -> int:
        """One number per measured value."""
        return self.tested.means.shape[1]

    def measure(
        self, points: Int[np.ndarray, " some"], uniform: Float[np.ndarray, "toys cells"]
    ) -> Float32[np.ndarray, "some toys"]:
        """T of every toy at each of some points."""
        noise, ratios = normals(uniform), np.empty((len(points), len(uniform)), dtype=np.float32)
        shapes = self.tested.shapes[points]
        for shape in np.unique(shapes):
            which = shapes == shape
            candidates = of_shapes(self.candidates, np.array([shape]))
            ratios[which] = toy_ratios(candidates, self.tested.some(points[which]), noise)
        return ratios


def raster(
    signal: AbstractSignal,
    data: Any,
    *,
    level: float = 0.9,
    method: Literal["feldman-cousins", "profile"] = "feldman-cousins",
    calibration: AbstractCalibration | None = None,
) -> Raster:
    """Interval of the amplitude at every shape of a signal's grid, one degree of freedom each.

    Args:
        signal: a tabulated likelihood.
        data: as for `fit`.
        level: confidence level of each interval.
        method: ``"feldman-cousins"``: in closed form for signals linear in the amplitude, else by toys at its nodes;
            ``"profile"``: where delta chi2 meets the quantile of one degree of freedom.
        calibration: `ByToys`, for signals that are not linear.

    References:
        G. J. Feldman and R. D. Cousins, Phys. Rev. D 57 (1998) 3873, section V.
    """
    clock = Clock.start()
    check_level(level)
    check_option("method", method, ("feldman-cousins", "profile"))
    problem = pose(signal, data)
    plane = plane_of(signal, signal.grid.names)
    (x,) = plane.vectors(problem.data)
    exact = method == "feldman-cousins" and isinstance(signal, LinearSignal)
    overall = plane.lowest(x[None])
    own = [plane.lowest(x[None], signal.grid.shapes[k : k + 1]) for k in range(len(signal.grid.shapes))]
    if exact:
        ends, how = _closed(plane, x, level), "Feldman-Cousins in closed form with both bounds"
    elif method == "profile":
        ends, how = _by_nodes(plane, x, own, threshold(level, 1)), "delta chi2 at the quantile of one dof (asymptotic)"
    else:
        toys = by_toys(calibration, method)
        ends = _by_nodes(plane, x, own, _critical(plane, x, level, toys, problem.identity.model))
        how = f"Feldman-Cousins with {toys.toys} toys at each node, best fits at the same shape"
    lower, upper = ends
    bounds = (float(signal.space.lowers[0]), float(signal.space.uppers[0]))
    seed = calibration.settings()["seed"] if isinstance(calibration, ByToys) else None
    return Raster(
        names=signal.grid.names, level=level, method=method, held=signal.grid.shapes,
        best=np.array([float(o.amplitude[0]) for o in own]), lower=lower, upper=upper,
        lower_open=lower <= bounds[0], upper_open=upper >= bounds[1],
        improvement=np.array([float(o.chi2[0] - overall.chi2[0]) for o in own]),
        flags={**plane.flags, **plane_flags(signal, (float(overall.amplitude[0]), float(overall.shape[0])))},
        how=how, provenance=clock.provenance(problem, "raster", seed=seed, settings={"level": level, "method": method}),
    )  # fmt: skip


Ends = tuple[Float[np.ndarray, " shapes"], Float[np.ndarray, " shapes"]]


def _closed(plane: SignalPlane, x: Float[np.ndarray, " cells"], level: float) -> Ends:
    """Bounded Gaussian intervals: at fixed shape a linear signal is one measurement of its amplitude."""
    candidates = plane.candidates
    assert candidates.steps is not None
    assert candidates.ends is not None
    first, last = candidates.points.amplitudes, candidates.ends
    ends = []
    for start, step, low, high in zip(candidates.points.means, candidates.steps, first, last, strict=True):
        slope = step / (high - low)
        size = float(slope @ slope)
        if size == 0:
            ends.append((float(low), float(high)))
            continue
        measured = low + float(slope @ (x - start)) / size
        pieces = bounded_pieces(measured, sigma=size**-0.5, lower=float(low), upper=float(high), level=level)
        ends.append((pieces[0][0], pieces[-1][1]))
    lower, upper = np.array(ends).T
    return lower, upper


def _columns(plane: SignalPlane) -> Float[np.ndarray, " amplitudes"]:
    """Nodes of the amplitude, its lower bound among them."""
    return np.union1d(plane.signal.space.lowers[:1], plane.signal.grid.amplitudes)


def _tested(plane: SignalPlane) -> Points:
    columns, shapes = _columns(plane), plane.signal.grid.shapes
    return plane.at(np.repeat(columns, len(shapes)), np.tile(shapes, len(columns)))


def _critical(
    plane: SignalPlane, x: Float[np.ndarray, " cells"], level: float, calibration: ByToys, model: str
) -> Float[np.ndarray, "amplitudes shapes"]:
    """Critical value at each node."""
    tested = _tested(plane)
    draw = drawer(RasterToys(plane.candidates, thrown_at(tested, x)), {"task": "raster", "signal": model}, calibration)
    toys = draw(np.arange(len(tested.means)), 0, calibration.toys)
    values = [critical_value(row.astype(float), level)[0] for row in toys]
    return np.array(values).reshape(-1, len(plane.signal.grid.shapes))


def _by_nodes(plane: SignalPlane, x: np.ndarray, own: list[Any], critical: Any) -> Ends:
    """Outermost crossings of delta chi2 and its critical value, straight in their roots between nodes."""
    columns = _columns(plane)
    chi2 = plane.chi2(_tested(plane), x[None])[0].reshape(len(columns), -1)
    t = np.maximum(chi2 - np.array([float(o.chi2[0]) for o in own]), 0.0)
    height = np.sqrt(t) - np.sqrt(np.broadcast_to(critical, t.shape))
    best = np.array([float(o.amplitude[0]) for o in own])
    pairs = [_crossings(columns, height[:, k], best[k]) for k in range(height.shape[1])]
    return np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])


def _crossings(columns: np.ndarray, height: np.ndarray, best: float) -> tuple[float, float]:
    inside = np.flatnonzero(height <= 0)
    if not inside.size:
        return best, best
    first, last = int(inside[0]), int(inside[-1])
    lower = columns[0] if first == 0 else _root(columns, height, first - 1)
    upper = columns[-1] if last == len(columns) - 1 else _root(columns, height, last)
    return float(lower), float(upper)


def _root(columns: np.ndarray, height: np.ndarray, i: int) -> float:
    share = height[i] / (height[i] - height[i + 1])
    return float(columns[i] + share * (columns[i + 1] - columns[i]))
