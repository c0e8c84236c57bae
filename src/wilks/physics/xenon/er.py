"""Electronic recoils: quanta without fluctuation, split by a beta-binomial distribution."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .draws import Draws
from .evaluation import Evaluator
from .model import Columns
from .settings import Setting, replaceable
from .signatures import COMMON_FUNCTIONS
from .simulation import binomial
from .sizes import Reach
from .source import AbstractXenonSource
from .spectra import Comb, check_size, electronic_quanta
from .splitting import beta_binomial_split, beta_parameters, by_electrons, safe_probability
from .stages import Stage

_EDGE = 1e-6


class ERSource(AbstractXenonSource):
    """Electronic recoils: by default flat up to 10 keV, 1000 events before losses.

    floor(E / W) quanta are produced; the fraction of photons is Beta distributed around 1 - p_electron with standard
    deviation p_electron_fluctuation. See `AbstractXenonSource` for the arguments.

    >>> source = ERSource(elife=300e3, fv_radius=40.0)
    >>> source.space["elife"].start, source.fv_radius
    (300000.0, 40.0)

    References:
        J. Aalbers et al., Phys. Rev. D 102 (2020) 072010 (flamedisx, whose default constants these are).
    """

    model_function_names: ClassVar[tuple[str, ...]] = (*COMMON_FUNCTIONS, "p_electron_fluctuation")
    energies = Setting(np.linspace(0.0, 10.0, 1000))
    rates_vs_energy = Setting(np.ones(1000))

    def __init__(
        self, *, preset: str = "2.1.0", accuracy: str = "fast", config: str | Path | None = None, **settings: Any
    ) -> None:
        super().__init__(preset=preset, accuracy=accuracy, config=config, **settings)

    @replaceable
    @staticmethod
    def p_electron(nq, *, er_pel_a=15.0, er_pel_b=-27.7, er_pel_c=32.5, er_pel_e0: Annotated[Any, "keV"] = 5.0):
        """Mean fraction of quanta that are electrons: a parabola of charge yield in the decade of energy."""
        u = jnp.log10(nq * 13.7e-3 / er_pel_e0 + 1e-9)
        return safe_probability(13.7e-3 * (er_pel_a * u**2 + er_pel_b * u + er_pel_c))

    @replaceable
    @staticmethod
    def p_electron_fluctuation(nq):
        """Standard deviation of that fraction between events."""
        return 0.041 * (1.0 - jnp.exp(-nq / 123.0))

    def reach(self, evaluate: Evaluator) -> Reach:
        """The largest numbers of quanta, photons and electrons that tables must hold."""
        energy = float(np.max(np.asarray(self.comb.energies)))
        quanta = np.floor(energy / evaluate("work", {"z": np.zeros(1)})[0])
        check_size(float(quanta), energy)
        return Reach(int(quanta), int(quanta), int(quanta))

    @staticmethod
    def pair_rates(comb: Comb, stage: Stage, row: Columns) -> Float[Array, "photons electrons"]:
        """Rate before losses by photons and electrons: lines of fixed numbers of quanta, split beta-binomially."""
        sizes = stage.layout.sizes
        mean = jnp.clip(stage.table("p_electron", sizes.quanta, row), _EDGE, 1 - _EDGE)
        width = stage.table("p_electron_fluctuation", sizes.quanta, row)
        split = beta_binomial_split(*beta_parameters(1 - mean, width), sizes.photons)
        rates = electronic_quanta(comb, stage.one("work", row), sizes.quanta)
        lines = jax.lax.optimization_barrier(split * rates[None])  # not once per use
        return jax.lax.optimization_barrier(by_electrons(lines, sizes.electrons))

    def recoil(self, draws: Draws, evaluate: Evaluator, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Draw quanta, photons and electrons of trials with given energies and places."""
        quanta = np.floor(columns["energy"] / evaluate("work", columns))
        mean = evaluate("p_electron", columns, quanta)
        width = evaluate("p_electron_fluctuation", columns, quanta)
        alpha, beta = beta_parameters(1 - mean, width, np)
        actual = 1.0 - draws(lambda g, n, a, b: g.beta(a, b), alpha, beta)
        electrons = binomial(draws, quanta, actual)
        return {
            "quanta_produced": quanta,
            "p_el_mean": mean,
            "p_el_fluct": width,
            "p_el_actual": actual,
            "electrons_produced": electrons,
            "photons_produced": quanta - electrons,
        }
