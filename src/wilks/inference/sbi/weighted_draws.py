"""From weighted draws to draws of equal weight: systematic resampling, or a Metropolis chain over the proposals."""

import math

import jax
import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.results.samples import Samples
from wilks.results.weighted import WeightedSamples

from .proposals import random_key

Places = Int[np.ndarray, " draws"]


def resample(key: Key | int, weighted: WeightedSamples, n: int | None = None) -> Samples:
    """Draws of equal weight, each chosen in proportion to its weight by one comb of equal steps.

    Args:
        key: random key or seed; shifts the comb and shuffles the draws.
        weighted: draws with weights.
        n: number of draws; by default the effective number, rounded down.

    References:
        G. Kitagawa, J. Comput. Graph. Stat. 5 (1996) 1, systematic resampling.
    """
    count = max(int(weighted.ess), 1) if n is None else n
    if count < 1:
        raise InvalidOption(f"{count} draws asked for; ask for at least 1")
    shift, order = jax.random.split(random_key(key))
    comb = (np.arange(count) + float(jax.random.uniform(shift))) / count
    places = np.searchsorted(np.cumsum(weighted.weights), comb).clip(0, len(weighted) - 1)
    shuffled = places[np.asarray(jax.random.permutation(order, count))]
    return _samples(weighted, shuffled, min(weighted.ess, float(count)), "importance resampling", 1.0)


def metropolise(key: Key | int, weighted: WeightedSamples) -> Samples:
    """Independence Metropolis over the proposals in random order: a move to j is accepted with min(1, w_j/w_i).

    Args:
        key: random key or seed.
        weighted: draws with weights; as many steps as draws.

    References:
        W. K. Hastings, Biometrika 57 (1970) 97; L. Tierney, Ann. Stat. 22 (1994) 1701, on independence chains.
    """
    order, accept = jax.random.split(random_key(key))
    n = len(weighted)
    proposed = np.asarray(jax.random.permutation(order, n))
    log_uniform = np.log(np.asarray(jax.random.uniform(accept, (n,), float, np.finfo(float).tiny)))
    places, accepted = _chain(weighted.log_weight[proposed], log_uniform)
    return _samples(weighted, proposed[places], weighted.ess, "independence Metropolis", accepted)


def _chain(log_weight: Float[np.ndarray, " steps"], log_uniform: Float[np.ndarray, " steps"]) -> tuple[Places, float]:
    """Place of the chain after each step, from the first proposal with a weight on, and the share of accepted moves."""
    places = np.empty(len(log_weight), dtype=int)
    current, moves = int(np.argmax(log_weight > -np.inf)), 0
    for step, candidate in enumerate(log_weight):
        if step > current and candidate - log_weight[current] >= log_uniform[step]:
            current, moves = step, moves + 1
        places[step] = current
    return places, moves / len(log_weight)


def _samples(weighted: WeightedSamples, places: Places, ess: float, algorithm: str, acceptance: float) -> Samples:
    size = len(weighted.names)
    spread = weighted.theta[places].std(axis=0)
    each = np.where(weighted.fixed, math.nan, ess)
    log_prob = (weighted.log_likelihood + weighted.log_prior)[places]
    return Samples(
        names=weighted.names,
        units=weighted.units,
        fixed=weighted.fixed,
        lower=weighted.lower,
        upper=weighted.upper,
        draws=weighted.theta[places][None],
        log_prob=log_prob[None],
        log_prior=weighted.log_prior[places][None],
        algorithm=algorithm,
        warmup=0,
        spacing=1,
        converged=weighted.reliable,
        verdict=weighted.verdict,
        rhat=np.full(size, math.nan),
        ess_bulk=each,
        ess_tail=each,
        mcse=np.where(weighted.fixed, math.nan, spread / math.sqrt(ess)),
        tau=np.where(weighted.fixed, math.nan, len(places) / ess),
        acceptance=np.array([acceptance]),
        evaluations=len(weighted),
        facts={"pareto_k": weighted.pareto_k, "log_evidence": weighted.log_evidence},
        flags=weighted.flags,
        how="draws from likelihood times prior, within bounds",
        provenance=weighted.provenance,
    )
