"""The same lines train a posterior for a flavour model, a response matrix and a xenon source, without a likelihood."""

import sys

import jax
import jax.numpy as jnp
import numpy as np

from wilks import Parameter, ParameterSpace
from wilks.inference import sbi
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.priors import LogUniform, Uniform
from wilks.physics import xenon
from wilks.physics.flavor import build, nufit
from wilks.physics.flavor.model import FlavorModel

pairs, steps = map(int, sys.argv[1:3]) if len(sys.argv) > 2 else (300, 80)  # a taste; 20,000 and 15,000 are serious


def learn(simulator, space, data):
    posterior = sbi.train_posterior(1, simulator, space, path=path, pairs=pairs, budget=budget, coordinate="normal")
    samples = posterior.sample(jax.random.key(2), data, 2000)
    print(type(simulator).__name__, posterior.flags, samples, "", sep="\n")


path, budget = sbi.MixtureDensity(components=4), sbi.Budget(steps=steps)  # FlowMatching() is the usual one


# 1. flavour: three couplings of the matrices against masses and mixing of leptons in NuFIT
def charged_leptons(p):
    return jnp.diag(jnp.array([0.0048 * 0.0565, 0.0565, 1.0]))


def neutrinos(p):
    return jnp.array([[1, p["v2"], p["v3"]], [p["v1"], 1, p["v3"]], [p["v1"], p["v2"], 1]])


couplings = ParameterSpace([Parameter(n, 1.0, 0.2, 3.0, prior=Uniform(0.2, 3.0)) for n in ("v1", "v2", "v3")])
model = FlavorModel(couplings, mass_matrix_e=charged_leptons, mass_matrix_n=neutrinos, ordering="NO")
likelihood, best_values = build(model, nufit("5.3", "NO"))
learn(likelihood, couplings, best_values)


# 2. response: two truth templates seen through a matrix of efficiencies and migrations
class Folded(AbstractSimulator):
    """Poisson counts n ~ R (a t_a + b t_b) of six reconstructed bins."""

    space: ParameterSpace
    matrix: jax.Array
    templates: jax.Array

    def simulate(self, key, values):
        """One set of counts."""
        return jax.random.poisson(key, self.expected(values)).astype(float)

    def expected(self, values):
        """Mean counts."""
        return self.matrix @ (values["a"] * self.templates[0] + values["b"] * self.templates[1])


amounts = ParameterSpace([Parameter(n, 1.0, 0.0, 3.0, prior=Uniform(0.0, 3.0)) for n in ("a", "b")])
distance = np.arange(6)[:, None] - np.arange(6)[None]
migrations = 0.7 * np.exp(-0.5 * distance**2) / np.exp(-0.5 * distance**2).sum(axis=0)
folded = Folded(amounts, jnp.asarray(migrations), jnp.array([[80.0, 60, 40, 20, 10, 5], [10.0, 20, 40, 60, 40, 20]]))
learn(folded, amounts, folded.simulate(jax.random.key(3), {"a": 1.0, "b": 1.5}))


# 3. xenon: rate and electron lifetime from electronic recoils, whose simulator is no compiled code
class Recoils(AbstractSimulator):
    """Number of events, and quantiles of ln S1 and ln S2 of those that the cuts leave."""

    space: ParameterSpace

    def simulate(self, key, values):
        """Seven numbers of one set of events."""
        n = np.random.default_rng(np.asarray(jax.random.key_data(key))).poisson(values["events"])
        events = source.draw(key, n, {"elife": float(values["elife"])})
        shares = [np.quantile(np.log(events[c]), [0.2, 0.5, 0.8]) if len(events) else np.zeros(3) for c in ("s1", "s2")]
        return np.array([len(events), *shares[0], *shares[1]], dtype=float)

    def expected(self, values):
        """One typical set; training does not ask for it."""
        return self.simulate(jax.random.key(0), values)


source = xenon.ERSource()
detector = ParameterSpace(
    [
        Parameter("events", 30.0, 10.0, 100.0, prior=Uniform(10.0, 100.0)),
        Parameter("elife", 4e5, 1e5, 2e6, prior=LogUniform(1e5, 2e6), unit="ns"),
    ]
)
recoils = Recoils(detector)
learn(recoils, detector, recoils.simulate(jax.random.key(4), {"events": 40.0, "elife": 452e3}))
