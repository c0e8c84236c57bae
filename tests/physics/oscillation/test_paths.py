"""Distributions of path lengths, alone and in the survival averaged over them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidModel
from wilks.physics.oscillation.paths import (
    AbstractPaths,
    AtLength,
    Cores,
    InverseSquare,
    PathLengths,
    Uniform,
    survival_probability,
)
from wilks.physics.oscillation.terms import (
    decaying_sterile_terms,
    smaller_square,
    two_neutrino_terms,
    wave_packet_damped,
)
from wilks.physics.oscillation.vessels import Cylinder, Rays, Sphere, lengths_in_vessel

ENERGIES = np.linspace(2.0, 8.0, 7)
FAMILY = {
    "point": AtLength(9.0),
    "inverse square": InverseSquare.around(9.0, 1.5),
    "uniform": Uniform(7.5, 10.5),
    "cores": Cores([1.0, 2.0], (InverseSquare(8.0, 9.0), AtLength(12.0))),
    "list": PathLengths.of_list([8.0, 9.0, 10.0], [1.0, 1.0, 2.0]),
    "histogram": PathLengths.of_histogram(np.linspace(8.0, 10.0, 41), np.linspace(1.0, 2.0, 40)),
}


@pytest.mark.parametrize("paths", FAMILY.values(), ids=FAMILY.keys())
def test_nodes_integrate_what_the_closed_form_is(paths: AbstractPaths):
    lengths, weights = paths.nodes()
    assert weights.sum() == pytest.approx(1.0, rel=1e-12)
    q = np.array([0.01, 0.4, 3.0])
    by_nodes = np.sin(q[:, None] * lengths) ** 2 @ weights
    # two nodes per bin of the histogram: (q dL)^4/4320 at q dL = 0.15
    np.testing.assert_allclose(paths.mean_sine2(jnp.asarray(q)), by_nodes, rtol=0, atol=2e-7)


@pytest.mark.parametrize("paths", FAMILY.values(), ids=FAMILY.keys())
def test_faint_damping_changes_nothing(paths: AbstractPaths):
    plain = two_neutrino_terms(0.3, 0.7)
    expected = survival_probability(plain, paths, ENERGIES)
    packets = survival_probability(wave_packet_damped(plain, 1e6), paths, ENERGIES)
    stable = survival_probability(decaying_sterile_terms(smaller_square(0.3), 0.7, 0.0), paths, ENERGIES)
    np.testing.assert_allclose(packets, expected, rtol=0, atol=1e-7)  # closed forms against nodes, as above
    np.testing.assert_allclose(stable, expected, rtol=0, atol=1e-7)


@pytest.mark.parametrize("paths", FAMILY.values(), ids=FAMILY.keys())
def test_averages_are_traced_in_mixing_and_splitting(paths: AbstractPaths):
    def events(theta):
        return jnp.sum(survival_probability(two_neutrino_terms(theta[0], theta[1]), paths, ENERGIES))

    at, step = jnp.array([0.2, 0.9]), 1e-5
    numeric = [(events(at + step * e) - events(at - step * e)) / (2 * step) for e in np.eye(2)]
    np.testing.assert_allclose(jax.jit(jax.grad(events))(at), numeric, rtol=0, atol=1e-7)  # third derivatives, step^2


def test_bounds_must_increase():
    for make in (lambda: InverseSquare(1.0, 0.6), lambda: Uniform(0.6, 0.1), lambda: AtLength(-1.0)):
        with pytest.raises(InvalidModel, match="bounds that increase"):
            make()
    with pytest.raises(InvalidModel, match="1 weights for 2"):
        Cores([1.0], (AtLength(1.0), AtLength(2.0)))
    with pytest.raises(InvalidModel, match="positive"):
        PathLengths.of_list([-1.0, 2.0], [1.0, 1.0])
    with pytest.raises(InvalidModel, match="2 middles"):
        PathLengths(np.array([1.0, 2.0]), np.array([0.1]), [1.0])


def test_cores_weigh_their_means():
    q = jnp.array([0.3])
    parts = [float(p.mean_sine2(q)[0]) for p in (InverseSquare(8.0, 9.0), AtLength(12.0))]
    assert float(FAMILY["cores"].mean_sine2(q)[0]) == pytest.approx((parts[0] + 2 * parts[1]) / 3, rel=1e-14)


def test_rebinning_keeps_the_density():
    fine = FAMILY["histogram"]
    assert isinstance(fine, PathLengths)
    coarse = fine.rebinned(20)
    assert len(coarse.middles) == 20
    assert coarse.weights.sum() == pytest.approx(1.0)
    assert coarse.weights @ coarse.middles == pytest.approx(fine.weights @ fine.middles, rel=1e-4)
    np.testing.assert_allclose(coarse.weights, fine.weights.reshape(20, 2).sum(axis=1), rtol=1e-12)


def test_a_source_in_the_middle_of_a_sphere_sees_all_lengths_evenly():
    paths = lengths_in_vessel(Sphere(2.0), Rays.of_point(0.0))
    q = jnp.asarray(np.geomspace(1e-3, 30.0, 20))
    np.testing.assert_allclose(paths.mean_sine2(q), Uniform(0.0, 2.0).mean_sine2(q), rtol=0, atol=1e-12)


def test_a_hole_takes_its_lengths_away():
    shell = lengths_in_vessel(Sphere(2.0), Rays.of_point(0.0), holes=(Sphere(1.0),))
    q = jnp.asarray(np.geomspace(1e-3, 10.0, 20))
    # one bin of the histogram straddles nothing: 1 m is an edge
    np.testing.assert_allclose(shell.mean_sine2(q), Uniform(1.0, 2.0).mean_sine2(q), rtol=0, atol=1e-12)


def test_a_source_beside_the_middle_of_a_sphere():
    height = 0.7
    paths = lengths_in_vessel(Sphere(2.0), Rays.of_point(height))
    cosines = np.linspace(-1, 1, 200_001)
    lengths = -height * cosines + np.sqrt(4.0 - height**2 * (1 - cosines**2))
    mean = np.sum(0.5 * lengths**2) / np.sum(lengths)
    assert paths.weights @ paths.middles == pytest.approx(mean, rel=1e-5)  # 200 bins of 14 mm


def test_an_extended_source_shrinks_to_a_point():
    vessel = Cylinder(0.7, 0.0, 1.47)
    small = lengths_in_vessel(vessel, Rays.of_cylinder(0.72, 1e-6, 1e-6))
    point = lengths_in_vessel(vessel, Rays.of_point(0.72))
    q = jnp.asarray(np.geomspace(0.01, 50.0, 20))
    np.testing.assert_allclose(small.mean_sine2(q), point.mean_sine2(q), rtol=0, atol=2e-5)  # rays on the edge of bins


def test_a_vessel_that_no_ray_meets_is_refused():
    with pytest.raises(InvalidModel, match="no ray"):
        lengths_in_vessel(Sphere(1.0), Rays.of_point(0.0), holes=(Sphere(2.0),))
