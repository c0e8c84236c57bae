"""The problem of the rows on regions: three spectra at short baselines, absolute or as ratios, correlated errors."""

import jax.numpy as jnp
import numpy as np

from wilks.likelihood.residuals import GaussianResiduals
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

PLANE = ("s", "m")
BASELINES = np.array([7.0, 9.0, 12.0])  # m
LENGTH = np.linspace(-1.0, 1.0, 9)[None, :, None]  # m, averaged over
COUNTS = 400.0  # in the highest bin


class Spectra(AbstractPredictor):
    """Counts in bins of energy at three baselines, or those of the far ones over the near one."""

    space: ParameterSpace
    bins: int
    ratios: bool

    def __call__(self, values):
        """All bins."""
        energy = jnp.linspace(2.0, 6.0, self.bins)
        length = jnp.asarray(BASELINES)[:, None, None] + jnp.asarray(LENGTH)
        phase = 1.26693268 * values["m"] * length / energy[None, None]
        survival = 1.0 - values["s"] * jnp.mean(jnp.sin(phase) ** 2, axis=1)
        counts = survival * (COUNTS * jnp.exp(-0.5 * ((energy - 3.6) / 1.2) ** 2) + 0.1 * COUNTS)[None]
        return (counts[1:] / counts[:1]).ravel() if self.ratios else counts.ravel()


def likelihood(cells: int, *, ratios: bool) -> GaussianResiduals:
    """Residuals of about so many cells, with an error of 2 % common to all."""
    space = ParameterSpace((Parameter("s", 0.05, lower=0.0, upper=1.0), Parameter("m", 1.0, lower=0.1, upper=10.0)))
    predictor = Spectra(space, -(-cells // (2 if ratios else 3)), ratios)
    null = np.asarray(predictor({"s": 0.0, "m": 1.0}))
    variance = 2 * null**2 / (0.3 * COUNTS) if ratios else null
    return GaussianResiduals(predictor, covariance=np.diag(variance) + np.outer(0.02 * null, 0.02 * null))
