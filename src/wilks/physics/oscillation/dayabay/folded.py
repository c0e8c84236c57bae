"""Expected counts with all uncertain inputs at their central values: matrices from nodes of energy to final bins."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from wilks._base.typing import Scalar, Theta, Values
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import ParameterSpace
from wilks.physics.oscillation.survival import AbstractSurvival

from . import nuisances
from .arrays import Arrays
from .prediction import FullPrediction, parameters_of
from .rates import Alive, survival_at
from .spectrum import Correction

Oscillated = tuple[Float[Arrays, "spectra nodes"], Float[Arrays, "spectra kind_nodes"]]
"""Survival probabilities times targets, for fresh spectra and for those that the free factor leaves alone."""

Some = Float[Array, " _"]
"""Some of the parameters."""


class FoldedPrediction(AbstractPredictor[Float[Arrays, " bins"]]):
    """Expected counts as a function of oscillations and free spectrum alone.

    Per spectrum a, with S the free factor, P the survival probabilities and A the targets of each core,
    mu_a = M_1 (S sum_r A_ar P_r) + M_2 (sum_r A_ar P_r) + sum_r M_r (B_ar P_r) + background.

    Args:
        space: parameters.
        survival: model of survival.
        solar: values of the parameters of the survival model that are not in the space.
        correction: free factor on the spectra, or None.
        knots: names of its parameters.
        lengths_m: distance of every detector and core.
        energies_MeV: energies of the nodes.
        fading: whether oscillations too fast for the energy resolution fade out.
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
    lengths_m: Float[Arrays, "detectors cores"]
    energies_MeV: Float[Arrays, " nodes"]
    fading: bool = eqx.field(static=True)
    amounts: Float[Arrays, "spectra cores"]
    fuel: Float[Arrays, "spectra cores"]
    detector: tuple[int, ...] = eqx.field(static=True)
    fresh: Float[Arrays, "nodes places"]
    steady: Float[Arrays, "kinds_nodes places"]
    after: Float[Arrays, "fine bins"] | None
    backgrounds: Float[Arrays, "spectra bins"]

    def __call__(self, values: Values) -> Float[Arrays, " bins"]:
        """Expected counts, spectrum after spectrum."""
        waves, shape = self._split(self.space.pack(values))
        return self._counts(self._oscillated(waves), shape).ravel()

    def linearised(self, theta: Theta) -> tuple[Float[Arrays, " bins"], Float[Arrays, "parameters bins"]]:
        """Expected counts and their exact derivatives, one row per parameter in the order of ``space``."""
        waves, shape = self._split(theta)
        oscillated, push = jax.linearize(self._oscillated, waves)
        tangents = jax.vmap(push)(jnp.eye(waves.shape[0]))
        moved = jax.vmap(lambda tangent: self._counts(tangent, shape) - self.backgrounds)(tangents)
        rows = jnp.concatenate([moved, self._shape_rows(oscillated, shape)])
        return self._counts(oscillated, shape).ravel(), rows.reshape(theta.shape[0], -1)

    def curvature(self, theta: Theta, weights: Float[Arrays, " bins"]) -> Float[Arrays, "parameters parameters"]:
        """Second derivatives of a weighted sum of expected counts.

        Args:
            theta: parameters.
            weights: of the bins.
        """
        waves, shape = self._split(theta)
        weight = weights.reshape(self.backgrounds.shape)
        alive, push = jax.linearize(self._alive, waves)
        tangents = jax.vmap(push)(jnp.eye(waves.shape[0]))
        moved = jax.vmap(lambda tangent: self._weighted(self._mixed(tangent), weight))(tangents)
        between = jax.vmap(lambda tangent: self._shape_slopes(shape, tangent))(moved)
        places, _ = self._weighted(self._mixed(alive), weight)
        bent = jnp.zeros((1, 1)) if self.correction is None else self.correction.curvature(shape, places)
        share = jax.grad(lambda at: self._shaped(shape, self._weighted(self._mixed(at), weight)))(alive)
        own = jax.jacfwd(jax.jacfwd(lambda at: jnp.vdot(share, self._alive(at))))(waves)
        return jnp.block([[own, between], [between.T, bent]])

    def _split(self, theta: Theta) -> tuple[Some, Some]:
        """Parameters of the survival probability, and knots or the global normalisation."""
        many = len(parameters_of(self.survival))
        return theta[:many], theta[many:]

    def _oscillated(self, waves: Some) -> Oscillated:
        """sum_r A_r P_r, and the same followed by B_r P_r of every core."""
        return self._mixed(self._alive(waves))

    def _alive(self, waves: Some) -> Alive:
        """Survival probability of every detector, core and node."""
        names = (p.name for p in parameters_of(self.survival))
        terms = self.survival.terms({**dict(self.solar), **dict(zip(names, waves, strict=True))})
        return survival_at(terms, self.lengths_m, self.energies_MeV, fading=self.fading)

    def _mixed(self, apart: Alive) -> Oscillated:
        """What `_oscillated` gives, of survival probabilities; linear in them."""
        where = np.eye(len(apart))[np.array(self.detector)]  # a product, whose derivative is one, too
        alive = (where @ apart.reshape(len(apart), -1)).reshape(-1, *apart.shape[1:])
        mixed = (self.amounts[:, None] @ alive)[:, 0]
        spent = (self.fuel[:, :, None] * alive).reshape(alive.shape[0], -1)
        return mixed, jnp.concatenate([mixed, spent], axis=1)

    def _counts(self, oscillated: Oscillated, shape: Some) -> Float[Arrays, "spectra bins"]:
        fresh, steady = oscillated
        if self.correction is None:
            return shape[0] * (fresh @ self.fresh + steady @ self.steady) + self.backgrounds
        factor = self.correction(shape)[None]
        if self.after is not None:
            return ((fresh @ self.fresh + steady @ self.steady) * factor) @ self.after + self.backgrounds
        return (fresh * factor) @ self.fresh + steady @ self.steady + self.backgrounds

    def _shape_rows(self, oscillated: Oscillated, shape: Some) -> Float[Arrays, "shape spectra bins"]:
        fresh, steady = oscillated
        if self.correction is None:
            return (fresh @ self.fresh + steady @ self.steady)[None]
        slopes = (self.correction.slopes(shape) * self.correction(shape)[None])[:, None]
        if self.after is not None:
            return (slopes * (fresh @ self.fresh + steady @ self.steady)[None]) @ self.after
        return (slopes * fresh[None]) @ self.fresh

    def _weighted(self, oscillated: Oscillated, weight: Float[Arrays, "spectra bins"]) -> tuple[Array, Array]:
        """Weighted sum of reactor events at every place of the free factor, and what it does not touch."""
        fresh, steady = oscillated
        if self.after is not None:
            seen = weight @ self.after.T
            return jnp.sum((fresh @ self.fresh + steady @ self.steady) * seen, axis=0), jnp.zeros(())
        return jnp.sum(fresh * (weight @ self.fresh.T), axis=0), jnp.sum(steady * (weight @ self.steady.T))

    def _shaped(self, shape: Some, weighted: tuple[Array, Array]) -> Scalar:
        """The weighted sum of reactor events from `_weighted`."""
        places, rest = weighted
        if self.correction is None:
            return shape[0] * (jnp.sum(places) + rest)
        return jnp.dot(places, self.correction(shape)) + rest

    def _shape_slopes(self, shape: Some, weighted: tuple[Array, Array]) -> Some:
        """Its derivatives in knots or normalisation."""
        places, rest = weighted
        if self.correction is None:
            return (jnp.sum(places) + rest)[None]
        return jnp.asarray(self.correction.slopes(shape) @ (self.correction(shape) * places))


def folded(
    full: FullPrediction, response: Float[np.ndarray, "bins fine"], solar: Sequence[tuple[str, float]]
) -> FoldedPrediction:
    """The full prediction without pulls, all uncertain inputs at their central values.

    Args:
        full: the full prediction.
        response: response of every detector.
        solar: values of the solar parameters.
    """
    rates, gather = full.rates, np.asarray(full.gather)
    emission = np.asarray(nuisances.emission(np.zeros(4), np.zeros(6), np.zeros(24)))[0]
    nodes = len(rates.energies_MeV)
    main = np.tensordot(emission, np.asarray(full.main).reshape(4, nodes, -1), 1)
    extra = np.tensordot(emission[[0, 2, 3]], np.asarray(rates.nonequilibrium).reshape(3, nodes, -1), 1)
    steady = np.concatenate([extra, np.asarray(rates.spent_fuel)])
    after = full.correction is not None and full.correction.place == "after"
    if not after:
        main, steady = main @ response.T, steady @ response.T
    return FoldedPrediction(
        full.space,
        full.survival,
        tuple((name, value) for name, value in solar if name in full.survival.space),
        jax.tree.map(jnp.asarray, full.correction),
        full.knots,
        jnp.asarray(rates.lengths_m),
        jnp.asarray(rates.energies_MeV),
        rates.fading,
        jnp.asarray(gather @ np.asarray(rates.amounts)),
        jnp.asarray(gather @ np.asarray(rates.fuel)),
        tuple(int(rates.detector[np.flatnonzero(row)[0]]) for row in gather),
        jnp.asarray(main),
        jnp.asarray(steady),
        jnp.asarray(response.T) if after else None,
        jnp.asarray(gather @ np.asarray(full.backgrounds)),
    )
