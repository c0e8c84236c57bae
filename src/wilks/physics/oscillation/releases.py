"""Studies made from folders of released or digitised files: PROSPECT, Daya Bay's halls of 2016, NEOS of 2016."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from wilks._base.errors import check_option
from wilks.likelihood.residuals import GaussianResiduals

from .crosssection import cross_section
from .experiment import Source, Study
from .flux import FluxModel, extrapolation_flags, flux_model
from .halls import HallCounts, NeosRatio
from .halls import fine_energies as hall_energies
from .prospect import ProspectOscillation, ProspectSpectra, fine_energies
from .readers import dayabay_neos_2016 as files_2016
from .readers.prospect import CITATION as PROSPECT
from .readers.prospect import read_prospect
from .spaces import PLANE
from .survival import AbstractSurvival, ShortBaseline, ThreePlusOne


def prospect(
    folder: str | Path,
    *,
    flux: str | FluxModel = "HM",
    flux_folder: str | Path | None = None,
    survival: AbstractSurvival | None = None,
    totals: str = "own",
    draws: str = "gaussian",
) -> Study:
    """PROSPECT 2021: 70 segments in ten baseline bins, 16 prompt bins from 0.8 to 7.2 MeV.

    Args:
        folder: folder with the text files of the release.
        flux: flux model, of which U235 counts; it drops out but for its shape within a bin of true energy.
        flux_folder: folder of flux tables that the model needs, see `flux_model`.
        survival: model of survival; 3+1 at short baselines by default.
        totals: ``"own"``: data bring their own totals of the prompt bins, pseudo-experiments too; ``"observed"``: the
            observed totals are held, which makes the likelihood one of Gaussian residuals, as signals need it.
        draws: ``"gaussian"``: counts follow N(prediction, V); ``"poisson"``: Poisson counts with the released
            background, which is then subtracted.

    Raises:
        InvalidFile: listing missing files, or naming file and line.
        InvalidOption: for other settings of totals or draws.
    """
    check_option("totals", totals, ("own", "observed"))
    check_option("draws", draws, ("gaussian", "poisson"))
    release, fluxes = read_prospect(folder), flux_model(flux, flux_folder)
    spectrum = _per_fission(fluxes, fine_energies())[0]
    oscillation = ProspectOscillation.of(release, survival or ShortBaseline(), spectrum)
    exact = ProspectSpectra.of(release, oscillation, draws)
    data = release.counts.ravel()
    likelihood = exact if totals == "own" else exact.at_totals(data)
    sources = (Source("PROSPECT spectra", PROSPECT, str(folder), release.digest), *fluxes.sources)
    simulator = exact if totals == "own" or draws == "poisson" else likelihood
    interest = _interest(likelihood.space.names)
    flags = {**fluxes.flags, **extrapolation_flags(fluxes, fine_energies(), spectrum[None])}
    return Study("PROSPECT", likelihood, data, simulator, interest, ("PROSPECT",), flags, sources)


def halls(
    folder: str | Path,
    *,
    flux: str | FluxModel = "HM",
    flux_folder: str | Path | None = None,
    survival: AbstractSurvival | None = None,
    norms: str = "free",
) -> Study:
    """Daya Bay's three halls of 2016: 3 x 35 counts, the flux fitted bin by bin.

    Args:
        folder: folder with the files of arXiv:2201.05108.
        flux: flux model, which only weights energies within a bin.
        flux_folder: folder of flux tables that the model needs, see `flux_model`.
        survival: model of survival; 3+1 with all phases by default.
        norms: ``"free"``: rates of EH2 and EH3 relative to EH1 are free, because the files do not hold the power of
            the cores during each detector's livetime; ``"fixed"``: they follow from livetimes and efficiencies.

    Raises:
        InvalidFile: listing missing files, or naming file and line.
        InvalidOption: for other settings of norms.
    """
    check_option("norms", norms, ("free", "fixed"))
    spectra, fluxes = files_2016.read_halls(folder), flux_model(flux, flux_folder)
    per_fission = _per_fission(fluxes, hall_energies())
    likelihood = HallCounts.of(spectra, survival or ThreePlusOne(), per_fission, free_norms=norms == "free")
    flags = {**fluxes.flags, **extrapolation_flags(fluxes, hall_energies(), per_fission)}
    if norms == "free":
        flags["hall_norms_free"] = "rates of EH2 and EH3 relative to EH1 are free; only spectral shapes are compared"
    sources = (Source("Daya Bay halls", files_2016.CITATION_HALLS, str(folder), spectra.digest), *fluxes.sources)
    interest = _interest(likelihood.space.names)
    data = spectra.observed.ravel()
    return Study("DayaBay-halls", likelihood, data, likelihood, interest, ("DayaBay",), flags, sources)


def neos_2016(
    folder: str | Path,
    *,
    flux: str | FluxModel = "HM",
    flux_folder: str | Path | None = None,
    survival: AbstractSurvival | None = None,
) -> Study:
    """NEOS of 2016 with the covariance digitised from its figures: 60 ratios from 1 to 7 MeV prompt energy.

    Unlike `neos` it takes the expectation from Daya Bay as free of sterile neutrinos.

    Args:
        folder: folder that holds the folder ``neos``.
        flux: flux model, which only weights energies within a bin.
        flux_folder: folder of flux tables that the model needs, see `flux_model`.
        survival: model of survival; 3+1 at short baselines by default.

    Raises:
        InvalidFile: listing missing files, or naming file and line.
    """
    spectra, fluxes = files_2016.read_neos_2016(folder), flux_model(flux, flux_folder)
    per_fission = _per_fission(fluxes, hall_energies())
    predictor = NeosRatio.of(spectra, survival or ShortBaseline(), per_fission)
    likelihood = GaussianResiduals(predictor, covariance=spectra.covariance)
    flags = {**fluxes.flags, **extrapolation_flags(fluxes, hall_energies(), per_fission)}
    flags["covariance_symmetrised"] = f"the digitised covariance was asymmetric by {spectra.asymmetry:.2g}"
    sources = (Source("NEOS ratio", files_2016.CITATION_NEOS, str(folder), spectra.digest), *fluxes.sources)
    interest = _interest(likelihood.space.names)
    return Study("NEOS-2016", likelihood, spectra.ratio, likelihood, interest, ("NEOS", "DayaBay"), flags, sources)


def _per_fission(fluxes: FluxModel, energies: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "4 *shape"]:
    return fluxes(energies) * cross_section(energies)


def _interest(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(p for p in PLANE if p in names) or names[:2]
