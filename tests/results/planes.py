"""Results on planes, one of each class, for the family table."""

from collections.abc import Callable

import numpy as np

from wilks.results.belts import Belt
from wilks.results.grid_posteriors import GridPosterior
from wilks.results.provenance import Provenance
from wilks.results.regions import ClsMap, Raster, Region, Sensitivity
from wilks.results.result import AbstractResult

PROVENANCE = Provenance(
    versions={"python": "3.13.0", "wilks": "0.1.0"},
    platform="Linux x86_64",
    device="cpu",
    precision="float64",
    threads="1 per process",
    seed=11,
    model_digest="",
    data_digest="",
    settings={"level": 0.9, "toys": 1000},
    started="2026-01-01T00:00:00+00:00",
    duration_s=2.5,
    command="",
)
X, Y = np.geomspace(0.01, 1.0, 7), np.geomspace(0.1, 10.0, 9)
NAMES = ("sin2_2theta_ee", "dm2_41_eV2")
T = (2.0 * np.log(X / 0.1)[:, None]) ** 2 + (1.5 * np.log(Y / 1.2)[None]) ** 2
CURVE = np.array([[0.05, 1.0], [0.1, 2.0], [0.2, 1.0], [0.1, 0.5], [0.05, 1.0]])


def region() -> Region:
    critical = 4.6 - 1.5 * (X[:, None] < 0.05) + 0.0 * Y[None]
    p = np.exp(-T / 2)
    return Region(
        names=NAMES, level=0.9, x=X, y=Y, t=T, critical=critical, critical_error=np.full(T.shape, 0.08), p_value=p,
        p_lower=0.95 * p, p_upper=np.minimum(1.05 * p, 1.0), toys=np.where(p > 0.01, 10_000, 500),
        failed=np.zeros(T.shape, dtype=int), threshold=4.605, best=(0.11, 1.3),
        pieces=(CURVE,), at_edge=(np.zeros(5, dtype=bool),),
        flags={"grid_too_coarse": "the phase changes by up to 0.5 rad between neighbouring values of dm2_41_eV2"},
        how="500 toys at each node, 10000 where they decide", provenance=PROVENANCE,
    )  # fmt: skip


def raster() -> Raster:
    best = np.linspace(0.0, 0.2, 9)
    return Raster(
        names=NAMES, level=0.9, method="feldman-cousins", held=Y, best=best, lower=np.maximum(best - 0.1, 0.0),
        upper=best + 0.15, lower_open=best <= 0.1, upper_open=np.zeros(9, dtype=bool),
        improvement=np.linspace(3.0, 0.0, 9), how="Feldman-Cousins in closed form with both bounds",
        provenance=PROVENANCE,
    )  # fmt: skip


def cls_map() -> ClsMap:
    cls = np.minimum(np.exp(-T / 4), 1.0)
    shifts = np.array([0.3, 0.6, 1.0, 1.3, 1.6])[:, None, None]
    return ClsMap(
        names=NAMES, level=0.95, x=X, y=Y, q=T - 2.0, cls=cls, expected=np.minimum(cls * shifts, 1.0), pieces=(CURVE,),
        expected_pieces=(1.3 * CURVE,), how="CLs from the Gaussian law (asymptotic)", provenance=PROVENANCE,
    )  # fmt: skip


def sensitivity() -> Sensitivity:
    return Sensitivity(
        names=NAMES, level=0.9, x=X, y=Y, share=np.clip(T / 20, 0.0, 1.0), toys=400, median=(CURVE,),
        how="toys without signal", provenance=PROVENANCE,
    )  # fmt: skip


def plane_posterior() -> GridPosterior:
    edges = [np.concatenate([u[:1], np.sqrt(u[1:] * u[:-1]), u[-1:]]) for u in (X, Y)]
    prior = np.outer(*[np.diff(np.log(e)) / np.log(e[-1] / e[0]) for e in edges])
    mass = np.exp(-T / 2) * prior
    return GridPosterior(
        names=NAMES, units=("", "eV^2"), edges=(edges[0], edges[1]), centres=(X, Y), mass=mass / mass.sum(),
        prior_mass=prior, log_evidence=-22.4, log_null=-24.1, how="trapezoids in logarithms", provenance=PROVENANCE,
    )  # fmt: skip


def belt() -> Belt:
    values = np.linspace(0.0, 6.0, 25)
    return Belt(
        name="mu", observable="x", level=0.9, ordering="feldman-cousins", values=values,
        lower=np.where(values < 1, -9.0, values - 1.645), upper=values + 1.645, discrete=False,
        how="measurements ordered by the likelihood ratio", provenance=PROVENANCE,
    )  # fmt: skip


PLANES: dict[str, Callable[[], AbstractResult]] = {
    "region": region,
    "raster": raster,
    "cls_map": cls_map,
    "sensitivity": sensitivity,
    "plane_posterior": plane_posterior,
    "belt": belt,
}
