"""The density that is sampled: likelihood times prior of one set of data, in physical and in unbounded coordinates."""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks._base.typing import LogProb, Theta, Values
from wilks.likelihood.interface import AbstractLikelihood
from wilks.parameters.space import ParameterSpace
from wilks.parameters.transforms import AbstractTransform, transform_between

from .jeffreys import JeffreysPrior

Position = Float[Array, " free"]


class Target(eqx.Module):
    """Unnormalised posterior density of the free parameters; data, held values and centre are arguments, not constants.

    A periodic parameter without bounds moves within one turn around its centre, as between two bounds; the likelihood
    is asked at the value of its canonical turn.

    Args:
        likelihood: judges the data.
        data: prepared data.
        held: value of every parameter; those of the free ones do not matter.
        centre: middle of the turn of a periodic parameter, per free parameter.
        space: bounds and priors.
        joint_prior: a density of all parameters together, on top of their own priors.
    """

    likelihood: AbstractLikelihood
    data: Any
    held: Float[Array, " parameters"]
    centre: Float[Array, " free"]
    space: ParameterSpace = eqx.field(static=True)
    joint_prior: JeffreysPrior | None = None

    def theta(self, position: Position) -> Theta:
        """All parameters at a position."""
        free, period = self.space.free_mask, turns(self.space)
        if np.isfinite(period).any():
            turned = _turn(position, self.space.starts[free], period)
            position = jnp.where(np.isfinite(period), turned, position)
        return position if free.all() else jnp.where(free, position[np.cumsum(free) - free], self.held)

    def limits(self) -> tuple[Position, Position]:
        """Lowest and highest position: the bounds, or the ends of a turn."""
        free, period = self.space.free_mask, turns(self.space)
        lower = jnp.where(np.isfinite(period), self.centre - 0.5 * period, self.space.lowers[free])
        upper = jnp.where(np.isfinite(period), self.centre + 0.5 * period, self.space.uppers[free])
        return lower, upper

    def log_prob(self, position: Position) -> LogProb:
        """Log likelihood plus log prior; -inf beyond the limits, where the likelihood is not asked."""
        lower, upper = self.limits()
        values = self.space.unpack(self.theta(jnp.clip(position, lower, upper)))
        prior = log_prior(self.space, self.joint_prior, values)
        possible = jnp.all((position >= lower) & (position <= upper)) & (prior > -jnp.inf)
        return jnp.where(possible, self.likelihood.log_prob(values, self.data) + prior, -jnp.inf)

    def log_prob_unbounded(self, coordinates: Position) -> LogProb:
        """The density of unbounded coordinates, the Jacobian of the transforms included."""
        position, log_jacobian = self.bounded(coordinates)
        return self.log_prob(position) + log_jacobian

    def bounded(self, coordinates: Position) -> tuple[Position, LogProb]:
        """Position and log Jacobian determinant at unbounded coordinates."""
        groups, order = transforms(self.space)
        if not groups:
            return coordinates, jnp.zeros(())
        position = [jax.vmap(transform.bounded)(coordinates[where]) for transform, where in groups]
        total = [jnp.sum(jax.vmap(transform.log_jacobian)(coordinates[where])) for transform, where in groups]
        return jnp.concatenate(position)[order] + self._shift, jnp.sum(jnp.stack(total))

    def unbounded(self, position: Position) -> Position:
        """Coordinates of a position strictly inside the limits."""
        groups, order = transforms(self.space)
        if not groups:
            return position
        inside = position - self._shift
        coordinates = [jax.vmap(transform.unbounded)(inside[where]) for transform, where in groups]
        return jnp.concatenate(coordinates)[order]

    @property
    def _shift(self) -> Position:
        """What is added to the transformed coordinates: a turn is transformed around zero."""
        return jnp.where(np.isfinite(turns(self.space)), self.centre, 0.0)


def log_prior(space: ParameterSpace, joint_prior: JeffreysPrior | None, values: Values) -> LogProb:
    """Logarithm of the priors of all parameters and of their joint one."""
    own = space.log_prior(values)
    return own if joint_prior is None else own + joint_prior.log_density(values)


class Group(NamedTuple):
    """Free parameters with equal bounds, which share a transform."""

    transform: AbstractTransform
    where: np.ndarray


@functools.lru_cache(maxsize=64)
def transforms(space: ParameterSpace) -> tuple[tuple[Group, ...], Int[np.ndarray, " free"]]:
    """The transforms of the free parameters in groups, and the place of each parameter in the row of all groups."""
    groups: dict[tuple[float, float], list[int]] = {}
    for i, (name, period) in enumerate(zip(space.free, turns(space), strict=True)):
        turn = (-0.5 * float(period), 0.5 * float(period))
        bounds = turn if np.isfinite(period) else (float(space[name].lower), float(space[name].upper))
        groups.setdefault(bounds, []).append(i)
    if set(groups) == {(-np.inf, np.inf)}:
        return (), np.arange(len(space.free))
    order = np.argsort(np.concatenate([*groups.values()]))
    return tuple(Group(transform_between(*bounds), np.array(where)) for bounds, where in groups.items()), order


@functools.lru_cache(maxsize=64)
def turns(space: ParameterSpace) -> Float[np.ndarray, " free"]:
    """Period of each free parameter that moves around a circle; infinite for all others, those with bounds included."""
    periods = [_period(space, name) for name in space.free]
    return np.array(periods, dtype=float)


def canonical(draws: Float[np.ndarray, "... parameters"], space: ParameterSpace) -> Float[np.ndarray, "... parameters"]:
    """Draws of all parameters with periodic ones in [start - period/2, start + period/2)."""
    wrapped = draws.copy()
    for name, period in zip(space.free, turns(space), strict=True):
        if np.isfinite(period):
            where = space.index(name)
            wrapped[..., where] = _turn(draws[..., where], space.starts[where], period)
    return wrapped


def _period(space: ParameterSpace, name: str) -> float:
    parameter = space[name]
    unbounded = parameter.lower == -np.inf and parameter.upper == np.inf
    return float(parameter.period) if parameter.period is not None and unbounded else np.inf


def _turn(value: Any, centre: Any, period: Any) -> Any:
    finite = np.where(np.isfinite(period), period, 1.0)
    return (value - centre + finite / 2) % finite + centre - finite / 2
