"""A small made-up release with the structure of PROSPECT's, for tests that need no files."""

from pathlib import Path

import numpy as np

from wilks.physics.oscillation.prospect import ProspectOscillation, ProspectSpectra, fine_energies
from wilks.physics.oscillation.readers.prospect import ProspectRelease
from wilks.physics.oscillation.survival import AbstractSurvival, ShortBaseline


def release() -> ProspectRelease:
    """Twenty segments in ten baseline bins, a Gaussian response, and counts equal to those without oscillation."""
    lengths = np.linspace(6.8, 9.1, 20)
    prompt, true = 1.0 + 0.4 * np.arange(16), 1.85 + 0.1 * np.arange(82)
    response = np.exp(-0.5 * ((prompt[:, None] - (true - 0.8)) / 0.25) ** 2)
    response = np.repeat((response / response.sum())[None], 20, axis=0)
    bins = np.repeat(np.arange(10), 2)
    null = (1e4 / np.arange(1, 17)) * (8.0 / lengths[::2, None]) ** 2
    covariance = np.diag(null.ravel()) + np.outer(null.ravel(), null.ravel()) * 1e-5
    efficiency = np.linspace(0.8, 1.0, 20)
    return ProspectRelease(
        Path("made-up"), "", bins, lengths, efficiency, response, null.copy(), 0.5 * null, null, covariance
    )


def spectrum() -> np.ndarray:
    """A falling spectrum of events."""
    energies = fine_energies()
    return (energies - 1.7) ** 2 * np.exp(-0.9 * energies)


def spectra(draws: str = "gaussian", survival: AbstractSurvival | None = None) -> ProspectSpectra:
    """The likelihood of the made-up release."""
    made = release()
    oscillation = ProspectOscillation.of(made, survival or ShortBaseline(), spectrum())
    return ProspectSpectra.of(made, oscillation, draws)
