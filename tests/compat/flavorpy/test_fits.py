"""Fits of the face: shapes, seeds, options, distinct minima, and models of every kind."""

import numpy as np
import pandas as pd
import pytest

import wilks.compat.flavorpy as mf
from tests.compat.flavorpy.user_script import neutral, seed_model, space, symmetric
from wilks._base.errors import FitFailed, InvalidModel, InvalidOption, InvalidParameter

FEW = {"extra_starts": 24}


def test_equal_seeds_give_equal_frames(model):
    first, second, third = (model.make_fit(points=2, seed=seed, **FEW) for seed in (5, 5, 6))
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(third)


def test_the_global_seed_rules_fits_without_a_seed(model):
    frames = []
    for _ in range(2):
        np.random.seed(7)  # noqa: NPY002  what scripts do
        frames.append(model.make_fit(points=2, **FEW))
    pd.testing.assert_frame_equal(*frames)


def test_a_seeded_fit_leaves_the_global_state_alone(model):
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    model.make_fit(points=2, seed=1, **FEW)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_dimensionless_fits_have_parameters_alone(model):
    frame = model.dimless_fit(2, nr_methods=3, seed=1, **FEW)
    assert list(frame.columns) == ["chisq", "v1", "v2", "v3", "n_scale"]
    assert len(frame) == 6
    assert frame["chisq"].is_monotonic_increasing
    for _, row in frame.iterrows():
        assert row["chisq"] == pytest.approx(np.sum(model.residual(row) ** 2), rel=1e-6, abs=1e-9)  # compiled


def test_distinct_minima_are_reported_with_their_hits(fitted):
    minima = fitted.attrs["minima"]
    assert fitted.attrs["starts"] == 1005
    assert minima[0]["chisq_dimless"] == pytest.approx(fitted.loc[0, "chisq_dimless"], abs=1e-9)
    assert minima[0]["hits"] > 5  # about one start in fifty leads there
    heights = [minimum["chisq_dimless"] for minimum in minima]
    assert heights == sorted(heights)
    # The four lowest distinct minima, found independently on smooth terms (4.92, 5.42, 5.67, 5.90).
    assert heights[:4] == pytest.approx([4.905, 5.403, 5.652, 5.883], abs=2e-3)


def test_each_minimum_fills_at_most_nr_methods_rows(fitted):
    for minimum in fitted.attrs["minima"]:
        near = [abs(fitted[name] - x) < 0.03 for name, x in minimum["values"].items()]
        near.append(abs(fitted["chisq_dimless"] - minimum["chisq_dimless"]) < 0.1)
        assert np.logical_and.reduce(near).sum() <= 4, minimum


def test_a_lowest_minimum_hit_once_is_flagged(model):
    frame = model.make_fit(points=1, seed=3, extra_starts=0)
    assert frame.attrs["starts"] == 1
    assert frame.attrs["warnings"] == {}  # one start can be hit once only
    frames = [model.make_fit(points=1, seed=seed, extra_starts=30) for seed in range(2)]
    for frame in frames:
        once = frame.attrs["minima"][0]["hits"] == 1
        assert ("best_minimum_hit_once" in frame.attrs["warnings"]) == once


def test_without_extra_starts_only_the_points_are_fitted(model):
    frame = model.dimless_fit(3, seed=2, extra_starts=0)
    assert len(frame) == 12
    assert frame.attrs["starts"] == 3


def test_lengths_follow_nr_methods_and_dig_deeper(model):
    assert len(model.dimless_fit(2, seed=1, nr_methods=1, extra_starts=0)) == 2
    settings = {"methods": ["nelder"], "shuffle_methods": False, "max_time": 1, "retry_time": 1, "extra_starts": 0}
    assert len(model.dimless_fit(1, seed=1, nr_methods=3, dig_deeper=True, **settings)) == 6


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"points": 0}, "points = 0"),
        ({"points": 1, "nr_methods": 0}, "nr_methods = 0"),
        ({"points": 1, "extra_starts": -1}, "extra_starts = -1"),
        ({"points": 1, "methods": ["simplex"]}, "method 'simplex' does not exist"),
        ({"points": 1, "methods": []}, "methods is empty"),
    ],
)
def test_bad_options_are_refused_with_what_is_needed(model, options, said):
    with pytest.raises(InvalidOption, match=said):
        model.make_fit(**options)


def test_a_model_without_free_parameters_gives_identical_rows():
    own = space(vary=False, sample_fct=lambda: 1.1)
    own["v1"].sample_fct, own["v3"].sample_fct = (lambda: 1.5), (lambda: 1.3)
    frame = seed_model(parameterspace=own).make_fit(points=2)
    assert len(frame) == 8
    assert (frame == frame.loc[0]).all(axis=None)
    assert (frame["v1"] == 1.5).all()


def test_bounds_and_fixed_parameters_are_kept():
    own = space(min=-1.0, max=4.0)
    own.add_dim("v3", sample_fct=lambda: 0.7, vary=False)
    frame = seed_model(parameterspace=own).make_fit(points=2, seed=1, **FEW)
    assert frame[["v1", "v2"]].ge(-1.0).all(axis=None)
    assert frame[["v1", "v2"]].le(4.0).all(axis=None)
    assert (frame["v3"] == 0.7).all()


def test_dependent_parameters_follow_their_expression():
    own = space("v1", "v3")
    own.add_dim("v2", expr="-0.1*v1 + 0*sqrt(abs(v3))")
    frame = seed_model(parameterspace=own).make_fit(points=2, seed=1, **FEW)
    assert list(frame.columns)[2:6] == ["v1", "v3", "v2", "n_scale"]
    assert frame["v2"].to_numpy() == pytest.approx(-0.1 * frame["v1"].to_numpy(), rel=1e-12)
    assert frame.loc[0, "chisq"] == pytest.approx(seed_model(parameterspace=own).get_chisq(frame.loc[0]), rel=1e-6)


def test_a_sampler_outside_the_bounds_is_refused():
    with pytest.raises(InvalidParameter, match=r"sampler of parameter 'v1' gives 3.0; expected a number in \[0, 1\]"):
        seed_model(parameterspace=space(sample_fct=lambda: 3.0, min=0, max=1)).make_fit(points=1)


def branching(params):
    shift = 0.1 if params["v1"] > 1.0 else 0.0
    return neutral(params) + shift * np.diag([1.0, 0, 0])


def test_functions_that_cannot_be_compiled_are_fitted_all_the_same():
    data = mf.ExperimentalData(
        "mine",
        data_table={"r": {"best": 0.03, "1sig_min": 0.029, "1sig_max": 0.031}},
        data={
            "s12^2": lambda x: ((x - 0.3) / 0.01) ** 2,
            "s13^2": lambda x: 1e4 if x > 0.5 else ((x - 0.02) / 0.001) ** 2,
        },
    )
    fitted = ["s12^2", "s13^2", "r"]
    model = seed_model(mass_matrix_n=branching, experimental_data=data, fitted_observables=fitted)
    best = model.make_fit(points=1, seed=1, extra_starts=10).loc[0]
    assert best["chisq"] == pytest.approx(0.0, abs=1e-6)
    assert best["s12^2"] == pytest.approx(0.3, abs=1e-4)
    assert model.get_chisq(best) == pytest.approx(best["chisq"], abs=1e-9)


def test_complex_matrices_are_fitted():
    model = seed_model(mass_matrix_n=symmetric, convention="physical")
    frame = model.make_fit(points=1, seed=1, extra_starts=50)
    assert "m_bb" in frame
    assert frame.loc[0, "chisq"] == pytest.approx(model.get_chisq(frame.loc[0]), rel=1e-6)


def nowhere(params):
    return np.array([[1, params["v2"], 0], [0, 1, params["v1"]], [0, 0, 1]]) / (params["v3"] - params["v3"] + 0.0)


def test_a_chi_square_that_is_nowhere_a_number_says_so():
    with pytest.raises((InvalidModel, FitFailed)), np.errstate(all="ignore"):
        seed_model(mass_matrix_n=nowhere).make_fit(points=1, **FEW)


def test_fit_of_one_start_gives_one_end_per_stage(model):
    start = {"v1": 5.0, "v2": -0.5, "v3": 0.7}
    fit = mf.Fit(model=model, params=start, nr_methods=3)
    ends = fit.make_fit()
    assert len(ends) == 3
    assert ends[0].chisqr == pytest.approx(5.651702, abs=1e-3)
    frame = fit.fit_results_into_dataframe(ends)
    assert list(frame.columns) == ["chisq", "v1", "v2", "v3", "n_scale"]
    assert start == {"v1": 5.0, "v2": -0.5, "v3": 0.7}


def test_a_fit_needs_a_model_and_a_start(model):
    with pytest.raises(InvalidModel, match="random_pt"):
        mf.Fit(model)


def test_lmfit_minimises_the_residual(model):
    pytest.importorskip("lmfit")
    params = model.parameterspace.random_pt()
    for name, x in {"v1": 5.0, "v2": -0.5, "v3": 0.7}.items():
        params[name].value = x
    minimizer = mf.LmfitMinimizer(model=model, params=params)
    found = minimizer.minimize(method="nelder")
    assert found.chisqr < 5.70
    stage = mf.Fit(model, params).fit_results_into_dataframe([found])
    assert stage.loc[0, "chisq"] == found.chisqr


def test_the_samplers_of_fixed_parameters_do_not_disturb_a_seeded_script():
    def noisy():
        np.random.uniform()  # noqa: NPY002
        return 0.7

    own = space()
    own.add_dim("v3", sample_fct=noisy, vary=False)
    np.random.seed(1)  # noqa: NPY002
    expected = np.random.uniform()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    seed_model(parameterspace=own).objective()  # the models behind it are built at this point
    assert np.random.uniform() == expected  # noqa: NPY002


def test_a_point_of_the_frame_is_a_point_of_the_model(model, fitted):
    assert model.get_chisq(fitted.loc[3]) == pytest.approx(fitted.loc[3, "chisq"], rel=1e-9)
    assert model.get_obs(fitted.loc[3])["m3"] == pytest.approx(fitted.loc[3, "m3"], rel=1e-10)
