"""Poisson counts under weighted systematic variations: averaged over them, or at the best one."""

import functools
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from jaxtyping import Key as Keys

from wilks._base.draws import poisson_quantile_of_one, uniforms
from wilks._base.errors import InvalidModel, check_option
from wilks._base.poisson_tables import counts_at, poisson_tables
from wilks._base.typing import Key, LogProb, Scalar, Theta, Values
from wilks.model.ensemble_algebra import beyond_limits, labels_of, limits_of
from wilks.model.ensembles import AbstractEnsemble, LinearEnsemble, as_ensemble
from wilks.model.predictor import AbstractPredictor
from wilks.parameters.space import NamedValues, ParameterSpace

from . import cells
from .binned import BinnedLayout, CountsData
from .constraints import saturated_poisson
from .expansions import AbstractExpandedLikelihood, Expanded
from .interface import AbstractFlaggedLikelihood, AbstractSimulator, Cells
from .members import MemberCounts, linearised
from .variations import effective_number, fault_in, means_at, shares_of

SYSTEMATICS = ("marginal", "profile")
FEW_VARIATIONS = 10.0
"""Effective number of variations below which a result is flagged."""

_LARGEST_SHARE = 0.5  # of the likelihood that a single variation may carry without a warning


class EnsembleCounts(
    AbstractExpandedLikelihood[CountsData], AbstractFlaggedLikelihood[CountsData], AbstractSimulator[CountsData]
):
    """Independent Poisson counts whose expectation is known as an ensemble of weighted variations.

    ``"marginal"``: L = sum over s of w_s L_s / sum w. ``"profile"``: L = max over s of L_s, weights ignored. Toys draw
    a variation by its weight, then counts.

    Args:
        predictor: expected counts per variation and bin; any predictor of a vector counts as one variation.
        systematics: ``"marginal"`` or ``"profile"``.
        strict: give probability zero where the ensemble leaves its own limits, e.g. the simulated statistics.
        integer: refuse counts that are not whole, unless they come from `simulate` or `expected`.

    >>> from wilks.model.ensemble_algebra import templates
    >>> likelihood = EnsembleCounts(templates({"s": [[1.0, 5.0], [1.5, 4.5]]}))
    >>> round(float(likelihood.effective_variations({"s": 2.0}, likelihood.prepare([2, 10]))), 2)
    1.97
    """

    space: ParameterSpace
    predictor: AbstractEnsemble
    layout: BinnedLayout
    systematics: Literal["marginal", "profile"] = eqx.field(static=True)
    strict: bool = eqx.field(static=True)
    integer: bool = eqx.field(static=True)
    exact: bool = eqx.field(static=True)

    def __init__(
        self,
        predictor: AbstractPredictor,
        *,
        systematics: Literal["marginal", "profile"] = "marginal",
        strict: bool = False,
        integer: bool = True,
    ) -> None:
        check_option("systematics", systematics, SYSTEMATICS)
        ensemble = as_ensemble(predictor)
        self.space, self.predictor, self.exact = ensemble.space, ensemble, ensemble.linear
        if fault := fault_in(means_at(ensemble, ensemble.space.starts[None])[..., 0]):
            raise InvalidModel(f"{fault}, at the starts of the parameters")
        layout = BinnedLayout.of(_AnyVariation(ensemble))
        self.layout = eqx.tree_at(lambda tree: tree.predictor, layout, _Judged(ensemble.space))
        self.systematics, self.strict, self.integer = systematics, strict, integer
        if strict and not limits_of(ensemble):
            raise InvalidModel("strict=True needs an ensemble with limits; this one has none")

    def log_prob(self, values: Values, data: CountsData) -> LogProb:
        """Full log density of the counts.

        -inf where a marginal sum or the best variation gives zero, and outside the bounds of the parameters.
        """
        theta = self.space.pack(values)
        each = cells.poisson_log_density(self.predictor.at(theta), jnp.asarray(data.counts))
        lowers, uppers = self.space.lowers, self.space.uppers
        allowed = jnp.all(theta >= lowers) if np.isfinite(lowers).any() else jnp.asarray(True)
        if np.isfinite(uppers).any():
            allowed &= jnp.all(theta <= uppers)
        for limit in limits_of(self.predictor) if self.strict else ():
            allowed &= jnp.all(limit.excess(theta) <= 0)
        return jnp.where(allowed, -self._joined(-each), -jnp.inf)

    def saturated(self, data: CountsData) -> LogProb:
        """Log density with mu = n in every bin."""
        return saturated_poisson(jnp.asarray(data.counts))

    def excess(self, theta: Theta, data: CountsData) -> Scalar:
        """-ln L above the saturated model, continued outside the physical domain as solvers need it."""
        return self._joined(cells.poisson_excess(self.predictor.at(theta), jnp.asarray(data.counts)))

    def expand(self, theta: Theta, data: CountsData, *, exact: bool = False) -> Expanded:
        """The excess with gradient and curvature at the data, exact for linear ensembles.

        With p_s the posterior weight of variation s, g_s its gradient and H_s its curvature:
        G = sum p_s g_s and H = sum p_s (H_s - g_s g_s^T) + G G^T.
        """
        mean, jacobian = linearised(self.predictor, theta)
        judged = self._judge(mean, data)
        each = jnp.sum(judged.excess, axis=1)
        slopes = jnp.einsum("sbp,sb->sp", jacobian, judged.slope[:, 0])
        weight = self._posterior(each)
        gradient = weight @ slopes
        curvature = judged.observed[:, 0, 0] * weight[:, None]
        size = jacobian.shape[2]
        flat = jacobian.reshape(-1, size)
        hessian = (flat * curvature.reshape(-1, 1)).T @ flat
        spread = (slopes * weight[:, None]).T @ slopes - jnp.outer(gradient, gradient)
        return Expanded(self._joined(each), gradient, hessian - spread)

    def effective_variations(self, values: Values, data: CountsData) -> float:
        """1 / sum p_s^2 of the variations' posterior weights: how many variations carry the likelihood."""
        return effective_number(shares_of(self.predictor, _means(self, values), np.asarray(data.counts)))

    def shares(self, values: Values, data: CountsData) -> dict[str, float]:
        """Share of the likelihood that each variation carries, by its name or number; they add up to 1."""
        share = shares_of(self.predictor, _means(self, values), np.asarray(data.counts))
        return {_called(self, i): float(part) for i, part in enumerate(share)}

    def flags_at(self, values: Values, data: CountsData) -> dict[str, str]:
        """What a careful reader must know at a fitted point: few effective variations, and limits that are passed."""
        return self.noted_at(values, data)[0]

    def noted_at(
        self, values: Values, data: CountsData, share: Float[np.ndarray, " variations"] | None = None
    ) -> tuple[dict[str, str], float]:
        """The flags at a point, and the effective number of variations there.

        Args:
            values: the point.
            data: the counts.
            share: of each variation there, if it is known, which it is only of possible predictions.
        """
        flags = {}
        if share is None:
            mean = _means(self, values)
            if fault := fault_in(mean):
                flags["impossible_prediction"] = fault
            share = shares_of(self.predictor, mean, np.asarray(data.counts))
        size, effective, largest = len(share), effective_number(share), float(share.max())
        if self.systematics == "marginal" and size > 1 and (effective < FEW_VARIATIONS or largest > _LARGEST_SHARE):
            heaviest = f"{_called(self, int(share.argmax()))} alone {100 * largest:.0f} % of it"
            flags["low_systematics_ess"] = (
                f"{effective:.3g} of {size} variations carry the likelihood, {heaviest}; "
                "more variations, or a parametric nuisance, would be safer"
            )
        if beyond := beyond_limits(self.predictor, values):
            listed = ", ".join(f"{name} by {excess:.4g}" for name, excess in beyond.items())
            flags["beyond_simulation"] = (
                f"inner numbers leave their limits, where the ensemble is not supported by its simulation: {listed}"
            )
        return flags, effective

    def prepare(self, data: Any) -> CountsData:
        """Check counts and bring them into canonical form: a vector, or any histogram with ``values()``.

        Raises:
            InvalidData: naming bin, value, expectation and remedy.
        """
        return BinnedLayout.prepare(self.layout, data, scales=0, integer=self.integer)

    def simulate(self, key: Key, values: Values) -> CountsData:
        """A variation drawn by its weight, then Poisson counts."""
        uniform = uniforms(key, self.predictor.outputs + 1)
        weights = jnp.asarray(self.predictor.weights)
        reached = jnp.searchsorted(jnp.cumsum(weights), uniform[0] * jnp.sum(weights), side="right")
        chosen = jnp.minimum(reached, len(weights) - 1)
        means = self.predictor.at(self.space.pack(values))
        return CountsData(poisson_quantile_of_one(uniform[1:], means, chosen), jnp.zeros(0), jnp.zeros(0))

    def simulate_many(self, keys: Keys[Array, " sets"], values: Values) -> CountsData:
        """One set per key, those of `simulate`; numpy, which shares the tables of all sets and compiles almost nothing.

        Raises:
            InvalidModel: naming bin and variation, where an expectation is not a finite number.
        """
        means = _means(self, values)
        if fault := fault_in(means):
            raise InvalidModel(fault)
        uniform = np.asarray(_uniforms_of(keys, self.predictor.outputs + 1))
        reached = np.cumsum(self.predictor.weights)
        chosen = np.searchsorted(reached, uniform[:, 0] * reached[-1], side="right")
        chosen = np.minimum(chosen, len(reached) - 1)
        none = np.zeros((len(uniform), 0))
        return CountsData(counts_at(poisson_tables(means), uniform[:, 1:], chosen), none, none)

    def expected(self, values: Values) -> CountsData:
        """Counts equal to their expectation over variations."""
        return CountsData(self.expected_counts(values), jnp.zeros(0), jnp.zeros(0))

    def expected_counts(self, values: Values) -> Float[Array, " bins"]:
        """Weighted mean of the variations' expected counts."""
        weights = jnp.asarray(self.predictor.weights)
        return weights @ self.predictor.at(self.space.pack(values)) / jnp.sum(weights)

    def expected_ensemble(self, values: Values) -> Float[Array, "variations bins"]:
        """Expected counts of every variation."""
        return self.predictor.at(self.space.pack(values))

    def members(self) -> MemberCounts | None:
        """Single variations as a likelihood of their own, whose best minimum is the global one in profile mode.

        Each is convex in the parameters of a linear ensemble. None in marginal mode, or if the ensemble is not stored.
        """
        if self.systematics != "profile" or not isinstance(self.predictor, LinearEnsemble):
            return None
        return MemberCounts(self.predictor)

    def _judge(self, mean: Float[Array, "variations bins"], data: CountsData) -> Cells:
        return jax.vmap(cells.poisson, in_axes=(0, None))(mean, jnp.asarray(data.counts))

    def _log_weights(self) -> Float[Array, " variations"]:
        weights = jnp.asarray(self.predictor.weights)
        return jnp.log(weights / jnp.sum(weights))

    def _joined(self, each: Float[Array, " variations"]) -> Scalar:
        if self.systematics == "profile":
            return jnp.min(each)
        return -jax.nn.logsumexp(-each + self._log_weights())

    def _posterior(self, each: Float[Array, " variations"]) -> Float[Array, " variations"]:
        if self.systematics == "profile":
            return (jnp.arange(each.shape[0]) == jnp.argmin(each)).astype(each.dtype)
        return jax.nn.softmax(-each + self._log_weights())


def _means(likelihood: EnsembleCounts, values: Values) -> Float[np.ndarray, "variations bins"]:
    """Expected counts in numpy; no method, since binding one would cost more than a small prediction."""
    if isinstance(values, NamedValues) and values.names == likelihood.space.names:
        theta = np.asarray(values.theta)
    else:
        theta = np.array([float(values[name]) for name in likelihood.space.names])
    return np.array(means_at(likelihood.predictor, theta[None])[..., 0])


def _called(likelihood: EnsembleCounts, variation: int) -> str:
    """Name of a variation, or its number."""
    names = labels_of(likelihood.predictor).variations
    return names[variation] if names else f"variation {variation}"


@functools.partial(jax.jit, static_argnums=1)
def _uniforms_of(keys: Keys[Array, " sets"], n: int) -> Float[Array, "sets n"]:
    return jax.vmap(lambda key: uniforms(key, n))(keys)


class _AnyVariation(AbstractPredictor[Float[Array, " bins"]]):
    """The largest expectation of any variation: zero only where all are, as the layout's check of empty bins asks."""

    space: ParameterSpace
    ensemble: AbstractEnsemble

    def __init__(self, ensemble: AbstractEnsemble) -> None:
        self.space, self.ensemble = ensemble.space, ensemble

    def __call__(self, values: Values) -> Float[Array, " bins"]:
        return jnp.max(jnp.abs(self.ensemble(values)), axis=0)


class _Judged(AbstractPredictor[Float[Array, " bins"]]):
    """Stands in the layout for the ensemble, which is judged elsewhere and need not be carried along twice."""

    space: ParameterSpace

    def __call__(self, values: Values) -> Float[Array, " bins"]:
        raise InvalidModel("an ensemble is judged variation by variation")
