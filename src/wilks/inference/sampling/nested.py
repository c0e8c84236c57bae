"""Nested sampling: the evidence of a model, and draws from posteriors of several modes, without gradients."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption, ProcedureFailed
from wilks.execution.chunks import Chunk

from .diagnostics import Diagnostics, diagnose, worst
from .interface import AbstractSampler, Chains, Posed
from .running import Report, chain_keys, run_chains, silent
from .slices import check_priors, moved, positions_at, values_at
from .target import Target

_MOVES_PER_PARAMETER = 5
_FEWEST_MOVES = 10
_REPLACED = 0.1  # share of the live points that are replaced at a time
_AGREEMENT = 3.0  # combined errors within which independent runs must agree
_ENOUGH = 400.0  # effective draws
_LARGEST_RHAT = 1.05  # of two chains of a few hundred independent draws
_STUCK = 0.01  # share of new points that may have to stay where they began
_MOST_DRAWS = 1000  # of the prior, per live point, in search of possible ones
_PARTS = 1000  # of a run, for its progress
_MOST_TURNS = 5000  # replacements of a whole set of live points


class Nested(AbstractSampler):
    """Nested sampling: live points drawn from the prior climb the likelihood, the lowest replaced again and again.

    Gives the evidence Z = integral of L over the prior with its error, in ``samples.evidence``, and equally weighted
    posterior draws. Every free parameter needs a prior, or two bounds. The evidence is checked by independent runs.

    Args:
        live: live points of each run; the error of ln Z is sqrt(information / live).
        remaining: a run ends when the live points could raise ln Z by no more than this.
        moves: slice moves from a live point to a new one; by default the larger of 10 and five per free parameter.
        runs: independent runs, at least 2.
        draws: equally weighted draws of each run, a chain of the result.

    Example:
        ``sample(3, likelihood, data, algorithm=Nested()).evidence``

    References:
        J. Skilling, Bayesian Analysis 1 (2006) 833; W. Handley, M. Hobson, A. Lasenby, arXiv:1506.00171, on slices;
        R. Henderson, P. Goggans, AIP Conf. Proc. 1636 (2014) 100, on replacing several points at a time.
    """

    live: int = eqx.field(static=True, default=500)
    remaining: float = eqx.field(static=True, default=0.1)
    moves: int | None = eqx.field(static=True, default=None)
    runs: int = eqx.field(static=True, default=2)
    draws: int = eqx.field(static=True, default=1000)

    def __check_init__(self) -> None:
        if self.live < 50:
            raise InvalidOption(f"{self.live} live points are too few; give at least 50")
        if not 0 < self.remaining < math.inf:
            raise InvalidOption(f"remaining {self.remaining} must be positive; 0.1 is usual")
        if self.moves is not None and self.moves < 1:
            raise InvalidOption(f"{self.moves} moves leave new points where they began; give at least 1")
        if self.runs < 2:
            raise InvalidOption(f"{self.runs} runs check nothing; give at least 2")
        if self.draws < 100:
            raise InvalidOption(f"{self.draws} draws of a run are too few to compare runs; give at least 100")

    def check(self, free: int) -> None:
        """Refuse fewer live points than twice the free parameters, whose covariance they must know."""
        if self.live < 2 * free + 2:
            raise InvalidOption(
                f"{self.live} live points are too few for {free} parameters; give at least {2 * free + 2}"
            )

    def run(self, posed: Posed) -> Chains:
        """Run all, judge whether they agree, and draw from each."""
        check_priors(posed.target.space)
        if posed.target.joint_prior is not None:
            raise InvalidOption("nested sampling takes priors of single parameters; leave the joint prior out")
        chunks = tuple(Chunk("nested", i, i * _PARTS, _PARTS) for i in range(self.runs))
        work = Work(posed.target, self, posed.seed)
        found = run_chains(run_nested, work, chunks, executor=posed.executor, progress=posed.progress)
        position, ess = found["position"], float(found["ess"].sum())
        diagnostics = _limited(diagnose(position), position, ess)
        flags = {}
        if undefined := int(found["undefined"].sum()):
            flags["undefined_density"] = (
                f"the likelihood was not a number at {undefined} of the proposed points; they count as impossible"
            )
        return Chains(
            position=position,
            log_prob=found["log_prob"],
            acceptance=found["replaced"] * _moves_of(self, position.shape[2]) / np.maximum(found["evaluations"], 1),
            warmup=0,
            spacing=1,
            evaluations=int(found["evaluations"].sum()),
            diagnostics=diagnostics,
            shortcomings=_shortcomings(found, diagnostics, posed.target.space.free),
            facts={"information": float(found["information"].mean())},
            flags=flags,
            evidence=_joined(found["log_evidence"], found["error"]),
        )


class Work(NamedTuple):
    """What all runs share."""

    target: Target
    algorithm: Nested
    seed: int


def run_nested(work: Work, chunk: Chunk, report: Report = silent) -> dict[str, np.ndarray]:
    """One run: equally weighted draws, and what all points say of the evidence."""
    target, settings = work.target, work.algorithm
    key, generator = chain_keys(work.seed, "nested", chunk.index)
    live = _first_points(target, settings.live, generator)
    points, values, tried = live.points, live.values, live.tried
    replaced, moves = max(int(_REPLACED * settings.live), 1), jnp.asarray(_moves_of(settings, len(target.space.free)))
    shrinkage = np.cumsum(1.0 / (settings.live - np.arange(replaced)))
    log_volume, log_evidence = math.log(settings.live / tried), -math.inf
    dead: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    stuck = evaluations = undefined = done = 0
    for turn in range(_MOST_TURNS * settings.live // replaced):
        gap = np.logaddexp(log_evidence, log_volume + _log_mean(values)) - log_evidence
        share = int(_PARTS * min(settings.remaining / max(gap, settings.remaining), 1.0)) if np.isfinite(gap) else 0
        report(max(share - done, 0))
        done = max(done, share)
        if gap <= settings.remaining or np.ptp(values) == 0:
            break
        order = np.argsort(values, kind="stable")
        lowest, others = order[:replaced], order[replaced:]
        volumes = log_volume - np.concatenate([[0.0], shrinkage])
        weights = values[lowest] + volumes[:-1] + np.log(-np.expm1(np.diff(volumes)))
        dead.append((points[lowest], values[lowest], weights))
        log_evidence = float(np.logaddexp.reduce([log_evidence, *weights]))
        log_volume = float(volumes[-1])
        starts, threshold = generator.choice(others, replaced), values[lowest[-1]]
        new = moved(
            target,
            jax.random.fold_in(key, turn),
            points[starts],
            values[starts],
            _root(points[others]),
            jnp.asarray(threshold),
            moves,
        )
        points[lowest], values[lowest] = np.asarray(new.point), np.asarray(new.value)
        stuck += int((~np.asarray(new.complete)).sum())
        evaluations += int(np.asarray(new.evaluations).sum())
        undefined += int(np.asarray(new.undefined).sum())
    report(_PARTS - done)
    dead.append((points, values, values + log_volume - math.log(len(values))))
    visited, heights, weights = (np.concatenate(parts) for parts in zip(*dead, strict=True))
    position, log_prob = positions_at(target, _resampled(visited, weights, settings.draws, generator))
    return {
        **_summed(heights, weights, settings.live, tried),
        "position": np.asarray(position),
        "log_prob": np.asarray(log_prob),
        "replaced": np.array(len(heights) - settings.live),
        "stuck": np.array(stuck),
        "evaluations": np.array(evaluations + tried),
        "undefined": np.array(undefined + live.undefined),
    }


class _First(NamedTuple):
    """Live points of the prior, and how many draws they took."""

    points: Float[np.ndarray, "live free"]
    values: Float[np.ndarray, " live"]
    tried: int
    undefined: int


def _first_points(target: Target, live: int, generator: np.random.Generator) -> _First:
    """Draws of the prior where the likelihood is not zero."""
    points, values, undefined = [], [], 0
    for _ in range(_MOST_DRAWS):
        drawn = generator.random((live, len(target.space.free)))
        found = np.asarray(values_at(target, drawn))
        undefined += int(np.isnan(found).sum())
        points.append(drawn)
        values.append(found)
        possible = np.flatnonzero(np.isfinite(np.concatenate(values)))
        if len(possible) >= live:
            last = possible[live - 1]
            kept = possible[:live]
            return _First(np.concatenate(points)[kept], np.concatenate(values)[kept].copy(), int(last) + 1, undefined)
    raise ProcedureFailed(
        f"the likelihood is zero or undefined at nearly all of {_MOST_DRAWS * live} draws of the prior; narrow the "
        "priors, or check the likelihood"
    )


def _root(points: Float[np.ndarray, "points free"]) -> Float[np.ndarray, "free free"]:
    """Cholesky root of the covariance of the live points, kept positive definite where they lie in a plane."""
    covariance = np.atleast_2d(np.cov(points.T))
    ridge = 1e-10 * np.trace(covariance) / len(covariance) + 1e-30
    return np.linalg.cholesky(covariance + ridge * np.eye(len(covariance)))


def _log_mean(values: np.ndarray) -> float:
    return float(np.logaddexp.reduce(values)) - math.log(len(values))


def _summed(values: np.ndarray, weights: np.ndarray, live: int, tried: int) -> dict[str, np.ndarray]:
    """Evidence with its error, information, and effective number of draws of weighted points."""
    log_evidence = float(np.logaddexp.reduce(weights))
    share = np.exp(weights - log_evidence)
    information = float(np.sum(share * values)) - log_evidence
    possible = live / tried
    error = math.sqrt(max(information, 0.0) / live + (1.0 - possible) / live)
    ess = 1.0 / float(np.sum(share**2))
    found = {"log_evidence": log_evidence, "error": error, "information": information, "ess": ess}
    return {name: np.array(number) for name, number in found.items()}


def _resampled(
    points: np.ndarray, weights: np.ndarray, draws: int, generator: np.random.Generator
) -> Float[np.ndarray, "draws free"]:
    """Equally weighted points, by systematic resampling, in random order."""
    below = np.cumsum(np.exp(weights - weights.max()))
    places = (np.arange(draws) + generator.random()) / draws * below[-1]
    chosen = np.minimum(np.searchsorted(below, places, side="right"), len(points) - 1)
    return points[generator.permutation(chosen)]


def _moves_of(settings: Nested, free: int) -> int:
    """Slice moves of each new point."""
    return settings.moves or max(_FEWEST_MOVES, _MOVES_PER_PARAMETER * free)


def _joined(log_evidence: Float[np.ndarray, " runs"], error: Float[np.ndarray, " runs"]) -> tuple[float, float]:
    """ln of the mean evidence of independent runs, with its error."""
    share = np.exp(log_evidence - log_evidence.max())
    mean = float(log_evidence.max() + np.log(share.mean()))
    return mean, float(np.sqrt(np.sum((share * error) ** 2)) / share.sum())


def _limited(found: Diagnostics, position: np.ndarray, ess: float) -> Diagnostics:
    """Diagnostics of resampled draws: no more of them count than the weighted points are worth."""
    bulk, tail = np.minimum(found.ess_bulk, ess), np.minimum(found.ess_tail, ess)
    error = position.reshape(-1, position.shape[2]).std(axis=0, ddof=1) / np.sqrt(bulk)
    return found._replace(ess_bulk=bulk, ess_tail=tail, mcse=error, tau=np.ones_like(bulk))


def _shortcomings(found: dict[str, np.ndarray], diagnostics: Diagnostics, names: tuple[str, ...]) -> tuple[str, ...]:
    clauses = []
    apart = np.ptp(found["log_evidence"])
    allowed = _AGREEMENT * float(np.sqrt(2.0) * found["error"].max())
    if not apart <= allowed:
        clauses.append(
            f"ln Z of independent runs lies {apart:.3g} apart, more than {allowed:.3g}; take more moves or live points"
        )
    if (few := float(found["ess"].sum())) < _ENOUGH:
        clauses.append(f"the effective sample size is {few:.4g}, less than {_ENOUGH:g}; take more live points")
    if (bad := diagnostics.rhat > _LARGEST_RHAT).any():
        clauses.append(f"runs disagree: R-hat is {worst(names, diagnostics.rhat, bad, highest=True)}; take more moves")
    if (stuck := int(found["stuck"].sum())) > _STUCK * found["replaced"].sum():
        clauses.append(f"{stuck} new points stayed where they began; the likelihood may have plateaus")
    return tuple(clauses)
