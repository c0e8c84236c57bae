"""From real ROOT files (collider.md 8.2) to templates and fit."""

import pytest

from wilks._base.errors import InvalidData, InvalidFile, InvalidOption
from wilks.studies.higgs4l.event_files import events, filled
from wilks.studies.higgs4l.posing import Treatment
from wilks.studies.study import Effort

pytest.importorskip("uproot")
pytestmark = pytest.mark.shared

FILES = {
    "Data": ["data.4lep.root"],
    "MC": ["mc_361106.Zee.4lep.root", "mc_361107.Zmumu.4lep.root", "mc_410000.ttbar_lep.4lep.root"],
}
MISSING = "llll, llvv, ZqqZll, ggH125_ZZ4lep, VBFH125_ZZ4lep, WH125_ZZ4lep, ZH125_ZZ4lep"


def linked(target, source, layout=FILES, flat=False):
    for part, names in layout.items():
        place = target if flat else target / part
        place.mkdir(exist_ok=True)
        for name in names:
            (place / name).symlink_to(source / "atlas4l" / part / name)
    return target


@pytest.fixture
def folder(shared_data, tmp_path):
    return linked(tmp_path, shared_data)


@pytest.fixture(scope="module")
def report(shared_data, tmp_path_factory):
    place = linked(tmp_path_factory.mktemp("events"), shared_data)
    return events(place, selection="tutorial", allow_missing=True, effort=Effort(toys=0))


def test_the_counts_are_those_of_the_files(report):
    data = report.numbers["cutflow"]["data"]
    assert (data["events"][0], data["events"][-1]) == (832, 418)
    picture = next(iter(report.chapters[1].draw().values()))
    assert picture.axes[0].get_xlim() == (80.0, 250.0)


@pytest.mark.parametrize(
    ("sample", "sumw", "error", "count"),
    [
        ("Zee", 28.954435, 2.841026, 176),
        ("Zmumu", 37.133271, 3.183974, 201),
        ("ttbar_lep", 8.461023, 0.896575, 131),
    ],
)
def test_weights_are_those_of_the_files(folder, report, sample, sumw, error, count):
    assert report.numbers["cutflow"][sample]["events"][-1] == count
    histogram = filled(folder, "tutorial", Treatment(), True).histograms[sample]
    assert histogram.values().sum() == pytest.approx(sumw, rel=1e-5)  # weights are float32
    assert histogram.variances().sum() ** 0.5 == pytest.approx(error, rel=1e-5)


def test_the_official_selection_counts_218(folder):
    templates = filled(folder, "official", Treatment(), True)
    assert templates.data.values().sum() == 218
    assert len(templates.total.axis) == 30


def test_missing_samples_are_named_and_every_result_says_so(report):
    assert report.flags["incomplete"] == MISSING
    assert list(report.numbers["parameters"]) == ["s_b"]  # no Higgs file: nothing to measure but the background
    assert "discovery" not in report.results


def test_missing_samples_are_refused_with_their_size(folder):
    with pytest.raises(InvalidFile, match=r"lacks 7 of 11 samples: .*llll \(179,082,866 bytes\)"):
        events(folder, selection="tutorial")


def test_a_flat_folder_and_separate_periods_are_the_same_data(shared_data, tmp_path):
    periods = [f"data_{period}.4lep.root" for period in "ABCD"]
    place = linked(tmp_path, shared_data, {"Data": periods, "MC": FILES["MC"]}, flat=True)
    assert filled(place, "tutorial", Treatment(), True).data.values().sum() == 300


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"Data": ["data_A.4lep.root"]}, "39 events occur twice: data.4lep.root holds those of data_A.4lep.root"),
        ({"MC": ["mc_ZeeZmumu.4lep.root"]}, "1582 events occur twice: mc_ZeeZmumu.4lep.root holds those of mc_361107"),
    ],
)
def test_files_that_hold_the_same_events_are_refused(folder, shared_data, extra, message):
    linked(folder, shared_data, extra)
    with pytest.raises(InvalidData, match=message):
        events(folder, allow_missing=True)


def test_another_dataset_beside_them_is_left_alone(folder, shared_data):
    linked(folder, shared_data, {"MC": ["mc.graviton.4lep.root"]})
    assert "graviton" not in filled(folder, "tutorial", Treatment(), True).names


def test_a_folder_without_data_or_simulation_is_refused(shared_data, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidFile, match="holds no data"):
        events(tmp_path / "empty", allow_missing=True)
    alone = tmp_path / "alone"
    alone.mkdir()
    with pytest.raises(InvalidFile, match="no simulated sample"):
        events(linked(alone, shared_data, {"Data": FILES["Data"]}), allow_missing=True)
    with pytest.raises(InvalidOption, match="selection 'loose' does not exist"):
        events(tmp_path, selection="loose")
