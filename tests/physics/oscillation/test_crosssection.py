"""Inverse beta decay: kinematics, threshold, angles, and two independent cross sections."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wilks.physics.constants import ELECTRON_MASS_MEV, NEUTRON_MASS_MEV, PROTON_MASS_MEV
from wilks.physics.oscillation.crosssection import (
    THRESHOLD_MEV,
    cross_section,
    differential_cross_section,
    neutrino_energy,
    neutrino_energy_slope,
    quick_cross_section,
)


@settings(max_examples=30)
@given(deposited=st.floats(1.1, 12.0), cosine=st.floats(-1.0, 1.0))
def test_energies_conserve_four_momentum(deposited, cosine):
    electron = deposited - ELECTRON_MASS_MEV
    momentum = np.sqrt(electron**2 - ELECTRON_MASS_MEV**2)
    neutrino = float(neutrino_energy(deposited, cosine))
    neutron2 = (neutrino + PROTON_MASS_MEV - electron) ** 2 - (
        neutrino**2 - 2 * neutrino * momentum * cosine + momentum**2
    )
    assert np.sqrt(neutron2) == pytest.approx(NEUTRON_MASS_MEV, rel=1e-12)


@settings(max_examples=30)
@given(deposited=st.floats(1.2, 12.0), cosine=st.floats(-1.0, 1.0))
def test_the_slope_is_that_of_the_energy(deposited, cosine):
    step = 1e-5
    up, down = (float(neutrino_energy(deposited + d, cosine)) for d in (step, -step))
    # the speed bends as (E - m)^-3/2 above rest: third derivative of 1e3 at 1.2 MeV, over 938 MeV
    slope = float(neutrino_energy_slope(deposited, cosine))
    assert slope == pytest.approx((up - down) / (2 * step), rel=1e-6)


def test_positrons_at_rest_have_no_slope():
    at_rest = np.array([0.9, 2 * ELECTRON_MASS_MEV])
    np.testing.assert_array_equal(neutrino_energy_slope(at_rest, np.array([0.3, 0.3])), 0.0)


def test_the_threshold_is_where_the_reaction_begins():
    assert pytest.approx(1.80607, abs=1e-5) == THRESHOLD_MEV  # Vogel and Beacom, section II: 1.806 MeV
    below = np.array([0.0, 1.0, THRESHOLD_MEV - 1e-6])
    np.testing.assert_array_equal(cross_section(below), 0.0)
    assert float(cross_section(THRESHOLD_MEV + 0.05)) > 0


def test_it_agrees_with_the_quick_form():
    energies = np.linspace(2.3, 9.0, 60)
    # 1 % of the specification; below 2.3 MeV the quick form's threshold, 2 keV lower, costs up to 2 %
    np.testing.assert_allclose(cross_section(energies), quick_cross_section(energies), rtol=0.01)
    near = np.linspace(1.9, 2.3, 20)
    np.testing.assert_allclose(cross_section(near), quick_cross_section(near), rtol=0.03)


def test_at_low_energy_positrons_go_backwards_a_little():
    cosines, weights = np.polynomial.legendre.leggauss(20)
    density = differential_cross_section(3.0, cosines)
    mean = (density * cosines) @ weights / (density @ weights)
    electron = 3.0 - 1.29333236
    speed = np.sqrt(1 - (ELECTRON_MASS_MEV / electron) ** 2)
    # Vogel and Beacom: <cos> = -0.034 v + 2.4 E/M, both terms rounded and v at zeroth order
    assert mean == pytest.approx(-0.034 * speed + 2.4 * 3.0 / 938.9, abs=3e-3)


@pytest.mark.shared
def test_its_shape_is_that_of_globesfit(shared_data: Path):
    path = shared_data / "oscillation" / "globesfit" / "fluxes" / "IBDnew.dat"
    if not path.is_file():
        pytest.skip(f"the cross section of GLoBESfit is not at {path}")
    table = np.loadtxt(path)
    energies, theirs = 1e3 * 10 ** table[:, 0], table[:, 4] * 10 ** table[:, 0] * 1e-38
    seen = (energies > 1.85) & (energies < 9.0)
    ratio = cross_section(energies[seen]) / theirs[seen]
    np.testing.assert_allclose(ratio / ratio.mean(), 1.0, rtol=0, atol=5e-5)  # digits of their constants
    assert ratio.mean() == pytest.approx(1.0038, abs=2e-4)  # neutron lifetimes of 878.4 and 881.5 s
