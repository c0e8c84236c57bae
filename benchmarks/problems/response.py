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

EVENTS = 1000.0
"""True events of a model as it is."""

SIMPLE = 10
"""Toys of given weights for each refitted one: 2500 and 250 in the tutorial."""


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


def weights(n: int) -> np.ndarray:
    """Weights of model A at which ratios are tested."""
    return np.linspace(0.0, EVENTS, n)


def fits_of_models(toys: int, points: int, tests: int) -> int:
    """Fits that the steps on both models take if every step does its own, which is how ReMU counts.

    Args:
        toys: refitted toys of each p-value.
        points: weights with an asymptotic p-value, two fits each.
        tests: weights with a p-value by toys, two fits of the data and of each toy.
    """
    return 3 + 3 * (1 + toys) + 2 * points + 2 * tests * (1 + toys)


def fits_of_cross_sections(toys: int, points: int) -> int:
    """The same for the last example: three fits, and for either model toys and two fits per point."""
    return 3 + 2 * (1 + toys + 2 * points)


def points(n: int) -> np.ndarray:
    """Weights around `POINT`."""
    return np.random.default_rng(8).uniform(0.8, 1.2, size=(n, 4)) * np.array(POINT)
