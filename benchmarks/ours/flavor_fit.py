"""Global fits of flavour models; as a process: what a user waits for the first time, from 512 starts."""

from typing import Any

from harness.serving import Answer, Work
from problems import flavor as problem

from wilks.inference.fitting import fit
from wilks.inference.multistart import Multistart
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.flavor.building import FlavorLikelihood, build
from wilks.physics.flavor.model import FlavorModel
from wilks.physics.flavor.nufit_terms import nufit
from wilks.physics.flavor.starts import wide_starts


def model_of(name: str) -> FlavorModel:
    """A model as a user writes it natively."""
    names, charged, neutral = problem.MODELS[name]
    space = ParameterSpace(tuple(Parameter(n, 0.1 * (i + 1)) for i, n in enumerate(names)))
    return FlavorModel(space, mass_matrix_e=charged, mass_matrix_n=neutral)


def likelihood_of(name: str, correlations: str = "1d") -> tuple[FlavorLikelihood, Any]:
    """Its likelihood against NuFIT 5.3."""
    terms: Any = nufit("5.3", "NO", correlations)
    return build(model_of(name), terms)


def global_fit(starts: int) -> Work:
    """Fits of the simple model from many starts; the answer is chi2."""
    likelihood, data = likelihood_of("seed")

    def work() -> Answer:
        found = fit(likelihood, data, start=Multistart(starts, key=1, draw=wide_starts))
        return {"items": 1, "values": [2.0 * found.excess], "scale": 1.0}

    return work


if __name__ == "__main__":
    print(global_fit(512)())
