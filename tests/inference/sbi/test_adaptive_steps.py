"""The solver that finds its own steps: its order, closed forms, the solvers of fixed steps, and fields it gives up."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from tests.inference.sbi import tasks
from tests.inference.sbi.analytic_fields import CENTRE, SPREAD, drawn_with_density, normal_velocity
from wilks.inference.sbi.adaptive_steps import MOST_TRIES, adapted, dormand_prince
from wilks.inference.sbi.budget import Budget
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.posterior_training import train_posterior
from wilks.inference.sbi.score_paths import ScoreMatching
from wilks.inference.sbi.solver_steps import settle_steps

SMALL = Residual(width=16, depth=1)
KEY = jax.random.key(5)
MODEL = tasks.GaussianLinear(2)
DATA = np.array([0.3, -0.2])


def swing(t, y):
    """y' = y cos t, whose solution is e^(sin t)."""
    return y * jnp.cos(t)


def test_steps_are_of_fifth_order_with_an_error_of_fourth():
    step = jax.jit(lambda width: dormand_prince(swing, jnp.exp(jnp.sin(0.3)), jnp.asarray(0.3), width))
    widths = np.array([0.4, 0.2])
    found = [step(jnp.asarray(w)) for w in widths]
    off = [abs(float(s.state) - np.exp(np.sin(0.3 + w))) for s, w in zip(found, widths, strict=True)]
    errors = [abs(float(s.error)) for s in found]
    # errors of one step fall as width^6 and width^5; higher terms move the exponents by a few tenths
    assert np.log2(off[0] / off[1]) == pytest.approx(6.0, abs=0.5)
    assert np.log2(errors[0] / errors[1]) == pytest.approx(5.0, abs=0.5)


def test_errors_follow_the_tolerance_in_both_directions():
    end = jax.jit(lambda start, a, b, tolerance: adapted(swing, start, a, b, 4, tolerance), static_argnums=3)
    for tolerance in (1e-5, 1e-9):
        there = end(jnp.asarray(1.0), jnp.asarray(0.0), jnp.asarray(6.0), tolerance)
        assert float(there) == pytest.approx(np.exp(np.sin(6.0)), rel=30 * tolerance)  # some dozens of steps
        back = end(there, jnp.asarray(6.0), jnp.asarray(0.0), tolerance)
        assert float(back) == pytest.approx(1.0, rel=60 * tolerance)


def test_draws_and_densities_of_a_closed_form():
    adaptive, fixed = (
        drawn_with_density(normal_velocity(**how), KEY, 500) for how in ({"solver": "dopri5"}, {"steps": 400})
    )
    # some seven steps, whose own estimate of 1e-5 each is low by an order where they are long
    assert np.asarray(adaptive.points) == pytest.approx(np.asarray(fixed.points), abs=1e-3)
    exact = norm(CENTRE, SPREAD).logpdf(np.asarray(adaptive.points)).sum(axis=1)
    assert np.asarray(adaptive.log_prob) == pytest.approx(
        exact, abs=5e-3
    )  # 4 sd out, where 1e-3 of a sd is that much of ln q
    back = eqx.filter_jit(normal_velocity(solver="dopri5").log_prob)(adaptive.points, jnp.zeros((500, 1), jnp.float32))
    assert np.asarray(back) == pytest.approx(exact, abs=5e-3)


@pytest.fixture(scope="module")
def posterior():
    path = FlowMatching(network=SMALL, solver="dopri5")
    settings = {"coordinate": "normal", "standardise": "none", "budget": Budget(steps=300), "pairs": 2000}
    return train_posterior(3, MODEL, MODEL.space, path=path, **settings)


def test_a_trained_network_gives_what_many_fixed_steps_give(posterior):
    field = posterior.estimator.density
    fine = dataclasses.replace(field, settings=dataclasses.replace(field.settings, solver="rk4", steps=200))
    other = eqx.tree_at(lambda p: p.estimator.density, posterior, fine)
    one, two = (p.sample(2, DATA, 200, density=True) for p in (posterior, other))
    assert "stiff_field" not in one.flags
    assert one.draws == pytest.approx(two.draws, abs=5e-3 * 0.05**0.5)  # half a percent of a posterior sd
    assert one.log_prob == pytest.approx(two.log_prob, abs=2e-2)


def test_a_draw_does_not_depend_on_the_others(posterior):
    one, two = (posterior.sample(5, DATA, n).draws[0] for n in (20, 200))
    assert one == pytest.approx(two[:20], abs=1e-6)  # equal up to the order of sums in a block


@pytest.mark.parametrize("family", [FlowMatching, ScoreMatching])
def test_a_field_that_is_too_stiff_is_flagged(family, posterior):
    fresh = family(network=SMALL, solver="dopri5", steps="auto").build(jax.random.key(2), 2, 3, 100)
    context = jnp.asarray(np.random.default_rng(1).normal(size=(8, 3)), dtype=jnp.float32)
    calm = settle_steps(fresh, context)
    assert calm.flags == {}
    assert calm.density.settings.steps == fresh.settings.fewest_steps
    stiff = eqx.tree_at(lambda f: f.trunk.head, fresh, 3e6 * fresh.trunk.head)
    assert f"given up after {MOST_TRIES} steps" in settle_steps(stiff, context).flags["stiff_field"]
