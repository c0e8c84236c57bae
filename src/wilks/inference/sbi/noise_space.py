"""Parameters pulled back through a flow to the noise that becomes them, where every exact posterior is one normal law.

In these coordinates the truths of an exact posterior are N(0, I) for all data, and so are its draws.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption

from .drawing import Observed, blocked
from .flows import Flow
from .posterior import NeuralPosterior, encoded_sets


def noise_of(
    posterior: Any, theta: Float[np.ndarray, "sets draws parameters"], data: Any
) -> Float[np.ndarray, "sets draws targets"]:
    """Noise that the flow of a posterior turns into parameters, given the data of each set.

    Args:
        posterior: a neural posterior for any data whose path is a `SplineFlow`.
        theta: parameters in physical units inside the support, in the order of the posterior's space.
        data: arrays with a leading axis of sets.

    Raises:
        InvalidOption: for any other posterior.
    """
    flow = flow_of(posterior)
    observed = encoded_sets(posterior, data)
    sets, draws = theta.shape[:2]
    columns = list(posterior.space.indices(posterior.targets))
    each = Observed(*(np.repeat(rows, draws, axis=0) for rows in observed))
    rows = (theta.reshape(sets * draws, -1)[:, columns], *each)
    found = blocked(lambda *block: _pull_back(flow, posterior.coordinate, *block), *rows)
    return np.asarray(found, float).reshape(sets, draws, -1)


def flow_of(posterior: Any) -> Flow:
    """The flow of a neural posterior for any data.

    Raises:
        InvalidOption: for any other posterior.
    """
    density = posterior.estimator.density if isinstance(posterior, NeuralPosterior) else None
    if not isinstance(density, Flow) or not posterior.amortised:
        what = type(posterior).__name__ if density is None else type(density).__name__
        raise InvalidOption(
            f"{what} has no noise to compare: that needs a neural posterior for any data with path=SplineFlow(); "
            'compare="parameters" takes any posterior'
        )
    return density


@eqx.filter_jit
def _pull_back(flow, coordinate, theta, context, mean, log_spread):
    z = jax.vmap(coordinate.to_network)(jnp.asarray(theta))
    y = ((z - mean) * jnp.exp(-log_spread)).astype(jnp.float32)
    return jax.vmap(flow.to_noise)(y, context)[0]
