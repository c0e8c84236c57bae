"""One named parameter: where it starts, where it may go, what is believed of it beforehand."""

import dataclasses
import math

import jax
import jax.numpy as jnp

from wilks._base.errors import InvalidParameter

from .choices import Choice
from .priors import AbstractPrior


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True, repr=False)
class Parameter:
    """A real parameter in physical units.

    Args:
        name: unique in its space; any text without control characters (bins of a modifier are ``NAME[i]``).
        start: first value tried by a fit, and the value of a fixed parameter; by default the median of the prior,
            else the middle of the bounds, one inside of a single bound, or 0.
        lower: closed lower bound, ``-inf`` for none.
        upper: closed upper bound, ``inf`` for none.
        prior: belief before the data, used by samplers and start points only; ``fit`` never uses it. With a `Choice`
            the parameter is a switch, which only simulation-based inference moves.
        unit: unit of value and bounds, shown in prints and plots.
        latex: label for plots; the name when absent.
        fixed: held at ``start``.
        period: length of a cycle for angles; the value is wrapped to ``[start - period/2, start + period/2)``.

    Raises:
        InvalidParameter: if the definition contradicts itself.

    >>> Parameter("mu", 1.0, lower=0.0, upper=10.0)
    Parameter(mu = 1 in [0, 10])
    """

    name: str
    start: float | int = None  # pyright: ignore[reportAssignmentType]  # a float from __post_init__ on
    lower: float | int = -math.inf
    upper: float | int = math.inf
    prior: AbstractPrior | None = None
    unit: str = ""
    latex: str | None = None
    fixed: bool = False
    period: float | None = None

    def __post_init__(self) -> None:
        if self.start is None:
            object.__setattr__(self, "start", _default_start(self.lower, self.upper, self.prior))
        for number in ("start", "lower", "upper"):
            object.__setattr__(self, number, float(getattr(self, number)))
        self._check()

    def _check(self) -> None:
        who = f"parameter {self.name!r}"
        if not self.name or not self.name.isprintable():
            raise InvalidParameter(f"{who}: a name must be printable and not empty")
        if math.isnan(self.lower) or math.isnan(self.upper):
            raise InvalidParameter(f"{who}: bounds [{self.lower}, {self.upper}] contain NaN; use -inf or inf for none")
        if self.lower > self.upper:
            raise InvalidParameter(f"{who}: lower bound {self.lower} exceeds upper bound {self.upper}; swap them")
        if not math.isfinite(self.start):
            raise InvalidParameter(f"{who}: start value {self.start} is not finite")
        if not self.lower <= self.start <= self.upper:
            raise InvalidParameter(
                f"{who}: start value {self.start} lies outside [{self.lower}, {self.upper}]; "
                "move the start or widen the bounds"
            )
        if self.period is not None and not (math.isfinite(self.period) and self.period > 0):
            raise InvalidParameter(f"{who}: period {self.period} must be positive and finite")
        if isinstance(self.prior, Choice):
            self._check_switch(who, self.prior)

    def _check_switch(self, who: str, prior: Choice) -> None:
        if math.isfinite(self.lower) or math.isfinite(self.upper) or self.period is not None:
            raise InvalidParameter(f"{who}: a switch has neither bounds nor a period; leave out alternatives instead")
        if self.start not in range(len(prior.names)):
            raise InvalidParameter(
                f"{who}: start {self.start:g} is the number of no alternative; {', '.join(prior.names)} are 0 to "
                f"{len(prior.names) - 1}"
            )

    @property
    def is_free(self) -> bool:
        """Whether a fit may move it: not fixed, no switch, and bounds that leave room."""
        return not self.fixed and self.lower < self.upper and not isinstance(self.prior, Choice)

    @property
    def is_switch(self) -> bool:
        """Whether it chooses between alternatives and has not been fixed to one of them."""
        return isinstance(self.prior, Choice) and not self.fixed

    @property
    def label(self) -> str:
        """Text for axes: latex if given, else the name, with the unit in brackets."""
        text = self.latex or self.name
        return f"{text} [{self.unit}]" if self.unit else text

    def __repr__(self) -> str:
        if isinstance(self.prior, Choice):
            of = "fixed" if self.fixed else f"of {', '.join(self.prior.names)}"
            return f"Parameter({self.name} = {self.prior.names[int(self.start)]} {of})"
        unit = f" {self.unit}" if self.unit else ""
        where = "fixed" if not self.is_free else f"in [{self.lower:g}, {self.upper:g}]"
        return f"Parameter({self.name} = {self.start:g}{unit} {where})"


def _default_start(lower: float, upper: float, prior: AbstractPrior | None) -> float:
    if prior is not None:
        return min(max(float(prior.quantile(jnp.asarray(0.5))), lower), upper)
    if math.isfinite(lower) and math.isfinite(upper):
        return 0.5 * (lower + upper)
    if math.isfinite(lower):
        return lower + 1.0
    return upper - 1.0 if math.isfinite(upper) else 0.0
