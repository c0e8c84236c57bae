"""An ordered set of parameters, and the named map of values that keeps the solver's vector inside."""

import dataclasses
import functools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from wilks._base.digests import DIGEST_IF_SET
from wilks._base.errors import InvalidParameter, UnknownName, near_names
from wilks._base.typing import LogProb, Theta, Values

from .choices import Choice
from .joint_priors import Block, MultivariateNormal, log_priors_of
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

    Args:
        parameters: in order, each name once.
        joint: priors of several parameters, whose own priors are the marginal ones; see `with_prior`.

    >>> space = ParameterSpace((Parameter("mu", 1.0, lower=0.0), Parameter("b", 2.0)))
    >>> space.fix(b=3.0).free
    ('mu',)
    >>> [float(x) for x in space.pack({"b": 2.0, "mu": 5.0})]
    [5.0, 2.0]
    """

    parameters: Sequence[Parameter]
    joint: Sequence[MultivariateNormal] = dataclasses.field(default=(), metadata={DIGEST_IF_SET: True})

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", tuple(self.parameters))
        object.__setattr__(self, "joint", tuple(self.joint))
        seen: dict[str, Parameter] = {}
        for parameter in self.parameters:
            if parameter.name in seen:
                raise InvalidParameter(
                    f"parameter {parameter.name!r} is defined twice: {seen[parameter.name]} and {parameter}"
                )
            seen[parameter.name] = parameter
        for prior in self.joint:
            for name in prior.names:
                _check_member(self[name], prior)
        members = [name for prior in self.joint for name in prior.names]
        if twice := {name for name in members if members.count(name) > 1}:
            raise InvalidParameter(f"{', '.join(sorted(twice))}: in two joint priors; put them into one")

    @functools.cached_property
    def _hash(self) -> int:
        return hash((self.parameters, self.joint))

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

    @functools.cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Free parameters with a joint prior, given those of it that are held."""
        found = []
        for prior in self.joint:
            held = {n: float(self[n].start) for n in prior.names if not self[n].is_free}
            if len(held) < len(prior.names):
                law = prior.given(held)
                where = np.array(self.indices(law.names))
                found.append(Block(law, where, np.cumsum(self.free_mask)[where] - 1))
        return tuple(found)

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
        total, joined = log_priors_of(self.blocks, theta), {n for prior in self.joint for n in prior.names}
        for i, parameter in enumerate(self.parameters):
            if parameter.prior is not None and parameter.is_free and parameter.name not in joined:
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
        return ParameterSpace(tuple(parameters), self.joint)

    def with_prior(self, prior: MultivariateNormal) -> "ParameterSpace":
        """A new space in which several parameters have a joint prior.

        Raises:
            InvalidParameter: if one of them has a prior already, or finite bounds.
            UnknownName: for a parameter that does not exist.
        """
        space = self
        for name, alone in prior.marginals.items():
            if space[name].prior is not None:
                raise InvalidParameter(
                    f"parameter {name!r} has the prior {space[name].prior} already; take it out with replace({name!r}, "
                    "prior=None) before a joint one"
                )
            space = space.replace(name, prior=alone)
        return ParameterSpace(space.parameters, (*space.joint, prior))

    def part(self, names: Iterable[str]) -> "ParameterSpace":
        """A space of some of the parameters, in the given order.

        Joint priors stay joint among those that are kept; the others count as held at their value if they are fixed,
        else as left open.

        Raises:
            UnknownName: for a parameter that does not exist.
        """
        kept = {name: self[name] for name in names}
        joint = []
        for prior in self.joint:
            held = {n: float(self[n].start) for n in prior.names if n not in kept and not self[n].is_free}
            if members := [n for n in prior.names if n in kept]:
                law = prior.given(held).only(members)
                kept |= {n: dataclasses.replace(kept[n], prior=alone) for n, alone in law.marginals.items()}
                joint += [law] if len(members) > 1 else []
        return ParameterSpace(tuple(kept.values()), joint)

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
        return ParameterSpace(tuple(merged), tuple(dict.fromkeys((*self.joint, *other.joint))))

    def __repr__(self) -> str:
        return "ParameterSpace(\n" + "".join(f"  {p},\n" for p in (*self.parameters, *self.joint)) + ")"


def _frozen(values: list[Any], dtype: type) -> Any:
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)  # shared by everybody who asks
    return array


def _check_member(parameter: Parameter, prior: MultivariateNormal) -> None:
    """Refuse a member of a joint prior that has another prior of its own, or bounds that would cut it."""
    if math.isfinite(parameter.lower) or math.isfinite(parameter.upper) or parameter.period is not None:
        raise InvalidParameter(
            f"parameter {parameter.name!r} has bounds or a period, which cut the joint prior of "
            f"{', '.join(prior.names)}; take them away, or give each parameter a prior of its own"
        )
    if not eqx.tree_equal(parameter.prior, prior.marginals[parameter.name]):
        raise InvalidParameter(
            f"parameter {parameter.name!r} has the prior {parameter.prior} and is a member of {prior}; build the space "
            "anew for another prior"
        )


def _difference(one: Parameter, two: Parameter) -> str:
    return ", ".join(
        f.name
        for f in dataclasses.fields(Parameter)
        if f.name not in {"latex", "prior"} and getattr(one, f.name) != getattr(two, f.name)
    ) or ("" if _equal_priors(one, two) else "prior")


def _equal_priors(one: Parameter, two: Parameter) -> bool:
    return bool(eqx.tree_equal(one.prior, two.prior))
