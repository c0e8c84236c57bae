"""Small hand-made events for the tests of the collider wing."""

import numpy as np

from wilks.data.events import Events, Ragged
from wilks.physics.collider.samples import WEIGHTS


def four_leptons(types, charges=(1, -1, 1, -1), pts=(40.0, 30.0, 20.0, 15.0), **columns) -> Events:
    """One event per row of types; all other quantities are harmless unless given (per lepton, or per event)."""
    types = np.atleast_2d(types)
    number, leptons = types.shape
    rows = {
        "lep_type": types.astype(np.uint32),
        "lep_charge": np.broadcast_to(charges, types.shape).astype(np.int32),
        "lep_pt": np.broadcast_to(pts, types.shape).astype(float),
        "lep_eta": np.resize([0.1, -0.2, 0.3, -0.4], types.shape),
        "lep_phi": np.resize([0.0, 3.0, 1.5, -1.5], types.shape),
        "lep_ptcone30": np.zeros(types.shape),
        "lep_etcone20": np.zeros(types.shape),
        "lep_z0": np.zeros(types.shape),
        "lep_trackd0pvunbiased": np.zeros(types.shape),
        "lep_tracksigd0pvunbiased": np.ones(types.shape),
    }
    rows |= {name: np.broadcast_to(value, types.shape) for name, value in columns.items() if name.startswith("lep_")}
    rows["lep_E"] = rows["lep_pt"] * np.cosh(rows["lep_eta"])
    offsets = leptons * np.arange(number + 1)
    flat = {name: np.broadcast_to(value, (number,)) for name, value in columns.items() if not name.startswith("lep_")}
    plain = {
        "lep_n": np.full(number, leptons, dtype=np.uint32),
        "trigE": np.ones(number, dtype=bool),
        "trigM": np.zeros(number, dtype=bool),
        **{name: np.ones(number) for name in WEIGHTS},
    }
    return Events({**plain, **flat, **{name: Ragged(np.ravel(rows[name]), offsets) for name in rows}})
