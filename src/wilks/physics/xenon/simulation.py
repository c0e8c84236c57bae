"""The chain from recoils to observed signals, event by event, as vectorised draws."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from wilks.data.events import Events

from .binomial_draws import binomial_numbers
from .draws import Draws
from .evaluation import Evaluator
from .signals import SMALLEST_SMEAR
from .spectra import Comb
from .volume import Cylinder

Columns = dict[str, np.ndarray]
Recoil = Callable[[Draws, Evaluator, Columns], Columns]

UNITS = {
    **dict.fromkeys(("r", "z", "x", "y"), "cm"),
    "theta": "rad",
    **dict.fromkeys(("drift_time", "event_time"), "ns"),
    "energy": "keV",
    **dict.fromkeys(("s1_raw", "s1", "s2_raw", "s2"), "PE"),
}
COLUMNS = (
    *("r", "theta", "z", "x", "y", "drift_time", "event_time", "energy", "p_accepted", "quanta_produced"),
    *("p_el_mean", "p_el_fluct", "p_el_actual", "electrons_produced", "photons_produced", "photons_detected"),
    *("photoelectrons_detected", "s1_raw", "s1", "electrons_detected", "s2_raw", "s2"),
)
"""Columns of simulated events, in the order of flamedisx 2.1.0."""

_PROBES, _PROBE_SEED = 20_000, 1
_MARGIN = 1.05  # above the largest factor found at the probes


def draw_places(
    draws: Draws, volume: Cylinder, comb: Comb, evaluate: Evaluator, extend: Callable[[Events], Events]
) -> Columns:
    """Positions and times in proportion to the spectrum's factor, and energies in proportion to their rates."""
    name = "energy_spectrum_rate_multiplier"
    places = _uniform_places(draws, volume)
    if evaluate.model.columns((name,)):
        probes = volume.from_unit_cube(np.random.default_rng(_PROBE_SEED).random((_PROBES, 4)))
        highest = _MARGIN * np.max(evaluate(name, _extended(probes, extend)))
        waiting = _refused(draws, evaluate(name, _extended(places, extend)) / highest)
        while waiting.any():
            others = _uniform_places(draws, volume)
            places = {column: np.where(waiting, others[column], x) for column, x in places.items()}
            waiting &= _refused(draws, evaluate(name, _extended(others, extend)) / highest)
    return {**places, "energy": np.asarray(comb.energies)[_lines(np.asarray(comb.rates), draws(_uniform))]}


def simulate_trials(
    draws: Draws, evaluate: Evaluator, places: Columns, recoil: Recoil, extend: Callable[[Events], Events]
) -> tuple[Events, Bool[np.ndarray, " trials"]]:
    """All trials with all columns, and which of them are accepted.

    Args:
        draws: random numbers of every set.
        evaluate: the model functions.
        places: positions, times and energies.
        recoil: from these to produced quanta, photons and electrons.
        extend: adds derived columns once s1 and s2 are known.
    """
    columns = {**_with_derived(places, evaluate, extend), "p_accepted": np.ones(len(places["z"]))}
    columns |= recoil(draws, evaluate, columns)
    kept = _light(draws, evaluate, columns) * _charge(draws, evaluate, columns)
    table = extend(Events({name: columns[name] for name in COLUMNS}, UNITS, source="simulated events"))
    seen = {name: np.asarray(table[name]) for name in table.columns}
    for name in ("s1_acceptance", "s2_acceptance"):
        kept = kept * evaluate(name, seen)
    return table.with_columns({"p_accepted": kept}), draws(_uniform) < kept


def binomial(draws: Draws, number: np.ndarray, p: np.ndarray) -> Float[np.ndarray, " trials"]:
    """Binomial numbers."""
    return draws(lambda g, _, n, q: binomial_numbers(g, n, q), number, np.clip(p, 0.0, 1.0))


def _light(draws: Draws, evaluate: Evaluator, columns: Columns) -> np.ndarray:
    photons = columns["photons_produced"]
    p = evaluate("photon_detection_eff", columns) * evaluate("penning_quenching_eff", columns, photons)
    detected = binomial(draws, photons, p)
    double = binomial(draws, detected, evaluate("double_pe_fraction", columns))
    columns |= {"photons_detected": detected, "photoelectrons_detected": detected + double}
    _signal(draws, evaluate, columns, "s1", "photoelectrons_detected", "photoelectron_gain")
    return evaluate("photon_acceptance", columns, detected)


def _charge(draws: Draws, evaluate: Evaluator, columns: Columns) -> np.ndarray:
    electrons = columns["electrons_produced"]
    p = evaluate("electron_detection_eff", columns) * evaluate("electron_loss", columns, electrons)
    columns["electrons_detected"] = binomial(draws, electrons, p)
    _signal(draws, evaluate, columns, "s2", "electrons_detected", "electron_gain")
    return evaluate("electron_acceptance", columns, columns["electrons_detected"])


def _signal(draws: Draws, evaluate: Evaluator, columns: Columns, name: str, quanta: str, gain: str) -> None:
    number = columns[quanta]
    width = evaluate(f"{gain}_std", columns) * np.sqrt(number)
    raw = number * evaluate(f"{gain}_mean", columns) + width * draws(_normal)
    bias = evaluate(f"reconstruction_bias_{name}_simulate", columns, raw)
    smear = np.maximum(evaluate(f"reconstruction_smear_{name}_simulate", columns, raw), SMALLEST_SMEAR)
    columns |= {f"{name}_raw": raw, name: raw * bias + smear * draws(_normal)}


def _lines(rates: Float[np.ndarray, " lines"], uniform: Float[np.ndarray, " trials"]) -> Int[np.ndarray, " trials"]:
    """Lines in proportion to their rates: of each number the line whose share of the sum of all rates holds it.

    A search starts where a table of as many equal shares as there are lines says.
    """
    ends = np.cumsum(rates) / np.sum(rates)
    ends[np.searchsorted(ends, ends[-1]) :] = 1.0  # whatever the rounding of the sum
    first = np.searchsorted(ends, np.arange(len(rates)) / len(rates), side="right")
    line = first[(uniform * len(rates)).astype(np.int64)]
    behind = np.flatnonzero(ends[line] <= uniform)
    while len(behind):
        line[behind] += 1
        behind = behind[ends[line[behind]] <= uniform[behind]]
    return line


def _uniform_places(draws: Draws, volume: Cylinder) -> Columns:
    return volume.from_unit_cube(np.stack([draws(_uniform, places=True) for _ in range(4)], axis=1))


def _refused(draws: Draws, share: np.ndarray) -> Bool[np.ndarray, " trials"]:
    return draws(_uniform, places=True) >= share


def _with_derived(places: Columns, evaluate: Evaluator, extend: Callable[[Events], Events]) -> Columns:
    """Places with the derived columns that model functions take; those that need a signal are not known yet."""
    missing = set(evaluate.model.columns()) - {*places, *COLUMNS}
    if not missing:
        return places
    derived = _extended(places, extend)
    return {**places, **{name: derived[name] for name in missing if name in derived}}


def _extended(places: Columns, extend: Callable[[Events], Events]) -> Columns:
    blank = np.full(len(places["z"]), np.nan)
    table = extend(Events({**places, "s1": blank, "s2": blank}, UNITS, source="simulated places"))
    return {name: np.asarray(table[name]) for name in table.columns}


def _uniform(generator: np.random.Generator, number: int) -> np.ndarray:
    return generator.random(number)


def _normal(generator: np.random.Generator, number: int) -> np.ndarray:
    return generator.standard_normal(number)
