"""Our side of the rows on Daya Bay and PROSPECT: chi-square, gradient, fit, batches, tables of predictions."""

import functools
import os
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from harness.serving import Answer, Work
from problems import dayabay as problem

from wilks.inference.fitting import fit as fit_likelihood
from wilks.physics.constants import PHASE_PER_EV2_M_MEV
from wilks.physics.oscillation.dayabay.analysis import DayaBayAnalysis, analyse
from wilks.physics.oscillation.prospect import CORE_RADIUS_M, SEGMENT_WIDTH_M, ProspectSpectra, loss_table
from wilks.physics.oscillation.releases import prospect

_DISC, _BOX = 64, 32  # points across the core and the segment of the plain sum


@functools.cache
def analysis() -> DayaBayAnalysis:
    """The Daya Bay analysis, built once."""
    return analyse()


def _thetas(n: int) -> list[jax.Array]:
    return [jnp.asarray(problem.displaced(i)) for i in range(n)]


def chi2(n: int) -> Work:
    """Chi-square at displaced parameters, one call after the other."""
    likelihood, data, thetas = analysis().likelihood, analysis().data, _thetas(n)
    call = eqx.filter_jit(lambda theta: 2.0 * likelihood.excess(theta, data))

    def work() -> Answer:
        found = [float(call(theta)) for theta in thetas]
        return {"items": n, "values": found[:10], "scale": 1.0}

    return work


def gradient(n: int) -> Work:
    """Chi-square with its gradient."""
    likelihood, data, thetas = analysis().likelihood, analysis().data, _thetas(n)
    call = eqx.filter_jit(jax.value_and_grad(lambda theta: 2.0 * likelihood.excess(theta, data)))

    def work() -> Answer:
        found = [float(jax.block_until_ready(call(theta))[0]) for theta in thetas]
        return {"items": n, "values": found[:10], "scale": 1.0}

    return work


def batch(n: int) -> Work:
    """Chi-square at displaced parameters in one call."""
    likelihood, data, thetas = analysis().likelihood, analysis().data, jnp.stack(_thetas(n))
    call = eqx.filter_jit(jax.vmap(lambda theta: 2.0 * likelihood.excess(theta, data)))

    def work() -> Answer:
        found = np.asarray(call(thetas))
        return {"items": n, "values": found[:10].tolist(), "scale": 1.0}

    return work


def fit() -> Work:
    """Fit of all 21 parameters."""
    likelihood, data = analysis().likelihood, analysis().data

    def work() -> Answer:
        found = fit_likelihood(likelihood, data)
        return {"items": 1, "values": found.theta[:2].tolist(), "scale": list(problem.SCALES[:2])}

    return work


@functools.cache
def _prospect() -> ProspectSpectra:
    shared = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("WILKS_TEST_DATA", shared)) / "oscillation" / "prospect"
    likelihood = prospect(folder).likelihood
    assert isinstance(likelihood, ProspectSpectra)
    return likelihood


def _masses(n: int) -> np.ndarray:
    return np.geomspace(0.1, 20.0, n)


def prospect_table(masses: int) -> Work:
    """Share of the counts lost at each mass."""
    oscillation = _prospect().oscillation

    def work() -> Answer:
        return {"items": masses, "values": loss_table(oscillation, _masses(masses))[0].ravel().tolist(), "scale": 1.0}

    return work


def prospect_in_numpy(masses: int) -> Work:
    """The same by a plain sum over segments, energies and points of core and segment."""
    oscillation = _prospect().oscillation
    across = (np.arange(_DISC) + 0.5) / _DISC * 2.0 - 1.0
    density = np.sqrt(1.0 - across**2)
    box = ((np.arange(_BOX) + 0.5) / _BOX - 0.5) * SEGMENT_WIDTH_M
    away = (CORE_RADIUS_M * across[:, None] + box).ravel()
    weight = np.repeat(density / density.sum() / _BOX, _BOX)

    def lost(mass: float) -> np.ndarray:
        found = np.zeros(oscillation.null.shape)
        phase = PHASE_PER_EV2_M_MEV * mass / oscillation.energies.ravel()
        for k, length in enumerate(oscillation.lengths_m):
            mean = np.sin(phase[:, None] * (length + away)) ** 2 @ weight
            in_bins = (mean * oscillation.weights.ravel()).reshape(oscillation.weights.shape).sum(axis=1)
            found[oscillation.members[:, k] > 0] += oscillation.response[k] @ in_bins
        return found

    def work() -> Answer:
        found = [lost(mass) for mass in _masses(90)[:masses]]
        return {"items": masses, "values": found[0].ravel().tolist()}

    return work


TASKS = {
    "dayabay_chi2": chi2,
    "dayabay_gradient": gradient,
    "dayabay_batch": batch,
    "dayabay_fit": fit,
    "prospect_table": prospect_table,
    "prospect_in_numpy": prospect_in_numpy,
}
