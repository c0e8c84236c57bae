"""Small models that the tests of procedures share, so that their programs are compiled once."""

import functools

import jax.numpy as jnp
import numpy as np

from tests.reference.published import PYHF_README, SEED_COUNTS
from wilks.likelihood.counts import PoissonCounts
from wilks.model.linear import LinearTemplates
from wilks.model.modifiers import Channel, HistoSys, NormFactor, NormSys, ShapeSys, StatError, TemplateSample
from wilks.model.predictor import AbstractPredictor
from wilks.model.template_model import TemplatePredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

CENTRES = np.arange(0.5, 10.0)
SIGNAL = 50 * np.exp(-0.5 * (CENTRES - 5) ** 2) / np.exp(-0.5 * (CENTRES - 5) ** 2).sum()
BACKGROUND = 200 * np.exp(-CENTRES / 5) / np.exp(-CENTRES / 5).sum()
TRUTH = {"s": 1.0, "b": 1.0}
OBSERVED = np.array([40.0, 34, 29, 31, 38, 33, 20, 9, 11, 5])


@functools.cache
def peak() -> PoissonCounts:
    """A peak on a falling background: ten bins, two norms (problem a of the engine's benchmarks)."""
    return PoissonCounts(
        LinearTemplates.of(
            {"s": SIGNAL, "b": BACKGROUND},
            parameters={"s": Parameter("s", 1.0, lower=-1.0, upper=10.0), "b": Parameter("b", 1.0, 0.0, 10.0)},
        )
    )


@functools.cache
def counting() -> PoissonCounts:
    """One Poisson count of mean s >= 0."""
    return PoissonCounts(LinearTemplates.of({"s": [1.0]}))


@functools.cache
def systematics() -> PoissonCounts:
    """The peak with a norm and a shape systematic: four parameters, two constraints."""
    signal = TemplateSample("signal", SIGNAL, modifiers=[NormFactor("mu"), NormSys("norm", 1.08, 0.95)])
    tilt = np.linspace(-0.08, 0.1, 10)
    shape = HistoSys("tilt", BACKGROUND * (1 + tilt), BACKGROUND * (1 - 0.9 * tilt))
    background = TemplateSample("background", BACKGROUND, modifiers=[NormFactor("b"), shape])
    return PoissonCounts(TemplatePredictor.from_channels([Channel("SR", [signal, background])]))


@functools.cache
def readme() -> PoissonCounts:
    """The two-bin model of pyhf's README."""
    signal = TemplateSample("signal", PYHF_README["signal"], modifiers=[NormFactor("mu")])
    shape = ShapeSys("uncorr_bkguncrt", PYHF_README["uncertainty"])
    background = TemplateSample("background", PYHF_README["background"], modifiers=[shape])
    return PoissonCounts(TemplatePredictor.from_channels([Channel("singlechannel", [signal, background])]))


def twins() -> PoissonCounts:
    """Two identical templates, both free and unbounded: only their sum is known."""
    free = {name: Parameter(name, 1.0) for name in ("a", "b")}
    return PoissonCounts(LinearTemplates.of({"a": [1.0, 2.0], "b": [1.0, 2.0]}, parameters=free))


def seed_templates() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signal, background and the background's variances with the shape of the four-lepton spectrum."""
    masses = 82.5 + 5 * np.arange(34)
    signal = 10 * np.exp(-0.5 * ((masses - 124) / 3) ** 2) + 0.05
    background = np.maximum(np.array(SEED_COUNTS) - 0.8 * signal, 2.0)
    return signal, background, background * 0.4


def closed_and_open() -> tuple[PoissonCounts, PoissonCounts]:
    """Finite simulation of 34 bins in closed form, and with one explicit parameter per bin."""
    signal, background, variance = seed_templates()
    closed = PoissonCounts(
        LinearTemplates.of({"s_s": signal, "s_b": background}, variances={"s_b": variance}),
        template_statistics="conway",
    )
    first = TemplateSample("signal", signal, modifiers=[NormFactor("s_s")])
    second = TemplateSample("background", background, modifiers=[NormFactor("s_b"), StatError("st", variance**0.5)])
    return closed, PoissonCounts(TemplatePredictor.from_channels([Channel("SR", [first, second])]))


def rosenbrock(values):
    """A curved valley with its minimum at (1, 1)."""
    return (1 - values["x"]) ** 2 + 100 * (values["y"] - values["x"] ** 2) ** 2


def saddle(values):
    """Two minima at x = +-1 with a saddle between them, from which the test starts."""
    return (values["x"] ** 2 - 1) ** 2 + 0.5 * (values["y"] - 0.3) ** 2


def double_well(values):
    """A minimum near x = 1 and a lower one near x = -1, with a low barrier between them."""
    return 0.3 * ((values["x"] ** 2 - 1) ** 2 + 0.1 * values["x"])


def bumped(values):
    """A single well with a bump on its flank: the region below 1/2 has a hole."""
    x = values["x"]
    return 0.5 * (jnp.log1p(x**2 / 4) + 3 * jnp.exp(-0.5 * ((x - 1.8) / 0.15) ** 2))


def plane(x=0.0, y=0.0, **bounds) -> ParameterSpace:
    """Two unbounded parameters."""
    return ParameterSpace((Parameter("x", x, **bounds), Parameter("y", y)))


def line(x=0.0, **bounds) -> ParameterSpace:
    """One parameter."""
    return ParameterSpace((Parameter("x", x, **bounds),))


class TwoValleys(AbstractPredictor):
    """One bin that does not tell x = 1 from x = -1, and one that does."""

    space: ParameterSpace

    def __call__(self, values):
        x = values["x"]
        return jnp.stack([100.0 + 40.0 * (x**2 - 1) ** 2, 60.0 + 15.0 * x])
