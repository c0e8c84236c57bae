"""YAML without leniency: plain data passes, whatever could run code, swell or hide a mistake does not."""

import sys

import pytest

from wilks._base.errors import InvalidFile, MissingExtra
from wilks.interchange.strict_yaml import read_yaml

pytest.importorskip("yaml", reason="PyYAML comes with the extra 'io'")


def written(tmp_path, text):
    path = tmp_path / "file.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_plain_data_with_anchors_is_read(tmp_path):
    text = "a: &one {x: 1, y: [2.5, text, true]}\nb:\n  <<: *one\n  x: 3\n"
    document, place = read_yaml(written(tmp_path, text))
    assert document == {"a": {"x": 1, "y": [2.5, "text", True]}, "b": {"x": 3, "y": [2.5, "text", True]}}
    assert str(place / "b").endswith("file.yml: $.b")
    assert read_yaml(written(tmp_path, ""))[0] is None


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)

REFUSED = {
    "object": ("a: !!python/object/apply:os.system [ls]", "not plain YAML: could not determine a constructor"),
    "name": ("a: !!python/name:os.system", "not plain YAML"),
    "own tag": ("a: !Mine {}", "not plain YAML"),
    "repeated key": ("a:\n  - {x: 1, x: 2}", r"\$\.a\[0\]: key 'x' stands twice"),
    "number as key": ("a: {1: x}", r"\$\.a: key '1' is int; keys are text"),
    "date as key": ("a: {2020-01-01: x}", "is timestamp; keys are text"),
    "list as key": ("? [a, b]\n: c", "is seq; keys are text"),
    "itself": ("a: &a [*a]", r"\$\.a\[0\]: this alias holds itself"),
    "swelling aliases": (BOMB, "more than 1000000 entries"),
    "depth": ("[" * 60 + "]" * 60, "nested deeper than 50 levels"),
    "great depth": ("[" * 20000, "nested deeper than 50 levels|not plain YAML"),
    "syntax": ("a: [1, 2\nb: 3", "not plain YAML: .*line 2"),
    "two documents": ("a: 1\n---\nb: 2", "not plain YAML"),
    "unknown alias": ("a: *b", "undefined alias"),
    "impossible date": ("a: 2020-13-01", "not plain YAML"),
    "misfit of a tag": ("a: !!bool perhaps", "not plain YAML"),
    "empty number": ("a: !!int ''", "not plain YAML"),
    "no date": ("a: !!timestamp x", "not plain YAML"),
    "control character": ("a: \x01", "not plain YAML"),
    "bytes": (b"a: \xff", "not UTF-8: byte 0xff at position 3"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_faults_are_refused_with_their_place(name, tmp_path):
    text, message = REFUSED[name]
    with pytest.raises(InvalidFile, match=message):
        read_yaml(written(tmp_path, text))


def test_missing_and_large_files_are_refused(tmp_path):
    with pytest.raises(InvalidFile, match="cannot be read"):
        read_yaml(tmp_path / "none.yml")
    with pytest.raises(InvalidFile, match="at most 10000000 are read"):
        read_yaml(written(tmp_path, b"#" * 10_000_001))


def test_the_package_is_asked_for_by_the_name_of_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(MissingExtra, match=r"wilks\[io\]"):
        read_yaml(written(tmp_path, "a: 1"))
