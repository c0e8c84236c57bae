"""FlavorPy's functions of matrices: its numbers, stacks, and the physical convention."""

import numpy as np
import pytest

import wilks.compat.flavorpy as mf
from tests.compat.flavorpy.user_script import POINT, charged, down, neutral, seed_model, up

GENERATOR = np.random.default_rng(6)
STACK = GENERATOR.normal(size=(2, 4, 3, 3)) + 1j * GENERATOR.normal(size=(2, 4, 3, 3))


def test_observables_of_matrices_are_those_of_the_model():
    found = mf.calculate_lepton_observables(charged(POINT), neutral(POINT), "NO")
    assert found == pytest.approx(seed_model().get_obs(POINT), rel=1e-12)
    unscaled = mf.calculate_lepton_dimensionless_observables(charged(POINT), neutral(POINT))
    assert unscaled == pytest.approx(seed_model().get_dimless_obs(POINT), rel=1e-12)
    assert {type(x) for x in unscaled.values()} == {float}


def test_the_scale_takes_other_best_values():
    found = mf.calculate_lepton_observables(charged(POINT), neutral(POINT), m21sq_best=1e-4, m3lsq_best=2e-3)
    a, b = neutral_splittings()
    assert found["nscale"] ** 2 == pytest.approx(0.5 * (1e-4 / a + 2e-3 / b), rel=1e-12)


def neutral_splittings():
    m3, m2, m1 = np.linalg.svd(neutral(POINT), compute_uv=False)
    return m2**2 - m1**2, m3**2 - m1**2


@pytest.mark.parametrize("ordering", ["NO", "IO"])
@pytest.mark.parametrize("convention", ["flavorpy", "physical"])
def test_stacks_give_arrays_equal_to_single_calls(ordering, convention):
    me, mn = STACK[0], STACK[1] + np.swapaxes(STACK[1], -1, -2)
    for function in (mf.calculate_lepton_observables, mf.calculate_lepton_dimensionless_observables):
        many = function(me, mn, ordering, convention=convention)
        for i in range(4):
            one = function(me[i], mn[i], ordering, convention=convention)
            assert list(one) == list(many)
            assert {name: x[i] for name, x in many.items()} == pytest.approx(one, rel=1e-10)


@pytest.mark.parametrize("convention", ["flavorpy", "physical"])
def test_parameters_of_a_mixing_matrix_are_those_of_its_matrices(convention):
    me, mn = STACK[0, 0], STACK[1, 0] + STACK[1, 0].T
    pmns = mf.calculate_pmns(me, mn, "NO", convention=convention)
    found = mf.get_standard_parameters_pmns(pmns, convention=convention)
    direct = mf.calculate_lepton_observables(me, mn, "NO", convention=convention)
    names = ("s12^2", "s13^2", "s23^2", "d/pi", *(("eta1", "eta2") if convention == "flavorpy" else ()))
    assert {n: found[n] for n in names} == pytest.approx({n: direct[n] for n in names}, rel=1e-9)
    assert np.abs(pmns @ pmns.conj().T - np.eye(3)).max() < 1e-13
    assert 0 <= found["eta1"] < (2 if convention == "flavorpy" else 1)


def test_parameters_of_quark_mixing_are_those_of_the_matrices():
    mu, md = up({"a": 1.0}), down({"a": 1.0})
    ckm = mf.calculate_ckm(mu, md)
    standard, wolfenstein = mf.get_standard_parameters_ckm(ckm), mf.get_wolfenstein_parameters(ckm)
    assert standard == pytest.approx({k: mf.calculate_quark_observables(mu, md)[k] for k in standard}, rel=1e-9)
    direct = mf.calculate_quark_observables(mu, md, parameterization="wolfenstein")
    assert wolfenstein == pytest.approx({k: direct[k] for k in wolfenstein}, rel=1e-9)
    assert wolfenstein["l"] == wolfenstein["lambda"]
    assert mf.get_standard_parameters_ckm(np.stack([ckm, ckm]))["t12"].shape == (2,)
    assert mf.get_wolfenstein_parameters(np.stack([ckm, ckm]))["A"].shape == (2,)
    assert mf.get_standard_parameters_pmns(np.stack([ckm, ckm]))["eta1"].shape == (2,)


def test_mixing_of_the_same_matrices_is_conjugate_for_quarks():
    me, mn = STACK[0, 1], STACK[1, 1]
    assert np.abs(mf.calculate_ckm(me, mn)) == pytest.approx(np.abs(mf.calculate_pmns(me, mn)), abs=1e-12)
    delta = mf.calculate_lepton_observables(me, mn)["d/pi"] * 180
    assert mf.calculate_quark_observables(me, mn)["dq"] == pytest.approx(360 - delta, rel=1e-9)
