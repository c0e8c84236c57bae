"""Coordinates in which networks see parameters: built on the prior's cumulative distribution, with exact densities."""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr, ndtri
from jaxtyping import Array, Bool, Float

from wilks._base.errors import InvalidParameter
from wilks._base.typing import LogProb, Scalar
from wilks.parameters.joint_priors import joined_values
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import AbstractPrior, Uniform
from wilks.parameters.space import ParameterSpace

_SQRT3 = math.sqrt(3.0)
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_SMALLEST = 2.0**-53  # probabilities are kept so far from 0 and 1, as those of a prior's samples are

Coordinates = Float[Array, " parameters"]


class AbstractCoordinate(eqx.Module):
    """A one-to-one map between the free parameters of a space and the numbers z that a network sees.

    To write one: hold the space of the inferred parameters, all of them free and with proper priors
    (see `inferred_space`), and write the four methods for ONE point.
    """

    space: eqx.AbstractVar[ParameterSpace]

    @abc.abstractmethod
    def to_network(self, theta: Float[Array, " parameters"]) -> Coordinates:
        """Coordinates z of parameters in physical units."""

    @abc.abstractmethod
    def to_physical(self, z: Coordinates) -> Float[Array, " parameters"]:
        """Parameters in physical units at coordinates z, inside the bounds."""

    @abc.abstractmethod
    def log_jacobian(self, theta: Float[Array, " parameters"]) -> LogProb:
        """ln |dz/dtheta|, to be added to a log density of z to make one of theta; -inf outside the bounds."""

    @abc.abstractmethod
    def contains(self, z: Coordinates) -> Bool[Array, ""]:
        """Whether a point lies inside the support of the prior."""

    @property
    @abc.abstractmethod
    def leaks(self) -> bool:
        """Whether a density over all z may put probability outside the support."""


class Box(AbstractCoordinate):
    """z = sqrt3 (2u - 1) with the prior's cumulative distribution u: the prior is uniform with variance 1."""

    space: ParameterSpace = eqx.field(static=True)

    def to_network(self, theta: Float[Array, " parameters"]) -> Coordinates:
        """sqrt3 (2u - 1), from the distance to the nearer bound."""
        below, above = _probabilities(self.space, theta)
        return _SQRT3 * jnp.where(below < above, 2.0 * below - 1.0, 1.0 - 2.0 * above)

    def to_physical(self, z: Coordinates) -> Float[Array, " parameters"]:
        """Quantiles of the prior at u = (1 + z/sqrt3)/2."""
        return _quantiles(self.space, 0.5 * (1.0 + z.astype(float) / _SQRT3))

    def log_jacobian(self, theta: Float[Array, " parameters"]) -> LogProb:
        """Sum of ln[2 sqrt3 p(theta)]."""
        return _log_prior(self.space, theta) + len(self.space) * math.log(2.0 * _SQRT3)

    def contains(self, z: Coordinates) -> Bool[Array, ""]:
        """All |z| < sqrt3."""
        return jnp.all(jnp.abs(z) < _SQRT3)

    @property
    def leaks(self) -> bool:
        """True: a network's density has tails beyond the box."""
        return True


class PriorNormal(AbstractCoordinate):
    """z = Phi^-1(u): the prior is a standard normal, and no draw can leave its support."""

    space: ParameterSpace = eqx.field(static=True)

    def to_network(self, theta: Float[Array, " parameters"]) -> Coordinates:
        """Standard normal quantiles of u, from the probability towards the nearer bound."""
        below, above = _probabilities(self.space, theta)
        return jnp.where(below < above, ndtri(below), -ndtri(above))

    def to_physical(self, z: Coordinates) -> Float[Array, " parameters"]:
        """Quantiles of the prior at Phi(z)."""
        return _quantiles(self.space, ndtr(z.astype(float)))

    def log_jacobian(self, theta: Float[Array, " parameters"]) -> LogProb:
        """Sum of ln p(theta) - ln phi(z)."""
        inside = _inside(self.space, theta)
        z = self.to_network(jnp.where(inside, theta, self.to_physical(jnp.zeros(len(self.space)))))
        return _log_prior(self.space, theta) + jnp.sum(0.5 * z**2 + _LOG_SQRT_2PI)

    def contains(self, z: Coordinates) -> Bool[Array, ""]:
        """Everywhere."""
        return jnp.all(jnp.isfinite(z))

    @property
    def leaks(self) -> bool:
        """False: every z is a point of the support."""
        return False


class Affine(AbstractCoordinate):
    """z = (theta - centre)/scale with the prior's median and half of its central 68 %: for unbounded priors.

    Those of a joint prior are L^-1 (theta - mean), with the Cholesky factor L of its covariance.
    """

    space: ParameterSpace = eqx.field(static=True)

    def to_network(self, theta: Float[Array, " parameters"]) -> Coordinates:
        """Distance from the prior's median in units of its spread."""
        centre, scale = _centre_and_scale(self.space)
        z = (jnp.asarray(theta) - centre) / scale
        for law, where, _ in self.space.blocks:
            z = z.at[where].set(law.scores(jnp.asarray(theta)[where]))
        return z

    def to_physical(self, z: Coordinates) -> Float[Array, " parameters"]:
        """Centre + scale z."""
        centre, scale = _centre_and_scale(self.space)
        theta = jnp.asarray(centre) + scale * z.astype(float)
        for law, where, _ in self.space.blocks:
            theta = theta.at[where].set(law.values(z.astype(float)[where]))
        return theta

    def log_jacobian(self, theta: Float[Array, " parameters"]) -> LogProb:
        """Minus the sum of ln scale, or of ln L_ii."""
        _, scale = _centre_and_scale(self.space)
        for law, where, _ in self.space.blocks:
            scale[where] = np.diagonal(law.cholesky)
        return jnp.where(jnp.all(_inside(self.space, theta)), -jnp.sum(jnp.log(scale)), -jnp.inf)

    def contains(self, z: Coordinates) -> Bool[Array, ""]:
        """All parameters inside their bounds and where their priors are positive."""
        return jnp.isfinite(_log_prior(self.space, self.to_physical(z)))

    @property
    def leaks(self) -> bool:
        """True unless every prior covers the whole line."""
        return any(
            math.isfinite(end)
            for p in self.space.parameters
            for end in (p.lower, p.upper, float(prior_of(p).quantile(0.0)), float(prior_of(p).quantile(1.0)))
        )


COORDINATES: dict[str, type[AbstractCoordinate]] = {"box": Box, "normal": PriorNormal, "affine": Affine}
"""Name -> coordinate, as options and files name them."""


def is_affine(coordinate: AbstractCoordinate) -> bool:
    """Whether coordinates are linear in the parameters wherever the prior is positive, so that means carry over."""
    parameters = coordinate.space.parameters
    if isinstance(coordinate, Box):
        return all(isinstance(prior_of(p), Uniform) for p in parameters)
    if isinstance(coordinate, PriorNormal):
        return all(isinstance(prior_of(p), Normal) and math.isinf(p.lower) and math.isinf(p.upper) for p in parameters)
    return isinstance(coordinate, Affine)


def inferred_space(space: ParameterSpace, targets: tuple[str, ...] | None = None) -> ParameterSpace:
    """The free parameters, or the named ones of them, each with a proper prior.

    Raises:
        InvalidParameter: for a parameter without a proper prior, naming it; or if nothing is free.
        UnknownName: for a target that does not exist.
    """
    names = space.free if targets is None else tuple(space.names[i] for i in sorted(space.indices(targets)))
    if not names:
        raise InvalidParameter("no free parameter is left to infer; release one")
    for name in names:
        if not space[name].is_free:
            raise InvalidParameter(f"target {name!r} is fixed at {space[name].start}; release it or leave it out")
        prior_of(space[name])
    return space.part(names)


def with_held(inferred: ParameterSpace, space: ParameterSpace) -> ParameterSpace:
    """The inferred parameters, then those of the whole space that are not free."""
    held = tuple(p for p in space.parameters if not p.is_free)
    return ParameterSpace((*inferred.parameters, *held), inferred.joint)


def prior_of(parameter: Parameter) -> AbstractPrior:
    """The proper prior of a parameter.

    Raises:
        InvalidParameter: if it has none.
    """
    if parameter.prior is None:
        raise InvalidParameter(
            f"parameter {parameter.name!r} has no prior, and a posterior needs one; give it one that can be sampled: "
            "Uniform, LogUniform, Normal, TruncatedNormal, LogNormal, HalfNormal, Exponential, Gamma, Beta, or a table"
        )
    return parameter.prior


@eqx.filter_jit
def from_unit(space: ParameterSpace, u: Float[Array, "n parameters"]) -> Float[Array, "n parameters"]:
    """Parameters below which the shares u of the prior within the bounds lie; may be called in compiled code."""
    return jax.vmap(lambda row: _quantiles(space, row))(u)


@eqx.filter_jit
def to_network(coordinate: AbstractCoordinate, theta: Float[Array, "n parameters"]) -> Float[Array, "n parameters"]:
    """Coordinates of many points."""
    return jax.vmap(coordinate.to_network)(theta)


@eqx.filter_jit
def to_physical(coordinate: AbstractCoordinate, z: Float[Array, "n parameters"]) -> Float[Array, "n parameters"]:
    """Physical parameters of many points."""
    return jax.vmap(coordinate.to_physical)(z)


def _ends(parameter: Parameter) -> tuple[float, float, float]:
    """Prior probability below the lower bound, above the upper one, and between them."""
    prior = prior_of(parameter)
    with jax.ensure_compile_time_eval():
        below, above = float(prior.cdf(parameter.lower)), float(prior.survival(parameter.upper))
        return below, above, math.exp(float(prior.log_mass(parameter.lower, parameter.upper)))


def _probabilities(
    space: ParameterSpace, theta: Float[Array, " parameters"]
) -> tuple[Float[Array, " parameters"], Float[Array, " parameters"]]:
    """Prior probability within the bounds below and above each parameter."""

    def one(parameter: Parameter, x: Scalar) -> tuple[Scalar, Scalar]:
        prior, (below, above, mass) = prior_of(parameter), _ends(parameter)
        return (prior.cdf(x) - below) / mass, (prior.survival(x) - above) / mass

    pairs = [one(p, theta[i]) for i, p in enumerate(space.parameters)]
    below, above = jnp.stack([b for b, _ in pairs]), jnp.stack([a for _, a in pairs])
    for law, where, _ in space.blocks:
        z = law.scores(theta[where])
        below, above = below.at[where].set(ndtr(z)), above.at[where].set(ndtr(-z))
    return below, above


def _quantiles(space: ParameterSpace, u: Float[Array, " parameters"]) -> Float[Array, " parameters"]:
    def one(parameter: Parameter, u: Scalar) -> Scalar:
        below, _, mass = _ends(parameter)
        whole = jnp.clip(below + mass * u, _SMALLEST, 1.0 - _SMALLEST)
        return jnp.clip(prior_of(parameter).quantile(whole), parameter.lower, parameter.upper)

    return joined_values(space.blocks, jnp.stack([one(p, u[i]) for i, p in enumerate(space.parameters)]), u)


def _log_prior(space: ParameterSpace, theta: Float[Array, " parameters"]) -> LogProb:
    return space.log_prior(space.unpack(theta))


def _inside(space: ParameterSpace, theta: Float[Array, " parameters"]) -> Bool[Array, " parameters"]:
    return (theta >= space.lowers) & (theta <= space.uppers)


def _centre_and_scale(
    space: ParameterSpace,
) -> tuple[Float[np.ndarray, " parameters"], Float[np.ndarray, " parameters"]]:
    with jax.ensure_compile_time_eval():
        u = jnp.asarray([[float(ndtr(z))] * len(space) for z in (-1.0, 0.0, 1.0)])
        low, centre, high = (np.asarray(_quantiles(space, row)) for row in u)
    return centre, 0.5 * (high - low)
