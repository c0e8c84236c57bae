"""Patches: the examples of RFC 6902, what is refused, and patch sets."""

import copy
import hashlib
import json

import pytest

from wilks._base.errors import InvalidFile, UnknownName
from wilks.interchange.histfactory import Workspace
from wilks.interchange.jsonpatch import apply_patch

# RFC 6902, appendix A, by its section numbers
RFC = {
    "A1": ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    "A2": (
        {"foo": ["bar", "baz"]},
        [{"op": "add", "path": "/foo/1", "value": "qux"}],
        {"foo": ["bar", "qux", "baz"]},
    ),
    "A3": ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    "A4": ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    "A5": (
        {"baz": "qux", "foo": "bar"},
        [{"op": "replace", "path": "/baz", "value": "boo"}],
        {"baz": "boo", "foo": "bar"},
    ),
    "A6": (
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    "A7": (
        {"foo": ["all", "grass", "cows", "eat"]},
        [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
        {"foo": ["all", "cows", "eat", "grass"]},
    ),
    "A8": (
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    "A10": (
        {"foo": "bar"},
        [{"op": "add", "path": "/child", "value": {"grandchild": {}}}],
        {"foo": "bar", "child": {"grandchild": {}}},
    ),
    "A11": (
        {"foo": "bar"},
        [{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}],
        {"foo": "bar", "baz": "qux"},
    ),
    "A14": ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    "A16": (
        {"foo": ["bar"]},
        [{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}],
        {"foo": ["bar", ["abc", "def"]]},
    ),
    "whole": ({"a": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
    "copy": ({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": [1], "b": [1]}),
    "slash": ({"a/b": 1}, [{"op": "replace", "path": "/a~1b", "value": 2}], {"a/b": 2}),
    "number": ({"a": 1}, [{"op": "test", "path": "/a", "value": 1.0}], {"a": 1}),
    "deep": (
        {"a": {"b": [1, None, True]}},
        [{"op": "test", "path": "/a", "value": {"b": [1.0, None, True]}}],
        {"a": {"b": [1, None, True]}},
    ),
    "itself": ({"a": 1}, [{"op": "move", "from": "/a", "path": "/a"}], {"a": 1}),
    "none": ({"a": 1}, [], {"a": 1}),
}


@pytest.mark.parametrize("case", RFC)
def test_operations(case):
    document, patch, expected = copy.deepcopy(RFC[case])
    before = copy.deepcopy(document)
    assert apply_patch(document, patch) == expected
    assert document == before


def test_values_are_copied():
    value = {"x": [1]}
    result = apply_patch({}, [{"op": "add", "path": "/a", "value": value}, {"op": "copy", "from": "/a", "path": "/b"}])
    result["a"]["x"].append(2)
    assert value == {"x": [1]}
    assert result["b"] == {"x": [1]}


REFUSED = {
    "A9": ({"baz": "qux"}, {"op": "test", "path": "/baz", "value": "bar"}, "the test of '/baz' failed"),
    "A12": ({"foo": "bar"}, {"op": "add", "path": "/baz/bat", "value": "qux"}, "'baz' is not there"),
    "A15": ({"/": 9, "~1": 10}, {"op": "test", "path": "/~01", "value": "10"}, "failed"),
    "true is not 1": ({"a": 1}, {"op": "test", "path": "/a", "value": True}, "failed"),
    "no operation": ({}, {"op": "delete", "path": "/a"}, "unknown operation 'delete'"),
    "no op": ({}, {"path": "/a"}, "key 'op'"),
    "no value": ({}, {"op": "add", "path": "/a"}, "key 'value' is missing"),
    "no from": ({}, {"op": "move", "path": "/a"}, "key 'from' is missing"),
    "no pointer": ({}, {"op": "add", "path": "a", "value": 1}, "should be a JSON pointer"),
    "bad escape": ({}, {"op": "add", "path": "/a~2", "value": 1}, "holds '~'"),
    "replace nothing": ({"count": 1}, {"op": "replace", "path": "/counts", "value": 1}, "did you mean 'count'"),
    "remove nothing": ({}, {"op": "remove", "path": "/a"}, "'a' is not there"),
    "remove all": ({}, {"op": "remove", "path": ""}, "whole document"),
    "beyond the end": ([1], {"op": "add", "path": "/2", "value": 1}, "no position in an array of 1 entries"),
    "leading zero": ([1, 2], {"op": "remove", "path": "/01"}, "no position"),
    "end of nothing": ([1], {"op": "remove", "path": "/-"}, "no position"),
    "into a number": ({"a": 1}, {"op": "add", "path": "/a/b", "value": 1}, "no object or array"),
    "into itself": ({"a": {"b": 1}}, {"op": "move", "from": "/a", "path": "/a/c"}, "into itself"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_operations_are_refused(case):
    document, operation, message = REFUSED[case]
    with pytest.raises(InvalidFile, match=r"<patch>: \$\[0\]") as caught:
        apply_patch(document, [operation])
    assert message in str(caught.value)


# Patch sets ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def background(readme) -> dict:
    """A workspace without its signal, as patch sets are made for: its parameter of interest is not there yet."""
    readme["channels"][0]["samples"].pop(0)
    return readme


def signal(scale: float) -> dict:
    mu = {"name": "mu", "type": "normfactor", "data": None}
    sample = {"name": "signal", "data": [12.0 * scale, 11.0 * scale], "modifiers": [mu]}
    return {
        "metadata": {"name": f"scale_{scale:g}", "values": [scale]},
        "patch": [{"op": "add", "path": "/channels/0/samples/0", "value": sample}],
    }


def patch_set(document: dict, **digests: str) -> dict:
    content = json.dumps(document, sort_keys=True, ensure_ascii=False).encode()
    digests = digests or {
        "sha256": hashlib.sha256(content).hexdigest(),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
    }
    return {
        "metadata": {"digests": digests, "labels": ["scale"], "description": "", "references": {}},
        "patches": [signal(1.0), signal(2.0)],
        "version": "1.0.0",
    }


def test_patch_of_a_set_is_applied_before_the_checks(background, tmp_path):
    path = tmp_path / "patches.json"
    path.write_text(json.dumps(patch_set(background)), encoding="utf-8")
    with pytest.raises(InvalidFile, match="'mu' is no parameter"):
        Workspace.read(background)
    workspace = Workspace.read(background, patch=path, patch_name="scale_2")
    assert workspace.document["channels"][0]["samples"][0]["data"] == [24.0, 22.0]
    assert workspace.poi() == "mu"


def test_a_workspace_is_patched_into_a_new_one(readme):
    workspace = Workspace.read(readme)
    other = workspace.patch([{"op": "replace", "path": "/observations/0/data", "value": [1, 2]}])
    assert other.document["observations"][0]["data"] == [1, 2]
    assert workspace.document["observations"][0]["data"] == [51.0, 48.0]
    with pytest.raises(InvalidFile, match=r"observations\[0\]\.data: has 1 entries"):
        workspace.patch([{"op": "remove", "path": "/observations/0/data/0"}])


def test_digest_mismatch_names_both(background):
    stated = "0" * 64
    with pytest.raises(InvalidFile, match=r"\$\.metadata\.digests\.sha256") as caught:
        Workspace.read(background, patch=patch_set(background, sha256=stated), patch_name="scale_1")
    assert stated in str(caught.value)
    assert hashlib.sha256(json.dumps(background, sort_keys=True).encode()).hexdigest() in str(caught.value)


def test_faulty_sets_are_refused(background):
    good = patch_set(background)
    for change, message in (
        ({"version": "0.9"}, "'0.9' is not supported"),
        ({"metadata": {}}, "digests of the background workspace are missing"),
        ({"metadata": {"digests": {"crc": "1"}}}, "unknown digest"),
        ({"patches": []}, "empty"),
        ({"patches": [signal(1.0), signal(1.0)]}, "already the name"),
        ({"extra": 1}, "unknown key"),
    ):
        with pytest.raises(InvalidFile, match=message):
            Workspace.read(background, patch={**good, **change}, patch_name="scale_1")


def test_patches_are_chosen_by_name(background):
    patches = patch_set(background)
    with pytest.raises(UnknownName, match="holds 2 patches; name one, known names are 'scale_1', 'scale_2'"):
        Workspace.read(background, patch=patches)
    with pytest.raises(UnknownName, match="no patch 'scale_3'; did you mean"):
        Workspace.read(background, patch=patches, patch_name="scale_3")
    with pytest.raises(UnknownName, match="a plain patch has no name"):
        Workspace.read(background, patch=signal(1.0)["patch"], patch_name="scale_1")
    only = {**patches, "patches": patches["patches"][:1]}
    assert Workspace.read(background, patch=only).poi() == "mu"
