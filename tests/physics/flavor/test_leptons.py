import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.physics.flavor import oracle
from wilks._base.errors import InvalidModel, InvalidOption, UnknownName
from wilks.physics import flavor
from wilks.physics.flavor.from_matrices import _leptons

# Everything is asked to agree to 1e-8; what is reached is 1e-13, as quotients of small entries lose two digits.
PRECISION = 1e-8

UNSCALED = {"m1": 1, "m2": 1, "m3": 1, "m_b": 1, "m_bb": 1, "m21^2": 2, "m3l^2": 2}  # powers of the scale in them
PHASES = {"d/pi": 2.0, "eta1": 1.0, "eta2": 1.0, "alpha21/pi": 2.0, "alpha31/pi": 2.0}  # and their periods
KEYS = [
    *("me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "r", "m21^2", "m3l^2", "m1", "m2", "m3"),
    *("eta1", "eta2", "J", "Jmax", "Sum(m_i)", "m_b", "m_bb", "nscale"),
]


def random(seed, n=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 3, 3)) + 1j * rng.normal(size=(n, 3, 3))


def symmetric(seed, n=1):
    matrices = random(seed, n)
    return matrices + matrices.swapaxes(-1, -2)


def unitary(seed):
    return np.linalg.qr(random(seed)[0])[0]


def difference(name, one, two):
    """Distance of two values, relative for numbers and on the circle for phases."""
    if name in PHASES:
        gap = np.abs(one - two) % PHASES[name]
        return np.max(np.minimum(gap, PHASES[name] - gap))
    return np.max(np.abs(one - two) / np.maximum(np.abs(two), 1e-3))


def agree(one, two, precision, names=None):
    worst = {name: difference(name, one[name], two[name]) for name in names or two}
    assert max(worst.values()) < precision, worst


@pytest.mark.parametrize("ordering", ["NO", "IO"])
@pytest.mark.parametrize("majorana", [True, False])
def test_observables_agree_with_sixty_digits(ordering, majorana):
    charged, neutral = random(1, 12), (symmetric if majorana else random)(2, 12)
    found = flavor.lepton_observables(charged, neutral, ordering=ordering)
    for i in range(12):
        exact = oracle.leptons(charged[i], neutral[i], inverted=ordering == "IO", majorana=majorana)
        here = {n: found[n][i] / found["nscale"][i] ** UNSCALED.get(n, 0) for n in exact}
        agree(here, {n: float(x) for n, x in exact.items()}, PRECISION)
    assert found.flags.raised in ((), ("ordering_mismatch",))


def test_quasi_degenerate_and_hierarchical_neutrinos_agree_with_sixty_digits():
    turn = unitary(4)
    charged = random(5)[0]
    for masses, precision in (([1.0, 1.0 + 1e-6, 1.3], PRECISION), ([1e-6, 0.1, 1.0], PRECISION)):
        neutral = turn @ np.diag(masses) @ turn.T
        found = flavor.lepton_observables(charged, neutral, nature="majorana")
        neutral = (neutral + neutral.T) / 2
        exact = oracle.leptons(charged, neutral)
        here = {n: found[n] / found["nscale"] ** UNSCALED.get(n, 0) for n in exact}
        agree(here, {n: float(x) for n, x in exact.items()}, precision)


def test_keys_come_in_order_and_dirac_neutrinos_have_no_majorana_numbers():
    majorana = flavor.lepton_observables(random(1)[0], symmetric(2)[0])
    assert list(majorana) == [*KEYS, "alpha21/pi", "alpha31/pi"]
    assert all(type(number) is float for number in majorana.values())
    dirac = flavor.lepton_observables(random(1)[0], symmetric(2)[0], nature="dirac")
    assert list(dirac) == [k for k in KEYS if k not in ("eta1", "eta2", "m_bb")]
    with pytest.raises(UnknownName, match="'m_bb', as Dirac neutrinos have none"):
        dirac["m_bb"]


def test_numbers_of_a_constructed_point():
    from wilks.physics.mixing import MixingAngles, mixing_matrix

    angles = MixingAngles(0.31, 0.022, 0.57, 1.3 * np.pi)
    pmns = np.asarray(mixing_matrix(angles, alpha21=0.7, alpha31=-1.1))
    masses = np.array([0.01, 0.0132, 0.0511])
    neutral = pmns.conj() @ np.diag(masses) @ pmns.conj().T  # U_e = 1, U_n = P^*
    found = flavor.lepton_observables(np.diag([0.000286, 0.0594, 1.0]), neutral)
    expected = {
        "me/mu": 0.000286 / 0.0594,
        "mu/mt": 0.0594,
        "s12^2": 0.31,
        "s13^2": 0.022,
        "s23^2": 0.57,
        "d/pi": 1.3,
        "alpha21/pi": 0.7 / np.pi,
        "alpha31/pi": 2 - 1.1 / np.pi,
        "J": found["Jmax"] * np.sin(1.3 * np.pi),
        "m2": found["m1"] * 1.32,
        "m_b": found["nscale"] * np.sqrt(np.sum(np.abs(pmns[0]) ** 2 * masses**2)),
        "m_bb": found["nscale"] * abs(np.sum(pmns[0] ** 2 * masses)),
    }
    agree(found, expected, 1e-12)


def test_both_forms_of_the_effective_mass_agree():
    for ordering in ("NO", "IO"):
        found = flavor.lepton_observables(random(8, 200), symmetric(9, 200), ordering=ordering)
        s12, s13 = found["s12^2"], found["s13^2"]
        terms = (
            (1 - s12) * (1 - s13) * found["m1"] * np.exp(2j * np.pi * found["eta1"]),
            s12 * (1 - s13) * found["m2"] * np.exp(2j * np.pi * found["eta2"]),
            s13 * found["m3"] * np.exp(-2j * np.pi * found["d/pi"]),
        )
        np.testing.assert_allclose(abs(sum(terms)), found["m_bb"], rtol=1e-12, atol=1e-12 * found["m3"].max())


def test_phases_reproduce_the_mixing_matrix():
    # P = V_PDG diag(e^(i eta1), e^(i eta2), 1) up to phases of rows and signs of columns
    from wilks.physics.mixing import MixingAngles, mixing_matrix

    charged, neutral = random(11, 20), symmetric(12, 20)
    found = flavor.lepton_observables(charged, neutral)
    angles = MixingAngles(found["s12^2"], found["s13^2"], found["s23^2"], np.pi * found["d/pi"])
    pdg = np.asarray(mixing_matrix(angles, np.pi * found["alpha21/pi"], np.pi * found["alpha31/pi"]))
    squares = pdg**2 * found["m1"][:, None, None] ** 0  # signs of columns drop out
    lightest = np.stack([found["m1"], found["m2"], found["m3"]], axis=-1)
    effective = np.sum(squares[:, 0, :] * lightest, axis=-1)
    np.testing.assert_allclose(abs(effective), found["m_bb"], rtol=1e-11)  # a sum of three terms that may cancel


seeds = st.integers(0, 2**31)


@given(seeds)
def test_change_of_basis_changes_nothing(seed):
    charged, neutral = random(seed)[0], symmetric(seed + 1)[0]
    one = flavor.lepton_observables(charged, neutral)
    w, v = unitary(seed + 2), unitary(seed + 3)
    moved = w @ neutral @ w.T
    two = flavor.lepton_observables(w @ charged @ v, (moved + moved.T) / 2)
    # differences of nearly equal numbers lose digits at unlucky points: half of the sixteen are left
    agree(one, two, 1e-8)


@given(seeds)
def test_conjugate_matrices_have_opposite_phases(seed):
    charged, neutral = random(seed)[0], symmetric(seed + 1)[0]
    one, two = flavor.lepton_observables(charged, neutral), flavor.lepton_observables(charged.conj(), neutral.conj())
    flipped = {n: -two[n] if n in PHASES or n == "J" else two[n] for n in two}
    agree(one, flipped, 1e-9)


@given(seeds, st.floats(-30, 30))
def test_scale_of_the_matrices_changes_nscale_only(seed, power):
    charged, neutral = random(seed)[0], symmetric(seed + 1)[0]
    factor = 10.0**power
    one, two = (flavor.lepton_observables(f * charged, f * neutral) for f in (1.0, factor))
    agree(one, two, 1e-9, names=[n for n in one if n != "nscale"])
    assert two["nscale"] * factor == pytest.approx(one["nscale"], rel=1e-9)


def test_orderings_are_relabellings():
    charged, neutral = random(21, 10), symmetric(22, 10)
    normal, inverted = (flavor.lepton_observables(charged, neutral, ordering=o) for o in ("NO", "IO"))
    for one, other in (("m1", "m3"), ("m2", "m1"), ("m3", "m2")):
        np.testing.assert_allclose(normal[one] / normal["nscale"], inverted[other] / inverted["nscale"], rtol=1e-15)
    # sum rule: both splittings add up to that between the outermost masses
    a, b = (normal[n] / normal["nscale"] ** 2 for n in ("m21^2", "m3l^2"))
    c, d = (inverted[n] / inverted["nscale"] ** 2 for n in ("m21^2", "m3l^2"))
    np.testing.assert_allclose(b - a, c, rtol=1e-12)
    np.testing.assert_allclose(-d, b, rtol=1e-12)
    chosen = flavor.lepton_observables(charged, neutral, ordering="auto")
    assert chosen.flags.raised == ()
    labels = np.where(normal.flags["ordering_mismatch"], inverted["s12^2"], normal["s12^2"])
    np.testing.assert_array_equal(chosen["s12^2"], labels)
    assert 0 < np.sum(normal.flags["ordering_mismatch"]) < 10


def test_transposed_convention_is_reached_by_transposing():
    charged = random(31)[0]
    # e^c M L instead of L M e^c: what diagonalises from the right is what is meant
    right = np.linalg.svd(charged)[2][::-1].T
    pmns = flavor.pmns(charged.T, np.eye(3) + np.diag([0, 1, 2]))
    np.testing.assert_allclose(abs(pmns), abs(right).T, atol=1e-14)  # rounding of a unitary matrix


def test_pmns_is_unitary_and_conjugate_to_the_quark_matrix_of_the_same_matrices():
    charged, neutral = random(41, 50), random(42, 50)
    pmns = flavor.pmns(charged, neutral)
    assert np.abs(pmns @ pmns.conj().swapaxes(-1, -2) - np.eye(3)).max() < 1e-13
    # two programs: one rounding each
    np.testing.assert_allclose(pmns, flavor.ckm(charged, neutral).conj(), atol=1e-14)
    again = flavor.angles(pmns)
    found = flavor.lepton_observables(charged, neutral)
    np.testing.assert_allclose(again.s12, found["s12^2"], rtol=1e-14)
    np.testing.assert_allclose(again.delta, np.pi * found["d/pi"], rtol=1e-10)


def test_stacks_equal_single_points_whatever_their_number():
    charged, neutral = random(51, 2100), symmetric(52, 2100)
    whole = flavor.lepton_observables(charged, neutral)
    assert whole["m1"].shape == (2100,)
    backwards = flavor.lepton_observables(charged[::-1], neutral[::-1])
    part = flavor.lepton_observables(charged[5:65].reshape(3, 20, 3, 3), neutral[5:65].reshape(3, 20, 3, 3))
    assert part["m1"].shape == (3, 20)
    for name in whole:
        np.testing.assert_array_equal(whole[name], backwards[name][::-1])
        np.testing.assert_array_equal(part[name].ravel(), whole[name][5:65])
    single = flavor.lepton_observables(charged[7], neutral[7])  # a program of its own: other roundings
    agree(single, {name: whole[name][7] for name in whole}, 1e-12)
    empty = flavor.lepton_observables(charged[:0], neutral[:0])
    assert empty["m_bb"].shape == (0,)


REAL_LINE = jax.jit(lambda me, mn: _leptons(me, mn, np.ones((2, 4)), np.array(0), True), inline=True)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gradients_equal_central_differences(seed):
    me, mn, de, dn = random(seed), symmetric(seed + 50), random(seed + 100), symmetric(seed + 150)

    def along(t):
        found = REAL_LINE(me + t * de, mn + t * dn)
        return {name: entry[0] for name, entry in zip(found.names, found.entries, strict=True)}

    slopes = jax.jacfwd(along)(0.0)
    step = 1e-5
    up, down = along(step), along(-step)
    for name, slope in slopes.items():
        assert bool(jnp.isfinite(slope))
        # central differences: 1e-10 from curvature and 1e-11 from rounding, times up to 1e4 for slopes of phases
        assert float(slope) == pytest.approx(float((up[name] - down[name]) / (2 * step)), rel=1e-6, abs=1e-6), name


@pytest.mark.parametrize("kind", ["identity", "zero", "equal neutrinos", "massless", "diagonal", "rank one"])
def test_gradients_stay_finite_where_numbers_are_undefined(kind):
    me, mn = SPECIAL[kind]
    de, dn = random(61), symmetric(62)

    def along(t):
        found = REAL_LINE(me[None] + t * de, mn[None] + t * dn)
        return dict(zip(found.names, (e[0] for e in found.entries), strict=True))

    slopes = jax.jacfwd(along)(0.0)
    assert {n for n, s in slopes.items() if not bool(jnp.isfinite(s))} == set()


turn = unitary(71)
charged_masses = np.diag([0.0003, 0.06, 1.0])
SPECIAL = {
    "identity": (np.eye(3), np.eye(3)),
    "zero": (charged_masses, np.zeros((3, 3))),
    "equal neutrinos": (charged_masses, turn @ np.diag([1.0, 1.0, 2.0]) @ turn.T),
    "massless": (charged_masses, turn @ np.diag([0.0, 1.0, 5.0]) @ turn.T),
    "diagonal": (charged_masses, np.diag([1.0, 2.0, 5.0])),
    "rank one": (np.ones((3, 3)), turn @ np.diag([1.0, 2.0, 5.0]) @ turn.T),
}
RAISED = {
    "identity": {
        "degenerate_charged",
        "degenerate_neutrinos",
        "delta_undefined",
        "scale_undefined",
        "phases_undefined",
    },
    "zero": {"degenerate_neutrinos", "delta_undefined", "scale_undefined", "phases_undefined"},
    "equal neutrinos": {"degenerate_neutrinos", "scale_undefined"},
    "massless": {"phases_undefined"},
    "diagonal": {"delta_undefined", "phases_undefined"},
    "rank one": {"degenerate_charged"},
}
UNDEFINED = {
    "delta_undefined": {"d/pi"},
    "phases_undefined": {"eta1", "eta2", "alpha21/pi", "alpha31/pi"},
    "scale_undefined": {"r", "m21^2", "m3l^2", "m1", "m2", "m3", "Sum(m_i)", "m_b", "m_bb", "nscale"},
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_undefined_numbers_are_nan_and_named_by_flags(kind):
    found = flavor.lepton_observables(*SPECIAL[kind], nature="majorana")
    assert set(found.flags.raised) - {"ordering_mismatch"} == RAISED[kind]
    undefined = set().union(*(UNDEFINED.get(flag, set()) for flag in found.flags.raised))
    assert {name for name in found if np.isnan(found[name])} == undefined
    assert "ordering_mismatch" not in found.flags.raised or kind in ("identity", "zero", "equal neutrinos")


BAD = [
    ((np.eye(2), np.eye(3)), InvalidModel, r"Me has shape \(2, 2\); expected \(\.\.\., 3, 3\)"),
    ((np.eye(3), np.diag([1, np.nan, 1])), InvalidModel, r"Mn holds nan at \[1, 1\]"),
    ((np.eye(3), [[1, "a", 0]] * 3), InvalidModel, r"Mn holds str at \[0\]\[1\]"),
    ((np.eye(3), [[1, 0, None]] * 3), InvalidModel, r"Mn holds NoneType at \[0\]\[2\]"),
    (([[1, 0, 0], [1, 0], [1]], np.eye(3)), InvalidModel, "Me is no rectangular array"),
    ((np.ones((2, 3, 3)), np.ones((5, 3, 3))), InvalidModel, "do not go together"),
]


@pytest.mark.parametrize(("matrices", "error", "message"), BAD)
def test_bad_matrices_are_refused(matrices, error, message):
    with pytest.raises(error, match=message):
        flavor.lepton_observables(*matrices)


def test_majorana_neutrinos_need_a_symmetric_matrix():
    with pytest.raises(InvalidModel, match=r"\|M_n - M_n\^T\|/\|M_n\| is .*; symmetrise it.*nature='dirac'"):
        flavor.lepton_observables(np.eye(3), random(1)[0], nature="majorana")


@pytest.mark.parametrize("word", ["ordering", "nature", "convention"])
def test_unknown_words_are_refused_with_the_allowed_ones(word):
    with pytest.raises(InvalidOption, match=f"{word} 'odd' does not exist; choose one of "):
        flavor.lepton_observables(np.eye(3), np.eye(3), **{word: "odd"})
