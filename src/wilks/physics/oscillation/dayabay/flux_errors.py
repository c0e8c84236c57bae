"""Errors of the emitted spectra: a common one, and one per isotope and energy of the table."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from wilks.physics.oscillation.readers.dayabay import DayaBayRelease

from .arrays import Arrays
from .mesh import Mesh, Nodes
from .rates import stacked
from .spectrum import interpolation

_WINDOW = 10  # table energies that a fine bin can touch, and one more that none does


class FluxErrors(eqx.Module):
    """Folds spectra that were changed at the energies of their table.

    The spectrum of isotope i is multiplied by the linear interpolation of (1 + eta_ik sigma_ik)(1 + zeta Sigma_ik).

    Args:
        weight: of the mesh points, for each isotope.
        reach: nodes from which each point is interpolated.
        coefficients: of those nodes.
        lower: table energy below each point.
        share: weight of the table energy above it.
        hats: weights of a point of a fine bin on the table energies from the first that the bin touches.
        place: which of those each table energy is, per fine bin; the last, which has no weight, if it is not touched.
        common: change of the folded spectra with zeta, where eta is zero.
        correlated: Sigma.
        uncorrelated: sigma.
    """

    weight: Float[Arrays, "4 fine points"]
    reach: Int[Arrays, "fine points order"]
    coefficients: Float[Arrays, "fine points order"]
    lower: Int[Arrays, "fine points"]
    share: Float[Arrays, "fine points"]
    hats: Float[Arrays, "fine points window"]
    place: Int[Arrays, "fine energies"]
    common: Float[Arrays, "isotope_nodes fine"]
    correlated: Float[Arrays, "4 energies"]
    uncorrelated: Float[Arrays, "4 energies"]

    def fold(self, zeta: Float[Arrays, "1"], eta: Float[Arrays, " members"]) -> Float[Arrays, "isotope_nodes fine"]:
        """Folded spectra of the isotopes, one after the other, with their errors."""
        independent = 1.0 + eta.reshape(self.uncorrelated.shape) * jnp.asarray(self.uncorrelated)
        factors = independent * (1.0 + zeta[0] * jnp.asarray(self.correlated))
        share = jnp.asarray(self.share)[None]
        lower = jnp.asarray(self.lower)
        between = factors[:, lower] * (1.0 - share) + factors[:, lower + 1] * share
        parts = (jnp.asarray(self.weight) * between)[..., None] * jnp.asarray(self.coefficients)[None]
        fine = self.reach.shape[0]
        rows = jnp.arange(fine)[:, None, None]
        nodes = self.common.shape[0] // len(self.weight)
        folded = jnp.zeros((4, fine, nodes)).at[:, rows, jnp.asarray(self.reach)].add(parts)
        return jnp.swapaxes(folded, 1, 2).reshape(-1, fine)

    def columns(self, values: Float[Arrays, "pairs 4 nodes"]) -> Float[Arrays, "pairs 4 fine energies"]:
        """Content of fine bins per unit factor at each energy of the table, for values at the nodes."""
        at_points = (values[:, :, self.reach] * self.coefficients[None, None]).sum(axis=-1) * self.weight[None]
        banded = (at_points[:, :, :, None, :] @ self.hats[None, None])[:, :, :, 0]
        rows = np.arange(self.place.shape[0])[:, None]
        return banded[:, :, rows, self.place]


def flux_errors_of(
    release: DayaBayRelease, mesh: Mesh, nodes: Nodes, weight: Float[np.ndarray, "4 fine points"]
) -> FluxErrors:
    """The flux errors of the release on a mesh, for weights that hold the spectra already."""
    counted = mesh.weight > 0
    lower, share = interpolation(mesh.energy_MeV, release.flux_MeV)
    last = len(release.flux_MeV) - 2
    window = np.minimum(np.where(counted, lower, last).min(axis=1), last)
    lower, share = np.where(counted, lower, window[:, None]), np.where(counted, share, 0.0)
    assert int((lower - window[:, None]).max()) < _WINDOW - 2
    offset = (lower - window[:, None])[..., None] - np.arange(_WINDOW)
    hats = np.where(offset == 0, (1.0 - share)[..., None], 0.0) + np.where(offset == -1, share[..., None], 0.0)
    place = np.arange(len(release.flux_MeV)) - window[:, None]
    place = np.where((place >= 0) & (place < _WINDOW - 1), place, _WINDOW - 1)
    reach = nodes.first[..., None] + np.arange(nodes.coefficients.shape[-1])
    return FluxErrors(
        weight,
        np.minimum(reach, len(nodes.energy_MeV) - 1),
        nodes.coefficients,
        lower,
        share,
        hats,
        place,
        stacked(nodes.fold(weight * interpolation(mesh.energy_MeV, release.flux_MeV).of(release.flux_correlated))),
        release.flux_correlated,
        release.flux_uncorrelated,
    )
