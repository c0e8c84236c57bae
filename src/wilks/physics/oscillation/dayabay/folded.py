"""Expected counts with all uncertain inputs at their central values: matrices from nodes of energy to final bins."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Theta, Values
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace

from ..survival import AbstractSurvival
from . import nuisances
from .prediction import NORMALISATION, FullPrediction, parameters_of
from .rates import Rates
from .spectrum import Correction


class FoldedPrediction(AbstractPredictor[Float[Array, " bins"]]):
    """Expected counts as a function of oscillations and free spectrum alone.

    Per spectrum a, with S the free factor, P the survival probabilities and A the targets of each core,
    mu_a = M_1 (S sum_r A_ar P_r) + M_2 (sum_r A_ar P_r) + sum_r M_r (B_ar P_r) + background.

    Args:
        space: parameters.
        survival: model of survival.
        solar: values of the parameters of the survival model that are not in the space.
        correction: free factor on the spectra, or None.
        knots: names of its parameters.
        rates: baselines and nodes.
        amounts: targets times emitted energy of each judged spectrum.
        fuel: targets times live time of each judged spectrum.
        detector: detector of each judged spectrum.
        fresh: M_1.
        steady: M_2, then M_r of every core.
        after: response, if the free factor acts on fine bins; then M are matrices to fine bins.
        backgrounds: expected background of each judged spectrum.
    """

    space: ParameterSpace
    survival: AbstractSurvival
    solar: tuple[tuple[str, float], ...] = eqx.field(static=True)
    correction: Correction | None
    knots: tuple[str, ...] = eqx.field(static=True)
    rates: Rates
    amounts: Float[Array, "spectra cores"]
    fuel: Float[Array, "spectra cores"]
    detector: tuple[int, ...] = eqx.field(static=True)
    fresh: Float[Array, "nodes places"]
    steady: Float[Array, "kinds_nodes places"]
    after: Float[Array, "fine bins"] | None
    backgrounds: Float[Array, "spectra bins"]

    def __call__(self, values: Values) -> Float[Array, " bins"]:
        """Expected counts, spectrum after spectrum."""
        return self._counts(self._oscillated(values), self._factor(values), self._scale(values)).ravel()

    def linearised(self, theta: Theta) -> tuple[Float[Array, " bins"], Float[Array, "parameters bins"]]:
        """Expected counts and their exact derivatives, one row per parameter in the order of ``space``."""
        values = self.space.unpack(theta)
        names = tuple(p.name for p in parameters_of(self.survival))
        mixed, push = jax.linearize(
            lambda at: self._oscillated({**values, **dict(zip(names, at, strict=True))}),
            jnp.stack([jnp.asarray(values[name], float) for name in names]),
        )
        factor, scale = self._factor(values), self._scale(values)
        mean = self._counts(mixed, factor, scale)
        signal = (mean - self.backgrounds) / scale
        tangents = jax.vmap(push)(jnp.eye(len(names)))
        rows = [jax.vmap(lambda tangent: self._signal(tangent, factor))(tangents) * scale]
        if self.correction is not None:
            rows.append(self._knot_rows(values, mixed, factor, self.correction) * scale)
        else:
            rows.append(signal[None])
        return mean.ravel(), jnp.concatenate(rows).reshape(len(self.space), -1)

    def _oscillated(self, values: Values) -> tuple[Float[Array, "spectra nodes"], Float[Array, "spectra kind_nodes"]]:
        """sum_r A_r P_r, and the same followed by B_r P_r of every core."""
        chosen = {**dict(self.solar), **{n: values[n] for n in self.survival.space.names if n in self.space}}
        alive = self.rates.alive(self.survival.terms(chosen))[np.array(self.detector)]
        mixed = (self.amounts[:, None] @ alive)[:, 0]
        spent = (self.fuel[:, :, None] * alive).reshape(alive.shape[0], -1)
        return mixed, jnp.concatenate([mixed, spent], axis=1)

    def _factor(self, values: Values) -> Float[Array, " places"]:
        if self.correction is None:
            return jnp.ones(self.fresh.shape[0])
        return self.correction(self._knot_values(values))

    def _knot_values(self, values: Values) -> Float[Array, " knots"]:
        return jnp.stack([jnp.asarray(values[name], float) for name in self.knots])

    def _scale(self, values: Values) -> Array:
        return jnp.asarray(values[NORMALISATION] if NORMALISATION in self.space else 1.0, float)

    def _counts(self, mixed: tuple[Array, Array], factor: Array, scale: Array) -> Float[Array, "spectra bins"]:
        return scale * self._signal(mixed, factor) + self.backgrounds

    def _signal(self, mixed: tuple[Array, Array], factor: Array) -> Float[Array, "spectra bins"]:
        fresh, steady = mixed
        if self.after is not None:
            return ((fresh @ self.fresh + steady @ self.steady) * factor[None]) @ self.after
        return (fresh * factor[None]) @ self.fresh + steady @ self.steady

    def _knot_rows(
        self, values: Values, mixed: tuple[Array, Array], factor: Array, correction: Correction
    ) -> Float[Array, "knots spectra bins"]:
        fresh, steady = mixed
        slopes = correction.slopes(self._knot_values(values)) * factor[None]
        if self.after is not None:
            fine = fresh @ self.fresh + steady @ self.steady
            return (slopes[:, None] * fine[None]) @ self.after
        return (slopes[:, None] * fresh[None]) @ self.fresh


def folded(full: FullPrediction, space: ParameterSpace, solar: Sequence[tuple[str, float]]) -> FoldedPrediction:
    """The full prediction with all uncertain inputs at their central values.

    Args:
        full: the full prediction.
        space: parameters: those of the survival model but the solar ones, and knots or the global normalisation.
        solar: values of the solar parameters.
    """
    parts = _parts(full)
    return FoldedPrediction(space, full.survival, tuple(solar), full.correction, full.knots, full.rates, *parts)


def _parts(full: FullPrediction) -> tuple:
    rates, gather = full.rates, np.asarray(full.gather)
    response = np.asarray(eqx.filter_jit(FullPrediction.central_detector)(full))
    emission = np.asarray(nuisances.emission(np.zeros(4), np.zeros(6), np.zeros(24)))[0]
    nodes = len(rates.energies_MeV)
    main = np.tensordot(emission, np.asarray(full.main).reshape(4, nodes, -1), 1)
    extra = np.tensordot(emission[[0, 2, 3]], np.asarray(rates.nonequilibrium).reshape(3, nodes, -1), 1)
    steady = np.concatenate([extra, np.asarray(rates.spent_fuel)])
    after = full.correction is not None and full.correction.place == "after"
    if not after:
        main, steady = main @ response.T, steady @ response.T
    detector = tuple(int(rates.detector[np.flatnonzero(row)[0]]) for row in gather)
    return (
        jnp.asarray(gather @ np.asarray(rates.amounts)),
        jnp.asarray(gather @ np.asarray(rates.fuel)),
        detector,
        jnp.asarray(main),
        jnp.asarray(steady),
        jnp.asarray(response.T) if after else None,
        jnp.asarray(gather @ np.asarray(full.backgrounds)),
    )
