"""The table of all likelihoods: a new one is tested by adding a row."""

import jax.numpy as jnp
import numpy as np

from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint
from wilks.model.linear import LinearTemplates
from wilks.model.modifiers import Channel, HistoSys, NormFactor, NormSys, ShapeSys, TemplateSample
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

SIGNAL = np.array([3.0, 12.0, 8.0, 2.0])
BACKGROUND = np.array([30.0, 24.0, 17.0, 12.0])
VARIANCES = {"s": SIGNAL / 20, "b": BACKGROUND / 3}


def linear(**more) -> LinearTemplates:
    """Two norms, exact or simulated."""
    return LinearTemplates.of({"s": SIGNAL, "b": BACKGROUND}, **more)


def constrained(*, simulated: bool = False) -> TemplatePredictor:
    """Norm, shape and per-bin systematics: Gaussian and Poisson constraints."""
    signal = TemplateSample("signal", SIGNAL, modifiers=[NormFactor("s"), NormSys("eff", 1.1, 0.92)])
    bins = () if simulated else (ShapeSys("shape", [1.5, 1.0, 0.0, 2.0]),)
    tilt = HistoSys("tilt", BACKGROUND * [1.1, 1.02, 0.95, 0.9], BACKGROUND * [0.92, 0.99, 1.04, 1.08])
    background = TemplateSample(
        "background",
        BACKGROUND,
        variances=VARIANCES["b"] if simulated else None,
        modifiers=[NormFactor("b"), NormSys("eff", 0.97, 1.02), tilt, *bins],
    )
    return TemplatePredictor.from_channels([Channel("SR", [signal, background])])


class Lifetime(AbstractLikelihood):
    """Exponential waiting times: a likelihood as a user writes it."""

    space: ParameterSpace

    def log_prob(self, values, data):
        """Sum of ln(exp(-t/tau)/tau)."""
        return jnp.sum(-data / values["tau"] - jnp.log(values["tau"]))


def lifetime() -> Lifetime:
    """One parameter, away from zero."""
    return Lifetime(ParameterSpace((Parameter("tau", 2.0, lower=0.1, upper=20.0),)))


def joint() -> Joint:
    """Two measurements that share the signal, one of them with constraints."""
    control = LinearTemplates.of({"s": [1.0, 0.5], "c": [20.0, 40.0]}, channel="CR", parameters={"s": _signal_norm()})
    return Joint({"search": PoissonCounts(constrained()), "control": PoissonCounts(control)})


def _signal_norm() -> Parameter:
    return constrained().space["s"]


FAMILY = {
    "poisson": lambda: PoissonCounts(linear()),
    "poisson, constrained": lambda: PoissonCounts(constrained()),
    **{
        f"{model}, {errors}": lambda model=model, errors=errors: PoissonCounts(
            linear(variances=VARIANCES), template_statistics=model, template_errors=errors
        )
        for model in ("conway", "poisson")
        for errors in ("nominal", "scaled")
    },
    "marginal": lambda: PoissonCounts(linear(variances=VARIANCES), template_statistics="marginal"),
    "full": lambda: PoissonCounts(linear(variances=VARIANCES), template_statistics="full"),
    "conway of one template": lambda: PoissonCounts(
        linear(variances={"b": VARIANCES["b"]}), template_statistics="conway"
    ),
    "conway, constrained": lambda: PoissonCounts(constrained(simulated=True), template_statistics="conway"),
    "poisson scaled, constrained": lambda: PoissonCounts(
        constrained(simulated=True), template_statistics="poisson", template_errors="scaled"
    ),
    **{cost: lambda cost=cost: ChiSquareCounts(linear(), cost=cost) for cost in ("pearson", "neyman", "cnp")},
    "pearson, constrained": lambda: ChiSquareCounts(constrained(), cost="pearson"),
    "joint": joint,
    "joint of costs": lambda: Joint(
        {"a": ChiSquareCounts(linear(), cost="cnp"), "b": PoissonCounts(linear(variances=VARIANCES))}
    ),
}
"""Name -> constructor of every likelihood of counts."""

DENSITIES = ("poisson", "poisson, constrained", "marginal", "joint")
"""Those whose log_prob is the density that simulate draws from, with nothing profiled in it."""

CELLS = tuple(name for name in FAMILY if not name.startswith("joint"))
"""Those that judge cell by cell."""


def point(likelihood, generator) -> np.ndarray:
    """A point well inside the bounds and the physical domain."""
    space = likelihood.space
    centre = np.where(space.starts == 0, 0.0, space.starts)
    moved = centre + 0.25 * generator.uniform(-1, 1, len(space))
    return np.where(space.free_mask, np.clip(moved, space.lowers + 0.05, space.uppers), space.starts)


def counts(likelihood, generator):
    """Data as a user hands them over, some bins of them empty."""
    if isinstance(likelihood, Joint):
        return {name: counts(part, generator) for name, part in likelihood.parts.items()}
    n = generator.poisson(25, likelihood.layout.bins).astype(float)
    n[generator.integers(0, len(n))] = generator.choice([0.0, 1.0, 25.0])
    return {"counts": n, "auxiliary": likelihood.constraints.observed * generator.uniform(0.9, 1.1)}


def fluctuated(likelihood, data, generator):
    """The same with the simulation's auxiliary data away from 1."""
    if isinstance(likelihood, Joint):
        return {name: fluctuated(part, data[name], generator) for name, part in likelihood.parts.items()}
    size = len(data.simulation)
    return type(data)(data.counts, data.auxiliary, generator.uniform(0.8, 1.2, size))
