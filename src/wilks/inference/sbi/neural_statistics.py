"""Test statistics made of neural estimators: functions of a tested point and of data, larger where they disagree.

What to use when:

========================  ==============================================================================================
`RatioStatistic`          the profile ratio of a neural ratio: closest to Feldman and Cousins
`WaldoStatistic`          means and covariances of any posterior's draws: cheap, good for one mode
`PosteriorStatistic`      a posterior's density over the prior's, without a search
========================  ==============================================================================================
"""

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidOption, MissingRole
from wilks._base.typing import Key
from wilks.inference.lanes import take_one
from wilks.parameters.space import ParameterSpace

from .blocks import blocks_of
from .candidates import ZOOMS, largest, spread
from .coordinates import COORDINATES
from .points import Points, in_blocks, log_priors
from .proposals import Proposal, draws_of, log_densities, random_key
from .ratios import NeuralRatio

_BLOCK = 256  # sets of data searched in one compiled call
_FEWEST_DRAWS = 20


class AbstractNeuralStatistic(eqx.Module):
    """T(theta; x). To write one: the two methods; larger values speak against theta."""

    space: eqx.AbstractVar[ParameterSpace]

    @abc.abstractmethod
    def measure(self, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
        """T(theta_i; x_i): each point with a set of data of its own, stacked along a first axis."""

    @abc.abstractmethod
    def curve(self, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
        """T(theta_i; x) of many points for one set of data."""


class RatioStatistic(AbstractNeuralStatistic):
    """T(theta; x) = 2 [max f(theta', x) - f(theta, x)] >= 0, the maximum taken inside the bounds.

    The term of x that a ratio does not know cancels. The tested point always takes part in the maximum, so that T is
    zero at the best point for every x. Parameters that are not tested must not be in the ratio (``targets=``).

    Args:
        ratio: from `train_ratio`.
        candidates: points over the prior from which the search begins; where the ratio is a product, thousands cost
            next to nothing.
        zooms: clouds around the best of them, each about half as wide as the one before.
    """

    ratio: NeuralRatio
    candidates: int = eqx.field(static=True, default=256)
    zooms: int = eqx.field(static=True, default=ZOOMS)

    def __check_init__(self) -> None:
        if not isinstance(self.ratio, NeuralRatio):
            raise MissingRole(f"{type(self.ratio).__name__} is no neural ratio; train one by train_ratio")
        if self.candidates < 1 or self.zooms < 0:
            raise InvalidOption(
                f"candidates {self.candidates}, zooms {self.zooms}; a search begins at 1 or more points and takes 0 or "
                "more zooms"
            )

    @property
    def space(self) -> ParameterSpace:
        """Parameters of the ratio."""
        return self.ratio.space

    def measure(self, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
        """2 [max f - f(theta_i)] for each set of data."""
        blocks = {name: np.asarray(block) for name, block in blocks_of(data).items()}

        def some(rows: np.ndarray) -> np.ndarray:
            where = rows[:, 0]
            return np.asarray(
                _ratio_statistics(self.ratio, self.zooms, self._spread(), theta[where], _taken(blocks, where))
            )

        return in_blocks(some, np.arange(len(theta))[:, None], _BLOCK)

    def curve(self, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
        """The same for one set of data; the tested points take part in the maximum."""
        blocks = self.ratio.checked(data)
        top, values = _ratio_curve(self.ratio, self.zooms, self._spread(), theta, blocks)
        return 2.0 * np.maximum(np.maximum(float(top), np.max(values)) - np.asarray(values), 0.0)

    def best(self, data: Any) -> Float[np.ndarray, " parameters"]:
        """Where f is largest for one set of data."""
        return np.asarray(_ratio_best(self.ratio, self.zooms, self._spread(), self.ratio.checked(data)))

    def _spread(self) -> np.ndarray:
        uniform = isinstance(self.ratio.coordinate, COORDINATES["box"])
        return spread(self.candidates, len(self.ratio.targets), uniform=uniform)


class WaldoStatistic(AbstractNeuralStatistic):
    """(E[theta|x] - theta)^T Cov[theta|x]^-1 (E[theta|x] - theta), from draws of a posterior.

    Args:
        posterior: draws for any data.
        draws: draws per set of data.
        seed: of the draws; the same data always give the same T.

    References:
        L. Masserano et al., arXiv:2205.15680, eq. 6.
    """

    posterior: Proposal
    draws: int = eqx.field(static=True, default=200)
    seed: int = eqx.field(static=True, default=0)

    def __check_init__(self) -> None:
        if self.draws < _FEWEST_DRAWS:
            raise InvalidOption(f"{self.draws} draws give no covariance; take at least {_FEWEST_DRAWS}")

    @property
    def space(self) -> ParameterSpace:
        """Parameters of the posterior."""
        return self.posterior.space

    def measure(self, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
        """One posterior per set of data."""
        keys = random_key(self.seed)
        found = [self._moments(take_one(data, i), jax.random.fold_in(keys, i)) for i in range(len(theta))]
        free = theta[:, self.space.free_mask]
        return np.array([_distance(m, c, point[None])[0] for (m, c), point in zip(found, free, strict=True)])

    def curve(self, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
        """One posterior for all points."""
        mean, covariance = self._moments(data, jax.random.fold_in(random_key(self.seed), 0))
        return _distance(mean, covariance, theta[:, self.space.free_mask])

    def _moments(self, data: Any, key: Key) -> tuple[np.ndarray, np.ndarray]:
        draws = draws_of(self.posterior.sample(key, data, self.draws))[:, self.space.free_mask]
        return draws.mean(axis=0), np.atleast_2d(np.cov(draws, rowvar=False))


class PosteriorStatistic(AbstractNeuralStatistic):
    """-ln[q(theta|x)/p(theta)]: no search for a maximum.

    Args:
        posterior: density for any data; a flow gives it in one pass.
    """

    posterior: Proposal

    @property
    def space(self) -> ParameterSpace:
        """Parameters of the posterior."""
        return self.posterior.space

    def measure(self, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
        """One density per set of data."""
        found = [log_densities(self.posterior, theta[i : i + 1], take_one(data, i))[0] for i in range(len(theta))]
        return log_priors(self.space, theta) - np.array(found)

    def curve(self, theta: Points, data: Any) -> Float[np.ndarray, " points"]:
        """Densities of all points at one set of data."""
        return log_priors(self.space, theta) - log_densities(self.posterior, theta, data)


def _distance(
    mean: Float[np.ndarray, " free"],
    covariance: Float[np.ndarray, "free free"],
    points: Float[np.ndarray, "points free"],
) -> Float[np.ndarray, " points"]:
    """Squared Mahalanobis distance, directions without spread left out."""
    gap = points - mean[None]
    return np.einsum("pi,ij,pj->p", gap, np.linalg.pinv(covariance, hermitian=True), gap)


def _taken(blocks: dict[str, np.ndarray], where: np.ndarray) -> dict[str, np.ndarray]:
    return {name: block[where] for name, block in blocks.items()}


@eqx.filter_jit
def _ratio_statistics(ratio, zooms, candidates, theta, blocks):
    def one(point: Array, own: Any) -> Array:
        context = ratio.network.encoder(ratio.preparation(own))
        _, top = largest(ratio.network.score, jnp.asarray(candidates), context, ratio.reach, zooms)
        return 2.0 * jnp.maximum(top.astype(float) - ratio.score(point, context), 0.0)

    return jax.vmap(one)(jnp.asarray(theta), blocks)


@eqx.filter_jit
def _ratio_curve(ratio, zooms, candidates, theta, blocks):
    context = ratio.network.encoder(ratio.preparation(blocks))
    _, top = largest(ratio.network.score, jnp.asarray(candidates), context, ratio.reach, zooms)
    return top, jax.lax.map(lambda point: ratio.score(point, context), jnp.asarray(theta), batch_size=1024)


@eqx.filter_jit
def _ratio_best(ratio, zooms, candidates, blocks):
    context = ratio.network.encoder(ratio.preparation(blocks))
    z, _ = largest(ratio.network.score, jnp.asarray(candidates), context, ratio.reach, zooms)
    theta = jnp.asarray(ratio.space.starts)
    return theta.at[jnp.asarray(ratio.space.indices(ratio.targets))].set(ratio.coordinate.to_physical(z))
