"""Critical values of any neural statistic over the parameters, learned by quantile regression on simulations."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from wilks._base.digests import digest
from wilks._base.errors import InvalidOption, TooManyFailures
from wilks._base.typing import Key, Values
from wilks.execution.chunks import Chunk, plan
from wilks.execution.executors import run_chunks
from wilks.execution.keys import as_seed, chunk_key, task_words
from wilks.execution.progress import Progress
from wilks.inference.probabilities import check_level, toy_p_value
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance

from .budget import Budget
from .coordinates import COORDINATES, AbstractCoordinate, inferred_space, to_network
from .networks import Perceptron, perceptron
from .neural_statistics import AbstractNeuralStatistic
from .points import Points, prior_draws
from .pseudo_data import simulate_each
from .records import record
from .switches import refuse_switches
from .training import train
from .training_record import TrainingRecord

_CHUNK = 2048
_BEYOND = 100  # toys that must lie above the critical value
_MOST_FAILED = 0.01
_HIDDEN = (64, 64, 64)
_STEPS = 6_000


class QuantileNetwork(eqx.Module):
    """Quantiles of several levels that cannot cross: the lowest, plus increments that are never negative."""

    network: Perceptron

    def __call__(self, z: Float32[Array, " size"]) -> Float32[Array, " levels"]:
        """Quantiles at one point, in units of the statistic's spread."""
        raw = self.network(z)
        steps = jnp.concatenate([raw[:1], jax.nn.softplus(raw[1:])])
        return jnp.cumsum(steps)


class CriticalValues(eqx.Module):
    """c(theta): the value that a statistic exceeds with probability 1 - level; made by `critical_values`.

    Args:
        space: parameters.
        coordinate: how the network sees them.
        network: quantiles.
        levels: increasing.
        centre: median of the statistic over the toys.
        scale: spread of the statistic over the toys.
        toys: number of toys it was learned from.
        record: how the training went.
        flags: name -> sentence.
        provenance: versions, seed, digests, time.
    """

    space: ParameterSpace = eqx.field(static=True)
    coordinate: AbstractCoordinate
    network: QuantileNetwork
    levels: tuple[float, ...] = eqx.field(static=True)
    centre: float = eqx.field(static=True)
    scale: float = eqx.field(static=True)
    toys: int = eqx.field(static=True)
    record: TrainingRecord = eqx.field(static=True)
    flags: dict[str, str] = eqx.field(static=True)
    provenance: Provenance = eqx.field(static=True)

    def at(self, theta: Points, level: float | None = None) -> Float[np.ndarray, " points"]:
        """Critical values at many points.

        Args:
            theta: values of all parameters of the space, one row per point.
            level: one of the trained levels; may be left out if there is only one.

        Raises:
            InvalidOption: for a level that was not trained.
        """
        if level is None and len(self.levels) > 1:
            raise InvalidOption(f"say which level: {', '.join(map(str, self.levels))} were trained")
        chosen = min(self.levels) if level is None else level
        if chosen not in self.levels:
            raise InvalidOption(f"level {chosen} was not trained; there are {', '.join(map(str, self.levels))}")
        own = theta[:, list(self.space.indices(self.coordinate.space.names))]
        z = jnp.asarray(to_network(self.coordinate, jnp.asarray(own)), jnp.float32)
        found = np.asarray(_quantiles(self.network, z), dtype=float)[:, self.levels.index(chosen)]
        return self.centre + self.scale * found

    def __repr__(self) -> str:
        return f"CriticalValues({', '.join(map(str, self.levels))}; {self.toys} toys)"


class _Pinball(eqx.Module):
    """E[max(a u, (a - 1) u)], u = T - c_a(theta), summed over the levels."""

    levels: Float32[Array, " levels"]

    def __call__(self, network: QuantileNetwork, rows: Mapping[str, Any], key: Key) -> Float32[Array, ""]:
        """Mean loss of a batch."""
        u = rows["t"][:, None] - jax.vmap(network)(rows["y"])
        return jnp.mean(jnp.sum(jnp.maximum(self.levels[None] * u, (self.levels[None] - 1) * u), axis=1))


class _Work(NamedTuple):
    """What all chunks of toys share."""

    statistic: AbstractNeuralStatistic
    simulator: AbstractSimulator
    space: ParameterSpace
    seed: int
    words: tuple[int, int]
    theta: Float[np.ndarray, " parameters"] | None


def critical_values(
    key: Key | int,
    statistic: AbstractNeuralStatistic,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    *,
    level: float | Sequence[float] = 0.90,
    n: int = 100_000,
    budget: Budget | None = None,
    executor: Any = None,
    progress: Progress | None = None,
) -> CriticalValues:
    """Learn the quantiles of T(theta; x) given theta, from one toy at each of many points of the prior.

    Every toy serves all points nearby: 2e5 toys give c to about 2 % where T is smooth.

    Args:
        key: random key or seed of points, toys and training.
        statistic: T(theta; x).
        simulator: makes one set of data per point.
        space: parameters; their priors say where toys are thrown, and must cover all tested points.
        level: confidence level, or several at once, which then never cross.
        n: number of toys; at least 100 must lie above the critical value on average.
        budget: length and pace of the training; 6,000 steps by default.
        executor: None, a number of processes, an executor, or a Dask client.
        progress: called with (done, total, failed, seconds), counted in toys.

    Raises:
        InvalidOption: for a level outside (0, 1), or too few toys for it.
        TooManyFailures: if T is not finite for more than 1 % of the toys.

    References:
        N. Dalmasso, L. Masserano, D. Zhao, R. Izbicki, A. Lee, arXiv:2107.03920, section 3; R. Koenker, G. Bassett,
        Econometrica 46 (1978) 33.
    """
    clock = Clock.start()
    levels = _checked_levels(level, n)
    theta, t = throw_statistics(key, statistic, simulator, space, n, executor=executor, progress=progress)
    fine = np.isfinite(t)
    flags = failed_toys(int((~fine).sum()), n)
    coordinate = COORDINATES["box"](inferred_space(space))
    z = np.asarray(
        to_network(coordinate, jnp.asarray(theta[:, list(space.indices(coordinate.space.names))])), np.float32
    )
    centre, scale = float(np.median(t[fine])), float(np.subtract(*np.quantile(t[fine], (0.9, 0.1)))) or 1.0
    build, fit = jax.random.split(jax.random.fold_in(jax.random.key(as_seed(key)), 7))
    network = QuantileNetwork(perceptron(build, z.shape[1], _HIDDEN, len(levels), head=0.1))
    rows = {"y": z[fine], "t": ((t[fine] - centre) / scale).astype(np.float32)}
    loss = _Pinball(jnp.asarray(levels, jnp.float32))
    trained = train(fit, loss, network, rows, budget=budget or Budget(steps=_STEPS, batch=min(512, n // 4)))
    return CriticalValues(
        space=space,
        coordinate=coordinate,
        network=trained.network,
        levels=levels,
        centre=centre,
        scale=scale,
        toys=int(fine.sum()),
        record=trained.record,
        flags={**flags, **trained.record.flags},
        provenance=record(clock, "critical_values", key=key, model=simulator, n=n, level=list(levels)),
    )


def local_p_value(
    key: Key | int,
    statistic: AbstractNeuralStatistic,
    simulator: AbstractSimulator,
    values: Values,
    data: Any,
    *,
    n: int = 1000,
    executor: Any = None,
) -> float:
    """P(T >= T_observed) at one point, from toys thrown there: (1 + #)/(1 + n).

    Args:
        key: random key or seed.
        statistic: T(theta; x).
        simulator: makes the toys.
        values: the tested point, one value per parameter.
        data: observed data.
        n: number of toys.
        executor: None, a number of processes, an executor, or a Dask client.
    """
    theta = np.asarray(statistic.space.pack(values), dtype=float)
    observed = float(statistic.curve(theta[None], data)[0])
    _, t = throw_statistics(key, statistic, simulator, statistic.space, n, at=theta, executor=executor)
    return toy_p_value(int((t >= observed).sum() + (~np.isfinite(t)).sum()), n)


def throw_statistics(
    key: Key | int,
    statistic: AbstractNeuralStatistic,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    n: int,
    *,
    at: Float[np.ndarray, " parameters"] | None = None,
    executor: Any = None,
    progress: Progress | None = None,
) -> tuple[Points, Float[np.ndarray, " toys"]]:
    """Points (drawn from the prior, or all at one) and the statistic of one toy at each; NaN where there is none."""
    if n < 1:
        raise InvalidOption(f"{n} toys asked for; ask for at least 1")
    refuse_switches(space, "a test statistic")
    words = task_words({"task": "statistics", "simulator": digest(simulator), "chunk": _CHUNK})
    work = _Work(statistic, simulator, space, as_seed(key), words, at)
    found = run_chunks(
        _throw_chunk,
        work,
        plan(n, _CHUNK, task="toys"),
        executor=executor,
        progress=progress,
        count_failed=lambda arrays: int((~np.isfinite(arrays["t"])).sum()),
    )
    return np.concatenate([a["theta"] for a in found]), np.concatenate([a["t"] for a in found])


def _throw_chunk(work: _Work, chunk: Chunk) -> dict[str, np.ndarray]:
    key = chunk_key(work.seed, work.words, chunk.index)
    if work.theta is None:
        theta = prior_draws(jax.random.fold_in(key, 0), work.space, _CHUNK)[: chunk.size]
    else:
        theta = np.tile(work.theta, (chunk.size, 1))
    data = simulate_each(jax.random.fold_in(key, 1), work.simulator, work.space, theta)
    own = theta[:, list(work.space.indices(work.statistic.space.names))]
    return {"theta": theta, "t": work.statistic.measure(own, data)}


def _checked_levels(level: float | Sequence[float], n: int) -> tuple[float, ...]:
    levels = tuple(check_level(one) for one in ([level] if isinstance(level, (int, float)) else level))
    if list(levels) != sorted(set(levels)) or not levels:
        raise InvalidOption(f"levels {levels}; give increasing ones")
    if n * (1.0 - levels[-1]) < _BEYOND:
        raise InvalidOption(
            f"{n} toys leave {n * (1.0 - levels[-1]):.3g} above the critical value of level {levels[-1]}; ask for at "
            f"least {math.ceil(_BEYOND / (1.0 - levels[-1]) - 1e-6)}"
        )
    return levels


def failed_toys(failed: int, n: int) -> dict[str, str]:
    """The flag of toys without a statistic, if there are any.

    Raises:
        TooManyFailures: above one per cent.
    """
    if failed > _MOST_FAILED * n:
        raise TooManyFailures(f"the statistic is not finite for {failed} of {n} toys; more than {_MOST_FAILED:.0%}")
    return {"failed_toys": f"the statistic is not finite for {failed} of {n} toys"} if failed else {}


@eqx.filter_jit
def _quantiles(network, z):
    return jax.vmap(network)(z)
