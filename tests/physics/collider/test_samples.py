"""Samples: normalisation, weights, files, tables in JSON."""

import json

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidFile, InvalidModel, InvalidOption, UnknownName
from wilks.data.events import Events
from wilks.interchange import root
from wilks.physics.collider.samples import HIGGS, WEIGHTS, Sample, SampleTable, atlas_2020, data_periods, tutorial_files
from wilks.physics.collider.tables.official_extended import OFFICIAL_EXTENDED

EVENTS = Events({name: np.array([2.0, -1.0], dtype=np.float32) for name in WEIGHTS})


def test_normalisation_is_that_of_the_tutorial():
    # lumi*1000*xsec/(sumw*red_eff), seed cell [2]
    expected = 10.0 * 1000 * 1950.5295 / (150277594200.0 * 1)
    assert atlas_2020()["Zee"].normalisation(luminosity_fb=10.0) == pytest.approx(expected, rel=1e-15)


def test_weight_is_the_product_of_all_factors():
    zee = atlas_2020()["Zee"]
    assert zee.weights(EVENTS, 10.0) == pytest.approx(zee.normalisation(10.0) * np.array([32.0, -1.0]), rel=1e-15)


def test_data_have_weight_one_even_if_the_branches_are_zero():
    data = atlas_2020()["data"]
    zeros = Events({name: np.zeros(3, dtype=np.float32) for name in WEIGHTS})
    assert data.weights(zeros, 10.0).tolist() == [1.0, 1.0, 1.0]
    assert data.weight_columns == frozenset()


def test_release_preset_scales_zz():
    release = atlas_2020().normalised("release")
    scaled = {sample.name for sample in release if sample.k_factor != 1.0}
    assert scaled == {"llll", "ZqqZll", "llvv"}
    assert release["llll"].normalisation(1.0) == pytest.approx(1.3 * atlas_2020()["llll"].normalisation(1.0), rel=1e-15)
    with pytest.raises(InvalidOption, match="normalisation 'latest'"):
        atlas_2020().normalised("latest")


def test_tutorial_reads_ten_simulated_samples_and_data():
    table = tutorial_files()
    assert len(table) == 11
    assert set(HIGGS) <= set(table.names)
    assert [sample.name for sample in table if sample.is_data] == ["data"]


def test_table_round_trip(tmp_path):
    atlas_2020().to_json(tmp_path / "samples.json")
    assert SampleTable.from_json(tmp_path / "samples.json") == atlas_2020()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"DSID": 1, "xsec": 1.0, "sumw": 1.0}, "sample 'a' lacks 'red_eff'"),
        ({"DSID": 1, "xsec": 1.0, "sumw": 1.0, "red_eff": 1, "xsek": 2}, "has the unknown key 'xsek'"),
    ],
)
def test_incomplete_rows_are_named(row, message, tmp_path):
    (tmp_path / "s.json").write_text(json.dumps({"a": row}))
    with pytest.raises(InvalidFile, match=message):
        SampleTable.from_json(tmp_path / "s.json")


def test_broken_table_is_refused(tmp_path):
    (tmp_path / "s.json").write_text("{")
    with pytest.raises(InvalidFile, match="no valid JSON"):
        SampleTable.from_json(tmp_path / "s.json")


def test_unknown_sample_names_the_nearest():
    with pytest.raises(UnknownName, match="no sample 'Zeee' in the table; did you mean 'Zee'"):
        atlas_2020()["Zeee"]


@pytest.mark.parametrize(
    ("values", "message"),
    [({"xsec_pb": 0.0, "sumw": 1.0}, "xsec_pb is 0.0"), ({"xsec_pb": 1.0}, "sumw is nan")],
)
def test_sample_without_normalisation_is_refused(values, message):
    with pytest.raises(InvalidModel, match=message):
        Sample("a", **values)


def test_names_must_differ_and_kinds_are_known():
    with pytest.raises(InvalidModel, match="two samples are named 'data'"):
        SampleTable((Sample("data", "data"), Sample("data", "data")))
    with pytest.raises(InvalidOption, match="kind 'fake' does not exist"):
        Sample("a", "fake")
    with pytest.raises(InvalidData, match="luminosity 0 fb"):
        atlas_2020()["Zee"].normalisation(0)


@pytest.mark.parametrize("layout", ["", "MC"])
def test_both_layouts_of_folders_are_accepted(layout, tmp_path):
    (tmp_path / layout).mkdir(exist_ok=True)
    file = tmp_path / layout / "mc_361106.Zee.4lep.root"
    file.touch()
    assert atlas_2020()["Zee"].paths(tmp_path) == (file,)


def test_missing_files_are_named_with_their_size(tmp_path):
    with pytest.raises(InvalidFile, match=r"mc_363490.llll.4lep.root \(179,082,866 bytes\) is not in"):
        atlas_2020()["llll"].paths(tmp_path)
    with pytest.raises(InvalidFile, match=r"lacks 11 of 11 samples: Zee .*llll \(179,082,866 bytes\).*size unknown"):
        tutorial_files().present(tmp_path)
    (tmp_path / "data.4lep.root").touch()
    assert tutorial_files().present(tmp_path, allow_missing=True).names == ("data",)


def test_data_come_merged_or_by_period():
    assert len(data_periods().files) == 4
    assert not set(data_periods().files) & set(atlas_2020()["data"].files)


@pytest.mark.shared
def test_release_preset_reproduces_the_published_sums(shared_data):
    folder = shared_data / "atlas4l/hists_MASHEP"
    table = atlas_2020().normalised("release")
    for published, names in (("Signal", HIGGS), ("Background", set(OFFICIAL_EXTENDED.samples) - set(HIGGS))):
        summed = sum(
            root.histogram(folder / f"{name}.root", "mass_ext_four_lep").values() * table[name].normalisation(10.064)
            for name in names
        )
        stored = root.histogram(folder / f"{published}.root", "mass_ext_four_lep", variances=np.ones(30)).values()
        # collider.md 3.1: rounded to single precision in the file
        np.testing.assert_allclose(summed, stored, atol=1e-6, rtol=1e-6)
