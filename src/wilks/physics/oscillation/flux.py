"""Models of the antineutrino flux of a reactor: antineutrinos per fission per MeV of U235, U238, Pu239, Pu241.

==========  =========================================================================================================
``HM``      Huber (U235, Pu239, Pu241) and Mueller (U238): conversion of measured beta spectra
``HKSS``    Hayen et al.: the same with forbidden decays; needs the tables of GLoBESfit
``EF``      Estienne, Fallot et al.: sum over decays of fission products; needs the tables of GLoBESfit
``KI``      HM with the correction of Kopeikin et al. to U235 and U238
``HKSS-KI`` HKSS with the same correction
==========  =========================================================================================================

`FluxModel` takes any other model. The isotopes stand in this order everywhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import InvalidData, InvalidModel, check_option

from .experiment import Source
from .flux_tables import polynomial_spectra, read_release_spectra
from .readers.globesfit import CITATION as GLOBESFIT
from .readers.globesfit import read_flux_tables

ISOTOPES = ("U235", "U238", "Pu239", "Pu241")
"""Order of isotopes everywhere."""

FLUXES = ("HM", "HKSS", "EF", "KI", "HKSS-KI")
"""Names of flux models."""

KURCHATOV_RATIO = 1.054
"""What spectra of U235 and U238 are divided by in KI; +- 0.002, V. Kopeikin et al., Phys. Rev. D 104 (2021) L071301,
arXiv:2103.01684."""

FREE_ERRORS = (np.inf, 0.11202, np.inf, 0.02179)
"""Relative errors of free scales: U235 and Pu239 free, U238 and Pu241 constrained; arXiv:2005.01756."""

_CITATIONS = {
    "HM": "P. Huber, Phys. Rev. C 84 (2011) 024617, arXiv:1106.0687; T. Mueller et al., Phys. Rev. C 83 (2011) 054615, "
    "arXiv:1101.2663",
    "HKSS": "L. Hayen, J. Kostensalo, N. Severijns and J. Suhonen, Phys. Rev. C 100 (2019) 054323, arXiv:1908.08302",
    "EF": "M. Estienne, M. Fallot et al., Phys. Rev. Lett. 123 (2019) 022502, arXiv:1904.09358",
}
_KI_CITATION = "V. Kopeikin, M. Skorokhvatov and O. Titov, Phys. Rev. D 104 (2021) L071301, arXiv:2103.01684"

# relative errors in per cent and correlations (235,239) (235,241) (239,241) (238,235) (238,239) (238,241) of the yields
# J. M. Berryman and P. Huber, arXiv:2005.01756
_YIELDS = {
    "HM": ((2.093, 11.202, 2.534, 2.179), (0.9354, 0.9653, 0.9168, 0.0, 0.0, 0.0)),
    "EF": ((2.095, 11.010, 2.552, 2.194), (0.9409, 0.9700, 0.9233, 0.0, 0.0, 0.0)),
    "HKSS": ((2.317, 11.289, 2.739, 2.386), (0.9492, 0.9724, 0.9340, 0.0566, 0.0516, 0.0589)),
}


@dataclass(frozen=True, eq=False)
class FluxModel:
    """Spectra of the four isotopes: ln linear between the energies of a table and beyond its ends.

    Args:
        energies: energies of the table in MeV, increasing.
        spectra: antineutrinos per fission per MeV, one row per isotope in the order of `ISOTOPES`.
        uncertainty: relative error of the yield of each isotope; infinite for a free scale.
        correlation: correlations of the yields; unit matrix by default.
        name: name of the model.
        flags: name -> sentence, carried by results.
        sources: where the tables come from.

    Raises:
        InvalidModel: if shapes or values make no sense.

    >>> energies = np.array([2.0, 8.0])
    >>> model = FluxModel(energies, np.ones((4, 2)), np.full(4, 0.02), name="flat")
    >>> model(np.array([3.0, 5.0])).shape
    (4, 2)
    """

    energies: Float[np.ndarray, " energies"]
    spectra: Float[np.ndarray, "_ _"]
    uncertainty: Float[np.ndarray, "4"]
    correlation: Float[np.ndarray, "4 4"] = field(default_factory=lambda: np.eye(4))
    name: str = "user"
    flags: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[Source, ...] = ()

    def __post_init__(self) -> None:
        _check_table(self.name, self.energies, self.spectra)
        uncertainty, rho = np.asarray(self.uncertainty), np.asarray(self.correlation)
        if uncertainty.shape != (4,) or not (uncertainty > 0).all():
            raise InvalidModel(f"flux {self.name!r}: uncertainties {uncertainty.tolist()}; expected four positive ones")
        good = rho.shape == (4, 4) and np.allclose(rho, rho.T) and np.allclose(np.diag(rho), 1.0)
        if not good or np.linalg.eigvalsh(rho)[0] <= 0:
            raise InvalidModel(f"flux {self.name!r}: the correlations are no 4 x 4 correlation matrix: {rho.tolist()}")

    def __call__(self, energy_MeV: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "4 *shape"]:
        """Antineutrinos per fission per MeV of each isotope."""
        energy = np.asarray(energy_MeV, float)
        place = np.clip(np.searchsorted(self.energies, energy) - 1, 0, len(self.energies) - 2)
        share = (energy - self.energies[place]) / np.diff(self.energies)[place]
        logs = np.log(np.maximum(self.spectra, 1e-300))
        return np.exp(logs[:, place] * (1.0 - share) + logs[:, place + 1] * share)

    def extrapolated(self, energy_MeV: Float[np.ndarray, "*shape"]) -> Bool[np.ndarray, "*shape"]:
        """Where an energy lies outside the table."""
        return (energy_MeV < self.energies[0]) | (energy_MeV > self.energies[-1])

    @property
    def covariance(self) -> Float[np.ndarray, "4 4"]:
        """Covariance of the relative yields; infinite on the diagonal for free scales."""
        finite = np.where(np.isfinite(self.uncertainty), self.uncertainty, 0.0)
        return self.correlation * np.outer(finite, finite) + np.diag(np.where(finite > 0, 0.0, np.inf))


def flux_model(flux: str | FluxModel, folder: str | Path | None = None) -> FluxModel:
    """The flux model of a name.

    Args:
        flux: one of `FLUXES`, or a model of one's own, which is returned as it is.
        folder: folder ``fluxes`` of GLoBESfit with ``Pure_*.dat``; HKSS and EF need it. HM takes the tables of the
            package dayabay-data-official (extra ``data``), or polynomials with the flag ``polynomial_flux``.

    Raises:
        InvalidOption: for an unknown name, listing the names.
        InvalidModel: if the model needs a folder and none is given.
        InvalidFile: if a table cannot be read.
    """
    if isinstance(flux, FluxModel):
        return flux
    check_option("flux model", flux, FLUXES)
    if flux.endswith("KI"):
        return with_kurchatov(flux_model("HKSS" if flux == "HKSS-KI" else "HM", folder), flux)
    if flux == "HM":
        return huber_mueller()
    if folder is None:
        raise InvalidModel(
            f"flux model {flux!r} needs the tables Pure_*.dat of GLoBESfit (https://github.com/JMBerryman/GLoBESfit); "
            "give their folder, or take flux='HM' or 'KI', which need no file"
        )
    energies, spectra = read_flux_tables(folder, flux)
    source = Source(f"flux {flux}", f"{_CITATIONS[flux]}, tables of {GLOBESFIT}", str(folder))
    return _named(flux, energies, spectra, (source,))


def huber_mueller() -> FluxModel:
    """The model HM from the tables of the Daya Bay release, or from typed polynomials where it is not installed."""
    table = read_release_spectra()
    if table is not None:
        energies, spectra, path, digest = table
        return _named("HM", energies, spectra, (Source("flux HM", _CITATIONS["HM"], path, digest),))
    energies, spectra = polynomial_spectra()
    model = _named("HM", energies, spectra, (Source("flux HM", _CITATIONS["HM"] + ", polynomials"),))
    sentence = (
        "HM as polynomials, which differ from the tables by up to 5 % below 6 MeV (U238 6 % at 2 MeV) and by 10 to "
        "20 % at 8 MeV; install wilks[data] for the tables"
    )
    return replace(model, flags={"polynomial_flux": sentence})


def with_kurchatov(model: FluxModel, name: str) -> FluxModel:
    """The model with the spectra of U235 and U238 divided by 1.054."""
    divisor = np.array([KURCHATOV_RATIO, KURCHATOV_RATIO, 1.0, 1.0])
    source = Source("correction of U235 and U238", _KI_CITATION)
    return replace(model, spectra=model.spectra / divisor[:, None], name=name, sources=(*model.sources, source))


def with_free_scales(model: FluxModel) -> FluxModel:
    """The model with free yields of U235 and Pu239 and constrained, uncorrelated ones of U238 and Pu241."""
    return replace(model, uncertainty=np.array(FREE_ERRORS), correlation=np.eye(4), name=f"{model.name}, free")


def extrapolation_flags(
    model: FluxModel, energy_MeV: Float[np.ndarray, "*energies"], events: Float[np.ndarray, "rows *energies"]
) -> dict[str, str]:
    """The flag ``flux_extrapolated`` if events of a detector lie at energies outside the table of a model.

    Args:
        model: the flux.
        energy_MeV: neutrino energies.
        events: expected events at these energies, one row per detector; only their ratios matter.
    """
    outside = events[:, model.extrapolated(energy_MeV)].sum(axis=-1) / events.reshape(len(events), -1).sum(axis=-1)
    if not (share := float(outside.max())) > 0:
        return {}
    return {"flux_extrapolated": f"{share:.2g} of the events lie at energies outside the table of the flux"}


def yield_errors(name: str) -> tuple[Float[np.ndarray, "4"], Float[np.ndarray, "4 4"]]:
    """Relative errors and correlations of the yields of a named model; KI has those of the model it corrects.

    Raises:
        InvalidOption: for an unknown name.
    """
    check_option("flux model", name, FLUXES)
    errors, (r59, r51, r91, r85, r89, r81) = _YIELDS[{"KI": "HM", "HKSS-KI": "HKSS"}.get(name, name)]
    rho = np.array([[1, r85, r59, r51], [r85, 1, r89, r81], [r59, r89, 1, r91], [r51, r81, r91, 1]], dtype=float)
    return np.array(errors) / 100.0, rho


def _named(
    name: str, energies: Float[np.ndarray, " n"], spectra: Float[np.ndarray, "4 n"], sources: tuple[Source, ...]
) -> FluxModel:
    errors, correlation = yield_errors(name)
    return FluxModel(energies, spectra, errors, correlation, name, {}, sources)


def _check_table(name: str, energies: np.ndarray, spectra: np.ndarray) -> None:
    if energies.ndim != 1 or len(energies) < 2 or not (np.diff(energies) > 0).all() or energies[0] <= 0:
        raise InvalidModel(f"flux {name!r}: energies must be positive, increase, and be at least two")
    if spectra.shape != (4, len(energies)):
        raise InvalidModel(
            f"flux {name!r}: spectra of shape {spectra.shape}; expected (4, {len(energies)}), one row for each of "
            f"{', '.join(ISOTOPES)}"
        )
    if not np.isfinite(spectra).all() or (spectra < 0).any():
        raise InvalidData(f"flux {name!r}: spectra must be finite and not negative")
