"""An ordered set of parameters, and the named map of values that keeps the solver's vector inside."""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks._base.errors import InvalidParameter, UnknownName, near_names
from wilks._base.typing import LogProb, Theta, Values

from .choices import Choice
from .parameter import Parameter


class NamedValues(eqx.Module, Mapping):
    """Values by name over one vector: reads like a dict, packs into the vector again at no cost."""

    names: tuple[str, ...] = eqx.field(static=True)
    theta: Float[Array, " parameters"]

    def __getitem__(self, name: str) -> Any:
        try:
            return self.theta[self.names.index(name)]
        except ValueError:
            raise UnknownName(f"no parameter {name!r}; {near_names(name, self.names)}") from None

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True, repr=False)
class ParameterSpace:
    """Named parameters in a fixed order; every change returns a new space.

    >>> space = ParameterSpace((Parameter("mu", 1.0, lower=0.0), Parameter("b", 2.0)))
    >>> space.fix(b=3.0).free
    ('mu',)
    >>> [float(x) for x in space.pack({"b": 2.0, "mu": 5.0})]
    [5.0, 2.0]
    """

    parameters: Sequence[Parameter]

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(self.parameters))
        seen: dict[str, Parameter] = {}
        for parameter in self.parameters:
            if parameter.name in seen:
                raise InvalidParameter(
                    f"parameter {parameter.name!r} is defined twice: {seen[parameter.name]} and {parameter}"
                )
            seen[parameter.name] = parameter

    @functools.cached_property
    def _hash(self) -> int:
        return hash(self.parameters)

    def __hash__(self) -> int:
        return self._hash  # compiled programs are looked up by it at every call

    @functools.cached_property
    def _places(self) -> dict[str, int]:
        return {p.name: i for i, p in enumerate(self.parameters)}

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """All names in order."""
        return tuple(p.name for p in self.parameters)

    @functools.cached_property
    def free(self) -> tuple[str, ...]:
        """Names of the parameters that a fit may move."""
        return tuple(p.name for p in self.parameters if p.is_free)

    @functools.cached_property
    def switches(self) -> tuple[str, ...]:
        """Names of the parameters that choose between alternatives, see `Choice`."""
        return tuple(p.name for p in self.parameters if p.is_switch)

    @functools.cached_property
    def starts(self) -> Float[np.ndarray, " parameters"]:
        """Start values."""
        return _frozen([p.start for p in self.parameters], float)

    @functools.cached_property
    def lowers(self) -> Float[np.ndarray, " parameters"]:
        """Lower bounds."""
        return _frozen([p.lower for p in self.parameters], float)

    @functools.cached_property
    def uppers(self) -> Float[np.ndarray, " parameters"]:
        """Upper bounds."""
        return _frozen([p.upper for p in self.parameters], float)

    @functools.cached_property
    def free_mask(self) -> Bool[np.ndarray, " parameters"]:
        """True where a fit may move the parameter."""
        return _frozen([p.is_free for p in self.parameters], bool)

    def __len__(self) -> int:
        return len(self.parameters)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __getitem__(self, name: str) -> Parameter:
        return self.parameters[self.index(name)]

    def index(self, name: str) -> int:
        """Position of a name.

        Raises:
            UnknownName: with the nearest names.
        """
        if name not in self._places:
            raise UnknownName(f"no parameter {name!r}; {near_names(name, self.names)}")
        return self._places[name]

    def indices(self, names: Iterable[str]) -> tuple[int, ...]:
        """Positions of several names."""
        return tuple(self.index(name) for name in names)

    def pack(self, values: Values) -> Theta:
        """Vector of the values in this space's order.

        Raises:
            UnknownName: listing missing and unknown names, both at once.
        """
        names = self.names
        if isinstance(values, NamedValues):
            if values.names == names:
                return values.theta
            if set(values.names) >= set(names):  # a part of a joint reads its share
                where = {name: i for i, name in enumerate(values.names)}
                return values.theta[np.array([where[n] for n in names], dtype=int)]
        missing = [n for n in names if n not in values]
        unknown = [n for n in values if n not in names]
        if missing or unknown:
            parts = []
            if missing:
                parts.append("missing: " + ", ".join(repr(n) for n in missing))
            if unknown:
                parts.append("unknown: " + ", ".join(f"{n!r} ({near_names(n, names)})" for n in unknown))
            raise UnknownName("values do not match the parameters; " + "; ".join(parts))
        if not names:
            return jnp.zeros(0)
        return jnp.stack([jnp.asarray(values[n], dtype=float) for n in names])

    def unpack(self, theta: Theta | Float[np.ndarray, " parameters"]) -> NamedValues:
        """Named view of a vector in this space's order."""
        theta = jnp.asarray(theta, dtype=float)
        if theta.shape != (len(self),):
            raise InvalidParameter(f"a vector of shape {theta.shape} does not hold {len(self)} parameters")
        return NamedValues(self.names, theta)

    def complete(self, values: Values | None) -> Float[np.ndarray, " parameters"]:
        """Start vector with the given values put in; names that are not given keep their start.

        Raises:
            UnknownName: for a name that is not in this space.
        """
        theta = self.starts.copy()
        for name, value in (values or {}).items():
            theta[self.index(name)] = float(value)
        return theta

    def log_prior(self, values: Values) -> LogProb:
        """Sum of the logarithms of the priors; -inf outside the bounds. Parameters without a prior add nothing."""
        theta = self.pack(values)
        total = jnp.zeros(())
        for i, parameter in enumerate(self.parameters):
            if parameter.prior is not None and parameter.is_free:
                total = (
                    total
                    + parameter.prior.log_prob(theta[i])
                    - parameter.prior.log_mass(parameter.lower, parameter.upper)
                )
        inside = jnp.all((theta >= self.lowers) & (theta <= self.uppers))
        return jnp.where(inside, total, -jnp.inf)

    def replace(self, name: str, **changes: Any) -> "ParameterSpace":
        """A new space in which one parameter has other settings, e.g. ``replace("mu", lower=-1.0)``."""
        where = self.index(name)
        allowed = {f.name for f in dataclasses.fields(Parameter)}
        for key in changes:
            if key not in allowed:
                raise UnknownName(f"a parameter has no setting {key!r}; {near_names(key, sorted(allowed))}")
        parameters = list(self.parameters)
        parameters[where] = dataclasses.replace(parameters[where], **changes)
        return ParameterSpace(tuple(parameters))

    def fix(self, values: Values | None = None, /, **named: float) -> "ParameterSpace":
        """A new space with parameters held at values: ``space.fix(mu=1.0)`` or ``space.fix({"st[0]": 1.0})``."""
        space = self
        for name, value in {**(values or {}), **named}.items():
            space = space.replace(name, start=float(value), fixed=True)
        return space

    def choose(self, alternatives: Mapping[str, str] | None = None, /, **named: str) -> "ParameterSpace":
        """A new space in which switches are fixed to one of their alternatives, e.g. ``choose(flux="HM")``.

        Raises:
            InvalidParameter: for a parameter that is no switch.
            UnknownName: for an alternative or a parameter that does not exist.
        """
        wanted = {**(alternatives or {}), **named}
        return self.fix({name: self._choice(name).index(one) for name, one in wanted.items()})

    def _choice(self, name: str) -> Choice:
        prior = self[name].prior
        if not isinstance(prior, Choice):
            raise InvalidParameter(f"parameter {name!r} is no switch; give it the prior Choice(('...', '...'))")
        return prior

    def release(self, *names: str) -> "ParameterSpace":
        """A new space in which the named parameters are free again."""
        space = self
        for name in names:
            space = space.replace(name, fixed=False)
        return space

    def __or__(self, other: "ParameterSpace") -> "ParameterSpace":
        """Union; equal names are one shared parameter.

        Raises:
            InvalidParameter: if two definitions of one name differ, naming both.
        """
        mine = {p.name: p for p in self.parameters}
        merged = list(self.parameters)
        for parameter in other.parameters:
            known = mine.get(parameter.name)
            if known is None:
                merged.append(parameter)
            elif difference := _difference(known, parameter):
                raise InvalidParameter(
                    f"parameter {parameter.name!r} is defined twice and differs in {difference}: {known} and "
                    f"{parameter}; make them equal or rename one"
                )
        return ParameterSpace(tuple(merged))

    def __repr__(self) -> str:
        return "ParameterSpace(\n" + "".join(f"  {p},\n" for p in self.parameters) + ")"


def _frozen(values: list[Any], dtype: type) -> Any:
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)  # shared by everybody who asks
    return array


def _difference(one: Parameter, two: Parameter) -> str:
    return ", ".join(
        f.name
        for f in dataclasses.fields(Parameter)
        if f.name not in {"latex", "prior"} and getattr(one, f.name) != getattr(two, f.name)
    ) or ("" if _equal_priors(one, two) else "prior")


def _equal_priors(one: Parameter, two: Parameter) -> bool:
    return bool(eqx.tree_equal(one.prior, two.prior))
