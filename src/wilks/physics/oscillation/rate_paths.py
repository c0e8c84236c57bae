"""Survival seen by rows of integrated rates: narrow ranges of lengths and a window of energies, averaged exactly."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks.physics.constants import PHASE_PER_EV2_M_MEV

from .averaging import inverse_square_mean, sinc
from .rate_table import Row
from .splitting_table import SplittingTable
from .terms import Terms

_TABLE = (0.05, 3e4)  # splitting x length in eV^2 m: phases of an antineutrino of 4 MeV from 0.02 to 10^4
_STEP = 0.005


class RowPaths(eqx.Module):
    """Distances and spectra of several rows, each distance computed once however many rows share it.

    Lengths are uniform within the half width and weighted by 1/L^2; energies are uniform in their bin, which multiplies
    <cos 2D> by sinc(D dE/E), so that the finest oscillations average to 1/2 with any number of bins. Without damping
    the means over energy are looked up in a table of the splitting; with damping, which is taken at the centre of each
    distance, they are summed.

    Args:
        centres: distances in m.
        half_widths: half widths of the distances in m.
        shares: share of each distance in the events of each row; rows add up to 1.
        yields: share of each isotope in the events of each row without oscillation; rows add up to 1.
        energies: middles of equal bins of energy in MeV.
        spectra: share of each energy in the events of an isotope at a distance, window included; sums are 1.
        table: mean of sin^2 for each distance and isotope, distances outer.
    """

    centres: Float[np.ndarray, " distances"]
    half_widths: Float[np.ndarray, " distances"]
    shares: Float[np.ndarray, "rows distances"]
    yields: Float[np.ndarray, "rows isotopes"]
    energies: Float[np.ndarray, " energies"]
    spectra: Float[np.ndarray, "distances isotopes energies"]
    table: SplittingTable

    @classmethod
    def of(
        cls,
        rows: Sequence[Row],
        seen: Float[np.ndarray, "rows energies"],
        energies: Float[np.ndarray, " energies"],
        per_fission: Float[np.ndarray, "isotopes energies"],
    ) -> "RowPaths":
        """Distances of rows, weighted by target over distance squared.

        Args:
            rows: the rows.
            seen: window of each row.
            energies: middles of equal bins of energy in MeV.
            per_fission: flux x cross section of each isotope.
        """
        windows = [w.tobytes() for w in seen]
        keys = sorted({(x, row.half_width_m, w) for row, w in zip(rows, windows, strict=True) for x in row.lengths_m})
        shares = np.zeros((len(rows), len(keys)))
        for share, row, w in zip(shares, rows, windows, strict=True):
            for length, weight in zip(row.lengths_m, row.weights, strict=True):
                share[keys.index((length, row.half_width_m, w))] += weight / length**2
        events = np.array([row.fractions for row in rows])[:, :, None] * per_fission * seen[:, None]
        yields = events.sum(axis=2)
        spectra = np.stack([per_fission * np.frombuffer(w) for _, _, w in keys])
        spectra /= spectra.sum(axis=2, keepdims=True)
        centres, half_widths = (np.array([key[k] for key in keys]) for k in (0, 1))
        table = _tabulated(centres, half_widths, energies, spectra)
        shares, yields = (x / x.sum(axis=1, keepdims=True) for x in (shares, yields))
        return cls(centres, half_widths, shares, yields, energies, spectra, table)

    def by_isotope(self, terms: Terms) -> Float[Array, "rows isotopes"]:
        """Share of each isotope in the events of each row, with oscillation."""
        lost = self.lost_in_table(terms) if terms.damping is None else self.lost_in_sum(terms)
        return jnp.asarray(self.yields) * (1.0 - jnp.asarray(self.shares) @ lost)

    def lost_in_table(self, terms: Terms) -> Float[Array, "distances isotopes"]:
        """1 - P without damping, by the table."""
        return (terms.amplitude @ self.table(terms.splitting)).reshape(len(self.centres), -1)

    def lost_in_sum(self, terms: Terms) -> Float[Array, "distances isotopes"]:
        """1 - P, by sums over energies."""
        energy, centre = jnp.asarray(self.energies)[None, None], jnp.asarray(self.centres)[None, :, None]
        phase = PHASE_PER_EV2_M_MEV * terms.splitting[:, None, None] * centre / energy
        lost = _mean_sine2(phase, jnp.asarray(self.half_widths)[None, :, None] / centre, _bin_widths(energy))
        if terms.damping is not None:
            length, below = centre**terms.length_power, energy**terms.energy_power
            exponent = terms.damping[:, None, None] * length / below
            lost = -0.5 * jnp.expm1(-exponent) + jnp.exp(-exponent) * lost
        each = jnp.tensordot(terms.amplitude, lost, 1)
        return jnp.einsum("die,de->di", jnp.asarray(self.spectra), each)


def _mean_sine2(phase: Array, relative_half_width: Array, relative_bin_width: Array) -> Array:
    """Mean of sin^2 over a narrow range of distances and a bin of energy, given the phase in the middle of both."""
    sine2 = inverse_square_mean(phase, 1.0 - relative_half_width, 1.0 + relative_half_width)
    return 0.5 - (0.5 - sine2) * sinc(phase * relative_bin_width)


def _bin_widths(energy: Float[Array, "*shape energies"]) -> Float[Array, "*shape energies"]:
    return (energy[..., 1:2] - energy[..., :1]) / energy


def _tabulated(
    centres: Float[np.ndarray, " distances"],
    half_widths: Float[np.ndarray, " distances"],
    energies: Float[np.ndarray, " energies"],
    spectra: Float[np.ndarray, "distances isotopes energies"],
) -> SplittingTable:
    energy = jnp.asarray(energies)[None]

    @jax.jit
    def means(scaled: Float[Array, " points"]) -> Float[Array, "outputs points"]:
        """Distance after distance, so that memory stays small."""
        phase = PHASE_PER_EV2_M_MEV * scaled[:, None] / energy

        def one(distance: tuple[Array, Array]) -> Array:
            narrow, spectrum = distance
            return spectrum @ _mean_sine2(phase, narrow, _bin_widths(energy)).T

        each = jax.lax.map(one, (jnp.asarray(half_widths / centres), jnp.asarray(spectra)))
        return each.reshape(-1, len(scaled))

    scales = np.repeat(centres, spectra.shape[1])
    return SplittingTable.of(lambda scaled: np.asarray(means(jnp.asarray(scaled))), scales, _TABLE, _STEP)
