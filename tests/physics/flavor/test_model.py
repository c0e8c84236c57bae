import copy
import logging
import pickle

import jax
import numpy as np
import pytest

from tests.physics.flavor import user_matrices as user
from tests.physics.flavor.user_matrices import SEED_POINT, SEED_SPACE
from wilks._base.errors import InvalidModel, InvalidOption, UnknownName
from wilks._base.notices import notice
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics import flavor
from wilks.physics.flavor.model import FlavorModel, evaluate

SCALED_SPACE = ParameterSpace((*SEED_SPACE.parameters, Parameter("n_scale", 0.01, lower=0.0)))


@pytest.fixture
def said(caplog):
    """Notices of one test."""
    notice.cache_clear()
    with caplog.at_level(logging.WARNING, logger="wilks"):
        yield caplog


@pytest.fixture(scope="module")
def seed():
    return FlavorModel(SEED_SPACE, mass_matrix_e=user.charged, mass_matrix_n=user.neutral)


@pytest.fixture(scope="module")
def majorana():
    return FlavorModel(SEED_SPACE, mass_matrix_e=user.charged, mass_matrix_n=user.symmetric)


def random_points(n):
    return np.random.default_rng(1).uniform(0.3, 1.7, (n, 3))


def test_the_seed_point(seed):
    # figures of the seed's documentation, which do not depend on scale and convention; to their last digit
    found = seed(SEED_POINT)
    expected = {
        "me/mu": 0.0048,
        "mu/mt": 0.0565,
        "s12^2": 0.9053720503789906,
        "s13^2": 0.2893377761696659,
        "s23^2": 0.5280465699834944,
        "r": 0.010306101829667999,
        "Jmax": 0.05585663171203268,
    }
    for name, number in expected.items():
        assert found[name] == pytest.approx(number, rel=1e-12), name
    assert (found["d/pi"], found["J"]) == (0.0, 0.0)
    assert found["m1"] / found["m3"] == pytest.approx(0.0033969202435270816 / 0.06971367695488993, rel=1e-12)
    assert found["m2"] / found["m3"] == pytest.approx(0.007842688683377208 / 0.06971367695488993, rel=1e-12)
    assert all(type(number) is float for number in found.values())
    assert found.flags.raised == ()
    assert "m_bb" not in found


def test_numbers_equal_those_of_the_matrices_alone(majorana):
    points = random_points(30)
    found = evaluate(majorana, points)
    named = [dict(zip(SEED_SPACE.names, x, strict=True)) for x in points]
    matrices = [(user.charged(p), user.symmetric(p)) for p in named]
    plain = flavor.lepton_observables(*map(np.array, zip(*matrices, strict=True)))
    for name in plain:
        power = {"m21^2": 2, "m3l^2": 2}.get(name, 1 if (name[0] == "m" and "/" not in name) or name[0] == "S" else 0)
        one, two = (x[name] / x["nscale"] ** power for x in (found, plain))
        if name != "nscale":
            np.testing.assert_allclose(one, two, rtol=1e-9, atol=1e-12, err_msg=name)  # phases lose digits
    assert list(found) == list(plain)


def test_lists_equal_single_points_in_any_order(majorana):
    points = random_points(1100)
    whole = evaluate(majorana, points)
    part = evaluate(majorana, points[::-1][:50])
    columns = evaluate(majorana, {name: points[:, i] for i, name in enumerate(SEED_SPACE.names)})
    single = majorana(dict(zip(SEED_SPACE.names, points[3], strict=True)))
    for name in whole:
        np.testing.assert_array_equal(part[name], whole[name][::-1][:50])
        np.testing.assert_array_equal(columns[name], whole[name])
        # a program for one point has other roundings; phases may lose some digits
        assert single[name] == pytest.approx(whole[name][3], rel=1e-10)


def test_absent_columns_keep_their_start(majorana):
    found = evaluate(majorana, {"v1": np.array([1.2, 1.4])})
    expected = evaluate(majorana, np.array([[1.2, 1.0, 1.0], [1.4, 1.0, 1.0]]))
    np.testing.assert_array_equal(found["m_bb"], expected["m_bb"])
    with pytest.raises(UnknownName, match="'v4'"):
        evaluate(majorana, {"v4": np.ones(2)})
    with pytest.raises(InvalidModel, match="different lengths"):
        evaluate(majorana, {"v1": np.ones(2), "v2": np.ones(3)})
    with pytest.raises(InvalidModel, match=r"shape \(2, 2\); expected \(points, 3\)"):
        evaluate(majorana, np.ones((2, 2)))
    assert evaluate(majorana, np.ones((0, 3)))["m1"].shape == (0,)


def test_profiled_scale_fits_both_splittings_best(majorana):
    found = majorana(SEED_POINT)
    t21, s21, t3l, s3l = 7.41e-5, 0.21e-5, 2.505e-3, 0.026e-3

    def chi2(scale):
        a, b = (found[n] / found["nscale"] ** 2 for n in ("m21^2", "m3l^2"))
        return ((scale**2 * a - t21) / s21) ** 2 + ((scale**2 * b - t3l) / s3l) ** 2

    best = chi2(found["nscale"])
    assert best <= chi2(found["nscale"] * 1.001)
    assert best <= chi2(found["nscale"] * 0.999)


def test_average_scale_is_that_of_flavorpy():
    model = FlavorModel(SEED_SPACE, mass_matrix_e=user.charged, mass_matrix_n=user.neutral, scale="average")
    found = model(SEED_POINT)
    assert found["nscale"] == pytest.approx(0.019258907884260646, rel=1e-12)
    assert found["m3"] == pytest.approx(0.06971367695488993, rel=1e-12)
    assert found["m21^2"] == pytest.approx(4.9968698643488846e-05, rel=1e-12)


def test_scales_of_a_list_may_be_given(majorana):
    points = random_points(3)
    found, plain = evaluate(majorana, points, scale=np.array([0.01, 0.02, 0.03])), evaluate(majorana, points)
    np.testing.assert_array_equal(found["nscale"], [0.01, 0.02, 0.03])
    np.testing.assert_allclose(found["m3"], plain["m3"] / plain["nscale"] * [0.01, 0.02, 0.03], rtol=1e-14)


def test_free_scale_is_a_parameter_and_enters_once():
    plain = FlavorModel(SCALED_SPACE, mass_matrix_n=user.symmetric, scale="free")
    scaled = FlavorModel(SCALED_SPACE, mass_matrix_n=user.scaled, scale="free")
    point = {**SEED_POINT, "n_scale": 0.02}
    one, two = plain(point), scaled(point)
    masses = np.linalg.svd(user.symmetric(SEED_POINT))[1][::-1]
    np.testing.assert_allclose([one[f"m{i}"] for i in (1, 2, 3)], 0.02 * masses, rtol=1e-13)
    np.testing.assert_allclose([two[f"m{i}"] for i in (1, 2, 3)], 0.02 * masses, rtol=1e-13)
    assert one["nscale"] == 0.02


def test_n_scale_is_one_unless_it_is_a_parameter():
    without = FlavorModel(SEED_SPACE, mass_matrix_n=user.scaled)
    with_it = FlavorModel(SCALED_SPACE, mass_matrix_n=user.scaled)
    one, two = without(SEED_POINT), with_it({**SEED_POINT, "n_scale": 2.0})
    assert one["nscale"] == pytest.approx(2.0 * two["nscale"], rel=1e-13)
    assert one["m3"] == pytest.approx(two["m3"], rel=1e-13)


def test_quarks_alone_and_with_leptons():
    quark = FlavorModel(SEED_SPACE, mass_matrix_d=user.down)
    assert quark.sectors == ("quark",)
    expected = flavor.quark_observables(np.eye(3), user.down(SEED_POINT))
    found = quark(SEED_POINT)
    assert list(found) == list(expected)
    assert found["t12"] == pytest.approx(expected["t12"], rel=1e-12)
    assert "degenerate_up" in found.flags.raised
    both = FlavorModel(SEED_SPACE, mass_matrix_n=user.symmetric, mass_matrix_d=user.down, ckm="wolfenstein")
    assert both.sectors == ("lepton", "quark")
    assert list(both(SEED_POINT))[-9:] == ["mu/mc", "mc/mt", "md/ms", "ms/mb", "lambda", "A", "rhobar", "etabar", "l"]


@pytest.mark.parametrize("ordering", ["NO", "IO"])
def test_oscillation_parameters(ordering):
    model = FlavorModel(SEED_SPACE, mass_matrix_e=user.charged, mass_matrix_n=user.symmetric, ordering=ordering)
    found = model(SEED_POINT)
    numbers = model.oscillation_parameters(SEED_POINT)
    assert float(numbers.s13) == pytest.approx(found["s13^2"], rel=1e-12)
    assert float(numbers.delta) == pytest.approx(np.pi * found["d/pi"], rel=1e-12)
    assert float(numbers.m21_squared) == pytest.approx(found["m2"] ** 2 - found["m1"] ** 2, rel=1e-9)
    assert float(numbers.m31_squared) == pytest.approx(found["m3"] ** 2 - found["m1"] ** 2, rel=1e-9)
    with pytest.raises(InvalidModel, match="no oscillation parameters"):
        FlavorModel(SEED_SPACE, mass_matrix_d=user.down).oscillation_parameters(SEED_POINT)


def test_ordering_is_data_of_the_compiled_program():
    models = [FlavorModel(SEED_SPACE, mass_matrix_n=user.symmetric, ordering=o) for o in ("NO", "IO", "auto")]
    normal, inverted, chosen = (model(SEED_POINT) for model in models)
    assert (normal.flags["ordering_mismatch"], inverted.flags["ordering_mismatch"]) == (False, True)
    assert chosen["s12^2"] == normal["s12^2"]
    assert [model.ordering for model in models] == ["NO", "IO", "auto"]
    structures = {str(jax.tree.structure(model)) for model in models}
    assert len(structures) == 1  # so that no ordering is compiled twice
    values = models[0].space.unpack(models[0].space.starts)
    other = models[0].dimensionless(values, ordering="IO")
    assert float(other["s12^2"]) == float(models[1].dimensionless(values)["s12^2"])


def test_gradients_of_all_observables_equal_central_differences():
    both = FlavorModel(SEED_SPACE, mass_matrix_e=user.down, mass_matrix_n=user.symmetric, mass_matrix_d=user.down)

    def numbers(theta):
        return dict(both(both.space.unpack(theta)))

    theta, direction, step = np.array([1.3, 0.7, 1.1]), np.array([0.6, -1.0, 0.3]), 1e-5
    _, slopes = jax.jit(lambda at: jax.jvp(numbers, (at,), (direction,)))(theta)
    near = jax.jit(jax.vmap(numbers))(theta + step * np.array([[1.0], [-1.0]]) * direction)
    for name, slope in slopes.items():
        difference = (near[name][0] - near[name][1]) / (2 * step)
        # differences of step 1e-5: errors of 1e-10 times the third derivative, which small angles enlarge
        assert float(slope) == pytest.approx(float(difference), rel=1e-5, abs=1e-7), name


def test_a_point_that_breaks_a_matrix_is_an_error_alone_and_a_flag_in_a_list():
    model = FlavorModel(SEED_SPACE, mass_matrix_n=user.inverse)
    with pytest.raises(ZeroDivisionError) as raised:
        model({"v1": 0.0, "v2": 1.0, "v3": 1.0})
    assert any("mass_matrix_n" in note and "v1 = 0.0" in note for note in raised.value.__notes__)
    found = evaluate(model, np.array([[0.8, 1.0, 1.0], [0.0, 1.0, 1.0]]))
    np.testing.assert_array_equal(found.flags["not_finite"], [False, True])
    assert np.isfinite(found["m1"][0])
    assert np.isnan(found["m1"][1])


def test_models_pickle_and_copy(majorana):
    for twin in (pickle.loads(pickle.dumps(majorana)), copy.deepcopy(majorana)):
        assert dict(twin(SEED_POINT)) == dict(majorana(SEED_POINT))
        assert jax.tree.structure(twin) == jax.tree.structure(majorana)


def test_neither_point_nor_space_are_touched(seed):
    point = dict(SEED_POINT)
    seed(point)
    assert point == SEED_POINT
    assert seed.space is SEED_SPACE


def test_nature_follows_from_the_matrix_and_is_said_once(said):
    assert FlavorModel(SEED_SPACE, mass_matrix_n=user.neutral).nature == "dirac"
    assert FlavorModel(SEED_SPACE, mass_matrix_n=user.neutral).nature == "dirac"
    assert FlavorModel(SEED_SPACE, mass_matrix_n=user.symmetric).nature == "majorana"
    assert FlavorModel(SEED_SPACE, mass_matrix_n=user.symmetric, nature="dirac").nature == "dirac"
    texts = [record.message for record in said.records]
    assert [("not symmetric" in t, "is symmetric" in t) for t in texts] == [(True, False), (False, True)]


def test_a_parameter_without_effect_is_named(said):
    FlavorModel(SEED_SPACE, mass_matrix_n=user.idle)
    assert [r.message for r in said.records if "no effect" in r.message] == [
        "parameter 'v3' has no effect on any mass matrix; a fit cannot determine it"
    ]


REFUSED = {
    "no matrix": ({}, InvalidModel, "no mass matrix is given"),
    "not symmetric": ({"mass_matrix_n": user.neutral, "nature": "majorana"}, InvalidModel, "needs a symmetric M_n"),
    "unknown parameter": ({"mass_matrix_e": user.unknown}, UnknownName, "mass_matrix_e.*'v4'.*'v1'"),
    "wrong shape": ({"mass_matrix_n": user.wrong_shape}, InvalidModel, r"mass_matrix_n.*shape \(3, 2\).*v1 = "),
    "text": ({"mass_matrix_u": user.text}, InvalidModel, r"mass_matrix_u.*str at \[0\]"),
    "ragged": ({"mass_matrix_u": user.ragged}, InvalidModel, "mass_matrix_u.*rectangular"),
    "nothing": ({"mass_matrix_d": user.nothing}, InvalidModel, "mass_matrix_d.*NoneType"),
    "failing": ({"mass_matrix_d": user.failing}, RuntimeError, "no such vacuum"),
    "no n_scale": ({"mass_matrix_n": user.symmetric, "scale": "free"}, InvalidModel, "needs a parameter 'n_scale'"),
    "auto": (
        {"mass_matrix_n": user.symmetric, "ordering": "auto", "convention": "flavorpy"},
        InvalidOption,
        "choose NO or IO",
    ),
    "sign": (
        {"mass_matrix_n": user.symmetric, "splittings": {"IO": (7e-5, 1e-6, 2e-3, 1e-5)}},
        InvalidModel,
        "m3l\\^2 negative",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_model_is_refused(case):
    settings, error, message = REFUSED[case]
    with pytest.raises(error, match=message):
        FlavorModel(SEED_SPACE, **settings)


@pytest.mark.parametrize("word", ["ordering", "nature", "scale", "ckm", "quark_fields", "convention"])
def test_unknown_words_are_refused_with_the_allowed_ones(word):
    with pytest.raises(InvalidOption, match=f"{word} 'odd' does not exist; choose one of "):
        FlavorModel(SEED_SPACE, mass_matrix_n=user.symmetric, **{word: "odd"})
