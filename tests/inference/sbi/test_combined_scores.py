"""Products of posteriors by their scores: exact for normal laws, sampled and normalised for trained ones."""

import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.sbi.exact import GaussianPosterior, LinearGaussian
from wilks._base.errors import InvalidData, InvalidOption
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.operations.combined import combine
from wilks.inference.sbi.operations.combined_scores import product_score
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.schedules import SCHEDULES
from wilks.inference.sbi.score_paths import ScoreMatching

MODEL = LinearGaussian(2, noise=0.8)
DATA = {"one": np.array([0.9, -0.5]), "two": np.array([0.4, 0.1]), "three": np.array([0.6, -0.6])}


def normal_score(mean, covariance, z, m, s):
    return -np.linalg.solve(m**2 * covariance + s**2 * np.eye(len(z)), z - m * mean)


@pytest.mark.parametrize("noise", sorted(SCHEDULES))
def test_the_score_of_normal_posteriors_is_that_of_their_product(noise):
    generator, schedule = np.random.default_rng(1), SCHEDULES[noise]
    roots = generator.normal(size=(3, 2, 2))
    precisions = np.eye(2) + roots @ roots.transpose(0, 2, 1)  # of posteriors under a prior N(0, I)
    means = generator.normal(size=(3, 2))
    total = precisions.sum(axis=0) - 2 * np.eye(2)
    centre = np.linalg.solve(total, np.einsum("pij,pj->i", precisions, means))
    for tau in np.asarray(schedule.grid(5), float):
        m, s = (float(f(jnp.float32(tau))) for f in (schedule.mean, schedule.spread))
        z = generator.normal(size=2)
        each = [normal_score(a, np.linalg.inv(p), z, m, s) for a, p in zip(means, precisions, strict=True)]
        found = product_score(
            jnp.asarray(each), jnp.asarray(precisions), jnp.asarray(z), jnp.asarray(m), jnp.asarray(s)
        )
        exact = normal_score(centre, np.linalg.inv(total), z, m, s)
        assert np.asarray(found) == pytest.approx(exact, rel=1e-9, abs=1e-9)


@pytest.fixture(scope="module")
def part():
    return train_posterior(
        1, MODEL, MODEL.space, path=ScoreMatching(network=Residual(width=48, depth=2)), pairs="online",
        coordinate="normal", standardise="none", budget=Budget(2500, batch=256, rate=3e-3),
    )  # fmt: skip


def test_draws_and_densities_are_those_of_the_product(part):
    both = combine(dict.fromkeys(DATA, part), candidates=4000, by="score")
    precision = 1.0 + 3 / MODEL.noise**2
    mean, sd = sum(DATA.values()) / MODEL.noise**2 / precision, precision**-0.5
    draws = both.sample(2, DATA, 2000)
    theta = draws.draws[0]
    # errors of small networks: 0.03 widths were measured
    assert theta.mean(axis=0) == pytest.approx(mean, abs=0.15 * sd)
    assert theta.std(axis=0) == pytest.approx(sd, rel=0.1)
    grid = np.linspace(-4.0, 4.0, 41) * sd
    a, b = np.meshgrid(mean[0] + grid, mean[1] + grid)
    density = np.exp(np.asarray(both.log_prob({"a": a.ravel(), "b": b.ravel()}, DATA)))
    assert density.sum() * (grid[1] - grid[0]) ** 2 == pytest.approx(1.0, abs=0.02)  # 0.005 with 80 steps
    own = both.sample(2, DATA, 20, density=True)
    again = both.log_prob({n: own.values(n) for n in "ab"}, DATA)
    assert own.log_prob[0] == pytest.approx(np.asarray(again), abs=0.05)  # there and back through 80 Heun steps
    assert combine({"one": part}, by="score").sample(3, {"one": DATA["one"]}, 500).draws.mean(
        axis=(0, 1)
    ) == pytest.approx(MODEL.shrinkage * DATA["one"], abs=0.25 * MODEL.posterior_sd)


def test_products_without_a_covariance_and_other_posteriors_are_refused(part):
    with pytest.raises(InvalidOption, match="'exact' has no score"):
        combine({"exact": GaussianPosterior(MODEL)}, by="score")
    with pytest.raises(InvalidOption, match="choose one of density, score"):
        combine({"one": part}, by="scores")
    both = combine({"one": part, "two": part}, candidates=500, by="score")
    with pytest.raises(InvalidData, match="expected those of one, two"):
        both.sample(1, {"one": DATA["one"]}, 10)
    common, _ = both._common({"one": DATA["one"], "two": DATA["two"]})
    wide = type(common)(
        common.fields, common.prepared, 0.4 * jnp.stack([jnp.eye(2, dtype=jnp.float32)] * 2), common.coordinate
    )
    with pytest.raises(InvalidData, match="Lambda is not positive"):
        wide.refuse_indefinite()
