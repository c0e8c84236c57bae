"""Chains of parameters by emcee: a sampler for a calculator, and where its walkers start."""

from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import MissingExtra, ProcedureFailed
from wilks._base.typing import Key

from .likelihood.calculator import LikelihoodCalculator
from .randomness import generator

_ROUNDS = 100


def emcee_sampler(likelihood_calculator: LikelihoodCalculator, nwalkers: int | None = None, **kwargs: Any) -> Any:
    """An ``emcee.EnsembleSampler`` of the likelihood with flat priors, all walkers evaluated in one call.

    Args:
        likelihood_calculator: what to sample.
        nwalkers: number of walkers, 2 per parameter by default.
        kwargs: for the sampler.

    Raises:
        MissingExtra: if emcee is not installed.
    """
    try:
        import emcee  # optional
    except ImportError as missing:
        raise MissingExtra("emcee", "peers") from missing
    size = len(likelihood_calculator.predictor.defaults)
    kwargs.setdefault("vectorize", "pool" not in kwargs)
    return emcee.EnsembleSampler(_walkers(nwalkers, size), size, likelihood_calculator, **kwargs)


def emcee_initial_guess(
    likelihood_calculator: LikelihoodCalculator, nwalkers: int | None = None, *, key: Key | int | None = None
) -> Float[np.ndarray, "walkers parameters"]:
    """Random starts of walkers, all with a finite likelihood.

    A parameter with two bounds starts anywhere between them, one with a single bound at an exponential distance from
    it, one without at a normal distance from its default; the default sets the scale.

    Args:
        likelihood_calculator: what to sample.
        nwalkers: number of walkers, 2 per parameter by default.
        key: random key; by default drawn from numpy's global state.

    Raises:
        ProcedureFailed: if no such starts are found.
    """
    predictor, random = likelihood_calculator.predictor, generator(key)
    count = _walkers(nwalkers, len(predictor.defaults))
    guess = _guesses(random, predictor.bounds, predictor.defaults, count)
    for _ in range(_ROUNDS):
        lost = np.flatnonzero(~np.isfinite(likelihood_calculator(guess)))
        if not lost.size:
            return guess
        guess[lost] = _guesses(random, predictor.bounds, predictor.defaults, lost.size)
    raise ProcedureFailed(
        f"{lost.size} of {count} walkers found no start with a finite likelihood in {_ROUNDS} tries; tighten the bounds"
    )


def _walkers(nwalkers: int | None, size: int) -> int:
    return 2 * size if nwalkers is None else nwalkers


def _guesses(
    random: np.random.Generator, bounds: np.ndarray, defaults: np.ndarray, count: int
) -> Float[np.ndarray, "walkers parameters"]:
    columns = []
    for (low, high), start in zip(bounds, defaults, strict=True):
        if np.isfinite(low) and np.isfinite(high):
            columns.append(random.uniform(low, high, size=count))
        elif np.isfinite(low):
            columns.append(low + random.exponential(_size(start - low), size=count))
        elif np.isfinite(high):
            columns.append(high - random.exponential(_size(high - start), size=count))
        else:
            columns.append(random.normal(start, _size(start), size=count))
    return np.stack(columns, axis=1)


def _size(distance: float) -> float:
    return float(abs(distance)) or 1.0
