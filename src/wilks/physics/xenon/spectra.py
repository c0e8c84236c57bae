"""Energies of recoils, and the number of quanta that they produce."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel
from wilks._base.numerics import log_factorial
from wilks._base.typing import Scalar

MOST_QUANTA = 20_000


class Comb(eqx.Module):
    """Lines at fixed energies.

    Args:
        energies: keV, not negative.
        rates: expected events of each before losses.

    Raises:
        InvalidModel: if lengths differ, or an energy or a rate is negative or not finite.
    """

    energies: Float[Array, " lines"]
    rates: Float[Array, " lines"]

    def __init__(self, energies: Any, rates: Any) -> None:
        energies, rates = np.asarray(energies, dtype=float), np.asarray(rates, dtype=float)
        if energies.ndim != 1 or energies.shape != rates.shape or not len(energies):
            raise InvalidModel(
                f"energies have shape {energies.shape} and rates_vs_energy {rates.shape}; expected one rate per energy"
            )
        for name, array in (("energies", energies), ("rates_vs_energy", rates)):
            bad = np.flatnonzero(~(np.isfinite(array) & (array >= 0)))
            if len(bad):
                raise InvalidModel(f"{name}: entry {bad[0]} is {array[bad[0]]}; expected numbers of at least 0")
        self.energies, self.rates = jnp.asarray(energies), jnp.asarray(rates)

    @property
    def total(self) -> float:
        """Expected events before losses."""
        return float(np.sum(np.asarray(self.rates)))


def electronic_quanta(comb: Comb, work: Scalar, size: int) -> Float[Array, " quanta"]:
    """Expected events with n = 0, 1, ... quanta, of which each energy gives floor(E / W); none is kept at n = 0."""
    quanta = jnp.floor(comb.energies / work).astype(int)
    return jnp.zeros(size).at[quanta].add(comb.rates, mode="drop").at[0].set(0.0)


def nuclear_quanta(comb: Comb, means: Float[Array, " lines"], size: int) -> Float[Array, " quanta"]:
    """Expected events with n = 0, 1, ... quanta, Poisson distributed at each energy; none is kept at n = 0."""
    n = jnp.arange(size, dtype=float)[:, None]
    mean = jnp.maximum(means, 1e-300)[None]
    poisson = jnp.exp(n * jnp.log(mean) - mean - log_factorial(n))
    return (poisson @ comb.rates).at[0].set(0.0)


def check_size(quanta: float, energy: float) -> None:
    """Refuse spectra that would need tables of more than 20000 quanta.

    Raises:
        InvalidModel: stating the size.
    """
    if not quanta <= MOST_QUANTA:
        raise InvalidModel(
            f"the spectrum reaches {energy:g} keV, which makes {quanta:.0f} quanta; tables hold at most {MOST_QUANTA}: "
            "cut the energies to those that the S1 and S2 cuts can accept"
        )
