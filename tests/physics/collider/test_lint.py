"""Lint: the tutorial trips every marked trap, the official analysis few, and nothing is ever raised."""

import dataclasses

import numpy as np
import pytest

from wilks.data.axes import Regular, Variable
from wilks.inference.fitting import fit
from wilks.inference.intervals import interval
from wilks.interchange import root
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.physics.collider.events import MASS, mass_4l
from wilks.physics.collider.lint import TUTORIAL_PROCEDURE, Finding, Procedure, lint
from wilks.physics.collider.samples import tutorial_files
from wilks.physics.collider.selection import official, tutorial
from wilks.physics.collider.templates import Templates, fill

from .lepton_events import four_leptons

SAMPLES = tutorial_files()
MARKED = {
    "unused-column", "unapplied-cut", "repeated-cut", "no-effect-cut", "flavour-sum", "no-sumw2", "low-counts-chi2",
    "fixed-nuisance", "joint-level-1d", "grid-edge", "ndf-mismatch", "gaussian-toys", "no-constraint",
}  # fmt: skip
MODEL = LinearTemplates.of({"s_s": np.array([1.0, 5.0, 2.0]), "s_b": np.array([9.0, 9.0, 9.0])})
DATA = [11, 15, 10]


AXES = {
    "regular": Regular(34, 80.0, 250.0, name="m4l", unit="GeV"),
    "variable": Variable((80.0, 85.0, 120.0, 250.0), name="m4l", unit="GeV"),
}


def filled(selection, masses=None, axis=AXES["regular"], **change):
    events = four_leptons([[13, 13, 11, 11]] * 2, **change)
    variable = mass_4l if masses is None else (lambda kept: np.array(masses[: len(kept)]))
    return fill({"Zee": [events]}, SAMPLES, selection, variable, axis, 10.0, allow_missing=True)


def test_tutorial_trips_every_marked_trap():
    selection = tutorial()
    found = lint(selection, SAMPLES, templates=filled(selection), procedure=TUTORIAL_PROCEDURE)
    assert set(found.codes) == MARKED


def test_tutorial_reads_columns_for_nothing():
    unused = [finding.place for finding in lint(tutorial(), SAMPLES) if finding.code == "unused-column"]
    assert set(unused) == {
        "SumWeights", "XSection", "trigM", "trigE", "lep_etcone20",
        "jet_n", "jet_pt", "jet_eta", "jet_phi", "jet_E", "jet_MV2c10",
    }  # fmt: skip


def test_repaired_tutorial_trips_less():
    codes = lint(tutorial(etcone="fixed", trigger=True), SAMPLES).codes
    assert "repeated-cut" not in codes
    assert "unapplied-cut" not in codes


def test_official_selection_is_clean_with_pairing():
    assert lint(official(), SAMPLES).codes == ("flavour-sum",)
    assert lint(official(pairing=True), SAMPLES).codes == ()


def test_a_cut_that_removes_an_event_has_an_effect():
    selection = tutorial()
    found = lint(selection, SAMPLES, templates=filled(selection, charges=[[1, -1, 1, -1], [1, 1, 1, -1]]))
    without = {finding.place for finding in found if finding.code == "no-effect-cut"}
    assert "cut charge" not in without
    assert "cut softest_pt" in without


@pytest.mark.parametrize("axis", AXES.values(), ids=AXES)
def test_events_near_an_edge_are_found(axis):
    selection = official(pairing=True)
    near = lint(selection, SAMPLES, templates=filled(selection, [84.9995, 87.0], axis))
    assert [f.sentence[:24] for f in near if f.code == "mass-edge"] == ["1 events lie within 0.00"]
    far = lint(selection, SAMPLES, templates=filled(selection, [84.99, 300.0], axis))
    assert "mass-edge" not in far.codes


@pytest.mark.parametrize(
    ("likelihood", "codes"),
    [
        (PoissonCounts(MODEL), {"no-constraint"}),
        (ChiSquareCounts(MODEL, cost="pearson"), {"no-constraint"}),
        (
            ChiSquareCounts(LinearTemplates.of({"s_b": np.array([8.0, 90.0])}), cost="neyman"),
            {"no-constraint", "low-counts-chi2"},
        ),
        (ChiSquareCounts(LinearTemplates.of({"s_b": np.array([8.0, 90.0])}), cost="cnp"), {"no-constraint"}),
        (None, set()),
    ],
)
def test_likelihoods(likelihood, codes):
    assert set(lint(official(pairing=True), SAMPLES, likelihood).codes) == codes


def test_results():
    likelihood = PoissonCounts(MODEL)
    clean = official(pairing=True)
    free, one = fit(likelihood, DATA), interval(likelihood, DATA, "s_b")
    assert lint(clean, SAMPLES, results=[free, one]).codes == ()
    held = dataclasses.replace(free, fixed=np.array([False, True]))
    assert lint(clean, SAMPLES, results=[held]).codes == ("fixed-nuisance",)
    joint = dataclasses.replace(one, threshold=2.2957)
    assert lint(clean, SAMPLES, results=[joint]).codes == ("joint-level-1d",)
    assert lint(clean, SAMPLES, results=[dataclasses.replace(one, lower_open=True)]).codes == ("grid-edge",)


def test_a_sound_procedure_has_no_findings():
    assert len(lint(official(pairing=True), SAMPLES, procedure=Procedure("sound"))) == 0


def test_findings_print_themselves():
    found = lint(tutorial(), SAMPLES)
    assert "repeated-cut (cut isolation): tests 'max(lep_ptcone30/lep_pt) < 0.3' 2 times" in repr(found)
    assert "&lt; 0.3" in found._repr_html_()
    assert repr(lint(official(pairing=True), SAMPLES)) == "no findings"
    assert str(Finding("a", "b", "c")) == "a (c): b"


def test_empty_templates_are_no_trouble():
    assert lint(official(), SAMPLES, templates=Templates({})).codes == ("flavour-sum",)


@pytest.mark.shared
def test_real_files_trip_the_skim_threshold(shared_data):
    selection = tutorial()
    present = SAMPLES.present(shared_data / "atlas4l", allow_missing=True)
    sources = {
        s.name: root.events(s.paths(shared_data / "atlas4l"), selection.columns | MASS | s.weight_columns)
        for s in present
    }
    axis = Regular(34, 80.0, 250.0, name="m4l", unit="GeV")
    templates = fill(sources, SAMPLES, selection, mass_4l, axis, 10.0, allow_missing=True)
    found = lint(selection, SAMPLES, templates=templates)
    without = {finding.place for finding in found if finding.code == "no-effect-cut"}
    assert "cut softest_pt" in without
    assert "cut charge" not in without
    assert "mass-edge" not in found.codes  # no mass lies within 2e-3 GeV of an edge
