"""Posteriors made of others: conditional, marginal, mixed, joined, widened, each against a closed form."""

import jax
import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from tests.inference.sbi.exact import GaussianPosterior, LinearGaussian
from wilks._base.errors import InvalidData, InvalidOption, InvalidParameter
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.operations.combined import combine
from wilks.inference.sbi.operations.conditioning import condition
from wilks.inference.sbi.operations.ensembles import ensemble
from wilks.inference.sbi.operations.marginals import marginal
from wilks.inference.sbi.operations.widening import WidenedPosterior
from wilks.inference.sbi.proposals import independent_draws, random_key
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import Uniform
from wilks.parameters.space import ParameterSpace

CORRELATION = 0.8


class Correlated:
    """Normal, with correlations of 0.8, sd 1 and mean at the data; flat priors far outside."""

    def __init__(self, size):
        self.space = ParameterSpace([Parameter(n, 0.0, -9.0, 9.0, prior=Uniform(-9.0, 9.0)) for n in "abc"[:size]])
        self.covariance = CORRELATION + (1.0 - CORRELATION) * np.eye(size)

    def law(self, data):
        return multivariate_normal(np.asarray(data), self.covariance)

    def sample(self, key, data, n):
        generator = np.random.default_rng(np.asarray(jax.random.key_data(random_key(key))))
        theta = np.atleast_2d(self.law(data).rvs(n, random_state=generator))
        return independent_draws(self.space, theta, self.law(data).logpdf(theta), "exact")

    def log_prob(self, values, data):
        return self.law(data).logpdf(np.stack([np.asarray(values[n], float) for n in self.space.names], axis=-1))


def conditional(size, at, data):
    """Mean and covariance of the others given the first (Bishop 2006, eqs. 2.81 and 2.82)."""
    covariance = Correlated(size).covariance
    gain = covariance[1:, 0] / covariance[0, 0]
    return data[1:] + gain * (at - data[0]), covariance[1:, 1:] - np.outer(gain, covariance[0, 1:])


@pytest.mark.parametrize("size", [2, 3])
def test_a_condition_is_normalised_and_drawn_from(size):
    data = np.array([0.5, -0.3, 0.2])[:size]
    held = condition(Correlated(size), {"a": 1.5})
    mean, covariance = conditional(size, 1.5, data)
    at = {n: np.array([m, m + 0.5]) for n, m in zip("bc", mean, strict=False)}
    exact = multivariate_normal(mean, covariance).logpdf(np.stack(list(at.values()), axis=1))
    # midpoints of 2,000 or 120 x 120 cells over 30 sd
    assert np.asarray(held.log_prob(at, data)) == pytest.approx(exact, abs=5e-3)
    samples = held.sample(1, data, 4000)
    assert set(samples.values("a")) == {1.5}
    assert samples.values("b").mean() == pytest.approx(mean[0], abs=0.04)  # four errors of 4,000 draws of sd 0.6
    assert samples.values("b").std() == pytest.approx(covariance[0, 0] ** 0.5, rel=0.06)


def test_more_than_two_free_parameters_are_weighted():
    model = LinearGaussian(4)
    data = np.array([0.5, -0.2, 0.1, 0.4])
    held = condition(GaussianPosterior(model), {"a": 0.3})
    law = norm(model.shrinkage * data[1:], model.posterior_sd)
    found = float(held.log_prob(dict(zip("bcd", data[1:].tolist(), strict=True)), data))
    # 20,000 weighted draws know the integral to 1 %
    assert found == pytest.approx(law.logpdf(data[1:]).sum(), abs=0.04)
    samples = held.sample(1, data, 3000)
    assert samples.values("c").mean() == pytest.approx(law.mean()[1], abs=0.05)


def test_a_condition_must_hold_something_within_the_bounds():
    with pytest.raises(InvalidParameter, match="outside"):
        condition(Correlated(2), {"a": 99.0})
    with pytest.raises(InvalidOption, match="leave one free"):
        condition(Correlated(2), {"a": 0.0, "b": 0.0})
    with pytest.raises(InvalidOption, match="hold at least one"):
        condition(Correlated(2), {})


def test_a_marginal_drops_columns():
    data = np.array([0.5, -0.3, 0.2])
    one, two = marginal(Correlated(3), ["b"]), marginal(Correlated(3), ["c", "a"])
    samples = one.sample(1, data, 500)
    assert samples.names == ("b",)
    b = np.linspace(-1.3, 0.7, 5)
    # a kernel estimate from 20,000 draws errs by some per cent
    assert np.exp(np.asarray(one.log_prob({"b": b}, data))) == pytest.approx(norm(-0.3, 1.0).pdf(b), rel=0.08)
    law = multivariate_normal(data[[2, 0]], Correlated(2).covariance)
    found = float(two.log_prob({"c": 0.3, "a": 0.6}, data))
    assert np.exp(found) == pytest.approx(law.pdf([0.3, 0.6]), rel=0.15)
    assert float(one.log_prob({"b": 8.9}, data)) == -np.inf  # no draw within many widths
    with pytest.raises(InvalidOption, match="targets="):
        marginal(Correlated(3), ["a", "b", "c"]).log_prob({"a": 0.0, "b": 0.0, "c": 0.0}, data)
    with pytest.raises(InvalidOption, match="no free parameter"):
        marginal(Correlated(2), [])


def test_an_ensemble_is_a_mixture():
    model, data = LinearGaussian(2), np.array([0.4, -0.3])
    left, right = GaussianPosterior(model, shift=-1.0), GaussianPosterior(model, shift=1.0)
    both = ensemble([left, right], weights=[1.0, 3.0])
    values = {"a": np.array([0.1, 0.5]), "b": np.array([0.0, -0.2])}
    logs = [np.asarray(q.log_prob(values, data)) for q in (left, right)]
    exact = np.logaddexp(np.log(0.25) + logs[0], np.log(0.75) + logs[1])
    assert np.asarray(both.log_prob(values, data)) == pytest.approx(exact, abs=1e-12)
    samples = both.sample(1, data, 4000)
    centre = model.shrinkage * data[0]
    expected = centre + 0.5 * model.posterior_sd  # 3/4 - 1/4
    assert samples.values("a").mean() == pytest.approx(expected, abs=4 * 1.33 * model.posterior_sd / 4000**0.5)
    assert samples.facts["spread_of_members"] > 0.5
    assert both.sample(1, data, 100).values("a").tolist() == samples.values("a")[:100].tolist()
    assert ensemble([left]).sample(1, data, 500).facts["spread_of_members"] == 0.0
    for wrong in ([1.0], [1.0, 0.0], [1.0, np.nan]):
        with pytest.raises(InvalidOption, match="weights"):
            ensemble([left, right], weights=wrong)
    with pytest.raises(InvalidParameter, match="prior"):
        ensemble([left, GaussianPosterior(LinearGaussian(2, width=2.0))])


def test_joined_posteriors_count_the_prior_once():
    model = LinearGaussian(2)
    data = {"first": np.array([0.4, -0.3]), "second": np.array([0.8, 0.1]), "third": np.array([0.2, 0.0])}
    both = combine({name: GaussianPosterior(model) for name in data})
    precision = 1 / model.width**2 + 3 / model.noise**2
    mean = sum(data.values()) / model.noise**2 / precision
    law = norm(mean, precision**-0.5)
    values = {"a": np.array([0.4, 0.7]), "b": np.array([-0.1, 0.2])}
    exact = law.logpdf(np.stack([values["a"], values["b"]], axis=1)).sum(axis=1)
    # 20,000 candidates of which half carry weight
    assert np.asarray(both.log_prob(values, data)) == pytest.approx(exact, abs=0.04)
    samples = both.sample(2, data, 4000)
    assert samples.values("a").mean() == pytest.approx(mean[0], abs=4 * precision**-0.5 / 1500**0.5)
    assert samples.values("a").std() == pytest.approx(precision**-0.5, rel=0.08)
    assert "parts_disagree" not in samples.flags
    apart = {name: 4.0 * (sign + x) for (name, x), sign in zip(data.items(), (1, -1, 0), strict=True)}
    assert "in tails" in both.sample(2, apart, 100).flags["parts_disagree"]
    with pytest.raises(InvalidData, match="expected those of first"):
        both.log_prob(values, {"first": data["first"]})
    with pytest.raises(InvalidParameter, match="parameters a, b, posterior 2 a, b, c"):
        combine({"one": GaussianPosterior(model), "two": GaussianPosterior(LinearGaussian(3))})
    with pytest.raises(InvalidOption, match="candidates"):
        combine({"one": GaussianPosterior(model)}, candidates=10)


class Cut:
    """The exact posterior within a box only."""

    def __init__(self, model, low, high):
        self.inner = GaussianPosterior(model)
        self.space = ParameterSpace([Parameter(p.name, 0.0, low, high, prior=p.prior) for p in model.space.parameters])

    def _inside(self, theta):
        return ((theta >= self.space.lowers) & (theta <= self.space.uppers)).all(axis=-1)

    def sample(self, key, data, n, *, density=False):
        theta = self.inner.sample(key, data, 40 * n).draws[0]
        kept = theta[self._inside(theta)][:n]
        return independent_draws(self.space, kept, np.full(len(kept), np.nan), "cut")

    def log_prob(self, values, data):
        theta = np.stack([np.asarray(values[n], float) for n in self.space.names], axis=-1)
        law = self.inner.law(data)
        mass = np.prod(law.cdf(self.space.uppers) - law.cdf(self.space.lowers))
        return np.where(self._inside(theta), self.inner.log_prob(values, data) - np.log(mass), -np.inf)


def test_a_cut_posterior_is_weighted_over_the_whole_prior():
    model, data = LinearGaussian(2), np.array([0.4, -0.3])
    cut = Cut(model, -0.5, 1.0)
    with pytest.raises(InvalidParameter, match="lies in"):
        reweight(1, cut, model, data, 500)
    found = reweight(1, WidenedPosterior(model.space, cut), model, data, 20_000, defensive=0.2)
    assert found.log_evidence == pytest.approx(model.log_evidence(data), abs=4 * found.error)
    with pytest.raises(InvalidParameter, match="give the space"):
        WidenedPosterior(LinearGaussian(3).space, cut)
