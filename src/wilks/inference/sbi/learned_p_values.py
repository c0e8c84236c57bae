"""P-values of any neural statistic over the parameters: P(T >= t | theta) as a network that falls with t by itself."""

from collections.abc import Mapping
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.execution.keys import as_seed
from wilks.execution.progress import Progress
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractSimulator
from wilks.parameters.space import ParameterSpace
from wilks.results.provenance import Provenance

from .budget import Budget
from .coordinates import COORDINATES, AbstractCoordinate, inferred_space, to_network
from .critical_curves import failed_toys, throw_statistics
from .networks import Perceptron, perceptron
from .neural_statistics import AbstractNeuralStatistic
from .points import Points
from .records import record
from .training import train
from .training_record import TrainingRecord

_HIDDEN = (64, 64)
_STEPS = 4_000
_FEWEST = 1_000
_THRESHOLDS = 8  # per toy and step
_NODES = 257  # of the table of the pooled statistic
_TAIL_NODES = 16  # by which the table goes on beyond its end
_KNOTS = np.linspace(-6.0, 6.0, 13, dtype=np.float32)  # in log odds
_ONE = float(np.log(np.expm1(1.0)))  # softplus of it is 1


class PooledOdds(eqx.Module):
    """ln[P/(1 - P)] of P = P(T >= t) over all toys together: a falling curve through a table, straight beyond its end.

    Args:
        t: increasing values of the statistic.
        odds: falling log odds at them.
        slope: of the straight line above the last.
    """

    t: Float[np.ndarray, " nodes"]
    odds: Float[np.ndarray, " nodes"]
    slope: float = eqx.field(static=True)

    @classmethod
    def of(cls, t: Float[np.ndarray, " toys"]) -> "PooledOdds":
        """The table of a sample, up to where ten toys lie beyond.

        Raises:
            InvalidOption: if the statistic is the same for nearly all toys.
        """
        n = len(t)
        end = np.log(n / 10.0)
        nodes = np.unique(np.quantile(t, jax.nn.sigmoid(np.linspace(-end, end, _NODES))))
        if len(nodes) < _TAIL_NODES:
            raise InvalidOption(f"the statistic takes {len(nodes)} values over {n} toys; a curve needs more")
        share = np.clip((n - np.searchsorted(np.sort(t), nodes, side="left")) / n, 0.5 / n, 1.0 - 0.5 / n)
        odds = np.log(share) - np.log1p(-share)
        run = nodes[-1] - nodes[-_TAIL_NODES]
        return cls(nodes, odds, float((odds[-1] - odds[-_TAIL_NODES]) / run))

    def __call__(self, t: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """Log odds at values of the statistic."""
        return np.interp(t, self.t, self.odds) + self.slope * np.maximum(t - self.t[-1], 0.0)


class OddsCurve(eqx.Module):
    """Log odds at a point as a function of the pooled ones: straight between knots, with slopes above zero."""

    network: Perceptron

    def __call__(
        self, z: Float32[Array, " size"], pooled: Float32[Array, " thresholds"]
    ) -> Float32[Array, " thresholds"]:
        """Log odds that T lies above thresholds."""
        raw = self.network(z)
        slopes = jax.nn.softplus(raw[1:] + np.float32(_ONE))
        rise = jnp.concatenate([jnp.zeros(1, jnp.float32), jnp.cumsum(slopes[1:-1] * np.diff(_KNOTS))])
        inside = jnp.interp(pooled, _KNOTS, rise) - jnp.interp(jnp.float32(0.0), _KNOTS, rise)
        below, above = jnp.minimum(pooled - _KNOTS[0], 0), jnp.maximum(pooled - _KNOTS[-1], 0)
        return raw[0] + inside + slopes[0] * below + slopes[-1] * above


@final
class PValues(eqx.Module):
    """P(T >= t | theta) at any point and value; made by `p_values`. It falls with t whatever the weights are.

    Args:
        space: parameters.
        coordinate: how the network sees them.
        network: log odds at a point out of those of all toys.
        pooled: log odds of all toys.
        toys: number of toys it was learned from.
        record: how the training went.
        flags: name -> sentence.
        provenance: versions, seed, digests, time.
    """

    space: ParameterSpace = eqx.field(static=True)
    coordinate: AbstractCoordinate
    network: OddsCurve
    pooled: PooledOdds
    toys: int = eqx.field(static=True)
    record: TrainingRecord = eqx.field(static=True)
    flags: dict[str, str] = eqx.field(static=True)
    provenance: Provenance = eqx.field(static=True)

    def at(self, theta: Points, t: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """P-values at many points, each with a value of the statistic of its own.

        Args:
            theta: values of all parameters of the space, one row per point.
            t: observed statistic at each point, as ``statistic.curve(theta, data)`` gives it.
        """
        z = _seen(self.space, self.coordinate, theta)
        pooled = np.asarray(self.pooled(np.asarray(t, float)), np.float32)
        return np.asarray(_odds(self.network, z, pooled), float)

    def __repr__(self) -> str:
        return f"PValues({', '.join(self.coordinate.space.names)}; {self.toys} toys)"


class _AboveThresholds(eqx.Module):
    """Cross entropy of "T lies above the threshold" for thresholds that are statistics of other toys."""

    def __call__(self, network: OddsCurve, rows: Mapping[str, Any], key: Key) -> Float32[Array, ""]:
        """Mean loss of a batch."""
        count = rows["t"].shape[0]
        other = jax.random.randint(key, (count, _THRESHOLDS), 0, count)
        above = (rows["t"][:, None] >= rows["t"][other]).astype(jnp.float32)
        odds = jax.vmap(network)(rows["y"], rows["pooled"][other])
        return jnp.mean(jax.nn.softplus(odds) - above * odds)


def p_values(
    key: Key | int,
    statistic: AbstractNeuralStatistic,
    simulator: AbstractSimulator,
    space: ParameterSpace,
    *,
    n: int = 100_000,
    budget: Budget | None = None,
    executor: Any = None,
    progress: Progress | None = None,
) -> PValues:
    """Learn P(T >= t | theta) from one toy at each of many points of the prior.

    A network of theta bends the curve of all toys together, and cannot make it rise with t. The loss is the cross
    entropy of 1[T_i >= t] for thresholds t drawn from the statistics of all toys. Where a p-value decides, throw toys
    at that point: `wilks.inference.sbi.critical_curves.local_p_value`.

    Args:
        key: random key or seed of points, toys and training.
        statistic: T(theta; x).
        simulator: makes one set of data per point.
        space: parameters; their priors say where toys are thrown, and must cover all tested points.
        n: number of toys, at least 1,000; below some 10/n p-values are extrapolated.
        budget: length and pace of the training; 4,000 steps by default.
        executor: None, a number of processes, an executor, or a Dask client.
        progress: called with (done, total, failed, seconds), counted in toys.

    Raises:
        InvalidOption: for too few toys, or a statistic that hardly varies.
        TooManyFailures: if T is not finite for more than 1 % of the toys.

    References:
        N. Dalmasso, L. Masserano, D. Zhao, R. Izbicki, A. Lee, arXiv:2107.03920, section 3.
    """
    clock = Clock.start()
    if n < _FEWEST:
        raise InvalidOption(f"{n} toys give no curve of p-values; ask for at least {_FEWEST}")
    theta, t = throw_statistics(key, statistic, simulator, space, n, executor=executor, progress=progress)
    fine = np.isfinite(t)
    flags = failed_toys(int((~fine).sum()), n)
    coordinate = COORDINATES["box"](inferred_space(space))
    z, pooled = _seen(space, coordinate, theta[fine]), PooledOdds.of(t[fine])
    build, fit = jax.random.split(jax.random.fold_in(jax.random.key(as_seed(key)), 8))
    network = OddsCurve(perceptron(build, z.shape[1], _HIDDEN, 2 + len(_KNOTS), head=0.1))
    ranks = np.unique(t[fine], return_inverse=True)[1]  # order and ties of the statistic, exact in single precision
    rows = {"y": z, "t": ranks.astype(np.float32), "pooled": pooled(t[fine]).astype(np.float32)}
    trained = train(
        fit, _AboveThresholds(), network, rows, budget=budget or Budget(steps=_STEPS, batch=min(512, n // 4))
    )
    return PValues(
        space=space,
        coordinate=coordinate,
        network=trained.network,
        pooled=pooled,
        toys=int(fine.sum()),
        record=trained.record,
        flags={**flags, **trained.record.flags},
        provenance=record(clock, "p_values", key=key, model=simulator, n=n),
    )


def _seen(space: ParameterSpace, coordinate: AbstractCoordinate, theta: Points) -> Float32[np.ndarray, "points size"]:
    own = jnp.asarray(theta[:, list(space.indices(coordinate.space.names))])
    return np.asarray(to_network(coordinate, own), np.float32)


@eqx.filter_jit
def _odds(network, z, pooled):
    return jax.nn.sigmoid(jax.vmap(lambda at, own: network(at, own[None])[0])(z, pooled).astype(float))
