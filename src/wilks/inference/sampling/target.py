"""The density that is sampled: likelihood times prior of one set of data, in physical and in unbounded coordinates."""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import LogProb, Theta
from wilks.likelihood.interface import AbstractLikelihood
from wilks.parameters.space import ParameterSpace
from wilks.parameters.transforms import AbstractTransform, transform_between

Position = Float[Array, " free"]


class Target(eqx.Module):
    """Unnormalised posterior density of the free parameters; data, held values and centre are arguments, not constants.

    Args:
        likelihood: judges the data.
        data: prepared data.
        held: value of every parameter; those of the free ones do not matter.
        centre: middle of the turn around which a periodic parameter without bounds is followed, per free parameter.
        space: bounds and priors.
    """

    likelihood: AbstractLikelihood
    data: Any
    held: Float[Array, " parameters"]
    centre: Float[Array, " free"]
    space: ParameterSpace = eqx.field(static=True)

    def theta(self, position: Position) -> Theta:
        """All parameters at a position, periodic ones brought to the turn around their centre."""
        period = turns(self.space)
        if np.isfinite(period).any():
            position = jnp.where(np.isfinite(period), _turn(position, self.centre, period), position)
        return self.held.at[np.flatnonzero(self.space.free_mask)].set(position)

    def log_prob(self, position: Position) -> LogProb:
        """Log likelihood plus log prior; -inf outside the bounds, where the likelihood is not asked."""
        theta = self.theta(position)
        prior = self.space.log_prior(self.space.unpack(theta))
        inside = jnp.clip(theta, self.space.lowers, self.space.uppers)
        likelihood = self.likelihood.log_prob(self.space.unpack(inside), self.data)
        return jnp.where(prior == -jnp.inf, -jnp.inf, likelihood + prior)

    def log_prob_of_one_turn(self, position: Position) -> LogProb:
        """The same with zero density beyond half a turn from the centre, which makes it a density of a plane."""
        period = turns(self.space)
        if not np.isfinite(period).any():
            return self.log_prob(position)
        beyond = jnp.any(jnp.abs(position - self.centre) > 0.5 * period)
        return jnp.where(beyond, -jnp.inf, self.log_prob(position))

    def log_prob_unbounded(self, coordinates: Position) -> LogProb:
        """The density of unbounded coordinates, the Jacobian of the transforms included."""
        position, log_jacobian = self.bounded(coordinates)
        return self.log_prob(position) + log_jacobian

    def bounded(self, coordinates: Position) -> tuple[Position, LogProb]:
        """Position and log Jacobian determinant at unbounded coordinates."""
        position, total = coordinates, jnp.zeros(())
        for transform, where in transforms(self.space):
            y = coordinates[where]
            position = position.at[where].set(jax.vmap(transform.bounded)(y))
            total = total + jnp.sum(jax.vmap(transform.log_jacobian)(y))
        return position, total

    def unbounded(self, position: Position) -> Position:
        """Coordinates of a position strictly inside the bounds."""
        coordinates = position
        for transform, where in transforms(self.space):
            coordinates = coordinates.at[where].set(jax.vmap(transform.unbounded)(position[where]))
        return coordinates


class Group(NamedTuple):
    """Free parameters with equal bounds, which share a transform."""

    transform: AbstractTransform
    where: np.ndarray


@functools.lru_cache(maxsize=64)
def transforms(space: ParameterSpace) -> tuple[Group, ...]:
    """The transforms of the bounded free parameters."""
    groups: dict[tuple[float, float], list[int]] = {}
    for i, name in enumerate(space.free):
        bounds = float(space[name].lower), float(space[name].upper)
        if bounds != (-np.inf, np.inf):
            groups.setdefault(bounds, []).append(i)
    return tuple(Group(transform_between(*bounds), np.array(where)) for bounds, where in groups.items())


@functools.lru_cache(maxsize=64)
def turns(space: ParameterSpace) -> Float[np.ndarray, " free"]:
    """Period of each free parameter that is followed around the circle; infinite for all others.

    A periodic parameter with bounds moves between its bounds.
    """
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
