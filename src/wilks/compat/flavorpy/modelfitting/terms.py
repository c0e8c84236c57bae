"""Chi-square terms of a data set inside compiled code: FlavorPy's own, folds and jumps included, and smooth ones."""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from wilks.likelihood.curve_table import CurveTable, CurveValues
from wilks.likelihood.curves import Curve, gaussian_curve
from wilks.model.user_functions.function import UserFunction, user_function
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace
from wilks.physics.flavor.chi2_terms import ChiSquareTerms
from wilks.physics.flavor.nufit_terms import nufit

from .sets import Chi2Function, GaussianChi2, ProfileChi2

_PIECES = 64  # tables are padded to a multiple of this, so that releases share one compiled program
_NEVER = (np.inf, -np.inf, 0.0)  # window of a term without a table

Numbers = Float[Array, " terms"]


class Terms(eqx.Module):
    """Chi-square terms side by side; all tables are arguments of compiled code.

    Args:
        knots: left ends of the pieces of each table, padded with inf.
        coefficients: of 1, t, t^2, t^3 per piece.
        last: number of the last piece.
        windows: lower and upper edge of each table, and what is added to the Gaussian beyond.
        best: best value of the Gaussian.
        sigma: its standard deviation.
        curves: smooth curves with their minimum at zero, on which fits descend first.
        functions: users' functions with the number of their term.
    """

    knots: Float[np.ndarray | Array, "terms pieces"]
    coefficients: Float[np.ndarray | Array, "terms pieces 4"]
    last: Int[np.ndarray | Array, " terms"]
    windows: Float[np.ndarray | Array, "terms 3"]
    best: Float[np.ndarray | Array, " terms"]
    sigma: Float[np.ndarray | Array, " terms"]
    curves: CurveTable
    functions: tuple[UserFunction, ...]
    places: tuple[int, ...] = eqx.field(static=True)

    def exact(self, numbers: Numbers) -> Numbers:
        """FlavorPy's terms: abs(spline) within the window, abs(Gaussian + constant) beyond."""
        knots = jnp.asarray(self.knots)
        found = jax.vmap(lambda row, x: jnp.searchsorted(row, x, side="right"))(knots, numbers)
        piece = jnp.clip(found - 1, 0, jnp.asarray(self.last))
        rows = np.arange(len(self.knots))
        t = numbers - knots[rows, piece]
        a, b, c, d = jnp.moveaxis(jnp.asarray(self.coefficients)[rows, piece], -1, 0)
        lower, upper, constant = jnp.asarray(self.windows).T
        within = (numbers >= lower) & (numbers <= upper)
        beyond = ((numbers - jnp.asarray(self.best)) / jnp.asarray(self.sigma)) ** 2 + constant
        chi2 = jnp.abs(jnp.where(within, a + t * (b + t * (c + d * t)), beyond))
        for place, function in zip(self.places, self.functions, strict=True):
            chi2 = chi2.at[place].set(_called(function, numbers[place]))
        return chi2

    def smooth(self, numbers: Numbers) -> CurveValues:
        """Curves that a descent can follow, with derivatives; users' functions as they are."""
        found = self.curves.evaluate(numbers)
        for place, function in zip(self.places, self.functions, strict=True):
            value, slope = jax.value_and_grad(lambda x, f=function: _called(f, x))(numbers[place])
            parts = (value, slope, jnp.zeros(()))
            found = CurveValues(*(old.at[place].set(new) for old, new in zip(found, parts, strict=True)))
        return found


class _Row(NamedTuple):
    """One term before it is padded."""

    knots: np.ndarray
    coefficients: np.ndarray
    window: tuple[float, float, float]
    best: float
    sigma: float
    curve: Curve


@functools.lru_cache(maxsize=64)
def terms_of(names: tuple[str, ...], functions: tuple[Chi2Function, ...]) -> Terms:
    """Terms of observables from the functions of a data set."""
    rows = [_row(function) for function in functions]
    pieces = -(-max(len(row.knots) for row in rows) // _PIECES) * _PIECES
    knots, coefficients = np.full((len(rows), pieces), np.inf), np.zeros((len(rows), pieces, 4))
    for i, row in enumerate(rows):
        knots[i, : len(row.knots)], coefficients[i, : len(row.knots)] = row.knots, row.coefficients
    places = tuple(i for i, f in enumerate(functions) if not isinstance(f, (GaussianChi2, ProfileChi2)))
    return Terms(
        knots=knots,
        coefficients=coefficients,
        last=np.array([len(row.knots) - 1 for row in rows]),
        windows=np.array([row.window for row in rows]),
        best=np.array([row.best for row in rows]),
        sigma=np.array([row.sigma for row in rows]),
        curves=CurveTable.of([row.curve for row in rows]),
        functions=tuple(_of_user(names[i], functions[i]) for i in places),
        places=places,
    )


def smooth_curve(function: ProfileChi2 | GaussianChi2) -> Curve:
    """The smooth curve behind one of FlavorPy's terms, in the observable itself (m21^2: its logarithm)."""
    if isinstance(function, GaussianChi2):
        return gaussian_curve(function.best, function.sigma)
    found = nufit(function.release, function.ordering)
    assert isinstance(found, ChiSquareTerms)
    return found[function.observable].curve


def _row(function: Chi2Function) -> _Row:
    if isinstance(function, GaussianChi2):
        return _Row(*_flat(), _NEVER, function.best, function.sigma, smooth_curve(function))
    if not isinstance(function, ProfileChi2):  # judged by the user's function; this only fills the row
        return _Row(*_flat(), _NEVER, 0.0, 1.0, gaussian_curve(0.0, 1.0))
    terms, name = function.terms, function.observable
    best, (low, high) = float(terms.table.rows[name]["best"]), terms.table.limits(name)
    knots, coefficients, window = *_flat(), _NEVER
    if name in terms.splines:
        spline = terms.splines[name]
        knots, coefficients = spline.x[:-1], spline.c[::-1].T
        window = terms.windows.get(name, (-np.inf, np.inf, 0.0))
    return _Row(knots, coefficients, window, best, 0.5 * (high - low), smooth_curve(function))


def _flat() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros(1), np.zeros((1, 4))


def _of_user(name: str, function: Chi2Function) -> UserFunction:
    low, high = _RANGES.get(name, (1e-3, 1.0))
    space = ParameterSpace((Parameter("x", 0.5 * (low + high), lower=low, upper=high),))
    return user_function(lambda point: function(point["x"]), space, shape=(), name=f"chi-square of {name}")


# Where a user's chi-square is tried before it is compiled.
_RANGES = {"d/pi": (0.0, 2.0), "dq": (0.0, 360.0), "t12": (0.1, 89.0), "t13": (0.1, 89.0), "t23": (0.1, 89.0)}


def _called(function: UserFunction, number: Any) -> Array:
    return jnp.abs(jnp.asarray(function({"x": number}), dtype=float))
