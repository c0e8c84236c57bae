"""Parameter spaces as FlavorPy has them: a dictionary of dimensions, each with its own sampler."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from wilks._base.errors import InvalidParameter, UnknownName, near_names

from .expressions import Expression, in_order

Sampler = Callable[[], float]


def uniform_number() -> float:
    """A number from [0, 1) by numpy's global generator, so that ``np.random.seed`` rules it."""
    return np.random.uniform()  # noqa: NPY002  scripts seed the global generator


def one() -> float:
    """Value of the fixed scale of neutrino masses."""
    return 1.0


class ParameterDimension:
    """One direction of a parameter space.

    Args:
        name: name of the parameter.
        sample_fct: called without arguments, gives a start value; by default uniform in [0, 1).
        vary: whether fits vary it.
        min: lower bound.
        max: upper bound.
        expr: arithmetic text of other parameters that fixes its value, e.g. ``"2*v1"``.
        brute_step: step of lmfit's brute-force search; kept for lmfit.

    Raises:
        InvalidParameter: for bounds in the wrong order, or text that is no arithmetic.
    """

    def __init__(
        self,
        name: str,
        sample_fct: Sampler | None = None,
        vary: bool = True,
        min: float | int = -math.inf,
        max: float | int = math.inf,
        expr: str | None = None,
        brute_step: float | int | None = None,
    ) -> None:
        self.name = name
        self.sample_fct = uniform_number if sample_fct is None else sample_fct
        self.vary, self.min, self.max, self.expr, self.brute_step = vary, min, max, expr, brute_step
        self.checked()

    def __repr__(self) -> str:
        return f"Parameter '{self.name}'"

    def copy(self) -> "ParameterDimension":
        """A deep copy."""
        return copy.deepcopy(self)

    def checked(self) -> "Dimension":
        """What fits need to know of it, frozen; refuses contradictions."""
        if math.isnan(self.min) or math.isnan(self.max) or self.min > self.max:
            raise InvalidParameter(
                f"parameter {self.name!r}: bounds [{self.min}, {self.max}]; expected min below max, infinite for none"
            )
        expression = None if self.expr is None else Expression(self.expr)
        return Dimension(self.name, bool(self.vary), float(self.min), float(self.max), expression, self.sample_fct)

    def sample(self, generator: np.random.Generator | None = None) -> float:
        """A start value; that of the default sampler is brought between the bounds.

        Args:
            generator: draws the default sampler's numbers in place of numpy's global generator.

        Raises:
            InvalidParameter: if the sampler gives no number, or one of the user's own one outside the bounds.
        """
        if self.sample_fct is uniform_number:
            return self._within(uniform_number() if generator is None else generator.uniform())
        value = self.sample_fct()
        if isinstance(value, (str, bytes)) or np.ndim(value) != 0:
            raise InvalidParameter(
                f"sampler of parameter {self.name!r} gives {value!r} of type {type(value).__name__}; expected a number"
            )
        number = float(value)
        if math.isnan(number) or not self.min <= number <= self.max:
            raise InvalidParameter(
                f"sampler of parameter {self.name!r} gives {number}; expected a number in [{self.min}, {self.max}]"
            )
        return number

    def _within(self, uniform: float) -> float:
        """A number from [0, 1) if that lies between the bounds, else one that follows from it."""
        if self.min <= uniform <= self.max:
            return uniform
        if math.isfinite(self.min) and math.isfinite(self.max):
            return self.min + (self.max - self.min) * uniform
        return self.min + uniform if math.isfinite(self.min) else self.max - uniform


@dataclass(frozen=True)
class Dimension:
    """A parameter dimension that cannot change, as models are looked up by it."""

    name: str
    vary: bool
    lower: float
    upper: float
    expression: Expression | None
    sampler: Sampler

    @property
    def is_free(self) -> bool:
        """Whether fits vary it."""
        return self.vary and self.expression is None and self.lower < self.upper


class PointParameter(float):
    """A parameter's value at one point, with its settings as lmfit names them."""

    dimension: ParameterDimension
    name: str
    vary: bool
    min: float | int
    max: float | int
    expr: str | None
    brute_step: float | int | None

    def __new__(cls, value: float, dimension: ParameterDimension) -> "PointParameter":  # noqa: D102
        made = super().__new__(cls, value)
        made.dimension = dimension
        made.name, made.vary, made.expr = dimension.name, dimension.vary and dimension.expr is None, dimension.expr
        made.min, made.max, made.brute_step = dimension.min, dimension.max, dimension.brute_step
        return made

    @property
    def value(self) -> float:
        """The value."""
        return float(self)

    def __getnewargs__(self) -> tuple[float, ParameterDimension]:
        return float(self), self.dimension


class ParameterSpace(dict[str, ParameterDimension]):
    """A dictionary of parameter dimensions by name, in the order in which they were added.

    Args:
        name: text for prints.
    """

    def __init__(self, name: str = "Parameter space") -> None:
        super().__init__()
        self.name = name

    def __repr__(self) -> str:
        return self.name

    def copy(self) -> "ParameterSpace":
        """A deep copy."""
        return copy.deepcopy(self)

    def add_dim(
        self,
        name: str,
        sample_fct: Sampler | None = None,
        vary: bool = True,
        min: float | int = -math.inf,
        max: float | int = math.inf,
        expr: str | None = None,
        brute_step: float | int | None = None,
    ) -> None:
        """Add a dimension, or put another one in the place of one of this name; see `ParameterDimension`."""
        self[name] = ParameterDimension(name, sample_fct, vary, min, max, expr, brute_step)

    def random_pt(self) -> Any:
        """A random point: ``lmfit.Parameters`` if lmfit is installed, else a dictionary whose values are floats.

        Raises:
            InvalidParameter: for samplers that give no numbers inside the bounds, or bad expressions.
        """
        values = self.draw()
        try:
            import lmfit
        except ImportError:
            return {name: PointParameter(values[name], dimension) for name, dimension in self.items()}
        parameters = lmfit.Parameters()
        for name in self._computable():
            d = self[name]
            parameters.add(name, values[name], d.vary, d.min, d.max, d.expr, d.brute_step)
        return parameters

    def draw(self, generator: np.random.Generator | None = None) -> dict[str, float]:
        """Values of a random point by name.

        Args:
            generator: for the default samplers; None for numpy's global generator.
        """
        order = self._computable()
        drawn = {name: d.sample(generator) for name, d in self.items() if d.expr is None}
        for name in order[len(drawn) :]:
            drawn[name] = float(Expression(str(self[name].expr)).value(drawn))
        return {name: drawn[name] for name in self}

    def dimensions(self) -> tuple[Dimension, ...]:
        """All dimensions, frozen and checked together."""
        self._computable()
        return tuple(dimension.checked() for dimension in self.values())

    def __missing__(self, name: str) -> ParameterDimension:
        raise UnknownName(f"no parameter {name!r}; {near_names(name, self)}")

    def _computable(self) -> tuple[str, ...]:
        """All names, dependent ones last and in order."""
        expressions = {name: Expression(d.expr) for name, d in self.items() if d.expr is not None}
        order = in_order(expressions, tuple(self))
        return (*(name for name in self if name not in expressions), *order)
