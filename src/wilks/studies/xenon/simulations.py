"""Simulated events that the study looks at: a thousand, fixed truths, and a poor lifetime."""

from typing import NamedTuple

import numpy as np

from wilks.data.events import Events
from wilks.results.numbers import number
from wilks.results.provenance import Provenance
from wilks.studies.tabular import StudyTable

from .posing import recoils
from .sample import seed_of

TRIALS = 1000
ENERGY = 5.0
"""keV, where the energy is fixed."""

POOR_TRIALS, POOR_LIFETIME = 5000, 200e3
SLICES = ((-90.0, -60.0), (-60.0, -30.0), (-30.0, 0.0))
"""Ranges of z, cm."""


class Simulated(NamedTuple):
    """Survivors of simulations.

    Args:
        flat: of a flat spectrum all over the volume.
        one_energy: at one energy.
        one_place: at one place.
        poor: at a lifetime of 200 us, with best guesses of their energies.
    """

    flat: Events
    one_energy: Events
    one_place: Events
    poor: Events


class Slice(NamedTuple):
    """How well the charge measures in a range of z.

    Args:
        low: cm.
        high: cm.
        events: number of events.
        bias: mean relative error of the produced electrons.
        spread: its standard deviation.
    """

    low: float
    high: float
    events: int
    bias: float
    spread: float


def simulate(preset: str, seed: int) -> Simulated:
    """All simulations; a source of its own has the poor lifetime as default, by which energies are then corrected."""
    source, poor = recoils(preset), recoils(preset, elife=POOR_LIFETIME)
    flat = source.draw(seed_of(seed, 2), TRIALS)
    return Simulated(
        flat,
        source.draw(seed_of(seed, 3), TRIALS, fix={"energy": ENERGY}),
        source.draw(seed_of(seed, 4), TRIALS, fix=flat.where(slice(0, 1))),
        poor.draw(seed_of(seed, 5), POOR_TRIALS, annotate=True),
    )


def survivors_table(simulated: Simulated, expected: float, provenance: Provenance) -> StudyTable:
    """How many events survive the cuts."""
    rows = (
        ("flat spectrum, whole volume", TRIALS, simulated.flat),
        (f"energy {number(ENERGY)} keV", TRIALS, simulated.one_energy),
        ("the place of the first event", TRIALS, simulated.one_place),
        (f"lifetime {number(POOR_LIFETIME / 1e3)} us", POOR_TRIALS, simulated.poor),
    )
    return StudyTable(
        title="Simulated events",
        sentences=(f"of {TRIALS} events the source expects {number(expected)} after all cuts, without simulation",),
        columns=("simulation", "events", "after cuts"),
        rows=tuple((text, str(trials), str(len(events))) for text, trials, events in rows),
        how="every stage of the detector drawn; one uniform number per event decides about all acceptances",
        provenance=provenance,
    )


def slices_of(poor: Events) -> tuple[Slice, ...]:
    """Precision of the electrons' number in each slice: the charge is corrected for mean losses alone."""
    found = []
    error = np.asarray(poor["electrons_produced_mle"]) / np.maximum(poor["electrons_produced"], 1.0) - 1.0
    for low, high in SLICES:
        inside = (poor["z"] > low) & (poor["z"] < high)
        found.append(Slice(low, high, int(inside.sum()), float(error[inside].mean()), float(error[inside].std())))
    return tuple(found)


def slices_table(slices: tuple[Slice, ...], provenance: Provenance) -> StudyTable:
    """The slices as a table that prints itself."""
    return StudyTable(
        title="What the position does to the charge",
        sentences=(f"lifetime {number(POOR_LIFETIME / 1e3)} us; mean losses are corrected",),
        columns=("z [cm]", "events", "mean error", "spread"),
        rows=tuple(
            (f"{s.low:g} to {s.high:g}", str(s.events), f"{100 * s.bias:+.1f} %", f"{100 * s.spread:.1f} %")
            for s in slices
        ),
        how="relative error of the number of produced electrons as seen by S2",
        provenance=provenance,
    )
