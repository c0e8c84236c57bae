"""Cuts and selections: what they keep, in which order, and the counts on real data."""

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, UnknownName
from wilks.data.events import Events
from wilks.data.histogram import Histogram
from wilks.interchange import root
from wilks.physics.collider.events import MASS, mass_4l
from wilks.physics.collider.selection import Cut, Selection, official, tutorial
from wilks.physics.collider.tables.official_extended import OFFICIAL_EXTENDED
from wilks.physics.collider.tables.official_low import OFFICIAL_LOW
from wilks.physics.collider.tables.tutorial import TUTORIAL

from .lepton_events import four_leptons

GOOD = [13, 13, 11, 11]
HARD = Cut("hard", frozenset({"lep_pt"}), lambda events: events["lep_pt"].max() > 35.0, "GeV")
SELECTIONS = {
    "tutorial": tutorial(),
    "fixed": tutorial(etcone="fixed", trigger=True),
    "official": official(),
    "pairing": official(pairing=True),
}


def passes(selection, events):
    return selection.apply(events, np.ones(len(events)))[0]


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
def test_harmless_event_passes(selection):
    assert len(passes(selection, four_leptons(GOOD))) == 1


@pytest.mark.parametrize("selection", SELECTIONS.values(), ids=SELECTIONS)
def test_every_cut_reads_exactly_the_columns_it_names(selection):
    events = four_leptons([GOOD])
    for cut in selection.cuts:
        named = {name: events[name] for name in cut.columns}
        cut(Events(named))  # reads no other column
        for name in cut.columns:
            with pytest.raises(UnknownName, match=name):  # and each of these
                cut.function(Events({other: named[other] for other in named if other != name} | {"x": np.ones(1)}))


@pytest.mark.parametrize(
    ("change", "cut"),
    [
        ({"pts": (19.0, 15.0, 12.0, 11.0)}, "leading_pt"),
        ({"pts": (40.0, 30.0, 20.0, 6.9)}, "softest_pt"),
        ({"lep_eta": [0.0, 0.0, 0.0, -2.5]}, "eta"),
        ({"lep_ptcone30": [0.0, 0.0, 0.0, 4.6]}, "isolation"),
        ({"charges": (1, 1, 1, -1)}, "charge"),
    ],
)
def test_tutorial_cut_removes_the_event(change, cut):
    kept, _, sums = tutorial().apply(four_leptons(GOOD, **change), np.ones(1))
    place = sums.steps.index(cut)
    assert len(kept) == 0
    assert sums.events[place - 1 : place + 1].tolist() == [1, 0]


def test_flavours_of_three_and_one_fail():
    assert len(passes(tutorial(), four_leptons([11, 13, 13, 13]))) == 0


def test_calorimeter_isolation_counts_only_when_fixed():
    events = four_leptons(GOOD, lep_etcone20=[0.0, 0.0, 0.0, 10.0])
    assert len(passes(tutorial(), events)) == 1
    assert len(passes(tutorial(etcone="fixed"), events)) == 0
    with pytest.raises(InvalidOption, match="etcone 'both' does not exist"):
        tutorial(etcone="both")


def test_trigger_is_applied_only_on_request_and_always_known():
    silent = four_leptons(GOOD, trigE=False)
    assert len(passes(tutorial(), silent)) == 1
    assert len(passes(tutorial(trigger=True), silent)) == 0
    assert [cut.name for cut in tutorial().unapplied] == ["trigger"]
    assert len(passes(official(), silent)) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"lep_ptcone30": [0.0, 0.0, 0.0, 4.6]},
        {"lep_etcone20": [0.0, 0.0, 0.0, 4.6]},
        {"lep_z0": [0.0, 0.0, 0.55, 0.0]},
        {"lep_trackd0pvunbiased": [3.1, 0.0, 0.0, 0.0]},
        {"lep_trackd0pvunbiased": [0.0, 0.0, 0.0, -5.1]},
        {"lep_eta": [0.0, 0.0, 0.0, 2.48]},
        {"pts": (24.0, 20.0, 15.0, 10.0)},
        {"pts": (40.0, 30.0, 9.0, 8.0)},
    ],
)
def test_official_selection_refuses(change):
    assert len(passes(official(), four_leptons(GOOD, **change))) == 0


@pytest.mark.parametrize(
    "change",
    [
        {"lep_z0": [0.0, 0.0, 0.0, 0.53], "lep_eta": [0.0, 0.0, 0.0, 0.5]},  # 0.53 mm x sin(theta) = 0.47 mm
        {"lep_trackd0pvunbiased": [2.9, 0.0, 0.0, 4.9]},
        {"lep_eta": [2.49, 0.0, 0.0, 2.46]},
    ],
)
def test_official_selection_keeps(change):
    assert len(passes(official(), four_leptons(GOOD, **change))) == 1


def test_bad_leptons_are_removed_and_the_rest_sorted():
    events = four_leptons(
        [[13, 11, 13, 11, 13]], charges=(1, -1, -1, 1, 1), pts=(20.0, 30.0, 12.0, 26.0, 40.0),
        lep_eta=[0.1, 0.2, 0.3, 0.4, 0.5], lep_phi=0.0, lep_z0=[0, 0, 0, 0, 9.0],
    )  # fmt: skip
    (kept, _, sums) = official().apply(events, np.ones(1))
    assert kept["lep_pt"].values.tolist() == [30.0, 26.0, 20.0, 12.0]
    assert kept["lep_eta"].values.tolist() == [0.2, 0.4, 0.1, 0.3]
    assert kept["lep_n"].tolist() == [4]
    assert sums.events.tolist() == [1] * 7


def test_same_sign_pairs_never_pass_with_pairing():
    same_sign = four_leptons([11, 11, 13, 13], charges=(1, 1, -1, -1))
    assert len(passes(official(), same_sign)) == 1
    assert len(passes(official(pairing=True), same_sign)) == 0


def test_cuts_combine_in_order():
    other = Cut("other", frozenset({"lep_n"}), lambda events: events["lep_n"] == 4)
    both = HARD & other
    assert both.names == ("hard", "other")
    assert both.columns == {"lep_pt", "lep_n"}
    assert both.needed_by["lep_n"] == "cut 'other'"
    assert both.digest != (other & HARD).digest
    assert (both & HARD.__class__("third", frozenset(), other.function)).names[-1] == "third"
    with pytest.raises(InvalidModel, match="two cuts named 'hard'"):
        HARD & HARD


def test_weights_follow_their_events():
    events = four_leptons([GOOD, GOOD], pts=[[40, 30, 20, 15], [30, 25, 20, 15]])
    kept, weights, sums = Selection((HARD,)).apply(events, np.array([2.0, -3.0]))
    assert (len(kept), weights.tolist()) == (1, [2.0])
    assert (sums.sumw.tolist(), sums.sumw2.tolist()) == ([-1.0, 2.0], [13.0, 4.0])


def test_n_minus_one_leaves_out_each_cut():
    events = four_leptons([GOOD, GOOD], charges=[[1, -1, 1, -1], [1, 1, 1, -1]])
    sums = tutorial().n_minus_one(events, np.ones(2))
    found = dict(zip(sums.steps, sums.events.tolist(), strict=True))
    assert (found["all but charge"], found["all but eta"], found["all"]) == (2, 1, 1)
    assert official(pairing=True).n_minus_one(events, np.ones(2)).events[-1] == 1


def test_missing_column_names_cut_and_neighbour():
    with pytest.raises(UnknownName, match="cut 'hard' needs the column 'lep_pt'; did you mean"):
        HARD(Events({"lep_p": np.ones(1)}))
    with pytest.raises(UnknownName, match="no cut 'har'; did you mean 'hard'"):
        Selection((HARD,)).without("har")


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        (Cut("number", frozenset(), lambda events: events["lep_n"]), "returned 1 uint32 for 1 events"),
        (Cut("lepton", frozenset(), lambda events: events["lep_pt"] > 1), "of level event returned a Ragged"),
        (Cut("event", frozenset(), lambda events: events["lep_n"] > 1, level="lepton"), "of level lepton returned"),
    ],
)
def test_cut_that_returns_something_else_is_refused(cut, message):
    with pytest.raises(InvalidData, match=message):
        cut(four_leptons(GOOD))


def test_unknown_level_is_refused():
    with pytest.raises(InvalidOption, match="level 'jet' does not exist"):
        Cut("a", frozenset(), lambda events: events["lep_n"] > 1, level="jet")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("selection", "selected", "window"),
    [
        (tutorial(), 418, 300),
        (tutorial(etcone="fixed"), 406, 290),
        (tutorial(etcone="fixed", trigger=True), 406, 290),
    ],
)
def test_real_data_with_the_tutorial_selection(shared_data, selection, selected, window):
    kept = real_data(shared_data, selection)
    masses = np.concatenate([mass_4l(events) for events in kept])
    assert (len(masses), np.count_nonzero((masses > 80) & (masses < 250))) == (selected, window)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("selection", "table"), [(tutorial(), TUTORIAL), (official(), OFFICIAL_EXTENDED), (official(), OFFICIAL_LOW)]
)
def test_real_data_fill_the_published_bins(shared_data, selection, table):
    histogram = Histogram.empty(table.axis)
    for events in real_data(shared_data, selection, step=100):
        histogram = histogram.filled(mass_4l(events))
    assert histogram.values().tolist() == list(table.counts)


def real_data(shared_data, selection, step="50 MB"):
    path = shared_data / "atlas4l/Data/data.4lep.root"
    stream = root.events(path, selection.columns | MASS, step=step, needed_by=selection.needed_by)
    return [passes(selection, events) for events in stream]
