"""A flavour model against NuFIT: matrices in plain numpy, all minima, a chain, predictions, and what chi2 is worth."""

import numpy as np

from wilks import ByToys, Parameter, ParameterSpace, fit, goodness_of_fit
from wilks.inference.clusters import images
from wilks.inference.multistart import Multistart
from wilks.inference.predictions import predict
from wilks.inference.sampling.ensemble import Ensemble
from wilks.inference.sampling.sampling import sample
from wilks.physics.flavor import build, nufit
from wilks.physics.flavor.model import FlavorModel
from wilks.physics.flavor.pictures import hexbin
from wilks.physics.flavor.starts import wide_starts


def charged_leptons(p):
    return np.array([[0.0048 * 0.0565, 0, 0], [0, 0.0565, 0], [0, 0, 1]])


def neutrinos(p):
    return np.array([[1, p["v2"], p["v3"]], [p["v1"], 1, p["v3"]], [p["v1"], p["v2"], 1]])


space = ParameterSpace((Parameter("v1"), Parameter("v2"), Parameter("v3")))
model = FlavorModel(space, mass_matrix_e=charged_leptons, mass_matrix_n=neutrinos, ordering="NO")
print(model({"v1": 1.5, "v2": 1.1, "v3": 1.3}))

# The lowest minimum, and every other one that 256 starts find.
likelihood, data = build(model, nufit("5.3", "NO"))
result = fit(likelihood, data, start=Multistart(256, key=1, draw=wide_starts))
print(result, result.contributions, result.minima, sep="\n")
print("minima that predict the same:", [group for group in images(result.minima, model) if len(group) > 1])

# chi2 = 4.9 is not "2.2 sigma": toys say how often data of this model lie as far from it, refitted from the minimum.
print(goodness_of_fit(likelihood, data, start=result, calibration=ByToys(1, 100)))

# Around the minimum: 40 walkers, then all observables of all draws in one call.
chains = sample(2, likelihood, data, algorithm=Ensemble(walkers=40, steps=2000, thin=5), start=result)
points = predict(model, chains)
print(chains, points, sep="\n")

hexbin(points, "v1", "v2").figure.savefig("couplings.svg")
hexbin(points, "s12^2", "m21^2", experiment="1d").figure.savefig("solar.svg")
hexbin(points, "s23^2", "d/pi", experiment="2d", dof=2).figure.savefig("atmospheric.svg")
