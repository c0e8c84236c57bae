"""Small sources of events for tests: an exponential decay, and a Gaussian peak, on a range."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr, ndtr
from jaxtyping import Array, Float, PRNGKeyArray

from wilks._base.errors import InvalidData
from wilks._base.typing import Values
from wilks.data.events import Events
from wilks.model.sources import AbstractEventSource
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace


def generator(key: PRNGKeyArray) -> np.random.Generator:
    """A NumPy generator from a key."""
    high, low = (int(word) for word in np.asarray(jax.random.key_data(key)))
    return np.random.Generator(np.random.Philox(key=high << 32 | low))


def column(events: Events, name: str) -> np.ndarray:
    """One column, finite."""
    x = np.asarray(events[name], dtype=float)
    if not np.isfinite(x).all():
        raise InvalidData(f"column {name!r}: event {np.flatnonzero(~np.isfinite(x))[0]} is not finite")
    return x


class Decay(AbstractEventSource):
    """Events of density exp(-x/tau)/tau on [0, top), normalised there; ``mean`` of them."""

    space: ParameterSpace
    mean: float
    top: float

    def __init__(self, mean=100.0, tau=4.0, top=10.0, name="tau"):
        self.space = ParameterSpace((Parameter(name, tau, lower=1e-3),))
        self.mean, self.top = mean, top

    def prepare(self, events: Events) -> np.ndarray:
        return column(events, "x")

    def log_rate(self, values: Values, prepared: Array) -> Float[Array, " events"]:
        tau = values[self.space.names[0]]
        inside = (prepared >= 0) & (prepared < self.top)
        log_norm = jnp.log(-jnp.expm1(-self.top / tau)) if np.isfinite(self.top) else 0.0
        return jnp.where(inside, np.log(self.mean) - prepared / tau - jnp.log(tau) - log_norm, -jnp.inf)

    def expected_events(self, values: Values) -> Float[Array, ""]:
        return jnp.asarray(self.mean)

    def simulate(self, keys, values) -> tuple[Events, ...]:
        tau = values[self.space.names[0]]
        found = []
        for key in keys:
            g = generator(key)
            u = g.random(g.poisson(self.mean))
            found.append(Events({"x": -tau * np.log1p(u * np.expm1(-self.top / tau))}))
        return tuple(found)


class Peak(AbstractEventSource):
    """Events of a Gaussian cut to [0, top); ``mean`` of them before the cut, so that the number follows the shape."""

    space: ParameterSpace
    mean: float
    top: float

    def __init__(self, mean=100.0, centre=5.0, width=0.5, top=10.0):
        self.space = ParameterSpace((Parameter("m", centre), Parameter("s", width, lower=1e-3)))
        self.mean, self.top = mean, top

    def prepare(self, events: Events) -> np.ndarray:
        return column(events, "x")

    def log_rate(self, values: Values, prepared: Array) -> Float[Array, " events"]:
        z = (prepared - values["m"]) / values["s"]
        density = jnp.log(self.mean) - 0.5 * z**2 - jnp.log(values["s"]) - 0.5 * np.log(2 * np.pi)
        return jnp.where((prepared >= 0) & (prepared < self.top), density, -jnp.inf)

    def expected_events(self, values: Values) -> Float[Array, ""]:
        m, s = values["m"], values["s"]
        return self.mean * (ndtr((self.top - m) / s) - jnp.exp(log_ndtr(-m / s)))

    def simulate(self, keys, values) -> tuple[Events, ...]:
        found = []
        for key in keys:
            g = generator(key)
            x = values["m"] + values["s"] * g.standard_normal(g.poisson(self.mean))
            found.append(Events({"x": x[(x >= 0) & (x < self.top)]}))
        return tuple(found)
