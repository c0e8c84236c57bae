import dataclasses
import math

import numpy as np
import pytest

from tests.inference.sbi.exact import BroadProposal, GaussianMixture, GaussianPosterior, LinearGaussian
from wilks._base.errors import InvalidOption, InvalidParameter, ProcedureFailed
from wilks.inference.sampling.nested import Nested
from wilks.inference.sbi.evidence import bayes_factor, log_evidence_at, suspiciousness
from wilks.inference.sbi.importance import reweight
from wilks.inference.sbi.pareto import pareto_shape
from wilks.inference.sbi.weighted_draws import metropolise, resample
from wilks.likelihood.joint import Joint
from wilks.results.store import load

MODEL = LinearGaussian()
DATA = np.array([0.7, -1.2])
N = 8_000


@pytest.fixture(scope="module")
def exact():
    return reweight(1, GaussianPosterior(MODEL), MODEL, DATA, N, defensive=0.0)


@pytest.fixture(scope="module")
def shifted():
    return reweight(2, GaussianPosterior(MODEL, shift=0.5, stretch=1.5), MODEL, DATA, N)


def test_weights_of_the_exact_posterior_are_equal(exact):
    assert exact.ess == pytest.approx(N, rel=1e-9)
    assert exact.log_evidence == pytest.approx(MODEL.log_evidence(DATA), abs=1e-10)
    assert exact.error < 1e-8
    assert exact.reliable


def test_a_wrong_proposal_gives_the_exact_posterior_and_evidence(shifted):
    assert shifted.reliable
    assert shifted.error < 0.02
    assert abs(shifted.log_evidence - MODEL.log_evidence(DATA)) < 4 * shifted.error
    for i, name in enumerate("ab"):
        spread = MODEL.posterior_sd / math.sqrt(shifted.ess)
        assert abs(shifted.mean(name) - MODEL.shrinkage * DATA[i]) < 4 * spread
        assert shifted.std(name) == pytest.approx(MODEL.posterior_sd, rel=4 / math.sqrt(2 * shifted.ess))


def test_information_and_dimension_are_those_of_gaussians(shifted):
    # <ln L> - ln Z of Gaussians in closed form; 2 Var(ln L) of a posterior narrower than the likelihood is not exactly
    # d: with z = (theta - x)/noise ~ N(m, v), 2 Var(-z^2/2) = v^2 + 2 m^2 v per direction
    v = MODEL.shrinkage
    offset = (MODEL.shrinkage - 1) * DATA / MODEL.noise
    mean = -0.5 * np.sum(v + offset**2) - 2 * math.log(MODEL.noise * math.sqrt(2 * math.pi))
    assert shifted.mean_log_likelihood == pytest.approx(mean, abs=5 / math.sqrt(shifted.ess))
    assert shifted.dimension == pytest.approx(np.sum(v**2 + 2 * offset**2 * v), rel=0.1)
    assert shifted.information == pytest.approx(mean - MODEL.log_evidence(DATA), abs=0.1)


def test_errors_of_evidences_cover(exact):
    found = [reweight(seed, GaussianPosterior(MODEL, 0.5, 1.3), MODEL, DATA, 500) for seed in range(30)]
    pulls = np.array([(r.log_evidence - MODEL.log_evidence(DATA)) / r.error for r in found])
    # mean of 30 unit pulls within 4/sqrt(30); the quoted error is conservative, as components have fixed numbers
    assert abs(pulls.mean()) < 0.73
    assert 0.4 < pulls.std() < 1.4


def test_the_defensive_part_finds_a_missed_component():
    mixture = GaussianMixture()
    data = np.array([3.0, -9.5])  # part of both components lies outside the box
    found = reweight(4, BroadProposal(mixture.space, 0.1), mixture, data, 20_000, defensive=0.3)
    assert abs(found.log_evidence - mixture.log_evidence(data)) < 4 * found.error
    narrow = reweight(4, BroadProposal(mixture.space, 0.1), mixture, data, 20_000, defensive=0.0)
    assert not narrow.reliable
    assert narrow.pareto_k > 0.7
    assert "low_ess" in str(narrow)
    assert "(unreliable)" in str(narrow)


def test_sbi_7_draws_outside_the_support_keep_their_place_with_weight_zero():
    mixture, data = GaussianMixture(), np.array([9.9, 0.0])
    found = reweight(5, BroadProposal(mixture.space, 1.0), mixture, data, 4_000, defensive=0.0)
    outside = found.theta[:, 0] > 10.0
    assert len(found) == len(found.theta) == 4_000
    assert outside.mean() == pytest.approx(0.46, abs=0.04)  # P(z > 0.1), and binomial error
    assert np.array_equal(found.log_weight == -np.inf, outside)
    # Z counts the zeros: without them it would be too large by 1/0.54
    assert abs(found.log_evidence - mixture.log_evidence(data)) < 4 * found.error < 0.5


def test_equal_seeds_give_equal_bytes_and_files_keep_everything(shifted, tmp_path):
    again = reweight(2, GaussianPosterior(MODEL, shift=0.5, stretch=1.5), MODEL, DATA, N)
    assert np.array_equal(again.log_weight, shifted.log_weight)
    back = load(shifted.save(tmp_path / "weights.npz"))
    assert str(back) == str(shifted)
    assert np.array_equal(back.theta, shifted.theta)


@pytest.mark.parametrize("form", [resample, metropolise])
def test_unweighted_draws_have_the_moments_of_the_exact_posterior(shifted, form):
    draws = form(7, shifted)
    for i, name in enumerate("ab"):
        spread = MODEL.posterior_sd * math.sqrt(2 / shifted.ess)  # of the weights, and of the second choice
        assert abs(draws.mean(name) - MODEL.shrinkage * DATA[i]) < 4 * spread
        assert draws.std(name) == pytest.approx(MODEL.posterior_sd, rel=5 / math.sqrt(shifted.ess))
    assert draws.log_likelihood == pytest.approx(draws.log_prob - draws.log_prior)


def test_pareto_shapes_are_those_of_arviz_and_of_pareto_laws():
    stats = pytest.importorskip("arviz_stats.base.array").array_stats
    generator = np.random.default_rng(3)
    for k in (0.2, 0.5, 0.9):
        logs = generator.exponential(k, 20_000)  # weights w with P(w > t) = t^(-1/k)
        # 424 tail weights fix k within (1 + k)/sqrt(424), about 0.1
        assert pareto_shape(logs) == pytest.approx(k, abs=0.3)
        assert pareto_shape(logs) == pytest.approx(float(stats.psislw(-logs)[1]), abs=0.02)
    assert pareto_shape(np.zeros(1000)) == -math.inf
    assert pareto_shape(np.full(20, -np.inf)) == math.inf


def test_the_evidence_of_a_point_is_its_likelihood():
    point = log_evidence_at(MODEL, DATA, {"a": 0.5, "b": 0.0})
    assert point.log_evidence == pytest.approx(float(MODEL.log_prob({"a": 0.5, "b": 0.0}, DATA)), rel=1e-12)
    assert point.error == 0.0
    assert point.priors == {}


def test_parameters_left_by_a_point_hypothesis_are_integrated_over_their_prior():
    found = log_evidence_at(MODEL, DATA, {"a": 0.0}, key=3)
    half = LinearGaussian(1)
    expected = half.log_evidence(DATA[1:]) + float(half.log_prob({"a": 0.0}, DATA[:1]))
    assert found.reliable
    assert abs(found.log_evidence - expected) < 4 * found.error < 0.1


def test_a_bayes_factor_carries_both_errors_and_refuses_different_data(shifted):
    null = log_evidence_at(MODEL, DATA, {"a": 0.0}, key=3)
    climbed = log_evidence_at(MODEL, DATA, {"a": 0.0}, key=3, algorithm=Nested(live=200))
    assert "a = 0 held" in climbed.model
    assert abs(climbed.log_evidence - null.log_evidence) < 4 * np.hypot(climbed.error, null.error)
    factor = bayes_factor(shifted, null)
    assert factor.log_ratio == shifted.log_evidence - null.log_evidence
    assert factor.error == math.hypot(shifted.error, null.error)
    assert "Normal" in str(factor)
    with pytest.raises(InvalidOption, match="different data"):
        bayes_factor(shifted, log_evidence_at(MODEL, DATA + 1.0, {"a": 0.0, "b": 0.0}))


@pytest.mark.parametrize(("distance", "tense"), [(0.0, False), (4.0, True)])
def test_suspiciousness_sees_tension_and_no_prior_ranges(distance, tense):
    found = []
    for width in (20.0, 60.0):
        one = LinearGaussian(1, noise=0.5, width=width)
        joint = Joint({"one": one, "two": one})
        data = {"one": np.array([0.0]), "two": np.array([distance * 0.5 * math.sqrt(2.0)])}

        def weighted(model, x, centre, sd, seed, space=one.space):
            return reweight(seed, _Fixed(space, centre, 1.2 * sd), model, x, 20_000, defensive=0.02)

        parts = [weighted(one, data[n], data[n][0], 0.5, i) for i, n in enumerate(("one", "two"))]
        both = weighted(joint, data, 0.5 * data["two"][0], 0.5 / math.sqrt(2), 5)
        found.append(suspiciousness(both, parts))
    for result in found:
        # flat priors and equal errors: ln S = 1/2 - t^2/2 with t the distance in its error, one common direction
        assert result.log_suspiciousness == pytest.approx(0.5 - distance**2 / 2, abs=0.15)
        assert result.dimension == pytest.approx(1.0, abs=0.15)
        assert (result.p_value < 1e-3) == tense
        assert result.reliable
    # the prior is three times as wide: ln R grows by ln 3, ln S stays
    assert found[1].log_ratio - found[0].log_ratio == pytest.approx(math.log(3.0), abs=0.1)


def test_more_directions_than_parameters_are_flagged(exact):
    half = reweight(6, GaussianPosterior(MODEL), MODEL, DATA, 500)
    plain = suspiciousness(exact, (exact, half))
    assert "far_from_gaussian" not in plain.flags
    wild = dataclasses.replace(half, log_likelihood=3.0 * half.log_likelihood)
    assert "exceeds the 2 free parameters" in suspiciousness(exact, (wild, wild)).flags["far_from_gaussian"]


class _Fixed(BroadProposal):
    def __init__(self, space, centre, width):
        super().__init__(space, width)
        self.centre = centre

    def sample(self, key, data, n):
        return super().sample(key, np.array([self.centre]), n)

    def log_prob(self, values, data):
        return super().log_prob(values, np.array([self.centre]))


def test_bad_requests_are_refused_with_what_to_do():
    posterior = GaussianPosterior(MODEL)
    with pytest.raises(InvalidOption, match=r"defensive 1.0 lies outside \[0, 1\)"):
        reweight(1, posterior, MODEL, DATA, 100, defensive=1.0)
    with pytest.raises(InvalidParameter, match="the likelihood lacks b"):
        reweight(1, posterior, LinearGaussian(1), DATA, 100)
    with pytest.raises(InvalidParameter, match="'a' has the prior"):
        reweight(1, posterior, LinearGaussian(width=2.0), DATA, 100)
    with pytest.raises(ProcedureFailed, match="do not overlap; raise `defensive`"):
        reweight(
            1,
            BroadProposal(GaussianMixture().space, 0.01),
            GaussianMixture(),
            np.array([30.0, 30.0]),
            100,
            defensive=0.0,
        )
    with pytest.raises(InvalidOption, match="at least two"):
        suspiciousness(reweight(1, posterior, MODEL, DATA, 100), [])
