"""What is refused in a workspace file, with its place; and that checking needs no JAX."""

import copy
import io
import json
import subprocess
import sys

import pytest

from wilks._base.errors import InvalidFile
from wilks.interchange.strict_json import json_digest, read_json
from wilks.interchange.workspace_schema import read_workspace

SAMPLE = "$.channels[0].samples[1]"
MODIFIER = f"{SAMPLE}.modifiers[0]"
CONFIG = "$.measurements[0].config"


def sample(document):
    return document["channels"][0]["samples"][1]


def modifiers(document):
    return sample(document)["modifiers"]


def modifier(document, **changes):
    modifiers(document)[0].update(changes)


def configure(document, **setting):
    document["measurements"][0]["config"]["parameters"].append(setting)


def add_channel(document, name, *entries):
    document["channels"].append(
        {"name": name, "samples": [{"name": "s", "data": [5.0, 6.0], "modifiers": list(entries)}]}
    )
    document["observations"].append({"name": name, "data": [5.0, 6.0]})


def normfactor(name):
    return {"name": name, "type": "normfactor", "data": None}


STAT = {"name": "st", "type": "staterror", "data": [1.0, 1.0]}
LUMI = {"name": "lumi", "type": "lumi", "data": None}

BAD = {
    "not an object": (lambda d: [], "$", "should be an object"),
    "version": (lambda d: d.update(version="2.0.0"), "$.version", "'2.0.0' is not supported; expected '1.0.0'"),
    "version missing": (lambda d: d.pop("version"), "$", "key 'version' is missing"),
    "unknown key": (lambda d: d.update(channel=[]), "$.channel", "unknown key 'channel'; did you mean 'channels'"),
    "unknown key in a sample": (lambda d: sample(d).update(label="x"), f"{SAMPLE}.label", "unknown key"),
    "no channels": (lambda d: d.update(channels=[]), "$.channels", "empty"),
    "channels no array": (lambda d: d.update(channels={}), "$.channels", "should be an array"),
    "channel no object": (lambda d: d["channels"].append(3), "$.channels[1]", "key 'name'"),
    "name no text": (lambda d: sample(d).update(name=4), f"{SAMPLE}.name", "4 should be a text"),
    "name empty": (lambda d: sample(d).update(name=""), f"{SAMPLE}.name", "not empty"),
    "surrogate in a name": (lambda d: sample(d).update(name="\ud800"), f"{SAMPLE}.name", "printable"),
    "sample twice": (
        lambda d: sample(d).update(name="signal"),
        f"{SAMPLE}.name",
        "'signal' is already the name of $.channels[0].samples[0]",
    ),
    "channel twice": (lambda d: add_channel(d, "singlechannel"), "$.channels[1].name", "already the name"),
    "length of a sample": (lambda d: sample(d).update(data=[50.0]), f"{SAMPLE}.data", "has 1 entries, expected 2"),
    "text for a number": (lambda d: sample(d)["data"].__setitem__(1, "5"), f"{SAMPLE}.data[1]", '"5" should be a num'),
    "true for a number": (lambda d: sample(d)["data"].__setitem__(1, True), f"{SAMPLE}.data[1]", "should be a number"),
    "huge integer": (lambda d: sample(d)["data"].__setitem__(0, 2**53 + 1), f"{SAMPLE}.data[0]", "2^53"),
    "unknown modifier": (
        lambda d: modifier(d, type="shapsys"),
        f"{MODIFIER}.type",
        "unknown modifier type 'shapsys'; did you mean 'shapesys'",
    ),
    "unknown modifier key": (lambda d: modifier(d, extra=1), f"{MODIFIER}.extra", "unknown key"),
    "length of a shapesys": (lambda d: modifier(d, data=[3.0]), f"{MODIFIER}.data", "has 1 entries, expected 2"),
    "negative uncertainty": (lambda d: modifier(d, data=[3.0, -7.0]), f"{MODIFIER}.data[1]", "-7.0 should be"),
    "normfactor with data": (lambda d: modifier(d, type="normfactor"), f"{MODIFIER}.data", "expected null"),
    "normsys without lo": (lambda d: modifier(d, type="normsys", data={"hi": 1.1}), f"{MODIFIER}.data", "'lo'"),
    "normsys zero": (
        lambda d: modifier(d, type="normsys", data={"hi": 1.1, "lo": 0.0}),
        f"{MODIFIER}.data.lo",
        "0.0 should be a factor above 0",
    ),
    "normsys negative": (
        lambda d: modifier(d, type="normsys", data={"hi": -1.1, "lo": 0.9}),
        f"{MODIFIER}.data.hi",
        "-1.1 should be a factor above 0",
    ),
    "length of a histosys": (
        lambda d: modifier(d, type="histosys", data={"hi_data": [1.0, 2.0], "lo_data": [1.0]}),
        f"{MODIFIER}.data.lo_data",
        "has 1 entries, expected 2",
    ),
    "lumi of another name": (lambda d: modifier(d, type="lumi", data=None), f"{MODIFIER}.name", "should be 'lumi'"),
    "modifier twice": (lambda d: modifiers(d).append(modifiers(d)[0]), f"{SAMPLE}.modifiers[1]", "stands twice"),
    "two kinds": (
        lambda d: modifiers(d).append(normfactor("uncorr")),
        f"{SAMPLE}.modifiers[1]",
        "used as shapesys in $.channels[0].samples[1].modifiers[0] and as normfactor here",
    ),
    "shapesys reused": (
        lambda d: add_channel(d, "c", {"name": "uncorr", "type": "shapesys", "data": [1.0, 1.0]}),
        "$.channels[1].samples[0].modifiers[0]",
        "one sample of one channel",
    ),
    "staterror in two channels": (
        lambda d: (modifiers(d).append(STAT), add_channel(d, "c", STAT)),
        "$.channels[1].samples[0].modifiers[0]",
        "a staterror belongs to one channel",
    ),
    "parameter name clash": (
        lambda d: modifiers(d).append(normfactor("uncorr[1]")),
        f"{SAMPLE}.modifiers[1]",
        "gives a parameter 'uncorr[1]', and so does $.channels[0].samples[1].modifiers[0]",
    ),
    "observation missing": (lambda d: d["channels"][0].update(name="x"), "$.channels[0]", "no entry in observations"),
    "length of an observation": (
        lambda d: d["observations"][0].update(data=[51.0]),
        "$.observations[0].data",
        "has 1 entries, expected 2",
    ),
    "negative count": (
        lambda d: d["observations"][0].update(data=[51.0, -1.0]),
        "$.observations[0].data[1]",
        "-1 is a negative count",
    ),
    "count without expectation": (
        lambda d: [s.update(data=[0.0, 52.0]) for s in d["channels"][0]["samples"]],
        "$.observations[0].data[0]",
        "51 observed in channel 'singlechannel', bin 0, where the samples 'signal', 'background' together expect 0",
    ),
    "poi unknown": (
        lambda d: d["measurements"][0]["config"].update(poi="nu"),
        f"{CONFIG}.poi",
        "'nu' is no parameter of this workspace; did you mean 'mu'",
    ),
    "poi of many bins": (
        lambda d: d["measurements"][0]["config"].update(poi="uncorr"),
        f"{CONFIG}.poi",
        "'uncorr' has 2 bins; name one of them",
    ),
    "poi missing": (lambda d: d["measurements"][0]["config"].pop("poi"), CONFIG, "key 'poi' is missing"),
    "lumi without measurement": (
        lambda d: modifiers(d).append(LUMI),
        f"{CONFIG}.parameters",
        "'lumi' needs an entry with auxdata and sigmas",
    ),
    "lumi without sigmas": (
        lambda d: (modifiers(d).append(LUMI), configure(d, name="lumi", auxdata=[1.0])),
        f"{CONFIG}.parameters",
        "'lumi' needs an entry with sigmas",
    ),
    "lumi of zero": (
        lambda d: (modifiers(d).append(LUMI), configure(d, name="lumi", auxdata=[0.0], sigmas=[0.1])),
        f"{CONFIG}.parameters[0].auxdata",
        "should be above 0",
    ),
    "sigma of zero": (
        lambda d: (modifiers(d).append(LUMI), configure(d, name="lumi", auxdata=[1.0], sigmas=[0.0])),
        f"{CONFIG}.parameters[0].sigmas[0]",
        "0 should be above 0",
    ),
    "setting unknown": (
        lambda d: configure(d, name="mu", init=[1.0]),
        f"{CONFIG}.parameters[0].init",
        "unknown key 'init'; did you mean 'inits'",
    ),
    "setting twice": (
        lambda d: (configure(d, name="mu"), configure(d, name="mu")),
        f"{CONFIG}.parameters[1].name",
        "already the name",
    ),
    "constraint on a free parameter": (
        lambda d: configure(d, name="mu", auxdata=[1.0]),
        f"{CONFIG}.parameters[0].auxdata",
        "a normfactor parameter has no auxdata",
    ),
    "number of inits": (
        lambda d: configure(d, name="uncorr", inits=[1.0]),
        f"{CONFIG}.parameters[0].inits",
        "has 1 entries, expected 2",
    ),
    "number of bounds": (
        lambda d: configure(d, name="uncorr", bounds=[[0.0, 1.0]]),
        f"{CONFIG}.parameters[0].bounds",
        "has 1 entries, expected 2",
    ),
    "bounds swapped": (
        lambda d: configure(d, name="mu", bounds=[[3.0, 0.0]]),
        f"{CONFIG}.parameters[0].bounds[0]",
        "lower bound 3 exceeds upper bound 0",
    ),
    "start outside": (
        lambda d: configure(d, name="mu", inits=[11.0]),
        f"{CONFIG}.parameters[0]",
        "the start 11 lies outside [0, 10]",
    ),
    "fixed no truth value": (
        lambda d: configure(d, name="mu", fixed=1),
        f"{CONFIG}.parameters[0].fixed",
        "1 should be true or false",
    ),
    "measurement twice": (
        lambda d: d["measurements"].append(d["measurements"][0]),
        "$.measurements[1].name",
        "already the name",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_workspaces_are_refused_with_their_place(case, readme, tmp_path):
    change, place, message = BAD[case]
    result = change(readme)
    document = result if case == "not an object" else readme
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InvalidFile) as caught:
        read_workspace(path)
    assert str(caught.value).startswith(f"{path}: {place}: ")
    assert message in str(caught.value)


def test_notices(readme):
    modifiers(readme).append({"name": "flat", "type": "normsys", "data": {"hi": 1.0, "lo": 1.0}})
    configure(readme, name="nowhere", inits=[1.0])
    readme["observations"].append({"name": "old", "data": [1.0]})
    _, notices = read_workspace(readme)
    assert len(notices) == 3
    assert "'old' is no channel" in notices[0]
    assert "normsys 'flat' has no effect" in notices[1]
    assert "'nowhere' is no parameter of this workspace; its settings are not used" in notices[2]


def test_what_is_unusual_but_allowed(readme):
    readme["observations"][0]["data"] = [0.5, 0]  # Asimov data, integers
    readme["measurements"][0]["config"]["poi"] = ""
    sample(readme)["data"] = [-1.0, 5]  # a negative bin of one sample
    assert read_workspace(readme)[1] == ()


TEXTS = {
    "NaN": ('{"a": [1.0, NaN]}', "$.a[1]", "nan is no number"),
    "Infinity": ('{"a": {"b": -Infinity}}', "$.a.b", "-inf is no number"),
    "overflow": ('{"a": 1e999}', "$.a", "inf is no number"),
    "duplicate key": ('{"a": [{"b": 1, "c": 2, "b": 3}]}', "$.a[0]", "key 'b' stands twice"),
    "nested": ("[" * 60 + "]" * 60, "$" + "[0]" * 50, "nested deeper than 50"),
    "nested beyond the parser": ("[" * 200_000, "$", "nested deeper than 50"),
    "cut": ('{"a": [1', "$", "not JSON"),
    "empty": ("", "$", "not JSON: Expecting value in line 1, column 1"),
    "xml": ("<!DOCTYPE Combination>", "$", "XML"),
    "odd key": ('{"two words": NaN}', '$["two words"]', "nan"),
}


@pytest.mark.parametrize("case", TEXTS)
def test_bad_texts_are_refused_with_their_place(case, tmp_path):
    text, place, message = TEXTS[case]
    path = tmp_path / "bad.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidFile) as caught:
        read_json(path)
    assert str(caught.value).startswith(f"{path}: {place}: ")
    assert message in str(caught.value)


def test_fifty_levels_are_allowed():
    assert read_json(io.StringIO("[" * 50 + "]" * 50))[0]


def test_other_encodings_are_refused(tmp_path):
    path = tmp_path / "latin.json"
    path.write_bytes('{"a": "é"}'.encode("latin-1"))
    with pytest.raises(InvalidFile, match="not UTF-8: byte 0xe9 at position 7"):
        read_json(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidFile, match=r"nowhere\.json: cannot be read \(No such file"):
        read_json(tmp_path / "nowhere.json")


def test_size_limit(tmp_path):
    path = tmp_path / "large.json"
    path.write_text(json.dumps([0.0] * 1000), encoding="utf-8")
    for source in (path, io.BytesIO(path.read_bytes())):
        with pytest.raises(InvalidFile, match=r"limit is 0\.001 MB"):
            read_json(source, size_limit_mb=0.001)
    assert len(read_json(path)[0]) == 1000


def test_open_files_and_documents_are_sources(readme):
    text = json.dumps(readme)
    assert read_workspace(io.StringIO(text))[0] == readme
    assert read_workspace(io.BytesIO(text.encode()))[0] == readme
    document, _ = read_workspace(readme)
    sample(document)["data"][0] = 0.0
    assert sample(readme)["data"][0] == 50.0  # a copy


def test_keys_of_a_document_are_text(readme):
    with pytest.raises(InvalidFile, match="key 3 is int"):
        read_workspace({**readme, 3: 4})


def test_digest_ignores_formatting_and_order_of_keys(readme):
    turned = dict(reversed(copy.deepcopy(readme).items()))
    assert json_digest(turned) == json_digest(readme)
    sample(turned)["data"][0] += 1e-12
    assert json_digest(turned) != json_digest(readme)


def test_checking_needs_no_jax():
    code = "import sys, wilks.interchange.workspace_schema; assert 'jax' not in sys.modules, 'jax was imported'"
    subprocess.run([sys.executable, "-c", code], check=True)
