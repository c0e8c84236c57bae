"""Best fits of a calculator: exact where the engine knows the model, by scipy where only its values are known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy.optimize import minimize

from wilks.inference.variation_fits import VariationFits, VariationProblem, fit_variations

_FLAT = 1e-10  # curvature relative to the largest below which a direction counts as flat
_STARTS = (1.0, 0.3, 3.0)
_FAR = 1e100  # stands for -ln L = inf


@dataclass(frozen=True, eq=False)
class Maximum:
    """The largest likelihood and where it is.

    Args:
        x: best values.
        log_likelihood: ln L there.
        success: whether it can be trusted.
        message: what happened, in a sentence.
        nfev: evaluations of the likelihood.
        nit: iterations.
        effective_variations: number of systematic variations that carry the likelihood; NaN if there is no average.
        beyond_simulation: inner numbers, such as events in truth bins, that exceed what was simulated, and by how much.
        hessian: second derivatives of ln L; None where they are not known.
    """

    x: Float[np.ndarray, " parameters"]
    log_likelihood: float
    success: bool
    message: str
    nfev: int
    nit: int
    effective_variations: float = float("nan")
    beyond_simulation: tuple[tuple[str, float], ...] = ()
    hessian: Float[np.ndarray, "parameters parameters"] | None = None

    @property
    def fun(self) -> float:
        """-ln L, what scipy would have minimised."""
        return -self.log_likelihood

    def __str__(self) -> str:
        lines = {
            "message": self.message,
            "success": self.success,
            "fun": self.fun,
            "log_likelihood": self.log_likelihood,
            "x": self.x,
            "nit": self.nit,
            "nfev": self.nfev,
            "effective_variations": self.effective_variations,
            "beyond_simulation": ", ".join(f"{n} by {v:.3g}" for n, v in self.beyond_simulation) or "nothing",
        }
        return "\n".join(f"{name:>20}: {value}" for name, value in lines.items())

    __repr__ = __str__


def from_fits(
    fits: VariationFits,
    scale: Float[np.ndarray, " parameters"] | None = None,
    bounds: Float[np.ndarray, "parameters 2"] | None = None,
) -> Maximum:
    """The maximum of the first set of counts.

    Args:
        fits: result of the engine.
        scale: size of each parameter, to tell flat directions; they are not looked for when absent.
        bounds: of the parameters, to name those on a bound.
    """
    success = bool(fits.converged[0])
    message = "the maximum was found" if success else "no maximum that can be trusted; the best point met is given"
    if bounds is not None:
        at_bound = np.flatnonzero((fits.theta[0] <= bounds[:, 0]) | (fits.theta[0] >= bounds[:, 1]))
        message += f"; on a bound: parameters {', '.join(map(str, at_bound))}" if at_bound.size else ""
    flat = [] if scale is None else _flat_parameters(fits.hessian[0], scale)
    if flat:
        message += f"; it is flat along parameters {', '.join(map(str, flat))}"
    steps = int(fits.iterations[0])
    return Maximum(
        fits.theta[0], float(fits.log_likelihood[0]), success, message, steps + 1, steps, hessian=fits.hessian[0]
    )


def maximise_values(
    function: Callable[[Any], Any],
    bounds: Float[np.ndarray, "parameters 2"],
    defaults: Float[np.ndarray, " parameters"],
) -> Maximum:
    """The largest value of a log likelihood that is known by its values only, from several starts.

    Args:
        function: ln L of one vector.
        bounds: of the parameters.
        defaults: first start.
    """
    if not len(defaults):
        return Maximum(np.zeros(0), float(function(np.zeros(0))), True, "nothing to maximise", 1, 0)
    scale = np.maximum(np.abs(defaults), 1.0)

    def cost(u: np.ndarray) -> float:
        value = -float(function(np.clip(u * scale, bounds[:, 0], bounds[:, 1])))
        return value if np.isfinite(value) else _FAR

    box = bounds / scale[:, None]
    starts = [np.clip(factor * defaults / scale, box[:, 0], box[:, 1]) for factor in _STARTS]
    options = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 1000}
    found = [minimize(cost, u, method="L-BFGS-B", jac="3-point", bounds=box, options=options) for u in starts]
    best = min(found, key=lambda end: end.fun)
    x = np.clip(best.x * scale, bounds[:, 0], bounds[:, 1])
    calls, steps = sum(end.nfev for end in found), sum(end.nit for end in found)
    return Maximum(x, -float(best.fun), bool(best.fun < _FAR), str(best.message), int(calls), int(steps))


def conditional_start(
    best: Maximum, held: Bool[np.ndarray, " parameters"], values: Float[np.ndarray, " parameters"]
) -> Float[np.ndarray, " parameters"]:
    """Where the other parameters go when some are held: along the parabola around the best point."""
    start = np.where(held, values, best.x)
    if best.hessian is None or held.all() or not np.isfinite(best.hessian).all():
        return start
    block = best.hessian[np.ix_(~held, ~held)]
    move = best.hessian[np.ix_(~held, held)] @ (values[held] - best.x[held])
    try:
        start[~held] -= np.linalg.solve(block, move)
    except np.linalg.LinAlgError:  # flat somewhere: the fit will find its way
        return np.where(held, values, best.x)
    return start


def effective_variations(problem: VariationProblem, counts: Float[np.ndarray, "1 bins"], theta: np.ndarray) -> float:
    """1 / sum p_s^2 of the posterior shares of the variations; NaN if only the best one counts."""
    if problem.log_weights is None:
        return float("nan")
    share = problem.surface(counts).shares(theta[None], np.zeros(1, dtype=int))[0]
    return float(1.0 / np.sum(share**2)) if share.any() else float("nan")


def best_of(problem: VariationProblem, counts: np.ndarray, *starts: np.ndarray) -> VariationFits:
    """Fits of many sets from several starts, the best of each."""
    found = [fit_variations(problem, counts, start=start) for start in starts]
    values = np.stack([np.where(fits.converged, fits.log_likelihood, -np.inf) for fits in found])
    rows, every = values.argmax(axis=0), np.arange(len(counts))
    return VariationFits(*(np.stack(arrays)[rows, every] for arrays in zip(*found, strict=True)))


def _flat_parameters(hessian: np.ndarray, scale: np.ndarray) -> list[int]:
    """Numbers of the parameters with a share in a direction without curvature."""
    if not len(scale) or not np.isfinite(hessian).all():
        return []
    values, vectors = np.linalg.eigh(-hessian * np.multiply.outer(scale, scale))
    flat = np.abs(values) <= _FLAT * max(float(np.abs(values).max()), 1e-300)
    return np.flatnonzero((np.abs(vectors[:, flat]) > 1e-3).any(axis=1)).tolist()
