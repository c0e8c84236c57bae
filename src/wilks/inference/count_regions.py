"""Feldman-Cousins regions of tabulated counts: every toy compared with all nodes, or all amplitudes of all shapes."""

from dataclasses import dataclass
from typing import NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float, Float32, Int

from wilks._base.draws import poisson_quantile
from wilks._base.errors import InvalidOption
from wilks.likelihood.count_signals import AbstractCountTable, GridCountTable, LinearCountTable
from wilks.results.regions import Region

from .calibration import ByToys
from .problem import Clock, Problem
from .regions import COARSE, TOO_COARSE, Axes, as_region, toys_text
from .toy_maps import AbstractToyStatistic, drawer, toy_map

_STEPS = 8  # of Newton's method for the amplitude at each shape; it starts from weighted least squares
_BLOCK = 64  # toys at a time

Counts = Float[np.ndarray, "toys bins"]


class Lines(NamedTuple):
    """Expected counts b + s A at each shape, s within bounds."""

    background: Float[np.ndarray, " bins"]
    slopes: Float[np.ndarray, "shapes bins"]
    lower: float
    upper: float


@dataclass(frozen=True)
class CountToys(AbstractToyStatistic):
    """Likelihood ratios of toys of counts: T = 2 max(0, max of ln L over candidates - ln L at the tested point)."""

    tested: Float[np.ndarray, "points bins"]
    nodes: Float[np.ndarray, "candidates bins"] | None
    lines: Lines | None

    @property
    def cells(self) -> int:
        """One number per bin."""
        return self.tested.shape[1]

    def measure(
        self, points: Int[np.ndarray, " some"], uniform: Float[np.ndarray, "toys cells"]
    ) -> Float32[np.ndarray, "some toys"]:
        """T of every toy at each of some points."""
        found = [self.ratios(np.asarray(_draw(uniform, self.tested[t])), self.tested[t]) for t in points]
        return np.stack(found).astype(np.float32)

    def ratios(self, counts: Counts, mean: Float[np.ndarray, " bins"]) -> Float[np.ndarray, " toys"]:
        """T of counts at one tested point."""
        blocks = [counts[i : i + _BLOCK] for i in range(0, len(counts), _BLOCK)]
        if self.lines is not None:
            return np.concatenate([_against_lines(n, mean, self.lines)[0] for n in blocks])
        assert self.nodes is not None
        gains = np.log(self.nodes / mean).T, np.sum(self.nodes - mean, axis=1)
        return np.concatenate([2 * np.maximum((n @ gains[0] - gains[1]).max(axis=1), 0.0) for n in blocks])


def count_region(
    problem: Problem,
    clock: Clock,
    table: AbstractCountTable,
    names: tuple[str, str],
    level: float,
    calibration: ByToys,
    grid: Axes | None,
) -> Region:
    """The region of tabulated counts.

    References:
        G. J. Feldman and R. D. Cousins, Phys. Rev. D 57 (1998) 3873, section V.
    """
    if tuple(names) != table.grid.names:
        raise InvalidOption(f"these counts are tabulated in {', '.join(table.grid.names)}, not in {', '.join(names)}")
    phase = table.grid.phase_step
    if phase is not None and phase > TOO_COARSE:
        raise InvalidOption(
            f"the phase changes by up to {phase:.2g} rad between shapes, more than pi/4; take more nodes"
        )
    axes = (table.grid.amplitudes, table.grid.shapes) if grid is None else grid
    tested = _means(table, *(m.ravel() for m in np.meshgrid(*axes, indexing="ij")))
    toys, candidates = _toys(table, tested)
    counts = np.asarray(problem.data.counts, dtype=float)[None]
    observed = np.array([toys.ratios(counts, mean)[0] for mean in tested])
    draw = drawer(toys, {"task": "feldman-cousins", "signal": problem.identity.model}, calibration)
    shape = (len(axes[0]), len(axes[1]))
    found = toy_map(draw, observed.reshape(shape), level, calibration)
    best = _best(counts, toys, candidates, table)
    flags = {}
    if phase is not None and phase > COARSE:
        flags["grid_too_coarse"] = f"the phase changes by up to {phase:.2g} rad between shapes; take more nodes"
    if best[1] in (table.grid.shapes[0], table.grid.shapes[-1]):
        flags["minimum_at_grid_edge"] = f"the best {names[1]} = {best[1]:.4g} lies at the edge of the grid"
    if best[0] in (table.space.lowers[0], table.space.uppers[0]):
        flags["at_bound"] = f"the best {names[0]} = {best[0]:.4g} lies on a bound"
    kind = "the nodes of the plane" if toys.lines is None else "all amplitudes of all shapes"
    how = f"{toys_text(calibration)}, counts drawn; each toy's best fit is sought among {kind}"
    return as_region(
        names, level, axes, observed, found, best, flags, how,
        clock.provenance(problem, "contour", seed=calibration.settings()["seed"],
                         settings={"names": list(names), "level": level, "method": "feldman-cousins",
                                   "toys": calibration.toys}),
    )  # fmt: skip


class _Places(NamedTuple):
    """Where the candidates lie: amplitudes of nodes, none for lines; and shapes."""

    amplitudes: Float[np.ndarray, " candidates"] | None
    shapes: Float[np.ndarray, " candidates"]


def _toys(table: AbstractCountTable, tested: Float[np.ndarray, "points bins"]) -> tuple[CountToys, _Places]:
    shapes = table.grid.shapes
    if isinstance(table, LinearCountTable):
        lines = Lines(table.background, table.slopes, float(table.space.lowers[0]), float(table.space.uppers[0]))
        return CountToys(tested, None, lines), _Places(None, shapes)
    assert isinstance(table, GridCountTable)
    columns = np.asarray(table.table.amplitudes.nodes)
    nodes = table.table.values.reshape(-1, tested.shape[1])
    return CountToys(tested, nodes, None), _Places(np.repeat(columns, len(shapes)), np.tile(shapes, len(columns)))


def _best(counts: Counts, toys: CountToys, places: _Places, table: AbstractCountTable) -> tuple[float, float]:
    if toys.lines is not None:
        _, amplitude, k = _against_lines(counts, toys.lines.background, toys.lines)
        return float(amplitude[0]), float(places.shapes[k[0]])
    assert toys.nodes is not None
    assert places.amplitudes is not None
    best = int(np.argmax(np.log(toys.nodes) @ counts[0] - toys.nodes.sum(axis=1)))
    return float(places.amplitudes[best]), float(places.shapes[best])


def _against_lines(
    counts: Counts, mean: Float[np.ndarray, " bins"], lines: Lines
) -> tuple[Float[np.ndarray, " toys"], Float[np.ndarray, " toys"], Int[np.ndarray, " toys"]]:
    """T against the best amplitude at each shape, where it lies, and at which shape.

    ln L is concave in s, and Newton's method on sum A (n/(b + s A) - 1) needs few steps.
    """
    b, a = lines.background, lines.slopes
    weighted = a / b
    s = (counts - b) @ weighted.T / np.sum(weighted * a, axis=1)
    total, a_squared = a.sum(axis=1), a**2
    for _ in range(_STEPS):
        s = np.clip(s, lines.lower, lines.upper)
        share = counts[:, None, :] / (b + s[:, :, None] * a)  # n/mu
        slope = np.einsum("ikb,kb->ik", share, a) - total
        curve = np.einsum("ikb,kb->ik", share / (b + s[:, :, None] * a), a_squared)
        s = s + np.divide(slope, curve, out=np.where(slope > 0, np.inf, -np.inf), where=curve > 0)
    s = np.clip(s, lines.lower, lines.upper)
    mu = b + s[:, :, None] * a
    gain = np.einsum("ib,ikb->ik", counts, np.log(mu / mean)) - np.sum(mu - mean, axis=2)
    k = np.argmax(gain, axis=1)
    rows = np.arange(len(counts))
    return 2 * np.maximum(gain[rows, k], 0.0), s[rows, k], k


def _means(table: AbstractCountTable, amplitudes: np.ndarray, shapes: np.ndarray) -> Float[np.ndarray, "points bins"]:
    return np.asarray(_tabulated(table, amplitudes, shapes))


@eqx.filter_jit
def _tabulated(table, amplitudes, shapes):
    return jax.lax.map(lambda p: table.at(p[0], p[1]), (amplitudes, shapes), batch_size=64)


@eqx.filter_jit
def _draw(uniform, mean):
    return jax.vmap(lambda u: poisson_quantile(u, mean))(uniform)
