"""What data without signal would exclude: the critical values of a region applied to toys without signal."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from wilks._base.digests import digest
from wilks._base.errors import InvalidOption
from wilks.likelihood.signals import AbstractSignal
from wilks.results.provenance import Provenance
from wilks.results.regions import Region, Sensitivity

from .belts import toy_ratios
from .calibration import ByToys
from .outlines import outlines
from .problem import Clock
from .signal_planes import Candidates, Points, plane_of
from .toy_maps import AbstractToyStatistic, drawer, normals


@dataclass(frozen=True)
class NullToys(AbstractToyStatistic):
    """Likelihood ratios at all nodes of toys without signal."""

    candidates: Candidates
    null: Points
    nodes: Points

    @property
    def cells(self) -> int:
        """One number per measured value."""
        return self.null.means.shape[1]

    def measure(
        self, points: Int[np.ndarray, " some"], uniform: Float[np.ndarray, "toys cells"]
    ) -> Float32[np.ndarray, "some toys"]:
        """chi2 at each node above the best fit of every toy."""
        noise, nodes = normals(uniform), self.nodes.some(points)
        best = toy_ratios(self.candidates, self.null, noise)[0]
        return np.maximum(best + _above(nodes, self.null, noise), 0.0).astype(np.float32)


def sensitivity(signal: AbstractSignal, region: Region, *, calibration: ByToys) -> Sensitivity:
    """Share of toys without signal that exclude each node of a region's plane, at its critical values.

    Args:
        signal: the tabulated likelihood of the region.
        region: critical values by toys.
        calibration: number of toys without signal, and their seed; it should differ from that of the region.

    Raises:
        InvalidOption: if 0 is outside the bounds of the amplitude.
    """
    clock = Clock.start()
    if signal.space.lowers[0] != 0:
        raise InvalidOption(f"{signal.grid.names[0]} = 0 lies outside the bounds; there are no data without signal")
    plane = plane_of(signal, region.names, (region.x, region.y))
    nodes = plane.at(*(axis.ravel() for axis in np.meshgrid(region.x, region.y, indexing="ij")))
    statistic = NullToys(plane.candidates, plane.null(), nodes)
    model = digest(signal)
    draw = drawer(statistic, {"task": "sensitivity", "signal": model}, calibration)
    toys = draw(np.arange(region.t.size), 0, calibration.toys)
    share = np.mean(toys > region.critical.ravel()[:, None], axis=1).reshape(region.t.shape)
    return Sensitivity(
        names=region.names, level=region.level, x=region.x, y=region.y, share=share, toys=calibration.toys,
        median=outlines(region.x, region.y, 0.5 - share), flags=dict(plane.flags),
        how="toys without signal, nuisances at their reference, judged by the critical values of a region",
        provenance=Provenance.collect(
            seed=calibration.settings()["seed"], model_digest=model, started=clock.started,
            settings={"procedure": "sensitivity", "level": region.level, "toys": calibration.toys},
        ),
    )  # fmt: skip


def _above(nodes: Points, null: Points, noise: np.ndarray) -> Float[np.ndarray, "nodes toys"]:
    """chi2 of toys at nodes minus that without signal."""
    gaps = null.means[0] - nodes.means
    chi2 = 2 * gaps @ noise.T + np.einsum("nc,nc->n", gaps, gaps)[:, None]
    if nodes.tilts is None or null.tilts is None:
        return chi2
    swing = np.einsum("nrc,ic->nri", nodes.tilts, noise) + np.einsum("nrc,nc->nr", nodes.tilts, gaps)[:, :, None]
    own = np.einsum("rc,ic->ri", null.tilts[0], noise)
    return chi2 - np.sum(swing**2, axis=1) + np.sum(own**2, axis=0)
