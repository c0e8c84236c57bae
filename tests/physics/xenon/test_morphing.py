"""Tests of the weights of nodes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidModel
from wilks.physics.xenon.morphing import AbstractMorphing, GridMorphing, ScatteredMorphing, morphing_between

LINE = [{"a": 1.0}, {"a": 4.0}, {"a": 2.0}]
GRID = [{"a": a, "b": b} for b in (10.0, 20.0) for a in (0.0, 3.0, 1.0)]
TRIANGLES = [{"a": 0.0, "b": 0.0}, {"a": 2.0, "b": 0.0}, {"a": 0.0, "b": 300.0}, {"a": 3.0, "b": 200.0}]
FAMILIES = {"line": (LINE, GridMorphing), "grid": (GRID, GridMorphing), "scattered": (TRIANGLES, ScatteredMorphing)}


def made(name: str, *, extrapolate: bool = False) -> AbstractMorphing:
    return morphing_between(FAMILIES[name][0], extrapolate=extrapolate)


def positions(name: str) -> np.ndarray:
    return np.array([list(node.values()) for node in FAMILIES[name][0]])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_kind_follows_the_nodes(name):
    assert type(made(name)) is FAMILIES[name][1]


@pytest.mark.parametrize("name", FAMILIES)
def test_a_node_has_all_the_weight_at_its_place(name):
    for number, place in enumerate(positions(name)):
        weights, inside = made(name)(jnp.asarray(place))
        np.testing.assert_allclose(np.asarray(weights), np.eye(len(positions(name)))[number], atol=1e-12)
        assert bool(inside)


@pytest.mark.parametrize("name", FAMILIES)
@given(data=st.data())
def test_weights_average_the_nodes_to_the_point(name, data):
    shares = np.array(
        data.draw(st.lists(st.floats(0.01, 1), min_size=len(positions(name)), max_size=len(positions(name))))
    )
    point = shares @ positions(name) / shares.sum()  # in the hull
    weights, inside = made(name)(jnp.asarray(point))
    assert bool(inside)
    assert np.isclose(float(jnp.sum(weights)), 1.0, rtol=1e-12)
    assert float(jnp.min(weights)) >= 0.0
    np.testing.assert_allclose(np.asarray(weights) @ positions(name), point, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_are_those_of_linear_functions(name):
    slopes = np.arange(1.0, positions(name).shape[1] + 1)
    contents = positions(name) @ slopes  # linear in the parameters, so the morphed content is, too
    centre = positions(name)[:3].mean(axis=0) * 1.01
    gradient = jax.grad(lambda point: made(name)(point)[0] @ contents)(jnp.asarray(centre))
    np.testing.assert_allclose(np.asarray(gradient), slopes, rtol=1e-9)


@pytest.mark.parametrize("name", FAMILIES)
def test_points_outside_the_hull_are_told_apart(name):
    outside = positions(name).max(axis=0) * 1.2
    weights, inside = made(name)(jnp.asarray(outside))
    assert not bool(inside)
    assert np.isfinite(np.asarray(weights)).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_weights_go_on_linearly_if_asked(name):
    outside = positions(name).max(axis=0) * 1.2
    weights, inside = made(name, extrapolate=True)(jnp.asarray(outside))
    assert bool(inside)
    np.testing.assert_allclose(np.asarray(weights) @ positions(name), outside, rtol=1e-9)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([{"a": 1.0}], "at least two nodes"),
        ([{}, {}], "at least two nodes"),
        ([{"a": 1.0}, {"b": 2.0}], "node 1 sets"),
        ([{"a": 1.0}, {"a": 1.0}, {"a": 2.0}], "2 nodes stand at"),
        ([{"a": 1.0, "b": 1.0}, {"a": 2.0, "b": 1.0}], "'b' is 1 at all nodes"),
        ([{"a": 1.0}, {"a": float("nan")}], "node 1 is not finite"),
        ([{"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 1.0}, {"a": 2.0, "b": 2.0}], "span no volume"),
        ([{"a": 0.0, "b": 0.0}, {"a": 1.0, "b": 1.0}], "span no volume"),
    ],
)
def test_nodes_without_sense_are_refused(nodes, message):
    with pytest.raises(InvalidModel, match=message):
        morphing_between(nodes, extrapolate=False)
