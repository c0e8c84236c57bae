"""Kinematics of four-lepton events: four-momenta, invariant masses, lepton pairs, flavour channels."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import InvalidData
from wilks.data.events import Events, Ragged

Z_MASS_GEV = 91.1876
"""Mass of the Z boson in GeV (Particle Data Group)."""

ELECTRON, MUON = 11, 13
"""Lepton types as in the particle numbering of the Particle Data Group."""

MASS = frozenset({"lep_pt", "lep_eta", "lep_phi", "lep_E"})
"""Columns that invariant masses need."""

PAIRING = MASS | {"lep_type", "lep_charge"}
"""Columns that the pairing of leptons needs."""

CHANNELS = {4 * ELECTRON: "4e", 2 * ELECTRON + 2 * MUON: "2e2mu", 4 * MUON: "4mu"}
"""Flavour channel by sum of lepton types."""

_PAIRS = tuple(combinations(range(4), 2))  # pair k and pair 5 - k share no lepton


def four_momenta(
    pt: Float[np.ndarray, "*shape"],
    eta: Float[np.ndarray, "*shape"],
    phi: Float[np.ndarray, "*shape"],
    energy: Float[np.ndarray, "*shape"],
) -> Float[np.ndarray, "4 *shape"]:
    """Energy and momentum components, in float64.

    px = pt cos(phi), py = pt sin(phi), pz = pt sinh(eta).

    Args:
        pt: transverse momentum in GeV.
        eta: pseudorapidity.
        phi: azimuth in rad.
        energy: energy in GeV.
    """
    pt, eta, phi, energy = (np.asarray(x, dtype=np.float64) for x in (pt, eta, phi, energy))
    return np.stack([energy, pt * np.cos(phi), pt * np.sin(phi), pt * _sinh(eta)])


def invariant_mass(momenta: Float[np.ndarray, "4 *shape"]) -> Float[np.ndarray, "*shape"]:
    """Mass sqrt(E^2 - |p|^2) in GeV; 0 where rounding makes the square negative.

    Args:
        momenta: energy and momentum components in GeV.
    """
    energy, px, py, pz = momenta
    return np.sqrt(np.maximum(energy**2 - px**2 - py**2 - pz**2, 0.0))


def mass_4l(events: Events) -> Float[np.ndarray, " events"]:
    """Invariant mass of the four selected leptons in GeV.

    Args:
        events: events of exactly four leptons with the columns ``MASS``.

    Raises:
        InvalidData: naming the first event that has not four leptons.
    """
    pt, eta, phi, energy = _kinematics(events)
    across = (_sum_of_four(pt * np.cos(phi)), _sum_of_four(pt * np.sin(phi)))
    return invariant_mass(np.stack([_sum_of_four(energy), *across, _sum_of_four(pt * _sinh(eta))]))


@dataclass(frozen=True)
class Pairing:
    """Two lepton pairs of each event.

    Args:
        z1_gev: mass of the same-flavour opposite-charge pair nearest to the Z; NaN without such a pair.
        z2_gev: mass of the other pair; NaN if the event has no pairing.
        paired: whether both pairs have same flavour and opposite charge.
        channel: ``4e``, ``4mu``, ``2e2mu``, or ``other``.
    """

    z1_gev: Float[np.ndarray, " events"]
    z2_gev: Float[np.ndarray, " events"]
    paired: Bool[np.ndarray, " events"]
    channel: np.ndarray


def pairing(events: Events) -> Pairing:
    """Pair the four leptons of each event; an event without pairing is flagged, not dropped.

    Args:
        events: events of exactly four leptons with the columns ``PAIRING``.

    Raises:
        InvalidData: naming the first event that has not four leptons.
    """
    momenta, kind, charge = _momenta(events), _four(events, "lep_type"), _four(events, "lep_charge")
    masses = np.stack([invariant_mass(momenta[..., i] + momenta[..., j]) for i, j in _PAIRS], axis=-1)
    allowed = np.stack([(kind[:, i] == kind[:, j]) & (charge[:, i] * charge[:, j] < 0) for i, j in _PAIRS], axis=-1)
    nearest = np.argmin(np.where(allowed, np.abs(masses - Z_MASS_GEV), np.inf), axis=-1)
    rows, other = np.arange(len(events)), len(_PAIRS) - 1 - nearest
    first, paired = allowed[rows, nearest], allowed[rows, nearest] & allowed[rows, other]
    sums = kind.astype(np.int64).sum(axis=1)
    return Pairing(
        z1_gev=np.where(first, masses[rows, nearest], np.nan),
        z2_gev=np.where(paired, masses[rows, other], np.nan),
        paired=paired,
        channel=np.select([sums == total for total in CHANNELS], list(CHANNELS.values()), default="other"),
    )


def check_leptons(events: Events) -> None:
    """Refuse lepton types other than 11 and 13, and charges other than +1 and -1.

    Args:
        events: events; a column that is absent is not checked.

    Raises:
        InvalidData: with event and value.
    """
    for name, allowed in (("lep_type", (ELECTRON, MUON)), ("lep_charge", (-1, 1))):
        if name not in events:
            continue
        column: Ragged = events[name]
        wrong = np.flatnonzero((column.values != allowed[0]) & (column.values != allowed[1]))
        if len(wrong):
            event = int(np.searchsorted(column.offsets, wrong[0], side="right")) - 1
            raise InvalidData(
                f"{events.source}: event {events.first + event} has {name} {column.values[wrong[0]]}; "
                f"expected {allowed[0]} or {allowed[1]}"
            )


def _four(events: Events, name: str) -> np.ndarray:
    column: Ragged = events[name]
    counts = column.counts()
    if not bool((counts == 4).all()):
        event = int(np.argmax(counts != 4))
        raise InvalidData(
            f"{events.source}: event {events.first + event} has {counts[event]} leptons; "
            "select events of exactly four before taking their mass"
        )
    return column.values.reshape(-1, 4)


def _momenta(events: Events) -> Float[np.ndarray, "4 events 4"]:
    return four_momenta(*_kinematics(events))


def _kinematics(events: Events) -> list[np.ndarray]:
    names = ("lep_pt", "lep_eta", "lep_phi", "lep_E")
    return [np.asarray(_four(events, name), dtype=np.float64) for name in names]


def _sum_of_four(matrix: np.ndarray) -> np.ndarray:
    """Sum over the last axis, four times faster than ``sum`` for so short an axis."""
    return matrix[..., 0] + matrix[..., 1] + matrix[..., 2] + matrix[..., 3]


def _sinh(eta: np.ndarray) -> np.ndarray:
    """Hyperbolic sine from the much faster exponential; exact to rounding relative to cosh(eta)."""
    growing = np.exp(eta)
    return 0.5 * (growing - 1.0 / growing)
