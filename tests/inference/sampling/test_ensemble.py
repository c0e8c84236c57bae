"""The stretch move: affine invariance, starts, settings that are refused, verdicts."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.inference.models import OBSERVED, peak, systematics
from tests.inference.sampling.densities import Formula, far_apart
from wilks._base.errors import InvalidOption
from wilks.inference.sampling import stretch
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.sampling import sample
from wilks.inference.sampling.target import Target
from wilks.likelihood.interface import AbstractLikelihood
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace


class Cloud(AbstractLikelihood):
    """A t-like density around the data, of any shape."""

    space: ParameterSpace
    precision: jax.Array

    def log_prob(self, values, data):
        """-2 ln(1 + x P x)."""
        x = self.space.pack(values) - data
        return -2.0 * jnp.log1p(x @ self.precision @ x)


def steps(precision, shift, walkers):
    space = ParameterSpace(tuple(Parameter(name, 0.0) for name in "xyz"))
    target = Target(Cloud(space, precision), shift, jnp.zeros(3), jnp.zeros(3), space)
    begun = stretch.gather(target, np.asarray(walkers)[None], jax.random.key(3))
    return stretch.advance(target, jnp.asarray(2.0), jax.random.key(4), begun, jnp.asarray(200))


def test_an_affine_map_of_the_problem_maps_every_step():
    rng = np.random.default_rng(2)
    walkers = rng.normal(size=(2, 10, 3))
    matrix, shift = np.array([[2.0, 0.3, 0.0], [-1.0, 50.0, 0.1], [0.0, 0.002, 1e-3]]), np.array([3.0, -40.0, 0.5])
    inverse = np.linalg.inv(matrix)
    plain = steps(jnp.eye(3), jnp.zeros(3), jnp.asarray(walkers))
    mapped = steps(jnp.asarray(inverse.T @ inverse), jnp.asarray(shift), jnp.asarray(walkers @ matrix.T + shift))
    assert np.array_equal(plain.accepted, mapped.accepted)
    # rounding grows with the condition of the matrix, 5e4, over 200 steps
    np.testing.assert_allclose(
        (np.asarray(mapped.position)[:200] - shift) @ inverse.T, plain.position[:200], rtol=1e-6, atol=1e-6
    )


def test_steps_beyond_those_asked_for_are_empty_and_longer_runs_begin_alike():
    rng = np.random.default_rng(2)
    found = steps(jnp.eye(3), jnp.zeros(3), jnp.asarray(rng.normal(size=(2, 10, 3))))
    assert (np.asarray(found.position)[200:] == 0).all()
    short, long = (sample(1, peak(), OBSERVED, algorithm=Ensemble(steps=n, burn=0), start={}).draws for n in (300, 520))
    assert np.array_equal(short, long[:, :300])


def test_thinning_keeps_the_last_of_each_group_after_the_burn_in():
    whole = sample(1, peak(), OBSERVED, algorithm=Ensemble(steps=300, burn=0), start={})
    thinned = sample(1, peak(), OBSERVED, algorithm=Ensemble(steps=300, burn=30, thin=7), start={})
    assert thinned.draws.shape == (32, 38, 2)  # 270 // 7
    assert np.array_equal(thinned.draws, whole.draws[:, 36::7])
    assert thinned.spacing == 7
    assert thinned.warmup == 30


def test_a_ball_is_as_small_as_it_says():
    found = sample(
        1, far_apart(), 0.0, algorithm=Ensemble(steps=4, burn=0, start="ball", walkers=200), start={"x": 20.0}
    )
    first = found.draws[:, 0]
    assert np.abs(first[:, 0] - 20.0).max() < 20.0 * 1e-4 * 20  # moves by up to a few times the ball's radius
    assert 1e-5 < first[:, 0].std() < 1e-2
    assert np.abs(first[:, 1]).max() < 1e-4 * 20


def test_independent_ensembles_stand_side_by_side():
    two = sample(1, peak(), OBSERVED, algorithm=Ensemble(steps=100, chains=2), start={})
    one = sample(1, peak(), OBSERVED, algorithm=Ensemble(steps=100, chains=1), start={})
    assert two.draws.shape == (64, 75, 2)
    assert np.array_equal(two.draws[:32], one.draws)


def test_walkers_in_a_plane_are_noticed():
    flat = Formula(
        ParameterSpace((Parameter("x", 1.0), Parameter("y", 1.0))), lambda v, data: -1e30 * (v["x"] - v["y"]) ** 2
    )
    found = sample(1, flat, 0.0, algorithm=Ensemble(steps=60), start={})
    assert not found.converged


def test_an_accepted_fraction_out_of_range_is_named():
    free = Formula(
        ParameterSpace((Parameter("x", 0.5, lower=0.0, upper=1.0), Parameter("y", 0.5, lower=0.0, upper=1.0))),
        lambda v, data: 0.0 * v["x"],
    )
    found = sample(1, free, 0.0, algorithm=Ensemble(steps=2000, stretch=1.01), start={})
    assert "acceptance 1 lies outside 0.1 to 0.9" in found.verdict


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"walkers": 33}, "33 walkers cannot stand in two halves; give an even number, 34"),
        ({"walkers": 0}, "walkers 0 is below 1"),
        ({"steps": 0}, "steps 0 is below 1"),
        ({"chains": 0}, "chains 0 is below 1"),
        ({"thin": 0}, "thin 0 is below 1"),
        ({"steps": 100, "burn": 100}, "burn 100 lies outside 0 to 99"),
        ({"steps": 100, "burn": -1}, "burn -1 lies outside 0 to 99"),
        ({"steps": 100, "burn": 90, "thin": 20}, "thin 20 keeps none of the 10 steps after the burn-in; give at most"),
        ({"stretch": 1.0}, "stretch 1.0 must be finite and above 1"),
        ({"start": "somewhere"}, "start 'somewhere' does not exist; choose one of curvature, ball"),
    ],
)
def test_settings_that_cannot_work_are_refused_with_the_needed_number(settings, message):
    with pytest.raises(InvalidOption, match=message):
        Ensemble(**settings)


def test_too_few_walkers_are_refused_with_the_needed_number():
    with pytest.raises(InvalidOption, match="8 walkers are too few for 4 free parameters; give at least 10"):
        sample(1, systematics(), OBSERVED, algorithm=Ensemble(walkers=8))
    assert Ensemble().walkers_for(3) == 32
    assert Ensemble().walkers_for(20) == 80
    assert eqx.tree_equal(Ensemble(walkers=10), Ensemble(walkers=10))


def test_walkers_begin_at_their_first_possible_try_exactly():
    """Even on a bound, which rounding must not cross."""
    space = ParameterSpace((Parameter("x", 0.5, lower=0.1, upper=1.0), *(Parameter(name, 0.0) for name in "yz")))
    target = Target(Cloud(space, jnp.eye(3)), jnp.zeros(3), jnp.zeros(3), jnp.zeros(3), space)
    tries = np.random.default_rng(3).uniform(0.1, 1.0, size=(3, 2, 4, 3))
    tries[0, 0, 0, 0], tries[0, 1, 2, 0], tries[:2, 1, 3, 0] = 0.1, 1.5, -1.0
    expected = tries[0].copy()
    expected[1, 2], expected[1, 3] = tries[1, 1, 2], tries[2, 1, 3]
    begun = stretch.gather(target, tries, jax.random.key(3))
    assert np.array_equal(begun.position, expected)
    assert np.isfinite(begun.log_prob).all()
