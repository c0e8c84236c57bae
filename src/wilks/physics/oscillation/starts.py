"""Where fits in the sterile plane begin: at the best node of a scan, because likelihoods have many minima in dm2_41."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks._base.typing import Theta
from wilks.likelihood.interface import AbstractLikelihood
from wilks.likelihood.joint import prepare
from wilks.likelihood.signal_grids import SignalGrid
from wilks.parameters.space import ParameterSpace

from .experiment import Study
from .spaces import PLANE

_AMPLITUDES = np.array([0.02, 0.05, 0.1, 0.18, 0.3, 0.45, 0.7])
_LOWEST, _HIGHEST, _STEPS = 0.1, 20.0, 160  # eV^2; 3.4 % apart, half a radian at 2 eV^2 and 6 m/MeV


def best_start(study: Study, grid: SignalGrid | None = None) -> dict[str, float]:
    """Values of the sterile plane from which to start a fit: the node with the highest likelihood, nuisances at starts.

    A fit from anywhere else may end in another minimum in dm2_41, or at no mixing, where dm2_41 means nothing and the
    fit says that the data do not fix it.

    Args:
        study: one experiment or several joined, with both parameters of `PLANE` free.
        grid: nodes to try; sin^2 2theta_ee from 0.02 to 0.7 and dm2_41 from 0.1 to 20 eV^2 by default, as far as the
            bounds allow.

    Raises:
        InvalidModel: for a study without the plane, or a likelihood that is zero at all nodes.

    Example:
        ``fit(world.likelihood, world.data, start=best_start(world))``
    """
    space = study.likelihood.space
    if any(name not in space.free for name in PLANE):
        raise InvalidModel(f"study {study.name!r} has no free {' and '.join(PLANE)}; its parameters: {space.names}")
    nodes = grid or _nodes(space)
    found = _scan(
        study.likelihood,
        prepare(study.likelihood, study.data),
        jnp.asarray(nodes.amplitudes),
        jnp.asarray(nodes.shapes),
    )
    heights = np.asarray(found)
    if not np.isfinite(heights).any():
        raise InvalidModel(
            f"study {study.name!r}: the likelihood is zero at all {heights.size} nodes; give another grid"
        )
    k, j = np.unravel_index(int(np.nanargmax(heights)), heights.shape)
    return {PLANE[0]: float(nodes.amplitudes[j]), PLANE[1]: float(nodes.shapes[k])}


def _nodes(space: ParameterSpace) -> SignalGrid:
    sine, splitting = (space[name] for name in PLANE)
    inside = _AMPLITUDES[(sine.lower <= _AMPLITUDES) & (sine.upper >= _AMPLITUDES)]
    amplitudes = inside if len(inside) > 1 else np.linspace(sine.lower, sine.upper, 9)[1:]
    lowest = max(splitting.lower, _LOWEST)
    highest = min(splitting.upper, max(_HIGHEST, 10.0 * lowest))
    return SignalGrid(PLANE, amplitudes, np.geomspace(lowest, highest, _STEPS))


@eqx.filter_jit
def _scan(
    likelihood: AbstractLikelihood, data: object, amplitudes: Float[Array, " s"], shapes: Float[Array, " m"]
) -> Float[Array, "m s"]:
    """Log likelihood at the nodes."""
    space = likelihood.space
    first, second = space.indices(PLANE)

    def at(s: Array, m: Array) -> Array:
        theta: Theta = jnp.asarray(space.starts).at[first].set(s).at[second].set(m)
        return jnp.asarray(likelihood.log_prob(space.unpack(theta), data))

    return jax.lax.map(lambda m: jax.vmap(lambda s: at(s, m))(amplitudes), shapes)
