"""Weights of nodes in parameter space: piecewise linear, 1 at a node and 0 at all others."""

import abc
from collections.abc import Mapping, Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int
from scipy.spatial import Delaunay, QhullError

from wilks._base.errors import InvalidModel

_ROUNDING = 1e-9


class AbstractMorphing(eqx.Module):
    """Weights of nodes at a point; they add up to 1."""

    @abc.abstractmethod
    def __call__(self, point: Float[Array, " parameters"]) -> tuple[Float[Array, " nodes"], Bool[Array, ""]]:
        """Weight of every node, and whether the point lies in the hull of the nodes (or outside is allowed)."""


class GridMorphing(AbstractMorphing):
    """Nodes on a grid: multilinear in the cell of the point; for one parameter linear between neighbours.

    Args:
        axes: values of every parameter, ascending.
        order: number of the node at each place of the grid.
        extrapolated: whether the outermost cells go on.
    """

    axes: tuple[Float[np.ndarray, "_"], ...]
    order: Int[np.ndarray, " nodes"]
    extrapolated: bool = eqx.field(static=True)

    def __call__(self, point: Float[Array, " parameters"]) -> tuple[Float[Array, " nodes"], Bool[Array, ""]]:
        """Weight of every node, and whether the point lies in the grid."""
        product, inside = jnp.ones(1), jnp.ones((), dtype=bool)
        for values, x in zip(self.axes, point, strict=True):
            weights = self._along(jnp.asarray(values), x)
            inside = inside & (x >= values[0]) & (x <= values[-1])
            product = (product[:, None] * weights[None]).ravel()
        return jnp.zeros(len(self.order)).at[self.order].set(product), inside | self.extrapolated

    def _along(self, values: Float[Array, " values"], x: Float[Array, ""]) -> Float[Array, " values"]:
        low = jnp.clip(jnp.searchsorted(values, x, side="right") - 1, 0, values.shape[0] - 2)
        share = (x - values[low]) / (values[low + 1] - values[low])
        share = share if self.extrapolated else jnp.clip(share, 0.0, 1.0)
        return jnp.zeros(values.shape[0]).at[low].set(1 - share).at[low + 1].set(share)


class ScatteredMorphing(AbstractMorphing):
    """Nodes anywhere: barycentric in the Delaunay simplex of the point.

    Args:
        corners: nodes of every simplex.
        transforms: from a point to all but the last of its barycentric coordinates: a matrix for each simplex.
        origins: the point where these are zero.
        low: lowest value of every parameter.
        widths: range of every parameter, by which it is scaled.
        nodes: their number.
        extrapolated: whether the nearest simplex goes on outside the hull.
    """

    corners: Int[np.ndarray, "simplices corners"]
    transforms: Float[np.ndarray, "simplices parameters parameters"]
    origins: Float[np.ndarray, "simplices parameters"]
    low: Float[np.ndarray, " parameters"]
    widths: Float[np.ndarray, " parameters"]
    nodes: int = eqx.field(static=True)
    extrapolated: bool = eqx.field(static=True)

    def __call__(self, point: Float[Array, " parameters"]) -> tuple[Float[Array, " nodes"], Bool[Array, ""]]:
        """Weight of every node, and whether the point lies in the hull."""
        scaled = (point - self.low) / self.widths
        most = jnp.einsum("sij,sj->si", self.transforms, scaled[None] - self.origins)
        shares = jnp.concatenate([most, 1 - jnp.sum(most, axis=1, keepdims=True)], axis=1)
        smallest = jnp.min(shares, axis=1)
        nearest = jnp.argmax(smallest)
        inside = smallest[nearest] >= -_ROUNDING
        mine = shares[nearest]
        if not self.extrapolated:
            mine = jnp.maximum(mine, 0.0)
            mine = mine / jnp.sum(mine)
        return jnp.zeros(self.nodes).at[jnp.asarray(self.corners)[nearest]].set(mine), inside | self.extrapolated


def morphing_between(nodes: Sequence[Mapping[str, float]], *, extrapolate: bool) -> AbstractMorphing:
    """Weights between nodes: multilinear if they form a grid, else on Delaunay simplices.

    Args:
        nodes: values of the same parameters for every node, at least two.
        extrapolate: whether points outside the hull of the nodes are allowed.

    Raises:
        InvalidModel: for nodes of different parameters, equal nodes, and nodes that span no volume.
    """
    points = _points(nodes)
    axes = tuple(np.unique(column) for column in points.T)
    for name, values in zip(nodes[0], axes, strict=True):
        if len(values) < 2:
            raise InvalidModel(f"morphing: parameter {name!r} is {values[0]:g} at all nodes; leave it out")
    if int(np.prod([len(values) for values in axes])) == len(points):
        places = [np.searchsorted(values, column) for values, column in zip(axes, points.T, strict=True)]
        order = np.argsort(np.ravel_multi_index(tuple(places), tuple(len(values) for values in axes)))
        return GridMorphing(axes, order, extrapolate)
    return _scattered(points, extrapolate)


def _points(nodes: Sequence[Mapping[str, float]]) -> Float[np.ndarray, "nodes parameters"]:
    if len(nodes) < 2 or not nodes[0]:
        raise InvalidModel(f"morphing needs at least two nodes with parameters; there are {len(nodes)} nodes")
    names = tuple(nodes[0])
    for number, node in enumerate(nodes):
        if set(node) != set(names):
            raise InvalidModel(f"morphing: node {number} sets {tuple(node)}, the first one {names}; set the same ones")
    points = np.array([[float(node[name]) for name in names] for node in nodes])
    if not np.isfinite(points).all():
        raise InvalidModel(f"morphing: node {np.argwhere(~np.isfinite(points))[0][0]} is not finite")
    _, first, number = np.unique(points, axis=0, return_index=True, return_counts=True)
    if (number > 1).any():
        raise InvalidModel(f"morphing: {int(number.max())} nodes stand at {dict(nodes[int(first[number.argmax()])])}")
    return points


def _scattered(points: Float[np.ndarray, "nodes parameters"], extrapolate: bool) -> ScatteredMorphing:
    low, widths = points.min(axis=0), np.ptp(points, axis=0)
    try:
        mesh = Delaunay((points - low) / widths)
    except (QhullError, ValueError) as error:
        number, size = points.shape
        raise InvalidModel(
            f"morphing: {number} nodes span no volume in {size} parameters; at least {size + 1} must not lie in a plane"
        ) from error
    proper = np.isfinite(mesh.transform).all(axis=(1, 2))
    size = points.shape[1]
    transforms, origins = mesh.transform[proper, :size], mesh.transform[proper, size]
    return ScatteredMorphing(
        mesh.simplices[proper].astype(int), transforms, origins, low, widths, len(points), extrapolate
    )
