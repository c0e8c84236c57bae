"""The choice of a minimiser.

What to use when: `Auto` always; `Bfgs` for thousands of parameters; `Newton` to fix its curvature or tolerance;
`Minuit`, `Scipy` to compare with others.
"""

import equinox as eqx

from wilks._base.errors import InvalidOption, check_option
from wilks.likelihood.interface import AbstractLikelihood

from .lanes import Settings
from .quadratic import Curvature, is_linear

TOLERANCE = 1e-10
"""EDM at which a single fit stops, in units of -ln L."""

TOY_TOLERANCE = 1e-8
"""EDM at which fits of toys stop: a likelihood ratio is then right to 2e-8, and ties stay ties."""

TABLE_TOLERANCE = 1e-6
"""EDM at which `fit_many` stops: values are then right to 1.4e-3 of their errors."""


SCIPY_METHODS = ("L-BFGS-B", "TNC", "SLSQP", "trust-constr", "Nelder-Mead", "Powell")
"""Methods of `Scipy`; the last two use values alone."""


class AbstractMinimiser(eqx.Module):
    """How a minimum is searched."""

    max_iterations: eqx.AbstractVar[int]


class Auto(AbstractMinimiser):
    """Newton with the curvature that suits the likelihood, then the rescue ladder for what does not converge."""

    max_iterations: int = 100


class Newton(AbstractMinimiser):
    """Projected trust-region Newton, then the rescue ladder.

    Args:
        curvature: ``"fisher"``, ``"observed"`` or ``"exact"``; see `wilks.inference.quadratic.Curvature`. The first two
            are corrected by what gradients show where they judge events, or templates that scale and morph.
        tolerance: EDM at which it stops, in units of -ln L.
        max_iterations: limit of steps per rung of the ladder.
    """

    curvature: Curvature = "fisher"
    tolerance: float = TOLERANCE
    max_iterations: int = 100

    def __check_init__(self) -> None:
        check_option("curvature", self.curvature, ("fisher", "observed", "exact"))
        if not self.tolerance > 0:
            raise InvalidOption(f"tolerance {self.tolerance} must be positive")


class Bfgs(AbstractMinimiser):
    """Projected BFGS by values and gradients alone, of limited memory, finished by Newton and the rescue ladder.

    Above 5000 free parameters, where a dense curvature would not fit memory, nothing is done after it: the result then
    has no covariance, its EDM is the estimate of the last steps, and a flag says so.

    Args:
        tolerance: EDM at which it stops, in units of -ln L.
        max_iterations: limit of evaluations before Newton takes over.
    """

    tolerance: float = TOLERANCE
    max_iterations: int = 2000

    def __check_init__(self) -> None:
        if not self.tolerance > 0:
            raise InvalidOption(f"tolerance {self.tolerance} must be positive")
        if self.max_iterations < 1:
            raise InvalidOption(f"max_iterations {self.max_iterations} must be at least 1")


class AbstractSerialMinimiser(AbstractMinimiser):
    """A minimiser of another library: one fit at a time with the exact gradient, polished by Newton's method."""


class Minuit(AbstractSerialMinimiser):
    """iminuit's Migrad.

    Args:
        strategy: 0 (fast), 1 or 2 (careful).
        max_iterations: limit of calls, in hundreds.
    """

    strategy: int = 1
    max_iterations: int = 100

    def __check_init__(self) -> None:
        if self.strategy not in (0, 1, 2):
            raise InvalidOption(f"strategy {self.strategy} does not exist; choose 0, 1 or 2")


class Scipy(AbstractSerialMinimiser):
    """A minimiser of ``scipy.optimize.minimize`` that knows bounds.

    Args:
        method: one of `SCIPY_METHODS`.
        max_iterations: limit of its iterations, in hundreds.
    """

    method: str = "L-BFGS-B"
    max_iterations: int = 100

    def __check_init__(self) -> None:
        check_option("method", self.method, SCIPY_METHODS)


def newton_settings(
    minimiser: AbstractMinimiser, likelihood: AbstractLikelihood, tolerance: float = TOLERANCE
) -> Settings:
    """Settings of the Newton rung: models linear in their parameters use the curvature at the data, exact for them."""
    if isinstance(minimiser, Newton):
        return Settings(minimiser.curvature, minimiser.tolerance, minimiser.max_iterations)
    curvature: Curvature = "observed" if is_linear(likelihood) else "fisher"
    if isinstance(minimiser, Bfgs):
        return Settings(curvature, minimiser.tolerance, descents=minimiser.max_iterations)
    return Settings(curvature, tolerance, minimiser.max_iterations)
