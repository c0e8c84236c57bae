"""Survival probabilities: limits, an independent sum over amplitudes, ranges, and derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wilks._base.errors import InvalidParameter
from wilks.physics import constants
from wilks.physics.oscillation.probability import (
    appearance_probability,
    decaying_sterile_survival,
    four_neutrino_survival,
    phase,
    short_baseline_survival,
    three_neutrino_survival,
    two_sterile_survival,
)
from wilks.physics.oscillation.ranges import nan_outside
from wilks.physics.oscillation.terms import (
    averaged_phase,
    damped,
    smaller_square,
    three_neutrino_terms,
    two_neutrino_terms,
    wave_packet_damped,
)

STANDARD = {"sin2_2theta13": 0.085, "dm2_32_eV2": 2.45e-3, "sin2_2theta12": 0.851, "dm2_21_eV2": 7.53e-5}
ENERGIES = np.linspace(1.9, 9.0, 40)

few = settings(max_examples=25)
lengths = st.floats(1.0, 2000.0)
amplitudes = st.floats(0.0, 1.0)
splittings = st.floats(1e-3, 1.0)


def by_amplitudes(squares: list[float], masses: list[float], length: float, energy: np.ndarray) -> np.ndarray:
    """|sum over i of |U_ei|^2 exp(-i m_i^2 L/2E)|^2 with hbar c of its own."""
    factor = length / (2.0 * energy * 1e6 * 1.973269804e-7)  # hbar c in eV m, CODATA 2018
    return abs(sum(u * np.exp(-1j * m * factor) for u, m in zip(squares, masses, strict=True))) ** 2


def test_the_phase_constant_is_that_of_codata():
    assert pytest.approx(1.26693268, abs=5e-9) == constants.PHASE_PER_EV2_M_MEV  # digits of the reference
    assert float(phase(1.0, 2.0, 3.0)) == pytest.approx(1.26693268 * 2.0 / 3.0, rel=5e-9)


@few
@given(s13=amplitudes, s12=amplitudes, length=lengths)
def test_three_neutrinos_are_the_square_of_a_sum_of_amplitudes(s13, s12, length):
    x13, x12 = 0.5 * (1 - np.sqrt(1 - s13)), 0.5 * (1 - np.sqrt(1 - s12))
    squares = [(1 - x12) * (1 - x13), x12 * (1 - x13), x13]
    for ordering in (1, -1):
        masses = [0.0, 7.53e-5, ordering * 2.45e-3 + 7.53e-5]
        values = {"sin2_2theta13": s13, "sin2_2theta12": s12, "dm2_32_eV2": 2.45e-3, "dm2_21_eV2": 7.53e-5}
        ours = three_neutrino_survival(length, ENERGIES, ordering=ordering, **values)
        # ten digits of hbar c at phases of up to 1000, and square roots that lose digits where sin^2 2theta is small
        np.testing.assert_allclose(ours, by_amplitudes(squares, masses, length, ENERGIES), rtol=0, atol=3e-7)


@few
@given(s14=amplitudes, dm2=splittings, length=lengths)
def test_four_neutrinos_are_the_square_of_a_sum_of_amplitudes(s14, dm2, length):
    x14, x13, x12 = (0.5 * (1 - np.sqrt(1 - s)) for s in (s14, 0.085, 0.851))
    squares = [(1 - x12) * (1 - x13) * (1 - x14), x12 * (1 - x13) * (1 - x14), x13 * (1 - x14), x14]
    masses = [0.0, 7.53e-5, 2.45e-3 + 7.53e-5, dm2]
    ours = four_neutrino_survival(length, ENERGIES, sin2_2theta_ee=s14, dm2_41_eV2=dm2, **STANDARD)
    # tolerance as for three
    np.testing.assert_allclose(ours, by_amplitudes(squares, masses, length, ENERGIES), rtol=0, atol=3e-7)


def test_nothing_is_lost_at_length_zero():
    for survival in (
        three_neutrino_survival(1e-9, ENERGIES, **STANDARD),
        four_neutrino_survival(1e-9, ENERGIES, sin2_2theta_ee=0.5, dm2_41_eV2=10.0, **STANDARD),
        short_baseline_survival(1e-9, ENERGIES, sin2_2theta_ee=0.5, dm2_41_eV2=10.0),
        decaying_sterile_survival(1e-9, ENERGIES, x4=0.2, dm2_41_eV2=10.0, width_eV2=1.0),
    ):
        np.testing.assert_allclose(survival, 1.0, rtol=0, atol=1e-8)  # decay goes as its phase, 1e-9 times ten


def test_four_neutrinos_without_mixing_are_three():
    four = four_neutrino_survival(1700.0, ENERGIES, sin2_2theta_ee=0.0, dm2_41_eV2=1.3, **STANDARD)
    np.testing.assert_allclose(four, three_neutrino_survival(1700.0, ENERGIES, **STANDARD), rtol=1e-14)


def test_fast_oscillations_average_to_half():
    lengths = np.linspace(5.0, 15.0, 200_001)
    fast = short_baseline_survival(lengths, 4.0, sin2_2theta_ee=0.3, dm2_41_eV2=1e3)
    assert float(jnp.mean(fast)) == pytest.approx(1 - 0.15, abs=1e-4)  # 1/phase, divided by the 1000 periods seen
    washed = averaged_phase(two_neutrino_terms(0.3, 1e3), 0.01)
    assert float(washed.loss(10.0, 4.0)) == pytest.approx(0.15, rel=1e-15)
    slow = averaged_phase(two_neutrino_terms(0.3, 1e-3), 0.01)
    assert float(slow.loss(10.0, 4.0)) == float(two_neutrino_terms(0.3, 1e-3).loss(10.0, 4.0))


def test_the_short_baseline_is_four_neutrinos_nearby():
    near = short_baseline_survival(20.0, ENERGIES, sin2_2theta_ee=0.2, dm2_41_eV2=1.0)
    full = four_neutrino_survival(20.0, ENERGIES, sin2_2theta_ee=0.2, dm2_41_eV2=1.0, **STANDARD)
    # standard phases at 20 m reach 0.03, and shift the sterile ones by as much
    np.testing.assert_allclose(near, full, rtol=0, atol=4e-3)


def test_a_second_sterile_neutrino_that_does_not_mix_changes_nothing():
    two = two_sterile_survival(12.0, ENERGIES, x4=0.05, x5=0.0, dm2_41_eV2=1.3, dm2_51_eV2=3.0)
    one = short_baseline_survival(12.0, ENERGIES, sin2_2theta_ee=4 * 0.05 * 0.95, dm2_41_eV2=1.3)
    np.testing.assert_allclose(two, one, rtol=1e-14)
    mixed = two_sterile_survival(12.0, ENERGIES, x4=0.05, x5=0.1, dm2_41_eV2=1.3, dm2_51_eV2=3.0)
    expected = by_amplitudes([0.85, 0.05, 0.1], [0.0, 1.3, 3.0], 12.0, ENERGIES)
    np.testing.assert_allclose(mixed, expected, rtol=1e-8)  # digits of hbar c


def test_decay_without_width_is_three_plus_one():
    x4 = 0.5 * (1 - np.sqrt(1 - 0.3))
    stable = decaying_sterile_survival(11.0, ENERGIES, x4=x4, dm2_41_eV2=1.7, width_eV2=0.0)
    expected = short_baseline_survival(11.0, ENERGIES, sin2_2theta_ee=0.3, dm2_41_eV2=1.7)
    np.testing.assert_allclose(stable, expected, rtol=1e-13)


def test_decay_follows_its_formula():
    x, z, d = 0.2, 2 * 1.26693268 * 0.5 * 11.0 / ENERGIES, 1.26693268 * 1.7 * 11.0 / ENERGIES
    expected = (1 - x) ** 2 + x**2 * np.exp(-2 * z) + 2 * x * (1 - x) * np.exp(-z) * np.cos(2 * d)
    ours = decaying_sterile_survival(11.0, ENERGIES, x4=x, dm2_41_eV2=1.7, width_eV2=0.5)
    np.testing.assert_allclose(ours, expected, rtol=1e-7)  # digits of the constant written here


def test_wide_wave_packets_do_not_damp_and_narrow_ones_follow_the_coherence_length():
    terms = three_neutrino_terms(*(STANDARD[n] for n in ("sin2_2theta13", "dm2_32_eV2", "sin2_2theta12", "dm2_21_eV2")))
    wide = wave_packet_damped(terms, 1e9)
    np.testing.assert_allclose(wide.loss(1700.0, ENERGIES), terms.loss(1700.0, ENERGIES), rtol=1e-13)
    sigma, dm2, length, energy = 2.1e-4, 1.3, 10.0, 3.0
    metre, nanometre = 5.06773e6, 5.06773e-3  # in 1/eV
    coherence = 4 * np.sqrt(2) * (sigma * nanometre) * (energy * 1e6) ** 2 / dm2 / metre
    expected = 0.5 * (1 - np.exp(-((length / coherence) ** 2)) * np.cos(2 * 1.26693268 * dm2 * length / energy))
    narrow = wave_packet_damped(two_neutrino_terms(1.0, dm2), sigma)
    assert float(narrow.loss(length, energy)) == pytest.approx(expected, rel=3e-6)  # digits of the constants


def test_wave_packets_are_a_case_of_general_damping():
    sigma = 5e-4
    strength = 3.125e-8 / sigma**2  # 1e18/(32e24): powers of ten of m, MeV and nm in natural units
    general = damped(two_neutrino_terms(1.0, 2.0), strength, splitting_power=2.0, length_power=2.0, energy_power=4.0)
    packets = wave_packet_damped(two_neutrino_terms(1.0, 2.0), sigma)
    np.testing.assert_allclose(general.loss(9.0, ENERGIES), packets.loss(9.0, ENERGIES), rtol=1e-12)
    with pytest.raises(InvalidParameter, match="damped already"):
        wave_packet_damped(packets, 1.0)


def test_appearance_grows_as_the_square_of_small_phases():
    small = appearance_probability(0.8, 40.0, sin2_2theta_mue=0.006, dm2_41_eV2=1e-3)
    assert float(small) == pytest.approx(0.006 * (1.26693268 * 1e-3 * 0.8 / 40.0) ** 2, rel=1e-7)


def test_orderings_and_leading_splittings_agree_where_they_must():
    given_32 = three_neutrino_survival(1700.0, ENERGIES, **STANDARD)
    given_31 = three_neutrino_survival(1700.0, ENERGIES, **{**STANDARD, "dm2_32_eV2": 2.45e-3 + 7.53e-5}, leading="31")
    np.testing.assert_allclose(given_31, given_32, rtol=1e-13)
    inverted = three_neutrino_survival(1700.0, ENERGIES, **STANDARD, ordering=-1)
    assert float(jnp.max(jnp.abs(inverted - given_32))) > 1e-5
    with pytest.raises(InvalidParameter, match="expected \\+1 or -1"):
        three_neutrino_survival(1700.0, ENERGIES, **STANDARD, ordering=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sin2_2theta_ee": 1.2}, r"sin2_2theta_ee is 1\.2.*\[0, 1\]"),
        ({"sin2_2theta_ee": -0.1}, r"sin2_2theta_ee is -0\.1"),
        ({"dm2_41_eV2": 0.0}, "dm2_41_eV2 is 0.*positive"),
        ({"dm2_41_eV2": -1.0}, "dm2_41_eV2 is -1"),
        ({"length_m": 0.0}, "length is 0"),
        ({"energy_MeV": -2.0}, "energy is -2"),
    ],
)
def test_numbers_outside_their_range_are_named(change, message):
    good = {"length_m": 10.0, "energy_MeV": 4.0, "sin2_2theta_ee": 0.1, "dm2_41_eV2": 1.0}
    with pytest.raises(InvalidParameter, match=message):
        short_baseline_survival(**{**good, **change})


def test_unitarity_is_required():
    with pytest.raises(InvalidParameter, match="unitarity"):
        two_sterile_survival(10.0, 4.0, x4=0.6, x5=0.5, dm2_41_eV2=1.0, dm2_51_eV2=2.0)


def test_traced_numbers_outside_their_range_give_nan():
    traced = jax.jit(lambda s: short_baseline_survival(10.0, 4.0, sin2_2theta_ee=s, dm2_41_eV2=1.0))
    assert np.isnan(traced(1.5))
    assert np.isfinite(traced(0.5))
    assert np.isnan(nan_outside(-1e-9, 0.0, 1.0))


@few
@given(s=st.floats(0.01, 0.95), dm2=st.floats(0.2, 5.0))
def test_gradients_agree_with_finite_differences(s, dm2):
    def summed(values):
        survival = four_neutrino_survival(9.0, ENERGIES, sin2_2theta_ee=values[0], dm2_41_eV2=values[1], **STANDARD)
        return jnp.sum(survival)

    at, step = np.array([s, dm2]), 1e-6
    numeric = [(summed(at + step * e) - summed(at - step * e)) / (2 * step) for e in np.eye(2)]
    # differences: rounding 1e-15 x 40 / 1e-6, and third derivatives of up to (phase/dm2)^3 x 40 x step^2
    np.testing.assert_allclose(jax.grad(summed)(jnp.asarray(at)), numeric, rtol=1e-6, atol=2e-6)


def test_the_slope_at_full_mixing_is_finite():
    slope = jax.grad(lambda s: smaller_square(s))(1.0)
    assert float(slope) == pytest.approx(0.5)
    assert float(smaller_square(1.0)) == 0.5
    assert float(smaller_square(1e-12)) == pytest.approx(2.5e-13, rel=1e-12)  # nothing cancels
