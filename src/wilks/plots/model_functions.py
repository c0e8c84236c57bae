"""Figures of the functions that a model is made of, along one argument, with the band that a fit leaves."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from wilks._base.errors import InvalidOption, UnknownName, near_names
from wilks.results.fits import FitResult

from .style import in_style, single, text_of

Function = Callable[..., Any]
Values = Mapping[str, float | int]

_STEP = 1e-3  # of an error, for the derivatives behind a band
_ALPHA = 0.25


@in_style
def model_function(
    function: Function,
    grid: Float[np.ndarray, " points"],
    *,
    values: FitResult | Values | None = None,
    at: Values | None = None,
    label: str = "",
    logarithmic: bool = False,
    labels: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A model function along its first argument; with a fit as values, with one standard deviation around it.

    Args:
        function: takes arrays, such as ``source.p_electron``; arguments with a default are parameters.
        grid: values of its first argument.
        values: of its parameters, or the fit in which they were found: others of that fit are left aside, and the band
            follows from its covariance (linear). Parameters that are not given keep their default.
        at: values of its other arguments, which have no default.
        label: for the legend.
        logarithmic: horizontal axis in powers of ten.
        labels: text per argument and function.
        ax: axes to draw into, so that several curves can be compared.

    Raises:
        UnknownName: for a value of no parameter.
        InvalidOption: if the function takes nothing but parameters, or a value of another argument is missing.
    """
    arguments, parameters = _read(function)
    others = dict(at or {})
    missing = [name for name in arguments[1:] if name not in others]
    if missing:
        raise InvalidOption(f"{_name(function)} takes {', '.join(missing)} as well; give values with at={{...}}")
    chosen = _chosen(values, parameters)

    def evaluate(given: Values) -> np.ndarray:
        found = np.asarray(function(grid, **{name: others[name] for name in arguments[1:]}, **given), dtype=float)
        return np.broadcast_to(found, grid.shape)

    ax = single(ax)
    (line,) = ax.plot(grid, evaluate(chosen), label=text_of(label) if label else None)
    if isinstance(values, FitResult) and values.covariance is not None:
        centre, error = evaluate(chosen), _error(evaluate, chosen, values)
        ax.fill_between(grid, centre - error, centre + error, color=line.get_color(), alpha=_ALPHA, lw=0)
    if logarithmic:
        ax.set_xscale("log")
    ax.set_xlim(float(grid[0]), float(grid[-1]))
    ax.set_xlabel(text_of(arguments[0], labels))
    ax.set_ylabel(text_of(_name(function), labels))
    if label:
        ax.legend()
    return ax


def _read(function: Function) -> tuple[list[str], list[str]]:
    """Names of its arguments, and of its parameters."""
    arguments: list[str] = []
    parameters: list[str] = []
    for item in inspect.signature(function).parameters.values():
        free = item.kind is not item.KEYWORD_ONLY and item.default is item.empty
        (arguments if free else parameters).append(item.name)
    if not arguments:
        raise InvalidOption(f"{_name(function)} takes nothing but parameters; there is no axis to draw it along")
    return arguments, parameters


def _chosen(values: FitResult | Values | None, parameters: list[str]) -> dict[str, float | int]:
    if isinstance(values, FitResult):
        return {name: float(values.values[name]) for name in values.names if name in parameters}
    given = dict(values or {})
    for name in given:
        if name not in parameters:
            raise UnknownName(f"no parameter {name!r}; {near_names(name, parameters)}")
    return given


def _error(evaluate: Callable[[Values], np.ndarray], centre: Values, fit: FitResult) -> Float[np.ndarray, " points"]:
    """sqrt(J C J^T) with central differences; parameters on a bound have no covariance and stay where they are."""
    assert fit.covariance is not None
    where = [i for i, name in enumerate(fit.names) if name in centre and fit.covariance[i, i] > 0]
    slopes = []
    for i in where:
        name, step = fit.names[i], _STEP * float(np.sqrt(fit.covariance[i, i]))
        ends = [evaluate({**centre, name: centre[name] + sign * step}) for sign in (1.0, -1.0)]
        slopes.append((ends[0] - ends[1]) / (2 * step))
    if not slopes:
        return np.zeros_like(evaluate(centre))
    jacobian = np.stack(slopes)
    variance = np.einsum("pg,pq,qg->g", jacobian, fit.covariance[np.ix_(where, where)], jacobian)
    return np.sqrt(np.maximum(variance, 0.0))


def _name(function: Function) -> str:
    return getattr(function, "__name__", type(function).__name__)
