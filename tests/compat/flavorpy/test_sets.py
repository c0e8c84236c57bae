"""Data sets of the face: FlavorPy's chi-square of every release, figures, user tables and functions."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest

import wilks.compat.flavorpy as mf
from tests.compat.flavorpy.user_script import BEST, POINT, QUARK_TABLE, seed_model
from wilks._base.errors import InvalidData, UnknownName

# Chi-square of FlavorPy 0.2.0's own sets, evaluated there: inside and outside of every window.
OF_FLAVORPY = [
    ("NuFit53_NO", "s23^2", 0.245, 185.63183673469405),
    ("NuFit53_NO", "s23^2", 0.5, 2.940503),
    ("NuFit53_NO", "s23^2", 0.77, 369.06040816326583),
    ("NuFit53_NO", "s13^2", 0.006925, 734.7457905865733),
    ("NuFit53_NO", "s13^2", 0.0405, 1044.4908763411352),
    ("NuFit53_IO", "s23^2", 0.245, 404.83272461650967),
    ("NuFit53_IO", "s23^2", 0.5, 2.683202),
    ("NuFit53_IO", "s23^2", 0.77, 219.2227903579261),
    ("NuFit53_IO", "s13^2", 0.006925, 689.4104938271598),
    ("NuFit53_IO", "s13^2", 0.07605, 7400.753086419745),
    ("NuFit52_NO", "s12^2", 0.16, 142.00694444444417),
    ("NuFit52_NO", "s12^2", 0.5, 126.5427),
    ("NuFit52_NO", "s12^2", 0.86, 2154.5069444444403),
    ("NuFit52_IO", "m3l^2", -0.0074, 34385.754360982435),
    ("NuFit52_IO", "m3l^2", 0.0, 8800.56390174436),
    ("NuFit52_NO", "m21^2", 9.313748440468125e-07, 1273.9197399672596),
    ("NuFit52_NO", "m21^2", 3.1622776601683795e-05, 130.79),
    ("NuFit52_NO", "m21^2", 0.0013210735460996085, 29.55969097255911),
    ("NuFit53_NO", "d/pi", 0.149925, 15.574711162869354),
    ("NuFit53_NO", "d/pi", 1.89905, 7.462857123993125),
    ("NuFit53_IO", "d/pi", 0.9995, 12.977086545088097),
    ("NuFit53_NO", "m21^2", 0.0013210735460996085, 370004.28903563105),
    ("NuFit53_NO", "m3l^2", 0.0076, 41534.4399999998),
    ("NuFit53_IO", "m3l^2", -0.0074, 37120.44444444407),
    ("NuFit53_NO", "r", 0.06, 745.0234176688874),
]
SETS = ["NuFit52_NO", "NuFit52_IO", "NuFit53_NO", "NuFit53_IO"]


@pytest.mark.parametrize(("name", "observable", "value", "chi2"), OF_FLAVORPY)
def test_terms_are_those_of_flavorpy(name, observable, value, chi2):
    data = getattr(mf, name)
    assert data.get_chisq({observable: value}) == pytest.approx(chi2, rel=1e-9)  # splines differ in rounding
    assert data.data[observable](value) == pytest.approx(chi2, rel=1e-9)


def test_the_documented_best_fit_has_the_documented_terms():
    model = seed_model()
    shares = model.experimental_data.get_chisq_list(model.get_obs(BEST), model.fitted_observables)
    documented = [0.0, 0.0, 4.2e-8, 1.05e-8, 2.938339, 2.71318, 3.285e-4, 1.002e-4]
    # The parameters are known to six figures only: 5e-5 on the sum, 1e-5 on the two terms at their kink.
    assert shares == pytest.approx(documented, abs=5e-5)
    assert shares[2:4].max() < 1e-5
    assert model.get_chisq(BEST) == pytest.approx(5.651948, abs=5e-5)
    assert float(np.sum(model.residual(BEST) ** 2)) == pytest.approx(5.651702, abs=5e-5)


@pytest.mark.parametrize("name", SETS)
def test_terms_jump_at_their_windows_as_flavorpy_has_them(name):
    # Kept on purpose in the face, where old results must come out again; natively no term jumps.
    data = getattr(mf, name).data
    edges = {"NuFit53_NO": 0.7, "NuFit53_IO": 0.7, "NuFit52_NO": 0.7, "NuFit52_IO": 0.7}
    below, above = (data["s23^2"](edges[name] + step) for step in (-1e-9, 1e-9))
    assert abs(above - below) > 1.0


@pytest.mark.parametrize("name", [f"{n}_gauss" for n in SETS])
def test_every_entry_of_a_gaussian_set_has_its_own_best_value(name):
    data = getattr(mf, name)
    table = data.data_table
    best = {key: table[key]["best"] for key in table}
    assert data.get_chisq(best) == pytest.approx(0.0, abs=1e-20)
    one_up = {key: table[key]["best"] + 0.5 * abs(table[key]["1sig_max"] - table[key]["1sig_min"]) for key in table}
    assert data.get_chisq_list(one_up) == pytest.approx(np.ones(len(table)), rel=1e-9)


def test_figures_are_frames_with_five_rows():
    table = mf.Lexpdata_NO
    assert table["s12^2"]["best"] == 0.307
    assert list(table.frame.index) == ["best", "1sig_min", "1sig_max", "3sig_min", "3sig_max"]
    assert table.loc["best", "r"] == pytest.approx(0.0741 / 2.505 * 1.0, rel=1e-12)
    assert (mf.Lexpdata_IO["m3l^2"]["1sig_min"], mf.Lexpdata_IO["m3l^2"]["1sig_max"]) == (-2.46e-3, -2.511e-3)
    assert len(table) == 9
    assert mf.NuFit53_NO.data_table == table
    own = mf.ExperimentalData("own", data_table=table)
    assert own.get_chisq({"s13^2": 0.02224}) == pytest.approx(0.0, abs=1e-20)


@pytest.mark.parametrize("table", [QUARK_TABLE, pd.DataFrame(QUARK_TABLE)], ids=["dictionary", "frame"])
def test_tables_and_functions_add_up(table):
    data = mf.ExperimentalData("mine", data_table=table, data={"r": lambda x: -((x - 1.0) ** 2)})
    found = data.get_chisq_list({"A": 0.79 + 0.017, "r": 3.0}, ["r", "A"])
    assert found == pytest.approx([4.0, 1.0], rel=1e-9)  # without sign
    assert data.get_chisq({"A": 0.79, "r": 2.0}) == pytest.approx(1.0, rel=1e-9)
    assert data.get_chisq({"l": 0.2265}) == data.get_chisq({"lambda": 0.2265}) == 0.0
    assert repr(data) == "mine"


def test_reversed_limits_of_negative_values_are_a_width():
    data = mf.ExperimentalData(data_table={"m3l^2": {"best": -2.487e-3, "1sig_min": -2.46e-3, "1sig_max": -2.511e-3}})
    assert data.get_chisq({"m3l^2": -2.487e-3 + 0.0255e-3}) == pytest.approx(1.0, rel=1e-9)


def test_sets_pickle_copy_and_stay_apart():
    for data in (mf.NuFit53_NO, mf.NuFit53_NO_gauss):
        twin = data.copy()
        twin.data["r"] = None
        assert data.data["r"] is not None
        again = pickle.loads(pickle.dumps(data))
        assert again.get_chisq({"s12^2": 0.31}) == data.get_chisq({"s12^2": 0.31})
    assert copy.deepcopy(pickle.loads(pickle.dumps(mf.Lexpdata_NO)))["r"]["best"] == mf.Lexpdata_NO["r"]["best"]
    given = {"r": abs}
    mf.ExperimentalData(data=given, data_table={"A": QUARK_TABLE["A"]})
    assert given == {"r": abs}  # the user's dictionary is not filled


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"A": {"best": 1.0, "1sig_min": 0.5}}, "'A' lacks 1sig_max"),
        ({"A": {"best": 1.0, "1sig_min": 1.0, "1sig_max": 1.0}}, "no width"),
        ({"A": {"best": np.nan, "1sig_min": 0.5, "1sig_max": 1.0}}, "finite"),
        ({"A": {"best": 2.0, "1sig_min": 0.5, "1sig_max": 1.0}}, "outside its limits"),
        ({}, "no data"),
    ],
)
def test_bad_tables_are_refused_with_names_and_values(table, said):
    with pytest.raises(InvalidData, match=said):
        mf.ExperimentalData("bad", data_table=table)


def test_a_key_may_not_stand_in_both():
    with pytest.raises(InvalidData, match="A, B in data_table and in data"):
        mf.ExperimentalData(data_table={"A": QUARK_TABLE["A"], "B": QUARK_TABLE["A"]}, data={"A": abs, "B": abs})


def test_an_observable_without_data_is_named():
    with pytest.raises(UnknownName, match="no data on 'm_bb'"):
        mf.NuFit53_NO.get_chisq({"m_bb": 0.1})
    with pytest.raises(UnknownName, match="no data on 's12'; did you mean"):
        mf.NuFit53_NO.get_chisq({"s12": 0.3})


def test_targets_of_the_scale_are_flavorpy_s_for_profiles_and_the_table_s_for_tables():
    assert mf.NuFit53_NO.splitting_targets("NO") == (7.41e-5, 2.507e-3)
    assert mf.NuFit53_IO.splitting_targets("IO") == (7.41e-5, -2.486e-3)
    assert mf.NuFit53_NO_gauss.splitting_targets("NO") == (7.41e-5, 2.505e-3)
    scales = [seed_model(experimental_data=d).get_obs(POINT)["nscale"] for d in (mf.NuFit53_NO, mf.NuFit53_NO_gauss)]
    assert scales[0] != scales[1]
