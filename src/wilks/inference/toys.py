"""Toys: simulated data fitted like data, in chunks that give the same bytes wherever and in whatever order they run."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from wilks._base.digests import digest
from wilks._base.errors import InvalidOption
from wilks._base.poisson_tables import counts_at, poisson_tables
from wilks._base.typing import Key, Values
from wilks.execution.chunks import Chunk, plan
from wilks.execution.executors import run_chunks
from wilks.execution.keys import as_seed, chunk_key, task_words
from wilks.execution.progress import Progress
from wilks.likelihood.binned import CountsData
from wilks.likelihood.counts import PoissonCounts
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.interface import AbstractHostSimulator, AbstractLikelihood, AbstractSimulator
from wilks.likelihood.joint import Joint, as_simulator
from wilks.parameters.space import ParameterSpace
from wilks.results.status import Status
from wilks.results.toys import Toys

from .compiled import compiled
from .fitting import climb_from
from .ladder import Climbed, climb
from .lanes import (
    SMALL_BATCH,
    evaluate_lanes,
    judges_events,
    large_batch,
    saturated_lanes,
    take_lanes,
    unfitted_batch,
    variations,
)
from .minimisers import TOY_TOLERANCE, AbstractMinimiser
from .problem import Clock, Problem, judged, standing_flags
from .quadratic import is_linear
from .starts import shaken_starts
from .statistics import AbstractStatistic

_CHUNK = 256  # toys per chunk where they run one after the other
_WIDE_CHUNK = 1024  # toys per chunk where they run side by side: each chunk costs a few milliseconds of its own
_DRAWN_TOGETHER = 1024  # toys drawn side by side: their numbers stay in the cache
_CHECKED = 100  # one toy in so many is fitted again from elsewhere, and more in small chunks
_FEWEST_CHECKED = 16
_FALSE_MINIMUM = 1e-3  # -ln L by which the second fit must be lower to prove the first wrong


class ToyStudy(NamedTuple):
    """What all chunks of a toy study share."""

    problem: Problem
    simulator: AbstractSimulator
    theta: Float[np.ndarray, " parameters"]
    statistic: AbstractStatistic | None
    refit: bool
    seed: int
    words: tuple[int, int]
    chunk_size: int


def toys(
    key: Key | int,
    simulator: AbstractSimulator,
    likelihood: AbstractLikelihood,
    values: Values,
    n: int,
    *,
    statistic: AbstractStatistic | None = None,
    refit: bool = True,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
    executor: Any = None,
    progress: Progress | None = None,
) -> Toys:
    """Simulate data at the given values and fit each set.

    Args:
        key: seed (a whole number) or ``jax.random.key(seed)``. The same seed gives the same bytes, whatever the
            number of workers.
        simulator: makes the data, auxiliary measurements included.
        likelihood: judges them.
        values: truth at which they are made, one value per parameter.
        n: number of toys; a longer study begins with the toys of a shorter one.
        statistic: also computed per toy, e.g. ``ProfileRatio({"mu": 1.0})`` or ``Distance("saturated")``.
        refit: fit each toy; without, the statistic is taken at the truth.
        space: space of the fits, as for `fit`.
        minimiser: as for `fit`.
        executor: None, a number of processes, an executor, or a Dask client; see `wilks.execution`.
        progress: called with (done, total, failed, seconds).
    """
    clock = Clock.start()
    if n < 1:
        raise InvalidOption(f"{n} toys asked for; ask for at least 1")
    study = pose_study(key, simulator, likelihood, values, statistic, refit=refit, space=space, minimiser=minimiser)
    arrays = throw(study, n, executor=executor, progress=progress)
    flags = standing_flags(likelihood)
    if (false := int(arrays["false_minima"].sum())) > 0:
        flags["false_minima_seen"] = (
            f"{false} checked toys had stopped in a wrong minimum; their chunks were fitted again"
        )
    if failed := int((arrays["status"] > 2).sum()):
        flags["failed_toys"] = f"{failed} of {n} toys have no trustworthy fit; they keep their place"
    return Toys(
        names=likelihood.space.names,
        theta=arrays["theta"],
        excess=arrays["excess"],
        nll=arrays["nll"],
        statistic=None if statistic is None else statistic.name,
        t=None if statistic is None else arrays["t"],
        status=arrays["status"],
        rung=arrays["rung"],
        seed=study.seed,
        chunk_size=study.chunk_size,
        flags=flags,
        how="main and auxiliary data drawn at the given values" + (", each toy refitted" if refit else ", no refit"),
        provenance=clock.provenance(
            study.problem,
            "toys",
            seed=study.seed,
            settings={"n": n, "refit": refit, "chunk_size": study.chunk_size, "truth": study.theta.tolist()},
        ),
    )


def pose_study(
    key: Key | int,
    simulator: AbstractSimulator,
    likelihood: AbstractLikelihood,
    values: Values,
    statistic: AbstractStatistic | None,
    *,
    refit: bool = True,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
) -> ToyStudy:
    """Put a toy study together; its random numbers follow from the seed and from what is simulated."""
    simulator = as_simulator(simulator)
    problem = judged(likelihood, None, space, minimiser, tolerance=TOY_TOLERANCE)
    theta = np.asarray(simulator.space.pack(values), dtype=float)
    cells = _size(simulator, simulator.space.unpack(theta)) * variations(likelihood)
    batch, chunk_size = _batch_and_chunk(problem, cells, refit)
    identity = problem.identity.model if simulator is likelihood else digest(simulator)  # known from the last time
    task = {"task": "toys", "simulator": identity, "truth": digest(theta), "chunk_size": chunk_size}
    problem = problem._replace(batch=batch)
    return ToyStudy(problem, simulator, theta, statistic, refit, as_seed(key), task_words(task), chunk_size)


def _batch_and_chunk(problem: Problem, cells: int, refit: bool) -> tuple[int, int]:
    """Toys per compiled call and per chunk."""
    batch = large_batch(len(problem.space), cells)
    if judges_events(problem.likelihood):
        batch = min(batch, SMALL_BATCH)
        return batch, batch
    if batch > SMALL_BATCH:
        return batch, max(batch, _WIDE_CHUNK)
    return (batch, _CHUNK) if refit else (unfitted_batch(cells), unfitted_batch(cells))


def throw(
    study: ToyStudy, n: int, *, first: int = 0, executor: Any = None, progress: Progress | None = None
) -> dict[str, np.ndarray]:
    """Run the chunks of a study; arrays over toys (and over chunks for ``false_minima``).

    Args:
        study: what all chunks share.
        n: number of toys.
        first: leave out chunks that begin before this toy, which were thrown already.
        executor: as for `toys`.
        progress: as for `toys`.
    """
    chunks = [chunk for chunk in plan(n, study.chunk_size, task="toys") if chunk.start >= first]
    found = run_chunks(run_chunk, study, chunks, executor=executor, progress=progress, count_failed=_count_failed)
    return {name: np.concatenate([arrays[name] for arrays in found]) for name in found[0]}


def run_chunk(study: ToyStudy, chunk: Chunk) -> dict[str, np.ndarray]:
    """One chunk: simulate, fit, measure."""
    key = chunk_key(study.seed, study.words, chunk.index)
    data = draw(study.simulator, key, study.theta, study.chunk_size)
    data = data if chunk.size == study.chunk_size else take_lanes(data, np.arange(chunk.size))
    problem = study.problem._replace(data=data)
    ends, false = _fits(study, problem, chunk) if study.refit else (_unfitted(study, problem, chunk.size), 0)
    t = np.zeros(chunk.size) if study.statistic is None else _measured(study.statistic, problem, ends)
    nll = ends.value - saturated_lanes(problem.likelihood, data, batch=problem.batch)
    return {
        "theta": ends.theta,
        "excess": ends.value,
        "nll": nll,
        "t": t,
        "status": ends.status,
        "rung": ends.rung,
        "false_minima": np.array([false]),
    }


def _measured(statistic: AbstractStatistic, problem: Problem, ends: Climbed) -> Float[np.ndarray, " toys"]:
    return type(statistic).measure(statistic, problem, ends)  # binding the method would cost more


def draw(simulator: AbstractSimulator, key: Key, theta: Float[np.ndarray, " parameters"], n: int) -> Any:
    """Stacked data of ``n`` toys at one truth; lists of events in the bucket of the longest."""
    if isinstance(simulator, PoissonCounts):
        return _drawn_counts(simulator, key, theta, n)
    return _draw_all(simulator, jax.random.split(key, n), theta)


def _draw_all(simulator: AbstractSimulator, keys: Any, theta: np.ndarray) -> Any:
    if isinstance(simulator, EnsembleCounts):
        values = dict(zip(simulator.space.names, theta, strict=True))  # in numpy, as its toys are
        return EnsembleCounts.simulate_many(simulator, keys, values)  # binding the method would cost more
    if isinstance(simulator, AbstractHostSimulator):
        return simulator.simulate_many(keys, simulator.space.unpack(theta))
    if isinstance(simulator, PoissonCounts):
        return _drawn_counts(simulator, keys, theta, len(keys))
    if isinstance(simulator, Joint) and _draws_on_host(simulator):
        values = simulator.space.unpack(theta)
        own = jax.vmap(lambda key: jax.random.split(key, len(simulator.parts)))(keys)
        return {
            name: _draw_all(as_simulator(part), own[:, i], np.asarray(simulator.values_of(name, values).theta))
            for i, (name, part) in enumerate(simulator.parts.items())
        }
    return _in_blocks(simulator, keys, theta)


def _draws_on_host(simulator: Any) -> bool:
    if isinstance(simulator, Joint):
        return any(_draws_on_host(part) for part in simulator.parts.values())
    return isinstance(simulator, (AbstractHostSimulator, EnsembleCounts, PoissonCounts))


def _size(simulator: AbstractSimulator, values: Values) -> int:
    """Numbers in one set of data."""
    if isinstance(simulator, AbstractHostSimulator):
        return simulator.size(values)
    if isinstance(simulator, EnsembleCounts):
        return simulator.predictor.outputs
    if isinstance(simulator, PoissonCounts):
        return simulator.layout.bins + len(simulator.constraints) + len(simulator.simulation_scale)
    if isinstance(simulator, Joint):
        parts = simulator.parts.items()
        return sum(_size(as_simulator(part), simulator.values_of(name, values)) for name, part in parts)
    return sum(int(np.size(x)) for x in jax.tree.leaves(simulator.expected(values)))


def _drawn_counts(simulator: PoissonCounts, keys: Any, theta: np.ndarray, n: int) -> CountsData:
    """Counts at common means in numpy, which shares the tables of their distributions between all sets and calls.

    The keys are those of the sets, or one to be split.
    """
    means, drawn = _means_and_probabilities(simulator, keys, theta, n=n)
    means = np.asarray(means)
    if simulator.averages_simulation or not np.isfinite(means).all():  # the former have means of their own
        return _in_blocks(simulator, keys if keys.ndim else jax.random.split(keys, n), theta)
    uniform, auxiliary, simulation = (np.asarray(x) for x in (drawn.counts, drawn.auxiliary, drawn.simulation))
    counts = counts_at(poisson_tables(means[None]), uniform, np.zeros(n, dtype=np.int64))
    return CountsData(counts, auxiliary, simulation)


@compiled("n")
def _means_and_probabilities(likelihood, keys, theta, *, n: int):
    values = likelihood.space.unpack(theta)
    each = keys if keys.ndim else jax.random.split(keys, n)
    return likelihood.expected_counts(values), jax.vmap(lambda key: likelihood.probabilities(key, values))(each)


def _in_blocks(simulator: AbstractSimulator, keys: Any, theta: np.ndarray) -> Any:
    """Data of all keys, many of them in equal blocks; the last block begins inside the one before."""
    n = len(keys)
    each = -(-n // max(-(-n // _DRAWN_TOGETHER), 1))
    if each == n:
        return jax.tree.map(np.asarray, _simulate(simulator, keys, theta, 0, n))
    found: Any = None
    for first in range(0, n, each):
        start = min(first, n - each)
        drawn = _simulate(simulator, keys, theta, np.asarray(start), each)
        if found is None:
            found = jax.tree.map(lambda like: np.empty((n, *like.shape[1:]), like.dtype), drawn)
        for whole, block in zip(jax.tree.leaves(found), jax.tree.leaves(drawn), strict=True):
            whole[start : start + each] = block
    return found


@eqx.filter_jit
def _simulate(simulator, keys, theta, start, count: int):
    """Data of so many keys from a place on."""
    values = simulator.space.unpack(theta)
    taken = keys if count == len(keys) else jax.lax.dynamic_slice_in_dim(keys, start, count)
    return jax.vmap(lambda key: simulator.simulate(key, values))(taken)


def _fits(study: ToyStudy, problem: Problem, chunk: Chunk) -> tuple[Climbed, int]:
    """Fits of one chunk; a sample is fitted again from elsewhere, since convergence proves no global minimum."""
    start = start_at_truth(study)
    ends = climb_from(problem, start, chunk.size)
    if is_linear(problem.likelihood):
        return ends, 0
    sample = np.arange(0, chunk.size, min(max(chunk.size // _FEWEST_CHECKED, 8), _CHECKED))
    false = _improved(ends, _again(problem, ends, sample, 1), sample)
    if false.any():
        everything = np.arange(chunk.size)
        for turn in (1, 2, 3):
            other = _again(problem, ends, everything, turn)
            better = _improved(ends, other, everything)
            ends = Climbed(*(np.where(_lift(better, a), b, a) for a, b in zip(ends, other, strict=True)))
    return ends, int(false.sum())


def _again(problem: Problem, ends: Climbed, which: np.ndarray, turn: int) -> Climbed:
    """Fits from where the least similar toy ended, then from shaken starts."""
    free = np.broadcast_to(problem.space.free_mask, (len(which), len(problem.space)))
    if turn == 1:
        starts = ends.theta[_least_similar(ends.theta, which)]
    else:
        starts = shaken_starts(problem.likelihood, ends.theta[which], free, problem.space, turn)
    data = take_lanes(problem.data, which)
    return climb(
        problem.likelihood, data, starts, free, problem.space, problem.settings, rescue=False, batch=problem.batch
    )


def _least_similar(theta: np.ndarray, which: np.ndarray) -> np.ndarray:
    """For each of some toys the one that ended farthest away, parameters in units of their spread."""
    spread = theta.std(axis=0)
    z = theta / np.where(spread > 0, spread, 1.0)
    norms = np.sum(z**2, axis=1)
    return np.argmax(norms[None] - 2 * z[which] @ z.T, axis=1)


def _improved(ends: Climbed, other: Climbed, which: np.ndarray) -> np.ndarray:
    return (other.status <= 2) & ~(other.value >= ends.value[which] - _FALSE_MINIMUM)


def _lift(mask: np.ndarray, like: np.ndarray) -> np.ndarray:
    return mask.reshape(-1, *([1] * (like.ndim - 1)))


def start_at_truth(study: ToyStudy) -> Float[np.ndarray, " parameters"]:
    """The truth, in the order of the likelihood's space, moved inside the bounds of the fit."""
    space = study.problem.space
    truth = dict(zip(study.simulator.space.names, study.theta, strict=True))
    start = np.array([truth.get(n, s) for n, s in zip(space.names, space.starts, strict=True)])
    return np.clip(np.where(space.free_mask, start, space.starts), space.lowers, space.uppers)


def _unfitted(study: ToyStudy, problem: Problem, n: int) -> Climbed:
    truth = start_at_truth(study)
    theta = np.broadcast_to(truth, (n, truth.size))
    value = evaluate_lanes(problem.likelihood, problem.data, theta, batch=problem.batch)
    zero = np.zeros(n)
    status = np.where(np.isfinite(value), Status.OK.code, Status.NONFINITE.code).astype(np.int8)
    return Climbed(theta, value, np.zeros_like(theta), zero, zero.astype(int), status, zero.astype(np.int8))


def _count_failed(arrays: Any) -> int:
    return int((arrays["status"] > 2).sum())
