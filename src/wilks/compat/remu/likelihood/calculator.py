"""Log likelihoods of parameters: data, predictor and treatment of the variations together, and their best fits."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidData, InvalidOption, InvalidParameter
from wilks._base.notices import notice
from wilks._base.typing import Key
from wilks.compat.remu.randomness import generator
from wilks.inference.variation_fits import VariationFits, VariationProblem, fit_variations
from wilks.likelihood.ensemble_counts import FEW_VARIATIONS
from wilks.model.ensemble_algebra import beyond_limits, limits_of

from .data_models import PoissonData, checked_means
from .maxima import (
    Maximum,
    best_of,
    conditional_start,
    effective_variations,
    from_fits,
    maximise_values,
)
from .predictors import AbstractPredictor, ensemble_of, fixed_values
from .systematics import NoSystematics, consumer_of, mode_of


class LikelihoodCalculator:
    """ln L as a function of parameters; never changes, so that its best fit is found once and kept.

    Args:
        data_model: observed counts.
        predictor: expected counts.
        systematics: ``"marginal"`` (or ``"average"``) for the mean over variations, ``"profile"`` (``"maximum"``) for
            the best one, or a class or object with ``consume_axis(log_likelihood, weights)``.
    """

    def __init__(self, data_model: PoissonData, predictor: AbstractPredictor, systematics: Any = "marginal") -> None:
        self.data_model, self.predictor, self.systematics = data_model, predictor, consumer_of(systematics)

    def log_likelihood(self, parameters: Any, **kwargs: Any) -> Any:
        """ln L; -inf outside the bounds of the parameters.

        Args:
            parameters: one vector, or an array of vectors.
            kwargs: ``systematics_index`` for one variation alone.
        """
        given = np.asarray(parameters, dtype=float)
        inside = self.predictor.check_bounds(given)
        safe = given if np.all(inside) else np.where(inside[..., None], given, self.predictor.defaults)
        prediction, weights = self.predictor.prediction(safe, **kwargs)
        value = self.data_model.log_likelihood(prediction)
        if prediction.ndim > given.ndim:  # and not one variation alone
            value = self.systematics.consume_axis(value, weights)
        if safe is not given:
            value = _outside(
                np.asarray(value), inside, np.ndim(value) > inside.ndim + self.data_model.data_vector.ndim - 1
            )
        return np.asarray(value)[()]

    def __call__(self, parameters: Any, **kwargs: Any) -> Any:
        """The same as `log_likelihood`."""
        return self.log_likelihood(parameters, **kwargs)

    def fix_parameters(self, fix_values: Sequence[float | None]) -> "LikelihoodCalculator":
        """The calculator of the remaining parameters; None or NaN leaves one free."""
        return LikelihoodCalculator(self.data_model, self.predictor.fix_parameters(fix_values), self.systematics)

    def compose(self, predictor: AbstractPredictor) -> "LikelihoodCalculator":
        """The calculator of the parameters of another predictor, whose predictions are the parameters of this one."""
        return LikelihoodCalculator(self.data_model, self.predictor.compose(predictor), self.systematics)

    def generate_toy_likelihood_calculators(
        self,
        parameters: Any,
        N: int = 1,
        *,
        key: Key | int | None = None,
        **kwargs: Any,
    ) -> "list[LikelihoodCalculator]":
        """Calculators of random data: a variation drawn by its weight, then counts.

        Args:
            parameters: one vector.
            N: number of toys.
            key: random key; by default drawn from numpy's global state.
            kwargs: for the predictor.
        """
        toys = self.toy_counts(parameters, N, key=key, **kwargs)
        return [LikelihoodCalculator(PoissonData(toy), self.predictor, self.systematics) for toy in toys]

    def toy_counts(
        self, parameters: Any, toys: int, *, key: Key | int | None = None, **kwargs: Any
    ) -> Float[np.ndarray, "toys bins"]:
        """Counts of toys, one set per row.

        Args:
            parameters: one vector.
            toys: number of sets.
            key: random key; by default drawn from numpy's global state.
            kwargs: for the predictor.
        """
        if np.ndim(parameters) != 1:
            raise InvalidParameter(f"toys need one vector of parameters, not an array of shape {np.shape(parameters)}")
        if toys < 1:
            raise InvalidOption(f"{toys} toys asked for; ask for at least 1")
        prediction, weights = self.predictor.prediction(parameters, **kwargs)
        prediction, random = np.atleast_2d(checked_means(prediction)), generator(key)
        share = np.atleast_1d(weights) / np.sum(weights)
        return random.poisson(prediction[random.choice(len(share), size=toys, p=share)]).astype(float)

    @cached_property
    def problem(self) -> VariationProblem | None:
        """The question as the engine knows it; None if the user has an own treatment of the variations."""
        mode = mode_of(self.systematics)
        return None if mode is None else VariationProblem(ensemble_of(self.predictor), mode)

    @cached_property
    def counts(self) -> Float[np.ndarray, "1 bins"]:
        """The data as a single set.

        Raises:
            InvalidData: if there are several.
        """
        if self.data_model.data_vector.ndim != 1:
            raise InvalidData(f"a fit needs one set of data, not an array of shape {self.data_model.data_vector.shape}")
        return self.data_model.counts

    @cached_property
    def maximum(self) -> Maximum:
        """The best fit of all parameters."""
        if self.problem is None:
            return self._maximum_of_values()
        best = self._annotated(fit_variations(self.problem, self.counts))
        if best.success or self.problem.matrices is not None:
            return best
        other = self._maximum_of_values()  # a user's predictor whose curvature misleads Newton steps
        return max(best, other, key=lambda one: (one.success, one.log_likelihood))

    def held_maximum(self, held: Float[np.ndarray, " parameters"]) -> Maximum:
        """The best fit with some parameters held.

        Args:
            held: values of all parameters, NaN for those that move.
        """
        fixed = ~np.isnan(held)
        if not fixed.any():
            return self.maximum
        if self.problem is None:
            part = self.fix_parameters(list(held)).maximum
            full = held.copy()
            full[~fixed] = part.x
            return replace(part, x=full)
        start = conditional_start(self._nearest(fixed, held), fixed, np.where(fixed, held, 0.0))
        fits = fit_variations(self.problem, self.counts, start=start, free=~fixed, nearby=True)
        if not fits.converged[0]:
            start = np.where(fixed, held, self.problem.ensemble.space.starts)
            fits = fit_variations(self.problem, self.counts, start=start, free=~fixed)
        best = from_fits(fits)
        self._last_held[fixed.tobytes()] = best
        self._adopt(best, fixed, held)
        return best

    @cached_property
    def _last_held(self) -> dict[bytes, Maximum]:
        """The last fit for each set of held parameters: scans go in small steps."""
        return {}

    def _nearest(self, fixed: np.ndarray, held: np.ndarray) -> Maximum:
        """The known fit whose held parameters are closest to the wanted ones."""
        known = [self.maximum, self._last_held.get(fixed.tobytes(), self.maximum)]
        return min(known, key=lambda one: float(np.sum((one.x[fixed] - held[fixed]) ** 2)))

    def _adopt(self, best: Maximum, fixed: np.ndarray, held: np.ndarray) -> None:
        """A held fit that lies above the free one shows that this had stopped at a lower maximum."""
        bounds, free = self.predictor.bounds, self.maximum
        allowed = np.all(~fixed | ((held >= bounds[:, 0]) & (held <= bounds[:, 1])))
        if self.problem is None or not allowed or best.log_likelihood <= free.log_likelihood + 1e-9:
            return
        again = best_of(self.problem, self.counts, best.x)
        if again.log_likelihood[0] > free.log_likelihood:
            self.maximum = self._annotated(again)

    def _annotated(self, fits: VariationFits) -> Maximum:
        """The best fit with what a careful reader must know."""
        assert self.problem is not None
        best = from_fits(fits, self.problem.scale(self.counts), self.predictor.bounds)
        ensemble, size = self.problem.ensemble, len(self.problem.ensemble.weights)
        effective = effective_variations(self.problem, self.counts, best.x)
        if effective < min(FEW_VARIATIONS, size):
            notice(
                f"effectively fewer than {FEW_VARIATIONS:g} variations carry a likelihood (the effective_variations of "
                "the fit says how many); take more variations"
            )
        values = dict(zip(ensemble.space.names, best.x, strict=True))
        beyond = beyond_limits(ensemble, values) if limits_of(ensemble) else {}
        return replace(best, effective_variations=effective, beyond_simulation=tuple(beyond.items()))

    def _maximum_of_values(self) -> Maximum:
        if self.systematics is NoSystematics or isinstance(self.systematics, NoSystematics):
            raise InvalidOption("NoSystematics leaves one likelihood per variation; choose marginal or profile to fit")
        return maximise_values(self.log_likelihood, self.predictor.bounds, self.predictor.defaults)


def held_values(
    calculator: LikelihoodCalculator, fix_values: Sequence[float | None]
) -> Float[np.ndarray, " parameters"]:
    """Values of all parameters of a calculator, NaN for free ones."""
    return fixed_values(fix_values, len(calculator.predictor.defaults))


def _outside(value: np.ndarray, inside: np.ndarray, with_variations: bool) -> np.ndarray:
    """-inf for the vectors outside of their bounds; sets of data come first, variations (if kept) last."""
    mask = np.asarray(inside)
    mask = mask[..., None] if with_variations else mask
    return np.where(mask, value, -np.inf)
