"""Problem b written by hand in jax.numpy, without a framework: the cost and gradient that iminuit is given."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from problems.systematics import systematics

jax.config.update("jax_enable_x64", True)

Cost = Callable[[np.ndarray], float]


def smooth_coefficients(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Polynomials of degree six that meet high^x and low^-x at +-1 in value, slope and curvature; rows are powers."""
    powers = np.arange(1, 7)
    conditions = np.concatenate(
        [
            np.array([at**powers, powers * at ** (powers - 1), powers * (powers - 1) * at ** (powers - 2.0)])
            for at in (1.0, -1.0)
        ]
    )
    logs = (np.log(high), -np.log(low))
    targets = [[end - 1, end * log, end * log**2] for end, log in zip((high, low), logs, strict=True)]
    return np.linalg.solve(conditions, np.concatenate(targets))


def model_of_systematics() -> Callable[[jax.Array], jax.Array]:
    """Expected counts as a function of strength, 15 norm pulls and 15 shape pulls."""
    model = systematics()
    coefficients = smooth_coefficients(model.low, model.high)
    log_high, log_low = np.log(model.high), np.log(model.low)
    member = np.arange(3)[:, None] == model.norm_sample[None, :]
    target = np.arange(3)[:, None] == model.shape_sample[None, :]
    odd, even = (model.up - model.down) / 2, (model.up + model.down) / 16

    def expected(theta: jax.Array) -> jax.Array:
        strength, norms, shapes = theta[0], theta[1:16], theta[16:]
        near = jnp.clip(norms, -1.0, 1.0)
        polynomial = jnp.zeros(15)
        for row in coefficients[::-1]:
            polynomial = near * (row + polynomial)
        power = jnp.exp(jnp.where(norms > 0, norms * log_high, -norms * log_low))
        factors = jnp.where(jnp.abs(norms) <= 1.0, 1.0 + polynomial, power)
        square = shapes**2
        bent = jnp.where(square <= 1.0, square * (15.0 + square * (3.0 * square - 10.0)), 8.0 * jnp.abs(shapes))
        shifts = shapes[:, None] * odd + bent[:, None] * even
        kappa = jnp.prod(jnp.where(member, factors, 1.0), axis=1) * jnp.array([1.0, 1.0, 1.0]).at[0].set(strength)
        return kappa @ (model.templates + target @ shifts)

    return expected


def cost_with_gradient() -> Callable[[np.ndarray, np.ndarray], tuple[Cost, Callable[[np.ndarray], np.ndarray]]]:
    """From counts and auxiliary data to -ln L (up to a constant) and its gradient, compiled once for all data."""
    expected = model_of_systematics()

    def negative_log_likelihood(theta: jax.Array, counts: jax.Array, pulls: jax.Array) -> jax.Array:
        mean = expected(theta)
        return jnp.sum(mean - counts * jnp.log(mean)) + 0.5 * jnp.sum((theta[1:] - pulls) ** 2)

    value, gradient = jax.jit(negative_log_likelihood), jax.jit(jax.grad(negative_log_likelihood))

    def bind(counts: np.ndarray, pulls: np.ndarray) -> tuple[Cost, Callable[[np.ndarray], np.ndarray]]:
        data = jnp.asarray(counts), jnp.asarray(pulls)
        return lambda x: float(value(x, *data)), lambda x: np.asarray(gradient(x, *data))

    return bind
