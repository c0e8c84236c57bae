"""Losses whose minimum is a ratio of likelihoods, for a function f(theta, x) written by a network.

What to use when:

====================  ================================================================================================
`BinaryRatio`         NRE-A: ln p(x|theta)/p(x); the plain choice
`MultiClassRatio`     NRE-B: lower variance, the same plus any function of x
`ContrastiveRatio`    NRE-C: like NRE-B, but without the free function of x
`BalancedRatio`       NRE-A whose errors are on the safe side: wider posteriors where pairs are few
`DirectRatio`         ratios of two parameter points, without p(x)
====================  ================================================================================================
"""

import abc
import math
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float32

from wilks._base.errors import InvalidOption, check_option
from wilks._base.typing import Key

from .ratio_networks import AbstractRatioFunction as Function
from .ratio_networks import RatioNetwork

Points = Float32[Array, "rows size"]
Features = Float32[Array, "rows features"]
Contrasts = Float32[Array, "n rows size"]
Scores = Float32[Array, " rows"]
Loss = Float32[Array, ""]

_END = np.float32(math.sqrt(3.0))  # of a uniform prior with variance 1


class AbstractRatioLoss(eqx.Module):
    """A loss over one batch of joint pairs; contrasting parameters are drawn from the prior.

    To write one: `contrasts`, and `judge`.
    """

    @property
    @abc.abstractmethod
    def contrasts(self) -> int:
        """How many independent prior draws per row it needs."""

    @abc.abstractmethod
    def judge(self, network: Function, joint: Points, others: Contrasts, x: Features) -> Loss:
        """Mean loss.

        Args:
            network: has ``scores`` (f) and, for pairs of points, ``pair_scores``.
            joint: parameters from which x was simulated.
            others: independent prior draws.
            x: encoded data.
        """


class BinaryRatio(AbstractRatioLoss):
    """1/2 E softplus(-f(theta, x)) + 1/2 E softplus(f(theta', x)) (J. Hermans et al., arXiv:1903.04057)."""

    @property
    def contrasts(self) -> int:
        """One per row."""
        return 1

    def judge(self, network: Function, joint: Points, others: Contrasts, x: Features) -> Loss:
        """Cross entropy of joint pairs against independent ones."""
        return _cross_entropy(network.scores(joint, x), network.scores(others[0], x))


class BalancedRatio(AbstractRatioLoss):
    """`BinaryRatio` + strength (E sigma(f(theta, x)) + E sigma(f(theta', x)) - 1)^2.

    Args:
        strength: weight of the balance.

    References:
        A. Delaunoy et al., arXiv:2208.13624.
    """

    strength: float = eqx.field(static=True, default=100.0)

    def __check_init__(self) -> None:
        if not (math.isfinite(self.strength) and self.strength >= 0.0):
            raise InvalidOption(f"strength {self.strength} of the balance must be finite and not negative")

    @property
    def contrasts(self) -> int:
        """One per row."""
        return 1

    def judge(self, network: Function, joint: Points, others: Contrasts, x: Features) -> Loss:
        """Cross entropy plus the squared imbalance."""
        one, two = network.scores(joint, x), network.scores(others[0], x)
        off = jnp.mean(jax.nn.sigmoid(one)) + jnp.mean(jax.nn.sigmoid(two)) - np.float32(1.0)
        return _cross_entropy(one, two) + np.float32(self.strength) * off**2


class MultiClassRatio(AbstractRatioLoss):
    """-E[f_0 - ln sum_j e^(f_j)]: which of several parameters made x (C. Durkan et al., arXiv:2002.03712).

    Args:
        atoms: number of parameters, the right one included.
    """

    atoms: int = eqx.field(static=True, default=10)

    def __check_init__(self) -> None:
        if self.atoms < 2:
            raise InvalidOption(f"atoms {self.atoms}; a choice needs at least 2")

    @property
    def contrasts(self) -> int:
        """One less than atoms."""
        return self.atoms - 1

    def judge(self, network: Function, joint: Points, others: Contrasts, x: Features) -> Loss:
        """Cross entropy of the right choice."""
        right = network.scores(joint, x)
        return jnp.mean(logsumexp(jnp.concatenate([right[None], _every(network, others, x)]), axis=0) - right)


class ContrastiveRatio(AbstractRatioLoss):
    """NRE-C, with K classes and odds g: -1/(1+g) E ln[K/(K + g sum_k e^(f(theta'_k, x)))]
    - g/(1+g) E ln[g e^(f_1)/(K + g sum_k e^(f_k))], f_1 of the joint pair.

    Args:
        classes: K.
        gamma: odds g of a joint pair being among the classes.

    References:
        B. K. Miller, C. Weniger, P. Forre, arXiv:2210.06170, eq. 12.
    """

    classes: int = eqx.field(static=True, default=5)
    gamma: float = eqx.field(static=True, default=1.0)

    def __check_init__(self) -> None:
        if self.classes < 1 or not (math.isfinite(self.gamma) and self.gamma > 0.0):
            raise InvalidOption(f"classes {self.classes}, gamma {self.gamma}; expected at least 1, and above 0")

    @property
    def contrasts(self) -> int:
        """As many as classes, and one less again."""
        return 2 * self.classes - 1

    def judge(self, network: Function, joint: Points, others: Contrasts, x: Features) -> Loss:
        """Both terms; the first has independent parameters only."""
        k, g = self.classes, np.float32(self.gamma)
        marginal = _every(network, others, x)
        right = network.scores(joint, x)
        log_k, log_g = np.float32(math.log(k)), np.float32(math.log(self.gamma))

        def log_sum(scores: Float32[Array, "k rows"]) -> Scores:
            return jnp.logaddexp(log_k, log_g + logsumexp(scores, axis=0))

        none = log_k - log_sum(marginal[:k])
        first = log_g + right - log_sum(jnp.concatenate([right[None], marginal[k:]]))
        return -(jnp.mean(none) + g * jnp.mean(first)) / (1 + g)


class DirectRatio(AbstractRatioLoss):
    """E softplus(-g(x, theta, theta')), x ~ p(.|theta): the ratio of two points, doi:10.1609/aaai.v38i18.30018.

    Args:
        form: ``"difference"``, g = f(theta, x) - f(theta', x), antisymmetric and transitive by construction; or
            ``"pair"``, g = a(x, theta, theta') - a(x, theta', theta), antisymmetric only.
        nearest: share of the prior's width below which no theta' is sought on purpose. At 1 they are drawn from the
            prior, and the network learns little of narrow likelihoods, from which nearly all of them are far; below
            1 they lie at all distances, even in the logarithm, by steps that are as likely forth as back under the
            prior, which leaves the optimum where it is.
    """

    form: str = eqx.field(static=True, default="difference")
    nearest: float = eqx.field(static=True, default=1.0)

    def __check_init__(self) -> None:
        check_option("form of a direct ratio", self.form, ("difference", "pair"))
        if not 0.0 < self.nearest <= 1.0:
            raise InvalidOption(f"nearest {self.nearest} of a direct ratio; expected above 0, and 1 at most")

    @property
    def contrasts(self) -> int:
        """One per row."""
        return 1

    def judge(self, network: Function, joint: Points, others: Contrasts, x: Features) -> Loss:
        """Cross entropy of the right order of two points."""
        if self.form == "pair":
            difference = network.pair_scores(joint, others[0], x)
        else:
            difference = network.scores(joint, x) - network.scores(others[0], x)
        return jnp.mean(jax.nn.softplus(-difference))


class RatioTraining(eqx.Module):
    """The loss in the form of the training loop: rows ``{"y": coordinates, "x": scaled blocks}``.

    Args:
        loss: what is minimised.
        uniform: whether the prior is uniform within sqrt3 in the coordinates, else standard normal.
    """

    loss: AbstractRatioLoss
    uniform: bool = eqx.field(static=True)

    def __call__(self, network: RatioNetwork, rows: Mapping[str, Any], key: Key) -> Loss:
        """Mean loss of a batch."""
        encode_key, draw_key = jax.random.split(key)
        x = jax.vmap(network.encoder)(rows["x"], jax.random.split(encode_key, len(rows["y"])))
        return self.loss.judge(network, rows["y"], self._others(draw_key, rows["y"]), x)

    def _others(self, key: Key, joint: Points) -> Contrasts:
        if isinstance(self.loss, DirectRatio) and self.loss.nearest < 1.0:
            return stepped(key, joint, self.loss.nearest, uniform=self.uniform)[None]
        shape = (self.loss.contrasts, *joint.shape)
        if self.uniform:
            return jax.random.uniform(key, shape, jnp.float32, -_END, _END)
        return jax.random.normal(key, shape, jnp.float32)


def stepped(key: Key, z: Points, nearest: float, *, uniform: bool) -> Points:
    """One step from each point, its length even in the logarithm, by kernels that leave the prior as it is.

    Args:
        key: random key.
        z: points of the prior.
        nearest: shortest length, as a share of the prior's width.
        uniform: whether the prior is uniform within sqrt3, else standard normal.
    """
    one, two = jax.random.split(key)
    share = jax.random.uniform(one, (len(z), 1), jnp.float32)
    length = jnp.exp(np.float32(math.log(nearest)) * share)
    if not uniform:
        return jnp.sqrt(1 - length**2) * z + length * jax.random.normal(two, z.shape, jnp.float32)
    moved = z + 2 * _END * length * jax.random.uniform(two, z.shape, jnp.float32, -1.0, 1.0)
    once = jnp.where(moved > _END, 2 * _END - moved, moved)  # both ends reflect
    return jnp.where(once < -_END, -2 * _END - once, once)


def _cross_entropy(joint: Scores, marginal: Scores) -> Loss:
    half = np.float32(0.5)
    return half * jnp.mean(jax.nn.softplus(-joint)) + half * jnp.mean(jax.nn.softplus(marginal))


def _every(network: Function, others: Contrasts, x: Features) -> Float32[Array, "n rows"]:
    """Scores of all contrasting parameters, in one batch."""
    n, rows, size = others.shape
    return network.scores(others.reshape(n * rows, size), jnp.tile(x, (n, 1))).reshape(n, rows)
