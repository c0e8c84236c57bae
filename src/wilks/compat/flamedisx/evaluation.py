"""Compiled evaluations of sources and likelihoods at one point of their parameters."""

from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Scalar
from wilks.inference.quadratic import quadratic
from wilks.likelihood.unbinned import Unbinned, UnbinnedData
from wilks.model.sources import AbstractEventSource

from .curvature import hessian_of_nll


class Expansion(NamedTuple):
    """ln L with its gradient, and the Hessian where it is asked for."""

    value: float
    gradient: Float[np.ndarray, " parameters"]
    hessian: Float[np.ndarray, "parameters parameters"] | None


def expanded(
    likelihood: Unbinned, data: UnbinnedData, theta: Float[np.ndarray, " parameters"], *, second_order: bool
) -> Expansion:
    """ln L and its derivatives at a point."""
    value, gradient = _with_gradient(likelihood, data, jnp.asarray(theta))
    hessian = -hessian_of_nll(likelihood, data, theta) if second_order else None
    return Expansion(-float(value), -np.asarray(gradient), hessian)


def expected_number(source: AbstractEventSource) -> float:
    """Expected events of a source at the defaults of its parameters."""
    return float(_expected(source, jnp.asarray(source.space.starts)))


def expected_numbers(likelihood: Unbinned, theta: Float[np.ndarray, " parameters"]) -> dict[str, float]:
    """Expected events of every source, multiplied by its rate."""
    return {name: float(mu) for name, mu in _expected_all(likelihood, jnp.asarray(theta)).items()}


@eqx.filter_jit
def _with_gradient(likelihood: Unbinned, data: Any, theta: Any) -> tuple[Scalar, Float[Array, " parameters"]]:
    found = quadratic(likelihood, theta, data, "fisher")
    return found.value, found.gradient


@eqx.filter_jit
def _expected(source: AbstractEventSource, theta: Any) -> Scalar:
    return source.expected_events(source.space.unpack(theta))


@eqx.filter_jit
def _expected_all(likelihood: Unbinned, theta: Any) -> dict[str, Scalar]:
    return likelihood.expected_events(likelihood.space.unpack(theta))
