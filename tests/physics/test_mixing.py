import jax
import jax.numpy as jnp
import mpmath as mp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks.physics.mixing import (
    MixingAngles,
    Wolfenstein,
    angles_of_wolfenstein,
    jarlskog,
    largest_jarlskog,
    mixing_angles,
    mixing_matrix,
    wolfenstein,
    wolfenstein_of_angles,
    wrapped,
)

squares = st.floats(0.01, 0.99)
phases = st.floats(0.0, 2 * np.pi, exclude_max=True)


def close_on_circle(one, two, tolerance):
    gap = abs(one - two) % (2 * np.pi)
    return min(gap, 2 * np.pi - gap) < tolerance


@given(squares, squares, squares, phases, phases, phases)
def test_angles_survive_the_matrix_with_any_phases(s12, s13, s23, delta, alpha21, row):
    matrix = np.asarray(mixing_matrix(MixingAngles(s12, s13, s23, delta), alpha21, 2 * alpha21))
    assert np.abs(matrix @ matrix.conj().T - np.eye(3)).max() < 1e-14
    rows = np.exp(1j * np.array([row, -2 * row, 0.3]))[:, None]
    found = mixing_angles(rows * matrix)
    np.testing.assert_allclose([found.s12, found.s13, found.s23], [s12, s13, s23], rtol=1e-12)
    # the phase is known to rounding over Jmax, which is at least 1e-4 here
    assert close_on_circle(float(found.delta), delta, 1e-11)
    jmax = float(largest_jarlskog(matrix))
    assert float(jarlskog(rows * matrix)) == pytest.approx(jmax * np.sin(delta), abs=1e-15)


def test_matrix_is_that_of_the_particle_data_group():
    t12, t13, t23, delta = 0.6, 0.15, 0.8, 1.1
    one = np.array([[1, 0, 0], [0, np.cos(t23), np.sin(t23)], [0, -np.sin(t23), np.cos(t23)]])
    phase = np.sin(t13) * np.exp(-1j * delta)
    two = np.array([[np.cos(t13), 0, phase], [0, 1, 0], [-np.conj(phase), 0, np.cos(t13)]])
    three = np.array([[np.cos(t12), np.sin(t12), 0], [-np.sin(t12), np.cos(t12), 0], [0, 0, 1]])
    majorana = np.diag([1, np.exp(0.25j), np.exp(-0.45j)])
    found = mixing_matrix(MixingAngles.from_radians(t12, t13, t23, delta), 0.5, -0.9)
    np.testing.assert_allclose(found, one @ two @ three @ majorana, atol=1e-15)


def test_ways_to_write_an_angle_agree():
    angles = MixingAngles.from_degrees(33.4, 8.6, 49.0, 195.0)
    assert [float(x) for x in angles.degrees()] == pytest.approx([33.4, 8.6, 49.0, 195.0], rel=1e-14)
    radians = angles.radians()
    again = MixingAngles.from_radians(*radians)
    assert [float(x) for x in again] == pytest.approx([float(x) for x in angles], rel=1e-14)
    sines = angles.sines()
    assert float(sines[0]) == pytest.approx(np.sin(np.deg2rad(33.4)), rel=1e-14)
    assert [float(x) for x in MixingAngles.from_sines(*sines, angles.delta)] == pytest.approx(
        [float(x) for x in angles], rel=1e-14
    )


@given(st.floats(0.1, 0.4), st.floats(0.3, 1.2), st.floats(-0.5, 0.5), st.floats(-0.6, 0.6))
def test_wolfenstein_parameters_are_exact(lambda_, a, rhobar, etabar):
    parameters = Wolfenstein(lambda_, a, rhobar, etabar)
    found = wolfenstein_of_angles(angles_of_wolfenstein(parameters))
    if rhobar == etabar == 0.0:
        assert float(angles_of_wolfenstein(parameters).s13) == 0.0
    # eta and rho are a quotient by V_cd V_cb of about lambda^3
    np.testing.assert_allclose([float(x) for x in found], parameters, rtol=1e-9, atol=1e-11)


def test_wolfenstein_to_angles_agrees_with_sixty_digits():
    with mp.workdps(60):
        lam, a, apex = mp.mpf("0.22501"), mp.mpf("0.826"), mp.mpc("0.1591", "0.3523")
        below = mp.sqrt(1 - lam**2) * (1 - a**2 * lam**4 * apex)
        ub = a * lam**3 * apex * mp.sqrt(1 - a**2 * lam**4) / below
        found = angles_of_wolfenstein(Wolfenstein(0.22501, 0.826, 0.1591, 0.3523)).radians()
        expected = [mp.asin(lam), mp.asin(abs(ub)), mp.asin(a * lam**2), mp.arg(ub)]
    assert [float(x) for x in found] == pytest.approx([float(x) for x in expected], rel=1e-13)


def test_stacks_and_single_matrices_agree():
    angles = MixingAngles(np.array([0.3, 0.4]), 0.02, np.array([[0.5], [0.6], [0.7]]), 1.0)
    matrices = mixing_matrix(MixingAngles(*np.broadcast_arrays(*angles)))
    assert matrices.shape == (3, 2, 3, 3)
    found = mixing_angles(matrices)
    np.testing.assert_allclose(found.s12, np.broadcast_to([0.3, 0.4], (3, 2)), rtol=1e-14)
    single = mixing_angles(matrices[2, 1])
    assert float(single.s23) == pytest.approx(0.7, rel=1e-14)


@pytest.mark.parametrize("matrix", [np.eye(3), np.eye(3)[[1, 2, 0]], np.eye(3)[[2, 1, 0]]])
def test_vanishing_mixing_has_no_phase_and_finite_slopes(matrix):
    assert float(mixing_angles(matrix).delta) == 0.0
    assert all(np.isfinite(float(x)) for x in (*mixing_angles(matrix), *wolfenstein(matrix)))
    slopes = jax.jvp(
        lambda m: (mixing_angles(m), wolfenstein(m)), (jnp.asarray(matrix, complex),), (jnp.ones((3, 3)) + 0j,)
    )
    assert all(bool(jnp.all(jnp.isfinite(x))) for x in jax.tree.leaves(slopes[1]))


def test_real_matrices_have_a_phase_of_zero_or_pi():
    real = np.linalg.qr(np.random.default_rng(8).normal(size=(40, 3, 3)))[0]
    found, general = mixing_angles(real), mixing_angles(real.astype(complex))
    assert set(np.asarray(found.delta)) == {0.0, np.pi}
    for one, two in zip(found, general, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-15)  # one rounding


def test_wrapped_phases_stay_below_the_period():
    assert float(wrapped(jnp.asarray(-1e-17), 2.0)) == 0.0
    assert float(wrapped(jnp.asarray(-0.5), 2.0)) == 1.5
