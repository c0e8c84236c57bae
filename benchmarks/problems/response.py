"""The problem of the response wing: the files of ReMU's tutorial, and what both sides do with them."""

import os
from pathlib import Path

import numpy as np

PARAMETERS = ("noise", "bg", "A", "B")
POINT = (200.0, 1.0, 0.5, 0.5)
"""Weights at which likelihoods are evaluated."""

TABLES = {"A": "00/modelA_truth", "B": "00/modelB_truth"}
YEARS = 0.01
"""Exposure of one beam particle."""


def folder() -> Path:
    """Folder of the tutorial's files: WILKS_TEST_DATA, or shared/data beside the checkout.

    Raises:
        FileNotFoundError: if it is not there.
    """
    data = os.environ.get("WILKS_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data"
    found = Path(data) / "response"
    if not found.is_dir():
        raise FileNotFoundError(f"{found} does not exist; set WILKS_TEST_DATA to the folder that holds response/")
    return found


def energies() -> np.ndarray:
    """Energies of 1000 beam particles in 100 throws of the flux."""
    return np.random.default_rng(106).normal(8.0, 2.0, size=(101, 1000))[1:]


def plane(n: int) -> dict[str, np.ndarray]:
    """Weighted events in the plane of reconstructed quantities."""
    random = np.random.default_rng(7)
    x, y = random.normal(0.0, 1.5, size=(2, n))
    return {"reco_x": x, "reco_y": y, "w": random.uniform(0.5, 1.5, n)}


def points(n: int) -> np.ndarray:
    """Weights around `POINT`."""
    return np.random.default_rng(8).uniform(0.8, 1.2, size=(n, 4)) * np.array(POINT)
