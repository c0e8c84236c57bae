"""An unbinned fit of events with a density of one's own: its shape alone, then its number of events as well."""

import jax.numpy as jnp
import numpy as np

import wilks
from wilks.data import Events
from wilks.model import DensitySource

rng = np.random.default_rng(1)
masses = np.concatenate([rng.normal(125, 2, 60), 100 + rng.exponential(30, 400)])
data = Events({"mass": masses[masses < 150]})


def peak(m, p):
    return jnp.exp(-0.5 * ((m - p["centre"]) / p["width"]) ** 2)


def falling(m, p):
    return jnp.exp(-m / p["slope"])


signal = wilks.ParameterSpace((wilks.Parameter("centre", 124.0), wilks.Parameter("width", 3.0, lower=0.5)))
background = wilks.ParameterSpace((wilks.Parameter("slope", 20.0, lower=1.0),))
likelihood = wilks.Unbinned(
    {
        "signal": DensitySource(peak, signal, limits=(100, 150), observable="mass", events=50),
        "background": DensitySource(falling, background, limits=(100, 150), observable="mass", events=300),
    },
    free_rates=("signal", "background"),
    free={"centre": (110, 140), "width": (0.5, 10), "slope": (5, 200)},
)
result = wilks.fit(likelihood, data)
print(result)
print(wilks.interval(likelihood, data, "signal_rate_multiplier"))
