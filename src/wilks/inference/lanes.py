"""Batches of fits: lanes of equal shape through one compiled program, whatever their number.

A lane is one minimisation: data, a start, and the set of free parameters. Lanes never mix: each gives the same bits
whatever its neighbours do. Few parameters run side by side (vectorised); many run one after the other inside the
compiled program, because side by side they would wait for the slowest and leave the processor's cache. So do counts
under many variations, and lists of events, which are handed over once if all lanes share them.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxpr_as_fun
from jaxtyping import Array, Bool, Float, Int

from wilks.likelihood.counts import ChiSquareCounts, PoissonCounts
from wilks.likelihood.ensemble_counts import EnsembleCounts
from wilks.likelihood.event_likelihood import AbstractEventLikelihood
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import Joint
from wilks.model.predictor import AbstractLinearisedPredictor
from wilks.parameters.space import ParameterSpace

from .compiled import compiled
from .newton import Box, minimise_lane
from .quadratic import Curvature, Quadratic, excess, quadratic, saturated
from .template_lanes import template_excess, template_saturated

SMALL_BATCH = 64
_SIDE_BY_SIDE_UP_TO = 6  # parameters; above this lanes run one after the other
_CELLS_IN_CACHE = 2**14  # cells of one batch side by side
_CELLS_IN_MEMORY = 2**22  # cells of one batch, 32 MB


LaneFunction = Callable[[AbstractLikelihood, Any, Any, Any, Any], Array]


class LaneFits(NamedTuple):
    """Ends of many minimisations, one per lane."""

    theta: Float[np.ndarray, "lanes parameters"]
    value: Float[np.ndarray, " lanes"]
    gradient: Float[np.ndarray, "lanes parameters"]
    edm: Float[np.ndarray, " lanes"]
    iterations: Int[np.ndarray, " lanes"]
    code: Int[np.ndarray, " lanes"]


class Settings(NamedTuple):
    """How lanes are minimised: curvature, EDM tolerance, limit of iterations, and of those by BFGS that go before."""

    curvature: Curvature = "fisher"
    tolerance: float = 1e-8
    max_iterations: int = 100
    descents: int = 0


def stack_lanes(data: Any, lanes: int) -> Any:
    """The same data in every lane."""
    return jax.tree.map(lambda x: np.broadcast_to(np.asarray(x), (lanes, *np.shape(x))), data)


def take_lanes(data: Any, where: Int[np.ndarray, " chosen"]) -> Any:
    """Some lanes of stacked data; what all lanes share stays shared."""

    def take(array: Any) -> np.ndarray:
        array = np.asarray(array)
        return np.broadcast_to(array[0], (len(where), *array.shape[1:])) if _is_shared(array) else array[where]

    return jax.tree.map(take, data)


def take_one(data: Any, lane: int) -> Any:
    """One lane of stacked data by itself."""
    return jax.tree.map(lambda x: np.asarray(x)[lane], data)


def count_lanes(data: Any) -> int:
    """Number of lanes of stacked data."""
    return int(np.shape(jax.tree.leaves(data)[0])[0])


def cells_per_lane(data: Any) -> int:
    """Numbers per lane of stacked data."""
    return sum(int(np.size(x)) for x in jax.tree.leaves(data)) // max(count_lanes(data), 1)


def variations(likelihood: AbstractLikelihood) -> int:
    """How often each datum is judged: once per systematic variation."""
    if isinstance(likelihood, Joint):
        return max(variations(part) for part in likelihood.parts.values())
    return len(likelihood.predictor.weights) if isinstance(likelihood, EnsembleCounts) else 1


def _default_batch(lanes: int, size: int, cells: int) -> int:
    """Lanes per compiled call for a number of parameters and cells per lane: a small batch if they fit it."""
    return small_batch(cells) if lanes <= SMALL_BATCH else large_batch(size, cells)


def small_batch(cells: int) -> int:
    """Lanes per call of a small job: 64, or as many as fit memory."""
    return _power_of_two(_CELLS_IN_MEMORY, cells, 1, SMALL_BATCH)


def large_batch(size: int, cells: int) -> int:
    """Lanes per call of a large job: all that fit the cache side by side, or a small batch one after the other."""
    if size > _SIDE_BY_SIDE_UP_TO or cells * SMALL_BATCH > _CELLS_IN_CACHE:
        return small_batch(cells)
    return _power_of_two(_CELLS_IN_CACHE, cells, SMALL_BATCH, 4096)


def unfitted_batch(cells: int) -> int:
    """Lanes per call where a large job is only judged, all at one point."""
    return _power_of_two(_CELLS_IN_MEMORY, cells, 1, 1024)


def _power_of_two(room: int, cells: int, least: int, most: int) -> int:
    """The largest power of two of lanes for which there is room, within limits that are such powers."""
    return min(max(1 << max((room // max(cells, 1)).bit_length() - 1, 0), least), most)


def judges_events(likelihood: AbstractLikelihood) -> bool:
    """Whether a likelihood, or a part of it, judges lists of events."""
    if isinstance(likelihood, Joint):
        return any(judges_events(part) for part in likelihood.parts.values())
    return isinstance(likelihood, AbstractEventLikelihood)


def _learns(likelihood: AbstractLikelihood) -> bool:
    """Whether solvers are told a part of the curvature only: of events, and of templates that scale and morph."""
    if isinstance(likelihood, Joint):
        return any(_learns(part) for part in likelihood.parts.values())
    if isinstance(likelihood, (PoissonCounts, ChiSquareCounts)):
        return isinstance(likelihood.predictor, AbstractLinearisedPredictor)
    return judges_events(likelihood)


def _is_shared(array: np.ndarray) -> bool:
    """Whether an array is one repeated along its first axis, as `stack_lanes` makes it."""
    return array.strides[0] == 0


def _one_for_all(data: Any) -> bool:
    """Whether stacked data are one set that all lanes share."""
    return all(_is_shared(np.asarray(leaf)) for leaf in jax.tree.leaves(data))


def fit_lanes(
    likelihood: AbstractLikelihood,
    data: Any,
    start: Float[np.ndarray, "lanes parameters"],
    free: Bool[np.ndarray, "lanes parameters"],
    space: ParameterSpace,
    settings: Settings,
    *,
    batch: int | None = None,
) -> LaneFits:
    """Minimise every lane.

    Args:
        likelihood: judges the data.
        data: prepared data, every array with a leading axis of lanes.
        start: first point of each lane.
        free: which parameters each lane may move.
        space: bounds.
        settings: curvature, tolerance, limit.
        batch: lanes per compiled call; by default a small batch if they fit, else as large as the cache allows.
            The bits of a lane are those of its batch size.
    """
    box = (space.lowers, space.uppers)
    limits = (np.asarray(settings.tolerance), np.asarray(settings.max_iterations))
    ends = by_lanes(
        _fit_batch, likelihood, data, (start, free), (box, limits), batch=batch, curvature=settings.curvature
    )
    return LaneFits(*ends)


def by_lanes(
    function: Callable[..., tuple[Array, ...]],
    likelihood: AbstractLikelihood,
    data: Any,
    arrays: tuple[np.ndarray, ...],
    shared: Any,
    *,
    batch: int | None = None,
    **options: Any,
) -> list[np.ndarray]:
    """Results of a compiled function of lanes, in batches of equal size.

    Args:
        function: takes likelihood, data, arrays, which lanes are alive, ``shared``, and the options; see `each_lane`.
        likelihood: judges the data.
        data: prepared data, every array with a leading axis of lanes.
        arrays: what each lane is given; the first one has the axes lanes and parameters.
        shared: what all lanes are given.
        batch: lanes per compiled call, as for `fit_lanes`.
        options: static options of the function.
    """
    lanes, size = arrays[0].shape
    events = judges_events(likelihood)
    common = events and _one_for_all(data)
    cells = cells_per_lane(data) * variations(likelihood)
    batch = batch or (SMALL_BATCH if common else _default_batch(lanes, size, cells))
    together = size <= _SIDE_BY_SIDE_UP_TO and cells * batch <= _CELLS_IN_CACHE and not events
    pieces = []
    for first in range(0, lanes, batch):
        where = np.minimum(np.arange(first, first + batch), lanes - 1)  # the last lane pads the batch
        alive = np.arange(first, first + batch) < lanes
        given = take_one(data, 0) if common else data if lanes == batch else take_lanes(data, where)
        own = tuple(array[where] for array in arrays)
        pieces.append(function(likelihood, given, own, alive, shared, common=common, together=together, **options))
    return [_joined([piece[i] for piece in pieces])[:lanes] for i in range(len(pieces[0]))]


def each_lane(
    function: Callable[..., tuple[Array, ...]], data: Any, arrays: Any, alive: Any, *, common: bool, together: bool
) -> tuple[Array, ...]:
    """The function of (data, *arrays, alive) of each lane, side by side or one after the other."""

    def one(lane: tuple) -> tuple[Array, ...]:
        lane_data, own, lane_alive = lane
        return function(data if common else lane_data, *own, lane_alive)

    lanes = (None if common else data, arrays, alive)
    return jax.vmap(one)(lanes) if together else _one_by_one(one, lanes, jnp.sum(alive))


def _joined(pieces: list[Any]) -> np.ndarray:
    return np.array(pieces[0]) if len(pieces) == 1 else np.concatenate(pieces)


@compiled("common", "curvature", "together")
def _fit_batch(likelihood, data, arrays, alive, shared, *, common: bool, curvature: Curvature, together: bool):
    (lower, upper), (tolerance, max_iterations) = shared
    learn = curvature != "exact" and _learns(likelihood)

    def one(lane_data: Any, start: Array, free: Array, lane_alive: Array) -> tuple[Array, ...]:
        def objective(theta: Array) -> Quadratic:
            return quadratic(likelihood, theta, lane_data, curvature)

        end = minimise_lane(
            objective,
            start,
            Box(lower, upper, free),
            lane_alive,
            tolerance,
            max_iterations,
            learn=learn,
            alone=not together,
        )
        return end.theta, end.value, end.gradient, end.edm, end.iterations, end.code

    return each_lane(one, data, arrays, alive, common=common, together=together)


def _one_by_one(function: Any, lanes: Any, count: Any) -> Any:
    """The function of the first ``count`` lanes, one after the other; lanes that only pad cost nothing."""

    def take(index: Any) -> Any:
        return jax.tree.map(lambda x: jax.lax.dynamic_index_in_dim(x, index, keepdims=False), lanes)

    def put(index: Any, found: Any) -> Any:
        new = jax.tree.unflatten(jax.tree.structure(shapes), jaxpr_as_fun(traced)(index))
        return jax.tree.map(lambda x, one: jax.lax.dynamic_update_index_in_dim(x, one, index, 0), found, new)

    length = jax.tree.leaves(lanes)[0].shape[0]
    traced, shapes = jax.make_jaxpr(lambda index: function(take(index)), return_shape=True)(0)
    empty = jax.tree.map(lambda like: jnp.zeros((length, *like.shape), like.dtype), shapes)
    return jax.lax.fori_loop(0, count, put, empty)


def _each(function: Any, data: Any, theta: Any, alive: Any, together: bool) -> Any:
    """The function of (theta, data) in every lane; a single theta belongs to all, which then share what it predicts."""
    lanes = (data, jnp.zeros(count_lanes(data)) if theta.ndim == 1 else theta)

    def one(lane: tuple) -> Any:
        return function(theta if theta.ndim == 1 else lane[1], lane[0])

    return jax.vmap(one)(lanes) if together else _one_by_one(one, lanes, alive)


def evaluate_lanes(
    likelihood: AbstractLikelihood,
    data: Any,
    theta: Float[np.ndarray, "lanes parameters"],
    *,
    batch: int | None = None,
) -> Float[np.ndarray, " lanes"]:
    """Excess of every lane at its own point."""
    if (known := template_excess(likelihood, data, theta)) is None:
        return _over_batches(_excess_batch, likelihood, data, theta, batch)
    value, inside = known
    if (left := np.flatnonzero(~inside)).size:
        value[left] = _over_batches(_excess_batch, likelihood, take_lanes(data, left), theta[left], SMALL_BATCH)
    return value


def hessian_lanes(
    likelihood: AbstractLikelihood,
    data: Any,
    theta: Float[np.ndarray, "lanes parameters"],
    *,
    batch: int | None = None,
) -> Float[np.ndarray, "lanes parameters parameters"]:
    """Exact Hessian of the excess of every lane at its own point."""
    return _over_batches(_hessian_batch, likelihood, data, theta, batch)


def map_lanes(
    function: LaneFunction,
    likelihood: AbstractLikelihood,
    data: Any,
    theta: Float[np.ndarray, "lanes parameters"],
    *,
    batch: int | None = None,
) -> Float[np.ndarray, " lanes"]:
    """A function of (likelihood, theta, data, excess, nll) in every lane at its own point."""

    def call(model: AbstractLikelihood, stacked: Any, points: Any, alive: Any, *, together: bool) -> Array:
        return _map_batch(function, model, stacked, points, alive, together)

    return _over_batches(call, likelihood, data, theta, batch)


def saturated_lanes(
    likelihood: AbstractLikelihood, data: Any, *, batch: int | None = None
) -> Float[np.ndarray, " lanes"]:
    """Log density of the saturated model in every lane."""
    if isinstance(likelihood, AbstractEventLikelihood):  # there is none of single events
        return np.zeros(count_lanes(data))
    if (known := template_saturated(likelihood, data)) is not None:
        return known
    return _over_batches(_saturated_batch, likelihood, data, np.zeros((count_lanes(data), 0)), batch)


def _over_batches(
    function: Any, likelihood: AbstractLikelihood, data: Any, theta: np.ndarray, batch: int | None
) -> np.ndarray:
    lanes, size = theta.shape
    many = variations(likelihood)
    cells = cells_per_lane(data) * many
    batch = batch or (1 if lanes == 1 else _default_batch(lanes, size, cells))
    common = lanes > 1 and size > 0 and _is_shared(theta)
    fits = size <= _SIDE_BY_SIDE_UP_TO and (many == 1 or cells * batch <= _CELLS_IN_CACHE)
    together = (common or fits) and not judges_events(likelihood)
    pieces = []
    for first in range(0, lanes, batch):
        where = np.minimum(np.arange(first, first + batch), lanes - 1)
        alive = np.asarray(min(batch, lanes - first))
        points = theta[0] if common else theta[where]
        pieces.append(np.asarray(function(likelihood, take_lanes(data, where), points, alive, together=together)))
    return _joined(pieces)[:lanes]


@compiled("together")
def _excess_batch(likelihood, data, theta, alive, *, together: bool):
    return _each(lambda at, given: excess(likelihood, at, given), data, theta, alive, together)


@compiled("together")
def _hessian_batch(likelihood, data, theta, alive, *, together: bool):
    return _each(lambda at, given: quadratic(likelihood, at, given, "exact").hessian, data, theta, alive, together)


@eqx.filter_jit
def _map_batch(function, likelihood, data, theta, alive, together: bool):
    def one(at: Array, given: Any) -> Array:
        value = excess(likelihood, at, given)
        return function(likelihood, at, given, value, value - saturated(likelihood, given))

    return _each(one, data, theta, alive, together)


@compiled("together")
def _saturated_batch(likelihood, data, theta, alive, *, together: bool):
    return _each(lambda _, given: saturated(likelihood, given), data, theta, alive, together)
