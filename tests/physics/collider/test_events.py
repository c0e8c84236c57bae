"""Masses, pairs and channels of four leptons."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidData
from wilks.data.events import Events
from wilks.physics.collider.events import check_leptons, four_momenta, invariant_mass, mass_4l, pairing

from .lepton_events import four_leptons


@given(st.floats(0.1, 500), st.floats(-3, 3), st.floats(-3.2, 3.2), st.floats(0, 200))
def test_mass_of_one_particle_is_its_mass(pt, eta, phi, mass):
    energy = np.sqrt((pt * np.cosh(eta)) ** 2 + mass**2)
    momentum = four_momenta(np.array([pt]), np.array([eta]), np.array([phi]), np.array([energy]))
    # E^2 - p^2 loses up to E^2 eps, with E below 5100 GeV: m^2 is good to 1e-8 GeV^2
    assert float(invariant_mass(momentum)[0]) ** 2 == pytest.approx(mass**2, abs=1e-7)


def test_mass_of_two_back_to_back_pairs():
    events = four_leptons([13, 13, 11, 11], pts=(50.0,) * 4, lep_eta=0.0, lep_phi=[0.0, np.pi, np.pi / 2, -np.pi / 2])
    # four massless particles of 50 GeV at rest together: 200 GeV up to rounding
    assert mass_4l(events) == pytest.approx([200.0], rel=1e-14)


def test_negative_mass_squared_becomes_zero():
    assert invariant_mass(np.array([[1.0], [1.0], [1e-3], [0.0]])).tolist() == [0.0]


def test_mass_needs_exactly_four_leptons():
    with pytest.raises(InvalidData, match="event 0 has 3 leptons"):
        mass_4l(four_leptons([[11, 11, 13]], charges=(1, -1, 1), pts=(40, 30, 20), lep_eta=0.0, lep_phi=0.0))


def test_channels_and_pairs():
    types = [[11, 11, 11, 11], [13, 13, 13, 13], [11, 13, 13, 11], [11, 13, 13, 13]]
    charges = [[1, -1, 1, -1], [1, -1, -1, 1], [1, 1, -1, -1], [1, 1, -1, -1]]
    found = pairing(four_leptons(types, charges))
    assert found.channel.tolist() == ["4e", "4mu", "2e2mu", "other"]
    assert found.paired.tolist() == [True, True, True, False]
    assert np.isnan(found.z2_gev).tolist() == [False, False, False, True]


def test_opposite_charges_of_wrong_flavours_are_no_pairing():
    same_sign = pairing(four_leptons([[11, 11, 13, 13]], [[1, 1, -1, -1]]))  # e+ e+ mu- mu-
    assert same_sign.paired.tolist() == [False]
    assert same_sign.channel.tolist() == ["2e2mu"]
    assert np.isnan(same_sign.z1_gev).all()


def test_z1_is_the_pair_nearest_to_the_z():
    # e+e- of 91 GeV back to back, and a soft pair
    events = four_leptons(
        [[11, 11, 13, 13]], pts=(45.5938, 45.5938, 10.0, 10.0), lep_eta=0.0, lep_phi=[0.0, np.pi, 0.0, np.pi]
    )
    found = pairing(events)
    assert found.z1_gev == pytest.approx([91.1876], rel=1e-12)  # massless and back to back: 2 pt
    assert found.z2_gev == pytest.approx([20.0], rel=1e-12)


@given(st.permutations(range(4)))
def test_order_of_leptons_does_not_matter(order):
    rng = np.random.default_rng(3)
    pts, phis = rng.uniform(10, 60, 4), rng.uniform(-3, 3, 4)
    types, charges = np.array([11, 13, 11, 13]), np.array([1, 1, -1, -1])
    first = pairing(four_leptons([types], charges, pts, lep_phi=phis, lep_eta=0.1))
    order = list(order)
    other = pairing(four_leptons([types[order]], charges[order], pts[order], lep_phi=phis[order], lep_eta=0.1))
    # sums of four terms in another order
    assert other.z1_gev == pytest.approx(first.z1_gev, rel=1e-12)
    assert other.z2_gev == pytest.approx(first.z2_gev, rel=1e-12)


@pytest.mark.parametrize(("name", "value"), [("lep_type", 15), ("lep_charge", 0)])
def test_impossible_leptons_are_named(name, value):
    events = four_leptons([[11, 11, 13, 13], [11, 11, 13, 13]])
    bad = events[name].values.copy()
    bad[6] = value
    with pytest.raises(InvalidData, match=f"event 1 has {name} {value}"):
        check_leptons(events.with_columns({name: events[name].like(bad)}))


def test_missing_lepton_columns_are_not_checked():
    check_leptons(Events({"mcWeight": np.ones(1)}))
