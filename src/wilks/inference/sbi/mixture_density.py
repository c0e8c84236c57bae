"""Mixtures of Gaussians under a condition, and the closed form of their posterior under a mixture proposal."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from wilks._base.errors import InvalidOption, ProcedureFailed
from wilks._base.typing import Key, Scalar

from .density import AbstractConditionalDensity, AbstractDensityFamily, Contexts, Drawn, Keys, PerRow, Rows
from .networks import Perceptron, perceptron

Point = Float[Array, " size"]
Condition = Float[Array, " context"]

_LOG_TWO_PI = math.log(2.0 * math.pi)
_WIDEST = 12.0  # largest |ln| of a diagonal of a precision factor


class Mixture(NamedTuple):
    """Gaussians with weights: N(mean_k, P_k^-1) with P_k = U_k^T U_k, U_k upper triangular.

    Args:
        log_weight: normalised logarithms of the weights.
        mean: centre of each component.
        factor: U_k, with positive diagonal.
    """

    log_weight: Float[Array, " components"]
    mean: Float[Array, "components size"]
    factor: Float[Array, "components size size"]

    def log_prob(self, z: Point) -> Scalar:
        """Log density at a point."""
        whitened = jnp.einsum("kij,kj->ki", self.factor, z[None] - self.mean)
        log_det = jnp.sum(jnp.log(jnp.diagonal(self.factor, axis1=1, axis2=2)), axis=1)
        each = -0.5 * jnp.sum(whitened**2, axis=1) + log_det - 0.5 * _LOG_TWO_PI * z.shape[0]
        return logsumexp(self.log_weight + each)

    def draw(self, key: Key) -> Point:
        """One draw."""
        which, noise = jax.random.split(key)
        k = jax.random.categorical(which, self.log_weight)
        e = jax.random.normal(noise, self.mean.shape[1:], self.mean.dtype)
        return self.mean[k] + jax.scipy.linalg.solve_triangular(self.factor[k], e, lower=False)


class MixtureDensity(AbstractDensityFamily):
    """Settings of a conditional mixture of Gaussians with full covariances.

    Args:
        components: number of Gaussians.
        width: units per hidden layer.
        depth: hidden layers.

    Raises:
        InvalidOption: for a setting below 1.
    """

    components: int = eqx.field(static=True, default=10)
    width: int = eqx.field(static=True, default=64)
    depth: int = eqx.field(static=True, default=2)

    def __check_init__(self) -> None:
        if min(self.components, self.width, self.depth) < 1:
            raise InvalidOption(
                f"mixture with {self.components} components, width {self.width}, depth {self.depth}; all are at least 1"
            )

    def build(self, key: Key, size: int, context: int, pairs: int) -> "ConditionalMixture":
        """A mixture with fresh weights.

        Args:
            key: random key of the weights.
            size: numbers whose density it is.
            context: numbers of the condition.
            pairs: number of training pairs; the settings do not depend on it.
        """
        body, spread = jax.random.split(key)
        outputs = self.components * (1 + size + size + size * (size - 1) // 2)
        network = perceptron(body, context, (self.width,) * self.depth, outputs, head=0.1)
        start = 0.5 * jax.random.normal(spread, (self.components, size), jnp.float32)
        return ConditionalMixture(network=network, centres=start, size=size, components=self.components)


class ConditionalMixture(AbstractConditionalDensity):
    """A conditional mixture with weights; see `MixtureDensity`."""

    network: Perceptron
    centres: Float[Array, "components size"]
    size: int = eqx.field(static=True)
    components: int = eqx.field(static=True)

    def at(self, context: Condition) -> Mixture:
        """The mixture under a condition."""
        numbers = self.network(context).reshape(self.components, -1)
        d, rows = self.size, np.triu_indices(self.size, 1)
        log_diagonal = _WIDEST * jnp.tanh(numbers[:, 1 + d : 1 + 2 * d] / _WIDEST)
        factor = jax.vmap(jnp.diag)(jnp.exp(log_diagonal)).at[:, rows[0], rows[1]].set(numbers[:, 1 + 2 * d :])
        return Mixture(jax.nn.log_softmax(numbers[:, 0]), self.centres + numbers[:, 1 : 1 + d], factor)

    def losses(self, y: Rows, context: Contexts, key: Key) -> PerRow:
        """-ln q of each row; there is no noise."""
        return -self.log_prob(y, context)

    def held_out_losses(self, y: Rows, context: Contexts) -> PerRow:
        """-ln q of each row."""
        return -self.log_prob(y, context)

    def draw(self, keys: Keys, context: Contexts) -> Rows:
        """One draw for each context."""
        return jax.vmap(lambda key, h: self.at(h).draw(key))(keys, context)

    def draw_with_density(self, keys: Keys, context: Contexts) -> Drawn:
        """One draw for each context with its log density."""
        points = self.draw(keys, context)
        return Drawn(points, self.log_prob(points, context))

    def log_prob(self, y: Rows, context: Contexts) -> PerRow:
        """Log density of each row."""
        return jax.vmap(self.log_prob_at)(y, context)

    @property
    def density_is_free(self) -> bool:
        """True: a sum over the components."""
        return True

    def log_prob_at(self, z: Point, context: Condition) -> Scalar:
        """Log density at one point."""
        return self.at(context).log_prob(z)


class GaussianPrior(NamedTuple):
    """Prior of a closed-form correction: precision zero for a uniform one.

    Args:
        mean: centre; not used where the precision is zero.
        precision: inverse covariance.
    """

    mean: Float[np.ndarray, " size"]
    precision: Float[np.ndarray, "size size"]


def under_proposal(density: Mixture, proposal: Mixture, prior: GaussianPrior) -> Mixture:
    """The mixture proportional to density x proposal / prior: what pairs drawn from a proposal show of a posterior.

    P_pp = P_q + P_prop - P_prior, m_pp = P_pp^-1 (P_q m_q + P_prop m_prop - P_prior m_prior), and weights
    ln a_q + ln a_prop + 1/2 ln det(P_q P_prop P_pp^-1)
    - 1/2 (m_q^T P_q m_q + m_prop^T P_prop m_prop - m_pp^T P_pp m_pp).

    Args:
        density: mixture q with K components.
        proposal: mixture with L components.
        prior: Gaussian, or uniform.

    Returns:
        K L components, normalised; NaN where P_pp is not positive definite (see `refuse_improper_product`).

    References:
        D. Greenberg, M. Nonnenmacher, J. Macke, arXiv:1905.07488, appendix A.1.
    """

    def pair(one: tuple, other: tuple) -> tuple:
        (a, m, u), (b, n, v) = one, other
        p, r = u.T @ u, v.T @ v
        product = p + r - prior.precision.astype(p.dtype)
        shift = p @ m + r @ n - (prior.precision @ prior.mean).astype(p.dtype)
        factor = jnp.linalg.cholesky(product, upper=True)
        centre = jax.scipy.linalg.cho_solve((factor, False), shift)
        log_det = jnp.sum(jnp.log(jnp.diag(u)) + jnp.log(jnp.diag(v)) - jnp.log(jnp.diag(factor)))
        return a + b + log_det - 0.5 * (m @ p @ m + n @ r @ n - centre @ product @ centre), centre, factor

    inner = jax.vmap(pair, in_axes=(None, 0))
    log_weight, mean, factor = jax.vmap(inner, in_axes=(0, None))(tuple(density), tuple(proposal))
    d = mean.shape[-1]
    return Mixture(jax.nn.log_softmax(log_weight.reshape(-1)), mean.reshape(-1, d), factor.reshape(-1, d, d))


def refuse_improper_product(mixture: Mixture) -> None:
    """Refuse a product whose precision is not positive definite.

    Raises:
        ProcedureFailed: if there is one.
    """
    if not bool(jnp.all(jnp.isfinite(mixture.factor)) & jnp.all(jnp.isfinite(mixture.log_weight))):
        raise ProcedureFailed(
            "density x proposal / prior is no Gaussian: the proposal is wider than the prior in some direction; "
            "propose from draws of the posterior, or correct by atoms"
        )
