"""Exposure of an experiment (flux times targets, or luminosity) in bins of energy, with its uncertainty as throws."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption
from wilks._base.typing import Key
from wilks.data.batches import as_batch
from wilks.data.binning import AbstractBinning
from wilks.data.product import Product
from wilks.model.ensemble_labels import NO_LABELS
from wilks.model.ensembles import ResampledEnsemble
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from .posterior import generator_of


@dataclass(frozen=True, eq=False)
class Exposure:
    """Exposure per flux bin, once per variation: n_i = sum over flux bins j of F_j x_ij turns cross sections to events.

    Args:
        flux: bins of the flux.
        per_bin: F_sj, exposure in flux bin j in variation s, in ``unit``; not negative.
        weights: weight of each variation.
        unit: unit of the exposure, such as ``"years"``.
        variations: names of the variations, if they have any; the detector's, where they are paired with it.

    Raises:
        InvalidData: if shapes do not fit, or a number is negative or not finite.
    """

    flux: AbstractBinning
    per_bin: Float[np.ndarray, "variations flux"]
    weights: Float[np.ndarray, " variations"]
    unit: str = ""
    variations: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.per_bin.shape != (len(self.weights), self.flux.size):
            raise InvalidData(
                f"exposure of shape {self.per_bin.shape} for {len(self.weights)} weights and {self.flux.size} flux bins"
            )
        bad = ~np.isfinite(self.per_bin) | (self.per_bin < 0)
        if bad.any():
            s, j = (int(i) for i in np.argwhere(bad)[0])
            raise InvalidData(f"exposure in flux bin {j} of variation {s} is {self.per_bin[s, j]}; it must be positive")

    @classmethod
    def of(cls, flux: AbstractBinning, values: Any, *, unit: str = "") -> "Exposure":
        """Known exposure per flux bin, or one row of it per variation.

        Args:
            flux: bins of the flux.
            values: exposure of each bin in ``unit``, of shape (flux bins) or (variations, flux bins).
            unit: unit of the exposure.
        """
        rows = np.atleast_2d(np.asarray(values, dtype=np.float64))
        return cls(flux, rows, np.ones(len(rows)), unit)

    @classmethod
    def throws(
        cls, flux: AbstractBinning, samples: Mapping[str, Any], *, weight: float | int = 1.0, unit: str = ""
    ) -> "Exposure":
        """Exposure from simulated beam particles, one sample of them per variation.

        Args:
            flux: bins of the flux.
            samples: for each variable of the flux an array of shape (variations, particles).
            weight: exposure of one particle, in ``unit``.
            unit: unit of the exposure.

        Raises:
            InvalidData: for a missing variable or another shape.
        """
        arrays = {name: np.asarray(values, dtype=np.float64) for name, values in samples.items()}
        shapes = {array.shape for array in arrays.values()}
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise InvalidData(f"samples of shapes {shapes}; expected one shape (variations, particles)")
        variations, particles = shapes.pop()
        index = flux.locate(as_batch({name: array.reshape(-1) for name, array in arrays.items()}))
        variation = np.repeat(np.arange(variations), particles)[index >= 0]
        flat = np.ravel_multi_index((variation, index[index >= 0]), (variations, flux.size))
        counts = np.bincount(flat, minlength=variations * flux.size).reshape(variations, flux.size)
        return cls(flux, float(weight) * counts, np.ones(variations), unit)

    def with_normalisation_error(self, relative: float, key: Key) -> "Exposure":
        """The exposure with each variation multiplied by a log-normal factor of mean 1.

        Args:
            relative: standard deviation of the factor, at least 0.
            key: random key.

        Raises:
            InvalidOption: for a negative error.
        """
        if not relative >= 0:
            raise InvalidOption(f"relative error {relative} of the exposure; it must be at least 0")
        width = np.sqrt(np.log1p(relative**2))
        normal = generator_of(key).standard_normal(len(self.weights))
        factors = np.exp(width * normal - 0.5 * width**2)
        return replace(self, per_bin=self.per_bin * factors[:, None])

    def events(self, cross_sections: Float[np.ndarray, " bins"]) -> Float[np.ndarray, "variations truth"]:
        """Expected events in truth bins.

        Args:
            cross_sections: events per unit of exposure in each bin of ``Product((truth, flux))``.

        Raises:
            InvalidData: if their number is no multiple of the flux bins.
        """
        if len(cross_sections) % self.flux.size:
            raise InvalidData(f"{len(cross_sections)} cross sections for {self.flux.size} flux bins")
        return self.per_bin @ cross_sections.reshape(-1, self.flux.size).T

    def predictor(self, binning: Product, *, lower: float | int = 0.0, name: str = "") -> ResampledEnsemble:
        """Expected events in truth bins as a predictor with one cross section per bin as parameters.

        Their unit is that of 1 / exposure, so `compose` refuses cross sections that are said to be in another one.

        Args:
            binning: ``Product((truth, flux))``; the flux must be its last part.
            lower: lower bound of the cross sections.
            name: beginning of the names of the parameters; by default one that belongs to the binning.

        Raises:
            InvalidData: if the last part is not the flux.
        """
        if binning.parts[-1] != self.flux or len(binning.parts) < 2:
            raise InvalidData("cross sections need a product of truth bins and, as its last part, the bins of the flux")
        beginning = name or "cross_section_" + hashlib.sha256(repr(binning).encode()).hexdigest()[:6]
        unit = f"1/{self.unit}" if self.unit else ""
        parameters = [Parameter(f"{beginning}[{i}]", 1.0, lower=lower, unit=unit) for i in range(binning.size)]
        labels = NO_LABELS.with_variations(self.variations, len(self.weights))
        return ResampledEnsemble(ParameterSpace(tuple(parameters)), self.per_bin, weights=self.weights, labels=labels)
