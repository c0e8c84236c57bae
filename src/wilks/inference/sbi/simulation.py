"""Simulation of training pairs: chunks of pseudo-experiments at parameters from the prior or a proposal."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.digests import digest
from wilks._base.errors import InvalidData, InvalidOption, MissingRole, TooManyFailures, UnknownName
from wilks._base.notices import notice
from wilks._base.tracing import UNTRACEABLE
from wilks._base.typing import Key
from wilks.execution.chunks import Chunk, plan
from wilks.execution.executors import run_chunks
from wilks.execution.keys import as_seed, chunk_key, task_words
from wilks.execution.progress import Progress
from wilks.likelihood.interface import AbstractHostSimulator, AbstractSimulator
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance

from .blocks import blocks_of, layout_of
from .coordinates import inferred_space
from .pair_store import PairStore
from .pairs import NOT_FINITE, RAISED, VALID, Pairs
from .points import prior_draws
from .switches import refuse_same_names, switch_blocks
from .theta_laws import Law, Proposal, drawn

_CHUNK = 4096  # simulations of one compiled call
_SLOW_CHUNK = 100  # simulations made point by point
_MOST_FAILED = 0.01
_PROBES = 8  # simulations that find shapes and show whether the key matters
_MOST_PROBES = 100  # tried for them, where some fail

_UNTRACEABLE = (*UNTRACEABLE, jax.errors.UnexpectedTracerError, TypeError)


class _Work(NamedTuple):
    """What all chunks of a simulation share."""

    simulator: AbstractSimulator
    space: ParameterSpace
    seed: int
    words: tuple[int, int]
    theta: Float[np.ndarray, "pairs parameters"] | None
    compiled: bool
    layout: dict[str, tuple[int, ...]]


def simulate_pairs(
    key: Key | int,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    n: int,
    *,
    proposal: Proposal | None = None,
    proposal_name: str = "given values",
    draw: str = "random",
    executor: Any = None,
    store: str | Path | None = None,
    progress: Progress | None = None,
    allow_invalid: bool = False,
    allow_deterministic: bool = False,
) -> Pairs:
    """Simulate pseudo-experiments at parameters drawn from the prior.

    A simulator that can be traced runs compiled, some thousand experiments at a time; any other is called point by
    point, with a notice. The same key gives the same pairs for any executor, and more pairs begin with the fewer ones.
    Switches (parameters with the prior `Choice`) are drawn, and each adds to the data a block that tells its
    alternative.

    Args:
        key: seed (a whole number) or ``jax.random.key(seed)``.
        simulator: ``simulate(key, values)`` makes ONE set of data: an array, or arrays by block name.
        space: its parameters; every free one needs a proper prior.
        n: number of pairs.
        proposal: in place of prior draws: parameters to simulate at, one row each in the order of the free ones, or the
            part of the prior where simulations succeed (`restrict`).
        proposal_name: what given parameters were drawn from, for prints.
        draw: ``"random"``, independent draws of the prior, as checks of calibration need them; or ``"latin"``, a Latin
            hypercube: every parameter has one point in each of n parts of equal prior. It covers the prior more evenly,
            and more pairs no longer begin with the fewer ones.
        executor: None, a number of processes, an executor, or a Dask client; see `wilks.execution`.
        store: folder in which finished chunks are kept and found again.
        progress: called with (done, total, failed, seconds).
        allow_invalid: accept more than 1 % of failed simulations.
        allow_deterministic: accept a simulator that does not use its key.

    Raises:
        InvalidParameter: for a free parameter without a proper prior.
        TooManyFailures: if more than 1 % of the simulations fail, with the range of parameters where they do.
        InvalidData: if the simulator's output changes its shape, or does not depend on the key.
        RegionTooSmall: if a proposal accepts less than a millionth of the prior.
    """
    refuse_other_names(simulator, space)
    names = inferred_space(space).names
    if n < 1:
        raise InvalidOption(f"{n} pairs asked for; ask for at least 1")
    law = drawn(key, space, n, proposal, proposal_name, draw)
    work = _pose(key, simulator, space, law, allow_deterministic)
    chunk_size = _CHUNK if work.compiled else _SLOW_CHUNK
    chunks = plan(n, chunk_size, task="pairs")
    arrays = _run(work, chunks, executor, store, progress)
    columns = [space.index(name) for name in names]
    pairs = Pairs(
        names=names,
        theta=arrays.pop("theta")[:, columns],
        status=arrays.pop("status"),
        chunk=np.repeat([c.index for c in chunks], [c.size for c in chunks]),
        data={name.removeprefix("data."): array for name, array in sorted(arrays.items())},
        proposal=law.name,
        flags={},
        provenance=Provenance.collect(
            seed=work.seed,
            model_digest=digest(simulator),
            settings={
                "procedure": "simulate_pairs",
                "n": n,
                "chunk_size": chunk_size,
                "compiled": work.compiled,
                **law.facts,
            },
        ),
    )
    return _judged(pairs, allow_invalid)


def simulate_chunk(work: _Work, chunk: Chunk) -> dict[str, np.ndarray]:
    """Simulate one chunk; its random numbers follow from seed, task and the chunk's number."""
    key = chunk_key(work.seed, work.words, chunk.index)
    size = _CHUNK if work.compiled else _SLOW_CHUNK
    theta_key, data_key = jax.random.split(key)
    if work.theta is None:
        theta = prior_draws(theta_key, work.space, size)
    else:
        rows = work.theta[chunk.start : chunk.start + chunk.size]
        theta = np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])
    if work.compiled:
        found, status = _compiled(work, data_key, theta), np.full(chunk.size, VALID, dtype=np.int8)
        found = {name: array[: chunk.size] for name, array in found.items()}
    else:
        found, status = _one_by_one(work, data_key, theta[: chunk.size], chunk.start)
    for array in found.values():
        bad = ~np.all(np.isfinite(array.reshape(chunk.size, -1)), axis=1)
        status = np.where((status == VALID) & bad, NOT_FINITE, status).astype(np.int8)
    found |= {name: np.asarray(block) for name, block in switch_blocks(work.space, theta[: chunk.size]).items()}
    return {
        "theta": theta[: chunk.size],
        "status": status,
        **{f"data.{name}": array for name, array in found.items()},
    }


def is_traceable(simulator: AbstractSimulator, space: ParameterSpace) -> bool:
    """Whether one set of data can be simulated inside compiled code."""
    if isinstance(simulator, AbstractHostSimulator):
        return False
    try:
        jax.eval_shape(
            lambda k, t: simulator.simulate(k, space.unpack(t)), jax.random.key(0), jnp.asarray(space.starts)
        )
    except _UNTRACEABLE:
        return False
    return True


def refuse_other_names(simulator: AbstractSimulator, space: ParameterSpace) -> None:
    """Refuse a simulator of other parameters than the space holds, and things that cannot simulate.

    Raises:
        MissingRole: if it cannot make data.
        UnknownName: listing missing and unknown parameters.
    """
    if not isinstance(simulator, AbstractSimulator):
        raise MissingRole(f"{type(simulator).__name__} cannot make data; give an AbstractSimulator")
    missing = sorted(set(simulator.space.names) - set(space.names))
    unknown = sorted(set(space.names) - set(simulator.space.names))
    if missing or unknown:
        raise UnknownName(f"the space does not fit the simulator: missing {missing}, unknown {unknown}")


def _pose(key: Key | int, simulator: AbstractSimulator, space: ParameterSpace, law: Law, deterministic: bool) -> _Work:
    compiled = is_traceable(simulator, space)
    if not compiled:
        notice(
            f"{type(simulator).__name__} cannot be compiled and runs point by point: expect its own time per "
            "simulation; write it with jax.numpy, or give executor=N"
        )
    # The values asked for do not enter the words: pairs at given values differ from others by their seed alone.
    words = task_words({"task": "pairs", "simulator": digest(simulator), "space": digest(space.names)})
    work = _Work(simulator, space, as_seed(key), words, law.theta, compiled, {})
    layout = _probe(work, deterministic)
    refuse_same_names(space, layout)
    return work._replace(layout=layout)


def _probe(work: _Work, deterministic: bool) -> dict[str, tuple[int, ...]]:
    """Shapes of the blocks, found by a few simulations, which also show whether the key matters."""
    key = chunk_key(work.seed, work.words, 2**31)
    theta = prior_draws(key, work.space, _MOST_PROBES) if work.theta is None else work.theta[:_MOST_PROBES]
    layout, same, told = None, True, 0
    for i, row in enumerate(theta):
        values = work.space.unpack(row)
        try:
            one, two = (_simulate_one(work.simulator, k, values) for k in jax.random.split(jax.random.fold_in(key, i)))
        except Exception:  # it may fail at some parameters: those rows get a status when their turn comes
            continue
        layout = layout_of(one) if layout is None else layout
        same &= all(np.array_equal(one[name], two[name], equal_nan=True) for name in one if name in two)
        told += all(np.all(np.isfinite(array)) for array in one.values())
        if not same or told == _PROBES or (told and not work.compiled):
            break
    if layout is None:
        raise TooManyFailures(f"the simulator raised at all {len(theta)} parameters tried; call it once by hand to see")
    if same and not deterministic:
        raise InvalidData(
            "the simulator gives the same data for different keys, so that the posterior would be singular; use the "
            "key, or say allow_deterministic=True"
        )
    return layout


def _simulate_one(simulator: AbstractSimulator, key: Key, values: Any) -> dict[str, np.ndarray]:
    if isinstance(simulator, AbstractHostSimulator):
        many = blocks_of(simulator.simulate_many(key[None], values))
        return {name: np.asarray(array)[0] for name, array in many.items()}
    return {name: np.asarray(array) for name, array in blocks_of(simulator.simulate(key, values)).items()}


@eqx.filter_jit
def _simulate_rows(simulator, space, key, theta):
    keys = jax.random.split(key, len(theta))
    return jax.vmap(lambda k, row: blocks_of(simulator.simulate(k, space.unpack(row))))(keys, theta)


def _compiled(work: _Work, key: Key, theta: Float[np.ndarray, "pairs parameters"]) -> dict[str, np.ndarray]:
    found = _simulate_rows(work.simulator, work.space, key, jnp.asarray(theta))
    return {name: np.asarray(array) for name, array in found.items()}


def _one_by_one(
    work: _Work, key: Key, theta: Float[np.ndarray, "pairs parameters"], first: int
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    data = {name: np.full((len(theta), *shape), np.nan) for name, shape in work.layout.items()}
    status = np.full(len(theta), VALID, dtype=np.int8)
    for i, row in enumerate(theta):
        try:
            blocks = _simulate_one(work.simulator, jax.random.fold_in(key, i), work.space.unpack(row))
        except Exception:  # counted, and shown with its parameters if too many fail
            status[i] = RAISED
            continue
        if layout_of(blocks) != work.layout:
            raise InvalidData(
                f"the simulator's output changes: simulation {first + i} has blocks {layout_of(blocks)}, the first had "
                f"{work.layout}; pad lists to one length (PaddedEvents)"
            )
        for name, array in blocks.items():
            data[name][i] = array
    return data, status


def _run(work: _Work, chunks: Any, executor: Any, store: Any, progress: Any) -> dict[str, np.ndarray]:
    def run(some: Any) -> list[dict[str, np.ndarray]]:
        return run_chunks(simulate_chunk, work, some, executor=executor, progress=progress, count_failed=_failed)

    if store is None:
        found = run(chunks)
    else:
        identity = {"seed": work.seed, "words": list(work.words), "theta": digest(work.theta), "task": "pairs"}
        found = PairStore(Path(store), identity).complete(chunks, run)
    return {name: np.concatenate([arrays[name] for arrays in found]) for name in found[0]}


def _failed(arrays: Any) -> int:
    return int(np.count_nonzero(arrays["status"] != VALID))


def _judged(pairs: Pairs, allow_invalid: bool) -> Pairs:
    """Pairs with a flag if some simulations failed.

    Raises:
        TooManyFailures: above one per cent, unless that is allowed.
    """
    if not pairs.failed:
        return pairs
    bad = pairs.theta[pairs.status != VALID]
    where = ", ".join(
        f"{name} in [{low:.4g}, {high:.4g}]"
        for name, low, high in zip(pairs.names, bad.min(axis=0), bad.max(axis=0), strict=True)
    )
    sentence = f"{pairs.failed} of {len(pairs)} simulations failed, at {where}"
    if pairs.failed > _MOST_FAILED * len(pairs) and not allow_invalid:
        raise TooManyFailures(
            f"{sentence}; more than {_MOST_FAILED:.0%}. Mend the simulator, shrink the space, or say "
            "allow_invalid=True: a posterior given that the simulation is valid is then learned",
            pairs,
        )
    return dataclasses.replace(pairs, flags={**pairs.flags, "failed_simulations": sentence})
