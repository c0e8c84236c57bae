"""Faults of the tools that the wing replaces, which it must not repeat, by their number in the list of them."""

import copy
import pickle

import numpy as np
import pytest

from tests.physics.flavor import oracle
from tests.physics.flavor import user_matrices as user
from tests.physics.flavor.user_matrices import SEED_POINT, SEED_SPACE
from wilks.physics import flavor
from wilks.physics.flavor.model import FlavorModel


def pair(seed):
    rng = np.random.default_rng(seed)
    charged, neutral = rng.normal(size=(2, 3, 3)) + 1j * rng.normal(size=(2, 3, 3))
    return charged, neutral + neutral.T


def test_fault_1_majorana_phases_and_m_bb_come_from_takagi():
    found, wrong = (flavor.lepton_observables(*pair(1), convention=c) for c in ("physical", "flavorpy"))
    exact = oracle.leptons(*pair(1))
    assert found["m_bb"] / found["nscale"] == pytest.approx(float(exact["m_bb"]), rel=1e-12)
    assert found["eta1"] == pytest.approx(float(exact["eta1"]), rel=1e-10)
    assert abs(wrong["m_bb"] / found["m_bb"] - 1) > 0.01


@pytest.mark.parametrize("ordering", ["NO", "IO"])
def test_fault_2_m_b_sums_over_masses_in_both_orderings(ordering):
    found = flavor.lepton_observables(*pair(2), ordering=ordering)
    weights = np.abs(flavor.pmns(*pair(2), ordering=ordering)[0]) ** 2
    masses = np.array([found["m1"], found["m2"], found["m3"]])
    assert found["m_b"] == pytest.approx(np.sqrt(np.sum(weights * masses**2)), rel=1e-12)


def test_fault_3_m_bb_uses_the_third_mass_itself():
    # one electron flavour in the third state only: m_bb is m3, whatever m2^2 - m1^2 is
    neutral = np.diag([1.0, 2.0, 5.0])[[2, 1, 0]][:, [2, 1, 0]]
    found = flavor.lepton_observables(np.diag([0.0003, 0.06, 1.0]), neutral)
    assert found["m_bb"] == pytest.approx(found["m3"], rel=1e-14)


@pytest.mark.parametrize("ckm", ["standard", "wolfenstein"])
def test_fault_6_pure_quark_models_build(ckm):
    found = FlavorModel(SEED_SPACE, mass_matrix_d=user.down, ckm=ckm)(SEED_POINT)
    assert all(np.isfinite(x) for x in found.values())


def test_fault_9_the_scale_is_the_best_one():
    profile, average = (
        FlavorModel(SEED_SPACE, mass_matrix_n=user.neutral, scale=s)(SEED_POINT) for s in ("profile", "average")
    )

    def chi2(found):
        return ((found["m21^2"] - 7.41e-5) / 0.21e-5) ** 2 + ((found["m3l^2"] - 2.505e-3) / 0.026e-3) ** 2

    assert chi2(profile) < 0.2 * chi2(average)


def test_fault_10_best_values_of_the_scale_belong_to_the_data():
    other = {"NO": (7.537e-5, 0.1e-5, 2.511e-3, 0.021e-3)}
    one, two = (FlavorModel(SEED_SPACE, mass_matrix_n=user.neutral, splittings=s)(SEED_POINT) for s in (None, other))
    assert one["r"] == two["r"]
    assert one["nscale"] != two["nscale"]


@pytest.mark.parametrize("ordering", ["NO", "IO", "auto"])
@pytest.mark.parametrize("neutral", [np.eye(3), np.zeros((3, 3)), np.diag([1.0, 2.0, 5.0]), np.ones((3, 3))])
def test_fault_13_special_matrices_are_flagged_and_nan_is_never_silent(neutral, ordering):
    found = flavor.lepton_observables(np.eye(3), neutral, ordering=ordering)  # warnings are errors here
    assert found.flags.raised
    assert not any(np.isinf(x) for x in found.values())
    if any(np.isnan(x) for x in found.values()):
        assert {"delta_undefined", "scale_undefined", "phases_undefined"} & set(found.flags.raised)


def test_fault_14_a_failing_function_raises_its_own_error_with_the_point():
    with pytest.raises(RuntimeError, match="no such vacuum") as raised:
        FlavorModel(SEED_SPACE, mass_matrix_n=user.failing)
    assert any("v1 = " in note for note in raised.value.__notes__)


def test_fault_15_neither_point_nor_space_are_mutated():
    point, names = dict(SEED_POINT), SEED_SPACE.names
    for scale in ("profile", "average"):
        FlavorModel(SEED_SPACE, mass_matrix_n=user.scaled, scale=scale)(point)
    assert point == SEED_POINT
    assert SEED_SPACE.names == names


def test_fault_16_models_and_observables_pickle_and_copy():
    model = FlavorModel(SEED_SPACE, mass_matrix_n=user.symmetric, mass_matrix_d=user.down)
    for thing in (model, model(SEED_POINT)):
        twins = pickle.loads(pickle.dumps(thing)), copy.copy(thing), copy.deepcopy(thing)
        assert [type(twin) for twin in twins] == [type(thing)] * 3
    assert dict(twins[0]) == dict(model(SEED_POINT))


def test_fault_19_a_spectrum_of_the_other_ordering_is_labelled():
    charged, neutral = np.diag([0.0003, 0.06, 1.0]), np.diag([1.0, 2.0, 5.0])
    assert flavor.lepton_observables(charged, neutral).flags["ordering_mismatch"] is False
    assert flavor.lepton_observables(charged, neutral, ordering="IO").flags["ordering_mismatch"] is True
