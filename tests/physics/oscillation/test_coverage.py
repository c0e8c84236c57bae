"""Coverage of Feldman-Cousins belts of real experiments: PROSPECT, DANSS and Bugey-3 together."""

from pathlib import Path

import jax
import numpy as np
import pytest

from wilks.inference.calibration import ByToys
from wilks.inference.contours import contour
from wilks.inference.signal_planes import Candidates, SignalPlane
from wilks.inference.toys import draw
from wilks.likelihood.signals import AbstractSignal
from wilks.physics.oscillation.build import near_far
from wilks.physics.oscillation.join import join
from wilks.physics.oscillation.plane import grid_signal, sterile_grid
from wilks.physics.oscillation.releases import prospect
from wilks.physics.oscillation.spaces import PLANE
from wilks.results.regions import Region

LEVEL = 0.90
AMPLITUDES, SPLITTINGS = np.geomspace(0.02, 0.4, 5), np.geomspace(0.4, 6.0, 4)


@pytest.fixture(scope="module")
def world(shared_data: Path):
    folder = shared_data / "oscillation"
    numbers = folder / "globesfit" / "numbers.npz"
    parts = {"PROSPECT": prospect(folder / "prospect", totals="observed")}
    return join(parts | {name: near_far(name, numbers) for name in ("DANSS", "Bugey-3")})


@pytest.fixture(scope="module")
def signal(world) -> AbstractSignal:
    return grid_signal(world, sterile_grid((1e-2, 1.0, 12), (0.2, 12.0, 60)), freeze_covariance=True)


def lowest_chi2(candidates: Candidates, x: np.ndarray) -> np.ndarray:
    """Chi-square of the nearest point of all chords, for every set of data."""
    starts, steps = candidates.points.means, candidates.steps
    assert steps is not None
    squares, lengths, offsets = (np.einsum("kc,kc->k", *two) for two in ((starts,) * 2, (steps,) * 2, (starts, steps)))
    found = []
    for some in np.array_split(x, max(len(x) // 100, 1)):
        slopes = some @ steps.T - offsets
        shares = np.clip(slopes / lengths, 0.0, 1.0)
        heights = squares - 2 * some @ starts.T - shares * (2 * slopes - shares * lengths)
        found.append(np.sum(some**2, axis=1) + heights.min(axis=1))
    return np.concatenate(found)


def covered(signal: AbstractSignal, world, amplitudes: np.ndarray, splittings: np.ndarray, n: int) -> list[float]:
    """Distance of the coverage from the level in binomial errors, at each node of a grid.

    Critical values come from the procedure; what they are tried on is drawn anew from the signal, and each set of data
    is compared with its best fit found by itself.
    """
    region = contour(
        signal, world.data, PLANE, level=LEVEL, method="feldman-cousins",
        calibration=ByToys(1, n), grid=(amplitudes, splittings),
    )  # fmt: skip
    assert isinstance(region, Region)
    plane, found = SignalPlane(signal), []
    for i, s in enumerate(amplitudes):
        for j, m in enumerate(splittings):
            theta = np.asarray(signal.space.pack(dict(zip(PLANE, (s, m), strict=True))))
            sets = draw(signal, jax.random.key(100 + 10 * i + j), theta, n)
            sets = jax.tree.map(np.asarray, sets)
            x = plane.vectors(*(jax.tree.map(lambda leaf, k=k: leaf[k], sets) for k in range(n)))
            (mean,) = plane.at(np.array([s]), np.array([m])).means
            own = np.sum((x - mean) ** 2, axis=1)
            t = own - np.minimum(own, lowest_chi2(plane.candidates, x))
            inside = float(np.mean(t <= region.critical[i, j]))
            error = np.sqrt(
                LEVEL * (1 - LEVEL) * (1 / n + 1 / region.toys[i, j])
            )  # of the trial, of the critical value
            found.append((inside - LEVEL) / error)
    return found


@pytest.mark.shared
def test_belts_cover_at_some_points(world, signal) -> None:
    found = covered(signal, world, AMPLITUDES[[1, 3]], SPLITTINGS[[1, 2]], 100)
    assert np.abs(found).max() < 4.0  # of four normal numbers


@pytest.mark.shared
@pytest.mark.slow
def test_belts_cover_at_twenty_points(world, signal) -> None:
    found = covered(signal, world, AMPLITUDES, SPLITTINGS, 2000)
    assert len(found) == 20
    assert np.abs(found).max() < 4.0  # of twenty normal numbers
    assert abs(np.mean(found)) < 4.0 / np.sqrt(4)  # critical values share their toys: less than twenty are independent
