"""Predictions of spectra at several detectors and of their ratios, in which flux and cross section nearly cancel."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Values
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace

from .path_tables import PathTables
from .smearing import Smearing
from .survival import AbstractSurvival


class DetectorSpectra(eqx.Module):
    """Expected events per bin of detectors with common bins: sum over E of R(bin, E) rate_d(E) P_d(E).

    Args:
        rates: weight x flux x cross section / L^2 per detector and true energy; only ratios of detectors matter.
        tables: averaged oscillations of each detector.
        smearing: from true to reconstructed energy.
        survival: model of survival.
    """

    rates: Float[np.ndarray, "detectors energies"]
    tables: PathTables
    smearing: Smearing
    survival: AbstractSurvival

    def __call__(self, values: Values) -> Float[Array, "detectors bins"]:
        """Events at the named values."""
        alive = self.tables.survival(self.survival.terms(values), jnp.asarray(self.smearing.energies))
        return (jnp.asarray(self.rates) * alive) @ self.smearing.matrix(values).T

    def without_oscillation(self, values: Values) -> Float[Array, "detectors bins"]:
        """Events with P = 1."""
        return jnp.asarray(self.rates) @ self.smearing.matrix(values).T


class SpectralRatios(AbstractPredictor[Float[Array, " values"]]):
    """Ratios of sums of detectors, bin by bin.

    Args:
        space: parameters.
        spectra: events of all detectors.
        far: detectors in each numerator, times the constant of the ratio.
        near: detectors in each denominator.
    """

    space: ParameterSpace
    spectra: DetectorSpectra
    far: Float[np.ndarray, "ratios detectors"]
    near: Float[np.ndarray, "ratios detectors"]

    def __call__(self, values: Values) -> Float[Array, " values"]:
        """Ratios, one after the other."""
        events = self.spectra(values)
        return ((jnp.asarray(self.far) @ events) / (jnp.asarray(self.near) @ events)).ravel()


class RatioToReference(AbstractPredictor[Float[Array, " values"]]):
    """The spectrum of one experiment over the expectation derived from another: [n/n(0)] [d(0)/d], bin by bin.

    Args:
        space: parameters.
        spectra: events n of the experiment, one detector.
        reference: events d of the reference, summed over its detectors.
        reference_rates: d(0), the reference without any oscillation.
    """

    space: ParameterSpace
    spectra: DetectorSpectra
    reference: DetectorSpectra
    reference_rates: Float[np.ndarray, " bins"]

    def __call__(self, values: Values) -> Float[Array, " values"]:
        """Ratios at the named values."""
        here = self.spectra(values)[0] / self.spectra.without_oscillation(values)[0]
        there = jnp.asarray(self.reference_rates) / jnp.sum(self.reference(values), axis=0)
        return here * there
