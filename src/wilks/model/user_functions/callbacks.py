"""Functions that cannot be traced: called point by point from compiled code, differentiated by central differences."""

import dataclasses
import functools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact

from wilks._base.notices import notice
from wilks._base.typing import Theta
from wilks.parameters.space import ParameterSpace

from .calls import PlainFunction

_STEP = 6e-6  # third root of the rounding error: the best step of a central difference
_SECOND_STEP = 1e-4  # step of a difference of differences
_FAILED = np.nan  # a point at which the function raises


@dataclasses.dataclass(frozen=True)
class PointByPoint:
    """A plain function with the shape of its results, and the bounds within which it is asked.

    Args:
        plain: the function.
        space: its parameters.
        shape: shape of its result.
        complex_valued: whether its results are complex numbers.
    """

    plain: PlainFunction
    space: ParameterSpace
    shape: tuple[int, ...]
    complex_valued: bool

    @property
    def dtype(self) -> np.dtype:
        """Type of its results."""
        return np.dtype(complex if self.complex_valued else float)

    def many(self, thetas: np.ndarray | jax.Array) -> np.ndarray:
        """Results at many points; not a number where the function raises."""
        points = np.asarray(thetas)
        flat = points.reshape(-1, points.shape[-1])
        found = np.full((len(flat), *self.shape), _FAILED, dtype=self.dtype)
        for i, point in enumerate(flat):
            found[i] = self._one(point)
        return found.reshape((*points.shape[:-1], *self.shape))

    def _one(self, point: np.ndarray) -> Any:
        try:
            result = self.plain.at(point)
        except Exception:  # said again, with the point, when nothing else is left: see `UserFunction.plain`
            return _FAILED
        fits = result.shape == self.shape and (result.dtype == self.dtype or self.dtype.kind == "c")
        return result if fits else _FAILED


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def values_at(function: PointByPoint, theta: Theta) -> Inexact[Array, "..."]:
    """The function's result at one point; a batch of points is one call."""
    like = jax.ShapeDtypeStruct(function.shape, function.dtype)
    return jax.pure_callback(function.many, like, theta, vmap_method="broadcast_all")


@values_at.defjvp
def _values_forward(function: PointByPoint, primals: Any, tangents: Any) -> tuple[Array, Array]:
    slopes = slopes_at(function, primals[0])
    return values_at(function, primals[0]), jnp.tensordot(tangents[0].astype(slopes.dtype), slopes, axes=1)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0,))
def slopes_at(function: PointByPoint, theta: Theta) -> Inexact[Array, "parameters *shape"]:
    """First derivatives by central differences, h = 6e-6 max(1, abs(x)); one-sided at a bound."""
    up, down = _neighbours(function.space, theta, _STEP)
    return _differences(jax.vmap(lambda at: values_at(function, at)), up, down)


@slopes_at.defjvp
def _slopes_forward(function: PointByPoint, primals: Any, tangents: Any) -> tuple[Array, Array]:
    up, down = _neighbours(function.space, primals[0], _SECOND_STEP)
    curvature = _differences(jax.vmap(lambda at: slopes_at(function, at)), up, down)
    return slopes_at(function, primals[0]), jnp.tensordot(tangents[0].astype(curvature.dtype), curvature, axes=1)


def _neighbours(
    space: ParameterSpace, theta: Theta, step: float
) -> tuple[Float[Array, "parameters parameters"], Float[Array, "parameters parameters"]]:
    """Points one step up and down per parameter, on the near side only where a bound is closer than the step."""
    width = step * jnp.maximum(1.0, jnp.abs(theta))
    up = jnp.where(theta + width <= space.uppers, width, 0.0)
    down = jnp.where(theta - width >= space.lowers, width, 0.0)
    narrow = (up == 0) & (down == 0)
    up, down = jnp.where(narrow, width, up), jnp.where(narrow, width, down)
    return theta[None] + jnp.diag(up), theta[None] - jnp.diag(down)


def _differences(many: Any, up: Array, down: Array) -> Array:
    found = many(jnp.concatenate([up, down]))
    size = up.shape[0]
    width = jnp.diagonal(up - down).reshape(size, *(1,) * (found.ndim - 1))
    return (found[:size] - found[size:]) / width


def announce(function: PointByPoint, reason: str, probe: np.ndarray) -> None:
    """Say once that a function is called point by point, why, and what a point costs."""
    _announce(function.plain, reason, tuple(probe.tolist()))


@functools.lru_cache(maxsize=256)
def _announce(plain: PlainFunction, reason: str, probe: tuple[float, ...]) -> None:
    times = []
    for _ in range(3):
        began = time.perf_counter()
        plain.at(probe)
        times.append(time.perf_counter() - began)
    notice(
        f"the function {plain.name!r} cannot be compiled ({reason}); it is called point by point, "
        f"at {1e6 * min(times):.2g} us per point, with derivatives from central differences"
    )
