import numpy as np
import pytest

from tests.physics.flavor import user_matrices as user
from tests.physics.flavor.user_matrices import SEED_POINT, SEED_SPACE
from wilks._base.errors import InvalidOption
from wilks.physics import flavor
from wilks.physics.flavor.flavorpy_convention import pmns_parameters
from wilks.physics.flavor.model import FlavorModel, evaluate

# Printed by FlavorPy 0.2.0 for the seed's matrices at v1, v2, v3 = 1.5, 1.1, 1.3 (normal ordering).
SEED = {
    "me/mu": 0.0048,
    "mu/mt": 0.0565,
    "s12^2": 0.9053720503789906,
    "s13^2": 0.2893377761696659,
    "s23^2": 0.5280465699834944,
    "d/pi": 0.0,
    "r": 0.010306101829667999,
    "m21^2": 4.9968698643488846e-05,
    "m3l^2": 0.0048484576874298696,
    "m1": 0.0033969202435270816,
    "m2": 0.007842688683377208,
    "m3": 0.06971367695488993,
    "eta1": 1.0,
    "eta2": 1.0,
    "J": 0.0,
    "Jmax": 0.05585663171203268,
    "Sum(m_i)": 0.08095328588179423,
    "m_b": 0.03822289118358137,
    "m_bb": 0.025548760738177294,
    "nscale": 0.019258907884260646,
}
LAPACK = {"eta1", "eta2"}  # may change by one with another build


@pytest.fixture(scope="module")
def model():
    settings = {"mass_matrix_e": user.charged, "mass_matrix_n": user.neutral, "convention": "flavorpy"}
    return FlavorModel(SEED_SPACE, scale="average", **settings)


def check_seed(found):
    assert list(found) == list(SEED)
    for name, number in SEED.items():
        here = found[name] % 1 if name in LAPACK else found[name]
        assert type(found[name]) is float
        assert here == pytest.approx(number % 1 if name in LAPACK else number, rel=1e-12, abs=1e-15), name


def test_the_seed_point_of_a_model(model):
    check_seed(model(SEED_POINT))


def test_the_seed_point_of_matrices_alone():
    check_seed(flavor.lepton_observables(user.charged(SEED_POINT), user.neutral(SEED_POINT), convention="flavorpy"))


def test_lists_equal_single_points(model):
    points = np.random.default_rng(1).uniform(0.3, 1.7, (40, 3))
    found = evaluate(model, points)
    for i in (0, 17):
        single = model(dict(zip(SEED_SPACE.names, points[i], strict=True)))
        for name in SEED:
            assert found[name][i] == pytest.approx(single[name], rel=1e-12, abs=1e-15)


def complex_pairs(n):
    rng = np.random.default_rng(3)
    charged, neutral = rng.normal(size=(2, n, 3, 3)) + 1j * rng.normal(size=(2, n, 3, 3))
    return charged, neutral + neutral.swapaxes(-1, -2)


@pytest.mark.parametrize("ordering", ["NO", "IO"])
def test_only_phases_and_what_depends_on_them_differ_from_physics(ordering):
    pair = complex_pairs(50)
    theirs = flavor.lepton_observables(*pair, ordering=ordering, convention="flavorpy")
    ours = flavor.lepton_observables(*pair, ordering=ordering)
    for name in set(SEED) - {"eta1", "eta2", "m_b", "m_bb"}:
        np.testing.assert_allclose(theirs[name], ours[name], rtol=1e-9, atol=1e-12, err_msg=name)  # phases lose digits
    assert theirs.flags.raised == ours.flags.raised == ("ordering_mismatch",)
    np.testing.assert_array_equal(theirs.flags["ordering_mismatch"], ours.flags["ordering_mismatch"])
    assert np.max(np.abs(theirs["m_bb"] / ours["m_bb"] - 1)) > 0.1
    assert np.max(np.abs(theirs["m_b"] / ours["m_b"] - 1)) > 1e-3


def test_parameters_of_a_matrix():
    pair = complex_pairs(5)
    pmns = flavor.pmns(*pair, convention="flavorpy")
    found, expected = pmns_parameters(pmns), flavor.lepton_observables(*pair, convention="flavorpy")
    for name in found:
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-12)
    assert np.abs(pmns @ pmns.conj().swapaxes(-1, -2) - np.eye(3)).max() < 1e-13


def test_quarks_have_one_convention():
    settings = {"mass_matrix_n": user.neutral, "mass_matrix_d": user.down, "scale": "average"}
    ours, theirs = (FlavorModel(SEED_SPACE, convention=c, **settings)(SEED_POINT) for c in ("physical", "flavorpy"))
    assert list(theirs)[:20] == list(SEED)
    for name in ["mu/mc", "mc/mt", "md/ms", "ms/mb", "t12", "t13", "t23", "dq"]:
        assert theirs[name] == pytest.approx(ours[name], rel=1e-12)


def test_undefined_numbers_are_flagged_without_warnings():
    found = flavor.lepton_observables(np.eye(3), np.eye(3), convention="flavorpy")
    assert {"degenerate_charged", "delta_undefined", "scale_undefined"} <= set(found.flags.raised)
    assert np.isnan(found["d/pi"])


def test_there_is_no_automatic_ordering():
    with pytest.raises(InvalidOption, match="choose NO or IO"):
        flavor.lepton_observables(np.eye(3), np.eye(3), ordering="auto", convention="flavorpy")
