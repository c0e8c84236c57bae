"""Expected events of the full analysis, as a function of oscillations, free spectrum and every uncertain input.

The prediction is a product of stages, each of them a function of few parameters:

=============  ============================================================  =======================================
stage          what it is                                                    depends on
=============  ============================================================  =======================================
alive          survival probability per detector, core and energy            oscillation parameters
correction     free factor on the spectra                                    knots
emission       fissions per MeV of thermal energy, per core and isotope      energies per fission, powers, fractions
long_lived     factor on long-lived products                                 group ``neq``
spent          factor on spent fuel                                          group ``snf``
main           spectra folded with cross section and integral                groups ``hm_corr``, ``hm_uncorr``
detectors      response times efficiency                                     ``eres`` to ``detector_relative``
=============  ============================================================  =======================================
"""

from collections.abc import Mapping
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from wilks._base.typing import Scalar, Values
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace
from wilks.physics.oscillation.survival import AbstractSurvival

from . import nuisances
from .arrays import Arrays
from .flux_errors import FluxErrors
from .nuisances import SOLAR_NAMES
from .rates import Rates
from .response import Response
from .spectrum import Correction

Normalised = Mapping[str, Float[Arrays, " _"]]
"""Normalised values of groups of uncertain inputs; groups left out are at zero."""

NORMALISATION = "dayabay_global_normalization"
"""Common factor on all reactor events, free where the spectrum is not."""


class Stages(NamedTuple):
    """All stages at one point; see the head of this file."""

    alive: Float[Arrays, "detectors cores nodes"]
    correction: Float[Arrays, " places"]
    emission: Float[Arrays, "cores 4"]
    long_lived: Float[Arrays, "cores 3"]
    spent: Float[Arrays, " cores"]
    main: Float[Arrays, "isotope_nodes fine"]
    detectors: Float[Arrays, "detectors bins fine"]


class FullPrediction(AbstractPredictor[Float[Arrays, " bins"]]):
    """Expected counts with any of the uncertain inputs moved.

    Args:
        space: parameters: oscillations, knots or the global normalisation, and pulled inputs.
        survival: model of survival, in which the solar parameters are free.
        correction: free factor on the spectra; None where it is fixed to 1.
        knots: names of its parameters.
        rates: events in fine bins.
        main: spectra folded with cross section and integral, at their central values.
        flux_errors: how errors of the spectra change that.
        response: of a detector.
        backgrounds: expected background of every pair in final bins.
        background_columns: its change with every member of its group.
        gather: which pairs each judged spectrum sums.
        sizes: number of members of every group.
        pulled: groups whose members are parameters.
    """

    space: ParameterSpace
    survival: AbstractSurvival
    correction: Correction | None
    knots: tuple[str, ...] = eqx.field(static=True)
    rates: Rates
    main: Float[Arrays, "isotope_nodes fine"]
    flux_errors: FluxErrors
    response: Response
    backgrounds: Float[Arrays, "pairs bins"]
    background_columns: Float[Arrays, "members pairs bins"]
    gather: Float[Arrays, "spectra pairs"]
    sizes: tuple[tuple[str, int], ...] = eqx.field(static=True)
    pulled: tuple[str, ...] = eqx.field(static=True)

    def __call__(self, values: Values) -> Float[Arrays, " bins"]:
        """Expected counts, spectrum after spectrum."""
        return self.at(values, self.normalised(values))

    def at(self, values: Values, normalised: Normalised) -> Float[Arrays, " bins"]:
        """Expected counts with uncertain inputs at normalised values.

        Args:
            values: oscillation parameters, and knots or the global normalisation; pulled inputs in it are not read.
            normalised: members of groups.
        """
        return self.combine(values, self.stages(values, normalised), normalised)

    def normalised(self, values: Values) -> dict[str, Float[Arrays, " _"]]:
        """Normalised values of the pulled groups."""
        theta, sizes = self.space.pack(values), dict(self.sizes)
        end, found = len(self.space), {}
        for group in reversed(self.pulled):  # pulled inputs stand last in the space, group after group
            centre, width = nuisances.pull_scales(group, sizes[group])
            found[group] = (theta[end - sizes[group] : end] - centre) / width
            end -= sizes[group]
        return found

    def stages(self, values: Values, normalised: Normalised) -> Stages:
        """All stages at a point."""
        n = self.completed(normalised)
        return Stages(
            self.alive_at(values, n["survival_probability"]),
            self.correction_at(values),
            nuisances.emission(n["energy_per_fission"], n["thermal_power"], n["fission_fractions"]),
            nuisances.nonequilibrium(n["neq"]),
            nuisances.spent_fuel(n["snf"]),
            self.main_at(normalised),
            self._detectors(n, alike=not {"eres", "lsnl", "iav", "detector_relative"} & set(normalised)),
        )

    def completed(self, normalised: Normalised) -> dict[str, Float[Arrays, " _"]]:
        """Members of all groups, zero where they are not given."""
        return {group: normalised.get(group, jnp.zeros(size)) for group, size in self.sizes}

    def alive_at(self, values: Values, solar: Float[Arrays, "2"]) -> Float[Arrays, "detectors cores nodes"]:
        """Survival probabilities; the solar parameters come from their group."""
        known = nuisances.solar(solar)
        chosen = {name: known[name] if name in known else values[name] for name in self.survival.space.names}
        return self.rates.alive(self.survival.terms(chosen))

    def correction_at(self, values: Values) -> Float[Arrays, " places"]:
        """Free factor on the spectra at the nodes, or in fine bins."""
        if self.correction is None:
            return jnp.ones(1)
        return self.correction(self.knot_values(values))

    def knot_values(self, values: Values) -> Float[Arrays, " knots"]:
        """The knots as a vector."""
        first = self.space.index(self.knots[0])
        return self.space.pack(values)[first : first + len(self.knots)]

    def main_at(self, normalised: Normalised) -> Float[Arrays, "isotope_nodes fine"]:
        """Folded spectra with the errors that are given."""
        if "hm_uncorr" in normalised:
            return self.flux_errors.fold(normalised.get("hm_corr", jnp.zeros(1)), normalised["hm_uncorr"])
        if "hm_corr" in normalised:
            return self.main + normalised["hm_corr"][0] * self.flux_errors.common
        return jnp.asarray(self.main)

    def detector(
        self, resolution: Float[Arrays, "3"], curves: Float[Arrays, "4"], own: Float[Arrays, "3"]
    ) -> Float[Arrays, "bins fine"]:
        """Response times relative efficiency of one detector.

        Args:
            resolution: members of the group ``eres``.
            curves: members of ``lsnl``.
            own: the detector's member of ``iav``, and its two of ``detector_relative``.
        """
        efficiency, scale = nuisances.relative(own[1:])
        vessel = nuisances.vessel_scale(own[0])
        return efficiency * self.response(nuisances.resolution(resolution), curves, vessel, scale)

    def central_detector(self) -> Float[Arrays, "bins fine"]:
        """Response of every detector with uncertain inputs at their central values."""
        return self.detector(jnp.zeros(3), jnp.zeros(4), jnp.zeros(3))

    def own(self, normalised: Normalised) -> Float[Arrays, "detectors 3"]:
        """What each detector has for itself: its member of ``iav`` and its two of ``detector_relative``."""
        return jnp.concatenate([normalised["iav"][:, None], normalised["detector_relative"].reshape(-1, 2)], axis=1)

    def combine(self, values: Values, stages: Stages, normalised: Normalised) -> Float[Arrays, " bins"]:
        """Expected counts from all stages; linear in each of them."""
        signal = self.scale(values, normalised) * self.seen(stages.detectors, self.fine(stages))
        background = jnp.asarray(self.backgrounds)
        if "background_rate" in normalised:
            background = background + jnp.tensordot(
                normalised["background_rate"], jnp.asarray(self.background_columns), 1
            )
        return self.gathered(signal + background)

    def scale(self, values: Values, normalised: Normalised) -> Scalar:
        """Common factor on all reactor events."""
        free = jnp.asarray(values[NORMALISATION] if NORMALISATION in self.space else 1.0, float)
        if "absolute_efficiency" not in normalised:
            return free
        return free * nuisances.absolute_efficiency(normalised["absolute_efficiency"])

    def fine(self, stages: Stages) -> Float[Arrays, "pairs fine"]:
        """Events in fine bins of deposited energy."""
        after = self.correction is not None and self.correction.place == "after"
        inner = np.ones(1) if after else stages.correction
        events = self.rates.events(stages.alive, inner, stages.emission, stages.long_lived, stages.spent, stages.main)
        return events * stages.correction[None] if after else events

    def seen(
        self, detectors: Float[Arrays, "detectors bins fine"], fine: Float[Arrays, "pairs fine"]
    ) -> Float[Arrays, "pairs bins"]:
        """Events in final bins."""
        return (detectors[self.rates.detector] @ fine[:, :, None])[:, :, 0]

    def gathered(self, pairs: Float[Arrays, "pairs bins"]) -> Float[Arrays, " counts"]:
        """Spectra of pairs, summed where periods are, one after the other."""
        return (self.gather @ pairs).ravel()

    def _detectors(self, n: Normalised, *, alike: bool) -> Float[Arrays, "detectors bins fine"]:
        own = self.own(n)
        if alike:
            one = self.central_detector()
            return jnp.broadcast_to(one[None], (own.shape[0], *one.shape))
        return jax.vmap(self.detector, in_axes=(None, None, 0))(n["eres"], n["lsnl"], own)


def parameters_of(survival: AbstractSurvival) -> tuple:
    """Parameters of a model of survival but the solar ones."""
    return tuple(p for p in survival.space.parameters if p.name not in SOLAR_NAMES)
