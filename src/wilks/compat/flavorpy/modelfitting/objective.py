"""FlavorPy's chi-square as a function of the parameters: compiled, batched, and with the slopes of its smooth form."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import LogProb, Theta, Values
from wilks.likelihood.interface import AbstractLikelihood
from wilks.model.user_functions.rungs import POINT_BY_POINT
from wilks.parameters.space import ParameterSpace
from wilks.physics.flavor.model import FlavorModel

from .dimensions import Dimension
from .points import completed
from .terms import Terms

_BATCH = 256  # points of one compiled call
_SMALL_BATCH = 32  # the same for functions that are called point by point, where filling a batch costs


class Judged(NamedTuple):
    """Chi-square of many points, in arrays of numpy or, inside compiled code, of JAX.

    Args:
        exact: FlavorPy's; inf where it is not a number.
        smooth: that of the smooth terms.
        gradient: slope of the smooth one.
        weight: a curvature of it that is never negative.
    """

    exact: Any
    smooth: Any
    gradient: Any
    weight: Any


class Objective(AbstractLikelihood[Array]):
    """-chi2/2 of the dimensionless observables of a model as a log density.

    Args:
        space: all parameters that are not computed from others.
        model: predicts the observables.
        terms: what the data say of each.
        names: observables, one per term.
        dimensions: of the face's model.
    """

    space: ParameterSpace
    model: FlavorModel
    terms: Terms
    names: tuple[str, ...] = eqx.field(static=True)
    dimensions: tuple[Dimension, ...] = eqx.field(static=True)

    def numbers(self, values: Values) -> Float[Array, " terms"]:
        """What the model says of each term."""
        known = completed({name: values[name] for name in self.space.names}, self.dimensions, jnp)
        predicted = self.model.dimensionless({name: known[name] for name in self.model.space.names})
        return jnp.stack([jnp.asarray(predicted[name], dtype=float) for name in self.names])

    def log_prob(self, values: Values, data: Array) -> LogProb:
        """-chi2/2, not a number where an observable is none."""
        return -0.5 * jnp.sum(self.terms.exact(self.numbers(values)))

    def chi2(self, theta: Float[np.ndarray, "points parameters"]) -> Float[np.ndarray, " points"]:
        """FlavorPy's chi-square of any number of points, in the order of the space; inf where it is no number."""
        return np.concatenate([np.asarray(_exact(self, rows))[:kept] for rows, kept in self._batches(theta)])

    def judge(self, theta: Float[np.ndarray, "points parameters"]) -> Judged:
        """The same with the smooth chi-square and its slopes."""
        pieces = [[np.asarray(part)[:kept] for part in _judged(self, rows)] for rows, kept in self._batches(theta)]
        return Judged(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))

    def _batches(self, theta: Float[np.ndarray, "points parameters"]) -> Iterator[tuple[Array, int]]:
        """The points of each compiled call, filled up with the last one, and how many they really are."""
        functions = (*self.model.matrices.values(), *self.terms.functions)
        slow = any(function.rung == POINT_BY_POINT for function in functions)
        size = _SMALL_BATCH if slow else _BATCH
        for first in range(0, len(theta), size):
            where = np.minimum(np.arange(first, first + size), len(theta) - 1)
            yield jnp.asarray(theta[where]), min(size, len(theta) - first)


@eqx.filter_jit
def _exact(objective: Objective, theta: Float[Array, "points parameters"]) -> Float[Array, " points"]:
    def at(point: Theta) -> Array:
        chi2 = jnp.sum(objective.terms.exact(objective.numbers(objective.space.unpack(point))))
        return jnp.where(jnp.isfinite(chi2), chi2, jnp.inf)

    return jax.vmap(at)(theta)


@eqx.filter_jit
def _judged(objective: Objective, theta: Float[Array, "points parameters"]) -> Judged:
    def at(point: Theta) -> Judged:
        def numbers(theta: Theta) -> tuple[Array, Array]:
            found = objective.numbers(objective.space.unpack(theta))
            return found, found

        slopes, found = jax.jacfwd(numbers, has_aux=True)(point)
        smooth, exact = objective.terms.smooth(found), jnp.sum(objective.terms.exact(found))
        value = jnp.sum(smooth.value)
        gradient = smooth.slope @ slopes
        weight = slopes.T @ (smooth.weight[:, None] * slopes)
        sound = jnp.isfinite(value) & jnp.all(jnp.isfinite(weight))
        return Judged(
            jnp.where(jnp.isfinite(exact), exact, jnp.inf),
            jnp.where(sound, value, jnp.inf),
            jnp.where(sound, gradient, 0.0),
            jnp.where(sound, weight, 0.0),
        )

    return jax.vmap(at)(theta)
