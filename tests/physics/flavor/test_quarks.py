import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.physics.flavor import oracle
from wilks._base.errors import InvalidModel, InvalidOption
from wilks.physics import flavor
from wilks.physics.mixing import MixingAngles, Wolfenstein, angles_of_wolfenstein, mixing_matrix

STANDARD = ["mu/mc", "mc/mt", "md/ms", "ms/mb", "t12", "t13", "t23", "dq"]
WOLFENSTEIN = ["mu/mc", "mc/mt", "md/ms", "ms/mb", "lambda", "A", "rhobar", "etabar", "l"]


def random(seed, n=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3, 3)) + 1j * rng.normal(size=(n, 3, 3))


def unitary(seed):
    return np.linalg.qr(random(seed)[0])[0]


def hierarchical(seed, n, masses):
    return np.stack([unitary(seed + i) @ np.diag(masses) @ unitary(seed + 1000 + i) for i in range(n)])


@pytest.mark.parametrize("fields", ["dirac", "weyl"])
@pytest.mark.parametrize("ckm", ["standard", "wolfenstein"])
def test_observables_agree_with_sixty_digits(ckm, fields):
    up = np.concatenate([random(1, 8), hierarchical(50, 8, [5e-6, 3e-3, 1.0])])
    down = np.concatenate([random(2, 8), hierarchical(90, 8, [1e-3, 2e-2, 1.0])])
    found = flavor.quark_observables(up, down, ckm=ckm, quark_fields=fields)
    assert list(found) == (STANDARD if ckm == "standard" else WOLFENSTEIN)
    for i in range(len(up)):
        exact = oracle.quarks(up[i], down[i], weyl=fields == "weyl")
        for name in set(found) - {"l"}:
            assert found[name][i] == pytest.approx(float(exact[name]), rel=1e-8), name  # asked for; reached: 1e-13


def test_alias_of_lambda_is_returned():
    found = flavor.quark_observables(random(1)[0], random(2)[0], ckm="wolfenstein")
    assert found["l"] == found["lambda"]


def test_the_two_kinds_of_fields_differ_by_a_conjugation():
    up, down = random(3, 20), random(4, 20)
    dirac, weyl = (flavor.quark_observables(up, down, quark_fields=f) for f in ("dirac", "weyl"))
    np.testing.assert_allclose(weyl["dq"], 360.0 - dirac["dq"], rtol=1e-12)
    np.testing.assert_array_equal(weyl["t13"], dirac["t13"])
    dirac, weyl = (flavor.quark_observables(up, down, ckm="wolfenstein", quark_fields=f) for f in ("dirac", "weyl"))
    np.testing.assert_allclose(weyl["etabar"], -dirac["etabar"], rtol=1e-12)
    np.testing.assert_allclose(weyl["rhobar"], dirac["rhobar"], rtol=1e-12)


def test_parametrisations_of_one_matrix_agree():
    true = Wolfenstein(0.22501, 0.826, 0.1591, 0.3523)
    matrix = np.asarray(mixing_matrix(angles_of_wolfenstein(true)))
    down = matrix @ np.diag([0.001, 0.02, 1.0])
    found = flavor.quark_observables(np.diag([1e-5, 1e-3, 1.0]), down, ckm="wolfenstein")
    np.testing.assert_allclose([found[n] for n in ("lambda", "A", "rhobar", "etabar")], true, rtol=1e-12)
    angles = flavor.quark_observables(np.diag([1e-5, 1e-3, 1.0]), down)
    expected = [float(x) for x in angles_of_wolfenstein(true).degrees()]
    np.testing.assert_allclose([angles[n] for n in ("t12", "t13", "t23", "dq")], expected, rtol=1e-12)


@given(st.integers(0, 2**31))
def test_change_of_basis_changes_nothing(seed):
    up, down = random(seed)[0], random(seed + 1)[0]
    w, v, other = unitary(seed + 2), unitary(seed + 3), unitary(seed + 4)
    one, two = flavor.quark_observables(up, down), flavor.quark_observables(w @ up @ v, w @ down @ other)
    for name in one:
        assert two[name] == pytest.approx(one[name], rel=1e-8, abs=1e-8), name  # digits lost at unlucky points


def test_ckm_is_unitary():
    ckm = flavor.ckm(random(5, 30), random(6, 30))
    assert np.abs(ckm @ ckm.conj().swapaxes(-1, -2) - np.eye(3)).max() < 1e-13
    assert flavor.ckm(np.eye(3), np.diag([1, 2, 3])).dtype == complex


def test_exactly_vanishing_mixing_is_flagged():
    up, down = np.diag([1e-5, 1e-3, 1.0]), np.diag([1e-3, 0.02, 1.0])
    found = flavor.quark_observables(up, down)
    assert found.flags.raised == ("dq_undefined",)
    assert np.isnan(found["dq"])
    assert [found[n] for n in ("t12", "t13", "t23")] == [0.0, 0.0, 0.0]
    found = flavor.quark_observables(up, down, ckm="wolfenstein")
    assert found.flags.raised == ("wolfenstein_undefined",)
    assert found["lambda"] == 0.0
    assert np.isnan(found["A"])
    assert flavor.quark_observables(np.eye(3), down).flags["degenerate_up"]


def test_largest_angles_are_precise():
    angles = MixingAngles.from_degrees(89.999, 0.001, 89.9, 10.0)
    found = flavor.quark_observables(np.diag([1, 2, 3.0]), np.asarray(mixing_matrix(angles)) @ np.diag([1, 2, 3.0]))
    # an entry of 1e-5 with an error of 1e-16
    np.testing.assert_allclose([found[n] for n in ("t12", "t13", "t23")], [89.999, 0.001, 89.9], rtol=1e-10)


def test_bad_input_is_refused():
    with pytest.raises(InvalidModel, match="Md has shape"):
        flavor.quark_observables(np.eye(3), np.eye(4))
    with pytest.raises(InvalidOption, match="ckm 'odd' does not exist; choose one of standard, wolfenstein"):
        flavor.quark_observables(np.eye(3), np.eye(3), ckm="odd")
    with pytest.raises(InvalidOption, match="quark_fields 'odd'"):
        flavor.ckm(np.eye(3), np.eye(3), quark_fields="odd")
