import dataclasses
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidFile, InvalidOption
from wilks.results.encoding import encode
from wilks.results.result import AbstractResult
from wilks.results.store import RESULTS, load, save, to_json


def same(one: AbstractResult, two: AbstractResult) -> bool:
    """Equal classes and equal fields, NaN equal to NaN, arrays of equal type and shape."""
    (first, arrays), (second, others) = (encode(r, separate_arrays=True) for r in (one, two))
    return first == second and all(
        a.dtype == others[k].dtype and np.array_equal(a, others[k], equal_nan=a.dtype.kind == "f")
        for k, a in arrays.items()
    )


@pytest.mark.parametrize("ending", ["json", "npz"])
def test_every_result_comes_back_exactly(result, name, ending, tmp_path):
    path = save(result, tmp_path / "folder" / f"{name}.{ending}")
    back = load(path)
    assert type(back) is type(result)
    assert same(back, result)
    assert list(path.parent.iterdir()) == [path]  # no partial file is left
    assert str(back) == str(result)


def test_the_family_holds_every_registered_class(family):
    assert {type(make()).__name__ for make in family.values()} == set(RESULTS)


def test_files_of_the_first_version_still_load(result, name, reference, updating):
    path = reference / "results" / f"{name}.json"
    if updating:
        save(result, path)
    assert same(load(path), result)


def test_equal_results_give_equal_bytes(family, tmp_path):
    one, two = (family["toys"]().save(tmp_path / f"{i}.npz").read_bytes() for i in range(2))
    assert one == two


def test_loading_imports_neither_jax_nor_statistics_nor_plots(family, tmp_path):
    path = family["fit"]().save(tmp_path / "fit.npz")
    code = (
        "import sys; from wilks.results.store import load; print(load(sys.argv[1])); "
        "assert not {'jax', 'equinox', 'scipy.stats', 'matplotlib', 'pandas'} & set(sys.modules), sorted(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Fit: at_bound")


def test_arrays_of_an_npz_file_stand_under_their_field_names(family, tmp_path):
    with np.load(family["toys"]().save(tmp_path / "toys.npz"), allow_pickle=False) as archive:
        assert archive["theta"].shape == (300, 2)


def test_json_for_programs_has_no_nan(result):
    document = json.loads(json.dumps(to_json(result), allow_nan=False))
    assert document["class"] == type(result).__name__
    assert document["how"] == result.how
    if document["class"] == "FitResult" and document["status"] == "failed":
        assert document["nll"] is None
        assert document["nonfinite"]["/nll"] == "inf"
        assert document["theta"] == [None, 1.0]


def test_an_unknown_ending_is_refused_before_anything_is_written(family, tmp_path):
    with pytest.raises(InvalidOption, match=r"'\.pkl' does not exist; choose one of \.npz, \.json"):
        family["fit"]().save(tmp_path / "fit.pkl")
    with pytest.raises(InvalidOption):
        load(tmp_path / "fit.pkl")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def document(family, tmp_path):
    path = family["interval"]().save(tmp_path / "good.json")
    return json.loads(path.read_text())


def refused(path: Path, content: bytes | str, message: str) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InvalidFile, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "other"}, "/schema is 'other'"),
        ({"version": 99}, "/version is 99"),
        ({"class": "FitResults"}, "did you mean 'FitResult'"),
        ({"class": "os.system"}, "/class is 'os.system'"),
        ({"result": []}, "/result is missing or is no dict"),
        ({"result": {}}, "missing .*'level'"),
        ({"nonfinite": {"/result/nowhere/3": "nan"}}, "side tables"),
        ({"nonfinite": {"/level": "nan"}}, "side tables"),
        ({"nonfinite": {"/best": "huge"}}, "side tables"),
        ({"nonfinite": {"": "nan"}}, "side tables"),
        ({"empty": {"/best": [5]}}, "side tables"),
    ],
)
def test_a_changed_document_is_refused_with_the_place(document, tmp_path, change, message):
    refused(tmp_path / "bad.json", json.dumps({**document, **change}), message)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("level", "high", "Interval.level is 'high'; expected one float"),
        ("level", None, "Interval.level is None"),
        ("level", True, "Interval.level is True"),
        ("status", "fine", "expected Status"),
        ("pieces", [[1.0]], r"Interval.pieces\[0\] has 1 entries; expected 2"),
        ("flags", {"a": 1}, "expected str"),
        ("extra", 1, "unknown .*'extra'"),
    ],
)
def test_a_changed_field_is_refused_with_its_name(document, tmp_path, field, value, message):
    document["result"][field] = value
    refused(tmp_path / "bad.json", json.dumps(document), message)


def test_wrong_shapes_and_kinds_of_arrays_are_refused(family, tmp_path):
    document = json.loads(family["fit_table"]().save(tmp_path / "good.json").read_text())
    for field, value, message in [
        ("nll", [1.0], "FitTable.nll has shape .* with lanes = \\(6,\\)"),
        ("theta", [[1.0], [1.0, 2.0]], "no rectangular array"),
        ("theta", [1.0], "'lanes parameters'"),
        ("status", [0.5] * 6, "holds float64; expected int8"),
        ("status", ["ok"] * 6, "expected int8"),
        ("nll", [None] * 6, "holds object"),
    ]:
        refused(
            tmp_path / "bad.json", json.dumps({**document, "result": {**document["result"], field: value}}), message
        )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfe{}", "not UTF-8"),
        ("", "no JSON"),
        ('{"schema": "wilks.result", "schema": "wilks.result"}', "'schema' stands twice"),
        ('{"schema": NaN}', "literal NaN"),
        ('{"schema": -Infinity}', "literal -Infinity"),
        ('{"schema": 1e999}', "does not fit into 64 bits"),
        ("[" * 100_000, "nested too deeply"),
        ("[1, 2]", "/schema is 'list'"),
    ],
)
def test_doubtful_json_is_refused(tmp_path, content, message):
    refused(tmp_path / "bad.json", content, message)


def test_json_above_the_size_limit_is_refused_unread(tmp_path):
    path = tmp_path / "huge.json"
    with path.open("wb") as stream:
        stream.truncate(200_000_001)  # a sparse file
    with pytest.raises(InvalidFile, match="200000001 bytes of JSON"):
        load(path)


def test_a_truncated_or_altered_npz_is_refused(family, tmp_path):
    content = family["toys"]().save(tmp_path / "toys.npz").read_bytes()
    refused(tmp_path / "half.npz", content[: len(content) // 2], "truncated")
    refused(tmp_path / "empty.npz", b"", "truncated")
    place = content.index(b"\x93NUMPY") + 200  # inside the numbers of the first array
    flipped = bytes([content[place] ^ 1])
    refused(tmp_path / "flipped.npz", content[:place] + flipped + content[place + 1 :], "CRC")


def archive_with(path: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def test_objects_in_an_npz_are_refused_without_unpickling(tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, header=np.frombuffer(b"{}", dtype=np.uint8), theta=np.array([{}], dtype=object))
    with pytest.raises(InvalidFile, match="holds Python objects"):
        load(path)


def test_bombs_are_refused_before_they_unpack(tmp_path):
    ratio = archive_with(tmp_path / "ratio.npz", {"a.npy": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(InvalidFile, match="grows more than 1000 times"):
        load(ratio)
    stated = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f8', 'fortran_order': False, 'shape': (900000000000,), }".ljust(
        117
    )
    claim = archive_with(tmp_path / "claim.npz", {"a.npy": stated + b"\n" + bytes(64)})
    with pytest.raises(InvalidFile, match="does not have the size that its header states"):
        load(claim)


def test_a_size_above_the_limit_is_refused(tmp_path, monkeypatch):
    path = archive_with(tmp_path / "large.npz", {"a.npy": bytes(1000)})
    monkeypatch.setattr("wilks.results.files._LARGEST_NPZ", 999)
    with pytest.raises(InvalidFile, match="would unpack to 1000 bytes"):
        load(path)


def test_an_npz_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(InvalidFile, match=r"no entry 'header\.npy'"):
        load(tmp_path / "other.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InvalidFile, match=re.escape(f"{tmp_path / 'none.json'}: there is no such file")):
        load(tmp_path / "none.json")


def test_construction_refuses_shapes_that_do_not_fit(family):
    # under the tests' type checker the checker's own TypeError comes first
    with pytest.raises((InvalidData, TypeError), match="sigma"):
        dataclasses.replace(family["fit"](), sigma=np.zeros(1))
