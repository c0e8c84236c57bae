"""From true to reconstructed energies: Gaussian resolution, joined bins, and a scale of energy that moves the bins."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf
from jaxtyping import Array, Float

from wilks._base.typing import Values

from .nearfar_table import Binning


def resolution_MeV(energies: Float[np.ndarray, " energies"], abc: tuple[float, float, float]) -> np.ndarray:
    """Sigma = a E + b sqrt(E) + c with E in GeV, turned to MeV."""
    in_gev = energies * 1e-3
    return 1e3 * (abc[0] * in_gev + abc[1] * np.sqrt(in_gev) + abc[2])


class Smearing(eqx.Module):
    """Response R_ij = [erf((e_i+1 - E_j)/(sqrt2 sigma_j)) - erf((e_i - E_j)/(sqrt2 sigma_j))]/2 of joined bins.

    A scale b multiplies the edges by 1/(1+b), and the response is computed anew, so that no bin is ever empty.

    Args:
        energies: true energies in MeV.
        widths: sqrt2 sigma at each of them.
        edges: edges of the bins that are used, in MeV.
        joining: matrix that adds fine bins to used bins.
        fixed: the response at b = 0, joined.
        scale: name of the parameter b; empty for none.
    """

    energies: Float[np.ndarray, " energies"]
    widths: Float[np.ndarray, " energies"]
    edges: Float[np.ndarray, " edges"]
    joining: Float[np.ndarray, "used bins"]
    fixed: Float[np.ndarray, "used energies"]
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
        widths = np.sqrt(2.0) * resolution_MeV(binning.energies, binning.resolution)
        fixed = joining @ np.asarray(_response(edges, binning.energies, widths))
        return cls(binning.energies, widths, edges, joining, fixed, scale)

    def matrix(self, values: Values) -> Float[Array, "used energies"]:
        """The response at the named values."""
        if not self.scale:
            return jnp.asarray(self.fixed)
        edges = jnp.asarray(self.edges) / (1.0 + values[self.scale])
        return jnp.asarray(self.joining) @ _response(edges, jnp.asarray(self.energies), jnp.asarray(self.widths))


def _response(edges: Array | np.ndarray, energies: Array | np.ndarray, widths: Array | np.ndarray) -> Array:
    below = 0.5 * erf((jnp.asarray(edges)[:, None] - jnp.asarray(energies)[None]) / jnp.asarray(widths)[None])
    return below[1:] - below[:-1]
