"""How large the tables of a source must be: numbers of quanta, photons, photoelectrons and electrons."""

import dataclasses
import math

import numpy as np
from jaxtyping import Float

from .interpolation import NODES

_SIGMAS = 7.7  # beyond which less than 1e-14 of a normal distribution lies
_MARGIN = 1.25  # room for parameters that move the signals
_ROUND = 8


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Lengths of the tables: each covers 0, 1, ... length - 1.

    Args:
        quanta: produced quanta.
        photons: produced photons.
        detected: detected photons, and photoelectrons.
        electrons: produced electrons.
    """

    quanta: int
    photons: int
    detected: int
    electrons: int


@dataclasses.dataclass(frozen=True)
class Reach:
    """The largest numbers that recoils make.

    Args:
        quanta: of quanta.
        photons: of photons.
        electrons: of electrons.
    """

    quanta: int
    photons: int
    electrons: int


@dataclasses.dataclass(frozen=True)
class Response:
    """Ranges of what a detector does to quanta, over its volume.

    Args:
        efficiency: smallest and largest probability that a quantum is detected.
        gain: smallest signal of a detected quantum.
        spread: largest standard deviation of that signal.
        highest: largest signal that is accepted.
        doubling: smallest probability that a detected quantum counts twice.
    """

    efficiency: tuple[float, float]
    gain: float
    spread: float
    highest: float
    doubling: float = 0.0


def sizes_for(reach: Reach, light: Response, charge: Response) -> Sizes:
    """Lengths beyond which no accepted signal is made, with room for other parameters.

    Args:
        reach: what recoils make.
        light: of photons to S1.
        charge: of electrons to S2.
    """
    photons = _produced(light, reach.photons + 1)
    electrons = max(_produced(charge, reach.electrons + 1), NODES + 4)
    most = _most(photons, light.efficiency[1])
    detected = min(_rounded(_MARGIN * _counted(light, most)), most + 1)
    return Sizes(min(reach.quanta + 1, photons + electrons), photons, max(detected, 2), electrons)


def _produced(response: Response, quanta: int) -> int:
    """Quanta above which the signal exceeds what is accepted."""
    if not math.isfinite(response.highest) or response.efficiency[0] <= 0:
        return quanta
    n = np.arange(quanta + 1.0)
    p, twice = response.efficiency[0], 1 + response.doubling
    mean = n * p * twice * response.gain
    variance = n * p * (response.gain**2 * ((1 - p) * twice**2 + response.doubling) + twice * response.spread**2)
    beyond = _first_above(mean - _SIGMAS * np.sqrt(variance), response.highest)
    return min(_rounded(_MARGIN * beyond), quanta)


def _counted(response: Response, most: int) -> int:
    """Detected quanta above which the signal exceeds what is accepted."""
    if not math.isfinite(response.highest):
        return most + 1
    n = np.arange(most + 1.0)
    return _first_above(n * response.gain - _SIGMAS * response.spread * np.sqrt(n), response.highest)


def _most(photons: int, efficiency: float) -> int:
    """The largest number of detected photons."""
    mean = photons * min(efficiency, 1.0)
    return min(photons, math.ceil(mean + _SIGMAS * math.sqrt(mean) + 10))


def _first_above(rising: Float[np.ndarray, " numbers"], level: float) -> int:
    above = np.flatnonzero(rising > level)
    return int(above[0]) + 1 if len(above) else len(rising)


def _rounded(number: float) -> int:
    return _ROUND * math.ceil(number / _ROUND)
