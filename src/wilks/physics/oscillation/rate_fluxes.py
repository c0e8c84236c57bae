"""What measured ratios become under another flux model, and which spectra weight the energies."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from wilks._base.errors import check_option

from .crosssection import cross_section
from .flux import FLUXES, FluxModel, flux_model, huber_mueller, with_kurchatov, yield_errors
from .rate_table import RATIO_COLUMNS, Row

_LOWEST, _HIGHEST, _POINTS = 1.8, 8.0, 400  # MeV; range over which yields are compared


class RateFlux(NamedTuple):
    """A flux model as it enters integrated rates.

    Args:
        model: spectra and errors of yields.
        column: ratios of the table that hold for `reference`.
        reference: model of these ratios.
    """

    model: FluxModel
    column: str
    reference: FluxModel

    def ratios(self, rows: list[Row]) -> Float[np.ndarray, " rows"]:
        """R_model = R_reference [sum f sigma_reference]/[sum f sigma_model] of rows."""
        tabulated = np.array([row.ratios[RATIO_COLUMNS.index(self.column)] for row in rows])
        fractions = np.array([row.fractions for row in rows])
        if self.model is self.reference:
            return tabulated
        return tabulated * (fractions @ yields(self.reference)) / (fractions @ yields(self.model))


def rate_flux(flux: str | FluxModel, folder: str | Path | None) -> RateFlux:
    """The flux model of a name, or a model of one's own, whose ratios follow from those of HM.

    HKSS and EF without a folder take the spectra of HM with their own errors: measured ratios are typed for each of
    them, and spectra only weight the energies. The flag ``flux_shape_of_HM`` says so.

    Raises:
        InvalidOption: for an unknown name, listing the names.
    """
    if isinstance(flux, FluxModel):
        return RateFlux(flux, "HM", huber_mueller())
    check_option("flux model", flux, FLUXES)
    column = {"KI": "HM", "HKSS-KI": "HKSS"}.get(flux, flux)
    base = _borrowed(column) if column != "HM" and folder is None else flux_model(column, folder)
    model = with_kurchatov(base, flux) if flux.endswith("KI") else base
    return RateFlux(model, column, base)


def yields(model: FluxModel) -> Float[np.ndarray, "4"]:
    """Integral of flux x cross section per fission of each isotope over 1.8 to 8 MeV, in cm^2.

    >>> [round(1e43 * float(x), 2) for x in yields(huber_mueller())]
    [6.62, 10.03, 4.35, 6.03]
    """
    energies = _LOWEST + (_HIGHEST - _LOWEST) * (np.arange(_POINTS) + 0.5) / _POINTS
    return model(energies) @ cross_section(energies) * (energies[1] - energies[0])


def _borrowed(name: str) -> FluxModel:
    """Spectra of HM with name and errors of another model."""
    errors, correlation = yield_errors(name)
    sentence = f"spectra of HM weight the energies of {name}, whose tables were not given; ratios are those of {name}"
    model = huber_mueller()
    flags = {**model.flags, "flux_shape_of_HM": sentence}
    return replace(model, uncertainty=errors, correlation=correlation, name=name, flags=flags)
