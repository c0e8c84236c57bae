"""Prune, rename, sort and combine workspaces, against pyhf where it does the same."""

import copy
import warnings

import pytest

from wilks._base.errors import InvalidFile, InvalidModel, InvalidOption, UnknownName
from wilks.interchange.histfactory import Workspace


@pytest.fixture
def workspace(readme) -> Workspace:
    readme["channels"][0]["samples"][1]["modifiers"] += [
        {"name": "xs", "type": "normsys", "data": {"hi": 1.1, "lo": 0.9}},
        {"name": "free", "type": "normfactor", "data": None},
    ]
    readme["measurements"][0]["config"]["parameters"] = [
        {"name": "xs", "bounds": [[-3.0, 3.0]]},
        {"name": "free", "bounds": [[0.0, 5.0]]},
    ]
    return Workspace.read(readme)


@pytest.fixture
def other(workspace) -> Workspace:
    return workspace.rename(channels={"singlechannel": "another"}, modifiers={"uncorr": "uncorr2"})


def by_pyhf(operation: str, *workspaces: Workspace, **options) -> dict:
    """The same operation in pyhf, which warns of deprecated parts of its own dependencies."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyhf

        theirs = [pyhf.Workspace(copy.deepcopy(workspace.document)) for workspace in workspaces]
        return dict(getattr(pyhf.Workspace, operation)(*theirs, **options))


PRUNED = {
    "samples": {"samples": ["background"]},
    "modifiers": {"modifiers": ["free"]},
    "modifier_types": {"modifier_types": ["normsys"]},
}


@pytest.mark.parametrize("case", PRUNED)
def test_prune_equals_pyhf(case, workspace):
    ours = workspace.prune(**PRUNED[case]).document
    expected = by_pyhf("prune", workspace, **PRUNED[case])
    # pyhf keeps settings of parameters that are gone; that is all that may differ
    for key in ("channels", "observations"):
        assert ours[key] == expected[key]


def test_prune_takes_the_settings_along(workspace):
    pruned = workspace.prune(modifiers=["free"])
    assert [p["name"] for p in pruned.document["measurements"][0]["config"]["parameters"]] == ["xs"]
    assert pruned.notices == ()


def test_prune_channels_and_measurements(workspace, other):
    both = workspace.combine(other, join="left outer")
    assert both.prune(channels=["another"]).channels == workspace.channels
    with pytest.raises(InvalidFile, match=r"\$\.measurements: the array is empty"):
        workspace.prune(measurements=["Measurement"])
    with pytest.raises(UnknownName, match="no sample 'signl'; did you mean 'signal'"):
        workspace.prune(samples=["signl"])


def test_rename_equals_pyhf(workspace):
    names = {
        "channels": {"singlechannel": "SR"},
        "samples": {"signal": "higgs"},
        "modifiers": {"mu": "strength", "xs": "sigma"},
        "measurements": {"Measurement": "m"},
    }
    assert workspace.rename(**names).document == by_pyhf("rename", workspace, **names)


def test_rename_follows_the_parameter_of_interest(workspace):
    poi = copy.deepcopy(workspace.document)
    poi["measurements"][0]["config"]["poi"] = "uncorr[1]"
    assert Workspace.read(poi).rename(modifiers={"uncorr": "shape"}).poi() == "shape[1]"
    with pytest.raises(UnknownName, match="no modifier 'nu'"):
        workspace.rename(modifiers={"nu": "mu2"})
    with pytest.raises(InvalidFile, match="used as normfactor"):
        workspace.rename(modifiers={"mu": "xs"})


def test_sorted_equals_pyhf(workspace, other):
    both = other.combine(workspace, join="left outer")
    assert both.sorted().document == by_pyhf("sorted", both)
    assert both.sorted().sorted().digest() == both.sorted().digest()


@pytest.mark.parametrize("join", ["outer", "left outer", "right outer"])
def test_combine_equals_pyhf(join, workspace, other):
    right = other.prune(modifiers=["uncorr2"])
    theirs = Workspace.read(by_pyhf("combine", workspace, right, join=join))
    assert workspace.combine(right, join=join).sorted().digest() == theirs.sorted().digest()


def test_combined_channels_share_parameters(workspace, other):
    separate = other.rename(measurements={"Measurement": "other"})
    both = workspace.combine(separate)
    assert both.channels == (("singlechannel", 2), ("another", 2))
    assert both.predictor("Measurement").space.names == (
        *("free", "mu", "uncorr[0]", "uncorr[1]", "uncorr2[0]", "uncorr2[1]", "xs"),
    )


def test_clashes_are_named(workspace, other):
    with pytest.raises(InvalidModel, match="channels 'singlechannel' stand in both workspaces; rename them"):
        workspace.combine(workspace)
    with pytest.raises(InvalidModel, match="measurements 'Measurement' stand in both"):
        workspace.combine(other)
    changed = copy.deepcopy(workspace.document)
    changed["observations"][0]["data"] = [1.0, 2.0]
    with pytest.raises(InvalidModel, match="observations 'singlechannel' stand in both workspaces and differ"):
        workspace.combine(Workspace.read(changed), join="outer")
    with pytest.raises(InvalidOption, match="none, outer, left outer, right outer"):
        workspace.combine(other, join="inner")
    assert (
        workspace.combine(Workspace.read(changed), join="right outer").document["observations"]
        == (changed["observations"])
    )


def test_outer_join_merges_settings_of_one_measurement(workspace, other):
    settings = copy.deepcopy(other.document)
    settings["measurements"][0]["config"]["parameters"] = [{"name": "mu", "bounds": [[0.0, 3.0]]}]
    both = workspace.combine(Workspace.read(settings), join="outer")
    names = [p["name"] for p in both.document["measurements"][0]["config"]["parameters"]]
    assert sorted(names) == ["free", "mu", "xs"]
    settings["measurements"][0]["config"]["parameters"] = [{"name": "xs", "bounds": [[-1.0, 1.0]]}]
    with pytest.raises(InvalidModel, match=r"settings in measurement 'Measurement' of 'xs' stand in both.* and differ"):
        workspace.combine(Workspace.read(settings), join="outer")
    settings["measurements"][0]["config"]["poi"] = ""
    with pytest.raises(InvalidModel, match="parameters of interest 'mu' and ''"):
        workspace.combine(Workspace.read(settings), join="outer")
