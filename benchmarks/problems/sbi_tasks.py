"""Four tasks of simulation-based inference in numpy, which both sides get the same simulations of.

Origin of the tasks, their observations and reference posteriors: sbibm 1.1.0, J.-M. Lueckmann et al., AISTATS 2021,
arXiv:2101.04653, appendix T.
"""

import bz2
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "data"
DATA = Path(os.environ.get("WILKS_TEST_DATA") or _BESIDE) / "sbibm"
"""Folder of observations and reference posteriors."""

NARROW = math.sqrt(0.1)


class Problem(NamedTuple):
    """A task: parameters with one prior each, and a simulator of many pairs at once.

    Args:
        size: number of parameters.
        half_width: of the uniform prior around 0; None for normal priors of variance 0.1.
        simulate: from a generator and rows of parameters to rows of data.
        judged: draws that its C2ST compares.
    """

    size: int
    half_width: float | None
    simulate: Callable[[np.random.Generator, np.ndarray], np.ndarray]
    judged: int


def _two_moons(generator: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    a = generator.uniform(-0.5 * math.pi, 0.5 * math.pi, len(theta))
    r = generator.normal(0.1, 0.01, len(theta))
    shift = np.stack([-np.abs(theta[:, 0] + theta[:, 1]), theta[:, 1] - theta[:, 0]], axis=1) / math.sqrt(2.0)
    return np.stack([r * np.cos(a) + 0.25, r * np.sin(a)], axis=1) + shift


def _gaussian_linear(generator: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    return theta + NARROW * generator.standard_normal(theta.shape)


def _gaussian_mixture(generator: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    width = np.where(generator.random(len(theta)) < 0.5, 1.0, 0.1)
    return theta + width[:, None] * generator.standard_normal(theta.shape)


def _slcp(generator: np.random.Generator, theta: np.ndarray) -> np.ndarray:
    one, two, rho = theta[:, 2] ** 2, theta[:, 3] ** 2, np.tanh(theta[:, 4])
    covariance = np.array([[one**2, rho * one * two], [rho * one * two, two**2]]).transpose(2, 0, 1) + 1e-6 * np.eye(2)
    e = generator.standard_normal((len(theta), 4, 2))
    points = theta[:, None, :2] + np.einsum("nij,npj->npi", np.linalg.cholesky(covariance), e)
    return points.reshape(len(theta), 8)


PROBLEMS = {
    "two_moons": Problem(2, 1.0, _two_moons, 10_000),
    "gaussian_linear": Problem(10, None, _gaussian_linear, 4_000),
    "gaussian_mixture": Problem(2, 10.0, _gaussian_mixture, 10_000),
    "slcp": Problem(5, 3.0, _slcp, 4_000),
}


def pairs(task: str, seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Parameters from the prior, and data at each."""
    problem, generator = PROBLEMS[task], np.random.default_rng(seed)
    shape = (n, problem.size)
    if problem.half_width is None:
        theta = NARROW * generator.standard_normal(shape)
    else:
        theta = generator.uniform(-problem.half_width, problem.half_width, shape)
    return theta, problem.simulate(generator, theta)


def observation(task: str, number: int) -> np.ndarray:
    """Observed data of a task."""
    return np.loadtxt(DATA / task / str(number) / "observation.csv", delimiter=",", skiprows=1)


def reference(task: str, number: int) -> np.ndarray:
    """10,000 draws of the exact posterior."""
    with bz2.open(DATA / task / str(number) / "reference_posterior_samples.csv.bz2", "rt") as lines:
        return np.loadtxt(lines, delimiter=",", skiprows=1)
