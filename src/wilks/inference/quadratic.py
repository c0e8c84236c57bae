"""The local quadratic model of a likelihood: value, gradient and curvature of the excess at one point."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.numerics import along_all
from wilks._base.typing import Scalar, Theta
from wilks.likelihood.binned import MeanAndJacobian
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.expansions import AbstractExpandedLikelihood
from wilks.likelihood.interface import AbstractCellLikelihood, AbstractLikelihood, Cells
from wilks.likelihood.joint import Joint
from wilks.model.linear import LinearTemplates

Curvature = Literal["fisher", "observed", "exact"]
"""Second derivative used by a solver.

``fisher``: J^T E[d2E/dy2] J, positive semidefinite, exact on average. ``observed``: J^T (d2E/dy2) J at the data, exact
for models linear in their parameters. ``exact``: the full Hessian. Of likelihoods of events the first two are the sum
of products of the events' scores.
"""

DENSE_UP_TO = 5000
"""Free parameters up to which a dense curvature fits memory."""

_OUTER_UP_TO = 4  # parameters up to which products of Jacobian rows are formed once and reused by all lanes


class Quadratic(NamedTuple):
    """Excess, gradient and curvature at one point."""

    value: Scalar
    gradient: Float[Array, " parameters"]
    hessian: Float[Array, "parameters parameters"]


def quadratic(likelihood: AbstractLikelihood, theta: Theta, data: Any, curvature: Curvature) -> Quadratic:
    """Value, gradient and curvature of the excess at theta for one set of data."""
    if isinstance(likelihood, Joint):
        return _of_joint(likelihood, theta, data, curvature)
    if isinstance(likelihood, AbstractCellLikelihood):
        return _of_cells(likelihood, theta, data, curvature)
    if isinstance(likelihood, AbstractExpandedLikelihood):
        if curvature == "exact" and not likelihood.exact:
            return _of_function(lambda at: likelihood.excess(at, data), theta)
        known = likelihood.expand(theta, data, exact=curvature == "exact")
        return Quadratic(known.value, known.gradient, known.curvature)
    return _of_function(lambda at: -likelihood.log_prob(likelihood.space.unpack(at), data), theta)


def excess(likelihood: AbstractLikelihood, theta: Theta, data: Any) -> Scalar:
    """-ln L above the saturated model where there is one, else -ln L itself; continued outside the domain."""
    if isinstance(likelihood, Joint):
        where = places(likelihood)
        parts = [excess(part, theta[where[name]], data[name]) for name, part in likelihood.parts.items()]
        return jnp.sum(jnp.stack(parts))
    if isinstance(likelihood, AbstractCellLikelihood):
        mean = likelihood.mean(likelihood.space.unpack(theta))
        return jnp.sum(likelihood.judge(mean, data).excess)
    if isinstance(likelihood, AbstractExpandedLikelihood):
        return likelihood.excess(theta, data)
    return -likelihood.log_prob(likelihood.space.unpack(theta), data)


def saturated(likelihood: AbstractLikelihood, data: Any) -> Scalar:
    """Log density of the saturated model; zero for likelihoods that have none."""
    if isinstance(likelihood, Joint):
        return jnp.sum(jnp.stack([saturated(part, data[name]) for name, part in likelihood.parts.items()]))
    if isinstance(likelihood, (AbstractCellLikelihood, AbstractExpandedLikelihood)):
        return likelihood.saturated(data)
    return jnp.zeros(())


def is_linear(likelihood: AbstractLikelihood) -> bool:
    """Whether the means are linear in the parameters, so that the curvature at the data is the exact Hessian."""
    if not isinstance(likelihood, (PoissonCounts, ChiSquareCounts)):
        return False
    scaled = isinstance(likelihood, PoissonCounts) and likelihood.statistics_follow_norms
    return isinstance(likelihood.predictor, LinearTemplates) and not scaled


def places(joint: Joint) -> dict[str, np.ndarray]:
    """Positions of each part's parameters in the joint's vector."""
    return {n: np.array(joint.space.indices(part.space.names), dtype=int) for n, part in joint.parts.items()}


def _of_joint(joint: Joint, theta: Theta, data: Any, curvature: Curvature) -> Quadratic:
    size = theta.shape[0]
    total = Quadratic(jnp.zeros(()), jnp.zeros(size), jnp.zeros((size, size)))
    for name, where in places(joint).items():
        part = quadratic(joint.parts[name], theta[where], data[name], curvature)
        total = Quadratic(
            total.value + part.value,
            total.gradient.at[where].add(part.gradient),
            total.hessian.at[np.ix_(where, where)].add(part.hessian),
        )
    return total


def _of_cells(likelihood: AbstractCellLikelihood, theta: Theta, data: Any, curvature: Curvature) -> Quadratic:
    if curvature == "exact" and not is_linear(likelihood):
        known = _exactly_known(likelihood, theta, data)
        return _exactly_of_cells(likelihood, theta, data) if known is None else known
    mean, jacobian = _linearise(likelihood, theta)
    cells = likelihood.judge(mean, data)
    weight = cells.expected if curvature == "fisher" else cells.observed
    gradient, hessian = _slope(likelihood, jacobian, cells.slope), _bend(likelihood, jacobian, weight)
    return Quadratic(jnp.sum(cells.excess), gradient, hessian)


def _exactly_of_cells(likelihood: AbstractCellLikelihood, theta: Theta, data: Any) -> Quadratic:
    """H = J^T (d2E/dy2) J + sum of dE/dy d2y, from one evaluation site: the second sum is the tangent of J^T dE/dy."""

    def gradient_at(at: Theta) -> tuple[Float[Array, " parameters"], tuple[Cells, Array]]:
        mean, jacobian = _linearise(likelihood, at)
        cells = likelihood.judge(jax.lax.stop_gradient(mean), data)
        return _slope(likelihood, jacobian, cells.slope), (cells, jacobian)

    gradient, push, (cells, jacobian) = jax.linearize(gradient_at, theta, has_aux=True)
    bent = along_all(push, theta.shape[0], jacobian.shape[0] * jacobian.size)
    hessian = _bend(likelihood, jacobian, cells.observed) + 0.5 * (bent + bent.T)
    return Quadratic(jnp.sum(cells.excess), gradient, hessian)


def _exactly_known(likelihood: AbstractCellLikelihood, theta: Theta, data: Any) -> Quadratic | None:
    """The same from the model's own derivatives; None if it does not know them."""
    if not isinstance(likelihood, (PoissonCounts, ChiSquareCounts)):
        return None
    values = likelihood.space.unpack(theta)
    known = likelihood.linearised_mean(values)
    if known is None:
        return None
    mean, jacobian = known
    cells = likelihood.judge(mean, data)
    bent = likelihood.layout.bent(values, cells.slope)
    hessian = _bend(likelihood, jacobian, cells.observed) + 0.5 * (bent + bent.T)
    return Quadratic(jnp.sum(cells.excess), _slope(likelihood, jacobian, cells.slope), hessian)


def _linearise(likelihood: AbstractCellLikelihood, theta: Theta) -> MeanAndJacobian:
    """Means and Jacobian: in closed form where the model knows it, else from one evaluation site."""
    if isinstance(likelihood, (PoissonCounts, ChiSquareCounts)):
        known = likelihood.linearised_mean(likelihood.space.unpack(theta))
        if known is not None:
            return known
    mean, push = jax.linearize(lambda at: likelihood.mean(likelihood.space.unpack(at)), theta)
    return mean, jax.vmap(push)(jnp.eye(theta.shape[0]))


def _slope(
    likelihood: AbstractCellLikelihood,
    jacobian: Float[Array, "parameters terms cells"],
    slope: Float[Array, "terms cells"],
) -> Float[Array, " parameters"]:
    """J^T dE/dy; the last cells may be constraints, each of one parameter, whose rows of J need not be multiplied."""
    measured = _measured(likelihood)
    if not measured:
        return jnp.sum(jacobian * slope[None], axis=(1, 2))
    bins = slope.shape[1] - len(measured)
    main = jnp.sum(jacobian[:, :, :bins] * slope[None, :, :bins], axis=(1, 2))
    return main + _by_parameter(slope[0, bins:], measured, len(jacobian))


def _bend(
    likelihood: AbstractCellLikelihood,
    jacobian: Float[Array, "parameters terms cells"],
    weight: Float[Array, "terms terms cells"],
) -> Float[Array, "parameters parameters"]:
    """J^T W J, with constraints as in `_slope`: they add to its diagonal."""
    measured = _measured(likelihood)
    if not measured:
        return _sandwich(jacobian, weight)
    bins = weight.shape[2] - len(measured)
    main = _sandwich(jacobian[:, :, :bins], weight[:, :, :bins])
    return main + jnp.diag(_by_parameter(weight[0, 0, bins:], measured, len(jacobian)))


def _measured(likelihood: AbstractCellLikelihood) -> tuple[int, ...]:
    """Positions of the parameters that are measured by the likelihood's last cells, one each."""
    counted = isinstance(likelihood, (PoissonCounts, ChiSquareCounts))
    return likelihood.constraints.indices if counted else ()


def _by_parameter(
    cells: Float[Array, " constraints"], measured: tuple[int, ...], size: int
) -> Float[Array, " parameters"]:
    """What constraints give to their parameters, zero for the others."""
    place = np.full(size, len(measured))
    place[list(measured)] = np.arange(len(measured))
    return jnp.append(cells, 0.0)[place]


def _sandwich(
    jacobian: Float[Array, "parameters terms cells"], weight: Float[Array, "terms terms cells"]
) -> Float[Array, "parameters parameters"]:
    """J^T W J with a small block W per cell."""
    size = jacobian.shape[0]
    if size <= _OUTER_UP_TO:  # a constant Jacobian gives constant products, shared by all lanes of a batch
        products = jacobian[:, None, :, None, :] * jacobian[None, :, None, :, :]
        return jnp.sum(products * weight[None, None], axis=(2, 3, 4))
    weighted = jnp.einsum("ptc,tuc->puc", jacobian, weight)
    return weighted.reshape(size, -1) @ jacobian.reshape(size, -1).T


def _of_function(function: Any, theta: Theta) -> Quadratic:
    def with_gradient(at: Theta) -> tuple[Float[Array, " parameters"], Scalar]:
        value, gradient = jax.value_and_grad(function)(at)
        return gradient, value

    gradient, push, value = jax.linearize(with_gradient, theta, has_aux=True)
    hessian = jax.vmap(push)(jnp.eye(theta.shape[0]))
    return Quadratic(value, gradient, 0.5 * (hessian + hessian.T))
