"""Toys whose fits start where a neural posterior expects the maximum: few starts in place of many."""

from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key, Values
from wilks.execution.chunks import Chunk, plan
from wilks.execution.executors import run_chunks
from wilks.execution.keys import chunk_key, task_words
from wilks.execution.progress import Progress
from wilks.inference.fitting import climb_from, fit
from wilks.inference.ladder import Climbed, climb, replaced, taken
from wilks.inference.lanes import evaluate_lanes, saturated_lanes, take_lanes, take_one
from wilks.inference.multistart import Multistart
from wilks.inference.problem import Clock, Problem
from wilks.inference.statistics import AbstractStatistic
from wilks.inference.toys import ToyStudy, draw, pose_study, start_at_truth
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.results.toys import Toys

from .importance import refuse_other_space
from .map_estimates import distinct
from .points import Points
from .posterior import NeuralPosterior, draw_many
from .proposals import Proposal, draws_of

_CHUNK = 256
_STARTS = 256  # of a check
_MISSED = 0.01  # -ln L by which a check must be lower
_MOST_MISSED = 0.01


class _Work(NamedTuple):
    """What all chunks share."""

    study: ToyStudy
    posterior: Proposal
    draws: int
    polish: int
    every: int


def accelerated_toys(
    key: Key | int,
    posterior: Proposal,
    likelihood: AbstractLikelihood,
    simulator: AbstractSimulator,
    values: Values,
    n: int,
    *,
    draws: int = 64,
    polish: int = 3,
    checked: float = 0.02,
    statistic: AbstractStatistic | None = None,
    executor: Any = None,
    progress: Progress | None = None,
) -> Toys:
    """Simulate data at the given values and fit each set from the best draws of a neural posterior.

    Per toy the exact likelihood is evaluated at some draws of the posterior, and the best distinct ones are polished;
    the truth is tried as well. Some toys are fitted again from 256 starts, and the share whose maximum was missed is
    reported.

    Args:
        key: random key or seed.
        posterior: trained for any data.
        likelihood: judges the toys; of the same parameters.
        simulator: makes them.
        values: truth, one value per parameter; it may lie outside the bounds of the fit.
        n: number of toys.
        draws: draws of the posterior per toy.
        polish: how many of them are fitted.
        checked: share of toys that are fitted again from many starts.
        statistic: also computed per toy, as for `wilks.inference.toys.toys`.
        executor: None, a number of processes, an executor, or a Dask client.
        progress: called with (done, total, failed, seconds).

    Returns:
        The same result as `wilks.inference.toys.toys`, flagged ``missed_maxima`` if more than 1 % of the checked toys
        had a maximum higher by 0.01 elsewhere.
    """
    clock = Clock.start()
    if n < 1 or draws < 1 or not 1 <= polish <= draws or not 0.0 <= checked <= 1.0:
        raise InvalidOption(
            f"n {n}, draws {draws}, polish {polish}, checked {checked}: expected at least 1, polish up to draws, and a "
            "share in [0, 1]"
        )
    refuse_other_space(posterior.space, likelihood)
    study = pose_study(key, simulator, likelihood, values, statistic)
    words = task_words({"task": "accelerated toys", "truth": study.theta.tolist(), "draws": draws, "polish": polish})
    study = study._replace(words=words, chunk_size=_CHUNK)
    work = _Work(study, posterior, draws, polish, round(1.0 / checked) if checked else 0)
    found = run_chunks(
        _chunk,
        work,
        plan(n, _CHUNK, task="toys"),
        executor=executor,
        progress=progress,
        count_failed=lambda arrays: int((arrays["status"] > 2).sum()),
    )
    arrays = {name: np.concatenate([part[name] for part in found]) for name in found[0]}
    checks, missed = int(arrays["checked"].sum()), int(arrays["missed"].sum())
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
        chunk_size=_CHUNK,
        flags=_flags(checks, missed, int((arrays["status"] > 2).sum()), n),
        how=f"data drawn at the given values, each fitted from the best {polish} of {draws} posterior draws and from "
        f"the truth; {missed} of {checks} toys checked by {_STARTS} starts had a higher maximum",
        provenance=clock.provenance(
            study.problem,
            "accelerated_toys",
            seed=study.seed,
            settings={"n": n, "draws": draws, "polish": polish, "checked": checked, "truth": study.theta.tolist()},
        ),
    )


def _flags(checks: int, missed: int, failed: int, n: int) -> dict[str, str]:
    flags = {}
    if checks and missed > _MOST_MISSED * checks:
        flags["missed_maxima"] = (
            f"{missed} of {checks} checked toys have a higher maximum elsewhere; raise `draws` or `polish`, or train "
            "the posterior longer"
        )
    if failed:
        flags["failed_toys"] = f"{failed} of {n} toys have no trustworthy fit; they keep their place"
    return flags


def _chunk(work: _Work, chunk: Chunk) -> dict[str, np.ndarray]:
    """One chunk: simulate, look where the posterior lies, fit, check some."""
    study = work.study
    key = chunk_key(study.seed, study.words, chunk.index)
    data = draw(study.simulator, jax.random.fold_in(key, 0), study.theta, _CHUNK)
    data = take_lanes(data, np.arange(chunk.size))
    problem = study.problem._replace(data=data)
    starts = _starts(work, problem, jax.random.fold_in(key, 1), chunk.size)
    ends = _lowest(problem, starts)
    ends = _better(ends, climb_from(problem, start_at_truth(study), chunk.size, rescue=False))
    lost = np.flatnonzero(ends.status > 2)
    if lost.size:
        left = problem._replace(data=take_lanes(data, lost))
        ends = replaced(ends, lost, climb_from(left, start_at_truth(study), lost.size))
    nll = ends.value - saturated_lanes(problem.likelihood, data, batch=problem.batch)
    which = np.zeros(chunk.size, dtype=bool)
    if work.every:
        which[np.arange(chunk.start, chunk.start + chunk.size) % work.every == 0] = True
    missed = _misses(problem, nll, np.flatnonzero(which), study.seed)
    t = np.zeros(chunk.size) if study.statistic is None else study.statistic.measure(problem, ends)
    return {
        "theta": ends.theta,
        "excess": ends.value,
        "nll": nll,
        "t": t,
        "status": ends.status,
        "rung": ends.rung,
        "checked": which,
        "missed": missed,
    }


def _starts(work: _Work, problem: Problem, key: Key, count: int) -> Float[np.ndarray, "toys starts parameters"]:
    """The best distinct draws of each toy, by the exact likelihood."""
    space = problem.space
    columns = list(work.posterior.space.indices(space.names))
    theta = np.clip(_draws(work, problem.data, key, count)[:, :, columns], space.lowers, space.uppers)
    lanes = np.repeat(np.arange(count), work.draws)
    excess = evaluate_lanes(problem.likelihood, take_lanes(problem.data, lanes), theta.reshape(-1, len(space)))
    chosen = [
        distinct(work.posterior.space, own, -e, work.polish)
        for own, e in zip(theta, excess.reshape(count, work.draws), strict=True)
    ]
    return np.stack([own[np.minimum(np.arange(work.polish), len(own) - 1)] for own in chosen])


def _draws(work: _Work, data: Any, key: Key, count: int) -> Float[np.ndarray, "toys draws parameters"]:
    if isinstance(work.posterior, NeuralPosterior):
        return draw_many(work.posterior, key, data, work.draws)
    one = [work.posterior.sample(jax.random.fold_in(key, i), take_one(data, i), work.draws) for i in range(count)]
    return np.stack([draws_of(samples) for samples in one])


def _lowest(problem: Problem, starts: Float[np.ndarray, "toys starts parameters"]) -> Climbed:
    """The best end of each toy's starts."""
    count, each, size = starts.shape
    lanes = np.repeat(np.arange(count), each)
    first: Points = starts.reshape(-1, size)
    free = np.broadcast_to(problem.space.free_mask, first.shape)
    data = take_lanes(problem.data, lanes)
    ends = climb(
        problem.likelihood, data, first, free, problem.space, problem.settings, rescue=False, batch=problem.batch
    )
    value = np.where((ends.status <= 2) & np.isfinite(ends.value), ends.value, np.inf).reshape(count, each)
    return taken(ends, np.arange(count) * each + np.argmin(value, axis=1))


def _better(one: Climbed, other: Climbed) -> Climbed:
    """Lane by lane the lower of two ends; one that converged before one that did not."""
    value = [np.where((e.status <= 2) & np.isfinite(e.value), e.value, np.inf) for e in (one, other)]
    where = np.flatnonzero(value[1] < value[0])
    return replaced(one, where, taken(other, where))


def _misses(problem: Problem, nll: Float[np.ndarray, " toys"], which: np.ndarray, seed: int) -> np.ndarray:
    """Which of the checked toys have a maximum elsewhere that is higher by more than 0.01."""
    missed = np.zeros(len(nll), dtype=bool)
    for i in which:
        again = fit(
            problem.likelihood,
            take_one(problem.data, int(i)),
            start=Multistart(_STARTS, key=seed),
            space=problem.space,
            throw=False,
        )
        missed[i] = again.status.converged and again.nll < nll[i] - _MISSED
    return missed
