"""The detector: losses, nonlinearity, resolution, final bins."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidOption
from wilks.physics.oscillation.dayabay.constants import FINE_EDGES_MEV, RESOLUTION
from wilks.physics.oscillation.dayabay.response import Response, rebinning, resolution_matrix

ENERGIES = np.linspace(0.5, 12.1, 1161)
CURVES = np.stack([0.9 * ENERGIES + 0.02 * ENERGIES**1.2 * k for k in (1.0, 1.1, 0.9, 1.05, 0.8)])
VESSEL = np.eye(240) * 0.9 + np.eye(240, k=1) * 0.1
SHARP = Response(VESSEL, ENERGIES, CURVES, rebinning(np.array([0.7, 2.0, 5.0, 12.0])))
ROUND = Response(VESSEL, ENERGIES, CURVES, SHARP.rebinning, 0.005)
PULLS = jnp.array([0.3, -0.2, 0.5, 0.1])


@pytest.mark.parametrize("response", [SHARP, ROUND], ids=["sharp", "rounded"])
def test_no_event_is_lost_on_the_nonlinear_scale(response):
    shares = np.asarray(response.nonlinearity(PULLS, jnp.asarray(1.001))).sum(axis=0)
    np.testing.assert_allclose(shares[15:220], 1.0, atol=1e-12)  # bins inside the table, visible below 12 MeV


def test_rounded_edges_change_final_spectra_by_less_than_a_thousandth():
    spectrum = np.exp(-0.5 * ((np.arange(240) - 70) / 30) ** 2)
    numbers = (jnp.asarray(RESOLUTION), PULLS, jnp.asarray(1.0), jnp.asarray(1.0))
    sharp, rounded = (np.asarray(r(*numbers)) @ spectrum for r in (SHARP, ROUND))
    np.testing.assert_allclose(rounded, sharp, rtol=1e-4)  # a kernel of 5 keV beside a resolution of 85 keV and more


def test_derivatives_of_rounded_edges_do_not_jump():
    spectrum = jnp.exp(-0.5 * ((jnp.arange(240) - 70) / 30) ** 2)

    def counts(scale: jax.Array) -> jax.Array:
        return (ROUND.nonlinearity(PULLS, scale) @ spectrum)[60]

    scales = jnp.linspace(0.997, 1.003, 601)  # moves edges by more than the kernel, to both sides
    slope = np.asarray(jax.jit(lambda at: jax.lax.map(jax.grad(counts), at))(scales))
    step = np.abs(np.diff(slope)).max() / np.ptp(slope)
    assert step < 0.02  # one step moves an edge by 0.03 MeV x 1e-3, far less than the kernel


def test_losses_are_scaled_off_the_diagonal_and_normalised():
    losses = np.asarray(SHARP.losses(jnp.asarray(2.0)))
    np.testing.assert_allclose(losses.sum(axis=0), 1.0, rtol=1e-14)
    assert losses[4, 5] / losses[5, 5] == pytest.approx(2.0 * 0.1 / 0.9)


def test_resolution_has_the_stated_width():
    matrix = np.asarray(resolution_matrix(jnp.asarray(RESOLUTION)))
    centres, j = 0.5 * (FINE_EDGES_MEV[1:] + FINE_EDGES_MEV[:-1]), 100
    mean = matrix[:, j] @ centres
    spread = np.sqrt(matrix[:, j] @ (centres - mean) ** 2)
    a, b, c = RESOLUTION
    assert spread == pytest.approx(np.sqrt((a * mean) ** 2 + b**2 * mean + c**2), rel=1e-6)  # tails are cut at 1e-10
    assert matrix[:, j].sum() == pytest.approx(1.0, abs=1e-8)


@pytest.mark.parametrize("edges", [[1.0], [2.0, 1.0], [0.72, 1.0], [-0.05, 1.0], [1.0, 12.05]])
def test_final_edges_must_be_edges_of_fine_bins(edges):
    with pytest.raises(InvalidOption, match=r"multiples of 0\.05 MeV"):
        rebinning(np.array(edges))
