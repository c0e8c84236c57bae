"""Layers of coupling flows: whatever the number of parameters, each of them is bent, and depends on the context."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks.inference.sbi.flows import SplineFlow


@pytest.mark.parametrize("size", [2, 3, 5, 10])
def test_every_number_is_bent_by_two_layers_at_least(size):
    flow = SplineFlow(layers=5, bins=4, width=8).build(jax.random.key(3), size, 2, 1000)
    held, bent = np.arange(size), np.zeros(size, dtype=int)
    for order in np.asarray(flow.order):
        held = held[order]
        bent[held[size // 2 :]] += 1
    assert bent.min() >= 2


def test_every_number_of_a_flow_depends_on_the_context():
    flow = SplineFlow(layers=5, width=8, kind="affine").build(jax.random.key(0), 6, 2, 1000)
    moved = eqx.tree_at(lambda f: f.networks.straight, flow, jnp.full_like(flow.networks.straight, 0.1))
    at = jax.jit(lambda context: moved.from_noise(jnp.zeros(6, jnp.float32), context)[0])
    difference = np.abs(np.asarray(at(jnp.ones(2, jnp.float32)) - at(jnp.zeros(2, jnp.float32))))
    assert difference.min() > 1e-3
