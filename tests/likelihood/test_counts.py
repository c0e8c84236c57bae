"""Likelihoods of counts: values against scipy, forms of data, what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import gammaln

from tests.likelihood.family import BACKGROUND, SIGNAL, constrained, linear
from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, UnknownName
from wilks.likelihood.binned import CountsData
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.model.modifiers import Channel, NormFactor, TemplateSample
from wilks.model.predictor import AbstractPredictor
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

OBSERVED = [31, 40, 26, 0]
VALUES = {"s": 0.7, "b": 1.1}
MU = 0.7 * SIGNAL + 1.1 * BACKGROUND


def test_log_prob_of_poisson_counts_is_scipys():
    likelihood = PoissonCounts(linear())
    expected = stats.poisson.logpmf(OBSERVED, MU).sum()
    assert float(likelihood.log_prob(VALUES, likelihood.prepare(OBSERVED))) == pytest.approx(expected, rel=1e-13)


def test_log_prob_with_constraints_is_scipys():
    likelihood = PoissonCounts(constrained())
    start = dict(zip(likelihood.space.names, likelihood.space.starts, strict=True))
    values = {**start, "eff": 0.6, "tilt": -1.4, "shape[0]": 1.02, "s": 0.7}
    data = likelihood.prepare({"counts": OBSERVED, "auxiliary": {"eff": 0.1, "tilt": -0.3}})
    mu = np.asarray(likelihood.predictor(values))
    tau = {f"shape[{i}]": (BACKGROUND[i] / sigma) ** 2 for i, sigma in ((0, 1.5), (1, 1.0), (3, 2.0))}
    expected = stats.poisson.logpmf(OBSERVED, mu).sum()
    expected += stats.norm.logpdf(0.1, 0.6) + stats.norm.logpdf(-0.3, -1.4)
    for name, t in tau.items():  # real-valued auxiliary counts: the Gamma function continues the law
        rate = t * values[name]
        expected += t * np.log(rate) - rate - gammaln(t + 1)
    assert float(likelihood.log_prob(values, data)) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("cost", "formula"),
    [
        ("pearson", lambda n, mu: (n - mu) ** 2 / mu),
        ("neyman", lambda n, mu: np.where(n > 0, (n - mu) ** 2 / np.maximum(n, 1), 0.0)),
        ("cnp", lambda n, mu: np.where(n > 0, (n - mu) ** 2 * (1 / np.maximum(n, 1) + 2 / mu) / 3, 2 * mu)),
    ],
)
def test_costs_are_their_formulas(cost, formula):
    likelihood = ChiSquareCounts(linear(), cost=cost)
    n = np.array(OBSERVED, dtype=float)
    expected = -formula(n, MU).sum() / 2
    assert float(likelihood.log_prob(VALUES, likelihood.prepare(OBSERVED))) == pytest.approx(expected, rel=1e-13)


@settings(max_examples=40)
@given(n=st.integers(0, 10**6), ratio=st.floats(1e-3, 1e3))
def test_excess_is_log_prob_below_the_saturated_model(n, ratio):
    likelihood = PoissonCounts(LinearTemplates.of({"s": [1.0]}))
    mu = max(n, 1) * ratio
    data = likelihood.prepare([n])
    expected = float(stats.poisson.logpmf(n, max(n, 1e-300)) - stats.poisson.logpmf(n, mu))
    # logpmf itself is a difference of terms as large as n ln n
    assert float(likelihood.excess({"s": mu}, data)) == pytest.approx(expected, rel=1e-9, abs=1e-9 * max(n, 1))


def test_excess_of_huge_counts_keeps_its_digits():
    likelihood = PoissonCounts(LinearTemplates.of({"s": [1e12]}))
    data = likelihood.prepare([1e12])
    # E = n (x - ln(1+x)) at mu = n (1+x); with x = 1e-6 that is n x^2/2 (1 - 2x/3 + ...)
    expected = 0.5 * (1 - 2e-6 / 3)
    assert float(likelihood.excess({"s": 1 + 1e-6}, data)) == pytest.approx(expected, rel=1e-9)


def test_outside_the_physical_domain_the_density_is_zero():
    likelihood = PoissonCounts(linear(parameters={"s": Parameter("s", 1.0, lower=-20.0)}))
    data = likelihood.prepare(OBSERVED)
    assert float(likelihood.log_prob({"s": -20.0, "b": 1.0}, data)) == -np.inf
    assert float(likelihood.excess({"s": -20.0, "b": 1.0}, data)) == np.inf
    zero = likelihood.prepare([0, 0, 0, 0])
    certain = float(likelihood.log_prob({"s": 0.0, "b": 0.0}, zero))  # mu = 0 and n = 0
    assert certain == pytest.approx(0.0, abs=1e-13)  # rounding of ln Gamma(1)


@pytest.mark.parametrize("cost", ["pearson", "cnp", "poisson"])
def test_no_cost_rewards_negative_expectations_of_empty_bins(cost):
    predictor = LinearTemplates.of({"s": [1.0, 1.0]}, parameters={"s": Parameter("s", 1.0)})
    likelihood = PoissonCounts(predictor) if cost == "poisson" else ChiSquareCounts(predictor, cost=cost)
    data = likelihood.prepare([0, 0])
    judged = likelihood.judge(jnp.array([[-1e-3, -1.0]]), data)
    # the continuation is lowest 1e-6 below zero, by 5e-7
    assert (np.asarray(judged.excess) > -1e-6).all()
    assert (np.asarray(judged.slope) < 0).all()
    assert not np.asarray(judged.inside).any()


@pytest.mark.parametrize("cost", ["poisson", "pearson", "neyman", "cnp"])
def test_a_count_that_is_no_number_is_never_taken_for_an_empty_bin(cost):
    likelihood = PoissonCounts(linear()) if cost == "poisson" else ChiSquareCounts(linear(), cost=cost)
    data = CountsData(np.array([31, np.nan, 26, 0]), np.zeros(0), np.zeros(0))
    assert np.isnan(float(likelihood.log_prob(VALUES, data)))


def test_order_of_bins_and_of_parameters_does_not_matter():
    order = np.array([2, 0, 3, 1])
    likelihood = PoissonCounts(linear())
    other = PoissonCounts(LinearTemplates.of({"b": BACKGROUND[order], "s": SIGNAL[order]}))
    one = float(likelihood.log_prob(VALUES, likelihood.prepare(OBSERVED)))
    two = float(other.log_prob(VALUES, other.prepare(np.array(OBSERVED)[order])))
    assert two == pytest.approx(one, rel=1e-14)


def test_merging_bins_of_equal_ratio_changes_no_likelihood_ratio():
    fine = PoissonCounts(LinearTemplates.of({"s": [1.0, 2.0, 5.0], "b": [4.0, 8.0, 3.0]}))
    coarse = PoissonCounts(LinearTemplates.of({"s": [3.0, 5.0], "b": [12.0, 3.0]}))
    points = [{"s": 1.0, "b": 1.0}, {"s": 0.2, "b": 1.7}]
    ratios = []
    for likelihood, n in ((fine, [3, 11, 7]), (coarse, [14, 7])):
        values = [float(likelihood.log_prob(p, likelihood.prepare(n))) for p in points]
        ratios.append(values[0] - values[1])
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-12)


# --- forms of data


class Histogram:
    """Anything with a method ``values``."""

    def values(self):
        return np.array(OBSERVED, dtype=float)


@pytest.mark.parametrize(
    "data",
    [
        OBSERVED,
        tuple(OBSERVED),
        np.array(OBSERVED, dtype=np.float32),
        np.array(OBSERVED, dtype=">i4"),
        np.array(OBSERVED, dtype=np.uint64),
        np.array(OBSERVED, dtype=float)[::1],
        Histogram(),
        {"SR": OBSERVED},
        {"SR": Histogram()},
        {"counts": OBSERVED},
        {"counts": {"SR": OBSERVED}, "auxiliary": {}},
    ],
)
def test_data_come_in_many_forms(data):
    prepared = PoissonCounts(constrained()).prepare(data)
    np.testing.assert_array_equal(prepared.counts, OBSERVED)
    assert prepared.counts.dtype == np.dtype("<f8")


def test_prepared_data_are_taken_as_they_are_with_or_without_template_statistics():
    plain = PoissonCounts(linear(variances={"b": BACKGROUND / 3}))
    simulated = PoissonCounts(linear(variances={"b": BACKGROUND / 3}), template_statistics="conway")
    data = plain.prepare(OBSERVED)
    np.testing.assert_array_equal(simulated.prepare(data).simulation, np.ones(4))
    fluctuated = CountsData(data.counts, data.auxiliary, np.full(4, 0.9))
    np.testing.assert_array_equal(simulated.prepare(fluctuated).simulation, np.full(4, 0.9))
    assert plain.prepare(fluctuated).simulation.size == 0


def test_channels_are_joined_in_the_models_order():
    samples = [TemplateSample("s", [1.0, 2.0], modifiers=[NormFactor("mu")])]
    other = [TemplateSample("s", [5.0], modifiers=[NormFactor("mu")])]
    likelihood = PoissonCounts(TemplatePredictor.from_channels([Channel("A", samples), Channel("B", other)]))
    np.testing.assert_array_equal(likelihood.prepare({"B": [7], "A": [1, 2]}).counts, [1, 2, 7])
    with pytest.raises(UnknownName, match="no channel 'C'; known names are 'A', 'B'"):
        likelihood.prepare({"A": [1, 2], "B": [7], "C": [1]})
    with pytest.raises(InvalidData, match="no counts given for channel 'B'"):
        likelihood.prepare({"A": [1, 2]})
    with pytest.raises(InvalidData, match=r"channel 'A': counts of shape \(3,\); expected \(2,\)"):
        likelihood.prepare({"A": [1, 2, 3], "B": [7]})


def test_auxiliary_data_by_name():
    likelihood = PoissonCounts(constrained())
    nominal = likelihood.prepare(OBSERVED).auxiliary
    moved = likelihood.prepare({"counts": OBSERVED, "auxiliary": {"tilt": 0.4}}).auxiliary
    where = likelihood.constraints.parameters.index("tilt")
    assert moved[where] == 0.4
    np.testing.assert_array_equal(np.delete(moved, where), np.delete(nominal, where))
    with pytest.raises(UnknownName, match="no auxiliary measurement of 'tlt'; did you mean 'tilt'"):
        likelihood.prepare({"counts": OBSERVED, "auxiliary": {"tlt": 0.4}})
    with pytest.raises(InvalidData, match=r"auxiliary data of shape \(2,\)"):
        likelihood.prepare({"counts": OBSERVED, "auxiliary": [0.1, 0.2]})
    with pytest.raises(InvalidData, match="auxiliary data: value nan at position"):
        likelihood.prepare({"counts": OBSERVED, "auxiliary": {"tilt": np.nan}})


def test_counts_of_1e12_are_exact():
    likelihood = PoissonCounts(LinearTemplates.of({"s": [1e12]}))
    assert likelihood.prepare(np.array([10**12 + 1])).counts[0] == 10.0**12 + 1


# --- what is refused


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([31, 40, 26], r"counts of shape \(3,\); expected \(4,\), one per bin"),
        ([31, np.nan, 26, 0], "count nan in bin 1 of channel 'main' is not finite"),
        ([31, 40, np.inf, 0], "count inf in bin 2 of channel 'main' is not finite"),
        ([31, -40, 26, 0], "count -40 in bin 1 of channel 'main' is negative; counts cannot be"),
        (np.ma.masked_array(OBSERVED, [0, 1, 0, 0]), "masked array; fill or drop the masked bins first"),
        (np.array(OBSERVED, dtype=object), "counts of type object are no real numbers"),
        (np.array(OBSERVED) * 1j, "counts of type complex128 are no real numbers"),
        (["a", "b", "c", "d"], "are no real numbers"),
        ([2**53 + 2, 0, 0, 0], r"counts above 2\^53 cannot be held exactly"),
    ],
)
def test_counts_that_are_refused(counts, message):
    for likelihood in (PoissonCounts(linear()), ChiSquareCounts(linear(), cost="pearson")):
        with pytest.raises(InvalidData, match=message):
            likelihood.prepare(counts)


def test_fractional_counts_are_refused_on_request_and_never_cut():
    likelihood = PoissonCounts(linear(), integer=True)
    with pytest.raises(InvalidData, match=r"count 26\.5 in bin 2 of channel 'main' is not whole; round it"):
        likelihood.prepare([31, 40, 26.5, 0])
    assert PoissonCounts(linear()).prepare([31, 40, 26.5, 0]).counts[2] == 26.5


def test_events_where_nothing_is_expected_are_refused_naming_channel_and_bin():
    likelihood = PoissonCounts(LinearTemplates.of({"s": [1.0, 0.0], "b": [5.0, 0.0]}, channel="SR"))
    with pytest.raises(InvalidData, match="count 2 in bin 1 of channel 'SR' is observed where no sample expects"):
        likelihood.prepare([4, 2])
    assert likelihood.prepare([4, 0]).counts[1] == 0


def test_a_signal_that_starts_at_zero_may_still_see_events():
    predictor = LinearTemplates.of({"s": [0.0, 5.0], "b": [5.0, 0.0]}, parameters={"s": Parameter("s", 0.0)})
    assert PoissonCounts(predictor).prepare([4, 2]).counts[1] == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"template_statistics": "beeston"},
            "template statistics 'beeston' does not exist; choose one of none, conway",
        ),
        ({"template_statistics": "conway", "template_errors": "fitted"}, "template errors 'fitted' does not exist"),
        ({"template_errors": "fitted"}, "template errors 'fitted' does not exist"),
    ],
)
def test_unknown_options_are_refused_at_construction(settings, message):
    with pytest.raises(InvalidOption, match=message):
        PoissonCounts(linear(), **settings)


@pytest.mark.parametrize("cost", ["chi2", "poisson"])
def test_unknown_costs_are_refused_at_construction(cost):
    with pytest.raises(InvalidOption, match="choose one of pearson, neyman, cnp"):
        ChiSquareCounts(linear(), cost=cost)


class Predicts(AbstractPredictor):
    """Whatever the test wants, for one parameter."""

    space: ParameterSpace
    shape: tuple = ()
    value: float = 1.0

    def __call__(self, values):
        return values["x"] * jnp.full(self.shape, self.value)


SPACE = ParameterSpace((Parameter("x", 1.0),))


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (Predicts(SPACE, ()), r"gives shape \(\) at its start; expected a vector of bins"),
        (Predicts(SPACE, (2, 2)), r"gives shape \(2, 2\)"),
        (Predicts(SPACE, (0,)), r"gives shape \(0,\)"),
        (Predicts(SPACE, (3,), np.nan), "not finite in bin 0 of channel 'main' at its start"),
    ],
)
def test_predictions_that_are_no_vectors_of_numbers_are_refused(predictor, message):
    with pytest.raises(InvalidModel, match=message):
        PoissonCounts(predictor)


def test_template_statistics_need_a_model_of_templates():
    with pytest.raises(InvalidModel, match="need a predictor that knows its simulation, not Predicts"):
        PoissonCounts(Predicts(SPACE, (3,)), template_statistics="conway")
