"""Tasks with known likelihoods and posteriors: two moons, Gaussian linear, Gaussian mixture, and SLCP.

References:
    J.-M. Lueckmann et al., AISTATS 2021, arXiv:2101.04653, appendix T.
"""

import bz2
import math
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from wilks._base.typing import Key, LogProb, Values
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import AbstractPrior, Uniform
from wilks.parameters.space import ParameterSpace

OBSERVATIONS = 5


def space_of(size: int, prior: AbstractPrior) -> ParameterSpace:
    """Parameters theta1, theta2, ... with one prior."""
    bounds = {"lower": prior.lower, "upper": prior.upper} if isinstance(prior, Uniform) else {}
    return ParameterSpace(tuple(Parameter(f"theta{i + 1}", prior=prior, **bounds) for i in range(size)))


class TwoMoons(AbstractLikelihood, AbstractSimulator):
    """Two crescents per set of data: d = 2, x = 2."""

    space: ParameterSpace

    def __init__(self) -> None:
        self.space = space_of(2, Uniform(-1.0, 1.0))

    def _shift(self, values: Values) -> jax.Array:
        one, two = values["theta1"], values["theta2"]
        return jnp.stack([-jnp.abs(one + two), -one + two]) / math.sqrt(2.0)

    def simulate(self, key: Key, values: Values) -> jax.Array:
        one, two = jax.random.split(key)
        a = jax.random.uniform(one, minval=-0.5 * math.pi, maxval=0.5 * math.pi)
        r = 0.1 + 0.01 * jax.random.normal(two)
        return jnp.stack([r * jnp.cos(a) + 0.25, r * jnp.sin(a)]) + self._shift(values)

    def expected(self, values: Values) -> jax.Array:
        return jnp.array([0.1 * 2 / math.pi + 0.25, 0.0]) + self._shift(values)

    def log_prob(self, values: Values, data: jax.Array) -> LogProb:
        u, v = jnp.asarray(data) - self._shift(values) - jnp.array([0.25, 0.0])
        r = jnp.sqrt(u**2 + v**2)
        log_normal = -0.5 * ((r - 0.1) / 0.01) ** 2 - math.log(0.01 * math.sqrt(2 * math.pi))
        return jnp.where(u > 0, log_normal - jnp.log(math.pi * r), -jnp.inf)


class GaussianLinear(AbstractLikelihood, AbstractSimulator):
    """x ~ N(theta, 0.1 I) with prior N(0, 0.1 I): the posterior is N(x/2, 0.05 I)."""

    space: ParameterSpace

    def __init__(self, size: int = 10) -> None:
        self.space = space_of(size, Normal(0.0, math.sqrt(0.1)))

    def simulate(self, key: Key, values: Values) -> jax.Array:
        theta = self.space.pack(values)
        return theta + math.sqrt(0.1) * jax.random.normal(key, theta.shape)

    def expected(self, values: Values) -> jax.Array:
        return self.space.pack(values)

    def log_prob(self, values: Values, data: jax.Array) -> LogProb:
        residual = jnp.asarray(data) - self.space.pack(values)
        return -0.5 * jnp.sum(residual**2 / 0.1 + math.log(2 * math.pi * 0.1))


class GaussianMixture(AbstractLikelihood, AbstractSimulator):
    """x ~ N(theta, I) or N(theta, 0.01 I) with probability 1/2 each, prior uniform on (-10, 10)^2."""

    space: ParameterSpace

    def __init__(self) -> None:
        self.space = space_of(2, Uniform(-10.0, 10.0))

    def simulate(self, key: Key, values: Values) -> jax.Array:
        one, two = jax.random.split(key)
        theta = self.space.pack(values)
        return theta + jnp.where(jax.random.bernoulli(one), 1.0, 0.1) * jax.random.normal(two, theta.shape)

    def expected(self, values: Values) -> jax.Array:
        return self.space.pack(values)

    def log_prob(self, values: Values, data: jax.Array) -> LogProb:
        square = jnp.sum((jnp.asarray(data) - self.space.pack(values)) ** 2)
        wide, narrow = -0.5 * square - math.log(2 * math.pi), -0.5 * square / 0.01 - math.log(2 * math.pi * 0.01)
        return jnp.logaddexp(wide, narrow) - math.log(2.0)


class Slcp(AbstractLikelihood, AbstractSimulator):
    """Four points of a Gaussian whose mean, widths and correlation are sought: simple likelihood, complex posterior."""

    space: ParameterSpace

    def __init__(self) -> None:
        self.space = space_of(5, Uniform(-3.0, 3.0))

    def _root(self, values: Values) -> tuple[jax.Array, jax.Array]:
        mean = jnp.stack([values["theta1"], values["theta2"]])
        one, two, rho = values["theta3"] ** 2, values["theta4"] ** 2, jnp.tanh(values["theta5"])
        covariance = jnp.array([[one**2, rho * one * two], [rho * one * two, two**2]]) + 1e-6 * jnp.eye(2)
        return mean, jnp.linalg.cholesky(covariance)

    def simulate(self, key: Key, values: Values) -> jax.Array:
        mean, root = self._root(values)
        return jnp.ravel(mean + jax.random.normal(key, (4, 2)) @ root.T)

    def expected(self, values: Values) -> jax.Array:
        return jnp.tile(self._root(values)[0], 4)

    def log_prob(self, values: Values, data: jax.Array) -> LogProb:
        mean, root = self._root(values)
        whitened = jax.scipy.linalg.solve_triangular(root, (jnp.asarray(data).reshape(4, 2) - mean).T, lower=True)
        return -0.5 * jnp.sum(whitened**2) - 4 * (jnp.sum(jnp.log(jnp.diagonal(root))) + math.log(2 * math.pi))


TASKS = {
    "two_moons": TwoMoons,
    "gaussian_linear": GaussianLinear,
    "gaussian_mixture": GaussianMixture,
    "slcp": Slcp,
}


def observation(folder: Path, task: str, number: int) -> np.ndarray:
    """Observed data of a task."""
    return np.loadtxt(folder / "sbibm" / task / str(number) / "observation.csv", delimiter=",", skiprows=1)


def reference(folder: Path, task: str, number: int) -> np.ndarray:
    """10,000 draws of the exact posterior."""
    path = folder / "sbibm" / task / str(number) / "reference_posterior_samples.csv.bz2"
    with bz2.open(path, "rt") as lines:
        return np.loadtxt(lines, delimiter=",", skiprows=1)
