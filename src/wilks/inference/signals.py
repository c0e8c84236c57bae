"""One-sided statistics of a signal parameter on one set of data, and data expected without signal."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from wilks._base.errors import FitFailed, InvalidOption
from wilks._base.typing import Values
from wilks.likelihood.interface import AbstractLikelihood, AbstractSimulator
from wilks.likelihood.joint import as_simulator
from wilks.parameters.space import ParameterSpace

from .goodness import conditioned
from .lanes import judges_events, stack_lanes
from .problem import Problem
from .profiles import LOWER, adopt, conditional, drift, free_fit, minimum_of

NULL = 0.0
"""Value of a signal parameter without signal."""

_RESTARTS = 3


def asimov(likelihood: AbstractLikelihood, values: Values) -> Any:
    """Data equal to their expectation at the named values, auxiliary measurements included.

    A fit of them returns the values. Lists of events have no such data: a simulated sample of a hundred times the
    expected size, each event of weight 1/100, stands in for them; it is the same whenever it is asked for.

    Args:
        likelihood: a likelihood that can also make data.
        values: the truth, one value per parameter.

    Raises:
        MissingRole: if it cannot make data.

    References:
        G. Cowan et al., Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727, section 3.2.
    """
    simulator = as_simulator(likelihood)
    return jax.tree.map(np.asarray, simulator.expected(simulator.space.unpack(simulator.space.pack(values))))


def without_signal(
    simulator: AbstractSimulator, problem: Problem, theta: Float[np.ndarray, " parameters"]
) -> tuple[Problem, dict[str, str]]:
    """The same question for Asimov data at theta, and the flag if these are only approximate."""
    values = problem.space.unpack(theta)
    maker = conditioned(simulator, values, problem.data)
    data = jax.tree.map(np.asarray, maker.expected(values))
    flags = {}
    if judges_events(problem.likelihood):
        flags["approximate_asimov"] = (
            "lists of events have no exact Asimov data; a simulated sample of 100 times the expected size stands in"
        )
    return problem._replace(data=data), flags


def signal_index(space: ParameterSpace, name: str) -> int:
    """Place of a signal parameter.

    Raises:
        InvalidOption: if it is fixed.
    """
    i = space.index(name)
    if not space.parameters[i].is_free:
        raise InvalidOption(f"parameter {name!r} is fixed and has no limit; release it first")
    return i


def insist_on_null(space: ParameterSpace, name: str) -> None:
    """Refuse a parameter that cannot be switched off.

    Raises:
        InvalidOption: if 0 lies outside its bounds.
    """
    p = space[name]
    if not p.lower <= NULL < p.upper:
        raise InvalidOption(
            f"parameter {name!r} is bounded to [{p.lower:g}, {p.upper:g}]; CLs compares with no signal, so 0 must lie "
            "inside; widen the bounds or use method='profile'"
        )


class SignalProfile:
    """The profile of one parameter on one set of data, known at every value it was asked for.

    Args:
        problem: the posed question.
        name: the parameter.
        statistic: ``"q"``, or ``"qtilde"`` whose best value is not below 0.
        start: where the free fit starts; None for the usual place.

    Raises:
        FitFailed: if the free fit finds no minimum.
    """

    def __init__(self, problem: Problem, name: str, statistic: str, start: Values | None = None) -> None:
        self.problem, self.i, self._statistic = problem, signal_index(problem.space, name), statistic
        self.best = free_fit(problem, start=start)
        self.flags = dict(self.best.flags)
        self._metric = minimum_of(problem, self.best).metric[0]

    @property
    def best_value(self) -> float:
        """The parameter's best value."""
        return float(self.best.theta[self.i])

    @property
    def sigma(self) -> float:
        """Its error from the curvature."""
        return float(np.sqrt(self._metric[self.i, self.i]))

    def theta_at(self, value: float) -> Float[np.ndarray, " parameters"]:
        """All parameters where this one is held.

        Raises:
            FitFailed: if the others find no minimum.
        """
        theta, height = self._profile(np.array([value]))
        if not np.isfinite(height[0]):
            name = self.problem.space.names[self.i]
            raise FitFailed(f"the fit with {name} = {value:g} finds no minimum; try other starts or bounds", self.best)
        return theta[0]

    def t(self, values: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """2 [nll(v) - nll_min] of each value, NaN where a fit fails; a lower minimum that is met is adopted."""
        height = np.zeros(len(values))
        for _ in range(_RESTARTS):
            _, height = self._profile(values)
            if not np.nanmin(height, initial=np.inf) < -2 * LOWER:
                break
            theta, _ = self._profile(values[[int(np.nanargmin(height))]])
            self.best = adopt(self.problem, theta[0], self.best, self.flags)
            self._metric = minimum_of(self.problem, self.best).metric[0]
        return np.maximum(height, 0.0)

    def q(self, values: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
        """The one-sided statistic of each value: 2 delta nll if the best value lies below it, else 0."""
        height = self.t(values)
        if self._statistic == "qtilde" and self.best_value < NULL:
            height = height - self.t(np.array([NULL]))
        return np.where(values <= self.best_value, 0.0, np.maximum(height, 0.0))

    def _profile(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Conditional fits: points, and 2 [nll(v) - nll_min], NaN where a fit failed."""
        theta = self.best.theta + drift(self._metric, (self.i,), (values - self.best_value)[:, None])
        theta[:, self.i] = values
        held = np.zeros(theta.shape, dtype=bool)
        held[:, self.i] = True
        ends = conditional(self.problem, stack_lanes(self.problem.data, len(values)), theta, held)
        height = 2 * np.subtract(ends.value, self.best.excess, out=np.full(len(values), np.nan), where=ends.status <= 3)
        return ends.theta, height
