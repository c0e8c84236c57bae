"""The print of a fit: values with errors, and the table of correlations."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float

from wilks._base.errors import ProcedureFailed

from .formulas import cov_to_std
from .frames import pandas

_CLOSE = 1e-9  # distance to a bound, relative to the value, that counts as none


def on_bounds(
    values: Float[np.ndarray, " parameters"],
    lowers: Float[np.ndarray, " parameters"],
    uppers: Float[np.ndarray, " parameters"],
) -> dict[int, str]:
    """Places of the values that lie on a bound, and which one."""
    room = _CLOSE * np.abs(values)
    below, above = np.flatnonzero(values <= lowers + room), np.flatnonzero(values >= uppers - room)
    return dict.fromkeys(below.tolist(), "lower") | dict.fromkeys(above.tolist(), "upper")


def released(
    covariance: Float[np.ndarray, "free free"], held: Bool[np.ndarray, " free"]
) -> Float[np.ndarray, "free free"]:
    """Covariance of the others with some parameters held: NaN in rows and columns of these."""
    if not held.any():
        return covariance
    loose = np.flatnonzero(~held)
    found = np.full(covariance.shape, np.nan)
    found[np.ix_(loose, loose)] = np.linalg.inv(np.linalg.inv(covariance)[np.ix_(loose, loose)])
    return found


def summary_text(
    names: Sequence[str],
    values: Mapping[str, float],
    fixed: Mapping[str, float],
    covariance: Float[np.ndarray, "free free"],
    bounds: Mapping[str, str],
    precision: int,
) -> str:
    """Lines ``name: value +- error`` and the correlations of the parameters that are not fixed.

    Args:
        names: parameters in order.
        values: best values.
        fixed: parameters held at a value.
        covariance: of the others; parameters on a bound have none.
        bounds: parameters on a bound, and which.
        precision: digits.

    Raises:
        ProcedureFailed: if the covariance is no covariance.
    """
    free = [name for name in names if name not in fixed]
    variance = np.diag(covariance)
    bad = [name for name, v in zip(free, variance, strict=True) if name not in bounds and not v > 0]
    if bad:
        raise ProcedureFailed(f"the Hessian gives {bad[0]!r} no positive variance; is this the best fit?")
    errors, correlations = cov_to_std(covariance)
    error_of = dict(zip(free, errors, strict=True))
    lines = [_line(name, values, fixed, error_of, bounds, precision) for name in names]
    table = pandas().DataFrame(correlations, index=free, columns=free)
    return "\n".join([*lines, "Correlation matrix:", table.to_string(float_format="{:.3f}".format)]) + "\n"


def _line(
    name: str,
    values: Mapping[str, float],
    fixed: Mapping[str, float],
    errors: Mapping[str, float],
    bounds: Mapping[str, str],
    precision: int,
) -> str:
    if name in fixed:
        return f"{name}: {fixed[name]:.{precision}g} (fixed)"
    if name in bounds:
        return f"{name}: {values[name]:.{precision}g} (at its {bounds[name]} bound)"
    return f"{name}: {values[name]:.{precision}g} +- {errors[name]:.{precision}g}"
