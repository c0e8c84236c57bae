"""Chains of the face: shapes, order of rows, seeds, diagnostics, and bad settings."""

import numpy as np
import pandas as pd
import pytest

import wilks.compat.flavorpy as mf
from tests.compat.flavorpy.user_script import BEST, neutral, seed_model, space
from wilks._base.errors import InvalidOption, UnknownName

SHORT = {"mcmc_steps": 60, "burn": 20, "thin": 10, "progress": False}
START = pd.DataFrame([BEST | {"n_scale": 1.0}])


def test_draws_are_step_major_and_near_their_start(model):
    frame = model.mcmc_fit(START, nwalkers=10, seed=1, **SHORT)
    assert frame.shape == (40, 4)
    assert list(frame.index) == list(range(40))
    by_step = frame["v1"].to_numpy().reshape(4, 10)
    assert by_step.std(axis=1).min() > 0  # ten walkers at each step
    assert frame["v1"].between(4.0, 6.0).all()
    assert (frame["n_scale"] == 1).all()


def test_chains_follow_the_chi_square(model, chain):
    done = model.complete_fit(chain)
    above = done["chisq"] - done["chisq"].min()
    # Draws from exp(-chi2/2) of three parameters: the mean excess is about 3; folds and octants change it a little.
    assert 1.5 < above.mean() < 6.0
    assert done["chisq"].min() > 4.9053


def test_equal_seeds_give_equal_draws(model):
    first, second, third = (model.mcmc_fit(START, nwalkers=10, seed=seed, **SHORT) for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first, second)
    assert not first.equals(third)
    drawn = []
    for _ in range(2):
        np.random.seed(11)  # noqa: NPY002  what scripts do
        drawn.append(model.mcmc_fit(START, nwalkers=10, **SHORT))
    pd.testing.assert_frame_equal(*drawn)


def test_the_report_says_how_good_the_chain_is(chain):
    report = chain.attrs
    assert 0.2 < report["acceptance"][0] < 0.9
    assert set(report["rhat"][0]) == set(report["ess"][0]) == set(report["tau"][0]) == {"v1", "v2", "v3"}
    assert report["ess"][0]["v1"] > 100
    assert report["converged"] == [report["verdict"][0] == "converged"]


def test_a_chain_of_no_effective_samples_is_not_called_good(model):
    report = model.mcmc_fit(START, nwalkers=10, seed=1, mcmc_steps=6, burn=1, thin=1, progress=False).attrs
    assert report["converged"] == [False]
    assert report["verdict"][0].startswith("not converged")


def test_rows_follow_one_another(model):
    starts = pd.concat([START, START.assign(v1=5.05)])
    starts.index = [7, 3]
    frame = model.mcmc_fit(starts, nwalkers=10, seed=1, **SHORT)
    assert len(frame) == 80
    assert len(frame.attrs["acceptance"]) == 2
    alone = model.mcmc_fit(starts.iloc[:1], nwalkers=10, seed=1, **SHORT)
    pd.testing.assert_frame_equal(frame.iloc[:40], alone)


def test_parameters_may_be_held(model):
    frame = model.mcmc_fit(START, params_not_varied=["v2"], nwalkers=9, seed=1, **SHORT)
    assert (frame["v2"] == BEST["v2"]).all()
    assert len(frame) == 36  # an odd number of walkers
    assert frame["v1"].std() > 0
    with pytest.raises(UnknownName, match="no parameter 'v9'"):
        model.mcmc_fit(START, params_not_varied=["v9"], **SHORT)


def test_chains_stay_within_bounds_and_follow_expressions():
    own = space("v1", min=5.0, max=5.1)
    own.add_dim("v2", max=-0.5)
    own.add_dim("v3", expr="-1.33*v2")
    model = seed_model(parameterspace=own)
    frame = model.mcmc_fit(pd.DataFrame([{"v1": 5.04, "v2": -0.53}]), nwalkers=10, seed=1, **SHORT)
    assert frame["v1"].between(5.0, 5.1).all()
    assert frame["v2"].le(-0.5).all()
    assert frame["v3"].to_numpy() == pytest.approx(-1.33 * frame["v2"].to_numpy(), rel=1e-12)


def test_more_walkers_than_twice_the_parameters_are_fine_and_fewer_are_refused(model):
    assert len(model.mcmc_fit(START, nwalkers=10, seed=1, **SHORT)) == 40
    with pytest.raises(InvalidOption, match="nwalkers = 7 for 3 free parameters; give at least 8"):
        model.mcmc_fit(START, nwalkers=7, **SHORT)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mcmc_steps": 0}, "mcmc_steps = 0"),
        ({"mcmc_steps": 100, "burn": 100}, "burn 100 lies outside 0 to 99"),
        ({"thin": 0}, "thin = 0"),
        ({"nwalkers": 0}, "nwalkers = 0"),
        ({"nan_policy": "drop"}, "omit, propagate, raise"),
        ({"moves": None}, "no option 'moves'"),
    ],
)
def test_bad_settings_are_refused_with_what_is_needed(model, settings, said):
    with pytest.raises(InvalidOption, match=said):
        model.mcmc_fit(START, **{"progress": False, **settings})


def test_a_start_outside_the_bounds_and_a_frame_without_a_column_are_refused():
    model = seed_model(parameterspace=space(min=0.0))
    with pytest.raises(InvalidOption, match=r"start of 'v2': -0.528403 lies outside \[0.0"):
        model.mcmc_fit(START, nwalkers=10, **SHORT)
    with pytest.raises(UnknownName, match="the frame has no 'v3'"):
        seed_model().mcmc_fit(START.drop(columns="v3"), nwalkers=10, **SHORT)


def test_nothing_to_vary_is_refused():
    model = seed_model(parameterspace=space(vary=False))
    with pytest.raises(InvalidOption, match="no parameter varies"):
        model.mcmc_fit(START, **SHORT)


def raising(params):
    if params["v1"] > 0:
        raise RuntimeError("no matrix here")
    return neutral(params)


def test_a_matrix_that_fails_around_the_start_raises_its_own_error():
    with pytest.raises(RuntimeError, match="no matrix here"):
        seed_model(mass_matrix_n=raising).mcmc_fit(START, nwalkers=10, **SHORT)


def test_progress_goes_to_standard_error_and_options_of_emcee_are_said_to_do_nothing(model, capsys, caplog):
    model.mcmc_fit(START, nwalkers=10, seed=1, workers=2, **{**SHORT, "progress": True})
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "0: 60/60 steps" in captured.err
    assert "'workers' of emcee has no effect" in caplog.text


def test_an_empty_frame_gives_an_empty_chain(model):
    frame = model.mcmc_fit(START.iloc[:0], nwalkers=10, **SHORT)
    assert frame.shape == (0, 4)


def test_the_gaussian_set_samples_too():
    model = seed_model(experimental_data=mf.NuFit53_NO_gauss)
    assert len(model.mcmc_fit(START, nwalkers=10, seed=1, **SHORT)) == 40
