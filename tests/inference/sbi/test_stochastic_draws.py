"""Draws that put noise back on their way: the law of the flow, by other ways; densities stay those of the flow."""

import dataclasses

import jax
import numpy as np
import pytest
from scipy.stats import kstest, norm

from tests.inference.sbi.analytic_fields import CENTRE, SPREAD, drawn, drawn_with_density, normal_velocity
from wilks._base.errors import InvalidOption
from wilks.inference.sbi.drawing import along_the_flow
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.score_paths import ScoreMatching

N = 20_000
KEY = jax.random.key(5)


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_draws_have_the_law_of_the_flow_whatever_the_noise(eta):
    z = np.asarray(drawn(normal_velocity(eta=eta), KEY, N), dtype=float)
    # 20,000 draws know a mean to 0.007 sd and a sd to 0.5 %; the 500 steps themselves are off by less (four sigma)
    assert np.abs(z.mean(axis=0) - CENTRE) == pytest.approx(0.0, abs=4 * float(SPREAD.max()) / N**0.5)
    assert z.std(axis=0) == pytest.approx(SPREAD, rel=4 / (2 * N) ** 0.5)
    for column, centre, spread in zip(z.T, CENTRE, SPREAD, strict=True):
        assert kstest(column, norm(centre, spread).cdf).pvalue > 1e-4


def test_noise_parts_draws_from_their_starts():
    flow, noisy = (np.asarray(drawn(normal_velocity(eta=eta), KEY, 2000)) for eta in (0.0, 1.0))
    start = (flow - CENTRE) / SPREAD  # the flow to a normal law is linear
    kept = [np.corrcoef(start[:, i], noisy[:, i])[0, 1] for i in range(2)]
    # exact: d ln corr/dt = -eta a/var(z_t), the noise that forgets; 0.16 and 0.31 are left
    times = (np.arange(4000) + 0.5) / 4000
    expected = [np.exp(-np.mean((1 - times) / ((1 - times) ** 2 + (times * s) ** 2))) for s in SPREAD]
    assert kept == pytest.approx(expected, abs=0.08)  # 2,000 pairs know a correlation to 0.02; four of them


def test_densities_and_draws_with_them_are_those_of_the_flow():
    flow, noisy = (drawn_with_density(normal_velocity(eta=eta), KEY, 500) for eta in (0.0, 1.0))
    assert np.array_equal(flow.points, noisy.points)
    exact = norm(CENTRE, SPREAD).logpdf(np.asarray(noisy.points)).sum(axis=1)
    assert np.asarray(noisy.log_prob) == pytest.approx(exact, abs=2e-3)  # 40 steps of fourth order, single precision


def test_the_flow_is_taken_wherever_a_density_sits():
    small = Residual(width=4, depth=1)
    noisy = [FlowMatching(eta=1.0, network=small), ScoreMatching(sampler="sde", corrector=2, network=small)]
    fields = [path.build(jax.random.key(1), 2, 3, 100) for path in noisy]
    spline = SplineFlow(layers=2, bins=4, width=8).build(jax.random.key(0), 2, 3, 100)
    flow, score, same = along_the_flow((*fields, {"a": spline}))
    assert flow.settings == dataclasses.replace(noisy[0], eta=0.0)
    assert score.settings == dataclasses.replace(noisy[1], sampler="ode", corrector=0)
    assert isinstance(same["a"], SplineFlow().build(jax.random.key(0), 2, 3, 100).__class__)


@pytest.mark.parametrize("eta", [-0.1, float("nan"), float("inf")])
def test_impossible_noise_is_refused(eta):
    with pytest.raises(InvalidOption, match=rf"eta {eta} must be a number in \[0, 10\]"):
        FlowMatching(eta=eta)


def test_automatic_steps_need_the_flow():
    with pytest.raises(InvalidOption, match="with eta > 0 give a number of steps"):
        FlowMatching(eta=1.0, steps="auto")
