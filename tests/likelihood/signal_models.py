"""Short-baseline oscillation experiments, small enough for tests: absolute spectra and ratios of spectra."""

import functools

import jax.numpy as jnp
import numpy as np

from wilks.likelihood.joint import Joint
from wilks.likelihood.residuals import GaussianResiduals
from wilks.likelihood.signal_grids import SignalGrid
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.priors import LogUniform
from wilks.parameters.space import ParameterSpace

PLANE = ("s", "m")
BASELINES = np.array([7.0, 9.0, 12.0])  # m
ENERGIES = np.linspace(2.0, 6.0, 20)  # MeV
SPECTRUM = 1000.0 * np.exp(-0.5 * ((ENERGIES - 3.6) / 1.2) ** 2) + 100.0
ROW = SPECTRUM[None]


def plane(*more: Parameter) -> ParameterSpace:
    """Amplitude and splitting, and nuisances."""
    s = Parameter("s", 0.05, lower=0.0, upper=1.0, prior=LogUniform(1e-3, 1.0))
    m = Parameter("m", 1.0, lower=0.1, upper=10.0, unit="eV^2", prior=LogUniform(0.1, 10.0))
    return ParameterSpace((s, m, *more))


def survival(s, m):
    """P at all baselines (rows) and energies."""
    phase = 1.26693268 * m * BASELINES[:, None] / ENERGIES[None]
    return 1.0 - s * jnp.sin(phase) ** 2


class Spectra(AbstractPredictor):
    """Counts at three baselines: linear in s; optionally scaled by a norm, or by a norm of each baseline."""

    space: ParameterSpace

    def __call__(self, values):
        """Counts of all bins."""
        counts = survival(values["s"], values["m"]) * ROW
        if "norm" in self.space:
            counts = counts * (1.0 + values["norm"])
        if "background" in self.space:
            counts = counts + 40.0 * values["background"]
        return counts.ravel()


class Ratios(AbstractPredictor):
    """Spectra of the two far baselines over the near one: rational in s."""

    space: ParameterSpace

    def __call__(self, values):
        """Ratios of all bins."""
        smeared = jnp.asarray(smearing()) @ (survival(values["s"], values["m"]) * ROW).T
        return (smeared[:, 1:] / smeared[:, :1]).T.ravel()


class Pull(AbstractPredictor):
    """One parameter as its own measurement."""

    space: ParameterSpace

    def __call__(self, values):
        """The parameter."""
        return jnp.stack([values[self.space.names[0]]])


@functools.cache
def smearing() -> np.ndarray:
    """Energy resolution between the 20 bins."""
    matrix = np.exp(-0.5 * ((ENERGIES[:, None] - ENERGIES[None]) / 0.25) ** 2)
    return matrix / matrix.sum(axis=0)


def auxiliary(name: str, width: float) -> tuple[Parameter, GaussianResiduals]:
    """A nuisance around zero with its auxiliary measurement."""
    parameter = Parameter(name, 0.0)
    return parameter, GaussianResiduals(Pull(ParameterSpace((parameter,))), errors=np.array([width]))


@functools.cache
def spectra() -> GaussianResiduals:
    """60 counts with statistical errors and a correlated one of 2 %."""
    mean = np.tile(SPECTRUM, 3)
    return GaussianResiduals(Spectra(plane()), covariance=np.diag(mean) + np.outer(0.02 * mean, 0.02 * mean))


@functools.cache
def ratios() -> GaussianResiduals:
    """40 ratios with independent errors of 3 to 8 %."""
    return GaussianResiduals(Ratios(plane()), errors=np.tile(0.9 / np.sqrt(SPECTRUM), 2))


@functools.cache
def scaled(name: str = "norm") -> Joint:
    """60 counts with a nuisance of its own auxiliary measurement: ``norm`` scales the signal too."""
    parameter, pull = auxiliary(name, 0.02)
    return Joint(
        {"spectra": GaussianResiduals(Spectra(plane(parameter)), errors=np.sqrt(np.tile(SPECTRUM, 3))), "pull": pull}
    )


@functools.cache
def both() -> Joint:
    """Spectra and ratios together."""
    return Joint({"spectra": spectra(), "ratios": ratios()})


def grid(amplitudes: int = 9, shapes: int = 16) -> SignalGrid:
    """Logarithmic nodes."""
    return SignalGrid.logarithmic(PLANE, (1e-2, 1.0, amplitudes), (0.1, 3.0, shapes))
