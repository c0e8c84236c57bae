import functools
import pickle

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.digests import digest
from wilks._base.errors import InvalidData, InvalidModel, UnknownName
from wilks.inference.fitting import fit
from wilks.inference.multistart import Multistart
from wilks.inference.quadratic import quadratic
from wilks.likelihood.curves import gaussian_curve
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.flavor.absolute_masses import cosmology
from wilks.physics.flavor.building import FlavorLikelihood, build
from wilks.physics.flavor.datasets import CHARGED_LEPTONS_GUT, QUARKS_GUT, WOLFENSTEIN_2024
from wilks.physics.flavor.judged_points import chi2_of_points, scales_of_points, shares_of_points
from wilks.physics.flavor.model import FlavorModel, evaluate
from wilks.physics.flavor.nufit_figures import figures
from wilks.physics.flavor.nufit_terms import nufit
from wilks.physics.flavor.starts import wide_starts

from .user_matrices import SEED_SPACE, charged, down, neutral

DOCUMENTED = np.array([5.036863, -0.528403, 0.701039])  # best fit printed by FlavorPy's simple example, chi2 5.651948
NEARBY = np.array([4.9, -0.55, 0.75])
SPACE_WITH_SCALE = ParameterSpace((*SEED_SPACE.parameters, Parameter("n_scale", 0.007, lower=1e-4, upper=1.0)))


@functools.cache
def seed_model(**settings):
    space = SPACE_WITH_SCALE if settings.get("scale") == "free" else SEED_SPACE
    return FlavorModel(space, mass_matrix_e=charged, mass_matrix_n=neutral, **settings)


@functools.cache
def seed_likelihood(correlations="1d"):
    return build(seed_model(), nufit("5.3", "NO", correlations))[0]


@eqx.filter_jit
def judged(likelihood, theta, data):
    here = quadratic(likelihood, theta, data, "fisher")
    shares = likelihood.contributions(likelihood.space.unpack(theta), data)
    return here.value, here.gradient, here.hessian, list(shares.values())


def chi2(likelihood, theta, data=None):
    value, *_ = judged(likelihood, jnp.asarray(theta), likelihood.best if data is None else data)
    return 2 * float(value)


@pytest.mark.parametrize("correlations", ["1d", "full"])
def test_gradients_are_finite_differences_and_contributions_add_up(correlations):
    likelihood = seed_likelihood(correlations)
    for theta in (DOCUMENTED, NEARBY):
        value, gradient, hessian, shares = judged(likelihood, jnp.asarray(theta), likelihood.best)
        assert sum(map(float, shares)) == pytest.approx(2 * float(value), rel=1e-9)
        assert np.linalg.eigvalsh(hessian).min() >= -1e-9 * np.abs(hessian).max()
        for i in range(3):
            step = 1e-6 * np.eye(3)[i]
            slope = (chi2(likelihood, theta + step) - chi2(likelihood, theta - step)) / 4e-6
            # central differences: curvature of 1e4 and its changes at knots, rounding 1e-14 / 1e-6
            assert slope == pytest.approx(float(gradient[i]), rel=1e-5, abs=1e-4)


def test_the_documented_point_differs_from_the_face_by_the_subtracted_minima():
    likelihood = seed_likelihood()
    assert chi2(likelihood, DOCUMENTED) == pytest.approx(5.651948, abs=0.07)
    names = list(likelihood.contributions(SEED_SPACE.unpack(DOCUMENTED), likelihood.best))
    assert names == ["me/mu", "mu/mt", "s12^2", "s13^2", "s23^2", "d/pi", "m21^2", "m3l^2", "ordering"]


def test_the_scale_is_at_its_best():
    likelihood = seed_likelihood()
    for theta in (DOCUMENTED, NEARBY):
        found = seed_model().dimensionless(SEED_SPACE.unpack(theta))
        best = float(likelihood.neutrino_scale(SEED_SPACE.unpack(theta), likelihood.best)) ** 2
        a, b = float(found["m21^2_wrong_scaled"]), float(found["m3l^2_wrong_scaled"])
        terms = nufit("5.3", "NO")

        def cost(x, a=a, b=b, terms=terms):
            return terms["m21^2"].chi2(x * a) + terms["m3l^2"].chi2(x * b)

        scanned = cost(best * np.exp(np.linspace(-0.15, 0.15, 30001)))
        assert float(cost(best)) <= scanned.min() + 1e-6


def test_many_points_are_judged_and_evaluated_with_the_fitted_scale():
    likelihood, points = seed_likelihood(), np.stack([DOCUMENTED, NEARBY])
    found = evaluate(seed_model(), points, scale=scales_of_points(likelihood, points))
    terms, shares = nufit("5.3", "NO"), shares_of_points(likelihood, points)
    total = chi2_of_points(likelihood, {name: points[:, i] for i, name in enumerate(SEED_SPACE.names)})
    for row, theta in enumerate(points):
        judged_by_terms = terms.chi2({name: float(found[name][row]) for name in likelihood.fitted})
        assert sum(judged_by_terms.values()) == pytest.approx(chi2(likelihood, theta), rel=1e-6)
        assert total[row] == pytest.approx(chi2(likelihood, theta), rel=1e-12)
        assert shares["s23^2"][row] == pytest.approx(judged_by_terms["s23^2"], rel=1e-9)


def test_the_seed_is_fitted_globally_below_its_documented_minimum():
    likelihood, data = build(seed_model(), nufit("5.3", "NO"))
    for key in (1, 2):
        result = fit(likelihood, data, start=Multistart(512, key=key, draw=wide_starts))
        assert 2 * result.excess == pytest.approx(4.9207, abs=1e-3)  # and not 5.65
        assert result.ndf == 4  # seven constraints (the scale takes one of eight), three parameters
        assert result.minima is not None
        # the documented minimum is found too, as one of several
        assert np.abs(2 * result.minima.excess - 5.667).min() < 0.01


def test_a_fit_of_its_own_prediction_costs_nothing():
    likelihood = seed_likelihood()
    data = np.asarray(likelihood.expected(SEED_SPACE.unpack(NEARBY)))
    assert chi2(likelihood, NEARBY, data) == pytest.approx(0.0, abs=1e-9)


def test_a_free_scale_and_the_ratio_of_splittings_agree_with_the_profiled_scale():
    profiled = seed_likelihood()
    free = FlavorLikelihood(seed_model(scale="free"), nufit("5.3", "NO"))
    for theta in (DOCUMENTED, NEARBY):
        scale = float(profiled.neutrino_scale(SEED_SPACE.unpack(theta), profiled.best))
        assert chi2(free, [*theta, scale]) == pytest.approx(chi2(profiled, theta), rel=1e-9)
        assert chi2(free, [*theta, 1.01 * scale]) > chi2(profiled, theta)
    names = [name for name in profiled.fitted if name not in ("m21^2", "m3l^2")]
    ratio = FlavorLikelihood(seed_model(), nufit("5.3", "NO"), fitted=["r", *names])
    best = np.array([7.50389, -2.64324, -2.25241])  # where the splittings fit exactly, and so does r
    assert chi2(ratio, best) == pytest.approx(chi2(profiled, best), abs=0.01)
    assert chi2(ratio, best) == pytest.approx(4.9207, abs=0.01)


def test_an_average_scale_takes_the_best_values_of_the_chosen_release():
    likelihood = FlavorLikelihood(seed_model(scale="average"), figures("5.2", "NO"), fitted=["m21^2", "m3l^2"])
    found = seed_model().dimensionless(SEED_SPACE.unpack(NEARBY))
    a, b = float(found["m21^2_wrong_scaled"]), float(found["m3l^2_wrong_scaled"])
    x = 0.5 * (7.41e-5 / a + 2.507e-3 / b)
    expected = sum(figures("5.2", "NO").terms().chi2({"m21^2": x * a, "m3l^2": x * b}).values())
    assert chi2(likelihood, NEARBY) == pytest.approx(expected, rel=1e-9)


def test_the_score_of_toys_has_mean_zero():
    likelihood = FlavorLikelihood(seed_model(scale="free"), nufit("5.3", "NO"))
    theta = jnp.asarray([*NEARBY, 0.0068])
    n = 4000

    def score(key):
        toy = likelihood.simulate(key, likelihood.space.unpack(theta))
        return quadratic(likelihood, theta, toy, "fisher").gradient

    scores = np.asarray(jax.jit(jax.vmap(score))(jax.random.split(jax.random.key(3), n)))
    assert (np.abs(scores.mean(0)) < 4 * scores.std(0) / np.sqrt(n)).all()  # 4 standard errors


@pytest.mark.slow  # compiles for half a minute; its ingredients are tested in test_correlated.py
def test_toys_of_correlated_data_spread_as_chi_square():
    likelihood = seed_likelihood("full")
    theta = jnp.asarray(DOCUMENTED)
    n = 1000

    def excess(key):
        return quadratic(likelihood, theta, likelihood.simulate(key, SEED_SPACE.unpack(theta)), "fisher").value

    drawn = 2 * np.asarray(jax.jit(jax.vmap(excess))(jax.random.split(jax.random.key(4), n)))
    # seven degrees of freedom, the profiled scale taken off; delta has flatter tails than a normal
    assert drawn.mean() == pytest.approx(7.5, abs=0.8)


def test_inverted_ordering_carries_its_offset_and_auto_picks_by_the_spectrum():
    both = {ordering: nufit("5.3", ordering) for ordering in ("NO", "IO")}
    auto = FlavorLikelihood(seed_model(ordering="auto"), both)
    normal, inverted = seed_likelihood(), FlavorLikelihood(seed_model(ordering="IO"), both)
    like_inverted = np.array([-1.40192, -1.9253, -1.93992])
    assert chi2(auto, DOCUMENTED) == pytest.approx(chi2(normal, DOCUMENTED), rel=1e-12)
    assert chi2(auto, like_inverted) == pytest.approx(chi2(inverted, like_inverted), rel=1e-12)
    assert chi2(inverted, like_inverted) == pytest.approx(24.565, abs=0.01)
    exact = np.asarray(inverted.expected(SEED_SPACE.unpack(like_inverted)))
    assert chi2(inverted, like_inverted, exact) == pytest.approx(9.117398, abs=1e-9)
    moved = np.asarray(auto.expected(SEED_SPACE.unpack(like_inverted)))
    np.testing.assert_array_equal(moved[0], auto.best[0])
    np.testing.assert_allclose(moved[1], exact)
    # a spectrum of the wrong ordering is judged, not refused
    assert chi2(inverted, DOCUMENTED) > 1e3


def test_exchanging_data_sets_and_orderings_compiles_nothing_again():
    calls = []

    @eqx.filter_jit
    def count(likelihood, theta, data):
        calls.append(1)
        return likelihood.excess(likelihood.space.unpack(theta), data)

    for release, ordering in (("5.3", "NO"), ("5.2", "NO"), ("5.3", "IO"), ("5.2", "IO")):
        likelihood, data = build(seed_model(ordering=ordering), nufit(release, ordering))
        count(likelihood, jnp.asarray(NEARBY), data)
    assert len(calls) == 1


def test_an_undefined_phase_costs_nothing_and_an_undefined_scale_everything():
    space = ParameterSpace((Parameter("x", 0.0), Parameter("y", 0.05)))

    def matrix(p):
        return np.array([[0.02, p["x"], 0], [p["x"], 0.02, 0], [0, 0, p["y"]]])

    likelihood, data = build(
        FlavorModel(space, mass_matrix_n=matrix), nufit("5.3", "NO"), ["s13^2", "d/pi", "m21^2", "m3l^2"]
    )
    values = space.unpack(np.array([0.004, 0.05]))
    shares = likelihood.contributions(values, data)
    assert float(shares["d/pi"]) == 0.0
    assert np.isfinite(float(likelihood.excess(values, data)))
    _, gradient, _, _ = judged(likelihood, jnp.array([0.004, 0.05]), data)
    assert np.isfinite(gradient).all()
    degenerate = space.unpack(np.array([0.0, 0.05]))
    assert float(likelihood.excess(degenerate, data)) == np.inf
    assert float(likelihood.log_prob(degenerate, data)) == -np.inf


def test_quarks_are_fitted_alone_in_both_parametrisations():
    wolfenstein = [QUARKS_GUT.terms().without("t12", "t13", "t23", "dq"), WOLFENSTEIN_2024]
    for ckm, data in (("standard", QUARKS_GUT), ("wolfenstein", wolfenstein)):
        likelihood = FlavorLikelihood(FlavorModel(SEED_SPACE, mass_matrix_d=down, ckm=ckm), data)
        assert len(likelihood.fitted) == 8
        shares = shares_of_points(likelihood, np.array([[0.1, 0.2, 0.3]]))
        assert np.isfinite(list(shares.values())).all()
        assert set(shares) == {*likelihood.fitted, "ordering"}


def test_quarks_and_leptons_are_fitted_together():
    both = FlavorModel(SEED_SPACE, mass_matrix_e=charged, mass_matrix_n=neutral, mass_matrix_d=down)
    leptons = nufit("5.3", "NO").without("me/mu", "mu/mt")
    joined = FlavorLikelihood(both, [leptons, CHARGED_LEPTONS_GUT, QUARKS_GUT])
    assert len(joined.fitted) == 16
    point = DOCUMENTED[None]
    quarks = FlavorLikelihood(FlavorModel(SEED_SPACE, mass_matrix_d=down), QUARKS_GUT)
    together, apart = shares_of_points(joined, point), shares_of_points(quarks, point)
    for name in quarks.fitted:
        assert float(together[name][0]) == pytest.approx(float(apart[name][0]), rel=1e-9)
    alone = shares_of_points(seed_likelihood(), point)
    assert float(together["s12^2"][0]) == pytest.approx(float(alone["s12^2"][0]), rel=1e-9)
    assert float(together["m21^2"][0]) == pytest.approx(float(alone["m21^2"][0]), rel=1e-6)


def test_data_are_given_by_name_and_limits_on_absolute_masses_join_in():
    likelihood = seed_likelihood()
    moved = likelihood.prepare({"m21^2": 7.5e-5, "s12^2": 0.31})
    assert moved[likelihood.names.index("m21^2")] == pytest.approx(np.log10(7.5e-5))
    assert moved[likelihood.names.index("s12^2")] == 0.31
    np.testing.assert_array_equal(likelihood.prepare(None), likelihood.best)
    names = (*likelihood.fitted, "Sum(m_i)")
    limited = FlavorLikelihood(seed_model(), [nufit("5.3", "NO"), cosmology()], names)
    values = SEED_SPACE.unpack(DOCUMENTED)
    assert float(limited.contributions(values, limited.best)["Sum(m_i)"]) == pytest.approx(
        3.841 * (0.061353 / 0.12) ** 2, rel=1e-3
    )  # the sum of masses that FlavorPy prints for this point, in eV
    mean = limited.mean(values)
    assert mean.shape == (3, 8)  # one column of three coupled numbers, six alone, one empty: eight constraints


def test_what_does_not_go_together_is_refused():
    data = nufit("5.3", "NO")
    with pytest.raises(InvalidModel, match=r"ordering IO, the data .*NO"):
        build(seed_model(ordering="IO"), data)
    with pytest.raises(InvalidModel, match="count the splittings twice"):
        build(seed_model(), data, ["r", "m21^2", "m3l^2"])
    with pytest.raises(InvalidModel, match=r"m21\^2 alone says nothing"):
        build(seed_model(), data, ["s12^2", "m21^2"])
    with pytest.raises(UnknownName, match=r"predicts no 's12\^3'; did you mean"):
        build(seed_model(), data, ["s12^3"])
    with pytest.raises(UnknownName, match=r"no data on 'mu/mc'|predicts no 'mu/mc'"):
        build(seed_model(), data, ["mu/mc"])
    with pytest.raises(UnknownName, match="no data on 'J'"):
        build(seed_model(), data, ["J"])
    with pytest.raises(UnknownName, match="does not exist for Dirac neutrinos"):
        build(seed_model(), data.with_term("m_bb", gaussian_curve(0.0, 0.1)), ["m_bb", "m21^2", "m3l^2"])
    with pytest.raises(UnknownName, match="fitted='most'"):
        build(seed_model(), data, "most")
    with pytest.raises(InvalidData, match="needs data of both orderings"):
        build(seed_model(ordering="auto"), data)
    with pytest.raises(InvalidData, match="no data given"):
        build(seed_model(), [])
    with pytest.raises(InvalidModel, match="correlations='full' judges"):
        build(seed_model(), nufit("5.3", "NO", "full"), ["s12^2", "m21^2", "m3l^2"])
    with pytest.raises(UnknownName, match="is not fitted"):
        seed_likelihood().prepare({"r": 0.03})
    with pytest.raises(InvalidData, match="expected a finite number for each"):
        seed_likelihood().prepare([np.nan] * 8)


def test_likelihoods_pickle_and_judge_alike():
    again = pickle.loads(pickle.dumps(seed_likelihood()))
    assert again.origin.sources == ("NuFIT 5.3 (2024), NO, correlations 1d",)
    assert again.origin.digests[0].startswith("bf2fb99741")
    other = FlavorLikelihood(seed_model(), nufit("5.2", "NO"))
    assert digest(other) != digest(again)
    assert digest(again) == digest(seed_likelihood())
    assert chi2(again, NEARBY) == chi2(seed_likelihood(), NEARBY)
