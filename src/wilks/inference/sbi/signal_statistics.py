"""The profile likelihood ratio of a signal as a test statistic, for critical values that are learned over its plane."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks.likelihood.signals import AbstractSignal
from wilks.parameters.space import ParameterSpace

from .blocks import blocks_of
from .candidates import halton
from .coordinates import from_unit, inferred_space
from .neural_statistics import AbstractNeuralStatistic
from .points import Points, in_blocks
from .shape_likelihoods import ShapeLikelihoods

_BLOCK = 256  # sets of data searched in one compiled call
_NODES = (24, 240)  # amplitudes and shapes at which the search begins
_CLOUD, _ZOOMS, _SHRINK = 24, 8, 0.6


class SignalStatistic(AbstractNeuralStatistic):
    """T(theta; x) = 2 [max ln L(theta', x) - ln L(theta, x)] >= 0, the statistic of Feldman and Cousins.

    The maximum is that of the best of many nodes, improved by shrinking clouds around it; the tested point takes part.

    Make one by `of`.

    Args:
        signal: Gaussian measurements of an amplitude and a shape, without further free parameters.
        nodes: where the search begins.
    """

    signal: AbstractSignal
    nodes: ShapeLikelihoods

    @classmethod
    def of(cls, signal: AbstractSignal) -> "SignalStatistic":
        """The statistic of a tabulated signal.

        Raises:
            InvalidModel: if the signal has nuisances.
            InvalidParameter: if amplitude or shape have no prior.
        """
        if len(signal.reference):
            raise InvalidModel(
                f"the signal has nuisances besides {', '.join(signal.grid.names)}; tabulate it with their effect in "
                "the covariance"
            )
        nodes = ShapeLikelihoods.of(signal, amplitudes=_NODES[0], shapes=_NODES[1])
        return cls(signal, nodes)  # pyright: ignore[reportCallIssue]  its space is that of the signal

    @property
    def space(self) -> ParameterSpace:
        """Amplitude and shape."""
        return self.signal.space

    def measure(self, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
        """2 [max ln L - ln L(theta_i)] for each set of data."""
        blocks = {name: np.asarray(block) for name, block in blocks_of(data).items()}

        def some(rows: np.ndarray) -> np.ndarray:
            where = rows[:, 0]
            return np.asarray(_statistics(self, theta[where], {name: block[where] for name, block in blocks.items()}))

        return in_blocks(some, np.arange(len(theta))[:, None], _BLOCK)

    def curve(self, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
        """The same for one set of data, which is checked; the tested points take part in the maximum."""
        blocks = blocks_of(self.signal.prepare(data))
        top, heights = _curve(self, theta, {name: np.asarray(block) for name, block in blocks.items()})
        return 2.0 * np.maximum(np.maximum(float(top), np.max(heights)) - np.asarray(heights), 0.0)

    def height(self, theta: Float[Array, " parameters"], x: Float[Array, " cells"]) -> Float[Array, ""]:
        """ln L at ONE point up to a constant, for whitened data."""
        return -0.5 * jnp.sum((self.signal.main(theta[0], theta[1]) - x) ** 2)

    def whitened(self, blocks: dict[str, Any]) -> Float[Array, " cells"]:
        """Measured values, independent and of unit variance."""
        return self.signal.whitening.turn(jnp.concatenate([jnp.ravel(blocks[name]) for name in self.nodes.names]))

    def highest(self, blocks: dict[str, Any], x: Float[Array, " cells"]) -> Float[Array, ""]:
        """Largest ln L of ONE set of data."""
        space = inferred_space(self.signal.space)
        count = jnp.asarray(_NODES)
        first = jnp.stack(jnp.unravel_index(jnp.argmax(self.nodes.heights(blocks)), _NODES))
        cloud = jnp.asarray(2.0 * halton(_CLOUD, 2) - 1.0)

        def at(share: Float[Array, " 2"]) -> Float[Array, ""]:
            return self.height(from_unit(space, share[None])[0], x)

        def zoom(carry: tuple, number: Array) -> tuple[tuple, None]:
            share, best = carry
            reach = 1.5 * _SHRINK**number / count
            tried = jnp.clip(share[None] + reach[None] * cloud, 0.0, 1.0)
            found = jax.vmap(at)(tried)
            top = jnp.argmax(found)
            better = found[top] > best
            return (jnp.where(better, tried[top], share), jnp.maximum(found[top], best)), None

        begin = (first + 0.5) / count
        (_, best), _ = jax.lax.scan(zoom, (begin, at(begin)), jnp.arange(_ZOOMS, dtype=float))
        return best


@eqx.filter_jit
def _statistics(statistic, theta, blocks):
    def one(point: Array, own: Any) -> Array:
        x = statistic.whitened(own)
        return 2.0 * jnp.maximum(statistic.highest(own, x) - statistic.height(point, x), 0.0)

    return jax.vmap(one)(jnp.asarray(theta), blocks)


@eqx.filter_jit
def _curve(statistic, theta, blocks):
    x = statistic.whitened(blocks)
    heights = jax.lax.map(lambda point: statistic.height(point, x), jnp.asarray(theta), batch_size=1024)
    return statistic.highest(blocks, x), heights
