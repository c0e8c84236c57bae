"""Densities with known moments, in the role of likelihoods that the samplers are tried on."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from scipy import special

from wilks.likelihood.interface import AbstractLikelihood
from wilks.parameters.normal_priors import Normal
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace


class Formula(AbstractLikelihood):
    """A log density written as a function of (values, data)."""

    space: ParameterSpace
    formula: Callable[[Mapping[str, Any], Any], Any] = eqx.field(static=True)

    def log_prob(self, values, data):
        """The formula."""
        return jnp.asarray(self.formula(values, data), dtype=float)


def normal(values, data):
    """Two normal numbers of unequal scale, correlation 0.9, around the data."""
    x, y = values["a"] - data[0], (values["b"] - data[1]) / 10.0
    return -0.5 * (x**2 - 1.8 * x * y + y**2) / (1.0 - 0.81)


def banana(values, data):
    """U normal, v normal around u^2/2."""
    return -0.5 * values["u"] ** 2 - 0.5 * (values["v"] - 0.5 * values["u"] ** 2) ** 2


def bounded(values, data):
    """W exponential of mean 1/2, piled up at its lower bound; p with density p^3, piled up at its upper bound."""
    return -2.0 * values["w"] + 3.0 * jnp.log(values["p"])


def everything(values, data):
    """The three together, with an angle around pi and a number that has a prior."""
    known = -0.5 * ((values["q"] - 2.0) / 0.5) ** 2
    angle = 3.0 * jnp.cos(values["c"] - jnp.pi)
    return normal(values, data) + banana(values, data) + bounded(values, data) + known + angle


MEANS = np.array([1.0, -20.0])
START = {"a": 1.5, "b": -15.0, "u": 0.1, "v": 1.0, "w": 0.4, "p": 0.7, "c": 3.0, "q": 1.5}


@functools.cache
def composite() -> Formula:
    """All kinds of parameters at once: correlated, bent, bounded, periodic, with a prior, and held."""
    space = ParameterSpace(
        (
            Parameter("a", 0.0),
            Parameter("b", 0.0, unit="GeV"),
            Parameter("held", 7.0, fixed=True),
            Parameter("u", 0.0),
            Parameter("v", 0.0),
            Parameter("w", 1.0, lower=0.0),
            Parameter("p", 0.5, lower=0.0, upper=1.0),
            Parameter("c", 0.0, period=2.0 * np.pi),
            Parameter("q", 0.0, prior=Normal(0.0, 1.0)),
        )
    )
    return Formula(space, everything)


def bent() -> Formula:
    """The banana alone, with a bounded parameter beside it."""
    space = ParameterSpace((Parameter("u", 0.0), Parameter("v", 0.0), Parameter("w", 1.0, lower=0.0)))
    return Formula(space, lambda values, data: banana(values, data) - 2.0 * values["w"])


def far_apart() -> Formula:
    """Two modes, forty standard deviations apart."""
    space = ParameterSpace((Parameter("x", 0.0), Parameter("y", 0.0)))
    return Formula(
        space,
        lambda v, data: jnp.logaddexp(-0.5 * (v["x"] - 20.0) ** 2, -0.5 * (v["x"] + 20.0) ** 2) - 0.5 * v["y"] ** 2,
    )


# moments of `composite` in closed form: mean and standard deviation
MOMENTS = {
    "a": (1.0, 1.0),
    "b": (-20.0, 10.0),
    "u": (0.0, 1.0),
    "v": (0.5, 1.5**0.5),  # var(u^2)/4 + 1
    "w": (0.5, 0.5),
    "p": (0.8, (4.0 / 150.0) ** 0.5),  # Beta(4, 1)
    "q": (1.6, 0.2**0.5),  # precisions 1 and 4, means 0 and 2
}
COSINE = float(special.i1(3.0) / special.i0(3.0))  # mean cosine of an angle with density exp(3 cos)
