"""All samplers on all densities: moments in closed form, keys, executors, verdicts, and what is refused."""

import concurrent.futures
import dataclasses
import functools

import emcee
import jax
import numpy as np
import pytest
from scipy import stats

from tests.inference.models import OBSERVED, peak, systematics
from tests.inference.sampling.densities import (
    COSINE,
    MEANS,
    MOMENTS,
    START,
    Formula,
    banana,
    bent,
    composite,
    far_apart,
)
from tests.inference.test_compiling import counting
from wilks._base.errors import InvalidOption, UnknownName
from wilks.inference.fitting import fit
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.nuts import Nuts
from wilks.inference.sampling.sampling import sample
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.results.samples import Samples

ALGORITHMS = {"ensemble": Ensemble(steps=16_000, thin=4), "nuts": Nuts(draws=1500)}


@functools.cache
def drawn(name: str) -> Samples:
    return sample(3, composite(), MEANS, algorithm=ALGORITHMS[name], start=START)


@pytest.fixture(params=sorted(ALGORITHMS))
def samples(request: pytest.FixtureRequest) -> Samples:
    return drawn(request.param)


def test_moments_are_those_of_the_closed_form(samples):
    assert samples.converged, samples.verdict
    for name, (mean, std) in MOMENTS.items():
        error = std / np.sqrt(samples.effective(name))
        assert abs(samples.mean(name) - mean) < 4.5 * error  # 1 in 1e5 per parameter
        assert samples.std(name) == pytest.approx(std, abs=6.0 * error)  # heavier tails: 6 of its rough errors
    assert np.corrcoef(samples.values("a"), samples.values("b"))[0, 1] == pytest.approx(0.9, abs=0.03)  # 0.19/sqrt(ESS)
    assert np.cov(samples.values("u") ** 2, samples.values("v"))[0, 1] == pytest.approx(1.0, abs=0.3)


def test_draws_respect_bounds_periods_and_held_values(samples):
    assert (samples.values("held") == 7.0).all()
    assert (samples.values("w") > 0).all()
    assert ((samples.values("p") > 0) & (samples.values("p") < 1)).all()
    angles = samples.values("c")
    assert ((angles >= -np.pi) & (angles < np.pi)).all()
    assert np.mean(np.cos(angles - np.pi)) == pytest.approx(COSINE, abs=0.03)  # its spread is 0.2
    assert abs(np.mean(np.sin(angles))) < 0.06  # its spread is 0.5: both sides of the cut are visited


def test_densities_piled_up_at_a_bound_are_drawn_up_to_it(samples):
    inner = stats.kstest(samples.values("w"), stats.expon(scale=0.5).cdf).statistic
    outer = stats.kstest(samples.values("p"), stats.beta(4, 1).cdf).statistic
    assert inner < 1.95 / np.sqrt(samples.effective("w"))  # 0.1 % point of Kolmogorov's law
    assert outer < 1.95 / np.sqrt(samples.effective("p"))
    ((low, high),) = samples.highest_density("w", 0.9)
    assert low == pytest.approx(0.0, abs=1e-3)
    assert high == pytest.approx(0.5 * np.log(10.0), rel=0.1)  # P(w > x) = exp(-2 x)


def test_log_probabilities_are_those_of_the_draws(samples):
    chain, draw = 1, -1
    values = dict(zip(samples.names, samples.draws[chain, draw], strict=True))
    log_likelihood = float(composite().log_prob(values, MEANS))
    log_prior = float(stats.norm.logpdf(values["q"]))
    assert samples.log_likelihood[chain, draw] == pytest.approx(log_likelihood, rel=1e-10)  # rounding of transforms
    assert samples.log_prior[chain, draw] == pytest.approx(log_prior, rel=1e-12)
    assert samples.best == dict(
        zip(samples.names, samples.draws.reshape(-1, 9)[np.argmax(samples.log_prob)].tolist(), strict=True)
    )


def test_what_was_assumed_of_the_priors_is_said(samples):
    assert samples.flags["flat_prior"] == "no prior is given for a, b, u, v, w, p, c: flat within bounds"
    assert samples.provenance.seed == 3
    assert samples.provenance.settings["algorithm"] == samples.algorithm
    assert samples.units[1] == "GeV"


def test_the_ensemble_draws_what_emcee_draws():
    def log_prob(points):
        values = dict(zip("uvw", points.T, strict=True))
        return np.where(values["w"] < 0, -np.inf, np.asarray(banana(values, None)) - 2.0 * values["w"])

    sampler = emcee.EnsembleSampler(32, 3, log_prob, vectorize=True)
    sampler.random_state = np.random.RandomState(5).get_state()
    start = np.abs(np.random.default_rng(5).normal(size=(32, 3)))
    sampler.run_mcmc(start, 6000, progress=False)
    theirs = sampler.get_chain(discard=1000, thin=40, flat=True)
    ours = sample(5, bent(), 0.0, algorithm=Ensemble(steps=8000, thin=40), start={"v": 1.0})
    for i, name in enumerate("uvw"):
        # thinned to about half the autocorrelation time: 1.95 is the 0.1 % point for independent draws, doubled
        limit = 2 * 1.95 * np.sqrt(1 / len(theirs) + 1 / len(ours))
        assert stats.ks_2samp(ours.values(name), theirs[:, i]).statistic < limit
    assert np.mean(ours.acceptance) == pytest.approx(np.mean(sampler.acceptance_fraction), abs=0.01)


SHORT = {"ensemble": Ensemble(steps=60, burn=10, chains=2), "nuts": Nuts(chains=2, draws=60, max_draws=90)}


@pytest.mark.parametrize("name", sorted(SHORT))
def test_equal_keys_give_equal_bytes_here_and_on_an_executor(name):
    def draws(key, executor=None):
        return sample(key, composite(), MEANS, algorithm=SHORT[name], start=START, executor=executor).draws

    first = draws(1)
    assert np.array_equal(first, draws(jax.random.key(1)))
    assert not np.array_equal(first, draws(2))
    assert not np.array_equal(first[0], first[-1])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        assert np.array_equal(first, draws(1, pool))


@pytest.mark.parametrize("name", sorted(SHORT))
def test_progress_counts_steps(name):
    seen = []
    sample(1, composite(), MEANS, algorithm=SHORT[name], start=START, progress=lambda *state: seen.append(state))
    done, total, failed, seconds = seen[-1]
    assert done == total > 0
    assert failed == 0
    assert seconds > 0


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_other_data_keys_starts_and_lengths_compile_nothing(name):
    drawn(name)
    other = dict(START, a=0.9, w=0.2)
    settings = ALGORITHMS[name]
    longer = Ensemble(steps=300, thin=7) if name == "ensemble" else Nuts(draws=70, max_draws=70)
    with counting() as compiled:
        sample(11, composite(), MEANS + 1.0, algorithm=longer, start=other)
    assert [program for program in compiled if program in {"advance", "warm_up", "settle"}] == []
    assert settings is ALGORITHMS[name]


@pytest.mark.parametrize(
    "algorithm", [Ensemble(steps=2000), Nuts(warmup=200, draws=400, max_draws=400)], ids=["ensemble", "nuts"]
)
def test_chains_stuck_in_different_modes_are_not_converged(algorithm):
    found = sample(1, far_apart(), 0.0, algorithm=algorithm, start={"x": 0.0})
    assert not found.converged
    assert "not converged" in found.verdict
    assert "'x'" in found.verdict
    assert found.tau[0] > 5 * found.tau[1]


def test_a_fit_made_first_is_where_the_chains_begin():
    settings = Ensemble(steps=40, burn=1)
    result = fit(peak(), OBSERVED)
    alone, given = (sample(1, peak(), OBSERVED, algorithm=settings, start=start) for start in (None, result))
    assert np.array_equal(alone.draws, given.draws)
    pulls = (given.draws[:, 0] - result.theta) / result.sigma
    assert np.abs(pulls.mean(axis=0)).max() < 4 / np.sqrt(32)
    assert pulls.std(axis=0) == pytest.approx(np.ones(2), abs=0.5)  # 1/sqrt(64) each, four times


def test_constraints_and_priors_on_one_parameter_are_both_counted_and_named():
    space = systematics().space.replace("norm", prior=Normal(0.0, 1.0)).fix(tilt=0.0)
    found = sample(1, systematics(), OBSERVED, algorithm=Ensemble(steps=3000), space=space, start={})
    assert found.flags["prior_and_constraint"].startswith("norm have a prior and a constraint")
    assert found.std("norm") == pytest.approx(0.5**0.5, abs=0.06)  # two unit widths, and data that say little
    assert found.free == ("b", "mu", "norm")


def test_points_without_a_density_are_counted_and_never_drawn():
    likelihood = Formula(
        ParameterSpace((Parameter("x", 0.5), Parameter("y", 0.5))),
        lambda v, data: -0.5 * (v["x"] ** 2 + v["y"] ** 2) + 0.0 * jax.numpy.log(1.0 - v["x"]),
    )
    found = sample(1, likelihood, 0.0, algorithm=Ensemble(steps=400), start={"x": 0.5})
    assert (found.values("x") < 1.0).all()
    assert "not a number at" in found.flags["undefined_density"]


def test_a_start_of_zero_density_is_refused():
    likelihood = Formula(ParameterSpace((Parameter("x", 0.0),)), lambda v, data: jax.numpy.nan * v["x"])
    for algorithm in (Ensemble(), Nuts(warmup=20, draws=4)):
        with pytest.raises(InvalidOption, match=r"zero or undefined around the start \[0.0\] of x"):
            sample(1, likelihood, 0.0, algorithm=algorithm, start={})


def test_starts_outside_the_bounds_and_unknown_names_are_refused():
    with pytest.raises(InvalidOption, match=r"start of 's': 11.0 lies outside \[-1.0, 10.0\]"):
        sample(1, peak(), OBSERVED, algorithm=Ensemble(), start={"s": 11.0})
    with pytest.raises(UnknownName, match="no parameter 't'"):
        sample(1, peak(), OBSERVED, algorithm=Ensemble(), start={"t": 1.0})


def test_nothing_free_is_refused():
    with pytest.raises(InvalidOption, match="nothing to sample; release one"):
        sample(1, peak(), OBSERVED, space=peak().space.fix(s=1.0, b=1.0))


def test_samples_are_records_like_every_result():
    found = sample(1, peak(), OBSERVED, algorithm=Ensemble(steps=40), start={})
    assert str(found).startswith("Samples: not converged\n  not converged: 30 steps after burn-in are fewer than 50")
    assert dataclasses.is_dataclass(found)
    assert len(found) == 32 * 30
