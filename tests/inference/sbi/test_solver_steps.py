"""Steps of solvers that are left open: doubled until draws stay where they are, up to a bound that is flagged."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidOption
from wilks.inference.sbi.flows import SplineFlow
from wilks.inference.sbi.networks import Residual
from wilks.inference.sbi.paths import FlowMatching
from wilks.inference.sbi.score_paths import ScoreMatching
from wilks.inference.sbi.solver_steps import MOST_STEPS, relative_difference, settle_steps

SMALL = Residual(width=16, depth=1)
PATHS = {"flow": FlowMatching, "score": ScoreMatching}
CONTEXT = jnp.asarray(np.random.default_rng(1).normal(size=(8, 3)), dtype=jnp.float32)


def field(name, slope, **settings):
    """A field whose output follows the state ``slope`` times as fast as a fresh one with a full head."""
    family = PATHS[name](network=SMALL, **({"steps": "auto"} | settings))
    fresh = family.build(jax.random.key(2), 2, 3, 100)
    return eqx.tree_at(lambda f: f.trunk.head, fresh, 100.0 * slope * fresh.trunk.head)


def drawn(density, key):
    keys = jax.random.split(jax.random.key(key), len(CONTEXT) * 32)
    return np.asarray(density.draw(keys, jnp.repeat(CONTEXT, 32, axis=0)), dtype=float)


@pytest.mark.parametrize("name", PATHS)
def test_settled_steps_keep_draws_where_twice_as_many_put_them(name):
    density = field(name, 1.0)
    settled = settle_steps(density, CONTEXT)
    steps = settled.density.settings.steps
    assert settled.flags == {}
    assert density.settings.fewest_steps <= steps <= MOST_STEPS
    finer = field(name, 1.0, steps=2 * steps)
    # other noise than that by which they were settled: 256 draws know a root mean square to a tenth or so
    assert relative_difference(drawn(settled.density, 7), drawn(finer, 7)) < 0.015


def test_more_steps_are_taken_where_the_field_bends_more():
    found = [settle_steps(field("flow", slope), CONTEXT).density.settings.steps for slope in (0.01, 10.0)]
    assert found[0] == FlowMatching().steps < found[1]


def test_a_stiff_field_gets_the_most_steps_and_a_flag():
    settled = settle_steps(field("flow", 3000.0), CONTEXT)
    assert settled.density.settings.steps == MOST_STEPS
    assert "400 steps of the solver leave draws" in settled.flags["stiff_field"]


def test_given_steps_and_densities_without_a_solver_stay():
    given = field("flow", 1.0, steps=7)
    assert settle_steps(given, CONTEXT).density is given
    spline = SplineFlow(layers=2, bins=4, width=8).build(jax.random.key(0), 2, 3, 100)
    assert settle_steps(spline, CONTEXT).density is spline


@pytest.mark.parametrize(
    ("path", "settings", "message"),
    [
        (FlowMatching, {"steps": "many"}, "steps 'many' must be at least 1, or 'auto'"),
        (FlowMatching, {"steps": 0}, "steps 0 must be at least 1"),
        (ScoreMatching, {"steps": 1}, "steps 1 must be at least 2"),
        (ScoreMatching, {"steps": "auto", "sampler": "sde"}, "stochastic sampler takes"),
    ],
)
def test_impossible_steps_are_refused(path, settings, message):
    with pytest.raises(InvalidOption, match=message):
        path(**settings)
