"""Regions of two parameters by the construction of Feldman and Cousins, every toy compared with its own best fit."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Int

from wilks._base.errors import InvalidOption
from wilks.likelihood.signals import AbstractSignal, GridSignal
from wilks.results.intervals import Contour
from wilks.results.regions import Region

from .belts import toy_ratios
from .calibration import AbstractCalibration, ByToys
from .outlines import on_edge, open_sides, outlines
from .probabilities import threshold
from .problem import Clock, Problem
from .signal_planes import Candidates, Points, SignalPlane, plane_of
from .toy_maps import FIRST, AbstractToyStatistic, ToyMap, drawer, normals, toy_map

COARSE, TOO_COARSE = math.pi / 8, math.pi / 4
"""Phase steps of a grid in rad above which results are flagged, and above which there are none."""

_DISTANT = 2.0  # sigma between neighbouring shapes above which best fits between them are missed

Axes = tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " rows"]]


@dataclass(frozen=True)
class SignalToys(AbstractToyStatistic):
    """Likelihood ratios of toys of a signal."""

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
        return toy_ratios(self.candidates, self.tested.some(points), normals(uniform))


def signal_region(
    problem: Problem,
    clock: Clock,
    signal: AbstractSignal,
    names: tuple[str, str],
    level: float,
    calibration: ByToys,
    grid: Axes | None,
) -> Region:
    """The region of a signal: exact, as every toy finds its best fit among all candidates.

    References:
        G. J. Feldman and R. D. Cousins, Phys. Rev. D 57 (1998) 3873, section V.
    """
    phase = signal.grid.phase_step
    if phase is not None and phase > TOO_COARSE:
        raise InvalidOption(
            f"the phase changes by up to {phase:.2g} rad between neighbouring values of {names[1]}; toys need less "
            "than pi/4: take more nodes"
        )
    axes = (signal.grid.amplitudes, signal.grid.shapes) if grid is None else grid
    plane = plane_of(signal, names, axes)
    tested = plane.at(*(m.ravel() for m in np.meshgrid(*axes, indexing="ij")))
    (x,) = plane.vectors(problem.data)
    observed, best = observed_ratios(plane, tested, x)
    toys = SignalToys(plane.candidates, thrown_at(tested, x))
    draw = drawer(toys, {"task": "feldman-cousins", "signal": problem.identity.model}, calibration)
    shape = (len(axes[0]), len(axes[1]))
    found = toy_map(draw, observed.reshape(shape), level, calibration)
    kind = "the nodes of the plane" if isinstance(signal, GridSignal) else "all amplitudes of all shapes"
    flags = {**plane.flags, **plane_flags(signal, best), **_spacing(plane, axes, found, observed)}
    how = (
        f"{toys_text(calibration)}; each toy's best fit is sought among "
        f"{kind}, nuisances at their best values for the data and profiled in closed form"
    )
    return as_region(
        names, level, axes, observed, found, best, flags, how,
        clock.provenance(problem, "contour", seed=calibration.settings()["seed"],
                         settings={"names": list(names), "level": level, "method": "feldman-cousins",
                                   "toys": calibration.toys}),
    )  # fmt: skip


def signal_contour(
    problem: Problem, clock: Clock, signal: AbstractSignal, names: tuple[str, str], level: float, dof: int
) -> Contour:
    """The curve on which the profile of a signal meets a chi-square quantile, from all nodes of its plane."""
    plane = plane_of(signal, names)
    axes = (signal.grid.amplitudes, signal.grid.shapes)
    (x,) = plane.vectors(problem.data)
    observed, best = observed_ratios(plane, plane.nodes(), x)
    height = np.sqrt(observed.reshape(len(axes[0]), len(axes[1]))) - math.sqrt(threshold(level, dof))
    pieces = outlines(*axes, height)
    flags = {**plane.flags, **plane_flags(signal, best)}
    if sides := open_sides(height <= 0, names):
        flags["open_contour"] = f"the region reaches {' and '.join(sides)} of the plane"
    return Contour(
        names=names,
        level=level,
        dof=dof,
        threshold=threshold(level, dof),
        pieces=pieces,
        at_bound=tuple(on_edge(piece, *axes) for piece in pieces),
        best=best,
        flags=flags,
        how=f"2 delta nll on the nodes of a plane at the chi-square quantile of {dof} degrees of freedom (asymptotic)",
        provenance=clock.provenance(problem, "contour", settings={"names": list(names), "level": level, "dof": dof}),
    )


def toys_text(calibration: ByToys) -> str:
    """How many toys are thrown, in words."""
    if calibration.everywhere or calibration.toys <= FIRST:
        return f"{calibration.toys} toys at each node"
    return f"{FIRST} toys at each node, {calibration.toys} where they decide"


def by_toys(calibration: AbstractCalibration | None, method: str) -> ByToys:
    """The toys that a method needs.

    Raises:
        InvalidOption: if there are none.
    """
    if not isinstance(calibration, ByToys):
        raise InvalidOption(f"method {method!r} is calibrated by toys; give calibration=ByToys(seed, number)")
    return calibration


def observed_ratios(
    plane: SignalPlane, tested: Points, x: Float[np.ndarray, " cells"]
) -> tuple[Float[np.ndarray, " points"], tuple[float, float]]:
    """T of the data at each tested point, the point itself among the candidates; and the best fit."""
    own = plane.chi2(tested, x[None])[0]
    lowest = plane.lowest(x[None])
    return np.maximum(own - lowest.chi2[0], 0.0), (float(lowest.amplitude[0]), float(lowest.shape[0]))


def thrown_at(tested: Points, x: Float[np.ndarray, " cells"]) -> Points:
    """The tested points with the means of their toys: nuisances at their best values for the data."""
    if tested.tilts is None:
        return tested
    swing = np.einsum("trc,tc->tr", tested.tilts, x - tested.means)
    return tested._replace(means=tested.means + np.einsum("trc,tr->tc", tested.tilts, swing))


def plane_flags(signal: AbstractSignal, best: tuple[float, float]) -> dict[str, str]:
    """What must be known of a signal's grid, and of where its best fit lies."""
    grid, space = signal.grid, signal.space
    flags = {}
    if grid.phase_step is not None and grid.phase_step > COARSE:
        flags["grid_too_coarse"] = (
            f"the phase changes by up to {grid.phase_step:.2g} rad between neighbouring values of {grid.names[1]}; "
            "take more nodes, so that it stays below pi/8"
        )
    if best[1] in (grid.shapes[0], grid.shapes[-1]):
        flags["minimum_at_grid_edge"] = f"the best {grid.names[1]} = {best[1]:.4g} lies at the edge of the grid"
    if np.isclose(best[0], (space.lowers[0], space.uppers[0]), rtol=0.0, atol=1e-9).any():
        flags["at_bound"] = f"the best {grid.names[0]} = {best[0]:.4g} lies on a bound"
    return flags


def _spacing(plane: SignalPlane, axes: Axes, found: ToyMap, observed: Float[np.ndarray, " points"]) -> dict[str, str]:
    """A flag if neighbouring shapes inside the region are too different, as none between them is tried as best fit."""
    inside = np.flatnonzero(observed <= found.critical)
    if not inside.size:
        return {}
    columns, rows = np.divmod(inside, len(axes[1]))
    here, places = axes[1][rows], np.searchsorted(plane.shapes, axes[1][rows])
    there = plane.shapes[np.where(places + 1 < len(plane.shapes), places + 1, places - 1)]
    gaps = plane.at(axes[0][columns], here).means - plane.at(axes[0][columns], there).means
    distance = float(np.median(np.sqrt(np.sum(gaps**2, axis=1))))
    if distance <= _DISTANT:
        return {}
    return {
        "coarse_shapes": f"inside the region neighbouring values of {plane.signal.grid.names[1]} differ by "
        f"{distance:.2g} sigma, and none between them is tried as a best fit; take more nodes"
    }


def as_region(
    names: tuple[str, str],
    level: float,
    axes: Axes,
    observed: Float[np.ndarray, " points"],
    found: ToyMap,
    best: tuple[float, float],
    flags: dict[str, str],
    how: str,
    provenance: Any,
) -> Region:
    """The result of a map of toys."""
    shape = (len(axes[0]), len(axes[1]))
    t, critical = observed.reshape(shape), found.critical.reshape(shape)
    pieces = outlines(*axes, np.sqrt(t) - np.sqrt(critical))
    if sides := open_sides(t <= critical, names):
        flags = {**flags, "open_region": f"the region reaches {' and '.join(sides)} of the plane"}
    if not np.isfinite(critical).all():
        flags = {**flags, "too_few_toys": f"{int(found.toys.min())} toys cannot exclude a point at this level"}
    if found.failed.any():
        flags = {**flags, "failed_toys": f"{int(found.failed.sum())} toys have no trustworthy fit; they are left out"}
    return Region(
        names=names, level=level, x=axes[0], y=axes[1], t=t, critical=critical,
        critical_error=found.critical_error.reshape(shape), p_value=found.p_value.reshape(shape),
        p_lower=found.p_lower.reshape(shape), p_upper=found.p_upper.reshape(shape),
        toys=found.toys.reshape(shape), failed=found.failed.reshape(shape), threshold=threshold(level, 2), best=best,
        pieces=pieces, at_edge=tuple(on_edge(piece, *axes) for piece in pieces), flags=flags, how=how,
        provenance=provenance,
    )  # fmt: skip
