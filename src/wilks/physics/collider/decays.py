"""Kinematics of a boson or a ZZ pair decaying to four leptons: mass spectra, two-body decays, boosts."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr, ndtri

from wilks._base.errors import check_option

from .events import ELECTRON, MUON

PROCESSES = ("higgs", "llll")
LEPTON_MASS_GEV = 1e-3
"""Leptons are massless for all purposes; 1 MeV keeps their energies above their momenta."""

_HIGGS_GEV, _HIGGS_SCALE_GEV = 125.0, 2e-3
_Z_GEV, _Z_WIDTH_GEV = 91.19, 2.5
_LORENTZIAN_CUT = 50.0  # half widths


@dataclass(frozen=True, eq=False)
class FourLeptons:
    """Generated leptons before any detector.

    Args:
        mass_gev: mass of the four-lepton system.
        parent: energy and momentum of the four-lepton system in GeV.
        momenta: energy and momentum of each lepton in GeV; the two of one Z stand together.
        types: 11 or 13.
        charges: +1 or -1.
    """

    mass_gev: Float[np.ndarray, " events"]
    parent: Float[np.ndarray, "4 events"]
    momenta: Float[np.ndarray, "4 events 4"]
    types: Int[np.ndarray, "events 4"]
    charges: Int[np.ndarray, "events 4"]


def four_leptons(rng: np.random.Generator, process: str, events: int) -> FourLeptons:
    """Generate events of four leptons.

    Args:
        rng: source of randomness.
        process: ``higgs`` (125 GeV, narrow) or ``llll`` (Z to four leptons, and the ZZ continuum).
        events: number of events.

    Raises:
        InvalidOption: for another process.
    """
    check_option("process", process, PROCESSES)
    mass = _higgs_mass(rng, events) if process == "higgs" else _continuum_mass(rng, events)
    first, second = _z_masses(rng, mass)
    parent = _parent(rng, mass)
    z1, z2 = _two_body(rng, parent, mass, first, second)
    light = np.full(events, LEPTON_MASS_GEV)
    pairs = [*_two_body(rng, z1, first, light, light), *_two_body(rng, z2, second, light, light)]
    kinds = rng.choice(np.array([ELECTRON, MUON]), size=(events, 2))
    return FourLeptons(
        mass_gev=mass,
        parent=parent,
        momenta=np.stack(pairs, axis=-1),
        types=np.repeat(kinds, 2, axis=1),
        charges=np.tile(np.array([1, -1]), (events, 2)),
    )


def breit_wigner(
    rng: np.random.Generator,
    mass: float,
    width: float,
    low: Float[np.ndarray, " events"],
    high: Float[np.ndarray, " events"],
) -> Float[np.ndarray, " events"]:
    """Masses of a resonance between two limits: m^2 = M^2 + M Gamma tan(u), u uniform.

    Args:
        rng: source of randomness.
        mass: pole mass M in GeV.
        width: width Gamma in GeV.
        low: lower limit of each mass in GeV.
        high: upper limit of each mass in GeV.
    """
    ends = (np.arctan((limit**2 - mass**2) / (mass * width)) for limit in (low, high))
    angle = rng.uniform(*ends)
    return np.sqrt(mass**2 + mass * width * np.tan(angle))


def boosted(
    momentum: Float[np.ndarray, "4 events"],
    frame: Float[np.ndarray, "4 events"],
    mass: Float[np.ndarray, " events"],
) -> Float[np.ndarray, "4 events"]:
    """Momentum given in the rest frame of a particle, in the frame in which that particle has a momentum.

    Args:
        momentum: energy and momentum in the rest frame, GeV.
        frame: energy and momentum of the particle, GeV.
        mass: mass of the particle, GeV.
    """
    along = (momentum[1:] * frame[1:]).sum(axis=0)
    energy = (frame[0] * momentum[0] + along) / mass
    space = momentum[1:] + frame[1:] * (along / (mass * (frame[0] + mass)) + momentum[0] / mass)
    return np.concatenate([energy[None], space])


def _two_body(
    rng: np.random.Generator, frame: np.ndarray, mass: np.ndarray, first: np.ndarray, second: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Isotropic decay of a particle of some momentum and mass into two of the given masses."""
    momentum = np.sqrt((mass**2 - (first + second) ** 2) * (mass**2 - (first - second) ** 2)) / (2 * mass)
    cosine, phi = rng.uniform(-1, 1, len(mass)), rng.uniform(-np.pi, np.pi, len(mass))
    sine = np.sqrt(1 - cosine**2)
    space = momentum * np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine])
    energies = (np.sqrt(momentum**2 + m**2)[None] for m in (first, second))
    one, two = (np.concatenate([e, sign * space]) for e, sign in zip(energies, (1, -1), strict=True))
    return boosted(one, frame, mass), boosted(two, frame, mass)


def _parent(rng: np.random.Generator, mass: np.ndarray) -> np.ndarray:
    pt = rng.gamma(1.6, 25.0, len(mass))
    edge = ndtr(3.5 / 1.1)
    rapidity = 1.1 * ndtri(rng.uniform(1 - edge, edge, len(mass)))
    phi = rng.uniform(-np.pi, np.pi, len(mass))
    transverse = np.hypot(mass, pt)
    return np.stack(
        [transverse * np.cosh(rapidity), pt * np.cos(phi), pt * np.sin(phi), transverse * np.sinh(rapidity)]
    )


def _higgs_mass(rng: np.random.Generator, events: int) -> np.ndarray:
    edge = np.arctan(_LORENTZIAN_CUT)
    return _HIGGS_GEV + _HIGGS_SCALE_GEV * np.tan(rng.uniform(-edge, edge, events))


def _continuum_mass(rng: np.random.Generator, events: int) -> np.ndarray:
    """14 % single Z, 28 % flat between the thresholds, 58 % above the ZZ threshold."""
    kind = rng.choice(3, size=events, p=[0.14, 0.28, 0.58])
    resonance = breit_wigner(rng, _Z_GEV, _Z_WIDTH_GEV, np.full(events, 70.0), np.full(events, 110.0))
    flat, above = rng.uniform(95.0, 190.0, events), 182.0 + rng.gamma(1.5, 60.0, events)
    return np.choose(kind, [resonance, flat, above])


def _z_masses(rng: np.random.Generator, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lowest = np.full(len(mass), 12.0)
    first = breit_wigner(rng, _Z_GEV, _Z_WIDTH_GEV, lowest, np.minimum(110.0, mass - 12.5))
    high = np.minimum(mass - first - 0.2, 115.0)
    on_shell = breit_wigner(rng, _Z_GEV, _Z_WIDTH_GEV, lowest, high)
    off_shell = 12.0 + (high - 12.0) * np.sqrt(rng.uniform(size=len(mass)))
    return first, np.where(mass > 182.5, on_shell, off_shell)
