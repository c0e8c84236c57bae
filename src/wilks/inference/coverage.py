"""Checks of procedures on toys: how often an interval covers the truth, and how far estimates lie from it."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from wilks._base.errors import InvalidOption, TooManyFailures
from wilks._base.typing import Key, Values
from wilks.execution.chunks import Chunk, plan
from wilks.execution.executors import run_chunks
from wilks.execution.keys import chunk_key
from wilks.execution.progress import Progress
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.likelihood.joint import as_simulator
from wilks.parameters.space import ParameterSpace
from wilks.results.intervals import Interval
from wilks.results.toys import Bias, Coverage, CoverageCurve

from .endpoint import examine
from .fitting import climb_from
from .intervals import interval, walk_both_sides
from .lanes import hessian_lanes, take_lanes, take_one
from .minimisers import AbstractMinimiser
from .probabilities import clopper_pearson, threshold
from .problem import Clock, refuse_curvature
from .profiles import with_metric
from .statistics import ProfileRatio
from .toys import ToyStudy, draw, pose_study, start_at_truth, throw

Procedure = Callable[[Any], Interval]


class _Ends(NamedTuple):
    """Payload of a coverage study of one parameter."""

    study: ToyStudy
    name: str
    truth: float
    level: float
    procedure: Procedure | None


def coverage(
    key: Key | int,
    simulator: AbstractSimulator,
    procedure: Procedure,
    values: Values,
    n: int,
    *,
    name: str | None = None,
    executor: Any = None,
    progress: Progress | None = None,
) -> Coverage:
    """Fraction of toys whose interval contains the truth.

    Args:
        key: seed (a whole number) or ``jax.random.key(seed)``.
        simulator: makes the toys.
        procedure: from data to an `Interval`. ``partial(interval, likelihood, name="mu", level=0.9)`` is recognised
            and runs in batches; any other function is called toy by toy, and a toy for which it raises has failed.
        values: the truth, one value per parameter.
        n: number of toys.
        name: parameter whose truth is looked for; taken from a recognised procedure.
        executor: None, a number of processes, an executor, or a Dask client.
        progress: called with (done, total, failed, seconds).

    Raises:
        TooManyFailures: if no toy has an interval.
    """
    clock = Clock.start()
    _check_number(n)
    batched = _recognise(procedure)
    name = name or (batched["name"] if batched else None)
    if name is None:
        raise InvalidOption("say which parameter the procedure's interval is for: coverage(..., name='mu')")
    likelihood = batched["likelihood"] if batched else _judge_of(simulator)
    study = pose_study(
        key,
        simulator,
        likelihood,
        values,
        None,
        space=batched.get("space") if batched else None,
        minimiser=batched.get("minimiser") if batched else None,
    )
    truth = float(study.theta[study.simulator.space.index(name)])
    level = batched["level"] if batched else float("nan")
    ends = _Ends(study, name, truth, level, None if batched else procedure)
    found = run_chunks(
        _cover_chunk,
        ends,
        plan(n, study.chunk_size, task="coverage"),
        executor=executor,
        progress=progress,
        count_failed=lambda arrays: int(arrays["failed"].sum()),
    )
    arrays = {k: np.concatenate([chunk[k] for chunk in found]) for k in found[0]}
    sound = ~arrays["failed"]
    covered = int((arrays["covered"] & sound).sum())
    trials = int(sound.sum())
    first = next((str(cause) for cause in arrays["cause"] if cause), "no minimum or no crossing")
    if not trials:
        raise TooManyFailures(f"none of {n} toys has an interval; the first: {first}")
    return Coverage(
        name=name,
        level=float(np.nanmedian(arrays["level"][sound])),
        n=n,
        covered=covered,
        failed=n - trials,
        open_=int((arrays["open"] & sound).sum()),
        fraction=covered / trials,
        interval=clopper_pearson(covered, trials),
        lengths=arrays["length"][sound & np.isfinite(arrays["length"])],
        truth=truth,
        flags=_failed_flag(n - trials, n, f"; the first: {first}"),
        how=f"{trials} toys at the truth, auxiliary data fluctuated; error of the fraction by Clopper-Pearson",
        provenance=clock.provenance(
            study.problem, "coverage", seed=study.seed, settings={"n": n, "truth": study.theta.tolist(), "name": name}
        ),
    )


def coverage_curve(
    key: Key | int,
    simulator: AbstractSimulator,
    likelihood: AbstractLikelihood,
    values: Values,
    names: Sequence[str],
    n: int,
    *,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
    executor: Any = None,
    progress: Progress | None = None,
) -> CoverageCurve:
    """Coverage of the region 2 delta nll <= d for every threshold d at once, from one set of toys.

    Args:
        key: seed (a whole number) or ``jax.random.key(seed)``.
        simulator: makes the toys.
        likelihood: judges them.
        values: the truth.
        names: parameters of the region; all others are refitted.
        n: number of toys.
        space: as for `fit`.
        minimiser: as for `fit`.
        executor: None, a number of processes, an executor, or a Dask client.
        progress: called with (done, total, failed, seconds).
    """
    clock = Clock.start()
    _check_number(n)
    truth = {name: float(np.asarray(values[name])) for name in names}
    study = pose_study(key, simulator, likelihood, values, ProfileRatio(truth), space=space, minimiser=minimiser)
    t = throw(study, n, executor=executor, progress=progress)["t"]
    failed = int(np.isnan(t).sum())
    return CoverageCurve(
        names=tuple(names),
        truth=tuple(truth.values()),
        t=np.sort(t[~np.isnan(t)]),
        n=n,
        failed=failed,
        dof=len(truth),
        flags=_failed_flag(failed, n),
        how=f"{n} toys at the truth; each gives 2 delta nll of the truth, and with it the coverage of every threshold",
        provenance=clock.provenance(
            study.problem, "coverage_curve", seed=study.seed, settings={"n": n, "truth": study.theta.tolist()}
        ),
    )


def bias(
    key: Key | int,
    simulator: AbstractSimulator,
    likelihood: AbstractLikelihood,
    values: Values,
    n: int,
    *,
    space: ParameterSpace | None = None,
    minimiser: AbstractMinimiser | None = None,
    executor: Any = None,
    progress: Progress | None = None,
) -> Bias:
    """Residuals and pulls of all free parameters over toys.

    Args:
        key: seed (a whole number) or ``jax.random.key(seed)``.
        simulator: makes the toys.
        likelihood: judges them.
        values: the truth.
        n: number of toys.
        space: as for `fit`.
        minimiser: as for `fit`.
        executor: None, a number of processes, an executor, or a Dask client.
        progress: called with (done, total, failed, seconds).

    Raises:
        TooManyFailures: if no toy has a trustworthy fit.
    """
    clock = Clock.start()
    _check_number(n)
    study = pose_study(key, simulator, likelihood, values, None, space=space, minimiser=minimiser)
    found = run_chunks(
        _pull_chunk,
        study,
        plan(n, study.chunk_size, task="bias"),
        executor=executor,
        progress=progress,
        count_failed=lambda arrays: int((arrays["status"] > 2).sum()),
    )
    arrays = {k: np.concatenate([chunk[k] for chunk in found]) for k in found[0]}
    where = np.flatnonzero(study.problem.space.free_mask)
    names = tuple(study.problem.space.names[i] for i in where)
    truth = np.array([float(np.asarray(values[name])) for name in names])
    good = arrays["status"] <= 2
    if not good.any():
        raise TooManyFailures(f"none of {n} toys has a trustworthy fit")
    residual = arrays["theta"][good][:, where] - truth
    sigma = arrays["sigma"][good][:, where]
    quoted = np.isfinite(sigma)
    mean, width, quotes = _moments(residual / np.where(quoted, sigma, 1.0), quoted)
    return Bias(
        names=names,
        truth=truth,
        residual_mean=residual.mean(axis=0),
        residual_error=residual.std(axis=0) / np.sqrt(len(residual)),
        pull_mean=mean,
        pull_mean_error=width / np.sqrt(quotes),
        pull_width=width,
        pull_width_error=width / np.sqrt(2 * quotes),
        median=np.median(arrays["theta"][good][:, where], axis=0),
        at_bound_fraction=1 - quoted.mean(axis=0),
        n=n,
        failed=int((~good).sum()),
        flags=_failed_flag(int((~good).sum()), n),
        how=f"{n} toys at the truth; pulls with the error from each toy's exact Hessian",
        provenance=clock.provenance(
            study.problem, "bias", seed=study.seed, settings={"n": n, "truth": study.theta.tolist()}
        ),
    )


def _check_number(n: int) -> None:
    if n < 1:
        raise InvalidOption(f"{n} toys asked for; ask for at least 1")


def _failed_flag(failed: int, n: int, cause: str = "") -> dict[str, str]:
    return {"failed_toys": f"{failed} of {n} toys failed and are not counted{cause}"} if failed else {}


def _moments(pull: np.ndarray, quoted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and width of the quoted pulls per parameter, NaN where there is none, and how many there are."""
    number = quoted.sum(axis=0)
    share = np.where(quoted, 1.0, 0.0) / np.maximum(number, 1)
    mean = np.where(number > 0, np.sum(share * pull, axis=0), np.nan)
    width = np.sqrt(np.sum(share * (pull - mean) ** 2, axis=0))
    return mean, width, np.maximum(number, 1)


def _chunk_data(study: ToyStudy, chunk: Chunk) -> Any:
    key = chunk_key(study.seed, study.words, chunk.index)
    return take_lanes(draw(study.simulator, key, study.theta, study.chunk_size), np.arange(chunk.size))


def _cover_chunk(ends: _Ends, chunk: Chunk) -> dict[str, np.ndarray]:
    data = _chunk_data(ends.study, chunk)
    if ends.procedure is not None:
        return _one_by_one(ends.procedure, ends.truth, data, chunk.size)
    problem = ends.study.problem._replace(data=data)
    fits = climb_from(problem, start_at_truth(ends.study), chunk.size)
    minimum = with_metric(problem, fits.theta, fits.value)
    sides = walk_both_sides(problem, minimum, problem.space.indices([ends.name]), threshold(ends.level))
    low, high = sides.value[:, 0, 0], sides.value[:, 0, 1]
    opened = sides.open_[:, 0]
    return {
        "covered": ((low <= ends.truth) | opened[:, 0]) & ((high >= ends.truth) | opened[:, 1]),
        "failed": (fits.status > 2) | np.any(sides.failed[:, 0], axis=1),
        "open": np.any(opened, axis=1),
        "length": high - low,
        "level": np.full(chunk.size, ends.level),
        "cause": np.full(chunk.size, ""),
    }


def _one_by_one(procedure: Procedure, truth: float, data: Any, size: int) -> dict[str, np.ndarray]:
    lanes = [_attempt(procedure, truth, take_one(data, lane)) for lane in range(size)]
    columns = zip(*lanes, strict=True)
    return {name: np.asarray(column) for name, column in zip(_COLUMNS, columns, strict=True)}


_COLUMNS = ("covered", "failed", "open", "length", "level", "cause")


def _attempt(procedure: Procedure, truth: float, data: Any) -> tuple[bool, bool, bool, float, float, str]:
    """One row of `_COLUMNS`; whatever a user's procedure raises is that toy's failure, not the study's."""
    try:
        item = procedure(data)
    except Exception as error:
        return False, True, False, np.nan, np.nan, f"{type(error).__name__}: {error}"
    opened = item.lower_open or item.upper_open
    failed = not item.status.converged
    return (
        item.contains(truth),
        failed,
        opened,
        item.upper - item.lower,
        item.level,
        item.status.value if failed else "",
    )


def _pull_chunk(study: ToyStudy, chunk: Chunk) -> dict[str, np.ndarray]:
    refuse_curvature(study.problem)
    problem = study.problem._replace(data=_chunk_data(study, chunk))
    fits = climb_from(problem, start_at_truth(study), chunk.size)
    hessians = hessian_lanes(problem.likelihood, problem.data, fits.theta, batch=problem.batch)
    space = problem.space
    sigma = np.full(fits.theta.shape, np.nan)
    for lane, hessian in enumerate(hessians):
        on_bound = (fits.theta[lane] <= space.lowers) | (fits.theta[lane] >= space.uppers)
        loose = space.free_mask & ~on_bound
        covariance = examine(hessian, loose).covariance
        if covariance is not None:
            sigma[lane, loose] = np.sqrt(np.diag(covariance)[loose])
    return {"theta": fits.theta, "sigma": sigma, "status": fits.status}


def _recognise(procedure: Procedure) -> dict[str, Any] | None:
    """Arguments of ``partial(interval, likelihood, name=...)`` with the profile method; None for anything else."""
    if not isinstance(procedure, functools.partial) or procedure.func is not interval or len(procedure.args) != 1:
        return None
    keywords = {"level": 0.6827, "method": "profile", **procedure.keywords}
    if keywords["method"] != "profile" or "name" not in keywords:
        return None
    if keywords.get("critical") is not None or keywords.get("calibration") is not None:
        return None
    return {"likelihood": procedure.args[0], **keywords}


def _judge_of(simulator: AbstractSimulator) -> AbstractLikelihood:
    """A simulator that can also judge, for the bookkeeping of a study whose procedure is opaque."""
    thing = as_simulator(simulator)
    if not isinstance(thing, AbstractLikelihood):
        raise InvalidOption(
            "pass the procedure as functools.partial(interval, likelihood, name=...), so that the study knows its "
            "likelihood"
        )
    return thing
