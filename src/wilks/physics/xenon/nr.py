"""Nuclear recoils: Poisson-distributed quanta after Lindhard quenching, split binomially."""

from pathlib import Path
from typing import Annotated, Any, ClassVar

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
from .spectra import Comb, check_size, nuclear_quanta
from .splitting import binomial_pairs, safe_probability
from .stages import Stage

_TAIL = 8.5  # standard deviations of quanta and of their parts that tables hold
_MARGIN = 1.5  # room for parameters that split quanta differently


class NRSource(AbstractXenonSource):
    """Nuclear recoils: by default flat from 0.7 to 150 keV, 100 events before losses.

    Quanta are Poisson distributed around E L(E) / W; electrons are a binomial part of them. See `AbstractXenonSource`
    for the arguments.

    References:
        J. Aalbers et al., Phys. Rev. D 102 (2020) 072010; B. Lenardo et al., arXiv:1412.4417 (charge and light yields).
    """

    model_function_names: ClassVar[tuple[str, ...]] = ("lindhard_l", *COMMON_FUNCTIONS)
    energies = Setting(np.linspace(0.7, 150.0, 100))
    rates_vs_energy = Setting(np.ones(100))

    def __init__(
        self, *, preset: str = "2.1.0", accuracy: str = "fast", config: str | Path | None = None, **settings: Any
    ) -> None:
        super().__init__(preset=preset, accuracy=accuracy, config=config, **settings)

    @replaceable
    @staticmethod
    def lindhard_l(e, lindhard_k=0.138):
        """Fraction of the energy (keV) that is not lost as heat."""
        eps = 11.5 * 54.0 ** (-7 / 3) * e
        g = 3 * eps**0.15 + 0.7 * eps**0.6 + eps
        return lindhard_k * g / (1 + lindhard_k * g)

    @replaceable
    @staticmethod
    def p_electron(
        nq,
        *,
        alpha=1.280,
        zeta=0.045,
        beta=0.02457,
        gamma=0.0141,
        delta=0.062,
        drift_field: Annotated[Any, "V/cm"] = 120.0,
    ):
        """Mean fraction of quanta that are electrons, by Thomas-Imel recombination in a field in V/cm."""
        q = nq + 1e-9
        excitons = alpha * drift_field**-zeta * (1 - jnp.exp(-beta * q))
        ions = q / (1 + excitons)
        escape = ions * gamma * drift_field**-delta
        return safe_probability(jnp.log(1 + escape) / escape * ions / q)

    def reach(self, evaluate: Evaluator) -> Reach:
        """The largest numbers of quanta, photons and electrons that tables must hold."""
        energies = np.asarray(self.comb.energies)
        mean = float(np.max(_mean_quanta(evaluate, {"energy": energies, "z": np.zeros(len(energies))})))
        quanta = float(np.ceil(mean + _TAIL * np.sqrt(mean) + 10))
        check_size(quanta, float(np.max(energies)))
        n = np.arange(1.0, quanta + 1)
        p = evaluate("p_electron", {"z": np.zeros(len(n))}, n)
        return Reach(int(quanta), _farthest(n, 1 - p), _farthest(n, p))

    @staticmethod
    def pair_rates(comb: Comb, stage: Stage, row: Columns) -> Float[Array, "photons electrons"]:
        """Rate before losses by photons and electrons: Poisson-distributed quanta, split binomially."""
        sizes = stage.layout.sizes
        means = comb.energies * stage.special("lindhard_l", comb.energies, row) / stage.one("work", row)
        rates = nuclear_quanta(comb, means, sizes.quanta)
        return binomial_pairs(stage.table("p_electron", sizes.quanta, row), rates, sizes.photons, sizes.electrons)

    def recoil(self, draws: Draws, evaluate: Evaluator, columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Draw quanta, photons and electrons of trials with given energies and places."""
        quanta = draws(lambda g, n, mean: g.poisson(mean), _mean_quanta(evaluate, columns)).astype(float)
        mean = evaluate("p_electron", columns, quanta)
        electrons = binomial(draws, quanta, mean)
        return {
            "quanta_produced": quanta,
            "p_el_mean": mean,
            "p_el_fluct": np.zeros(len(quanta)),
            "p_el_actual": mean,
            "electrons_produced": electrons,
            "photons_produced": quanta - electrons,
        }


def _mean_quanta(evaluate: Evaluator, columns: dict[str, np.ndarray]) -> np.ndarray:
    energy = columns["energy"]
    return energy * evaluate("lindhard_l", columns, energy) / evaluate("work", columns)


def _farthest(quanta: np.ndarray, share: np.ndarray) -> int:
    """The largest number that binomial parts of quanta reach, with room for other parameters."""
    part = quanta * share + _TAIL * np.sqrt(quanta * share * (1 - share))
    return int(min(_MARGIN * np.max(part) + _TAIL, quanta[-1]))
