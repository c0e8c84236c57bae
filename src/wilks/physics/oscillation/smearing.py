"""From true to reconstructed energies: Gaussian resolution, joined bins, and a scale of energy that moves the bins."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Values

from .averaging import gaussian_response
from .nearfar_table import Binning


class Smearing(eqx.Module):
    """`gaussian_response` of joined bins.

    A scale b multiplies the edges by 1/(1+b), and the response is computed anew, so that no bin is ever empty.

    Args:
        energies: true energies in MeV.
        edges: edges of the bins that are used, in MeV.
        joining: matrix that adds fine bins to used bins.
        fixed: the response at b = 0, joined.
        resolution: a, b in GeV^(1/2), c in GeV, as `gaussian_response` takes them.
        scale: name of the parameter b; empty for none.
    """

    energies: Float[np.ndarray, " energies"]
    edges: Float[np.ndarray, " edges"]
    joining: Float[np.ndarray, "used bins"]
    fixed: Float[np.ndarray, "used energies"]
    resolution: tuple[float, float, float] = eqx.field(static=True)
    scale: str = eqx.field(static=True)

    @classmethod
    def of(cls, binning: Binning, scale: str = "") -> "Smearing":
        """The smearing of a binning.

        Args:
            binning: bins and resolution.
            scale: name of the parameter of the energy scale; empty for none.
        """
        first, last = binning.groups[0][0], binning.groups[-1][1]
        edges = binning.edges[first : last + 2]
        joining = binning.joining[:, first : last + 1]
        fixed = joining @ np.asarray(gaussian_response(edges, binning.energies, binning.resolution))
        return cls(binning.energies, edges, joining, fixed, binning.resolution, scale)

    def matrix(self, values: Values) -> Float[Array, "used energies"]:
        """The response at the named values."""
        if not self.scale:
            return jnp.asarray(self.fixed)
        edges = jnp.asarray(self.edges) / (1.0 + values[self.scale])
        return jnp.asarray(self.joining) @ gaussian_response(edges, self.energies, self.resolution)
