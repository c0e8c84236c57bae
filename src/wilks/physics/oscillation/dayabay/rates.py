"""Events in fine bins of deposited energy: cores, baselines, survival probabilities, integrals over energy."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int

from wilks.physics.constants import PHASE_PER_EV2_M_MEV
from wilks.physics.oscillation.readers.dayabay import DayaBayRelease
from wilks.physics.oscillation.terms import Terms

from .arrays import Arrays
from .constants import EFFICIENCY, FINE_EDGES_MEV, PROTON_CORRECTIONS, TARGET_PROTONS, neutrinos_per_energy
from .layout import Layout
from .mesh import FADING, RESOLVED

Alive = Float[Arrays, "detectors cores nodes"]
"""Survival probabilities at the nodes."""

_CM2_PER_M2 = 1e-4


class Rates(eqx.Module):
    """Folds survival probabilities at nodes of energy into events of all pairs of detector and period.

    Args:
        lengths_m: distance of every detector and core.
        energies_MeV: energies of the nodes.
        amounts: targets times emitted energy over 4 pi L^2, per pair and core.
        fuel: targets times live time over 4 pi L^2, per pair and core.
        detector: detector of each pair.
        nonequilibrium: from values at the nodes for three isotopes, one after the other, to fine bins.
        spent_fuel: the same for the cores.
        fading: whether oscillations too fast for the energy resolution fade out.
    """

    lengths_m: Float[Arrays, "detectors cores"]
    energies_MeV: Float[Arrays, " nodes"]
    amounts: Float[Arrays, "pairs cores"]
    fuel: Float[Arrays, "pairs cores"]
    detector: Int[Arrays, " pairs"]
    nonequilibrium: Float[Arrays, "isotope_nodes fine"]
    spent_fuel: Float[Arrays, "core_nodes fine"]
    fading: bool = eqx.field(static=True)

    def alive(self, terms: Terms) -> Alive:
        """Survival probability of every detector, core and node."""
        lengths, energies = jnp.asarray(self.lengths_m), jnp.asarray(self.energies_MeV)
        return survival_at(terms, lengths, energies, fading=self.fading)

    def mixed(self, alive: Alive, emission: Float[Arrays, "cores isotopes"]) -> Float[Arrays, "pairs isotopes nodes"]:
        """Survival probabilities of every isotope's neutrinos times what is emitted and the targets, per pair."""
        return (self.amounts[:, None, :] * emission.T[None]) @ alive[self.detector]

    def events(
        self,
        alive: Alive,
        correction: Float[Arrays, " _"],
        emission: Float[Arrays, "cores 4"],
        nonequilibrium: Float[Arrays, "cores 3"],
        spent_fuel: Float[Arrays, " cores"],
        main: Float[Arrays, "isotope_nodes fine"],
    ) -> Float[Arrays, "pairs fine"]:
        """Events in fine bins of deposited energy.

        Args:
            alive: survival probabilities.
            correction: factor on the spectra of all isotopes at the nodes.
            emission: fissions of each isotope per MeV of thermal energy.
            nonequilibrium: factor on the long-lived products of U235, Pu239 and Pu241.
            spent_fuel: factor on the spent fuel.
            main: from values at the nodes for four isotopes, one after the other, to fine bins.
        """
        pairs = self.amounts.shape[0]
        fresh = self.mixed(alive, emission) * correction[None, None]
        long_lived = self.mixed(alive, emission[:, np.array([0, 2, 3])] * nonequilibrium)
        spent = (self.fuel * spent_fuel[None])[:, :, None] * alive[self.detector]
        return (
            fresh.reshape(pairs, -1) @ main
            + long_lived.reshape(pairs, -1) @ self.nonequilibrium
            + spent.reshape(pairs, -1) @ self.spent_fuel
        )


def survival_at(
    terms: Terms, lengths_m: Float[Arrays, "detectors cores"], energies_MeV: Float[Arrays, " nodes"], *, fading: bool
) -> Alive:
    """Survival probability of every detector, core and node.

    Args:
        terms: of the model of survival.
        lengths_m: distance of every detector and core.
        energies_MeV: energies of the nodes.
        fading: whether oscillations too fast for the energy resolution fade out.
    """
    length, energy = lengths_m[:, :, None], energies_MeV[None, None]
    lost = terms.lost(length, energy)
    if fading:
        lost = 0.5 - faded(terms.splitting, length, energy) * (0.5 - lost)
    return 1.0 - jnp.tensordot(terms.amplitude, lost, 1)


def faded(
    splitting: Float[Arrays, " terms"],
    length_m: Float[Arrays, "detectors cores 1"],
    energy_MeV: Float[Arrays, "1 1 nodes"],
) -> Float[Arrays, "terms detectors cores nodes"]:
    """F = exp(-(x/x_0)^12) with x = kappa dm2 L dE/E^2, the phase that a fine bin of width dE spans.

    At x = x_0 the resolution of the detectors, more than 1.7 fine bins wide, has left 1e-12 of the oscillation; what is
    faster cannot be integrated on a mesh of 5 points per bin, nor need it be.
    """
    width = FINE_EDGES_MEV[1] - FINE_EDGES_MEV[0]
    phase = (PHASE_PER_EV2_M_MEV * width / RESOLVED) * length_m / energy_MeV**2
    square = (splitting**2)[:, None, None, None] * (phase**2)[None]
    return jnp.exp(-(square ** (FADING // 2)))


def rates_of(
    release: DayaBayRelease,
    layout: Layout,
    energies_MeV: Float[np.ndarray, " nodes"],
    nonequilibrium: Float[np.ndarray, "3 fine nodes"],
    spent_fuel: Float[np.ndarray, "cores fine nodes"],
    *,
    fading: bool,
) -> Rates:
    """The rates of the release.

    Args:
        release: the release.
        layout: detectors and pairs.
        energies_MeV: energies of the nodes.
        nonequilibrium: matrices from values at the nodes to fine bins, per isotope.
        spent_fuel: the same per core.
        fading: whether oscillations too fast for the energy resolution fade out.
    """
    lengths = release.baselines_m[layout.places]
    targets = TARGET_PROTONS * PROTON_CORRECTIONS[layout.places] * EFFICIENCY
    solid = _CM2_PER_M2 * (targets[:, None] / (4.0 * np.pi * lengths**2))[layout.detector]
    return Rates(
        lengths,
        energies_MeV,
        solid * release.neutrinos[layout.rows] / neutrinos_per_energy(),
        solid * release.eff_livetime_s[layout.rows, None],
        layout.detector,
        stacked(nonequilibrium),
        stacked(spent_fuel),
        fading,
    )


def stacked(matrices: Float[np.ndarray, "kinds fine nodes"]) -> Float[np.ndarray, "kind_nodes fine"]:
    """Matrices of several kinds as one, acting on values at the nodes kind after kind."""
    return np.ascontiguousarray(matrices.transpose(0, 2, 1).reshape(-1, matrices.shape[1]))
