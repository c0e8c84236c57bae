"""Jeffreys' prior: the density that does not depend on how the parameters are written."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wilks._base.errors import MissingRole
from wilks._base.typing import LogProb, Theta, Values
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.interface import AbstractCellLikelihood, AbstractSimulator
from wilks.likelihood.members import linearised
from wilks.parameters.space import ParameterSpace

Information = Float[Array, "free free"]


class JeffreysPrior(eqx.Module):
    """ln sqrt(det F), with F the Fisher information of the free parameters; -inf where F is singular.

    F_ab = sum_i (d mu_i/d a) (d mu_i/d b)/mu_i for counts; cells that expect nothing are left out. Constraints of
    nuisances add what they know. Under weighted variations the density is the weighted mean of those of all variations.

    Args:
        likelihood: counts, residuals or counts under variations, able to say what it expects.
        space: the likelihood's space, perhaps with parameters fixed.

    Raises:
        MissingRole: for a likelihood that does not consist of cells.

    References:
        H. Jeffreys, Proc. R. Soc. Lond. A 186 (1946) 453.

    >>> from wilks.likelihood.counts import PoissonCounts
    >>> from wilks.model.linear import LinearTemplates
    >>> prior = JeffreysPrior(PoissonCounts(LinearTemplates.of({"s": [2.0, 2.0]})))  # density sqrt(4/s)
    >>> round(float(prior.log_density({"s": 1.0})), 6)
    0.693147
    """

    likelihood: Any
    space: ParameterSpace

    def __init__(self, likelihood: Any, space: ParameterSpace | None = None) -> None:
        cells = isinstance(likelihood, AbstractCellLikelihood) and isinstance(likelihood, AbstractSimulator)
        if not (cells or isinstance(likelihood, EnsembleCounts)):
            raise MissingRole(
                f"{type(likelihood).__name__} has no Fisher information in closed form; Jeffreys' prior takes "
                "PoissonCounts, GaussianResiduals or EnsembleCounts"
            )
        self.likelihood, self.space = likelihood, space or likelihood.space

    def log_density(self, values: Values) -> LogProb:
        """Logarithm of the prior at the named values, not normalised."""
        theta = self.space.pack(values)
        if isinstance(self.likelihood, EnsembleCounts):
            weights = jnp.asarray(self.likelihood.predictor.weights)
            each = jax.vmap(_half_log_det)(self._of_variations(self.likelihood, theta))
            return jax.scipy.special.logsumexp(each, b=weights / jnp.sum(weights))
        return _half_log_det(self._of_cells(theta))

    def _of_cells(self, theta: Theta) -> Information:
        unpack, free = self.space.unpack, jnp.asarray(self.space.free_mask.nonzero()[0])
        mean, slopes = self.likelihood.mean(unpack(theta)), jax.jacfwd(lambda t: self.likelihood.mean(unpack(t)))(theta)
        slopes = slopes[..., free]
        weight = self.likelihood.judge(mean, self.likelihood.expected(unpack(theta))).expected
        return jnp.einsum("sca,stc,tcb->ab", slopes, weight, slopes)

    def _of_variations(self, likelihood: EnsembleCounts, theta: Theta) -> Float[Array, "variations free free"]:
        mean, slopes = linearised(likelihood.predictor, theta)
        slopes = slopes[..., self.space.free_mask.nonzero()[0]]
        weight = jnp.where(mean > 0, 1.0 / jnp.where(mean > 0, mean, 1.0), 0.0)
        return jnp.einsum("vca,vc,vcb->vab", slopes, weight, slopes)


def _half_log_det(information: Information) -> LogProb:
    sign, log_det = jnp.linalg.slogdet(information)
    return jnp.where(sign > 0, 0.5 * log_det, -jnp.inf)
