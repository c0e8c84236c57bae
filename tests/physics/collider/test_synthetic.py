"""Synthetic events: exact kinematics, determinism in (key, chunk), the detector, weights, and files."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest

from wilks._base.errors import InvalidData, InvalidOption
from wilks.data.events import Ragged
from wilks.interchange import root
from wilks.physics.collider.decays import breit_wigner, four_leptons
from wilks.physics.collider.events import invariant_mass, mass_4l, pairing
from wilks.physics.collider.samples import WEIGHTS, atlas_2020
from wilks.physics.collider.selection import tutorial
from wilks.physics.collider.synthetic import bootstrap, four_lepton_events, generator, stream

LLLL = atlas_2020()["llll"]


@settings(max_examples=20)
@given(st.integers(0, 2**64 - 1), st.sampled_from(["higgs", "llll"]))
def test_generated_leptons_have_the_generated_mass_and_momentum(key, process):
    made = four_leptons(generator(key, 0), process, 200)
    # collider.md 10.6: 1e-9 relative
    np.testing.assert_allclose(invariant_mass(made.momenta.sum(axis=-1)), made.mass_gev, rtol=1e-9)
    scale = made.parent[0]
    np.testing.assert_allclose(made.momenta.sum(axis=-1) / scale, made.parent / scale, atol=1e-12)
    assert (made.charges.sum(axis=1) == 0).all()
    assert (made.types[:, ::2] == made.types[:, 1::2]).all()


def test_masses_follow_the_stated_spectra():
    higgs = four_leptons(generator(1, 0), "higgs", 20_000).mass_gev
    assert np.abs(higgs - 125.0).max() < 0.1 + 1e-9
    assert np.median(np.abs(higgs - 125.0)) == pytest.approx(2e-3, rel=0.05)  # 20,000 events: 1.6 % statistical
    continuum = four_leptons(generator(2, 0), "llll", 20_000).mass_gev
    # 14 % below 95 GeV up to the tails of the Z between 95 and 110: binomial error 0.25 %
    assert np.mean(continuum < 95.0) == pytest.approx(0.14 * 0.86, abs=0.015)
    assert np.mean(continuum > 190.0) == pytest.approx(0.58, abs=0.05)


def test_breit_wigner_has_its_cumulative_distribution():
    low, high = 70.0, 110.0
    masses = breit_wigner(generator(3, 0), 91.19, 2.5, np.full(5000, low), np.full(5000, high))

    def angle(m):
        return np.arctan((m**2 - 91.19**2) / (91.19 * 2.5))

    assert kstest(masses, lambda m: (angle(m) - angle(low)) / (angle(high) - angle(low))).pvalue > 1e-3


def test_stream_has_exactly_the_number_of_events():
    chunks = list(stream(5, "llll", 250, sample=LLLL, chunk_events=100))
    assert [(chunk.first, len(chunk)) for chunk in chunks] == [(0, 100), (100, 100), (200, 50)]
    numbers = np.concatenate([chunk["eventNumber"] for chunk in chunks])
    assert numbers.tolist() == list(range(250))
    assert list(stream(5, "llll", 0)) == []


def test_same_key_and_chunk_give_the_same_bytes_and_others_do_not():
    first, again = (four_lepton_events(7, "higgs", 50, chunk=3, sample=LLLL) for _ in range(2))
    for name, column in first.columns.items():
        values = (x.values if isinstance(x, Ragged) else x for x in (column, again[name]))
        np.testing.assert_array_equal(*values)
    for other in (four_lepton_events(7, "higgs", 50, chunk=4), four_lepton_events(8, "higgs", 50, chunk=3)):
        assert not np.array_equal(other["lep_pt"].values, first["lep_pt"].values)


def test_detector_thresholds_order_and_triggers():
    events = four_lepton_events(1, "llll", 2000)
    pt, electron = events["lep_pt"], events["lep_type"] == 11
    assert pt.values[electron.values].min() > 7.0
    assert pt.values[~electron.values].min() > 5.0
    assert (np.abs(events["lep_eta"]) < 2.5).all().all()
    np.testing.assert_array_equal(pt.sort(descending=True).values, pt.values)
    assert (events["trigE"] | events["trigM"]).all()
    assert pairing(events).paired.all()


def test_higgs_peak_has_the_resolution_of_the_leptons():
    masses = mass_4l(four_lepton_events(1, "higgs", 4000))
    # each lepton 1.6-2 %, four independent ones: about 1 % of 125 GeV
    assert masses.mean() == pytest.approx(125.0, abs=0.3)
    assert 1.0 < masses.std() < 1.6


def test_weights_have_the_stated_mean_and_sign():
    (events,) = stream(9, "llll", 20_000, sample=LLLL)
    size = np.abs(events["mcWeight"])
    # relative error of the mean: sqrt(1/20/20000) = 0.16 %
    assert size.mean() == pytest.approx(LLLL.sumw / 20_000, rel=0.01)
    assert np.mean(events["mcWeight"] < 0) == pytest.approx(0.02, abs=0.005)
    assert events["scaleFactor_PILEUP"].std() == pytest.approx(0.12, rel=0.05)


def test_data_mode_has_the_weights_of_real_data():
    events = four_lepton_events(1, "llll", 10)
    assert not any(events[name].any() for name in WEIGHTS)
    assert (events["XSection"] == 1).all()


def test_bootstrap_keeps_weights_and_smears_momenta():
    small = four_lepton_events(1, "llll", 5, sample=LLLL)
    drawn = bootstrap(2, small, 1000)
    assert len(drawn) == 1000
    assert set(drawn["mcWeight"]) <= set(small["mcWeight"])
    ratio = drawn["lep_E"].values / drawn["lep_pt"].values
    assert ratio == pytest.approx(np.cosh(drawn["lep_eta"].values), rel=1e-3)  # both smeared alike
    assert len(set(drawn["eventNumber"])) == 1000
    with pytest.raises(InvalidData, match="no event to draw from"):
        bootstrap(2, small.where(np.zeros(5, dtype=bool)), 10)


def test_unknown_process_is_refused():
    with pytest.raises(InvalidOption, match="process 'zz' does not exist"):
        four_lepton_events(1, "zz", 10)


@pytest.mark.parametrize("form", ["ttree", "rntuple"])
def test_written_streams_pass_the_same_cuts(form, tmp_path):
    chunks = list(stream(4, "llll", 300, sample=LLLL, chunk_events=128))
    assert root.write_events(tmp_path / "e.root", chunks, form=form) == 300
    selection = tutorial(etcone="fixed")
    (back,) = root.events(tmp_path / "e.root", chunks[0].columns)
    direct = sum(len(selection.apply(chunk, np.ones(len(chunk)))[0]) for chunk in chunks)
    assert len(selection.apply(back, np.ones(300))[0]) == direct > 0
    # momenta went through single precision
    np.testing.assert_allclose(mass_4l(back), np.concatenate([mass_4l(chunk) for chunk in chunks]), rtol=1e-5)
