"""Filling, grouping and scaling of templates; real simulation and data."""

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, UnknownName
from wilks.data.axes import Category, Regular
from wilks.data.histogram import Histogram
from wilks.interchange import root
from wilks.physics.collider.events import MASS, mass_4l
from wilks.physics.collider.samples import HIGGS, REST, Sample, SampleTable, tutorial_files
from wilks.physics.collider.selection import Cut, Selection, official, tutorial
from wilks.physics.collider.tables.official_extended import OFFICIAL_EXTENDED
from wilks.physics.collider.tables.tutorial import TUTORIAL
from wilks.physics.collider.templates import Templates, fill, from_hist

from .lepton_events import four_leptons

AXIS = Regular(2, 0.0, 100.0, name="pt", unit="GeV")
TABLE = SampleTable(
    (Sample("sig", "signal", 1, 1.0, 1000.0), Sample("bkg", "background", 2, 2.0, 1000.0), Sample("data", "data"))
)
EVERYTHING = Selection()
GOOD = [13, 13, 11, 11]


def leading_pt(events):
    return events["lep_pt"].max()


def batch(pts, **columns):
    rows = [(pt, 10.0, 9.0, 8.0) for pt in pts]
    return four_leptons([GOOD] * len(rows), pts=rows, **columns)


def filled(**more):
    sources = {
        "sig": [batch([40.0, 60.0]), batch([70.0])],
        "bkg": [batch([20.0], mcWeight=-3.0)],
        "data": [batch([30.0, 80.0], mcWeight=0.0, scaleFactor_ELE=0.0)],
    }
    return fill(sources, TABLE, EVERYTHING, leading_pt, AXIS, 1.0, **more)


def test_weights_variances_and_data():
    templates = filled()
    assert templates.histograms["sig"].values().tolist() == [1.0, 2.0]
    # weight: 1/fb x 1000 x 2 pb / 1000 x (-3)
    assert templates.histograms["bkg"].values().tolist() == [-6.0, 0.0]
    assert templates.histograms["bkg"].variances().tolist() == [36.0, 0.0]
    assert templates.data.values().tolist() == [1.0, 1.0]
    assert templates.data.is_unweighted
    assert templates.cutflow["sig"].events.tolist() == [3]
    assert templates.notices == ()


def test_groups_add_values_and_variances():
    groups = filled().grouped(s_s=["sig"], s_b=REST)
    assert groups.names == ("s_s", "s_b")
    assert groups.histograms["s_b"].variances().tolist() == [36.0, 0.0]
    assert groups.total.values().tolist() == [-5.0, 2.0]


def test_scaled_templates_scale_errors_too():
    scaled = filled().scaled({"sig": 2.0, "not a template": 3.0})
    assert scaled.histograms["sig"].variances().tolist() == [4.0, 8.0]
    assert scaled.histograms["bkg"] == filled().histograms["bkg"]


@pytest.mark.parametrize(
    ("groups", "error", "message"),
    [
        ({"a": ["sig"]}, InvalidModel, "samples bkg are in no group"),
        ({"a": ["sig"], "b": ["sig", "bkg"]}, InvalidModel, "'sig' is in two groups"),
        ({"a": ["sigg"], "b": REST}, UnknownName, "group 'a': none of its samples is filled; did you mean 'sig'"),
        ({"a": ["sig", "bkg"], "b": REST}, UnknownName, "group 'b'"),
    ],
)
def test_wrong_groups_are_refused(groups, error, message):
    with pytest.raises(error, match=message):
        filled().grouped(**groups)


def test_groups_skip_samples_that_nobody_filled():
    assert filled().grouped(s_s=["sig", "missing"], s_b=REST).histograms["s_s"].values().tolist() == [1.0, 2.0]


def test_missing_samples_are_an_error_or_a_notice():
    sources = {"sig": [batch([40.0])]}
    with pytest.raises(InvalidData, match="no events for the samples bkg, data"):
        fill(sources, TABLE, EVERYTHING, leading_pt, AXIS, 1.0)
    templates = fill(sources, TABLE, EVERYTHING, leading_pt, AXIS, 1.0, allow_missing=True)
    assert templates.notices == ("incomplete: bkg, data",)
    assert templates.data is None


def test_unknown_source_is_an_error_before_reading():
    def never():
        raise AssertionError("read")
        yield

    with pytest.raises(UnknownName, match="no sample 'sign' in the table"):
        fill({"sign": never()}, TABLE, EVERYTHING, leading_pt, AXIS, 1.0)


def test_empty_selection_gives_an_empty_template_and_a_notice():
    nothing = Selection((Cut("nothing", frozenset({"lep_n"}), lambda events: events["lep_n"] > 9),))
    templates = fill({"sig": [batch([40.0])]}, TABLE, nothing, leading_pt, AXIS, 1.0, allow_missing=True)
    assert not templates.histograms["sig"].values().any()
    assert "sig: the selection keeps no event" in templates.notices
    assert fill({"sig": []}, TABLE, nothing, leading_pt, AXIS, 1.0, allow_missing=True).cutflow[
        "sig"
    ].events.tolist() == [0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite(bad):
    sources = {"sig": [batch([40.0, 60.0], mcWeight=[1.0, bad])]}
    with pytest.raises(InvalidData, match=r"weight is not finite in 1 events, first .* in event 1"):
        fill(sources, TABLE, EVERYTHING, leading_pt, AXIS, 1.0, allow_missing=True)
    dropped = fill(sources, TABLE, EVERYTHING, leading_pt, AXIS, 1.0, allow_missing=True, on_nan="drop")
    assert dropped.histograms["sig"].values().tolist() == [1.0, 0.0]
    sums = dropped.cutflow["sig"]
    assert dict(zip(sums.steps, sums.events.tolist(), strict=True)) == {
        "read": 2, "finite weight": 1, "finite variable": 1
    }  # fmt: skip


def test_variables_that_are_not_finite():
    def broken(events):
        return np.where(leading_pt(events) > 50, np.nan, leading_pt(events))

    sources = {"sig": [batch([40.0, 60.0])]}
    with pytest.raises(InvalidData, match="variable is not finite in 1 events, first nan in event 1"):
        fill(sources, TABLE, EVERYTHING, broken, AXIS, 1.0, allow_missing=True)
    dropped = fill(sources, TABLE, EVERYTHING, broken, AXIS, 1.0, allow_missing=True, on_nan="drop")
    assert dropped.cutflow["sig"].sumw.tolist() == [2.0, 2.0, 1.0]
    with pytest.raises(InvalidOption, match="on_nan 'ignore'"):
        filled(on_nan="ignore")


def test_impossible_lepton_is_refused():
    with pytest.raises(InvalidData, match="has lep_type 15"):
        fill({"sig": [four_leptons([15, 13, 13, 13])]}, TABLE, EVERYTHING, leading_pt, AXIS, 1.0, allow_missing=True)


def test_mass_zero_by_rounding_is_counted():
    templates = fill(
        {"sig": [batch([0.0])]}, TABLE, EVERYTHING, lambda e: 0 * leading_pt(e), AXIS, 1.0, allow_missing=True
    )
    assert "sig: 1 events with m^2 < 0 by rounding, taken as 0" in templates.notices


def test_typed_tables_become_templates():
    templates = Templates.from_table(OFFICIAL_EXTENDED).grouped(s_s=HIGGS, s_b=REST)
    assert templates.data.values().sum() == 218
    assert templates.names == ("s_s", "s_b")
    assert "ATL-OREACH-PUB-2020-001" in templates.citation


def test_category_axes_become_templates_with_variations():
    axes = (Category(("a", "b"), "process"), Category(("nominal", "jes_up", "jes_down"), "variation"), AXIS)
    h = Histogram.empty(*axes).filled(
        ["a", "b", "a", "a"],
        ["nominal", "nominal", "jes_up", "jes_down"],
        [10.0, 60.0, 20.0, 60.0],
        weights=[2, 1, 3, 1],
    )
    templates = from_hist(h, process="process", variation="variation")
    assert templates.names == ("a", "b")
    assert templates.histograms["a"].values().tolist() == [2.0, 0.0]
    up, down = templates.variations["a"]["jes"]
    assert (up.values().tolist(), down.values().tolist()) == ([3.0, 0.0], [0.0, 1.0])
    both = templates.grouped(all=["a", "b"])
    assert both.variations["all"]["jes"][0].values().tolist() == [3.0, 0.0]
    assert templates.scaled({"a": 2.0}).variations["a"]["jes"][0].values().tolist() == [6.0, 0.0]


@pytest.mark.parametrize(
    ("labels", "message"),
    [(("nominal", "jes_up"), "'jes' has only 'up'"), (("nominal", "jesup"), "'jesup' is neither")],
)
def test_odd_variations_are_refused(labels, message):
    h = Histogram.empty(Category(("a",), "process"), Category(labels, "variation"), AXIS)
    with pytest.raises(InvalidModel, match=message):
        from_hist(h, variation="variation")
    with pytest.raises(UnknownName, match="no category axis 'sample'"):
        from_hist(h, process="sample")


@pytest.mark.shared
@pytest.mark.parametrize("step", ["50 MB", 97])
def test_real_files_reproduce_the_tutorial(shared_data, step):
    selection, table = tutorial(), tutorial_files()
    present = table.present(shared_data / "atlas4l", allow_missing=True)
    sources = {
        s.name: root.events(
            s.paths(shared_data / "atlas4l"), selection.columns | MASS | s.weight_columns | {"channelNumber"}, step=step
        )
        for s in present
    }
    templates = fill(sources, table, selection, mass_4l, TUTORIAL.axis, 10.0, allow_missing=True)
    assert templates.data.values().tolist() == list(TUTORIAL.counts)
    # collider.md 8.2: sums of weights in the window, numbers of all selected events; single-precision weights
    reference = {
        "Zee": (28.954435, 2.841026, 176),
        "Zmumu": (37.133271, 3.183974, 201),
        "ttbar_lep": (8.461023, 0.896575, 131),
    }
    for name, (sumw, error, events) in reference.items():
        h = templates.histograms[name]
        assert h.values().sum() == pytest.approx(sumw, rel=1e-5)
        assert np.sqrt(h.variances().sum()) == pytest.approx(error, rel=1e-5)
        assert templates.cutflow[name].events[-1] == events
        # the table was typed to nine digits; sums of up to 201 products in another order
        np.testing.assert_allclose(h.values(), TUTORIAL.histogram(name).values(), rtol=1e-8, atol=1e-12)
    assert templates.notices[0].startswith("incomplete: llll, llvv, ZqqZll, ggH125_ZZ4lep")


@pytest.mark.shared
def test_real_simulation_reproduces_the_official_histograms(shared_data):
    selection = official()
    table = tutorial_files().select(["Zee", "Zmumu", "ttbar_lep"])
    sources = {
        s.name: root.events(s.paths(shared_data / "atlas4l"), selection.columns | MASS | s.weight_columns)
        for s in table
    }
    templates = fill(sources, table, selection, mass_4l, OFFICIAL_EXTENDED.axis, 10.0)
    for name, h in templates.histograms.items():
        # the published histograms add in single precision: 1e-6 of the largest bin
        top = OFFICIAL_EXTENDED.histogram(name).values().max()
        np.testing.assert_allclose(h.values(), OFFICIAL_EXTENDED.histogram(name).values(), atol=1e-6 * top)
        np.testing.assert_allclose(h.variances(), OFFICIAL_EXTENDED.histogram(name).variances(), rtol=1e-5, atol=1e-12)
