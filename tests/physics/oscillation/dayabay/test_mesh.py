"""The integral over energies: its points, the nodes that stand for them, interpolation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidOption
from wilks.physics.constants import PHASE_PER_EV2_M_MEV
from wilks.physics.oscillation.crosssection import cross_section
from wilks.physics.oscillation.dayabay.mesh import (
    chebyshev_nodes,
    chebyshev_points,
    every_point,
    lagrange,
    release_mesh,
)

KNOTS = np.array(
    [1.8, 2.1, 2.4, 2.7, 3.0, 3.3, 3.6, 3.9, 4.22, 4.56, 4.92, 5.28, 5.66, 6.06, 6.48, 6.92, 7.38, 7.86, 8.36]
)
MESH = release_mesh()


def survival(energy: np.ndarray, dm2: float = 2.45e-3, length: float = 1925.0) -> np.ndarray:
    return 1.0 - 0.09 * np.sin(PHASE_PER_EV2_M_MEV * dm2 * length / energy) ** 2


def test_the_mesh_integrates_the_cross_section():
    """A flat spectrum over 2 to 10 MeV: the sum over all bins is the integral of the total cross section."""
    flat = (MESH.energy_MeV > 2.0) & (MESH.energy_MeV < 10.0)
    energy = np.linspace(2.0, 10.0, 20_001)
    # the ends of the box fall inside fine bins of 50 keV: the sum is right to a few per mille
    assert (MESH.weight * flat).sum() == pytest.approx(np.trapezoid(cross_section(energy), energy), rel=3e-3)


def test_nodes_reproduce_every_point_of_the_release_model():
    nodes, exact = chebyshev_nodes(MESH, KNOTS), every_point(MESH)
    assert len(nodes.energy_MeV) == 124
    shape = np.interp(nodes.energy_MeV, KNOTS, np.linspace(0.1, -0.2, len(KNOTS)))
    here = nodes.fold(MESH.weight) @ (np.exp(shape) * survival(nodes.energy_MeV))
    shape = np.interp(exact.energy_MeV, KNOTS, np.linspace(0.1, -0.2, len(KNOTS)))
    there = (MESH.weight.ravel() * np.exp(shape) * survival(exact.energy_MeV)).reshape(240, -1).sum(axis=1)
    seen = there > 1e-6 * there.max()
    # final bins agree to 3e-10; a single fine bin in the wide last panels to 1e-6
    np.testing.assert_allclose(here[seen], there[seen], rtol=1e-6)
    assert here.sum() == pytest.approx(there.sum(), rel=1e-9)


def test_nodes_follow_sterile_oscillations_as_far_as_they_are_resolved():
    nodes = chebyshev_nodes(MESH, KNOTS, fastest_eV2=0.05, longest_m=1930.0)
    here = nodes.fold(MESH.weight) @ survival(nodes.energy_MeV, 0.05)
    there = (MESH.weight * survival(np.maximum(MESH.energy_MeV, 0.5), 0.05)).sum(axis=1)
    seen = there > 1e-6 * there.max()
    np.testing.assert_allclose(here[seen], there[seen], rtol=1e-6)  # as above
    many = [len(chebyshev_nodes(MESH, KNOTS, fastest_eV2=m, longest_m=1930.0).energy_MeV) for m in (0.05, 10.0, 1e4)]
    assert many[0] < many[1] <= many[2] < 1500  # what no detector resolves costs no nodes


@given(st.integers(2, 12), st.lists(st.floats(-1, 1), min_size=2, max_size=12))
def test_interpolation_is_exact_for_polynomials_below_the_number_of_nodes(n, coefficients):
    polynomial = np.polynomial.Polynomial(coefficients[:n])
    nodes, x = chebyshev_points(1.0, 3.0, n), np.linspace(1.0, 3.0, 37)
    # values up to 3^11 with rounding of the barycentric weights
    np.testing.assert_allclose(lagrange(nodes, x) @ polynomial(nodes), polynomial(x), atol=1e-7)


def test_interpolation_at_a_node_is_its_value():
    nodes = chebyshev_points(0.0, 1.0, 5)
    np.testing.assert_array_equal(lagrange(nodes, nodes), np.eye(5))


def test_every_point_folds_to_the_plain_sum():
    rng = np.random.default_rng(1)
    weight, value = rng.random(MESH.weight.shape), rng.random(MESH.weight.size)
    nodes = every_point(MESH)
    np.testing.assert_allclose(
        nodes.fold(weight) @ value, (weight * value.reshape(weight.shape)).sum(axis=1), rtol=1e-12
    )  # rounding of sums of 15 numbers


@pytest.mark.parametrize("knots", [[2.0], [2.0, 2.0], [3.0, 2.0]])
def test_knots_must_increase(knots):
    with pytest.raises(InvalidOption, match="energies that increase"):
        chebyshev_nodes(MESH, np.array(knots))
