"""Nested sampling: evidences in closed form, shares of modes, plateaus, keys, and what is refused."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import norm

from tests.inference.sampling.densities import Formula
from tests.inference.sbi.tasks import GaussianLinear, GaussianMixture, TwoMoons
from wilks._base.errors import InvalidOption, ProcedureFailed
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.jeffreys import JeffreysPrior
from wilks.inference.sampling.nested import Nested
from wilks.inference.sampling.sampling import sample
from wilks.inference.sbi.evidence import bayes_factor
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.unnormalised import AbstractUnnormalised
from wilks.model.linear import LinearTemplates
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import LogUniform
from wilks.parameters.space import ParameterSpace
from wilks.results.store import load

DATA, WIDTH = np.array([0.5, -1.0]), 0.1


def normals(values, data):
    x = jnp.stack([values["a"], values["b"]])
    return jnp.sum(-0.5 * ((x - data) / WIDTH) ** 2 - jnp.log(WIDTH * jnp.sqrt(2 * jnp.pi)))


def with_priors():
    return Formula(ParameterSpace(tuple(Parameter(n, 0.0, prior=Normal(0.0, 1.0)) for n in "ab")), normals)


def in_a_box(low=-5.0, high=5.0):
    return ParameterSpace(tuple(Parameter(n, 0.0, lower=low, upper=high) for n in "ab"))


def two_peaks(values, data):
    """A fifth of the mass at (-2.5, -2.5), the rest at (2.5, 2.5)."""

    def peak(centre):
        return -0.5 * ((values["a"] - centre) ** 2 + (values["b"] - centre) ** 2) / 0.04

    return jnp.logaddexp(peak(2.5) + jnp.log(0.8), peak(-2.5) + jnp.log(0.2)) - jnp.log(2 * jnp.pi * 0.04)


def test_evidence_and_draws_of_a_normal_model():
    samples = sample(1, with_priors(), DATA, algorithm=Nested())
    assert samples.converged, samples.verdict
    evidence, variance = samples.evidence, 1 + WIDTH**2
    exact = np.sum(-0.5 * DATA**2 / variance - 0.5 * np.log(2 * np.pi * variance))
    assert evidence.reliable
    assert abs(evidence.log_evidence - exact) < 4 * evidence.error
    assert evidence.error < 0.1
    for name, datum in zip("ab", DATA, strict=True):
        width = WIDTH / np.sqrt(variance)
        assert abs(samples.mean(name) - datum / variance) < 4 * width / np.sqrt(samples.effective(name))
        assert samples.std(name) == pytest.approx(width, rel=4 / np.sqrt(2 * samples.effective(name)))
    # information: the gain over the prior in nats, in closed form of two normals
    gain = sum(0.5 * (WIDTH**2 / variance + (d / variance) ** 2 - 1) - np.log(WIDTH / np.sqrt(variance)) for d in DATA)
    assert samples.facts["information"] == pytest.approx(gain, abs=0.4)
    assert "ln Z" in str(evidence)
    assert "Normal" in evidence.priors["a"]


def test_errors_of_evidences_are_those_of_repeated_runs():
    likelihood, variance = with_priors(), 1 + WIDTH**2
    exact = np.sum(-0.5 * DATA**2 / variance - 0.5 * np.log(2 * np.pi * variance))
    found = [sample(seed, likelihood, DATA, algorithm=Nested(live=100)).evidence for seed in range(8)]
    pulls = np.array([(e.log_evidence - exact) / e.error for e in found])
    assert abs(pulls.mean()) < 4 / np.sqrt(8)
    assert 1.3 < np.sum(pulls**2) < 24.0  # chi-square of 8: 0.4 % below, 0.2 % above


def test_both_peaks_are_found_with_their_shares():
    samples = sample(2, Formula(in_a_box(), two_peaks), DATA, algorithm=Nested())
    assert samples.converged, samples.verdict
    assert abs(samples.evidence.log_evidence - np.log(1 / 100)) < 4 * samples.evidence.error
    # the share of a peak is that of the live points which climb it: 1000 of both runs
    assert (samples.values("a") < 0).mean() == pytest.approx(0.2, abs=4 * 0.4 / np.sqrt(1000))


LINEAR = np.linspace(-0.4, 0.4, 10)
TASKS = {
    "two_moons": (TwoMoons(), np.zeros(2), np.log(0.5)),  # both moons inside the box
    "gaussian_linear": (GaussianLinear(), LINEAR, np.sum(norm.logpdf(LINEAR, scale=np.sqrt(0.2)))),
    "gaussian_mixture": (GaussianMixture(), np.array([1.0, -2.0]), np.log(2.0 / 800.0)),  # both components inside
}


@pytest.mark.parametrize("name", TASKS)
def test_evidences_of_the_benchmark_tasks_are_their_closed_forms(name):
    likelihood, data, exact = TASKS[name]
    samples = sample(3, likelihood, data, algorithm=Nested(live=300))
    assert samples.converged, samples.verdict
    assert abs(samples.evidence.log_evidence - exact) < 4 * samples.evidence.error


def test_an_impossible_part_of_the_prior_lowers_the_evidence():
    half = Formula(in_a_box(0.0, 1.0), lambda v, d: jnp.where(v["a"] + v["b"] < 1.0, 0.0, -jnp.inf))
    found = sample(4, half, DATA, algorithm=Nested())
    assert found.evidence.log_evidence == pytest.approx(np.log(0.5), abs=4 * found.evidence.error)
    assert (found.values("a") + found.values("b")).max() < 1.0
    never = Formula(in_a_box(), lambda v, d: jnp.where(v["a"] < -4.9999, 0.0, -jnp.inf))
    with pytest.raises(ProcedureFailed, match="zero or undefined at nearly all"):
        sample(4, never, DATA, algorithm=Nested(live=50))


def test_undefined_likelihoods_are_counted():
    gap = Formula(in_a_box(), lambda v, d: jnp.where(v["a"] > 1.0, jnp.nan, two_peaks(v, d)))
    found = sample(5, gap, DATA, algorithm=Nested(live=100))
    assert "not a number" in found.flags["undefined_density"]
    assert found.values("a").max() <= 1.0
    assert found.evidence.log_evidence == pytest.approx(np.log(0.2 / 100), abs=4 * found.evidence.error)


def test_curved_priors_are_integrated_over():
    space = ParameterSpace((Parameter("s", 1.0, prior=LogUniform(0.01, 100.0)), Parameter("held", 3.0, fixed=True)))
    likelihood = Formula(space, lambda v, d: -0.5 * (jnp.log(v["s"]) - 1.0) ** 2 / 0.25 + 0.0 * v["held"])
    found = sample(6, likelihood, DATA, algorithm=Nested(live=200))
    grid = np.linspace(np.log(0.01), np.log(100.0), 20001)
    exact = logsumexp(-0.5 * (grid - 1.0) ** 2 / 0.25) - np.log(len(grid))
    assert abs(found.evidence.log_evidence - exact) < 4 * found.evidence.error
    assert (found.values("held") == 3.0).all()


def test_equal_seeds_give_equal_bytes_on_any_executor(tmp_path):
    likelihood, algorithm = Formula(in_a_box(), two_peaks), Nested(live=60, draws=100)
    alone = sample(7, likelihood, DATA, algorithm=algorithm)
    shared = sample(7, likelihood, DATA, algorithm=algorithm, executor=2)
    np.testing.assert_array_equal(alone.draws, shared.draws)
    assert alone.evidence.log_evidence == shared.evidence.log_evidence
    assert alone.evidence.log_evidence != sample(8, likelihood, DATA, algorithm=algorithm).evidence.log_evidence
    alone.save(tmp_path / "samples.json")
    again = load(tmp_path / "samples.json")
    assert again.evidence.log_evidence == alone.evidence.log_evidence
    seen = []
    sample(7, likelihood, DATA, algorithm=algorithm, progress=lambda *step: seen.append(step[:2]))
    assert seen[-1][0] == seen[-1][1]


def test_evidences_of_two_models_make_a_bayes_factor():
    narrow, wide = Formula(in_a_box(), two_peaks), Formula(in_a_box(-10.0, 10.0), two_peaks)
    results = [sample(9, likelihood, DATA, algorithm=Nested(live=100)) for likelihood in (narrow, wide)]
    found = bayes_factor(*results)
    assert found.log_ratio == pytest.approx(np.log(4.0), abs=4 * found.error)
    chain = sample(9, narrow, DATA, algorithm=Ensemble(steps=60), start={})
    with pytest.raises(InvalidOption, match=r"Nested\(\)"):
        bayes_factor(results[0], chain)


class Ratio(AbstractUnnormalised):
    """Two peaks, known up to a term of the data."""

    space: ParameterSpace
    shift: float = eqx.field(static=True, default=7.0)

    def log_prob(self, values, data):
        """Not normalised."""
        return two_peaks(values, data) + self.shift


def test_of_an_unnormalised_likelihood_there_are_draws_but_no_evidence():
    found = sample(10, Ratio(in_a_box()), DATA, algorithm=Nested(live=60, draws=100))
    assert found.evidence is None
    assert abs(found.values("a")).max() < 5.0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"live": 20}, "20 live points"),
        ({"remaining": 0.0}, "remaining 0.0"),
        ({"moves": 0}, "0 moves"),
        ({"runs": 1}, "1 runs"),
        ({"draws": 5}, "5 draws"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings, message):
    with pytest.raises(InvalidOption, match=message):
        Nested(**settings)


def test_models_that_cannot_be_integrated_are_refused():
    many = ParameterSpace(tuple(Parameter(f"x{i}", 0.0, prior=Normal(0.0, 1.0)) for i in range(30)))
    with pytest.raises(InvalidOption, match="give at least 62"):
        sample(1, Formula(many, lambda v, d: 0.0 * v["x0"]), DATA, algorithm=Nested(live=50))
    half_open = ParameterSpace((Parameter("a", 1.0, lower=0.0), Parameter("b", 0.0, lower=-1.0, upper=1.0)))
    with pytest.raises(InvalidOption, match=r"'a' has none in \[0, inf\]"):
        sample(1, Formula(half_open, two_peaks), DATA, algorithm=Nested())
    counts = PoissonCounts(LinearTemplates.of({"s": [1.0, 5.0], "b": [9.0, 9.0]}))
    bounded = counts.space.replace("s", lower=0.0, upper=9.0).replace("b", lower=0.0, upper=9.0)
    with pytest.raises(InvalidOption, match="joint prior"):
        sample(1, counts, [10, 14], algorithm=Nested(), space=bounded, joint_prior=JeffreysPrior(counts))
