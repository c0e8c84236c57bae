"""Nodes of a plane of two parameters, an amplitude and a shape, and smooth interpolation between them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidOption
from wilks._base.typing import Scalar

_WINDOW = 4  # nodes that an interpolated value depends on, per axis


class SignalGrid(eqx.Module):
    """Nodes of two parameters in which a model is tabulated.

    The first parameter is an amplitude: where its lower bound is 0, the point without signal is a node as well, and
    all shapes meet there.

    Args:
        names: amplitude and shape parameter.
        amplitudes: increasing values of the first, at least two.
        shapes: increasing values of the second, at least two; interpolated in their logarithm where all are positive.
        phase_step: largest change of an oscillation phase between neighbouring shapes in rad, if the maker of the
            grid knows it; results are flagged above pi/8 and refused above pi/4.

    Raises:
        InvalidOption: for axes that do not increase, or equal names.

    >>> grid = SignalGrid.logarithmic(("s", "m"), (1e-3, 1.0, 4), (0.1, 10.0, 3))
    >>> [round(float(s), 6) for s in grid.amplitudes]
    [0.001, 0.01, 0.1, 1.0]
    """

    names: tuple[str, str] = eqx.field(static=True)
    amplitudes: Float[np.ndarray, " amplitudes"]
    shapes: Float[np.ndarray, " shapes"]
    phase_step: float | None = eqx.field(static=True)

    def __init__(
        self,
        names: tuple[str, str],
        amplitudes: Float[np.ndarray, " amplitudes"],
        shapes: Float[np.ndarray, " shapes"],
        *,
        phase_step: float | None = None,
    ) -> None:
        if names[0] == names[1]:
            raise InvalidOption(f"a plane needs two different parameters, not {names[0]!r} twice")
        self.names, self.phase_step = names, phase_step
        self.amplitudes, self.shapes = _axis(names[0], amplitudes), _axis(names[1], shapes)

    @classmethod
    def logarithmic(
        cls,
        names: tuple[str, str],
        amplitudes: tuple[float | int, float | int, int],
        shapes: tuple[float | int, float | int, int],
        *,
        phase_step: float | None = None,
    ) -> "SignalGrid":
        """Nodes evenly spaced in the logarithm of both parameters.

        Args:
            names: amplitude and shape parameter.
            amplitudes: first value, last value, number of nodes.
            shapes: the same for the second parameter.
            phase_step: as for the class.
        """
        if not (amplitudes[0] > 0 and shapes[0] > 0):
            raise InvalidOption(f"logarithmic nodes start above 0, not at {amplitudes[0]:g} and {shapes[0]:g}")
        return cls(names, np.geomspace(*amplitudes), np.geomspace(*shapes), phase_step=phase_step)


class CubicRule(eqx.Module):
    """Cubic Hermite interpolation along one axis: continuous slopes, exact at the nodes.

    Slopes at nodes are those of the parabola through three neighbours, so a value depends on four nodes at most.

    Args:
        nodes: increasing coordinates.
        rules: per interval, how the four Hermite polynomials combine the values in its window of nodes.
        firsts: per interval, the first node of its window.
        logarithmic: whether values are turned into their logarithms first.
    """

    nodes: Float[np.ndarray, " nodes"]
    rules: Float[np.ndarray, "intervals 4 window"]
    firsts: np.ndarray
    logarithmic: bool = eqx.field(static=True)

    @classmethod
    def through(cls, values: Float[np.ndarray, " nodes"], *, logarithmic: bool) -> "CubicRule":
        """The rule of an axis of two or more increasing values."""
        nodes = np.log(values) if logarithmic else np.asarray(values, dtype=float)
        size, window = len(nodes), min(_WINDOW, len(nodes))
        firsts = np.clip(np.arange(size - 1) - 1, 0, size - window)
        slopes = _slopes(nodes)
        rules = np.zeros((size - 1, 4, window))
        for i, first in enumerate(firsts):
            inside = slice(first, first + window)
            rules[i, 0, i - first] = rules[i, 1, i + 1 - first] = 1.0
            rules[i, 2], rules[i, 3] = slopes[i, inside], slopes[i + 1, inside]
        return cls(nodes, rules, firsts, logarithmic)

    def weights(self, value: Scalar) -> tuple[Array, Float[Array, " window"]]:
        """First node of the window, and the weights of its nodes; values outside count as the nearest end."""
        nodes = jnp.asarray(self.nodes)
        u = jnp.clip(jnp.log(value) if self.logarithmic else value, nodes[0], nodes[-1])
        i = jnp.clip(jnp.searchsorted(nodes, u, side="right") - 1, 0, len(self.nodes) - 2)
        width = nodes[i + 1] - nodes[i]
        t = (u - nodes[i]) / width
        left, right = (1 + 2 * t) * (1 - t) ** 2, t * t * (3 - 2 * t)
        hermite = jnp.stack([left, right, width * t * (1 - t) ** 2, width * t * t * (t - 1)])
        return jnp.asarray(self.firsts)[i], hermite @ jnp.asarray(self.rules)[i]


class NodeTable(eqx.Module):
    """A vector known at the nodes of a plane, smooth between them.

    Args:
        amplitudes: rule of the first axis.
        shapes: rule of the second axis.
        values: the vector at each node.
    """

    amplitudes: CubicRule
    shapes: CubicRule
    values: Float[np.ndarray, "amplitudes shapes cells"]

    @classmethod
    def through(
        cls,
        amplitudes: Float[np.ndarray, " amplitudes"],
        shapes: Float[np.ndarray, " shapes"],
        values: Float[np.ndarray, "amplitudes shapes cells"],
    ) -> "NodeTable":
        """A table through its nodes."""
        return cls(CubicRule.through(amplitudes, logarithmic=False), along_shapes(shapes), values)

    def __call__(self, amplitude: Scalar, shape: Scalar) -> Float[Array, " cells"]:
        """The vector at one point."""
        (i, u), (k, v) = self.amplitudes.weights(amplitude), self.shapes.weights(shape)
        size = (u.shape[0], v.shape[0], self.values.shape[2])
        block = jax.lax.dynamic_slice(jnp.asarray(self.values), (i, k, jnp.zeros_like(i)), size)
        return jnp.einsum("i,k,ikc->c", u, v, block)


def along_shapes(shapes: Float[np.ndarray, " shapes"]) -> CubicRule:
    """Rule of the shape parameter: in its logarithm where all nodes are positive."""
    return CubicRule.through(shapes, logarithmic=bool(shapes[0] > 0))


def _slopes(nodes: np.ndarray) -> np.ndarray:
    """Matrix from values at nodes to slopes there, each of the parabola through three neighbours."""
    size = len(nodes)
    if size == 2:
        return np.array([[-1.0, 1.0], [-1.0, 1.0]]) / (nodes[1] - nodes[0])
    matrix = np.zeros((size, size))
    for i in range(size):
        a, b, c = three = np.clip(i - 1, 0, size - 3) + np.arange(3)
        x, (xa, xb, xc) = nodes[i], nodes[three]
        matrix[i, a] = (2 * x - xb - xc) / ((xa - xb) * (xa - xc))
        matrix[i, b] = (2 * x - xa - xc) / ((xb - xa) * (xb - xc))
        matrix[i, c] = (2 * x - xa - xb) / ((xc - xa) * (xc - xb))
    return matrix


def _axis(name: str, values: np.ndarray) -> Float[np.ndarray, " nodes"]:
    axis = np.asarray(values, dtype=float)
    if axis.ndim != 1 or len(axis) < 2 or not np.isfinite(axis).all() or not (np.diff(axis) > 0).all():
        raise InvalidOption(f"nodes of {name!r} are {axis.tolist()}; expected two or more finite increasing values")
    return axis
