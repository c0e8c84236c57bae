"""Reads the PROSPECT release of 2021: counts per segment, responses, efficiencies, covariance and null prediction."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import InvalidData, InvalidFile

from .files import positive_definite, read_numbers, require_files, sha256

CITATION = "PROSPECT, Phys. Rev. D 103 (2021) 032001, arXiv:2006.11210, ancillary files"
BASELINES, PROMPT_BINS, TRUE_BINS, SEGMENTS = 10, 16, 82, 154

_MAP, _COVARIANCE, _EFFICIENCY = (
    "1.1_Osc_SegmentMap.txt",
    "1.2_Osc_CovarianceMatrix.txt",
    "1.5_Osc_RelativeEfficiencies.txt",
)


@dataclass(frozen=True, eq=False)
class ProspectRelease:
    """The oscillation part of the release, for the active segments.

    Args:
        folder: folder that was read.
        digest: SHA-256 over the files used.
        baseline_bin: bin 0..9 of each active segment.
        length_m: distance from the core of each active segment in m.
        efficiency: relative efficiency of each active segment.
        response: probability of a prompt bin for each bin of true energy, per active segment.
        counts: background-subtracted counts per baseline and prompt bin.
        background: subtracted background.
        null: predicted counts without oscillation.
        covariance: covariance of the counts, statistics included; index 16 (baseline) + (prompt bin).
    """

    folder: Path
    digest: str
    baseline_bin: Int[np.ndarray, " segments"]
    length_m: Float[np.ndarray, " segments"]
    efficiency: Float[np.ndarray, " segments"]
    response: Float[np.ndarray, "segments prompt true"]
    counts: Float[np.ndarray, "baselines prompt"]
    background: Float[np.ndarray, "baselines prompt"]
    null: Float[np.ndarray, "baselines prompt"]
    covariance: Float[np.ndarray, "values values"]


def read_prospect(folder: str | Path) -> ProspectRelease:
    """Read the oscillation part 1.x of the release; a segment is active if its relative efficiency is positive.

    Args:
        folder: folder with the text files.

    Raises:
        InvalidFile: listing missing files, or naming file and line of a wrong column count.
        InvalidData: if the covariance is not symmetric and positive definite, or segments have no baseline bin.
    """
    folder = Path(folder)
    what = "the text files of the PROSPECT release (arXiv:2006.11210)"
    null_files = [f"1.6_Osc_NullOscPred{i}.txt" for i in range(1, BASELINES + 1)]
    require_files(folder, (_MAP, _COVARIANCE, _EFFICIENCY, *null_files), what)
    efficiency = read_numbers(folder / _EFFICIENCY, (SEGMENTS, 3))[:, 2]
    active = np.flatnonzero(efficiency > 0)
    responses = [f"1.3_Osc_DetResponse{k}.txt" for k in active]
    prompts = [f"1.4_Osc_Prompt{k}.txt" for k in active]
    require_files(folder, (*responses, *prompts), what)
    bins, lengths = _baselines(folder / _MAP, active)
    spectra = np.stack([read_numbers(folder / name, (PROMPT_BINS, 5)) for name in prompts])
    used = (_MAP, _COVARIANCE, _EFFICIENCY, *null_files, *responses, *prompts)
    return ProspectRelease(
        folder,
        sha256(folder / name for name in used),
        bins,
        lengths,
        efficiency[active],
        np.stack([_response(folder / name) for name in responses]),
        _summed(spectra[:, :, 1], bins),
        _summed(spectra[:, :, 3], bins),
        np.stack([read_numbers(folder / name, (PROMPT_BINS, 2))[:, 1] for name in null_files]),
        _covariance(folder / _COVARIANCE),
    )


def _baselines(path: Path, active: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    table = read_numbers(path, (SEGMENTS, 5))
    rows = {int(segment): row for segment, row in zip(table[:, 2], table, strict=True)}
    missing = [int(k) for k in active if k not in rows]
    if missing:
        raise InvalidFile(f"{path}: no row for active segment {missing[0]}")
    bins = np.array([int(rows[k][0]) - 1 for k in active])
    lengths = np.array([rows[k][1] for k in active])
    if bins.min() < 0 or bins.max() >= BASELINES or lengths.min() <= 0:
        raise InvalidData(f"{path}: baseline bins must be 1..{BASELINES} and lengths positive")
    return bins, lengths


def _response(path: Path) -> np.ndarray:
    matrix = read_numbers(path, (PROMPT_BINS, TRUE_BINS))
    if matrix.min() < 0 or abs(matrix.sum() - 1.0) > 1e-3:
        raise InvalidData(f"{path}: the response sums to {matrix.sum():.5g}; it must be positive and sum to 1")
    return matrix


def _summed(spectra: np.ndarray, bins: np.ndarray) -> np.ndarray:
    total = np.zeros((BASELINES, PROMPT_BINS))
    np.add.at(total, bins, spectra)
    return total


def _covariance(path: Path) -> np.ndarray:
    size = BASELINES * PROMPT_BINS
    matrix = read_numbers(path, (size, size))
    if not np.allclose(matrix, matrix.T, rtol=1e-6, atol=1e-9 * np.abs(matrix).max()):
        raise InvalidData(f"{path}: the covariance is not symmetric")
    return positive_definite(str(path), 0.5 * (matrix + matrix.T), what="covariance")
