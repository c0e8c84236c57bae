"""The benchmark problems as Wilks likelihoods with stacked data of many toys."""

import jax.numpy as jnp
import numpy as np
from problems import histograms, systematics, unbinned

import wilks
from wilks.interchange.histfactory import Workspace
from wilks.likelihood.binned import CountsData
from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.unbinned import Unbinned
from wilks.model.density_source import DensitySource
from wilks.model.linear import LinearTemplates
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace


def two_norms(problem: histograms.TwoNorms, *, statistics: bool = False) -> LinearTemplates:
    """The predictor of a problem of two norms."""
    parameters = {
        name: Parameter(name, 1.0, lower=lower, upper=upper)
        for name, (lower, upper) in zip(problem.names, problem.bounds, strict=True)
    }
    return LinearTemplates.of(
        dict(zip(problem.names, problem.templates, strict=True)),
        variances=dict(zip(problem.names, problem.variances, strict=True)) if statistics else None,
        parameters=parameters,
    )


def two_norm_likelihood(problem: histograms.TwoNorms, errors: str = "none") -> PoissonCounts:
    """Poisson likelihood; ``errors``: none, or the template statistics' ``nominal`` or ``scaled``."""
    if errors == "none":
        return PoissonCounts(two_norms(problem))
    return PoissonCounts(two_norms(problem, statistics=True), template_statistics="conway", template_errors=errors)


def two_norm_toys(problem: histograms.TwoNorms, n: int, errors: str = "none") -> CountsData:
    """Stacked data of ``n`` toys; the simulation fluctuates only where the peer's does."""
    counts = histograms.poisson_toys(problem, n)
    simulation = {
        "none": np.ones((n, 0)),
        "nominal": histograms.simulation_toys(problem, n),
        "scaled": np.ones_like(counts),
    }[errors]
    return CountsData(counts, np.zeros((n, 0)), simulation)


def pearson(problem: histograms.TwoNorms) -> ChiSquareCounts:
    """The tutorial's cost on the same templates."""
    return ChiSquareCounts(two_norms(problem), cost="pearson")


def systematics_workspace() -> wilks.Workspace:
    """Problem b, read from its document."""
    return Workspace.read(systematics.workspace())


def systematics_toys(likelihood: PoissonCounts, n: int) -> CountsData:
    """Stacked toys of problem b, auxiliary data in the likelihood's order."""
    counts, pulls = systematics.toys(n)
    order = [systematics.PULLS.index(name) for name in likelihood.constraints.parameters]
    return CountsData(counts, pulls[:, order], np.zeros((n, 0)))


def peak_on_decay() -> Unbinned:
    """Problem c: the shape alone is fitted."""
    parameters = [
        Parameter(name, start, lower=lower, upper=upper)
        for name, start, (lower, upper) in zip(unbinned.NAMES, unbinned.START, unbinned.BOUNDS, strict=True)
    ]

    def density(x: jnp.ndarray, p: dict) -> jnp.ndarray:
        z = (x - p["m"]) / p["s"]
        return p["f"] * unbinned.PEAK / p["s"] * jnp.exp(-0.5 * z**2) + (1.0 - p["f"]) * unbinned.DECAY * jnp.exp(
            -x / unbinned.SCALE
        )

    source = DensitySource(
        density, ParameterSpace(tuple(parameters)), limits=unbinned.LIMITS, events=float(unbinned.EVENTS)
    )
    return Unbinned({"all": source}, free=dict.fromkeys(unbinned.NAMES))
