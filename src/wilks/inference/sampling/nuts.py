"""Sampling by NUTS, the Hamiltonian sampler that sets its own path lengths: for many parameters, needs gradients."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption
from wilks.execution.chunks import Chunk

from .diagnostics import Diagnostics, diagnose, energy_information, worst
from .hamiltonian import BLOCK, State, advance, settle, warm_up
from .interface import AbstractSampler, Chains, Posed
from .origin import TRIES, Origin, scattered
from .running import Report, chain_keys, run_chains, silent
from .target import Target

_LARGEST_RHAT = 1.01
_SMALLEST_ESS = 400.0
_SMALLEST_ENERGY_INFORMATION = 0.3
_SATURATED = 0.01  # part of the transitions that may end at the largest depth
_EXTENSIONS = 5  # times the draws asked for, if chains have not mixed by then
_PER_CHAIN = ("position", "log_prob", "energy", "divergent", "saturated", "leaps", "acceptance")


class Nuts(AbstractSampler):
    """No-U-turn sampler in unbounded coordinates, with a warm-up that learns step size and metric.

    Chains are extended by as many draws again until R-hat and effective sample sizes pass.

    Args:
        chains: number of independent chains.
        warmup: steps that learn step size and metric, thrown away.
        draws: draws of each chain.
        target_acceptance: mean acceptance that the step size aims at, in (0, 1); raise it against divergences.
        max_depth: a path has at most 2^depth steps.
        dense: learn all of the metric instead of its diagonal; for strong correlations.
        max_draws: largest number of draws of each chain; five times ``draws`` by default.

    References:
        M. Hoffman, A. Gelman, arXiv:1111.4246; M. Betancourt, arXiv:1701.02434.
    """

    chains: int = eqx.field(static=True, default=4)
    warmup: int = eqx.field(static=True, default=1000)
    draws: int = eqx.field(static=True, default=1000)
    target_acceptance: float = eqx.field(static=True, default=0.8)
    max_depth: int = eqx.field(static=True, default=10)
    dense: bool = eqx.field(static=True, default=False)
    max_draws: int | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        for name, least in (("chains", 1), ("warmup", 20), ("draws", 4), ("max_depth", 1)):
            number = getattr(self, name)
            if number < least:
                raise InvalidOption(f"{name} {number} is below {least}; give at least {least}")
        if not 0.0 < self.target_acceptance < 1.0:
            raise InvalidOption(f"target_acceptance {self.target_acceptance} must lie between 0 and 1; 0.8 is usual")
        if self.longest < self.draws:
            raise InvalidOption(f"max_draws {self.max_draws} is below draws {self.draws}; give at least {self.draws}")

    @property
    def longest(self) -> int:
        """Largest number of draws of each chain."""
        return _EXTENSIONS * self.draws if self.max_draws is None else self.max_draws

    def check(self, free: int) -> None:
        """Nothing depends on the number of free parameters."""

    def run(self, posed: Posed) -> Chains:
        """Warm up, draw, and go on drawing until the chains have mixed."""
        work = Work(posed.target, self, posed.origin, posed.seed, 0, None)
        found: dict[str, np.ndarray] = {}
        while True:
            done = found["log_prob"].shape[1] if found else 0
            steps = min(self.draws, self.longest - done)
            chunks = tuple(Chunk("nuts", i, i * steps, steps) for i in range(self.chains))
            more = run_chains(run_chain, work, chunks, executor=posed.executor, progress=posed.progress)
            found = {n: np.concatenate([*([found[n]] if found else []), more[n]], axis=1) for n in _PER_CHAIN}
            diagnostics = diagnose(found["position"])
            mixed = _unmixed(diagnostics, posed.target.space.free) == ()
            if mixed or found["log_prob"].shape[1] >= self.longest:
                return _chains(self, found, diagnostics, more["step_size"], posed.target.space.free)
            state = {name: more[name] for name in State._fields}
            work = work._replace(round=work.round + 1, state=state)


class Work(NamedTuple):
    """What all chains of a round share; after the first round also where each of them stands."""

    target: Target
    algorithm: Nuts
    origin: Origin
    seed: int
    round: int
    state: dict[str, np.ndarray] | None


def run_chain(work: Work, chunk: Chunk, report: Report = silent) -> dict[str, Any]:
    """The draws of one chain in one round, and where it stands at the end."""
    settings = work.algorithm
    key, generator = chain_keys(work.seed, "nuts", chunk.index)
    if work.state is None:
        state = _begin(work, key, generator)
    else:
        state = State(**{name: array[chunk.index] for name, array in work.state.items()})
    key = jax.random.fold_in(key, work.round + 1)
    blocks = []
    for first in range(0, chunk.size, BLOCK):
        steps = min(BLOCK, chunk.size - first)
        step_key = jax.random.fold_in(key, first // BLOCK)
        state, drawn = advance(work.target, step_key, state, jnp.asarray(steps), settings.max_depth)
        blocks.append({name: np.asarray(array)[:steps] for name, array in drawn._asdict().items()})
        report(steps)
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return {**joined, **state._asdict()}


def _begin(work: Work, key: Any, generator: np.random.Generator) -> State:
    settings = work.algorithm
    tries = scattered(generator, work.origin, work.target.space, 1)[:, 0]
    sigma = jnp.sqrt(jnp.diag(jnp.asarray(work.origin.covariance)))
    start = settle(work.target, jnp.asarray(tries.reshape(TRIES, -1)), jnp.asarray(work.origin.centre), sigma)
    if not np.isfinite(start.log_prob):
        raise InvalidOption(
            f"the posterior density is zero or undefined around the start {work.origin.centre.tolist()} of "
            f"{', '.join(work.target.space.free)}; give another start"
        )
    return warm_up(
        work.target,
        jax.random.fold_in(key, 0),
        start.coordinates,
        start.scale,
        settings.warmup,
        jnp.asarray(settings.target_acceptance),
        settings.max_depth,
        settings.dense,
    )


def _unmixed(found: Diagnostics, names: tuple[str, ...]) -> tuple[str, ...]:
    """What longer chains may cure."""
    clauses = []
    if (bad := ~(found.rhat <= _LARGEST_RHAT)).any():
        clauses.append(f"R-hat is {worst(names, found.rhat, bad, highest=True)} (at most {_LARGEST_RHAT})")
    for kind, values in (("bulk", found.ess_bulk), ("tail", found.ess_tail)):
        if (bad := ~(values >= _SMALLEST_ESS)).any():
            lowest = worst(names, values, bad, highest=False)
            clauses.append(f"the {kind} effective sample size is {lowest} (at least {_SMALLEST_ESS:.0f})")
    return tuple(clauses)


def _incurable(
    found: dict[str, np.ndarray], information: Float[np.ndarray, " chains"], settings: Nuts
) -> tuple[str, ...]:
    """What longer chains do not cure."""
    clauses = []
    if divergences := int(found["divergent"].sum()):
        clauses.append(
            f"{divergences} transitions diverged; raise target_acceptance, or give the parameters other coordinates"
        )
    if not (information >= _SMALLEST_ENERGY_INFORMATION).all():
        clauses.append(f"E-BFMI is {information.min():.2g} (at least {_SMALLEST_ENERGY_INFORMATION})")
    if float(found["saturated"].mean()) > _SATURATED:
        part = 100.0 * float(found["saturated"].mean())
        clauses.append(f"{part:.2g} % of the paths ended at depth {settings.max_depth}; raise max_depth")
    return tuple(clauses)


def _chains(
    settings: Nuts,
    found: dict[str, np.ndarray],
    diagnostics: Diagnostics,
    step_sizes: Float[np.ndarray, " chains"],
    names: tuple[str, ...],
) -> Chains:
    information = energy_information(found["energy"])
    shortcomings = (*_unmixed(diagnostics, names), *_incurable(found, information, settings))
    return Chains(
        position=found["position"],
        log_prob=found["log_prob"],
        acceptance=found["acceptance"].mean(axis=1),
        warmup=settings.warmup,
        spacing=1,
        evaluations=int(found["leaps"].sum()),
        diagnostics=diagnostics,
        shortcomings=shortcomings,
        facts={
            "divergences": float(found["divergent"].sum()),
            "E-BFMI": float(information.min()),
            "step size": float(np.mean(step_sizes)),
            "leaps per draw": float(found["leaps"].mean()),
        },
        flags={},
    )
