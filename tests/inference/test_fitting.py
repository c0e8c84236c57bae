"""Fits of one set of data: values, errors, statuses, starts, and what is refused."""

import iminuit
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inference.models import (
    BACKGROUND,
    OBSERVED,
    SIGNAL,
    closed_and_open,
    counting,
    double_well,
    line,
    peak,
    plane,
    readme,
    systematics,
    twins,
)
from tests.reference.published import PYHF_README, SEED_COUNTS
from wilks._base.errors import FitFailed, InvalidData, InvalidOption, InvalidParameter, UnknownName
from wilks.inference.fitting import fit, fit_many, minimise
from wilks.inference.minimisers import Minuit
from wilks.inference.quadratic import excess
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.joint import Joint
from wilks.model.linear import LinearTemplates
from wilks.model.modifiers import Channel, HistoSys, NormFactor, NormSys, StatError, TemplateSample
from wilks.model.predictor import AbstractPredictor, Auxiliary
from wilks.model.sums import SummedPredictor
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.results.status import Status


def test_values_errors_and_correlations_are_iminuits():
    likelihood = systematics()
    data = likelihood.prepare(OBSERVED)
    found = fit(likelihood, data)
    cost = jax.jit(lambda theta: excess(likelihood, theta, data))
    oracle = iminuit.Minuit(lambda x: float(cost(x)), found.theta + 0.1, name=found.names)
    oracle.errordef, oracle.strategy, oracle.tol = 0.5, 2, 1e-4
    oracle.migrad()
    oracle.hesse()
    # Migrad stops at 2e-7 in EDM, 6e-4 of an error; Hesse differentiates numerically
    np.testing.assert_allclose(found.theta, oracle.values, atol=1e-3 * found.sigma.min())
    np.testing.assert_allclose(found.sigma, oracle.errors, rtol=2e-3)
    np.testing.assert_allclose(found.correlation, oracle.covariance.correlation(), atol=2e-3)


def test_numbers_of_pyhfs_readme():
    likelihood = readme()
    data = likelihood.prepare(PYHF_README["observed"])
    np.testing.assert_allclose(data.auxiliary, PYHF_README["auxiliary"], rtol=1e-9)  # digits printed
    start = likelihood.space.unpack(likelihood.space.starts)
    at_start = -2 * float(likelihood.log_prob(start, data))
    assert at_start == pytest.approx(PYHF_README["twice_nll_at_start"], abs=1e-7)
    found = fit(likelihood, data)
    assert found.twice_nll == pytest.approx(PYHF_README["twice_nll_at_minimum"], abs=1e-7)
    assert found.values["mu"] == PYHF_README["mu"]
    assert (found.status, found.at_lower) == (Status.AT_BOUND, ("mu",))
    np.testing.assert_allclose(found.theta[1:], PYHF_README["gamma"], atol=1e-5)  # digits printed


def test_closed_form_of_the_simulation_agrees_with_explicit_parameters():
    closed, open_ = closed_and_open()
    one, two = fit(closed, SEED_COUNTS), fit(open_, SEED_COUNTS)
    assert len(two.free) == 36
    for name in ("s_s", "s_b"):
        assert one.values[name] == pytest.approx(two.values[name], abs=1e-5)  # both stop at an EDM of 1e-10
        assert one.errors[name] == pytest.approx(two.errors[name], rel=1e-6)
    assert one.nll == pytest.approx(two.nll, abs=1e-8)
    scale = closed.fitted_scale(one.values, closed.prepare(SEED_COUNTS))
    gammas = [two.values[f"st[{i}]"] for i in range(34)]
    np.testing.assert_allclose(scale, gammas, atol=1e-5)


def test_a_fit_of_its_own_expectation_finds_the_truth_exactly():
    for likelihood in (peak(), systematics(), closed_and_open()[0]):
        truth = dict(zip(likelihood.space.names, likelihood.space.starts + 0.07, strict=True))
        found = fit(likelihood, likelihood.expected(truth))
        np.testing.assert_allclose(found.theta, list(truth.values()), atol=1e-5 * found.sigma.max())
        assert found.excess == pytest.approx(0.0, abs=1e-9)


def test_a_perfect_fit_of_one_bin_converges_to_the_count():
    found = fit(counting(), [5])
    assert found.status is Status.OK
    assert found.values["s"] == pytest.approx(5.0, abs=1e-5)  # Migrad's default tolerance would stop at 4.9873
    assert found.edm < 1e-8
    assert found.errors["s"] == pytest.approx(5**0.5, rel=1e-5)


@pytest.mark.parametrize("n", [0, 1, 3, 1000])
def test_one_norm_alone_is_observed_over_expected(n):
    likelihood = PoissonCounts(LinearTemplates.of({"s": SIGNAL}))
    observed = np.zeros(10)
    observed[:2] = n, n // 2
    exact = observed.sum() / SIGNAL.sum()
    # an EDM of 1e-10 leaves 1.4e-5 of the error exact/sqrt(N)
    assert fit(likelihood, observed).values["s"] == pytest.approx(exact, rel=1.5e-5, abs=1e-9)


@settings(max_examples=15)
@given(counts=st.lists(st.integers(0, 60), min_size=10, max_size=10))
def test_all_norms_free_reproduce_the_total_count(counts):
    likelihood = PoissonCounts(peak().predictor)
    found = fit(likelihood, counts, throw=False)
    assert found.status.converged
    if found.status is not Status.AT_BOUND:
        total = float(np.sum(likelihood.predictor(found.values)))
        assert total == pytest.approx(sum(counts), rel=1e-6, abs=1e-6)
    assert np.isfinite(found.nll)


def test_rescaling_a_parameter_rescales_its_value_and_error():
    one = fit(peak(), OBSERVED)
    scaled = LinearTemplates.of({"s": SIGNAL / 100, "b": BACKGROUND}, parameters={"s": Parameter("s", 50.0)})
    two = fit(PoissonCounts(scaled), OBSERVED)
    np.testing.assert_allclose(two.theta / one.theta, [100, 1], rtol=1e-5)
    np.testing.assert_allclose(two.sigma / one.sigma, [100, 1], rtol=1e-5)
    np.testing.assert_allclose(two.correlation, one.correlation, atol=1e-5)


def test_permuted_bins_and_parameters_fit_the_same():
    order = np.random.default_rng(3).permutation(10)
    other = PoissonCounts(LinearTemplates.of({"b": BACKGROUND[order], "s": SIGNAL[order]}))
    one, two = fit(peak(), OBSERVED), fit(other, OBSERVED[order])
    assert two.nll == pytest.approx(one.nll, abs=1e-9)
    for name in ("s", "b"):
        assert two.values[name] == pytest.approx(one.values[name], abs=1e-6)


def test_expected_curvature_gives_other_errors_than_the_observed_one():
    observed, fisher = (fit(peak(), OBSERVED, covariance=c) for c in ("observed", "fisher"))
    np.testing.assert_allclose(observed.theta, fisher.theta)
    mu = np.asarray(peak().predictor(fisher.values))
    templates = np.stack([SIGNAL, BACKGROUND], axis=1)
    np.testing.assert_allclose(fisher.covariance, np.linalg.inv(templates.T @ (templates / mu[:, None])), rtol=1e-8)
    np.testing.assert_allclose(
        observed.covariance, np.linalg.inv(templates.T @ (templates * (OBSERVED / mu**2)[:, None])), rtol=1e-8
    )


# --- bounds, curvature, failures


def test_a_parameter_on_its_bound_is_exactly_there():
    found = minimise(lambda v: (v["x"] - 1.2) ** 2, line(0.3, lower=-1.0, upper=1.0))
    assert found.values["x"] == 1.0
    assert (found.status, found.at_upper, found.at_lower) == (Status.AT_BOUND, ("x",), ())
    assert found.cause == "on a bound: x"
    assert found.errors == {}


def test_errors_of_other_parameters_are_those_with_the_bounded_one_held():
    space = peak().space.replace("s", upper=0.3, start=0.2)
    bounded = fit(peak(), OBSERVED, space=space)
    fixed = fit(peak(), OBSERVED, space=peak().space.fix(s=0.3))
    assert bounded.at_upper == ("s",)
    assert set(bounded.errors) == {"b"}
    assert bounded.values["b"] == pytest.approx(fixed.values["b"], abs=1e-6)
    assert bounded.errors["b"] == pytest.approx(fixed.errors["b"], rel=1e-5)


def test_two_identical_templates_are_not_positive_definite_along_their_difference():
    found = fit(twins(), [5, 10], throw=False)
    assert found.status is Status.NOT_PD
    assert found.cause == "the data do not fix the combination +1 a -1 b"
    assert found.covariance is None
    assert found.errors == {}
    with pytest.raises(FitFailed, match=r"combination \+1 a -1 b; fix one of them, or start elsewhere") as caught:
        fit(twins(), [5, 10])
    assert caught.value.result.values["a"] + caught.value.result.values["b"] == pytest.approx(5.0, abs=1e-4)


def test_a_saddle_is_left_both_ways():
    found = minimise(lambda v: (v["x"] ** 2 - 1) ** 2, line())
    assert found.status is Status.OK
    assert abs(found.values["x"]) == pytest.approx(1.0, abs=1e-5)


def test_the_lower_side_of_a_tilted_saddle_is_kept():
    found = minimise(lambda v: (v["x"] ** 2 - 1) ** 2 + 1e-3 * v["x"] ** 3, line())
    assert found.values["x"] < 0


def test_a_kink_that_no_rung_can_settle_is_failed_and_kept():
    found = minimise(lambda v: jnp.abs(v["x"] - 0.4), line(1.0), throw=False)
    assert found.status is Status.FAILED
    assert "no convergence within 100 iterations on any rung" in found.cause
    assert found.values["x"] == pytest.approx(0.4, abs=0.7)  # what there is stays visible


def test_a_start_that_is_no_number_is_rescued_from_a_shaken_start():
    found = minimise(lambda v: jnp.where(v["x"] == 0.0, jnp.nan, (v["x"] - 1) ** 2), line())
    assert found.status is Status.FALLBACK_OK
    assert found.rung == 2
    assert found.values["x"] == pytest.approx(1.0, abs=1e-6)


def test_an_expectation_at_zero_in_an_empty_bin_is_named():
    likelihood = PoissonCounts(
        LinearTemplates.of({"s": [1.0, 5.0], "b": [9.0, 9.0]}, parameters={"s": Parameter("s", 0.5, lower=-20.0)})
    )
    found = fit(likelihood, [30, 0])
    assert found.status is Status.AT_BOUND
    assert "the expectation vanishes in empty cell 1" in found.flags["expectation_at_zero"]
    assert float(likelihood.predictor(found.values)[1]) > -1e-4


@pytest.mark.parametrize("cost", ["pearson", "cnp", "poisson"])
def test_no_cost_is_paid_back_by_negative_expectations(cost):
    predictor = LinearTemplates.of(
        {"s": [1.0, 0.1, 0.1], "b": [9.0, 9.0, -0.5]}, parameters={"s": Parameter("s", 5.0, lower=-5.0)}
    )
    likelihood = PoissonCounts(predictor) if cost == "poisson" else ChiSquareCounts(predictor, cost=cost)
    found = fit(likelihood, [9, 8, 0], throw=False)
    assert found.excess >= -1e-6
    assert float(predictor(found.values)[2]) >= -1e-4


def test_events_where_the_fixed_model_expects_nothing_fail_naming_the_cell():
    likelihood = PoissonCounts(LinearTemplates.of({"s": [0.0, 5.0], "b": [9.0, 0.0]}))
    found = fit(likelihood, [9, 3], space=likelihood.space.fix(s=0.0), throw=False)
    assert found.status is Status.FAILED
    assert found.cause == "the expectation is not positive in cell 1, where the data have events"
    assert found.errors == {}


def test_nothing_free_is_a_legal_fit():
    found = fit(peak(), OBSERVED, space=peak().space.fix(s=1.0, b=1.0))
    assert found.status is Status.OK
    assert found.free == ()
    assert found.errors == {}
    assert found.nll == pytest.approx(-float(peak().log_prob({"s": 1.0, "b": 1.0}, peak().prepare(OBSERVED))))
    assert found.ndf == 10


class Constant(AbstractPredictor):
    """A prediction without parameters."""

    space: ParameterSpace

    def __call__(self, values):
        return jnp.array([3.0, 5.0])


def test_no_parameters_at_all_is_a_legal_fit():
    found = fit(PoissonCounts(Constant(ParameterSpace(()))), [3, 5])
    assert found.status is Status.OK
    assert found.excess == pytest.approx(0.0, abs=1e-14)


def test_an_empty_signal_and_no_events_are_legal():
    found = fit(peak(), np.zeros(10), throw=False)
    assert found.status.converged
    assert found.excess == pytest.approx(0.0, abs=1e-3)  # the empty-bin continuation ends within 1e-4 below zero


def test_angles_come_back_into_their_cycle():
    cycle = ParameterSpace((Parameter("phi", 0.5, period=2 * np.pi),))
    found = minimise(lambda v: 1 - jnp.cos(v["phi"] - 0.5 - 0.8 * jnp.pi), cycle, start={"phi": 0.5 + 2.6 * np.pi})
    assert found.values["phi"] == pytest.approx(0.5 + 0.8 * np.pi, abs=1e-5)
    assert 0.5 - np.pi <= found.values["phi"] < 0.5 + np.pi


def test_chi_square_scale_halves_the_function():
    space = line(2.0)
    one, two = (minimise(lambda v: (v["x"] - 1) ** 2 / 0.04, space, scale=s) for s in ("nll", "chi2"))
    assert two.errors["x"] == pytest.approx(0.2, rel=1e-6)
    assert one.errors["x"] == pytest.approx(0.2 / 2**0.5, rel=1e-6)


# --- starts


def test_constrained_nuisances_start_at_their_auxiliary_data_unless_told_otherwise():
    likelihood = systematics()
    data = {"counts": OBSERVED, "auxiliary": {"tilt": 1.5}}
    default = fit(likelihood, data)
    told = fit(likelihood, data, start={"tilt": -1.0})
    assert told.start[likelihood.space.index("tilt")] == -1.0
    np.testing.assert_allclose(told.theta, default.theta, atol=1e-4 * default.sigma.min())


def test_a_told_start_decides_between_two_minima_also_for_a_constrained_parameter():
    class Well(AbstractPredictor):
        space: ParameterSpace

        def __call__(self, values):
            return 100.0 + 40.0 * (values["alpha"] ** 2 - 1) ** 2 * jnp.ones(1)

    space = ParameterSpace((Parameter("alpha", 0.5, lower=-3.0, upper=3.0),))
    constrained = SummedPredictor(space, (("main", 1),), (Auxiliary("alpha", "gaussian", 5.0, 0.5),), (Well(space),))
    likelihood = PoissonCounts(constrained)
    right, left = (fit(likelihood, [100], start={"alpha": a}).values["alpha"] for a in (0.9, -0.9))
    assert right == pytest.approx(1.0, abs=0.05)
    assert left == pytest.approx(-1.0, abs=0.1)


def test_a_result_is_a_start():
    first = fit(peak(), OBSERVED)
    again = fit(peak(), OBSERVED, start=first)
    np.testing.assert_array_equal(again.start, first.theta)
    assert again.iterations <= 2


def test_a_start_decides_between_the_wells():
    right = minimise(double_well, line(), start={"x": 0.9})
    left = minimise(double_well, line(), start={"x": -0.9})
    assert right.values["x"] > 0 > left.values["x"]


def test_priors_are_never_used_by_a_fit():
    prior = {"s": Parameter("s", 1.0, lower=-1.0, upper=10.0, prior=Normal(5.0, 0.01))}
    likelihood = PoissonCounts(LinearTemplates.of({"s": SIGNAL, "b": BACKGROUND}, parameters=prior))
    one, two = fit(peak(), OBSERVED), fit(likelihood, OBSERVED)
    np.testing.assert_allclose(two.theta, one.theta, atol=1e-6)
    assert two.nll == pytest.approx(one.nll, abs=1e-9)


# --- what a result carries


def test_contributions_pulls_and_degrees_of_freedom():
    both = Joint({"a": peak(), "b": PoissonCounts(LinearTemplates.of({"c": [20.0, 40.0]}))})
    found = fit(both, {"a": OBSERVED, "b": [22, 37]})
    assert set(found.contributions) == {"a", "b"}
    assert sum(found.contributions.values()) == pytest.approx(2 * found.excess, rel=1e-12)
    assert found.ndf == 12 - 3
    single = fit(systematics(), {"counts": OBSERVED, "auxiliary": {"tilt": 0.2}})
    assert set(single.pulls) == {"tilt", "norm"}
    pull, width = single.pulls["tilt"]
    assert pull == pytest.approx(single.values["tilt"])
    assert 0 < width <= 1
    assert single.ndf == 12 - 4


def test_provenance_names_model_data_and_settings():
    one, two, three = fit(peak(), OBSERVED), fit(peak(), OBSERVED), fit(peak(), OBSERVED + 1)
    assert one.provenance.model_digest == two.provenance.model_digest == three.provenance.model_digest
    assert one.provenance.data_digest == two.provenance.data_digest != three.provenance.data_digest
    assert one.provenance.settings["procedure"] == "fit"


def test_biased_costs_are_flagged_also_inside_joints():
    cost = ChiSquareCounts(LinearTemplates.of({"c": [20.0, 40.0]}), cost="neyman")
    found = fit(Joint({"outer": Joint({"a": peak(), "b": cost})}), {"outer": {"a": OBSERVED, "b": [22, 0]}})
    assert "neyman is biased" in found.flags["biased_cost"]
    assert found.flags["empty_bins_left_out"].startswith("1 empty bin")
    assert found.ndf == 12 - 1 - 3


def test_nothing_is_changed_by_a_fit():
    likelihood, data, start = peak(), OBSERVED.copy(), {"s": 0.8}
    before = likelihood.space
    fit(likelihood, data, start=start, space=likelihood.space.fix(b=1.0))
    assert likelihood.space is before
    assert start == {"s": 0.8}
    np.testing.assert_array_equal(data, OBSERVED)


# --- many sets at once


def test_many_fits_are_the_single_fits():
    generator = np.random.default_rng(5)
    sets = generator.poisson(OBSERVED, (7, 10)).astype(float)
    table = fit_many(peak(), list(sets))
    for lane, data in enumerate(sets):
        alone = fit(peak(), data)
        # tables stop at an EDM of 1e-6, which is 1.4e-3 of an error
        np.testing.assert_allclose((table.theta[lane] - alone.theta) / alone.sigma, 0, atol=2e-3)
        assert table.nll[lane] == pytest.approx(alone.nll, abs=2e-6)
        assert table.statuses[lane] is alone.status
    np.testing.assert_array_equal(fit_many(peak(), sets).theta, table.theta)  # rows of an array


def test_many_fits_without_rescue_say_how_the_first_attempt_ended():
    sets = [OBSERVED, OBSERVED]
    table = fit_many(peak(), sets, start={"s": 9.0, "b": 9.0}, fallback=False)
    assert set(table.statuses) == {Status.OK}
    with pytest.raises(InvalidData, match="no sets of data given"):
        fit_many(peak(), [])


# --- what is refused


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit(peak(), OBSERVED, start={"x": 1.0}), UnknownName, "no parameter 'x'"),
        (lambda: fit(peak(), OBSERVED, start={"s": 11.0}), InvalidOption, r"start of 's': 11.0 lies outside \[-1"),
        (lambda: fit(peak(), OBSERVED, start={"s": np.nan}), InvalidOption, "start of 's': nan lies outside"),
        (lambda: fit(peak(), OBSERVED, space=plane()), InvalidParameter, "the space holds x, y, the likelihood s, b"),
        (lambda: fit(peak(), OBSERVED, space=peak().space.fix(z=1.0)), UnknownName, "no parameter 'z'"),
        (lambda: fit(peak(), [1, 2]), InvalidData, r"counts of shape \(2,\)"),
        (lambda: fit(peak(), np.full(10, np.nan)), InvalidData, "count nan in bin 0 of channel 'main' is not finite"),
    ],
)
def test_what_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


class Diagonal(AbstractPredictor):
    """As many bins as parameters."""

    space: ParameterSpace

    def __call__(self, values):
        return self.space.pack(values)


def test_more_parameters_than_a_dense_curvature_can_hold_are_refused_with_advice():
    space = ParameterSpace(tuple(Parameter(f"x[{i}]", 1.0) for i in range(5001)))
    with pytest.raises(
        InvalidOption, match=r"5001 free parameters need a dense curvature of 0\.2 GB; profile the Monte"
    ):
        fit(PoissonCounts(Diagonal(space)), np.ones(5001))


def test_a_user_function_that_raises_speaks_for_itself():
    def broken(values):
        raise ZeroDivisionError(f"no model at x = {values['x']}")

    with pytest.raises(ZeroDivisionError, match="no model at x"):
        minimise(broken, line())


def strong_systematics():
    """Eight nuisances that scale and morph four samples of two channels, all of them strong and asymmetric."""
    rng = np.random.default_rng(1)

    def sample(name, channel):
        values = rng.uniform(20, 100, 12)
        scales = [NormSys(f"n{j}", 1 + rng.uniform(0.05, 0.2), 1 - rng.uniform(0.05, 0.2)) for j in range(8)]
        shapes = [HistoSys(f"n{j}", *(values * (1 + rng.uniform(-0.1, 0.1, (2, 12))))) for j in range(8)]
        strength = [NormFactor("mu")] if name == "s0" else []
        error = StatError(f"st{channel}", np.sqrt(values))
        return TemplateSample(name, values, modifiers=[*strength, *scales, *shapes, error])

    channels = [Channel(f"c{c}", [sample(f"s{s}", c) for s in range(4)]) for c in range(2)]
    likelihood = PoissonCounts(TemplatePredictor.from_channels(channels))
    nominal = np.asarray(likelihood.predictor(likelihood.space.unpack(likelihood.space.starts)))
    return likelihood, rng.poisson(nominal)


def test_what_the_expected_curvature_leaves_out_is_learnt_from_gradients():
    likelihood, data = strong_systematics()
    found = fit(likelihood, data)
    assert found.status is Status.OK
    assert found.iterations <= 15  # 25 with the expected curvature alone
    other = fit(likelihood, data, minimiser=Minuit(2))
    np.testing.assert_allclose(found.excess, other.excess, atol=1e-6)
