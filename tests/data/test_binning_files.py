"""Files of contents: everything comes back, and what is refused."""

import json

import numpy as np
import pytest

from wilks._base.errors import InvalidFile
from wilks.data.binning_files import load_contents, save_contents, structure_of
from wilks.data.boxes import Boxes
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.product import Product

INF = float("inf")


def binning():
    grid = Grid((Intervals("x", [-INF, 0.1, INF], unit="GeV"), Intervals("y", [0, 1], closed="right")))
    boxes = Boxes(("u", "v"), [[(0, 1), (0, INF)], [(1, 2), (0, 1)]], closed=["both", "neither"])
    return Product((grid.refined({1: boxes}), Grid((Intervals("E", [0, 1, 2]),))))


def test_structure_and_contents_come_back_bit_for_bit(tmp_path):
    random = np.random.default_rng(2)
    contents = binning().contents(random.normal(size=6), random.integers(0, 9, 6), random.uniform(size=6))
    save_contents(tmp_path / "h.npz", contents)
    again = load_contents(tmp_path / "h.npz")
    assert again == contents
    assert again.binning.parts[0].top.axes[0].unit == "GeV"


def stored(path, structure, **changes):
    arrays = {"values": np.ones(1), "entries": np.ones(1, int), "sumw2": np.ones(1)} | changes
    np.savez(path, structure=np.array(json.dumps(structure)), **arrays)
    return path


def test_files_that_do_not_fit_are_refused(tmp_path):
    path, one = tmp_path / "h.npz", structure_of(Grid((Intervals("x", [0, 1]),)))
    good = {"version": 1, "binning": one}
    assert load_contents(stored(path, good)).values.tolist() == [1]
    for structure, changes, message in (
        ({"version": 2, "binning": one}, {}, "version 2 of the structure; this package reads version 1"),
        ({"version": 1}, {}, "KeyError: 'binning'"),
        ({"version": 1, "binning": {"kind": "ring"}}, {}, "unknown kind of binning 'ring'; known are grid"),
        (good, {"values": np.ones(2)}, r"values of shape \(2,\)"),
        (good, {"entries": np.array([1.5])}, "entries 1.5"),
        (good, {"values": np.array([{}], dtype=object)}, "not a readable npz"),
    ):
        with pytest.raises(InvalidFile, match=message):
            load_contents(stored(path, structure, **changes))
    np.savez(path, values=np.ones(1))
    with pytest.raises(InvalidFile, match="no array 'structure'; found values"):
        load_contents(path)
    with pytest.raises(InvalidFile, match="No such file"):
        load_contents(tmp_path / "no.npz")
