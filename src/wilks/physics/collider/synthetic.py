"""Synthetic four-lepton events for tests and benchmarks: decays, a simple detector, weights.

Randomness is numpy's Philox generator keyed by (key, chunk), not a JAX key: each chunk depends on these two integers
alone, so any chunk can be made anywhere in any order, and this file needs numpy only.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from wilks._base.errors import InvalidData
from wilks.data.events import Column, Events, Ragged

from .decays import FourLeptons, four_leptons
from .events import ELECTRON, MUON
from .samples import WEIGHTS, Sample

_RESOLUTION = {ELECTRON: 0.016, MUON: 0.020}
_THRESHOLD_GEV = {ELECTRON: 7.0, MUON: 5.0}
_EFFICIENCY = 0.97
_SCALE_FACTORS = {
    "scaleFactor_PILEUP": 0.12,
    "scaleFactor_ELE": 0.03,
    "scaleFactor_MUON": 0.02,
    "scaleFactor_LepTRIGGER": 0.01,
}
_UNITS: Mapping[str, str] = {
    **dict.fromkeys(("lep_pt", "lep_E", "lep_ptcone30", "lep_etcone20", "jet_pt", "jet_E", "met_et"), "GeV"),
    **dict.fromkeys(("lep_phi", "jet_phi", "met_phi"), "rad"),
    **dict.fromkeys(("lep_z0", "lep_trackd0pvunbiased", "lep_tracksigd0pvunbiased"), "mm"),
}


def generator(key: int, chunk: int) -> np.random.Generator:
    """The generator of one chunk.

    Args:
        key: seed, a non-negative integer below 2^64.
        chunk: number of the chunk, a non-negative integer below 2^64.
    """
    return np.random.Generator(np.random.Philox(key=np.array([key, chunk], dtype=np.uint64)))


def stream(
    key: int, process: str, events: int, *, sample: Sample | None = None, chunk_events: int = 100_000
) -> Iterator[Events]:
    """Exactly so many events, chunk by chunk.

    Args:
        key: seed, a non-negative integer.
        process: ``higgs`` or ``llll``.
        events: number of events in total.
        sample: simulated sample whose weights and numbers the events carry; data when absent.
        chunk_events: number of events per chunk; part of the definition of the stream.

    Raises:
        InvalidOption: for another process.
    """
    for chunk, first in enumerate(range(0, events, chunk_events)):
        count = min(chunk_events, events - first)
        weight = 0.0 if sample is None else sample.sumw / events
        yield four_lepton_events(key, process, count, chunk=chunk, first_event=first, sample=sample, mean_weight=weight)


def four_lepton_events(
    key: int,
    process: str,
    count: int,
    *,
    chunk: int = 0,
    first_event: int = 0,
    sample: Sample | None = None,
    mean_weight: float = 1.0,
) -> Events:
    """One chunk of events that the detector accepts: at least four leptons in |eta| < 2.5 above threshold.

    Args:
        key: seed, a non-negative integer.
        process: ``higgs`` or ``llll``.
        count: number of events.
        chunk: number of the chunk.
        first_event: number of the first event.
        sample: simulated sample whose numbers the events carry; data, with all weights 0, when absent.
        mean_weight: mean size of ``mcWeight``.

    Raises:
        InvalidOption: for another process.
    """
    rng = generator(key, chunk)
    leptons = _accepted_leptons(rng, process, count)
    columns = _event_columns(rng, leptons, count, first_event, sample, mean_weight)
    return Events(
        {**columns, **leptons, **_isolation(rng, leptons["lep_pt"]), **_jets(rng, count)},
        units=_UNITS,
        source=f"synthetic {process}, key {key}, chunk {chunk}",
        first=first_event,
    )


def bootstrap(key: int, events: Events, count: int, *, chunk: int = 0, smearing: float = 0.02) -> Events:
    """Events drawn with replacement from a small set, weights included, with smeared lepton momenta.

    Args:
        key: seed, a non-negative integer.
        events: at least one event.
        count: number of events to draw.
        chunk: number of the chunk.
        smearing: relative width of the smearing.

    Raises:
        InvalidData: if there is no event to draw from.
    """
    if not len(events):
        raise InvalidData(f"{events.source}: no event to draw from")
    rng = generator(key, chunk)
    drawn = events.where(rng.integers(len(events), size=count))
    factor = 1 + smearing * rng.standard_normal(len(drawn["lep_pt"].values))
    smeared: dict[str, Column] = {
        name: drawn[name].like(drawn[name].values * factor) for name in ("lep_pt", "lep_E") if name in drawn
    }
    numbers = np.arange(chunk * count, (chunk + 1) * count, dtype=np.int32)
    return drawn.with_columns(smeared | ({"eventNumber": numbers} if "eventNumber" in drawn else {}))


def _accepted_leptons(rng: np.random.Generator, process: str, count: int) -> dict[str, Ragged]:
    """Generate until enough events have their four leptons seen."""
    parts, found = [], 0
    while found < count:
        seen = _detected(rng, four_leptons(rng, process, int(1.2 * (count - found)) + 50))
        parts.append({name: rows[: count - found] for name, rows in seen.items()})
        found += len(parts[-1]["lep_pt"])
    offsets = 4 * np.arange(count + 1)
    rows = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]} if parts else {}
    order = np.argsort(-rows["lep_pt"], axis=1, kind="stable") if parts else np.zeros((0, 4), dtype=int)
    return {name: Ragged(np.take_along_axis(row, order, axis=1).ravel(), offsets) for name, row in rows.items()}


def _detected(rng: np.random.Generator, leptons: FourLeptons) -> dict[str, np.ndarray]:
    electron = leptons.types == ELECTRON
    shape = electron.shape
    resolution = np.where(electron, _RESOLUTION[ELECTRON], _RESOLUTION[MUON])
    energy, px, py, pz = leptons.momenta * (1 + resolution * rng.standard_normal(shape))
    pt = np.hypot(px, py)
    eta = np.arcsinh(pz / pt)
    seen = (pt > np.where(electron, _THRESHOLD_GEV[ELECTRON], _THRESHOLD_GEV[MUON])) & (np.abs(eta) < 2.5)
    kept = (seen & (rng.uniform(size=shape) < _EFFICIENCY)).all(axis=1)
    rows = {
        "lep_type": leptons.types.astype(np.uint32),
        "lep_charge": leptons.charges.astype(np.int32),
        "lep_pt": pt,
        "lep_eta": eta,
        "lep_phi": np.arctan2(py, px),
        "lep_E": energy,
    }
    return {name: row[kept] for name, row in rows.items()}


def _isolation(rng: np.random.Generator, pt: Ragged) -> dict[str, Column]:
    number = len(pt.values)
    cone = np.where(rng.uniform(size=number) < 0.5, 0.0, rng.exponential(0.02, number))
    return {
        "lep_ptcone30": pt.like(cone * pt.values),
        "lep_etcone20": pt.like(rng.normal(0.01, 0.03, number) * pt.values),
        "lep_z0": pt.like(rng.normal(0.0, 0.05, number)),
        "lep_trackd0pvunbiased": pt.like(rng.normal(0.0, 0.012, number)),
        "lep_tracksigd0pvunbiased": pt.like(np.full(number, 0.012)),
        "lep_isTightID": pt.like(rng.uniform(size=number) < 0.9),
        "lep_trigMatched": pt.like(pt.values > 20.0),
    }


def _jets(rng: np.random.Generator, count: int) -> dict[str, Column]:
    numbers = rng.poisson(0.9, count)
    offsets = np.concatenate([[0], np.cumsum(numbers)])
    jets = int(offsets[-1])
    pt, eta = 25.0 + rng.exponential(25.0, jets), rng.normal(0.0, 1.3, jets)
    columns = {
        "jet_pt": pt,
        "jet_eta": eta,
        "jet_phi": rng.uniform(-np.pi, np.pi, jets),
        "jet_E": pt * np.cosh(eta),
        "jet_jvt": rng.uniform(size=jets),
        "jet_MV2c10": rng.uniform(-1.0, 1.0, jets),
        "jet_trueflav": rng.choice(np.array([0, 4, 5], dtype=np.int32), size=jets, p=[0.85, 0.1, 0.05]),
    }
    ragged = {name: Ragged(values, offsets) for name, values in columns.items()}
    return {**ragged, "jet_n": numbers.astype(np.uint32)}


def _event_columns(
    rng: np.random.Generator,
    leptons: Mapping[str, Ragged],
    count: int,
    first_event: int,
    sample: Sample | None,
    mean_weight: float,
) -> dict[str, Column]:
    simulated = sample is not None and not sample.is_data
    dataset = sample.dsid if sample is not None and sample.dsid is not None else 300_000
    kinds = leptons["lep_type"]
    columns: dict[str, Column] = {
        "runNumber": np.full(count, 284_500 if simulated else dataset, dtype=np.int32),
        "eventNumber": np.arange(first_event, first_event + count, dtype=np.int32),
        "channelNumber": np.full(count, dataset, dtype=np.int32),
        "XSection": np.full(count, sample.xsec_pb if simulated and sample else 1.0, dtype=np.float32),
        "SumWeights": np.full(count, sample.sumw if simulated and sample else 1.0, dtype=np.float32),
        "trigE": (kinds == ELECTRON).any(),
        "trigM": (kinds == MUON).any(),
        "lep_n": np.full(count, 4, dtype=np.uint32),
        "met_et": rng.exponential(25.0, count),
        "met_phi": rng.uniform(-np.pi, np.pi, count),
    }
    if not simulated:
        return {**columns, **{name: np.zeros(count, dtype=np.float32) for name in WEIGHTS}}
    sign = np.where(rng.uniform(size=count) < 0.02, -1.0, 1.0)
    columns["mcWeight"] = sign * rng.gamma(20.0, mean_weight / 20.0, count)
    return {**columns, **{name: rng.normal(1.0, width, count) for name, width in _SCALE_FACTORS.items()}}
