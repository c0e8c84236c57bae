"""Reads the full data release of Daya Bay (3158 days) from the installed package or a folder, and sums up its days."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidFile
from wilks.physics.oscillation.dayabay.layout import BACKGROUNDS, CORES, DETECTORS, ISOTOPES, PAIRS, RUNNING
from wilks.physics.oscillation.flux_tables import release_folder

from .archives import Archives

VERSION = "1"
"""Major version of the release that this reader knows."""

_BINS, _DAYS, _WEEKS = 240, 3277, 469
_RATED = ("lithium_helium", "fast_neutrons", "amc", "alpha_neutron")
_DAILY = ("day", "n_det", "livetime", "eff_livetime", "rate_accidentals")
_SECONDS_PER_DAY = 86400.0


@dataclass(frozen=True, eq=False)
class DayaBayRelease:
    """The release as arrays; pairs are those of `wilks.physics.oscillation.dayabay.layout.PAIRS`.

    Args:
        folder: folder that was read.
        digest: SHA-256 over the files used.
        counts: inverse-beta-decay candidates per pair in 240 bins of 50 keV, 0 to 12 MeV.
        background_shapes: shapes of five backgrounds per pair, normalised to 1 over the 240 bins.
        background_rates: lithium_helium, fast_neutrons, amc, alpha_neutron per day and pair.
        background_errors: their errors, absolute, per day.
        accidentals: accidental coincidences expected per pair.
        livetime_s: live time per pair in s.
        eff_livetime_s: live time times efficiency per pair in s.
        neutrinos: sum over days of emitted antineutrinos per s times ``eff_livetime``, per pair and core.
        baselines_m: distance of detectors and cores in m.
        flux_MeV: energies of the antineutrino spectra in MeV.
        flux: antineutrinos per fission and MeV of U235, U238, Pu239, Pu241.
        flux_correlated: relative errors of the spectra that are common to all energies and isotopes.
        flux_uncorrelated: relative errors that are independent.
        nonequilibrium_MeV: energies of the correction for long-lived fission products.
        nonequilibrium: that correction per isotope, zero for U238.
        spent_fuel_MeV: energies of the correction for spent fuel.
        spent_fuel: that correction per core.
        iav: matrix of energy lost in the acrylic vessel; a column is one deposited energy.
        nonlinearity_MeV: energies of the scintillator's nonlinearity.
        nonlinearity: visible over deposited energy, nominal and four variations.
        knots_MeV: energies at which the spectrum is free.
        edges_MeV: edges of the final bins.
    """

    folder: Path
    digest: str
    counts: Float[np.ndarray, "pairs fine"]
    background_shapes: Float[np.ndarray, "pairs 5 fine"]
    background_rates: Float[np.ndarray, "pairs 4"]
    background_errors: Float[np.ndarray, "pairs 4"]
    accidentals: Float[np.ndarray, " pairs"]
    livetime_s: Float[np.ndarray, " pairs"]
    eff_livetime_s: Float[np.ndarray, " pairs"]
    neutrinos: Float[np.ndarray, "pairs cores"]
    baselines_m: Float[np.ndarray, "detectors cores"]
    flux_MeV: Float[np.ndarray, " energies"]
    flux: Float[np.ndarray, "4 energies"]
    flux_correlated: Float[np.ndarray, "4 energies"]
    flux_uncorrelated: Float[np.ndarray, "4 energies"]
    nonequilibrium_MeV: Float[np.ndarray, " neq_energies"]
    nonequilibrium: Float[np.ndarray, "4 neq_energies"]
    spent_fuel_MeV: Float[np.ndarray, " snf_energies"]
    spent_fuel: Float[np.ndarray, "cores snf_energies"]
    iav: Float[np.ndarray, "fine fine"]
    nonlinearity_MeV: Float[np.ndarray, " lsnl_energies"]
    nonlinearity: Float[np.ndarray, "5 lsnl_energies"]
    knots_MeV: Float[np.ndarray, " knots"]
    edges_MeV: Float[np.ndarray, " edges"]


def read_release(folder: str | Path | None = None) -> DayaBayRelease:
    """Read the release.

    Args:
        folder: its folder ``npz``; by default that of the installed package ``dayabay-data-official``.

    Raises:
        MissingExtra: if that package, or pyyaml, is not installed.
        InvalidFile: naming file, key, found and expected shape; also for another major version.
    """
    archives = Archives(release_folder() if folder is None else Path(folder))
    _check_version(archives)
    daily = {d: archives.record(f"{_SET}daily_detector_data.npz", d, _DAYS, _DAILY) for d in DETECTORS}
    rates = _daily_rates(archives, 1 + max(int(table["day"].max()) for table in daily.values()))
    ran = {pair: daily[pair[0]]["n_det"] == RUNNING[pair[1]] for pair in PAIRS}
    summed = {
        name: np.array([daily[d][name][ran[d, p]].sum() for d, p in PAIRS]) for name in ("livetime", "eff_livetime")
    }
    spectrum = "reactor_antineutrino_spectra_hm.npz"
    errors = "reactor_antineutrino_spectra_hm_uncertainties.npz"
    correlated = [archives.record(errors, f"corr_{i}", 226, ("E_MeV", "sigma_rel"))["sigma_rel"] for i in ISOTOPES]
    uncorrelated = [archives.record(errors, f"uncorr_{i}", 226, ("E_MeV", "sigma_rel"))["sigma_rel"] for i in ISOTOPES]
    flux = [archives.record(spectrum, i, 226, ("E_MeV", "N_density")) for i in ISOTOPES]
    fuel = [archives.record("snf_correction.npz", core, 201, ("E_MeV", "C")) for core in CORES]
    nonequilibrium = _nonequilibrium(archives)
    curves = [
        archives.record("detector_lsnl_curves.npz", name, 458, ("E_MeV", "f"))
        for name in ("nominal", "pull0", "pull1", "pull2", "pull3")
    ]
    rated, rated_errors = _background_rates(archives)
    return DayaBayRelease(
        folder=archives.folder,
        counts=np.stack([archives.record(f"{_SET}ibd_spectra_{p}.npz", f"ibd_spectrum_{d}", _BINS, _HISTOGRAM)["N"]
                         for d, p in PAIRS]),
        background_shapes=np.stack([[_shape(archives, source, d, p) for source in BACKGROUNDS] for d, p in PAIRS]),
        background_rates=rated,
        background_errors=rated_errors,
        accidentals=np.array([daily[d]["eff_livetime"][ran[d, p]] @ daily[d]["rate_accidentals"][ran[d, p]]
                              for d, p in PAIRS]) / _SECONDS_PER_DAY,
        livetime_s=summed["livetime"],
        eff_livetime_s=summed["eff_livetime"],
        neutrinos=np.stack([rates[:, daily[d]["day"][ran[d, p]]] @ daily[d]["eff_livetime"][ran[d, p]]
                            for d, p in PAIRS]),
        baselines_m=_baselines(archives),
        flux_MeV=flux[0]["E_MeV"],
        flux=np.stack([table["N_density"] for table in flux]),
        flux_correlated=np.stack(correlated),
        flux_uncorrelated=np.stack(uncorrelated),
        nonequilibrium_MeV=nonequilibrium[0],
        nonequilibrium=nonequilibrium[1],
        spent_fuel_MeV=fuel[0]["E_MeV"],
        spent_fuel=np.stack([table["C"] for table in fuel]),
        iav=archives.matrix("detector_iav_matrix.npz", "iav_matrix", (_BINS, _BINS)),
        nonlinearity_MeV=curves[0]["E_MeV"],
        nonlinearity=np.stack([table["f"] for table in curves]),
        knots_MeV=archives.column("parameters/reactor_antineutrino_spectrum_edges.tsv"),
        edges_MeV=archives.column("parameters/final_erec_bin_edges.tsv"),
        digest=archives.digest(),
    )  # fmt: skip


_SET = "dayabay_dataset/dayabay_"
_HISTOGRAM = ("E_min_MeV", "E_max_MeV", "N")


def _check_version(archives: Archives) -> None:
    found = str(archives.yaml("dataset_info.yaml").get("version", ""))
    if found.split(".")[0] != VERSION:
        raise InvalidFile(
            f"{archives.folder / 'dataset_info.yaml'}: version {found!r}; expected {VERSION}.x; "
            "install dayabay-data-official>=1,<2"
        )


def _shape(archives: Archives, source: str, detector: str, period: str) -> Float[np.ndarray, " fine"]:
    name, key = f"{_SET}background_spectra_{period}.npz", f"spectrum_shape_{source}_{detector}"
    shape = archives.record(name, key, _BINS, _HISTOGRAM)["N"]
    if not shape.sum() > 0:
        raise InvalidFile(f"{archives.folder / name}: key {key!r} sums to {shape.sum():g}; expected a positive number")
    return shape / shape.sum()


def _daily_rates(archives: Archives, days: int) -> Float[np.ndarray, "cores days"]:
    """Weekly rates of emitted antineutrinos, written out day by day."""
    rates = np.zeros((len(CORES), days))
    columns = ("day", "n_days", "n_det_mask", "neutrino_rate_per_s")
    for row, core in zip(rates, CORES, strict=True):
        for week in archives.record("neutrino_rate.npz", core, _WEEKS, columns):
            row[int(week["day"]) : int(week["day"]) + int(week["n_days"])] = week["neutrino_rate_per_s"]
    return rates


def _nonequilibrium(archives: Archives) -> tuple[Float[np.ndarray, " energies"], Float[np.ndarray, "4 energies"]]:
    name = "nonequilibrium_correction.npz"
    known = {i: archives.record(name, i, 270, ("E_MeV", "C")) for i in ISOTOPES if i != "U238"}
    energies = known["U235"]["E_MeV"]
    return energies, np.stack([known[i]["C"] if i in known else np.zeros(len(energies)) for i in ISOTOPES])


def _background_rates(archives: Archives) -> tuple[Float[np.ndarray, "pairs 4"], Float[np.ndarray, "pairs 4"]]:
    stored: dict[str, Any] = {}
    for name in ("background_rates_correlated.yaml", "background_rates_uncorrelated.yaml"):
        stored |= archives.yaml(f"parameters/{name}")["parameters"]
    try:
        table = np.array([[stored[source][p][d] for source in _RATED] for d, p in PAIRS], dtype=float)
    except (KeyError, ValueError) as error:
        raise InvalidFile(f"{archives.folder / 'parameters'}: background_rates_*.yaml lack {error}") from error
    return table[..., 0], table[..., 1]


def _baselines(archives: Archives) -> Float[np.ndarray, "detectors cores"]:
    stored = archives.yaml("parameters/baselines.yaml")["parameters"]["baseline"]
    try:
        return np.array([[stored[d][core] for core in CORES] for d in DETECTORS], dtype=float)
    except KeyError as error:
        raise InvalidFile(f"{archives.folder / 'parameters/baselines.yaml'}: no baseline for {error}") from error
