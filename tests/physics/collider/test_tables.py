"""The typed tables: their sums, and their agreement with the files they were read from."""

import json

import numpy as np
import pytest
import uproot

from wilks._base.errors import InvalidData, UnknownName
from wilks.data.axes import Regular
from wilks.physics.collider.tables import cms
from wilks.physics.collider.tables.official_extended import OFFICIAL_EXTENDED
from wilks.physics.collider.tables.official_low import OFFICIAL_LOW
from wilks.physics.collider.tables.sample_figures import SAMPLES_2020
from wilks.physics.collider.tables.template_table import TemplateTable
from wilks.physics.collider.tables.tutorial import RECONSTRUCTED, TUTORIAL

TYPED = 6e-9  # nine significant digits: half a unit of the ninth, at worst 5e-9 relative
TUTORIAL_COUNTS = (
    "4 22 26 8 1 4 6 5 21 10 7 6 7 6 6 5 8 4 7 4 15 15 5 12 9 10 9 8 5 13 8 8 9 7"  # collider.md 8.2, real data
)


def test_data_counts_of_the_three_selections():
    assert OFFICIAL_EXTENDED.data.values().sum() == 218
    assert OFFICIAL_LOW.data.values().sum() == 95
    assert TUTORIAL.counts == tuple(int(n) for n in TUTORIAL_COUNTS.split())
    assert sum(TUTORIAL.counts) == 300


@pytest.mark.parametrize(
    ("name", "sumw", "error"),
    [("Zee", 28.954435, 2.841026), ("Zmumu", 37.133271, 3.183974), ("ttbar_lep", 8.461023, 0.896575)],
)
def test_tutorial_sums_of_weights_inside_the_window(name, sumw, error):
    h = TUTORIAL.histogram(name)
    # the reference is quoted to six decimals
    assert h.values().sum() == pytest.approx(sumw, abs=1e-6)
    assert np.sqrt(h.variances().sum()) == pytest.approx(error, abs=1e-6)


def test_single_negative_bins_exist_but_no_negative_sum():
    negative = {name for name, h in OFFICIAL_EXTENDED.histograms.items() if (h.values() < 0).any()}
    assert negative == {"Zee", "ZqqZll", "lllv"}
    assert (sum(h.values() for h in OFFICIAL_EXTENDED.histograms.values()) > 0).all()


def test_reconstructed_templates_say_so():
    assert RECONSTRUCTED.label == "reconstructed"
    pearson = (TUTORIAL.data.values() - RECONSTRUCTED.signal - RECONSTRUCTED.background) ** 2 / (
        RECONSTRUCTED.signal + RECONSTRUCTED.background
    )
    # printed by the tutorial before any fit; reproduced to 1e-8 by the reconstruction, here typed to nine digits
    assert pearson.sum() / 34 == pytest.approx(1.597845078902861, rel=3e-8)


def test_every_table_cites_its_source():
    for table in (OFFICIAL_EXTENDED, OFFICIAL_LOW, TUTORIAL, RECONSTRUCTED):
        assert "ATL-OREACH-PUB-2020-001" in table.citation
    assert "10.7483/OPENDATA.CMS.JKB8.RR42" in cms.CITATION


def test_unknown_sample_and_short_column_are_refused():
    with pytest.raises(UnknownName, match="no sample 'Ze'; did you mean 'Zee'"):
        TUTORIAL.histogram("Ze")
    with pytest.raises(InvalidData, match="column 'counts' has not 2 numbers"):
        TemplateTable(Regular(2, 0.0, 1.0), 1.0, "citation", "table", (1,), {})


def test_cms_weights_and_sums():
    # 11580 pb^-1 x 0.0065 pb / 299973 events; 37 bins of unit weights
    assert cms.FILES["HZZ12"].weight == pytest.approx(2.5092258e-4, rel=1e-7)
    assert cms.templates("4mu", ("12",))["HZZ"].values().sum() == pytest.approx(10900 * cms.FILES["HZZ12"].weight)
    for channel in cms.CHANNELS:
        for process, h in cms.templates(channel).items():
            assert set(h.counts()[h.variances() == 0]) <= {0.0}, process


def test_cms_has_no_other_channels_and_years():
    with pytest.raises(UnknownName, match="no channel '4m'; did you mean"):
        cms.data("4m")
    with pytest.raises(UnknownName, match="known years are '11'"):
        cms.templates("4e", ("10",))
    with pytest.raises(UnknownName, match="no simulated file 'ZZ4mu11'"):
        cms.simulated("4e", "ZZ4mu11")


@pytest.mark.shared
def test_extended_table_agrees_with_the_file(shared_data):
    file = json.loads((shared_data / "atlas4l/atlas_od13_4lep_official_hists.json").read_text())
    assert OFFICIAL_EXTENDED.axis.edges.tolist() == pytest.approx(file["edges"], rel=1e-12)
    assert list(OFFICIAL_EXTENDED.counts) == file["data"]
    assert set(OFFICIAL_EXTENDED.samples) == set(file["samples"])
    for name, columns in file["samples"].items():
        h = OFFICIAL_EXTENDED.histogram(name)
        np.testing.assert_allclose(h.values(), columns["values"], rtol=TYPED)
        np.testing.assert_allclose(h.variances(), columns["variances"], rtol=TYPED)


@pytest.mark.shared
def test_low_table_agrees_with_the_files(shared_data):
    figures = {row.name: row for row in SAMPLES_2020}
    for name in OFFICIAL_LOW.samples:
        with uproot.open(shared_data / f"atlas4l/hists_MASHEP/{name}.root") as file:
            values, variances = (
                np.asarray(a, float) for a in (file["mass_four_lep"].values(), file["mass_four_lep"].variances())
            )
        weight = 10.0 * 1000 * figures[name].xsec_pb / figures[name].sumw
        np.testing.assert_allclose(OFFICIAL_LOW.histogram(name).values(), values * weight, rtol=TYPED)
        np.testing.assert_allclose(OFFICIAL_LOW.histogram(name).variances(), variances * weight**2, rtol=TYPED)
    with uproot.open(shared_data / "atlas4l/hists_MASHEP/data.root") as file:
        np.testing.assert_array_equal(OFFICIAL_LOW.counts, file["mass_four_lep"].values())


@pytest.mark.shared
def test_every_process_with_an_event_is_in_the_low_table(shared_data):
    for path in (shared_data / "atlas4l/hists_MASHEP").glob("*.root"):
        with uproot.open(path) as file:
            filled = bool(file["mass_four_lep"].values().any())
        assert filled == (path.stem in OFFICIAL_LOW.samples) or path.stem in ("data", "Signal", "Background")


@pytest.mark.shared
def test_reconstructed_table_agrees_with_the_file(shared_data):
    file = json.loads((shared_data / "atlas4l/seed_templates_reconstructed.json").read_text())
    assert list(TUTORIAL.counts) == file["H_data"]
    np.testing.assert_allclose(RECONSTRUCTED.signal, file["H_125"], rtol=TYPED)
    np.testing.assert_allclose(RECONSTRUCTED.background, file["H_bkg"], rtol=TYPED)
    exact = [TUTORIAL.histogram(name) for name in TUTORIAL.samples]
    # the file was summed from float32 products: 1e-6 of bins of about 10 events
    np.testing.assert_allclose(sum(h.values() for h in exact), file["H_bkg_exact_part"], atol=1e-6)
    np.testing.assert_allclose(sum(h.variances() for h in exact), file["H_bkg_exact_part_sumw2"], atol=1e-6)


@pytest.mark.shared
def test_sample_figures_agree_with_the_file(shared_data):
    file = json.loads((shared_data / "atlas4l/sample_metadata.json").read_text())
    for row in SAMPLES_2020:
        stated = file[row.name]
        assert (row.dsid, row.xsec_pb, row.sumw, row.red_eff) == tuple(
            stated[k] for k in ("DSID", "xsec", "sumw", "red_eff")
        )
        path = shared_data / "atlas4l" / row.folder_and_file
        assert not path.is_file() or path.stat().st_size == row.size


@pytest.mark.shared
def test_cms_counts_agree_with_the_files(shared_data):
    for channel, files in cms.COUNTS.items():
        for name, counts in files.items():
            with uproot.open(shared_data / f"cms4l/{name}.root") as file:
                np.testing.assert_array_equal(counts, file[f"demo/mass{channel}_8TeV_low"].values())
                if name in cms.FILES:
                    assert file["demo/NGMuons"].member("fEntries") == cms.FILES[name].generated


@pytest.mark.shared
def test_cms_data_agree_with_the_candidates(shared_data):
    for channel, stem in (("4mu", "4mu"), ("4e", "4e"), ("2mu2e", "2e2mu")):
        for year in cms.YEARS:
            rows = np.genfromtxt(shared_data / f"cms4l/{stem}_20{year}.csv", delimiter=",", names=True)
            np.testing.assert_array_equal(
                np.histogram(rows["M"], cms.AXIS.edges)[0], cms.data(channel, (year,)).values()
            )
