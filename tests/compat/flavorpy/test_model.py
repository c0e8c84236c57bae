"""The face's model: values as FlavorPy has them, settings that change, and every kind of bad input."""

import logging
import pickle

import numpy as np
import pandas as pd
import pytest

import wilks.compat.flavorpy as mf
from tests.compat.flavorpy.user_script import (
    BEST,
    POINT,
    QUARK_TABLE,
    charged,
    down,
    seed_model,
    space,
    symmetric,
    up,
)
from wilks._base.errors import InvalidModel, InvalidOption, UnknownName

# Evaluated with FlavorPy 0.2.0 at (-1.6038628505068948, -2.64871799125629, -0.49672324419049707).
ELSEWHERE = {"v1": -1.6038628505068948, "v2": -2.64871799125629, "v3": -0.49672324419049707}
OF_FLAVORPY = {
    ("NO", "NuFit53_NO"): {
        "s12^2": 0.3986818494293573,
        "r": 0.3856138869496824,
        "m21^2": 0.0005204170072914269,
        "m_b": 0.031574200214283095,
        "m_bb": 0.027609492411944908,
        "nscale": 0.009698575673858172,
    },
    ("IO", "NuFit53_IO"): {
        "s12^2": 0.6470374011727911,
        "r": -0.6143861130503174,
        "m21^2": 0.0008007319385215446,
        "m_b": 0.033457661162035114,
        "m_bb": 0.02450338110550168,
        "nscale": 0.009530845542484947,
    },
}
FITTED = ("me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "m21^2", "m3l^2")
SHARES = {
    ("NO", "NuFit53_NO"): (
        *(0.0, 0.0, 43.85598042615815, 501235.3583360144),
        *(408.18665543495143, 11.07305, 47400.088280208554, 1275.6323497687229),
    ),
    ("IO", "NuFit53_IO"): (
        *(0.0, 0.0, 874.2943984600792, 266540.1872983849),
        *(423.56794028116764, 14.434282, 125638.06640799047, 1314.1908117920636),
    ),
}


@pytest.mark.parametrize(("ordering", "data"), list(SHARES))
def test_numbers_of_both_orderings_are_those_of_flavorpy(ordering, data):
    model = seed_model(ordering=ordering, experimental_data=getattr(mf, data))
    found = model.get_obs(ELSEWHERE)
    for name, x in OF_FLAVORPY[ordering, data].items():
        assert found[name] == pytest.approx(x, rel=1e-11), name  # two decompositions of one matrix
    shares = model.experimental_data.get_chisq_list(found, model.fitted_observables)
    assert tuple(model.fitted_observables) == FITTED
    assert shares == pytest.approx(SHARES[ordering, data], rel=1e-9, abs=1e-20)
    assert model.get_chisq(ELSEWHERE) == pytest.approx(sum(SHARES[ordering, data]), rel=1e-9)


def test_dimensionless_observables_have_flavorpy_s_names():
    found = seed_model().get_dimless_obs(POINT)
    unscaled = [f"m{i}_wrong_scaled" for i in (1, 2, 3)] + ["m21^2_wrong_scaled", "m3l^2_wrong_scaled"]
    angles = ["s12^2", "s13^2", "s23^2", "d/pi", "eta1", "eta2"]
    assert list(found) == ["me/mu", "mu/mt", "r", *angles, *unscaled]
    scaled = seed_model().get_obs(POINT)
    assert found["m2_wrong_scaled"] * scaled["nscale"] == pytest.approx(scaled["m2"], rel=1e-12)


def test_residuals_square_to_the_dimensionless_chi_square(model):
    names = ["me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "r"]
    assert model.fitted_observables_dimless == names
    expected = model.experimental_data.get_chisq_list(model.get_dimless_obs(POINT), names)
    assert model.residual(POINT) ** 2 == pytest.approx(expected, rel=1e-12)


def test_neither_point_nor_space_is_changed():
    own, point = space(), dict(POINT)
    model = seed_model(parameterspace=own)
    model.get_obs(point)
    assert point == POINT
    assert list(own) == ["v1", "v2", "v3"]
    assert list(model.parameterspace) == ["v1", "v2", "v3", "n_scale"]
    frame = pd.DataFrame([POINT])
    model.complete_fit(frame)
    assert list(frame.columns) == ["v1", "v2", "v3"]


@pytest.mark.parametrize("kind", ["series", "row", "lmfit", "with more"])
def test_points_come_in_many_forms(model, kind, fitted):
    if kind == "lmfit":
        pytest.importorskip("lmfit")
        point = model.parameterspace.random_pt()
        for name, x in POINT.items():
            point[name].value = x
    elif kind == "row":
        point = pd.DataFrame([{"chisq": 3.0, "note": "text", **POINT}]).loc[0]
    else:
        point = pd.Series(POINT) if kind == "series" else {**POINT, "n_scale": 1, "else": 3}
    assert model.get_obs(point) == model.get_obs(POINT)


def test_a_scale_in_the_point_multiplies_the_matrix(model):
    scaled = model.get_obs({**POINT, "n_scale": 0.01})
    plain = model.get_obs(POINT)
    assert scaled["nscale"] * 0.01 == pytest.approx(plain["nscale"], rel=1e-12)
    assert scaled["m3"] == pytest.approx(plain["m3"], rel=1e-12)
    frame = model.complete_fit(pd.DataFrame([{**POINT, "n_scale": 0.01}]))
    assert frame.loc[0, "nscale"] == pytest.approx(scaled["nscale"], rel=1e-12)


def test_attributes_may_be_set_one_by_one():
    first = seed_model(name="first", comments="none")
    model = first.copy()
    model.ordering, model.experimental_data, model.name = "IO", mf.NuFit53_IO, "second"
    assert repr(model) == "second"
    assert model.get_obs(ELSEWHERE)["r"] == pytest.approx(OF_FLAVORPY["IO", "NuFit53_IO"]["r"], rel=1e-11)
    assert first.get_obs(ELSEWHERE)["r"] > 0
    model.fitted_observables = ["s12^2", "m21^2", "m3l^2"]
    assert model.fitted_observables_dimless == ["s12^2", "r"]
    assert len(model.residual(ELSEWHERE)) == 2
    model.mass_matrix_n = symmetric
    assert model.get_obs(POINT)["s12^2"] != first.get_obs(POINT)["s12^2"]
    assert first.fit_results == []


def test_a_function_that_reads_another_number_later_is_not_answered_from_memory():
    globals()["STRENGTH"] = 1.0
    model = seed_model(mass_matrix_n=reading_the_module)
    before = model.complete_fit(pd.DataFrame([POINT])).loc[0, "s12^2"]
    globals()["STRENGTH"] = 2.0
    after = model.complete_fit(pd.DataFrame([POINT])).loc[0, "s12^2"]
    assert after == pytest.approx(model.get_obs(POINT)["s12^2"], rel=1e-9)
    assert after != before


STRENGTH = 1.0


def reading_the_module(params):
    return np.array([[1, params["v2"], 0], [params["v2"], 2, params["v1"]], [0, params["v1"], params["v3"] * STRENGTH]])


def test_models_pickle_and_copy_with_equal_answers():
    model = seed_model()
    for twin in (pickle.loads(pickle.dumps(model)), model.copy()):
        assert twin.get_obs(POINT) == model.get_obs(POINT)
        assert twin.parameterspace is not model.parameterspace


def test_sectors_and_fitted_observables_follow_from_the_matrices():
    leptons = ["me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "m21^2", "m3l^2"]
    masses = ["mu/mc", "mc/mt", "md/ms", "ms/mb"]
    assert (seed_model().sector, seed_model(fitted_observables="everything").fitted_observables) == ("lepton", leptons)
    quarks = mf.FlavorModel(mass_matrix_u=up, mass_matrix_d=down, parameterspace=space("a"))
    assert quarks.sector == "quark"
    assert quarks.fitted_observables == [*masses, "t12", "t13", "t23", "dq"]
    assert list(quarks.parameterspace) == ["a"]
    both = seed_model(mass_matrix_d=down, ckm_parameterization="wolfenstein")
    assert both.sector == "quark and lepton"
    assert both.fitted_observables == [*leptons, *masses, "l", "A", "rhobar", "etabar"]
    assert mf.FlavorModel().sector == "lepton"


@pytest.mark.parametrize(("ckm", "keys"), [("standard", ["t12", "dq"]), ("wolfenstein", ["lambda", "l", "etabar"])])
def test_quark_models_build_evaluate_and_fit(ckm, keys):
    model = mf.FlavorModel(
        mass_matrix_u=up,
        mass_matrix_d=down,
        parameterspace=space("a", min=0.1, max=5.0, sample_fct=lambda: 1.0),
        ckm_parameterization=ckm,
        experimental_data=mf.ExperimentalData("quarks", data_table=QUARK_TABLE),
    )
    assert set(keys) <= set(model.get_obs({"a": 1.0}))
    fitted = model.make_fit(points=1, seed=1, extra_starts=20)
    assert fitted.shape[0] == 4
    assert fitted.loc[0, "chisq"] < model.get_chisq({"a": 1.0})
    assert fitted.loc[0, "chisq"] == pytest.approx(model.get_chisq(fitted.loc[0]), rel=1e-9)
    assert fitted.loc[0, "chisq"] == pytest.approx(fitted.loc[0, "chisq_dimless"], rel=1e-9)


def test_the_physical_convention_differs_where_flavorpy_is_wrong():
    settings = {"mass_matrix_n": symmetric}
    old, right = (seed_model(**settings, convention=c).get_obs(POINT) for c in ("flavorpy", "physical"))
    assert set(old) <= set(right)
    for name in ("s12^2", "s23^2", "d/pi", "r", "m1", "Jmax", "nscale"):
        assert right[name] == pytest.approx(old[name], rel=1e-9), name
    assert abs(right["m_bb"] - old["m_bb"]) > 1e-4
    assert right["eta1"] < 1.0


def test_dirac_neutrinos_have_no_effective_mass_in_the_physical_convention():
    found = seed_model(convention="physical").get_obs(POINT)
    assert "m_bb" not in found
    assert "eta1" not in found
    with pytest.raises(UnknownName, match="m_bb"):
        mf.plot(
            seed_model(convention="physical").complete_fit(pd.DataFrame([POINT])), x="m1", y="m_bb", show_exp="2dim"
        )


def test_a_profiled_scale_is_never_worse_than_the_average():
    average, profiled = (seed_model(scale=scale) for scale in ("average", "profile"))
    for point in (POINT, BEST):
        found = [model.get_obs(point) for model in (average, profiled)]
        chi2 = [mf.NuFit53_NO.get_chisq(x, ["m21^2", "m3l^2"]) for x in found]
        # the scale is best for the smooth terms; FlavorPy's folded ones differ by a few thousandths near zero
        assert chi2[1] < chi2[0] + 5e-3
    frame = profiled.complete_fit(pd.DataFrame([POINT]))
    assert frame.loc[0, "nscale"] == pytest.approx(profiled.get_obs(POINT)["nscale"], rel=1e-12)


def test_a_user_s_chi_square_function_and_a_scale_that_needs_tables():
    data = mf.ExperimentalData(
        "mine", data={n: mf.NuFit53_NO.data[n] for n in ("s12^2", "r")} | {"m21^2": abs, "m3l^2": abs}
    )
    with pytest.raises(InvalidModel, match="scale='average'"):
        seed_model(experimental_data=data, scale="profile").get_obs(POINT)


def test_the_convention_is_announced_once_per_process(caplog):
    announced = "convention='flavorpy'"
    with caplog.at_level(logging.WARNING, logger="wilks"):
        for _ in range(3):
            seed_model()
    assert sum(announced in record.message for record in caplog.records) <= 1


def raising(params):
    raise RuntimeError("no matrix today")


def test_a_failing_matrix_raises_its_own_error_with_the_point(model):
    broken = seed_model(mass_matrix_n=raising)
    with pytest.raises(RuntimeError, match="no matrix today") as caught:
        broken.get_obs(POINT)
    assert any("v1 = 1.5" in note for note in caught.value.__notes__)
    for call in (lambda: broken.make_fit(points=1), lambda: broken.complete_fit(pd.DataFrame([POINT]))):
        with pytest.raises(RuntimeError, match="no matrix today"):
            call()


@pytest.mark.parametrize(
    ("matrix", "error", "said"),
    [
        (lambda p: np.zeros((2, 2)), InvalidModel, r"mass_matrix_n has shape \(2, 2\)"),
        (lambda p: np.array([[1, 0, 0], [0, np.nan, 0], [0, 0, 1]]), InvalidModel, r"nan in entry \[1, 1\]"),
        (lambda p: [["a", 0, 0], [0, 1, 0], [0, 0, 1]], InvalidModel, r"str at \[0\]\[0\]"),
        (lambda p: [[None, 0, 0], [0, 1, 0], [0, 0, 1]], InvalidModel, r"NoneType at \[0\]\[0\]"),
        (lambda p: [[1, 0], [0, 1, 0], [0, 0, 1]], InvalidModel, "no rectangular array"),
        (lambda p: p["v4"] * np.eye(3), UnknownName, "'v4'; known names are 'v1', 'v2', 'v3', 'n_scale'"),
    ],
)
def test_bad_matrices_are_named_with_place_and_point(matrix, error, said):
    with pytest.raises(error, match=said):
        seed_model(mass_matrix_n=matrix).get_obs(POINT)


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        ({"ordering": "no"}, "NO, IO"),
        ({"ckm_parameterization": "pdg"}, "standard, wolfenstein"),
        ({"convention": "right"}, "physical, flavorpy"),
        ({"scale": "free"}, "average, profile"),
    ],
)
def test_unknown_words_are_refused_with_the_allowed_ones(settings, allowed):
    with pytest.raises(InvalidOption, match=allowed):
        seed_model(**settings)


def test_data_of_the_other_ordering_are_refused_when_they_are_used():
    model = seed_model(ordering="IO")
    assert model.get_obs(POINT)["m3l^2"] < 0
    calls = (model.get_chisq, model.residual, model.print_chisq, lambda p: model.complete_fit(pd.DataFrame([p])))
    for call in (*calls, lambda p: model.make_fit(points=1)):
        with pytest.raises(InvalidModel, match=r"ordering IO.* assume NO"):
            call(POINT)
    exempt = mf.ExperimentalData("no ordering", data_table=mf.Lexpdata_IO)
    assert seed_model(ordering="IO", experimental_data=exempt).get_chisq(POINT) > 0


@pytest.mark.parametrize(
    ("fitted", "error", "said"),
    [
        (["s12^2", "m21^2"], InvalidModel, "fit m21\\^2 and m3l\\^2, or r"),
        (["r", "m21^2", "m3l^2"], InvalidModel, "counts the same data twice"),
        (["s12^2", "m_bb"], UnknownName, "no data on 'm_bb'"),
        (["s12^2", "t12"], UnknownName, "no data on 't12'"),
        ("most", UnknownName, "expected one of all, auto, full, everything"),
    ],
)
def test_fitted_observables_that_do_not_go_are_refused(fitted, error, said):
    def fit():
        seed_model(fitted_observables=fitted).make_fit(points=1)

    with pytest.raises(error, match=said):
        fit()


def test_phases_of_flavorpy_s_convention_cannot_be_fitted():
    data = mf.ExperimentalData(data_table={"eta1": {"best": 0.5, "1sig_min": 0.4, "1sig_max": 0.6}})
    model = seed_model(experimental_data=data, fitted_observables=["eta1"])
    with pytest.raises(UnknownName, match="convention='physical'"):
        model.make_fit(points=1)


def test_identity_matrices_give_flags_and_no_warning():
    found = mf.FlavorModel().get_obs({})
    assert found["me/mu"] == 1.0
    assert np.isnan(found["m1"])  # no scale fits equal masses
    frame = mf.FlavorModel(mass_matrix_e=charged).complete_fit(pd.DataFrame({"n_scale": [1.0]}))
    assert frame.loc[0, "chisq"] == np.inf
    assert {"degenerate_neutrinos", "scale_undefined"} <= set(frame.attrs["flags"])


def test_a_spectrum_of_the_other_ordering_is_labelled():
    model = seed_model(ordering="IO", experimental_data=mf.NuFit53_IO)
    frame = model.complete_fit(pd.DataFrame([BEST]))  # its masses lie as in NO
    assert frame.attrs["flags"]["ordering_mismatch"] == 1
