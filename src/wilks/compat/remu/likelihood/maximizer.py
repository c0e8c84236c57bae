"""What finds the best fit; settings of ReMU's algorithm are accepted and not needed."""

from typing import Any

from .calculator import LikelihoodCalculator
from .maxima import Maximum


class BasinHoppingMaximizer:
    """Maximises likelihoods by bounded Newton steps with exact derivatives.

    Args:
        kwargs: settings of ``scipy.optimize.basinhopping``; accepted without effect.
    """

    def __init__(self, **kwargs: Any) -> None:
        self.kwargs = kwargs

    def maximize_log_likelihood(self, likelihood_calculator: LikelihoodCalculator, **kwargs: Any) -> Maximum:
        """The best fit of a calculator; asked again, it is not fitted again.

        Args:
            likelihood_calculator: what to maximise.
            kwargs: accepted without effect.
        """
        return likelihood_calculator.maximum

    def __call__(self, likelihood_calculator: LikelihoodCalculator, **kwargs: Any) -> Maximum:
        """The same as `maximize_log_likelihood`."""
        return self.maximize_log_likelihood(likelihood_calculator, **kwargs)
