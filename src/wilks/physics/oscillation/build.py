"""From files to studies: the spectral experiments, each in one call."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float

from wilks._base.errors import check_option
from wilks.likelihood.residuals import GaussianResiduals
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from . import nearfar_table as table
from .crosssection import cross_section
from .experiment import Source, Study
from .flux import FluxModel, extrapolation_flags, flux_model
from .geometries import path_lengths
from .nearfar import DetectorSpectra, RatioToReference, SpectralRatios
from .path_tables import PathTables
from .pulls import WithPulls, block_covariance
from .readers.globesfit import CITATION as GLOBESFIT
from .readers.globesfit import GlobesfitNumbers, read_globesfit
from .smearing import Smearing
from .spaces import PLANE, mixing_constraints
from .survival import AbstractSurvival, ShortBaseline, ThreePlusOne

Constraints = Mapping[str, tuple[float, float]]
"""Measured value and 1 sigma by parameter."""


def near_far(
    name: str,
    path: str | Path,
    *,
    flux: str | FluxModel | None = None,
    survival: AbstractSurvival | None = None,
    constraints: Constraints | None = None,
    paths: str = "tables",
) -> Study:
    """A comparison of spectra at two distances, from the numbers of GLoBESfit.

    Args:
        name: ``"DANSS"``, ``"Bugey-3"``, ``"DoubleChooz"``, ``"RENO"`` or ``"DayaBay-ratio"``.
        path: file ``numbers.npz``.
        flux: flux model; EF from the folder ``fluxes`` beside the file by default, and HM where that is missing.
        survival: model of survival; 3+1 at short baselines for DANSS and Bugey-3, else 3+1 with all phases.
        constraints: auxiliary measurements of mixing parameters that the model of survival leaves free; those of
            `MIXING_ERRORS` by default, none with an empty map.
        paths: ``"tables"``: averages over path lengths from the file; ``"geometry"``: from `path_lengths`.

    Raises:
        UnknownName: for another name, listing the names, or a geometry that is not known.
        InvalidFile, InvalidData: for a file that cannot be used.

    Example:
        ``near_far("DANSS", "globesfit/numbers.npz")``
    """
    check_option("paths", paths, ("tables", "geometry"))
    experiment, numbers = table.of(name), read_globesfit(path)
    fluxes = _flux(flux, numbers)
    model = survival or (ShortBaseline() if experiment.model == table.SHORT else ThreePlusOne())
    scale = f"energy_scale_{name}" if experiment.energy_scale else ""
    detectors = experiment.detectors
    smearing = Smearing.of(experiment.binning, scale)
    lengths = [d.length_m for d in detectors.values()]
    if paths == "geometry":
        tables = PathTables.of_geometry([path_lengths(name, d) for d in detectors], lengths)
    else:
        tables = _path_tables(detectors, numbers)
    spectra = DetectorSpectra(_rates(detectors, smearing, numbers, fluxes), tables, smearing, model)
    pulls = _pulls(model, constraints, scale, experiment.energy_scale)
    members = [np.array([r.factor * (d in r.far) for d in detectors]) for r in experiment.ratios]
    nearby = [np.array([float(d in r.near) for d in detectors]) for r in experiment.ratios]
    space = _space(model, scale, experiment.energy_scale)
    predictor = SpectralRatios(space, spectra, np.stack(members), np.stack(nearby))
    measured = np.concatenate([numbers.array(r.data, (len(experiment.binning.groups),)) for r in experiment.ratios])
    inverse = numbers.inverse_covariance(experiment.inverse_covariance, len(measured))
    flags = {**fluxes.flags, **_extrapolated(spectra, fluxes)}
    if name == "RENO":
        flags["not_validated"] = (
            "RENO at large mixing and 0.1 < dm2_41 < 0.5 eV^2 differs from GLoBESfit by more than 1"
        )
    sources = (_numbers_source(experiment.name, experiment.citation, numbers), *fluxes.sources)
    return _study(name, predictor, measured, inverse, pulls, experiment.events, flags, sources)


def neos(
    path: str | Path,
    *,
    flux: str | FluxModel | None = None,
    survival: AbstractSurvival | None = None,
    constraints: Constraints | None = None,
) -> Study:
    """NEOS over Daya Bay: the spectrum at 24 m divided by what Daya Bay's near hall predicts for it.

    Both spectra move with the sterile neutrino. The energy scale shifts the spectrum of NEOS and its expectation alike.

    Args:
        path: file ``numbers.npz`` of GLoBESfit.
        flux: as in `near_far`.
        survival: model of survival at both places; by default 3+1 at short baselines for NEOS and 3+1 with all phases
            for Daya Bay.
        constraints: as in `near_far`.

    Raises:
        InvalidFile, InvalidData: for a file that cannot be used.
    """
    numbers, scale = read_globesfit(path), "energy_scale_NEOS"
    fluxes = _flux(flux, numbers)
    here, there = survival or ShortBaseline(), survival or ThreePlusOne()
    spectra = _spectra({"NEOS": table.NEOS}, Smearing.of(table.NEOS_BINNING, scale), numbers, fluxes, here)
    reference = _neos_reference(numbers, fluxes, there)
    unoscillated = np.asarray(reference.without_oscillation({})).sum(axis=0)
    pulls = _pulls(there, constraints, scale, table.NEOS_ENERGY_SCALE)
    space = _space(there, scale, table.NEOS_ENERGY_SCALE) | here.space
    predictor = RatioToReference(space, spectra, reference, unoscillated)
    bins = len(table.NEOS_BINNING.groups)
    measured = numbers.array("NEOS_Ratio", (bins,))
    inverse = numbers.inverse_covariance("NEOS_Covariance", bins)
    sources = (_numbers_source("NEOS", table.NEOS_CITATION, numbers), *fluxes.sources)
    flags = {**fluxes.flags, **_extrapolated(spectra, fluxes)}
    return _study("NEOS", predictor, measured, inverse, pulls, ("NEOS", "DayaBay"), flags, sources)


def _extrapolated(spectra: DetectorSpectra, fluxes: FluxModel) -> dict[str, str]:
    """A flag if events in the used bins come from energies outside the table of the flux."""
    smearing = spectra.smearing
    return extrapolation_flags(fluxes, smearing.energies, spectra.rates * smearing.fixed.sum(axis=0))


def _neos_reference(numbers: GlobesfitNumbers, fluxes: FluxModel, survival: AbstractSurvival) -> DetectorSpectra:
    detectors = {name: table.with_fractions(table.DAYA_BAY_DETECTORS[name], "NEOSF") for name in ("AD1", "AD2")}
    smearing = Smearing.of(table.NEOS_REFERENCE_BINNING)
    return _spectra(detectors, smearing, numbers, fluxes, survival)


def _flux(flux: str | FluxModel | None, numbers: GlobesfitNumbers) -> FluxModel:
    folder = numbers.path.parent / "fluxes"
    here = folder if folder.is_dir() else None
    if flux is None:
        flux = "EF" if here else "HM"
    return flux_model(flux, here)


def _spectra(
    detectors: Mapping[str, table.Detector],
    smearing: Smearing,
    numbers: GlobesfitNumbers,
    fluxes: FluxModel,
    survival: AbstractSurvival,
) -> DetectorSpectra:
    rates = _rates(detectors, smearing, numbers, fluxes)
    return DetectorSpectra(rates, _path_tables(detectors, numbers), smearing, survival)


def _rates(
    detectors: Mapping[str, table.Detector], smearing: Smearing, numbers: GlobesfitNumbers, fluxes: FluxModel
) -> Float[np.ndarray, "detectors energies"]:
    """Events without oscillation per detector and true energy, in units of the largest."""
    energies = np.where(smearing.energies > 0, smearing.energies, 1.0)
    per_fission = fluxes(energies) * cross_section(energies)
    fractions = np.stack([numbers.fractions(d.fractions) for d in detectors.values()])
    norms = np.array([d.weight / d.length_m**2 for d in detectors.values()])
    rates = norms[:, None] * (fractions @ per_fission)
    return rates / rates.max()


def _path_tables(detectors: Mapping[str, table.Detector], numbers: GlobesfitNumbers) -> PathTables:
    tables = [numbers.path_table(d.table) for d in detectors.values()]
    return PathTables.of_files(tables, [d.length_m for d in detectors.values()])


def _space(survival: AbstractSurvival, scale: str, sigma: float) -> ParameterSpace:
    if not scale:
        return survival.space
    bound = 5.0 * sigma
    return survival.space | ParameterSpace((Parameter(scale, 0.0, lower=-bound, upper=bound),))


def _pulls(
    survival: AbstractSurvival, constraints: Constraints | None, scale: str, sigma: float
) -> dict[str, tuple[float, float]]:
    """Auxiliary measurements by parameter: value and error."""
    pulls = mixing_constraints(survival.space, constraints)
    return pulls | ({scale: (0.0, sigma)} if scale else {})


def _study(
    name: str,
    predictor: AbstractPredictor,
    measured: Float[np.ndarray, " values"],
    inverse: Float[np.ndarray, "values values"],
    pulls: Mapping[str, tuple[float, float]],
    events: tuple[str, ...],
    flags: Mapping[str, str],
    sources: tuple[Source, ...],
) -> Study:
    """Gaussian residuals of measured values and of the auxiliary measurements behind them."""
    inner = np.linalg.inv(inverse)
    errors = np.array([error for _, error in pulls.values()])
    covariance = block_covariance(0.5 * (inner + inner.T), np.diag(errors**2))
    pulled = WithPulls(predictor, tuple(pulls))  # pyright: ignore[reportCallIssue]  # its space is a property
    likelihood = GaussianResiduals(pulled, covariance=covariance)
    data = np.append(measured, [value for value, _ in pulls.values()])
    interest = tuple(p for p in PLANE if p in likelihood.space) or likelihood.space.names[:2]
    return Study(name, likelihood, data, likelihood, interest, events, flags, sources)


def _numbers_source(name: str, citation: str, numbers: GlobesfitNumbers) -> Source:
    return Source(f"{name} ratio", f"{citation}; numbers of {GLOBESFIT}", str(numbers.path), numbers.digest)
