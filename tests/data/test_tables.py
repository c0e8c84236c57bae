"""Tables in csv files: numbers bit for bit, chunks, several files, and what is refused with file and line."""

import gzip
import os
import sys

import numpy as np
import pandas as pd  # noqa: F401  loaded, so that the fast reader is used unless a test takes it away
import pytest

from wilks._base.errors import InvalidData, InvalidFile
from wilks.data import tables
from wilks.data.events import Events
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.tables import CsvFiles, _may_have_parts, _unzipped, fill_csv, read_csv, write_csv


@pytest.fixture(params=["with pandas", "without pandas"])
def reader(request, monkeypatch):
    if request.param == "without pandas":
        monkeypatch.delitem(sys.modules, "pandas")


def written(path, text):
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_numbers_come_back_bit_for_bit(tmp_path, name):
    rng = np.random.default_rng(3)
    table = Events({"a": rng.normal(size=1000) * 10.0 ** rng.integers(-300, 300, 1000), "b": rng.integers(0, 9, 1000)})
    write_csv(tmp_path / name, table)
    again = read_csv(tmp_path / name)
    assert list(again.columns) == ["a", "b"]
    assert np.array_equal(again["a"], table["a"])
    assert np.array_equal(again["b"], table["b"])


@pytest.mark.usefixtures("reader")
def test_infinite_and_missing_numbers_are_read(tmp_path):
    table = read_csv(written(tmp_path / "t.csv", "a,b\ninf,-inf\nnan,1\n"))
    assert np.array_equal(table["a"], [np.inf, np.nan], equal_nan=True)
    assert np.array_equal(table["b"], [-np.inf, 1.0])


@pytest.mark.usefixtures("reader")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the file is empty"),
        ("1.0,2.0\n3,4\n", "line 1: .* are no column names"),
        ("a,a\n1,2\n", "line 1: column 'a' occurs twice"),
        ("a,b\n1,2\n3\n", "line 3: 1 values; expected 2"),
        ("a,b\n1,2\n3,\n", "line 3: '' in column 'b' is no number"),
        ("a,b\n1,2,3\n", "line 2: 3 values; expected 2"),
        ("a,b\n1,2\n3,4,5\n", "line 3: 3 values; expected 2"),
        ("a,b\n1,2\n\n3,x\n", "line 4: 'x' in column 'b' is no number"),
        ("a,b\n1,True\n", "line 2: 'True' in column 'b' is no number"),
        ("a,b\n1,NA\n", "line 2: 'NA' in column 'b' is no number"),
    ],
)
def test_a_bad_line_is_named(tmp_path, text, message):
    with pytest.raises(InvalidFile, match=f"t.csv, {message}"):
        read_csv(written(tmp_path / "t.csv", text))


def test_bad_lines_are_counted_across_chunks(tmp_path):
    path = written(tmp_path / "t.csv", "a\n" + "1.5\n" * 100 + "x\n")
    with pytest.raises(InvalidFile, match="line 102: 'x'"):
        list(CsvFiles((path,), chunk=50))


def test_a_file_that_is_not_there_or_no_gzip_is_named(tmp_path):
    with pytest.raises(InvalidFile, match="no such file"):
        read_csv(tmp_path / "no.csv")
    (tmp_path / "t.csv.gz").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(InvalidFile, match="cannot be read"):
        read_csv(tmp_path / "t.csv.gz")


def test_a_header_alone_is_a_table_without_rows(tmp_path):
    assert len(read_csv(written(tmp_path / "t.csv", "a,b\n"))["a"]) == 0


def test_chunks_hold_all_rows_in_order(tmp_path):
    path = written(tmp_path / "t.csv.gz", "a\n" + "".join(f"{i}\n" for i in range(1000)))
    chunks = list(CsvFiles((path, path), chunk=500))
    assert len(chunks) > 10
    assert np.concatenate([chunk["a"] for chunk in chunks]).tolist() == [*range(1000), *range(1000)]
    assert all(chunk["a"][0] == chunk.first for chunk in chunks)


def test_each_file_has_its_weight(tmp_path):
    paths = [written(tmp_path / f"{i}.csv", f"x,w\n{i + 0.5},2\n") for i in range(2)]
    grid = Grid((Intervals("x", [0, 1, 2]),))
    assert fill_csv([grid], paths, weight="w", scale=[1.0, 10.0])[0].values.tolist() == [2, 20]
    assert fill_csv([grid], paths, scale=0.5)[0].values.tolist() == [0.5, 0.5]
    assert fill_csv([grid], paths)[0].report.events == 2
    with pytest.raises(InvalidData, match="2 files and 1 weights"):
        fill_csv([grid], paths, scale=[1.0])


def test_a_remembered_table_is_read_anew_when_the_file_changes(tmp_path, monkeypatch):
    path = written(tmp_path / "t.csv", "a\n1\n")
    first = read_csv(path, remember=True)
    assert read_csv(path, remember=True) is first
    written(path, "a\n2\n")
    os.utime(path, ns=(1, 1))
    assert read_csv(path, remember=True)["a"].tolist() == [2]
    (tmp_path / "inner").mkdir()
    written(tmp_path / "inner" / "t.csv", "a\n3\n")
    monkeypatch.chdir(tmp_path / "inner")
    assert read_csv("t.csv", remember=True)["a"].tolist() == [3]


def test_large_tables_are_parsed_by_pandas_where_it_is_installed(tmp_path, monkeypatch):
    asked = []
    monkeypatch.delitem(sys.modules, "pandas")
    monkeypatch.setattr(tables, "_LARGE", 100)
    monkeypatch.setattr(tables, "_parsed_by_pandas", lambda text, columns: asked.append((len(text.read()), columns)))
    small, large = (written(tmp_path / f"{n}.csv", "x,y\n" + "1.5,2\n" * n) for n in (3, 50))
    assert read_csv(small)["x"].tolist() == [1.5] * 3
    assert read_csv(large)["y"].tolist() == [2.0] * 50
    assert asked == [(300, 2)]


def test_what_is_looked_up_in_a_table_is_kept_for_its_next_filling(tmp_path):
    table = read_csv(written(tmp_path / "t.csv", "x,w\n0.5,2\n1.5,3\n"))
    bins = Grid((Intervals("x", [0.0, 1.0, 2.0]),))
    assert bins.fill(table, weight="w").values.tolist() == [2.0, 3.0]
    (steps,) = table.known.values()
    steps[0] = 2  # as if the first event were in the second bin: only what is kept can say so
    assert bins.fill(table, weight="w").values.tolist() == [0.0, 5.0]
    assert bins.fill(table, weight="x", rename={"x": "w", "w": "x"}).values.tolist() == [0.0, 0.0]  # another column
    with pytest.raises(ValueError, match="read-only"):
        table["x"][0] = 1.2
    changing = Events({"x": np.array([0.5, 1.5])})
    assert bins.fill(changing).values.tolist() == [1.0, 1.0]
    changing["x"][0] = 1.2
    assert bins.fill(changing).values.tolist() == [0.0, 2.0]


def test_zipped_files_may_have_several_parts_or_padding_and_nothing_else(tmp_path):
    """The length at the end of a gzip file is that of its last part; two equal parts state the length of the first."""
    text = b"x,y\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(500))
    head, tail = text[:1000], text[1000:]
    path = tmp_path / "table.csv.gz"
    rows = b"1,2\n3,4\n"
    cases = {
        gzip.compress(text): 500,
        gzip.compress(head) + gzip.compress(tail): 500,
        gzip.compress(text) + b"\0" * 512: 500,
        gzip.compress(b"x,y\n" + rows) + gzip.compress(rows + b"5,6\n"): 5,
        gzip.compress(b"x,y\n" + rows[4:]) + gzip.compress(rows): 3,  # both parts of eight letters
    }
    for packed, count in cases.items():
        path.write_bytes(packed)
        assert len(read_csv(path)) == count
    whole = gzip.compress(text)
    for broken in (
        whole + b"rest",
        whole[:-20],
        whole[:-8] + b"\1\2\3\4" + whole[-4:],
        whole[:-4] + b"\1\2\3\4",
        whole[:-4] + b"\xff" * 4,
    ):
        path.write_bytes(broken)
        with pytest.raises(InvalidFile, match="cannot be read"):
            read_csv(path)


def test_zipped_tables_are_read_in_place_and_anew_where_pandas_gives_up(tmp_path, monkeypatch):
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress(b"x,y\n1.5,2\n-3,inf\n"))
    assert read_csv(path)["y"].tolist() == [2.0, np.inf]
    tried = []
    monkeypatch.setattr(tables, "_parsed_by_pandas", lambda text, columns: tried.append(text.read()))
    assert read_csv(path)["x"].tolist() == [1.5, -3.0]
    assert tried[0] == b"1.5,2\n-3,inf\n"
    path.write_bytes(gzip.compress(b"x,y\n"))
    assert len(read_csv(path)) == 0
    path.write_bytes(gzip.compress(b"x,y\n1,2\n3,four\n"))
    monkeypatch.undo()
    with pytest.raises(InvalidFile, match="line 3: 'four' in column 'y'"):
        read_csv(path)


def test_letters_that_look_like_another_part_are_read_all_the_same(tmp_path):
    for flags in (b"\x00", b"\x20", b"\xff"):
        packed = gzip.compress(b"x\n1\n" + b"\x1f\x8b\x08" + flags, compresslevel=0)  # stored as they are
        assert _unzipped(packed).endswith(flags)
        assert _may_have_parts(packed) == (flags == b"\x00")
