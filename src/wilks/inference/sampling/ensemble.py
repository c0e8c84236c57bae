"""Sampling by an ensemble of walkers with the stretch move: no gradients, no tuning, some tens of parameters."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from wilks._base.errors import InvalidOption, check_option
from wilks.execution.chunks import Chunk

from .diagnostics import Diagnostics, diagnose, worst
from .interface import AbstractSampler, Chains, Posed
from .origin import TRIES, Origin, scattered
from .running import Report, chain_keys, run_chains, silent
from .stretch import BLOCK, Block, advance, gather
from .target import Target

_FEWEST_WALKERS = 32
_ENOUGH = 50  # autocorrelation times that a run must last
_ACCEPTED = (0.1, 0.9)
_LARGEST_RHAT = 1.01
_FLAT = 1e-10  # part of its extent in other directions below which an ensemble counts as flat


class Ensemble(AbstractSampler):
    """Affine-invariant ensemble sampler (stretch move).

    The density is flat within bounds for parameters without a prior. Each walker is a chain of the result.

    Args:
        walkers: even number of walkers; by default the larger of 32 and four times the free parameters.
        steps: steps of each walker, the burn-in included.
        burn: steps thrown away at the beginning; a quarter of the steps by default.
        thin: only every so many steps are kept.
        stretch: largest factor a of a move, above 1.
        start: ``"curvature"`` spreads the walkers with the covariance of the fit; ``"ball"`` puts them into a ball of
            relative radius 1e-4 (absolute around 0).
        chains: number of independent ensembles.

    Example:
        ``sample(2, likelihood, data, algorithm=Ensemble(walkers=40, steps=2000), start=result)``
    """

    walkers: int | None = eqx.field(static=True, default=None)
    steps: int = eqx.field(static=True, default=5000)
    burn: int | None = eqx.field(static=True, default=None)
    thin: int = eqx.field(static=True, default=1)
    stretch: float = eqx.field(static=True, default=2.0)
    start: str = eqx.field(static=True, default="curvature")
    chains: int = eqx.field(static=True, default=1)

    def __check_init__(self) -> None:
        check_option("start", self.start, ("curvature", "ball"))
        for name in ("walkers", "steps", "thin", "chains"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InvalidOption(f"{name} {number} is below 1; give at least 1")
        if self.walkers is not None and self.walkers % 2:
            raise InvalidOption(
                f"{self.walkers} walkers cannot stand in two halves; give an even number, {self.walkers + 1}"
            )
        if not 0 <= self.warmup < self.steps:
            raise InvalidOption(
                f"burn {self.warmup} lies outside 0 to {self.steps - 1}; {self.steps} steps must go beyond the burn-in"
            )
        if self.kept < 1:
            raise InvalidOption(
                f"thin {self.thin} keeps none of the {self.steps - self.warmup} steps after the burn-in; give at most "
                f"{self.steps - self.warmup}"
            )
        if not 1.0 < self.stretch < math.inf:
            raise InvalidOption(f"stretch {self.stretch} must be finite and above 1; 2 is usual")

    @property
    def warmup(self) -> int:
        """Steps thrown away."""
        return self.steps // 4 if self.burn is None else self.burn

    @property
    def kept(self) -> int:
        """Draws kept of each walker."""
        return (self.steps - self.warmup) // self.thin

    def walkers_for(self, free: int) -> int:
        """Number of walkers for a number of free parameters."""
        return max(_FEWEST_WALKERS, 4 * free) if self.walkers is None else self.walkers

    def check(self, free: int) -> None:
        """Refuse fewer walkers than two more than twice the free parameters."""
        if self.walkers_for(free) < 2 * free + 2:
            raise InvalidOption(
                f"{self.walkers} walkers are too few for {free} free parameters; give at least {2 * free + 2}"
            )

    def run(self, posed: Posed) -> Chains:
        """Run the ensembles and judge them."""
        work = Work(posed.target, self, posed.origin, posed.seed)
        chunks = tuple(Chunk("ensemble", i, i * self.steps, self.steps) for i in range(self.chains))
        found = run_chains(run_ensemble, work, chunks, executor=posed.executor, progress=posed.progress)
        position = found["position"].swapaxes(1, 2).reshape(-1, *found["position"].shape[1::2])
        log_prob = found["log_prob"].swapaxes(1, 2).reshape(len(position), -1)
        acceptance = found["acceptance"].ravel()
        diagnostics = diagnose(position, self.thin, _groups(self.chains, len(position)))
        undefined = int(found["undefined"].sum())
        flags = {}
        if undefined:
            flags["undefined_density"] = (
                f"the likelihood was not a number at {undefined} of the proposed points; they count as impossible"
            )
        return Chains(
            position=position,
            log_prob=log_prob,
            acceptance=acceptance,
            warmup=self.warmup,
            spacing=self.thin,
            evaluations=self.chains * self.walkers_for(position.shape[2]) * (self.steps + TRIES),
            diagnostics=diagnostics,
            shortcomings=_shortcomings(self, diagnostics, position, log_prob, acceptance, posed.target.space.free),
            facts={},
            flags=flags,
        )


class Work(NamedTuple):
    """What all ensembles of a run share."""

    target: Target
    algorithm: Ensemble
    origin: Origin
    seed: int


def run_ensemble(work: Work, chunk: Chunk, report: Report = silent) -> dict[str, np.ndarray]:
    """One ensemble: starts, burn-in, and the kept steps as arrays (draw, walker, parameter)."""
    settings, space = work.algorithm, work.target.space
    key, generator = chain_keys(work.seed, "ensemble", chunk.index)
    count = settings.walkers_for(len(space.free))
    tries = scattered(generator, work.origin, space, count, ball=settings.start == "ball")
    walkers = gather(work.target, tries.reshape(TRIES, 2, count // 2, -1), key)
    if not np.isfinite(walkers.log_prob).any():
        raise InvalidOption(
            f"the posterior density is zero or undefined around the start {work.origin.centre.tolist()} of "
            f"{', '.join(space.free)}; give another start"
        )
    stretch = jnp.asarray(settings.stretch)
    blocks = []
    for first in range(0, settings.steps, BLOCK):
        steps = min(BLOCK, settings.steps - first)
        block = advance(work.target, stretch, jax.random.fold_in(key, first // BLOCK), walkers, jnp.asarray(steps))
        walkers = block.walkers
        blocks.append(_kept(block, first, steps, settings))
        report(steps)
    joined = {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}
    return {**joined, "acceptance": joined["acceptance"].sum(axis=0) / (settings.steps - settings.warmup)}


def _kept(block: Block, first: int, steps: int, settings: Ensemble) -> dict[str, np.ndarray]:
    """The draws that one block contributes; its steps are numbered from ``first``."""
    after = np.arange(first, first + steps) - settings.warmup  # number of the step after the burn-in
    kept = np.flatnonzero((after >= 0) & (after % settings.thin == settings.thin - 1))
    accepted = np.asarray(block.accepted)[:steps][after >= 0]
    return {
        "position": np.asarray(block.position)[kept],
        "log_prob": np.asarray(block.log_prob)[kept],
        "acceptance": accepted.sum(axis=0, keepdims=True),
        "undefined": np.asarray(block.undefined)[:steps],
    }


def _shortcomings(
    settings: Ensemble,
    found: Diagnostics,
    position: Float[np.ndarray, "chains draws free"],
    log_prob: Float[np.ndarray, "chains draws"],
    acceptance: Float[np.ndarray, " chains"],
    names: tuple[str, ...],
) -> tuple[str, ...]:
    steps = settings.steps - settings.warmup
    clauses = []
    if (short := ~(found.tau * _ENOUGH <= steps)).any():
        longest = worst(names, found.tau, short, highest=True)
        clauses.append(
            f"{steps} steps after burn-in are fewer than {_ENOUGH} times the autocorrelation time, {longest}; "
            "make more steps"
        )
    if (bad := ~(found.rhat <= _LARGEST_RHAT)).any():
        clauses.append(f"R-hat is {worst(names, found.rhat, bad, highest=True)} (at most {_LARGEST_RHAT})")
    mean = float(np.mean(acceptance))
    if not _ACCEPTED[0] <= mean <= _ACCEPTED[1]:
        clauses.append(f"acceptance {mean:.2g} lies outside {_ACCEPTED[0]} to {_ACCEPTED[1]}")
    if lost := int(np.sum(~np.isfinite(log_prob[:, -1]))):
        clauses.append(f"{lost} walkers have not found a point of positive density")
    if _is_flat(position[:, -1]):
        clauses.append("the walkers have collapsed to a plane and cannot leave it; start them wider")
    return tuple(clauses)


def _groups(ensembles: int, chains: int) -> Int[np.ndarray, " chains"]:
    """Groups of walkers that R-hat compares: independent ensembles, or four (two) parts of a single one."""
    if ensembles > 1:
        return np.repeat(np.arange(ensembles), chains // ensembles)
    return np.arange(chains) % (4 if chains % 4 == 0 else 2)


def _is_flat(walkers: Float[np.ndarray, "walkers free"]) -> bool:
    """Whether the walkers of one moment lie in a plane."""
    centred = walkers - walkers.mean(axis=0)
    spread = centred.std(axis=0)
    if not (spread > 0).all():
        return True
    return bool(np.linalg.svd(centred / spread, compute_uv=False)[-1] < _FLAT * math.sqrt(len(walkers)))
