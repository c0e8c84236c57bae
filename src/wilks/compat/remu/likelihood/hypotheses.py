"""Tests of hypotheses by toys and by Wilks' theorem."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from wilks._base.errors import InvalidOption
from wilks._base.typing import Key
from wilks.compat.remu.randomness import drawn_seed
from wilks.inference.probabilities import chi2_tail, clopper_pearson, toy_p_value
from wilks.inference.variation_fits import fit_variations

from .calculator import LikelihoodCalculator, held_values
from .data_models import PoissonData
from .maximizer import BasinHoppingMaximizer

_TIE = 1e-6  # two values of ln L that differ by less are equal

Fixed = Sequence[float | None]


class ToyPValue(float):
    """A p-value from toys, (n + 1)/(N + 1): never zero.

    Args:
        exceedances: toys at most as likely as the data, ties among them.
        toys: number of toys.
    """

    def __new__(cls, exceedances: int, toys: int) -> "ToyPValue":
        """The number itself."""
        return super().__new__(cls, toy_p_value(exceedances, toys))

    def __init__(self, exceedances: int, toys: int) -> None:
        self.exceedances, self.toys = exceedances, toys

    def __reduce__(self) -> tuple[Any, ...]:
        return ToyPValue, (self.exceedances, self.toys)

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper-Pearson interval of 68.27 %."""
        return clopper_pearson(self.exceedances, self.toys)


class HypothesisTester:
    """p-values of the hypotheses that a calculator describes.

    Args:
        likelihood_calculator: data and model.
        maximizer: what fits; a user's own is called once per set of data, the default fits all toys together.
    """

    def __init__(self, likelihood_calculator: LikelihoodCalculator, maximizer: Any = None) -> None:
        self.likelihood_calculator = likelihood_calculator
        self.maximizer = BasinHoppingMaximizer() if maximizer is None else maximizer

    def likelihood_p_value(
        self,
        parameters: Any,
        N: int = 2500,
        *,
        key: Key | int | None = None,
        **kwargs: Any,
    ) -> Float[np.ndarray, "..."]:
        """Probability of data at most as likely as the observed ones, parameters given.

        Args:
            parameters: one vector, or an array of vectors.
            N: number of toys for each vector.
            key: random key; by default drawn from numpy's global state.
            kwargs: for the predictor.
        """
        calculator, given = self.likelihood_calculator, np.asarray(parameters, dtype=float)
        vectors, seed = given.reshape(-1, given.shape[-1]), drawn_seed(key)
        p_values = [self._simple(calculator, vector, N, (seed + i) % 2**64, kwargs) for i, vector in enumerate(vectors)]
        return np.array(p_values, dtype=float).reshape(given.shape[:-1])

    def max_likelihood_p_value(
        self,
        fix_parameters: Fixed | None = None,
        N: int = 250,
        *,
        key: Key | int | None = None,
    ) -> ToyPValue:
        """Probability of a largest likelihood at most that of the data, toys thrown from the best fit and refitted.

        Args:
            fix_parameters: one value per parameter, None for free ones; all free by default.
            N: number of toys.
            key: random key; by default drawn from numpy's global state.
        """
        calculator = self.likelihood_calculator
        if fix_parameters is not None:
            calculator = calculator.fix_parameters(fix_parameters)
        best = self.maximizer(calculator)
        toys = calculator.toy_counts(best.x, N, key=key)
        return _counted(self._largest(calculator, toys, best.x), float(best.log_likelihood))

    def max_likelihood_ratio_p_value(
        self,
        fix_parameters: Fixed,
        alternative_fix_parameters: Fixed | None = None,
        N: int = 250,
        *,
        key: Key | int | None = None,
        **kwargs: Any,
    ) -> ToyPValue:
        """Probability of a ratio of largest likelihoods, hypothesis over alternative, at most that of the data.

        Args:
            fix_parameters: values that the hypothesis fixes, None for free parameters.
            alternative_fix_parameters: the same of the alternative; all free by default.
            N: number of toys, thrown from the best fit of the hypothesis.
            key: random key; by default drawn from numpy's global state.
            kwargs: accepted without effect.
        """
        null, other = self._hypotheses(fix_parameters, alternative_fix_parameters)
        narrow = self.likelihood_calculator.fix_parameters(fix_parameters)
        wide = self.likelihood_calculator.fix_parameters(list(other))
        best = self.maximizer(narrow)
        full = np.where(np.isnan(null), 0.0, null)
        full[np.isnan(null)] = best.x
        observed = min(float(best.log_likelihood) - float(self.maximizer(wide).log_likelihood), 0.0)
        toys = narrow.toy_counts(best.x, N, key=key)
        lower = self._largest(narrow, toys, best.x)
        upper = self._largest(wide, toys, full[np.isnan(other)])
        ratio = lower - upper
        return _counted(np.minimum(ratio, 0.0) if np.isnan(other[~np.isnan(null)]).all() else ratio, observed)

    def wilks_max_likelihood_ratio_p_value(
        self, fix_parameters: Fixed, alternative_fix_parameters: Fixed | None = None, **kwargs: Any
    ) -> float:
        """The same by Wilks' theorem: chi-square with as many degrees of freedom as the hypothesis fixes more.

        Args:
            fix_parameters: values that the hypothesis fixes, None for free parameters.
            alternative_fix_parameters: the same of the alternative; all free by default.
            kwargs: accepted without effect.

        Raises:
            InvalidOption: if the hypothesis fixes nothing more than its alternative.
        """
        null, other = self._hypotheses(fix_parameters, alternative_fix_parameters)
        degrees = int(np.isnan(other).sum() - np.isnan(null).sum())
        if degrees < 1:
            raise InvalidOption("the hypothesis fixes no more parameters than its alternative; fix at least one more")
        ratio = self._maximum(null) - self._maximum(other)
        return np.float64(chi2_tail(-2.0 * min(ratio, 0.0), degrees))

    def _hypotheses(self, null: Fixed, other: Fixed | None) -> tuple[np.ndarray, np.ndarray]:
        calculator = self.likelihood_calculator
        free = np.full(len(calculator.predictor.defaults), np.nan)
        return held_values(calculator, null), free if other is None else held_values(calculator, other)

    def _maximum(self, held: np.ndarray) -> float:
        """Largest ln L with some parameters held; -inf if they lie outside their bounds never stops a scan."""
        calculator = self.likelihood_calculator
        if isinstance(self.maximizer, BasinHoppingMaximizer):
            return calculator.held_maximum(held).log_likelihood
        return float(self.maximizer(calculator.fix_parameters(list(held))).log_likelihood)

    def _largest(self, calculator: LikelihoodCalculator, toys: np.ndarray, start: np.ndarray) -> np.ndarray:
        """Largest ln L of each toy."""
        if isinstance(self.maximizer, BasinHoppingMaximizer) and calculator.problem is not None:
            fits = fit_variations(calculator.problem, toys, start=start)
            lost = np.flatnonzero(~fits.converged)
            fits.log_likelihood[lost] = np.maximum(fits.log_likelihood[lost], self._one_by_one(calculator, toys[lost]))
            return fits.log_likelihood
        return self._one_by_one(calculator, toys)

    def _one_by_one(self, calculator: LikelihoodCalculator, toys: np.ndarray) -> np.ndarray:
        predictor, systematics = calculator.predictor, calculator.systematics
        each = [LikelihoodCalculator(PoissonData(toy), predictor, systematics) for toy in toys]
        return np.array([float(self.maximizer(toy).log_likelihood) for toy in each])

    def _simple(
        self, calculator: LikelihoodCalculator, vector: np.ndarray, toys: int, seed: int, kwargs: dict[str, Any]
    ) -> ToyPValue:
        counts = calculator.toy_counts(vector, toys, key=seed, **kwargs)
        thrown = LikelihoodCalculator(PoissonData(counts), calculator.predictor, calculator.systematics)
        return _counted(thrown(vector, **kwargs), float(calculator(vector, **kwargs)))


def _counted(toys: Float[np.ndarray, " toys"], observed: float) -> ToyPValue:
    """p-value of the observed value; toys that tie with it count as well."""
    return ToyPValue(int((toys <= observed + _TIE).sum()), len(toys))
