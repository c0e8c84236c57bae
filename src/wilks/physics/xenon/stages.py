"""The stages of the model as arrays: from values of parameters to tables of light and charge."""

import dataclasses
import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from wilks._base.typing import Scalar, Values

from .binomial_means import binomial_means
from .charge import IMPOSSIBLE, Charge
from .expectation import accepted_electrons
from .layout import Layout
from .light import Light, log_densities, probability_between
from .model import Columns, Model
from .signals import SMALLEST_SMEAR, Signal, folded, integrated, raw_nodes

LIGHT = ("photon_detection_eff", "penning_quenching_eff", "photon_acceptance", "double_pe_fraction")
"""Model functions between photons and photoelectrons."""
QUANTA = ("work", "p_electron", "p_electron_fluctuation", "lindhard_l")
"""Model functions between energies and photons and electrons."""
OF_S1 = (
    *("photoelectron_gain_mean", "photoelectron_gain_std", "s1_acceptance"),
    *("reconstruction_bias_s1_simulate", "reconstruction_smear_s1_simulate"),
)
"""Model functions between photoelectrons and S1."""
_SLACK = 1e-9  # rounding of a probability of one
_OF_SIGNAL = {
    "s1": ("photoelectron_gain_mean", "photoelectron_gain_std"),
    "s2": ("electron_gain_mean", "electron_gain_std"),
}


@dataclasses.dataclass(frozen=True)
class Stage:
    """Model functions of one source at one point of its parameters.

    Args:
        model: the functions.
        source: what bound functions take first.
        values: parameters.
        layout: lengths of tables, cuts, and nodes of averages.
    """

    model: Model
    source: Any
    values: Values
    layout: Layout

    def events(self, name: str, columns: Columns) -> Float[Array, " events"]:
        """A function of event columns, for every event."""
        return self.model.at_events(name, self.source, self.values, columns)

    def one(self, name: str, row: Columns) -> Scalar:
        """A function of event columns, for one event."""
        return self.model.at_one(name, self.source, self.values, row)

    def table(self, name: str, size: int, row: Columns) -> Float[Array, " numbers"]:
        """A special function at 0, 1, ... size - 1, for one event."""
        return self.special(name, jnp.arange(size, dtype=float), row)

    def special(self, name: str, hidden: Float[Array, " numbers"], row: Columns) -> Float[Array, " numbers"]:
        """A special function at values of its hidden variable, for one event."""
        return self.model.at_hidden(name, self.source, self.values, hidden, row)

    def numbers(self, name: str, size: int, columns: Columns) -> Float[Array, "numbers #events"]:
        """A special function at 0, 1, ... size - 1, for all events at once or for each."""
        if not self.model.columns((name,)):
            return self.table(name, size, {})[:, None]
        events = next(iter(columns.values())).shape[0]
        hidden = jnp.broadcast_to(jnp.arange(size, dtype=float)[:, None], (size, events))
        return self.model.at_pairs(name, self.source, self.values, hidden, columns)

    def light(self, row: Columns) -> Light:
        """The light stage for one event; for all, if no function of it takes a column."""
        efficiency, double = self.one("photon_detection_eff", row), self.one("double_pe_fraction", row)
        quenching = self.table("penning_quenching_eff", self.layout.sizes.photons, row)
        acceptance = self.table("photon_acceptance", self.layout.sizes.detected, row)
        return Light(efficiency * quenching, acceptance, double)

    def gains(self, which: str, columns: Columns) -> tuple[Float[Array, " events"], Float[Array, " events"]]:
        """Mean and standard deviation of the signal of one quantum of ``s1`` or ``s2``."""
        mean, spread = _OF_SIGNAL[which]
        return self.events(mean, columns), self.events(spread, columns)

    def signal(self, which: str, observed: Float[Array, " events"], columns: Columns) -> Signal:
        """Observed signals as views of the raw ones."""
        names = [f"reconstruction_{what}_{which}_simulate" for what in ("bias", "smear")]
        if all(self.model.function(name) is None for name in names):
            return folded(observed, *[self.events(name, columns) for name in names])
        bias, smear = (functools.partial(self._of_raw, name, columns) for name in names)
        raw = raw_nodes(observed, lambda x: bias(x[None])[0], lambda x: smear(x[None])[0])
        return integrated(observed, raw, bias(raw), smear(raw))

    def charge(self, columns: Columns) -> Charge:
        """The charge stage of every event; a constant acceptance of electrons is left to `log_acceptance`."""
        gain, spread = self.gains("s2", columns)
        accepted = self._unless_constant("electron_acceptance", self.layout.sizes.electrons, columns)
        if accepted is not None:
            accepted = jnp.where(accepted > 0, jnp.log(jnp.where(accepted > 0, accepted, 1.0)), IMPOSSIBLE)
        return Charge(
            efficiency=self.events("electron_detection_eff", columns) * self._constant("electron_loss"),
            loss=self._unless_constant("electron_loss", self.layout.sizes.electrons, columns),
            log_acceptance=accepted,
            gain=gain,
            spread=spread,
            signal=self.signal("s2", columns["s2"], columns),
        )

    def log_acceptance(self, columns: Columns) -> Float[Array, " events"]:
        """ln of what multiplies the rate of an event: acceptances of its signals, and the factor of the spectrum."""
        names = ("s1_acceptance", "s2_acceptance", "energy_spectrum_rate_multiplier")
        product = math.prod(self.events(name, columns) for name in names) * self._constant("electron_acceptance")
        return jnp.where(product > 0, jnp.log(jnp.where(product > 0, product, 1.0)), -jnp.inf)

    def possible(self, columns: Columns) -> Bool[Array, " events"]:
        """Whether efficiencies are probabilities and signals positive, for every event."""
        inside = []
        for name in ("photon_detection_eff", "double_pe_fraction", "electron_detection_eff"):
            p = self.events(name, columns)
            inside.append((p >= 0) & (p <= 1 + _SLACK))
        inside += [self.events(name, columns) > 0 for names in _OF_SIGNAL.values() for name in names]
        return functools.reduce(jnp.logical_and, inside)

    def accepted_quanta(self, which: str, size: int, columns: Columns) -> Float[Array, "quanta nodes"]:
        """Probability that the signal of 0, 1, ... size - 1 detected quanta passes its acceptance, at every node."""
        names = [f"reconstruction_{what}_{which}_simulate" for what in ("bias", "smear")]
        box = self.layout.cuts[which].box
        if box is None or any(self.model.function(name) is not None for name in names):
            return self._integrated_acceptance(which, size, columns)
        gain, spread = self.gains(which, columns)
        bias, smear = (self.events(name, columns) for name in names)
        quanta = jnp.arange(size, dtype=float)[:, None]
        width = jnp.sqrt(quanta * (bias * spread)[None] ** 2 + jnp.maximum(smear, SMALLEST_SMEAR)[None] ** 2)
        low, high = (jnp.asarray(self.values[edge], dtype=float)[None] for edge in box)
        return probability_between(low, high, quanta * (bias * gain)[None], width)

    def detected_electrons(self, columns: Columns) -> Float[Array, "electrons nodes"]:
        """Probability that an event with 0, 1, ... electrons passes all that acts on its S2, at every node."""
        size = self.layout.sizes.electrons
        factors = [self._unless_constant(name, size, columns) for name in ("electron_loss", "electron_acceptance")]
        loss, acceptance = factors[0], 1.0 if factors[1] is None else factors[1]
        efficiency = self.events("electron_detection_eff", columns) * self._constant("electron_loss")
        accepted = self.accepted_quanta("s2", size, columns) * acceptance * self._constant("electron_acceptance")
        if loss is None:
            return binomial_means(efficiency, accepted)
        return accepted_electrons(jnp.broadcast_to(efficiency[None] * loss, accepted.shape), accepted)

    def _of_raw(self, name: str, columns: Columns, raw: Float[Array, "views events"]) -> Float[Array, "views events"]:
        return self.model.at_pairs(name, self.source, self.values, raw, columns)

    def _constant(self, name: str) -> Any:
        return self.model.constants.get(name, 1.0)

    def _unless_constant(self, name: str, size: int, columns: Columns) -> Float[Array, "numbers #events"] | None:
        return None if name in self.model.constants else self.numbers(name, size, columns)

    def _integrated_acceptance(self, which: str, size: int, columns: Columns) -> Float[Array, "quanta nodes"]:
        cut = self.layout.cuts[which]
        recoverable = [f"reconstruction_{what}_{which}_simulate" for what in ("bias", "smear")]
        taken = self.model.columns((*_OF_SIGNAL[which], *recoverable, f"{which}_acceptance"))
        local = {c: columns[c] for c in taken if c in columns}

        def at_node(node: tuple[Columns, Columns, Array, Array]) -> Float[Array, " quanta"]:
            row, derived, signals, weights = node
            every = {name: jnp.repeat(value[None], signals.shape[0], axis=0) for name, value in row.items()}
            every |= {**derived, which: signals}
            density = jnp.exp(log_densities(size, *self.gains(which, every), self.signal(which, signals, every)))
            return density @ (weights * self.events(f"{which}_acceptance", every))

        nodes = (local, cut.derived, cut.signals, cut.weights)
        if local or cut.derived:
            return jax.lax.map(at_node, nodes).T
        one = at_node(jax.tree.map(lambda x: x[0], nodes))
        return jnp.broadcast_to(one[:, None], (size, cut.signals.shape[0]))
