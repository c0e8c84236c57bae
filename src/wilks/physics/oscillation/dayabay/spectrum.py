"""The emitted spectra: what each isotope, long-lived products and spent fuel give, and the free correction of all."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import check_option
from wilks.physics.constants import ELECTRON_MASS_MEV
from wilks.physics.oscillation.crosssection import MASS_DIFFERENCE_MEV
from wilks.physics.oscillation.readers.dayabay import DayaBayRelease

from .arrays import Arrays
from .constants import (
    FINE_EDGES_MEV,
    FISSION_FRACTIONS,
    NOMINAL_POWER_MEV_PER_S,
    nominal_energy_per_fission,
)
from .mesh import Mesh

CORRECTIONS, PLACES = ("exponential", "linear"), ("before", "after")


class Interpolation(NamedTuple):
    """Linear interpolation between the energies of a table.

    Args:
        lower: place of the energy below each point.
        share: weight of the energy above it; outside of [0, 1] beyond the table.
    """

    lower: Int[np.ndarray, "*points"]
    share: Float[np.ndarray, "*points"]

    def of(self, table: Float[np.ndarray, "*kinds energies"]) -> Float[np.ndarray, "*shape"]:
        """Values at the points, continued linearly beyond the table."""
        return table[..., self.lower] * (1.0 - self.share) + table[..., self.lower + 1] * self.share


def interpolation(points: Float[np.ndarray, "*points"], table: Float[np.ndarray, " energies"]) -> Interpolation:
    """How points lie between increasing energies of a table."""
    lower = np.clip(np.searchsorted(table, points, side="right") - 1, 0, len(table) - 2)
    return Interpolation(lower, (points - table[lower]) / (table[lower + 1] - table[lower]))


def hats(points: Float[np.ndarray, " points"], knots: Float[np.ndarray, " knots"]) -> Float[np.ndarray, "points knots"]:
    """Matrix of linear interpolation between knots, continued linearly beyond them."""
    return interpolation(points, knots).of(np.eye(len(knots))).T


class Emitted(NamedTuple):
    """Weights of the mesh points with the emitted spectra folded in.

    Args:
        main: of each isotope.
        nonequilibrium: of the long-lived products of each isotope but U238.
        spent_fuel: of each core's spent fuel at nominal power.
    """

    main: Float[np.ndarray, "4 fine points"]
    nonequilibrium: Float[np.ndarray, "3 fine points"]
    spent_fuel: Float[np.ndarray, "cores fine points"]


def emitted(release: DayaBayRelease, mesh: Mesh) -> Emitted:
    """Weights of a mesh for the spectra of the release; logarithms of spectra are interpolated linearly."""
    energy = mesh.energy_MeV
    spectra = np.exp(interpolation(energy, release.flux_MeV).of(np.log(release.flux)))
    main = mesh.weight * spectra
    extra = np.stack([_inside(energy, release.nonequilibrium_MeV, table) for table in release.nonequilibrium])
    fuel = np.stack([_inside(energy, release.spent_fuel_MeV, table) for table in release.spent_fuel])
    fissions = NOMINAL_POWER_MEV_PER_S / nominal_energy_per_fission()
    nominal = fissions * np.tensordot(FISSION_FRACTIONS, main, 1)
    return Emitted(main, (main * extra)[[0, 2, 3]], fuel * nominal)


def _inside(points: np.ndarray, energies: np.ndarray, table: np.ndarray) -> np.ndarray:
    return np.interp(points, energies, table, left=0.0, right=0.0)


class Correction(eqx.Module):
    """The free factor S(E) of all spectra: its logarithm is linear between knots.

    Args:
        matrix: linear interpolation from knots to the places where S is needed: nodes of the integral, or fine bins.
        kind: ``"exponential"``: knots p give ln S; ``"linear"``: they give S = 1 + p.
        place: ``"before"`` the integral over energies, or ``"after"``, at E_nu - (m_n - m_p - m_e).
    """

    matrix: Float[Arrays, "places knots"]
    kind: str = eqx.field(static=True, default="exponential")
    place: str = eqx.field(static=True, default="before")

    def __check_init__(self) -> None:
        check_option("spectrum correction", self.kind, CORRECTIONS)
        check_option("place of the spectrum correction", self.place, PLACES)

    def __call__(self, knots: Float[Arrays, " knots"]) -> Float[Arrays, " places"]:
        """S at every place."""
        return jnp.exp(jnp.asarray(self.matrix) @ self._logarithm(knots))

    def slopes(self, knots: Float[Arrays, " knots"]) -> Float[Arrays, "knots places"]:
        """d ln S/dp at every place."""
        rise = jnp.ones_like(knots) if self.kind == "exponential" else 1.0 / (1.0 + knots)
        return jnp.asarray(self.matrix).T * rise[:, None]

    def curvature(
        self, knots: Float[Arrays, " knots"], weights: Float[Arrays, " places"]
    ) -> Float[Arrays, "knots knots"]:
        """Second derivatives of a weighted sum of S."""
        weighted, slopes = weights * self(knots), self.slopes(knots)
        total = (slopes * weighted[None]) @ slopes.T
        if self.kind == "exponential":
            return total
        return total - jnp.diag((jnp.asarray(self.matrix).T @ weighted) / (1.0 + knots) ** 2)

    def _logarithm(self, knots: Float[Arrays, " knots"]) -> Float[Arrays, " knots"]:
        return knots if self.kind == "exponential" else jnp.log1p(knots)


def correction_of(
    knots_MeV: Float[np.ndarray, " knots"], nodes_MeV: Float[np.ndarray, " nodes"], kind: str, place: str
) -> Correction:
    """The correction for knots at neutrino energies.

    Args:
        knots_MeV: where ln S changes its slope.
        nodes_MeV: nodes of the integral.
        kind: ``"exponential"`` or ``"linear"``.
        place: ``"before"`` or ``"after"`` the integral.
    """
    if place == "before":
        return Correction(hats(nodes_MeV, knots_MeV), kind, place)
    centres = 0.5 * (FINE_EDGES_MEV[1:] + FINE_EDGES_MEV[:-1])
    return Correction(hats(centres, knots_MeV - _shift()), kind, place)


def _shift() -> float:
    """Neutrino energy minus deposited energy, without recoil."""
    return MASS_DIFFERENCE_MEV - ELECTRON_MASS_MEV
