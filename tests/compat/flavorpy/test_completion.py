"""Completing frames: columns in order, rows that are kept, and what is said of rows without numbers."""

import sys

import numpy as np
import pandas as pd
import pytest

from tests.compat.flavorpy.user_script import BEST, POINT, seed_model
from wilks._base.errors import MissingExtra, UnknownName


def test_rows_ascend_and_agree_with_single_points(model):
    frame = model.complete_fit(pd.DataFrame([POINT, BEST, {"v1": 0.3, "v2": -2.0, "v3": 1.0}]))
    assert frame["chisq"].is_monotonic_increasing
    for _, row in frame.iterrows():
        assert row["chisq"] == pytest.approx(model.get_chisq(row), rel=1e-9)
        for name, x in model.get_obs(row).items():
            if not name.startswith("eta"):  # of a real matrix 0 and 2 are one phase
                assert row[name] == pytest.approx(x, rel=1e-10, abs=1e-15), name


def test_completing_twice_changes_nothing(model, fitted):
    again = model.complete_fit(fitted)
    pd.testing.assert_frame_equal(again, fitted)


def test_an_old_chi_square_becomes_the_dimensionless_one(model):
    start = pd.DataFrame([{"chisq": 5.0, **BEST, "n_scale": 1.0, "remark": 3, "m_bb": -1.0}])
    done = model.complete_fit(start)
    assert list(done.columns)[:7] == ["chisq", "chisq_dimless", "v1", "v2", "v3", "n_scale", "remark"]
    assert done.loc[0, "chisq_dimless"] == 5.0
    assert done.loc[0, "m_bb"] > 0
    assert next(iter(start.columns)) == "chisq"  # the user's frame stays


def test_dictionaries_of_columns_are_frames(model):
    assert model.complete_fit({name: [x, x] for name, x in POINT.items()}).shape == (2, 24)


def test_an_empty_frame_has_all_columns(model, fitted):
    empty = model.complete_fit(fitted.iloc[:0])
    assert list(empty.columns) == list(fitted.columns)
    assert len(empty) == 0


def test_rows_that_are_no_numbers_stay_last_and_are_counted(model, caplog):
    frame = model.complete_fit(pd.DataFrame([{**POINT, "v2": np.nan}, POINT, BEST]))
    assert len(frame) == 3
    assert frame.loc[2, "chisq"] == np.inf
    assert np.isnan(frame.loc[2, "v2"])
    assert np.isfinite(frame.loc[:1]).all(axis=None)
    assert frame.attrs["undefined_rows"] == 1
    assert "1 of 3 points have no chi-square" in caplog.text


def test_a_missing_column_is_named(model):
    with pytest.raises(UnknownName, match="the frame has no 'v3'; it has 'v1', 'v2'"):
        model.complete_fit(pd.DataFrame({"v1": [1.0], "v2": [2.0]}))


def sometimes(params):
    if params["v1"] > 2:
        raise ValueError("too large")
    return np.array([[1, params["v2"], 0], [params["v2"], 2, params["v1"]], [0, params["v1"], params["v3"]]])


def test_points_at_which_a_matrix_fails_are_kept_without_numbers():
    frame = seed_model(mass_matrix_n=sometimes).complete_fit(pd.DataFrame([{**POINT, "v1": 3.0}, POINT]))
    assert frame.attrs["undefined_rows"] == 1
    assert frame["chisq"].to_list()[1] == np.inf
    assert frame.loc[1, "v1"] == 3.0


def test_frames_need_pandas(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtra, match=r"pip install 'wilks\[io\]'"):
        model.make_fit(points=1, extra_starts=0, seed=1)
    assert model.get_obs(POINT)["me/mu"] == pytest.approx(0.0048)
