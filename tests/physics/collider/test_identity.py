"""Files that are not what they are taken for, and events that occur twice."""

import numpy as np
import pytest

from wilks._base.errors import InvalidData
from wilks.data.events import Events
from wilks.interchange import root
from wilks.physics.collider.identity import FIGURES, IDENTITY, check_dataset, check_overlaps, normalisation_notices
from wilks.physics.collider.samples import atlas_2020

ZEE, DATA = atlas_2020()["Zee"], atlas_2020()["data"]


def numbered(channel, events):
    return Events(
        {
            "channelNumber": np.full(len(events), channel, dtype=np.int32),
            "eventNumber": np.array(events, dtype=np.int32),
        },
        source="some.root",
    )


def test_other_dataset_is_refused_with_both_numbers():
    check_dataset(ZEE, numbered(361106, [1, 2]))
    check_dataset(DATA, numbered(300000, [1]))
    with pytest.raises(
        InvalidData, match=r"some.root: channelNumber is 361107, but sample 'Zee' has dataset number 361106"
    ):
        check_dataset(ZEE, numbered(361107, [1, 2]))


def test_figures_that_differ_are_noticed_and_the_table_wins():
    def stated(xsec, sumw):
        return Events({"XSection": np.array([xsec], np.float32), "SumWeights": np.array([sumw], np.float32)})

    assert normalisation_notices(ZEE, stated(ZEE.xsec_pb, ZEE.sumw)) == ()
    (notice,) = normalisation_notices(ZEE, stated(1950.0, ZEE.sumw))
    assert "file says 1950, table 1950.5295 pb; the table is used" in notice
    assert "(not filled)" in normalisation_notices(ZEE, stated(1.0, 1.0))[0]
    assert normalisation_notices(DATA, stated(1.0, 1.0)) == ()


def test_overlapping_files_are_named_with_the_number_of_events():
    merged, a, b = numbered(1, [1, 2, 3]), numbered(1, [1]), numbered(1, [2, 3])
    with pytest.raises(InvalidData, match="3 events occur twice: all holds those of a, b; leave out either all or"):
        check_overlaps({"all": [merged], "a": [a], "b": [b]})
    check_overlaps({"a": [a], "b": [b], "other dataset": [numbered(2, [1, 2, 3])]})


@pytest.mark.shared
def test_real_merged_files_are_found_out(shared_data):
    folder = shared_data / "atlas4l"
    names = [folder / "MC" / f"mc_{name}.4lep.root" for name in ("ZeeZmumu", "361106.Zee", "361107.Zmumu")]
    with pytest.raises(InvalidData, match=r"1582 events occur twice: mc_ZeeZmumu.4lep.root holds"):
        check_overlaps({path.name: root.events(path, IDENTITY) for path in names})
    with pytest.raises(InvalidData, match=r"channelNumber is 361107, but sample"):
        check_dataset(ZEE, next(iter(root.events(names[0], IDENTITY))))


@pytest.mark.shared
def test_real_data_periods_overlap_with_the_merged_file(shared_data):
    files = {path.name: root.events(path, IDENTITY) for path in (shared_data / "atlas4l/Data").glob("*.root")}
    with pytest.raises(InvalidData, match=r"832 events occur twice: data.4lep.root holds those of data_A"):
        check_overlaps(files)


@pytest.mark.shared
def test_real_figures_agree_with_the_table_except_ttw(shared_data):
    for name in ("Zee", "Zmumu", "Ztautau", "ttbar_lep", "ttW"):
        sample = atlas_2020()[name]
        (path,) = sample.paths(shared_data / "atlas4l")
        notices = {notice for events in root.events(path, FIGURES) for notice in normalisation_notices(sample, events)}
        assert len(notices) == (2 if name == "ttW" else 0)
