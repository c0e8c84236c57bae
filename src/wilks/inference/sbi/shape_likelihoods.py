"""A summary of data for posteriors of many modes: the likelihood of each shape of a signal, amplitudes averaged."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp, ndtri
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel, InvalidOption
from wilks.inference.signal_planes import orthonormal
from wilks.likelihood.signals import AbstractSignal
from wilks.parameters.space import ParameterSpace

from .blocks import ONLY
from .points import refuse_improper, values_at
from .sufficient import Raw
from .summaries import AbstractSummary

AMPLITUDES, SHAPES = 16, 120

_TEMPERATURES = (1.0, 10.0, 100.0, 1000.0)
_NARROW = 1e-3  # standard normal quantiles added to a spread, which may be none


class ShapeLikelihoods(AbstractSummary):
    """Two numbers per shape m_j: ln(1 + max_k l_k - l_j) with l_j = ln mean_i L(s_i, m_j), and E[i|m_j]; and places.

    L is the likelihood at nodes of even prior probability. Places are the centres of both parameters, as standard
    normal quantiles of the prior, and the logarithms of their spreads, weighted by L^(1/T) for T = 1, 10, 100 and 1000:
    the larger T find likelihoods that are narrower than the nodes lie apart. Ratios of likelihoods at all points are
    sufficient; these numbers keep most of them. A network reads modes off them that it could hardly find in linear
    statistics, whose products with the means it would have to learn. This needs the likelihood that a network is often
    there to replace: where that is unknown, take `Mlp` or `BlockEncoder`.

    Make one by `of`.

    Args:
        names: blocks of the data, in the order in which their numbers are joined; ``x`` for data that are one array.
        origin: data that the means are counted from.
        matrix: whitened means of the nodes, applied to whitened data; amplitudes vary slowest.
        offset: -1/2 of the squared means.
        shapes: number of shapes.
    """

    names: tuple[str, ...] = eqx.field(static=True)
    origin: Float[Array, " cells"]
    matrix: Float[Array, "nodes cells"]
    offset: Float[Array, " nodes"]
    shapes: int = eqx.field(static=True)

    @classmethod
    def of(cls, signal: AbstractSignal, *, amplitudes: int = AMPLITUDES, shapes: int = SHAPES) -> "ShapeLikelihoods":
        """The summary of a tabulated signal; nuisances are profiled.

        Args:
            signal: Gaussian measurements of an amplitude and a shape, with priors of both.
            amplitudes: number of nodes along the amplitude, at least 2.
            shapes: number of nodes along the shape, at least 2; modes should be a few of them wide.

        Raises:
            InvalidModel: if nuisances act differently from node to node.
            InvalidOption: for less than two nodes.
            InvalidParameter: if amplitude or shape have no prior.
        """
        if min(amplitudes, shapes) < 2:
            raise InvalidOption(f"{amplitudes} amplitudes and {shapes} shapes; take at least 2 of each")
        if signal.shared_tilts is None:
            raise InvalidModel("nuisances of this signal act differently from node to node; take SufficientStatistic")
        nodes = _nodes(signal, amplitudes, shapes)
        means = np.asarray(_means(signal, nodes))
        basis = orthonormal(np.asarray(signal.shared_tilts)[None])[0]
        rows = means - means[0]
        rows = rows - (rows @ basis.T) @ basis
        whiten = np.asarray(signal.whitening.turn_many(np.eye(means.shape[1]))).T
        return cls(
            names=tuple(".".join(path) or ONLY for path in signal.whitening.paths),
            origin=jnp.asarray(np.linalg.solve(whiten, means[0])),
            matrix=jnp.asarray(rows @ whiten),
            offset=jnp.asarray(-0.5 * np.sum(rows**2, axis=1)),
            shapes=shapes,
        )

    @property
    def features(self) -> int:
        """How many numbers come out."""
        return 2 * self.shapes + 4 * len(_TEMPERATURES)

    def __call__(self, blocks: Raw) -> Float[Array, " features"]:
        """Likelihoods of all shapes, mean amplitudes, places."""
        heights = self.heights(blocks)
        likelihoods = logsumexp(heights, axis=0) - jnp.log(len(heights))
        steps = jnp.arange(len(heights), dtype=float)
        middles = jnp.einsum("as,a->s", jax.nn.softmax(heights, axis=0), steps)
        places = [_places(heights / temperature) for temperature in _TEMPERATURES]
        return jnp.concatenate([jnp.log1p(jnp.max(likelihoods) - likelihoods), middles, *places])

    def heights(self, blocks: Raw) -> Float[Array, "amplitudes shapes"]:
        """ln L of all nodes, less that of the origin."""
        x = jnp.concatenate([jnp.ravel(jnp.asarray(blocks[name])).astype(float) for name in self.names])
        return (self.matrix @ (x - self.origin) + self.offset).reshape(-1, self.shapes)


def _places(heights: Float[Array, "amplitudes shapes"]) -> Float[Array, " 4"]:
    """Centres and logarithms of spreads along both axes under exp(heights)."""
    share = jax.nn.softmax(heights, axis=None)
    found = []
    for weight in (jnp.sum(share, axis=1), jnp.sum(share, axis=0)):
        z = ndtri((jnp.arange(len(weight)) + 0.5) / len(weight))
        centre = weight @ z
        found += [centre, jnp.log(jnp.sqrt(weight @ (z - centre) ** 2) + _NARROW)]
    return jnp.stack(found)


def _nodes(signal: AbstractSignal, amplitudes: int, shapes: int) -> Float[np.ndarray, "nodes 2"]:
    """Middles of intervals of even prior probability."""
    space = ParameterSpace(tuple(signal.space[name] for name in signal.grid.names))
    refuse_improper(space)
    shares = np.meshgrid(*((np.arange(n) + 0.5) / n for n in (amplitudes, shapes)), indexing="ij")
    return values_at(space, np.stack([share.ravel() for share in shares], axis=1))


@eqx.filter_jit
def _means(signal, nodes):
    return jax.lax.map(lambda p: signal.main(p[0], p[1]), nodes, batch_size=64)
