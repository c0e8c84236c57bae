"""Detectors, halls, reactor cores and periods of the Daya Bay experiment, and the order of everything counted there.

Detector ADmn stands in hall m. The experiment ran with 6, 8 and 7 detectors; spectra are kept per detector and period,
21 pairs, detector by detector, with the periods in this order.

References:
    Daya Bay, Phys. Rev. Lett. 130 (2023) 161802, arXiv:2211.14988; data release, doi 10.5281/zenodo.17587229.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from wilks._base.errors import InvalidOption, UnknownName, near_names

DETECTORS = ("AD11", "AD12", "AD21", "AD22", "AD31", "AD32", "AD33", "AD34")
"""Antineutrino detectors."""

PERIODS = ("6AD", "8AD", "7AD")
"""Periods in time order, named after the number of detectors."""

RUNNING = {"6AD": 6, "8AD": 8, "7AD": 7}
"""Detectors that ran in each period."""

HALLS = ("EH1", "EH2", "EH3")
"""Experimental halls; the third is the far one."""

CORES = ("R1", "R2", "R3", "R4", "R5", "R6")
"""Reactor cores."""

ISOTOPES = ("U235", "U238", "Pu239", "Pu241")
"""Fissile isotopes."""

BACKGROUNDS = ("accidentals", "lithium_helium", "fast_neutrons", "amc", "alpha_neutron")
"""Sources of background, as the release names them."""

_ABSENT = {("AD22", "6AD"), ("AD34", "6AD"), ("AD11", "7AD")}

PAIRS = tuple((d, p) for d in DETECTORS for p in PERIODS if (d, p) not in _ABSENT)
"""Pairs of detector and period with data."""


class Layout(NamedTuple):
    """Which spectra are analysed, and where they stand.

    Args:
        detectors: names of the detectors, in order.
        pairs: pairs of detector and period.
        rows: place of each pair among all `PAIRS`.
        detector: place of each pair's detector in ``detectors``.
        places: place of each detector among all `DETECTORS`.
        groups: spectrum to which each pair is added: itself, or that of its detector.
    """

    detectors: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    rows: Int[np.ndarray, " pairs"]
    detector: Int[np.ndarray, " pairs"]
    places: Int[np.ndarray, " detectors"]
    groups: Int[np.ndarray, " pairs"]

    @property
    def spectra(self) -> tuple[str, ...]:
        """Names of the spectra that are judged, such as ``AD11 6AD``, or ``AD11`` if periods are added."""
        if len(set(self.groups.tolist())) == len(self.pairs):
            return tuple(f"{d} {p}" for d, p in self.pairs)
        return self.detectors

    @property
    def sites(self) -> tuple[tuple[str, str], ...]:
        """Pairs of hall and period, in which the rates of cosmogenic backgrounds are common."""
        return tuple(dict.fromkeys((hall_of(d), p) for d, p in self.pairs))


def hall_of(detector: str) -> str:
    """Hall of a detector."""
    return f"EH{detector[2]}"


def layout_of(detectors: Sequence[str] | None = None, concatenation: str = "detector_period") -> Layout:
    """The layout of an analysis.

    Args:
        detectors: names, in any order; all by default.
        concatenation: ``"detector_period"``, or ``"detector"``, where the periods of a detector are summed.

    Raises:
        UnknownName: for a detector that does not exist.
        InvalidOption: for an unknown concatenation, or no or repeated detectors.
    """
    chosen = DETECTORS if detectors is None else tuple(detectors)
    for name in chosen:
        if name not in DETECTORS:
            raise UnknownName(f"there is no detector {name!r}; {near_names(name, DETECTORS)}")
    if not chosen or len(set(chosen)) != len(chosen):
        raise InvalidOption(f"detectors {list(chosen)}; expected at least one of {', '.join(DETECTORS)}, each once")
    if concatenation not in ("detector_period", "detector"):
        raise InvalidOption(f"concatenation {concatenation!r} does not exist; choose one of detector_period, detector")
    names = tuple(d for d in DETECTORS if d in chosen)
    rows = np.array([i for i, (d, _) in enumerate(PAIRS) if d in names])
    pairs = tuple(PAIRS[i] for i in rows)
    detector = np.array([names.index(d) for d, _ in pairs])
    groups = np.arange(len(pairs)) if concatenation == "detector_period" else detector
    return Layout(names, pairs, rows, detector, np.array([DETECTORS.index(d) for d in names]), groups)
