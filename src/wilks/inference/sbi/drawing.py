"""Draws and densities of a trained estimator in blocks of equal shape, from the network's numbers to physical ones."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Bool, Float, Float32, Int

from wilks._base.errors import ProcedureFailed

from .coordinates import AbstractCoordinate
from .density import AbstractConditionalDensity
from .embeddings import AbstractEncoder, Scaled
from .estimator import Standardiser
from .paths import VelocityField
from .posterior_interface import AbstractRegion
from .score_paths import ScoreField

BLOCK = 10_000
"""Rows of one compiled call; fewer rows go through smaller blocks."""

_BLOCKS = ((1, 1), (1024, 256), (8192, 2048))  # up to so many rows go through blocks of so many: four programs at most

_COARSE_STEPS = 16  # of a solver whose answer decides between candidates, whatever its error
_REACH = 50.0  # network coordinates beyond which a draw was thrown off by the solver
_MOST_ROUNDS = 60
_LEAST_ACCEPTED = 1e-4


class Observed(NamedTuple):
    """What networks have computed from sets of data, one row per set.

    Args:
        context: encoded data.
        mean: conditional mean of the coordinates, 0 without standardisation.
        log_spread: logarithm of their conditional spread, 0 without standardisation.
    """

    context: Float32[np.ndarray, "sets context"]
    mean: Float32[np.ndarray, "sets size"]
    log_spread: Float32[np.ndarray, "sets size"]


class Draws(NamedTuple):
    """Accepted draws of several sets of data.

    Args:
        theta: draws in physical units.
        log_density: ln q in physical units before any normalisation to the support; NaN where nobody asked.
        accepted: share of the draws that lay inside the support and the region.
        thrown: draws of each set that the solver threw beyond all bounds.
    """

    theta: Float[np.ndarray, "sets n parameters"]
    log_density: Float[np.ndarray, "sets n"]
    accepted: Float[np.ndarray, " sets"]
    thrown: Int[np.ndarray, " sets"]


class _Block(NamedTuple):
    theta: Float[Array, "rows parameters"]
    log_density: Float[Array, " rows"]
    inside: Bool[Array, " rows"]
    thrown: Bool[Array, " rows"]


def draw_accepted(
    density: AbstractConditionalDensity,
    coordinate: AbstractCoordinate,
    region: AbstractRegion | None,
    keys: Any,
    observed: Observed,
    n: int,
    *,
    with_density: bool,
) -> Draws:
    """The first n draws of each set of data that lie inside the support and the region.

    Draw i of a set depends on the set's key and on i alone.

    Raises:
        ProcedureFailed: if hardly any draw lies inside.
    """
    sets, size = len(keys), density.size
    theta, log_density = np.zeros((sets, n, size)), np.full((sets, n), np.nan)
    filled, tried, good, thrown = (np.zeros(sets, dtype=int) for _ in range(4))
    for _ in range(_MOST_ROUNDS):
        short = np.flatnonzero(filled < n)
        if not len(short):
            break
        rate = np.where(tried[short] > 0, np.maximum(good[short], 1) / np.maximum(tried[short], 1), 1.0)
        more = int(np.max(np.ceil((n - filled[short]) / rate)))
        more = more if len(short) > 1 else _rounded_up(more)
        found = _draw(density, coordinate, keys[short], tried[short], observed, short, more, with_density)
        inside = found.inside.copy()
        if region is not None and inside.any():
            inside[inside] = region.contains(np.asarray(found.theta)[inside])
        for row, which in enumerate(short):
            where = slice(row * more, (row + 1) * more)
            taken = np.flatnonzero(inside[where])[: n - filled[which]]
            upto = slice(filled[which], filled[which] + len(taken))
            theta[which, upto] = found.theta[where][taken]
            log_density[which, upto] = found.log_density[where][taken]
            filled[which] += len(taken)
            good[which] += int(inside[where].sum())
            thrown[which] += int(found.thrown[where].sum())
        tried[short] += more
        if (tried > 20_000).any() and (good / np.maximum(tried, 1))[short].min() < _LEAST_ACCEPTED:
            break
    if (filled < n).any():
        worst = int(np.argmin(filled))
        raise ProcedureFailed(
            f"{tried[worst]} draws of set {worst} gave {good[worst]} inside the support of the prior; the network puts "
            "its probability elsewhere: the data may be unlike all simulations, or the training too short"
        )
    return Draws(theta, log_density, good / np.maximum(tried, 1), thrown)


def coarse(
    density: AbstractConditionalDensity, steps: int = _COARSE_STEPS, solver: str = "rk4"
) -> AbstractConditionalDensity:
    """The same density with fewer steps of its solver, where it has one.

    Args:
        density: any density.
        steps: of the solver for a density.
        solver: ``"rk4"`` or ``"heun"``.
    """
    if isinstance(density, (VelocityField, ScoreField)):
        own = steps // 2 if isinstance(density, VelocityField) else steps  # densities take twice them
        settings = dataclasses.replace(density.settings, steps=own, solver=solver)
        return dataclasses.replace(density, settings=settings)
    return density


def along_the_flow(posterior: Any) -> Any:
    """The same densities or posteriors with draws that follow their flows, as densities do, and put no noise back.

    Args:
        posterior: a density, or anything that holds some.
    """

    def quiet(part: Any) -> Any:
        if isinstance(part, VelocityField):
            return dataclasses.replace(part, settings=dataclasses.replace(part.settings, eta=0.0))
        if isinstance(part, ScoreField):
            return dataclasses.replace(part, settings=dataclasses.replace(part.settings, sampler="ode", corrector=0))
        return part

    return jax.tree.map(quiet, posterior, is_leaf=lambda part: isinstance(part, (VelocityField, ScoreField)))


def shares_inside(
    density: AbstractConditionalDensity, coordinate: AbstractCoordinate, keys: Any, observed: Observed, n: int
) -> Float[np.ndarray, " sets"]:
    """Share of n draws of each set of data that lies inside the support; half a draw is added on both sides."""
    sets = np.arange(len(keys))
    found = _draw(density, coordinate, keys, np.zeros(len(keys), dtype=int), observed, sets, n, False)
    return (np.asarray(found.inside).reshape(len(keys), n).sum(axis=1) + 0.5) / (n + 1.0)


def log_densities(
    density: AbstractConditionalDensity, coordinate: AbstractCoordinate, theta: Any, observed: Observed
) -> Any:
    """ln q in physical units of points, not normalised to the support; -inf outside of it.

    Args:
        density: of the coordinates.
        coordinate: how it sees the parameters.
        theta: one point per row; may be traced.
        observed: one set of data for all points, or one for each.
    """
    which = np.zeros(len(theta), dtype=int) if len(observed.context) == 1 else np.arange(len(theta))
    rows = (theta, observed.context[which], observed.mean[which], observed.log_spread[which])
    if isinstance(theta, Tracer):
        return _log_density(density, coordinate, *rows)
    return blocked(lambda *block: _log_density(density, coordinate, *block), *rows)


@eqx.filter_jit
def encode_scaled(encoder: AbstractEncoder, standard: Standardiser | None, scaled: Mapping[str, Any], size: int) -> Any:
    """Context, conditional mean and log spread of many sets of scaled data."""

    def one(row: Scaled) -> Any:
        zero = jnp.zeros(size, dtype=jnp.float32)
        mean, log_spread = (zero, zero) if standard is None else standard(row)
        return encoder(row), mean, log_spread

    return jax.vmap(one)(scaled)


def blocked(function: Callable[..., Any], *rows: Any) -> Any:
    """A batched function of rows in blocks of equal shape; the last row pads the last block."""
    count = len(rows[0])
    size = next((block for most, block in _BLOCKS if count <= most), BLOCK)
    pieces = []
    for first in range(0, count, size):
        where = np.minimum(np.arange(first, first + size), count - 1)
        found = function(*(jax.tree.map(lambda a: a[where], row) for row in rows))  # noqa: B023  used at once
        pieces.append(jax.tree.map(np.asarray, found))
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:count], *pieces)


def _draw(
    density: AbstractConditionalDensity,
    coordinate: AbstractCoordinate,
    keys: Any,
    first: np.ndarray,
    observed: Observed,
    sets: np.ndarray,
    n: int,
    with_density: bool,
) -> _Block:
    words = np.repeat(np.asarray(jax.random.key_data(keys)), n, axis=0)
    numbers = (first[:, None] + np.arange(n)).ravel()
    which = np.repeat(sets, n)
    rows = (words, numbers, observed.context[which], observed.mean[which], observed.log_spread[which])
    return blocked(lambda *block: _draw_block(density, coordinate, with_density, *block), *rows)


def _rounded_up(rows: int) -> int:
    """Rows that fill whole blocks: those beyond what was asked for cost nothing more."""
    size = next((block for most, block in _BLOCKS if rows <= most), BLOCK)
    return -(-rows // size) * size


@eqx.filter_jit
def _draw_block(density, coordinate, with_density, words, numbers, context, mean, log_spread):
    keys = jax.vmap(jax.random.fold_in)(jax.random.wrap_key_data(words), numbers)
    if with_density:
        y, log_q = density.draw_with_density(keys, context)
    else:
        y = density.draw(keys, context)
        log_q = jnp.full(len(y), jnp.nan, dtype=jnp.float32)
    z = mean + jnp.exp(log_spread) * y
    thrown = ~jnp.all(jnp.isfinite(y) & (jnp.abs(y) < _REACH), axis=1)
    safe = jnp.where(thrown[:, None], 0.0, z)
    theta = jax.vmap(coordinate.to_physical)(safe)
    jacobian = jax.vmap(coordinate.log_jacobian)(theta) - jnp.sum(log_spread, axis=1)
    inside = jax.vmap(coordinate.contains)(safe) & jnp.isfinite(jacobian) & ~thrown
    return _Block(theta, log_q.astype(float) + jacobian, inside, thrown)


@eqx.filter_jit
def _log_density(density, coordinate, theta, context, mean, log_spread):
    theta = jnp.asarray(theta)
    jacobian = jax.vmap(coordinate.log_jacobian)(theta) - jnp.sum(log_spread, axis=1)
    inside = jnp.isfinite(jacobian)
    centre = coordinate.to_physical(jnp.zeros(density.size))
    z = jax.vmap(coordinate.to_network)(jnp.where(inside[:, None], theta, centre[None]))
    y = ((z - mean) * jnp.exp(-log_spread)).astype(jnp.float32)
    return jnp.where(inside, density.log_prob(y, context).astype(float) + jacobian, -jnp.inf)
