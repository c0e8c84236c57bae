"""Survival seen by rows of integrated rates: narrow ranges of lengths and bins of energy, averaged in closed form."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks.physics.constants import PHASE_PER_EV2_M_MEV

from .averaging import inverse_square_mean, sinc
from .rate_table import Row
from .terms import Terms


class RowPaths(eqx.Module):
    """Distances of several rows, each distance computed once however many rows share it.

    Lengths are uniform within the half width and weighted by 1/L^2; energies are uniform in their bin, which multiplies
    <cos 2D> by sinc(D dE/E), so that the finest oscillations average to 1/2 with any number of bins.

    Args:
        centres: distances in m.
        half_widths: half widths of the distances in m.
        shares: share of each distance in the events of each row; rows add up to 1.
        energies: middles of equal bins of energy in MeV.
    """

    centres: Float[np.ndarray, " distances"]
    half_widths: Float[np.ndarray, " distances"]
    shares: Float[np.ndarray, "rows distances"]
    energies: Float[np.ndarray, " energies"]

    @classmethod
    def of(cls, rows: Sequence[Row], energies: Float[np.ndarray, " energies"]) -> "RowPaths":
        """Distances of rows, with weights over distance squared."""
        pairs = sorted({(length, row.half_width_m) for row in rows for length in row.lengths_m})
        shares = np.zeros((len(rows), len(pairs)))
        for share, row in zip(shares, rows, strict=True):
            for length, weight in zip(row.lengths_m, row.weights, strict=True):
                share[pairs.index((length, row.half_width_m))] += weight / length**2
        shares /= shares.sum(axis=1, keepdims=True)
        centres, half_widths = np.array(pairs, dtype=float).T.copy()
        return cls(centres, half_widths, shares, energies)

    def survival(self, terms: Terms) -> Float[Array, "rows energies"]:
        """Averaged survival; damping is taken at the centre of each distance, whose range is narrow."""
        energy = jnp.asarray(self.energies)
        q = (PHASE_PER_EV2_M_MEV * terms.splitting[:, None] / energy[None])[:, None]
        centre, half = (jnp.asarray(x)[None, :, None] for x in (self.centres, self.half_widths))
        sine2 = inverse_square_mean(q, centre - half, centre + half)
        step = jnp.asarray(self.energies[1] - self.energies[0])
        lost = 0.5 - (0.5 - sine2) * sinc(q * centre * (step / energy))
        if terms.damping is not None:
            length, below = centre**terms.length_power, energy**terms.energy_power
            exponent = terms.damping[:, None, None] * length / below
            lost = -0.5 * jnp.expm1(-exponent) + jnp.exp(-exponent) * lost
        each = 1.0 - jnp.tensordot(terms.amplitude, lost, 1)
        return jnp.asarray(self.shares) @ each
