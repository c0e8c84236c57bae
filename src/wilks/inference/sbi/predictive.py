"""Posterior predictive checks: replicated data at posterior draws against the observed data, per block and in total."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption
from wilks._base.typing import Key, Values
from wilks.execution.keys import as_seed
from wilks.inference.lanes import evaluate_lanes, stack_lanes, take_one
from wilks.inference.probabilities import toy_p_value
from wilks.inference.problem import Clock
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.likelihood.joint import Joint, prepare
from wilks.parameters.space import ParameterSpace
from wilks.results.checks import PredictiveCheck
from wilks.results.samples import Samples

from .points import Points
from .proposals import draws_of
from .pseudo_data import flat_rows, simulate_each
from .records import record

Statistic = Callable[[Values, Any], Any]
"""From values and one set of data to a number, or to numbers by name of block."""

_QUANTILES = np.array([0.02275, 0.15866, 0.5, 0.84134, 0.97725])
_WORST_P = 0.01


def predictive_check(
    key: Key | int,
    draws: Samples,
    simulator: AbstractSimulator,
    data: Any,
    *,
    n: int = 1000,
    statistic: Statistic | None = None,
) -> PredictiveCheck:
    """Compare the data with replicas simulated at posterior draws.

    p = P(T(x_rep, theta) >= T(x_o, theta)) over draws theta and replicas x_rep, as (1 + #)/(1 + n). The data are used
    twice, so these p-values are conservative: they gather around 1/2 and a small one is more than it says.

    Args:
        key: random key or seed.
        draws: posterior draws given the data.
        simulator: makes the replicas. If it judges data as well, T is its deviance -2 ln(L/L_saturated), part by part
            of a joint; else T is the squared distance from the mean of the replicas in units of their spread, per
            block.
        data: observed data.
        n: number of replicas.
        statistic: T of one's own, a number or numbers by name of block.

    References:
        A. Gelman, X.-L. Meng, H. Stern, Stat. Sinica 6 (1996) 733, eq. 7.
    """
    clock = Clock.start()
    if n < 20:
        raise InvalidOption(f"{n} replicas; ask for at least 20")
    space = simulator.space
    chosen, replicate = jax.random.split(jax.random.key(as_seed(key)))
    theta = _points(chosen, draws, space, n)
    ready = prepare(simulator, data) if isinstance(simulator, AbstractLikelihood) else data
    replicas = simulate_each(replicate, simulator, space, theta)
    name, observed, replicated = _measured(simulator, space, theta, ready, replicas, statistic)
    p = [toy_p_value(int((replicated[b] >= observed[b]).sum()), n) for b in observed]
    worst = int(np.argmin(p))
    smallest = min(1.0, p[worst] * len(p))
    verdict = (
        f"smallest p-value {smallest:.3g} ({list(observed)[worst]!r}), corrected for {len(p)} blocks; conservative"
    )
    ok = smallest > _WORST_P
    return PredictiveCheck(
        statistic=name,
        blocks=tuple(observed),
        p_values=np.array(p),
        observed=np.array([np.mean(observed[b]) for b in observed]),
        replicated=np.array([np.mean(replicated[b]) for b in observed]),
        probabilities=_QUANTILES,
        bands=_bands(replicas, n),
        data=_by_name(jax.tree.map(lambda x: np.asarray(x)[None], ready), 1),
        n=n,
        ok=ok,
        verdict=verdict,
        flags={} if ok else {"unlikely_data": verdict},
        how=f"{n} replicas, one at each of {n} posterior draws ({draws.algorithm})",
        provenance=record(clock, "predictive_check", key=key, model=simulator, data=data, n=n),
    )


def _points(key: Key, draws: Samples, space: ParameterSpace, n: int) -> Points:
    """Posterior draws chosen at random, each as rarely twice as possible; parameters by name."""
    missing = [name for name in space.names if name not in draws.names]
    if missing:
        raise InvalidData(f"the draws lack {', '.join(missing)}, which the simulator needs")
    everything = draws_of(draws)[:, [draws.index(name) for name in space.names]]
    order = np.asarray(jax.random.permutation(key, len(everything)))
    return everything[np.resize(order, n)]


Measured = dict[str, Float[np.ndarray, " replicas"]]


def _measured(
    simulator: AbstractSimulator,
    space: ParameterSpace,
    theta: Points,
    data: Any,
    replicas: Any,
    statistic: Statistic | None,
) -> tuple[str, Measured, Measured]:
    """Name of the statistic, and its values on the data and on the replicas, per block, the total last."""
    n = len(theta)
    if statistic is not None:
        sets = [take_one(replicas, i) for i in range(n)]
        values = [space.unpack(row) for row in theta]
        own = _columns([statistic(v, data) for v in values])
        return "user's", own, _columns([statistic(v, x) for v, x in zip(values, sets, strict=True)])
    if isinstance(simulator, AbstractLikelihood):
        observed = _deviances(simulator, theta, space, stack_lanes(data, n))
        return "deviance", _with_total(observed), _with_total(_deviances(simulator, theta, space, replicas))
    rows, ours = _blocks(replicas, n), _blocks(jax.tree.map(lambda x: np.asarray(x)[None], data), 1)
    if {k: v.shape[1] for k, v in rows.items()} != {k: v.shape[1] for k, v in ours.items()}:
        raise InvalidData("the data have other blocks or sizes than the simulations")
    apart = {name: _distance(block, block) for name, block in rows.items()}
    theirs = {name: np.repeat(_distance(ours[name], block), n) for name, block in rows.items()}
    return "squared distance from the mean", _with_total(theirs), _with_total(apart)


def _deviances(likelihood: AbstractLikelihood, theta: Points, space: ParameterSpace, data: Any) -> Measured:
    """-2 ln(L/L_saturated), or -2 ln L where no saturated model is known, per part of a joint."""
    if isinstance(likelihood, Joint):
        return {
            f"{name}/{inner}".rstrip("/"): values
            for name, part in likelihood.parts.items()
            for inner, values in _deviances(part, theta, space, data[name]).items()
        }
    columns = list(space.indices(likelihood.space.names))
    return {"": 2.0 * evaluate_lanes(likelihood, data, theta[:, columns])}


def _distance(rows: np.ndarray, reference: np.ndarray) -> np.ndarray:
    mean, spread = reference.mean(axis=0), reference.std(axis=0)
    return np.sum(((rows - mean) / np.where(spread > 0, spread, 1.0)) ** 2, axis=1)


def _columns(found: list[Any]) -> Measured:
    if isinstance(found[0], Mapping):
        return {str(name): np.array([float(one[name]) for one in found]) for name in found[0]}
    return {"total": np.array([float(one) for one in found])}


def _with_total(blocks: Measured) -> Measured:
    total = np.sum(np.stack(list(blocks.values())), axis=0)
    return {"total": total} if len(blocks) == 1 else {**blocks, "total": total}


def _blocks(data: Any, count: int) -> dict[str, np.ndarray]:
    if isinstance(data, Mapping):
        return {str(name): flat_rows(data[name], count) for name in sorted(data)}
    return {"data": flat_rows(data, count)}


def _bands(replicas: Any, n: int) -> dict[str, np.ndarray]:
    return {name: np.quantile(rows, _QUANTILES, axis=0) for name, rows in _leaves(replicas, n).items()}


def _by_name(data: Any, count: int) -> dict[str, np.ndarray]:
    return {name: rows[0] for name, rows in _leaves(data, count).items()}


def _leaves(data: Any, count: int) -> dict[str, np.ndarray]:
    """All arrays of stacked data by the names that lead to them, flattened per set."""
    found, _ = jax.tree_util.tree_flatten_with_path(data)
    named = {jax.tree_util.keystr(path, simple=True, separator="/") or "data": leaf for path, leaf in found}
    return {name: np.asarray(leaf, float).reshape(count, -1) for name, leaf in named.items() if np.size(leaf)}
