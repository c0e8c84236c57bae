"""The integral over neutrino energies inside every bin of deposited energy: its points, its weights, its nodes.

A bin's content is a sum over points, weight x cross section x spectrum x survival probability. Spectrum and probability
are analytic between the knots of the spectrum, so they are computed at a few Chebyshev nodes per panel and interpolated
to the points once and for all: coefficients of the nodes are folded with everything that does not move.
"""

import itertools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import InvalidOption
from wilks.physics.constants import PHASE_PER_EV2_M_MEV
from wilks.physics.oscillation.crosssection import differential_cross_section, neutrino_energy, neutrino_energy_slope

from .constants import FINE_EDGES_MEV

ENERGY_POINTS, ANGLE_POINTS = 5, 3
"""Gauss-Legendre points per bin of deposited energy, and in the cosine of the positron's angle."""

RESOLVED = 2.2
"""Phase kappa dm2 L dE/E^2 within a fine bin at which oscillations are let fade out."""

FADING = 12
"""Power of that phase in the exponent of the fading."""

_LAST_PANELS = (9.5, 13.2)  # panel edges beyond the last knot, in MeV
_NODES, _LAST_NODES = 6, 8
_STERILE_NODES, _NODES_PER_RADIAN = 8, 1.2
_GONE = 3.0  # phase within a fine bin beyond which nothing is left of an oscillation


@dataclass(frozen=True, eq=False)
class Mesh:
    """Points of the integral and their weights.

    Args:
        energy_MeV: neutrino energy of each point.
        weight: cm^2 MeV: quadrature weight x cross section x dE_nu/dE_dep.
    """

    energy_MeV: Float[np.ndarray, "fine points"]
    weight: Float[np.ndarray, "fine points"]


@dataclass(frozen=True, eq=False)
class Nodes:
    """Energies at which spectrum and probability are computed, and how they are interpolated to the points of a mesh.

    Args:
        energy_MeV: of the nodes.
        first: first of the nodes from which each point is interpolated.
        coefficients: of that node and those that follow it; zero beyond the point's panel.
    """

    energy_MeV: Float[np.ndarray, " nodes"]
    first: Int[np.ndarray, "fine points"]
    coefficients: Float[np.ndarray, "fine points order"]

    def fold(self, weight: Float[np.ndarray, "*kinds fine points"]) -> Float[np.ndarray, "*kinds fine nodes"]:
        """Matrices from values at the nodes to contents of the fine bins, for weights of the points."""
        kinds = weight.reshape(-1, *weight.shape[-2:])
        fine, _, order = self.coefficients.shape
        padded = np.zeros((len(kinds), fine, len(self.energy_MeV) + order))
        rows = np.arange(fine)[:, None, None]
        columns = self.first[:, :, None] + np.arange(order)
        for matrix, values in zip(padded, kinds, strict=True):
            np.add.at(matrix, (rows, columns), values[:, :, None] * self.coefficients)
        return padded[:, :, : len(self.energy_MeV)].reshape(*weight.shape[:-1], len(self.energy_MeV))


def release_mesh() -> Mesh:
    """The mesh of the release model: 5 points in energy and 3 in angle per bin of 50 keV."""
    x, energy_weights = np.polynomial.legendre.leggauss(ENERGY_POINTS)
    cosines, angle_weights = np.polynomial.legendre.leggauss(ANGLE_POINTS)
    low, width = FINE_EDGES_MEV[:-1], np.diff(FINE_EDGES_MEV)
    deposited = low[:, None, None] + width[:, None, None] * 0.5 * (x[:, None] + 1.0) + 0.0 * cosines
    angle = np.broadcast_to(cosines, deposited.shape)
    energy = neutrino_energy(deposited, angle)
    quadrature = 0.5 * width[:, None, None] * energy_weights[:, None] * angle_weights
    weight = quadrature * differential_cross_section(energy, angle) * neutrino_energy_slope(deposited, angle)
    return Mesh(energy.reshape(len(low), -1), weight.reshape(len(low), -1))


def every_point(mesh: Mesh) -> Nodes:
    """The points themselves as nodes: the exact integral of the release model, against which others are tested."""
    first = np.arange(mesh.energy_MeV.size).reshape(mesh.energy_MeV.shape)
    return Nodes(np.maximum(mesh.energy_MeV, 0.1).ravel(), first, np.ones((*first.shape, 1)))


def chebyshev_nodes(
    mesh: Mesh, knots_MeV: Float[np.ndarray, " knots"], *, fastest_eV2: float = 0.0, longest_m: float = 0.0
) -> Nodes:
    """Chebyshev nodes on panels between the knots, right to 3e-10 for three neutrinos.

    Args:
        mesh: points to interpolate to.
        knots_MeV: where the spectrum's logarithm changes its slope.
        fastest_eV2: largest splitting of a sterile neutrino; panels get nodes for its phase as far as it is resolved.
        longest_m: longest baseline.

    Raises:
        InvalidOption: if knots do not increase.
    """
    if len(knots_MeV) < 2 or not (np.diff(knots_MeV) > 0).all():
        raise InvalidOption(f"knots {np.asarray(knots_MeV).tolist()}; expected two or more energies that increase")
    counted = mesh.weight > 0
    lowest, highest = mesh.energy_MeV[counted].min(), mesh.energy_MeV[counted].max()
    edges = [e for e in (*knots_MeV, *(e for e in _LAST_PANELS if e > knots_MeV[-1])) if lowest < e < highest]
    edges = np.array([lowest, *edges, highest])
    counts = [_nodes_in(a, b, knots_MeV, fastest_eV2, longest_m) for a, b in itertools.pairwise(edges)]
    panel = np.clip(np.searchsorted(edges, mesh.energy_MeV, side="right") - 1, 0, len(counts) - 1)
    starts = np.concatenate([[0], np.cumsum(counts)])
    energies, coefficients = np.zeros(starts[-1]), np.zeros((*mesh.energy_MeV.shape, max(counts)))
    for k, n in enumerate(counts):
        points, here = chebyshev_points(edges[k], edges[k + 1], n), panel == k
        energies[starts[k] : starts[k + 1]] = points
        coefficients[here, :n] = lagrange(points, np.where(counted, mesh.energy_MeV, points.mean())[here])
    return Nodes(energies, starts[panel], coefficients)


def _nodes_in(low: float, high: float, knots: np.ndarray, fastest_eV2: float, longest_m: float) -> int:
    few = _LAST_NODES if low >= knots[-1] else _NODES
    phase = PHASE_PER_EV2_M_MEV * fastest_eV2 * longest_m * (1.0 / low - 1.0 / high)
    if phase == 0.0:
        return few
    width = FINE_EDGES_MEV[1] - FINE_EDGES_MEV[0]
    return _STERILE_NODES + int(np.ceil(_NODES_PER_RADIAN * min(phase, _GONE * (high - low) / width)))


def chebyshev_points(low: float, high: float, n: int) -> Float[np.ndarray, " points"]:
    """Chebyshev points of the first kind in an interval, in increasing order."""
    return 0.5 * (low + high) - 0.5 * (high - low) * np.cos((np.arange(n) + 0.5) * np.pi / n)


def lagrange(nodes: Float[np.ndarray, " nodes"], x: Float[np.ndarray, " points"]) -> Float[np.ndarray, "points nodes"]:
    """Values at x of the polynomials that are 1 at one Chebyshev point and 0 at the others.

    References:
        J.-P. Berrut and L. N. Trefethen, SIAM Review 46 (2004) 501, eqs. (4.2) and (5.3).
    """
    n = len(nodes)
    weights = (-1.0) ** np.arange(n) * np.sin((np.arange(n) + 0.5) * np.pi / n)
    distance = x[:, None] - nodes
    hit = distance == 0.0
    share = weights / np.where(hit, 1.0, distance)
    share = np.where(hit.any(axis=1, keepdims=True), hit.astype(float), share)
    return share / share.sum(axis=1, keepdims=True)
