"""Tests of histograms of positions."""

import numpy as np
import pytest
from scipy.stats import kstest

from wilks._base.errors import InvalidModel
from wilks.data.events import Events
from wilks.physics.xenon.positions import Positions
from wilks.physics.xenon.volume import Cylinder

R, THETA, Z = np.array([0.0, 20.0, 47.9]), np.linspace(0, 2 * np.pi, 5), np.array([-97.6, -50.0, 0.0])
SHARES = np.random.default_rng(0).uniform(1, 5, (2, 4, 2))
NAMES = ("r", "theta", "z")


def polar(shares: np.ndarray = SHARES) -> Positions:
    return Positions.of(shares, [R, THETA, Z], NAMES)


def uniform(n: int) -> Events:
    return Events(Cylinder().from_unit_cube(np.random.default_rng(5).random((n, 4))))


def test_uniform_positions_have_the_density_of_the_cylinder():
    volumes = np.einsum("i,j,k->ijk", np.diff(R**2) / 2, np.diff(THETA), np.diff(Z))
    np.testing.assert_allclose(polar(volumes).density(uniform(50)) * Cylinder().volume, 1.0, rtol=1e-12)


def test_the_weight_is_the_share_of_contents_over_the_share_of_volume():
    event = Events({"r": np.array([30.0]), "theta": np.array([2.0]), "z": np.array([-20.0])})
    # w of xenon.md, 3.1: volume of a bin in r: its width times its centre
    volumes = np.einsum("i,j,k->ijk", np.diff(R) * (R[1:] + R[:-1]) / 2, np.diff(THETA), np.diff(Z))
    expected = (SHARES[1, 1, 1] / SHARES.sum()) / (volumes[1, 1, 1] / volumes.sum())
    np.testing.assert_allclose(polar().density(event) * Cylinder().volume, [expected])


def test_angles_are_taken_modulo_a_turn():
    places = Events({"r": np.full(2, 10.0), "theta": np.array([-1.0, 2 * np.pi - 1.0]), "z": np.full(2, -10.0)})
    first, second = polar().density(places)
    assert first == second > 0


def test_draws_are_uniform_in_the_volume_of_a_bin():
    only = np.zeros((2, 4, 2))
    only[1, 2, 0] = 1.0
    r, theta, z = polar(only).draw(np.random.default_rng(1), 4000).T
    squares = (r**2 - 20.0**2) / (47.9**2 - 20.0**2)
    for share in (squares, (theta - np.pi) / (np.pi / 2), (z + 97.6) / 47.6):
        assert kstest(share, "uniform").pvalue > 1e-3  # one fixed draw


def test_draws_follow_the_shares_of_bins():
    r, theta, z = polar().draw(np.random.default_rng(2), 40_000).T
    found = np.histogramdd((r, theta, z), [R, THETA, Z])[0]
    expected = SHARES / SHARES.sum() * 40_000
    assert np.sum((found - expected) ** 2 / expected) < 37.7  # chi^2 of 15 degrees of freedom, probability 1e-3


@pytest.mark.parametrize(("columns", "number"), [(("z",), 32), (("drift_time", "r"), 32 * 10), ((), 1)])
def test_nodes_average_exactly_in_the_dimensions_that_matter(columns, number):
    r, _, z, weights = polar().nodes(columns)
    assert len(weights) == number
    assert np.isclose(weights.sum(), 1.0, rtol=1e-12)
    middles = (Z[1:] + Z[:-1]) / 2
    if "r" in columns:
        means = (R[1:] ** 2 + R[:-1] ** 2) / 2
        shares = SHARES.sum(axis=1) / SHARES.sum()
        assert np.isclose(weights @ (r**2 * z), means @ shares @ middles, rtol=1e-12)
    elif columns:
        assert np.isclose(weights @ z, SHARES.sum(axis=(0, 1)) / SHARES.sum() @ middles, rtol=1e-12)


def test_cartesian_bins_of_the_same_content_have_one_density():
    edges = [np.linspace(-30.0, 30.0, 4), np.linspace(-30.0, 30.0, 4), Z]
    made = Positions.of(np.ones((3, 3, 2)), edges, ("x", "y", "z"))
    places = Events({"x": np.array([0.0, 25.0, 31.0]), "y": np.array([0.0, -25.0, 0.0]), "z": np.full(3, -10.0)})
    np.testing.assert_allclose(made.density(places), np.array([1.0, 1.0, 0.0]) / 18 / (400 * 50.0))
    r, theta, _ = made.draw(np.random.default_rng(3), 1000).T
    assert (np.abs(r * np.cos(theta)) <= 30).all()
    made.check_inside(Cylinder())


def test_histograms_without_sense_are_refused():
    with pytest.raises(InvalidModel, match="expected"):
        Positions.of(np.ones((2, 4, 2)), [R, THETA, Z], ("r", "phi", "z"))
    with pytest.raises(InvalidModel, match="no events"):
        polar(np.zeros((2, 4, 2)))
    with pytest.raises(InvalidModel, match="start at -5"):
        Positions.of(np.ones((1, 4, 2)), [[-5.0, 10.0], THETA, Z], NAMES)
    with pytest.raises(InvalidModel, match=r"reaches r = 47\.9 cm"):
        polar().check_inside(Cylinder(fv_radius=40.0))
    with pytest.raises(InvalidModel, match=r"spans z from -97\.6 to 0 cm"):
        polar().check_inside(Cylinder(fv_high=-10.0))
