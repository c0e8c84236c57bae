"""Where global fits of flavour models start: wide enough that sign, size and octant of every coupling are tried."""

import math
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.typing import Key
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

_DECADES = 1.0  # by which the size of a coupling is spread to each side of one


def wide_starts(key: Key, space: ParameterSpace, n: int) -> Float[np.ndarray, "n parameters"]:
    """Start points for many fits.

    Bounded and periodic parameters are uniform. Of the others, half of the points come from their prior (uniform in
    (0, 1) without one), the other half are sign x u x 10^w with u uniform in (0, 1), w in (-1, 1) and a random sign;
    what leaves a single bound is mirrored at it. Fixed parameters stay where they are.

    Args:
        key: random key.
        space: parameters, bounds and priors.
        n: number of points.
    """
    generator = np.random.default_rng([int(word) for word in np.ravel(jax.random.key_data(key))])
    wide = generator.random(n) < 0.5
    columns = [_column(generator, parameter, wide) for parameter in space.parameters]
    points = np.stack(columns, axis=1) if columns else np.zeros((n, 0))
    return np.where(space.free_mask, np.clip(points, space.lowers, space.uppers), space.starts)


def _column(generator: np.random.Generator, parameter: Parameter, wide: np.ndarray) -> Float[np.ndarray, " n"]:
    low, high, n = parameter.lower, parameter.upper, len(wide)
    near, size, power, sign = generator.random(n), generator.random(n), generator.uniform(-1, 1, n), generator.random(n)
    if math.isfinite(low) and math.isfinite(high):
        return low + (high - low) * near
    if parameter.period is not None:
        return parameter.start + (near - 0.5) * parameter.period
    far = np.where(sign < 0.5, -1.0, 1.0) * size * 10.0 ** (_DECADES * power)
    column = np.where(wide, far, near if parameter.prior is None else _from_prior(parameter, near))
    if math.isfinite(low):
        return low + np.abs(column - low)
    return high - np.abs(high - column) if math.isfinite(high) else column


def _from_prior(parameter: Parameter, uniform: np.ndarray) -> Any:
    """Quantiles of the prior between the parameter's bounds."""
    prior = parameter.prior
    assert prior is not None  # _column asks
    below, above = prior.cdf(parameter.lower), prior.cdf(parameter.upper)
    return np.asarray(jax.vmap(prior.quantile)(below + (above - below) * uniform))
