"""Active subspaces: in which directions of the parameters a learned function changes, over draws of a posterior."""

from collections.abc import Callable
from typing import Any, TypeAlias

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidData, InvalidModel, InvalidOption, check_option
from wilks._base.tracing import ADVICE, UNTRACEABLE
from wilks._base.typing import Scalar, Values
from wilks.inference.problem import Clock
from wilks.inference.sbi.drawing import log_densities
from wilks.inference.sbi.points import in_blocks, values_at
from wilks.inference.sbi.posterior import NeuralPosterior, observe
from wilks.inference.sbi.records import record
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import prepare
from wilks.parameters.space import ParameterSpace
from wilks.results.samples import Samples
from wilks.results.subspaces import ActiveSubspace
from wilks.results.weighted import WeightedSamples

SCALES = ("draws", "prior", "unit")
_BLOCK = 256  # points whose gradients are taken at once: densities of fields keep their whole way in memory
_NORMAL = np.array([[0.15865525393145707], [0.8413447460685429]])  # quantiles one standard deviation off the median

Function: TypeAlias = Callable[[Values], Scalar] | AbstractLikelihood | NeuralPosterior
"""A number at named values; or something with a log density of data."""

_Rows: TypeAlias = Callable[[Float[Array, "points parameters"]], Float[Array, " points"]]


def active_subspace(
    function: Function,
    draws: Samples | WeightedSamples,
    space: ParameterSpace,
    *,
    data: Any = None,
    scale: str = "draws",
    most: int = 2_000,
) -> ActiveSubspace:
    """Eigenvectors of C = E[g g^T], g the gradient of a function, over draws of a posterior.

    Large eigenvalues belong to stiff directions, along which the function changes, small ones to sloppy ones, along
    which parameters make up for each other. For ln q of a posterior that is a normal law with covariance S, scaled by
    steps D, C = D S^-1 D.

    Args:
        function: ``function(values)`` gives a number at ONE point and is written with jax.numpy, such as
            ``lambda values: predictor(values)[3]``; or a likelihood, ratio or posterior, whose log density of ``data``
            is taken.
        draws: where the mean is taken; weighted ones count by their weights.
        space: parameters; the free ones are looked at, others held at their starts.
        data: observed data of a likelihood, ratio or posterior.
        scale: step of each parameter in which slopes are measured: ``"draws"``, its standard deviation over the draws;
            ``"prior"``, half of the prior's central 68 %; ``"unit"``, one of its unit.
        most: draws that are used, evenly picked from all.

    Raises:
        InvalidModel: for a function that cannot be differentiated.
        InvalidData: if a gradient is not finite, or a parameter does not vary over the draws.

    References:
        P. Constantine, E. Dow, Q. Wang, arXiv:1304.2070, section 2; M. Deistler, J. Macke, P. Goncalves, PNAS 119
        (2022) e2207632119, on posteriors of simulators.
    """
    clock = Clock.start()
    check_option("scale", scale, SCALES)
    if most < 2:
        raise InvalidOption(f"most {most}: a mean over draws needs at least 2")
    theta, weights = _points(draws, space, most)
    names, columns = space.free, np.flatnonzero(space.free_mask)
    steps = _steps(scale, theta[:, columns], weights, space)
    values, slopes = gradients(_by_rows(function, space, data), theta)
    _refuse_infinite(values, slopes, theta, space)
    g = slopes[:, columns] * steps
    eigenvalues, directions = np.linalg.eigh((weights[:, None] * g).T @ g)
    eigenvalues, directions = np.maximum(eigenvalues[::-1], 0.0), directions[:, ::-1]
    largest = directions[np.argmax(np.abs(directions), axis=0), np.arange(len(names))]
    directions = directions * np.where(largest < 0.0, -1.0, 1.0)
    squares = (g @ directions) ** 2
    errors = np.sqrt(np.sum(weights[:, None] ** 2 * (squares - eigenvalues) ** 2, axis=0))
    return ActiveSubspace(
        names=names,
        units=tuple(space[name].unit for name in names),
        scale={"draws": "sd of the draws", "prior": "half of the prior's central 68 %", "unit": "one unit"}[scale],
        scales=steps,
        mean=float(weights @ values),
        eigenvalues=eigenvalues,
        errors=errors,
        directions=directions,
        draws=len(theta),
        how="eigenvectors of the mean outer product of gradients, which are exact derivatives",
        provenance=record(clock, "active_subspace", data=data, scale=scale, draws=len(theta)),
    )


def gradients(
    function: _Rows, theta: Float[np.ndarray, "points parameters"]
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, "points parameters"]]:
    """Values and gradients of a function of rows at many points.

    Args:
        function: number of each row; may depend on no other row.
        theta: one point per row.

    Raises:
        InvalidModel: if it cannot be differentiated.
    """

    @eqx.filter_jit
    def both(rows: Float[Array, "points parameters"]) -> Float[Array, "points _"]:
        def total(at: Float[Array, "points parameters"]) -> tuple[Scalar, Float[Array, " points"]]:
            found = function(at)
            return jnp.sum(found), found

        slopes, values = jax.grad(total, has_aux=True)(rows)
        return jnp.concatenate([values[:, None], slopes], axis=1)

    try:
        found = in_blocks(lambda rows: both(jnp.asarray(rows)), theta, _BLOCK)
    except (*UNTRACEABLE, TypeError) as error:
        raise InvalidModel(f"the function cannot be differentiated: {ADVICE} ({error})") from error
    return found[:, 0], found[:, 1:]


def _by_rows(function: Function, space: ParameterSpace, data: Any) -> _Rows:
    if isinstance(function, NeuralPosterior):
        return _density_by_rows(function, space, data)
    one: Callable[[Values], Any]
    if isinstance(function, AbstractLikelihood):
        likelihood, prepared = function, prepare(function, data)
        one = lambda values: likelihood.log_prob(values, prepared)  # noqa: E731
    elif data is not None:
        raise InvalidOption("data= belong to a likelihood, a ratio or a posterior; a plain function knows its own")
    else:
        one = function
    return jax.vmap(lambda row: jnp.asarray(one(space.unpack(row)), dtype=float))


def _density_by_rows(posterior: NeuralPosterior, space: ParameterSpace, data: Any) -> _Rows:
    """ln q of a posterior up to its normalisation, which does not depend on the parameters."""
    _, observed, _ = observe(posterior, data)
    columns = np.array([space.index(name) for name in posterior.targets])
    density, coordinate = posterior.estimator.density, posterior.coordinate
    return lambda rows: jnp.asarray(log_densities(density, coordinate, rows[:, columns], observed))


def _points(
    draws: Samples | WeightedSamples, space: ParameterSpace, most: int
) -> tuple[Float[np.ndarray, "points parameters"], Float[np.ndarray, " points"]]:
    """Rows of all parameters of the space, and weights that add up to 1."""
    columns = [np.ravel(draws.values(name)) if name in draws.names else None for name in space.names]
    missing = [name for name in space.free if name not in draws.names]
    if missing:
        raise InvalidData(f"the draws lack {', '.join(missing)}; give draws of all free parameters, or fix them")
    count = next(len(column) for column in columns if column is not None)
    theta = np.tile(space.starts, (count, 1))
    for i, column in enumerate(columns):
        if column is not None and space.free_mask[i]:
            theta[:, i] = column
    weights = draws.weights if isinstance(draws, WeightedSamples) else np.full(count, 1.0 / count)
    usable = np.flatnonzero(weights > 0.0)
    picked = usable[np.unique(np.linspace(0, len(usable) - 1, min(most, len(usable))).astype(int))]
    return theta[picked], weights[picked] / weights[picked].sum()


def _steps(
    scale: str, theta: Float[np.ndarray, "points free"], weights: Float[np.ndarray, " points"], space: ParameterSpace
) -> Float[np.ndarray, " free"]:
    if scale == "unit":
        return np.ones(theta.shape[1])
    if scale == "prior":
        low, high = values_at(space, np.repeat(_NORMAL, theta.shape[1], axis=1))[:, space.free_mask]
        return 0.5 * (high - low)
    if np.any(same := np.ptp(theta, axis=0) == 0.0):
        name = space.free[int(np.argmax(same))]
        raise InvalidData(f"{name!r} has the same value in all draws; fix it in the space, or take scale='prior'")
    return np.sqrt(weights @ (theta - weights @ theta) ** 2)


def _refuse_infinite(values: np.ndarray, slopes: np.ndarray, theta: np.ndarray, space: ParameterSpace) -> None:
    bad = ~(np.isfinite(values) & np.isfinite(slopes).all(axis=1))
    if bad.any():
        first = int(np.argmax(bad))
        at = ", ".join(f"{name} = {theta[first, space.index(name)]:.6g}" for name in space.free)
        raise InvalidData(
            f"value or gradient of the function is not finite at {int(bad.sum())} of {len(bad)} draws, first at {at}; "
            "give draws from where it is smooth"
        )
