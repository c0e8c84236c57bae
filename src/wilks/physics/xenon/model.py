"""The model functions of one source: found in its class, completed by settings, evaluated on events or tables."""

import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from wilks._base.errors import InvalidModel, InvalidParameter, UnknownName, near_names
from wilks._base.typing import Values
from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

from .settings import Setting
from .signatures import ModelFunction, as_number, read_function

Columns = Mapping[str, Any]


class Model(eqx.Module):
    """Model functions by name: constants are numbers that can change without recompilation.

    Args:
        functions: those that depend on something, in the order of their source.
        constants: those that are numbers.
    """

    functions: tuple[ModelFunction, ...] = eqx.field(static=True)
    constants: dict[str, Float[Array, ""]]

    @property
    def names(self) -> tuple[str, ...]:
        """All names, sorted."""
        return tuple(sorted([*(f.name for f in self.functions), *self.constants]))

    def function(self, name: str) -> ModelFunction | None:
        """The function of a name, None if it is a constant.

        Raises:
            UnknownName: if it is neither.
        """
        for function in self.functions:
            if function.name == name:
                return function
        if name not in self.constants:
            raise UnknownName(f"no model function {name!r}; {near_names(name, self.names)}")
        return None

    def columns(self, names: Collection[str] | None = None) -> tuple[str, ...]:
        """Event columns that some functions (all by default) take."""
        chosen = [f for f in self.functions if names is None or f.name in names]
        return tuple(dict.fromkeys(c for f in chosen for c in f.columns))

    def parameters(self, names: Collection[str]) -> frozenset[str]:
        """Parameters of some functions."""
        return frozenset(p for f in self.functions if f.name in names for p in f.parameters)

    def at_events(self, name: str, source: Any, values: Values, columns: Columns) -> Float[Array, " events"]:
        """Value for every event; for all of them at once if it takes no column."""
        function = self.function(name)
        events = _length(columns)
        if function is None:
            return jnp.broadcast_to(self.constants[name], (events,))
        if name in columns:  # a frozen function
            return jnp.asarray(columns[name], dtype=float)
        taken = [jnp.asarray(columns[c]) for c in function.columns]
        if not taken:
            return jnp.broadcast_to(_real(function.traced(source, (), values)), (events,))
        return jax.vmap(lambda *row: _real(function.traced(source, row, values)))(*taken)

    def at_one(self, name: str, source: Any, values: Values, row: Columns) -> Float[Array, ""]:
        """Value for one event, given as one number per column."""
        function = self.function(name)
        if function is None:
            return self.constants[name]
        return _real(function.traced(source, tuple(row[c] for c in function.columns), values))

    def at_hidden(
        self, name: str, source: Any, values: Values, hidden: Float[Array, " numbers"], row: Columns
    ) -> Float[Array, " numbers"]:
        """Value of a special function for every value of its hidden variable, for one event."""
        function = self.function(name)
        if function is None:
            return jnp.broadcast_to(self.constants[name], hidden.shape)
        taken = tuple(row[c] for c in function.columns)
        return jax.vmap(lambda h: _real(function.traced(source, (h, *taken), values)))(hidden)

    def at_pairs(
        self, name: str, source: Any, values: Values, hidden: Float[Array, "views events"], columns: Columns
    ) -> Float[Array, "views events"]:
        """Value of a special function for values of its hidden variable that differ between events."""
        function = self.function(name)
        if function is None:
            return jnp.broadcast_to(self.constants[name], hidden.shape)
        rows = {c: jnp.asarray(columns[c]) for c in function.columns}
        one_event = jax.vmap(lambda h, row: self.at_hidden(name, source, values, h, row), in_axes=(1, 0), out_axes=1)
        return one_event(hidden, rows)


def read_model(
    cls: type, names: Sequence[str], settings: Mapping[str, Any], attributes: Sequence[str]
) -> tuple[Model, ParameterSpace]:
    """Model functions of a class, with settings that replace functions, constants and defaults of parameters.

    Args:
        cls: the class of the source; a function may be a static method, a method, or a number.
        names: names of its model functions.
        settings: by name, a number or a function for a model function, a number for the default of a parameter.
        attributes: names of further settings, for messages.

    Raises:
        UnknownName: for a setting that is neither.
        InvalidModel: if a name is both a model function and a parameter, or something is no function.
        InvalidParameter: if a parameter has two defaults.
    """
    functions: list[ModelFunction] = []
    defaults: dict[str, dict[str, float]] = {}
    constants: dict[str, Float[Array, ""]] = {}
    for name in names:
        given = settings.get(name, _found_in(cls, name))
        number = as_number(given[0] if isinstance(given, tuple) else given)
        if number is not None:
            constants[name] = jnp.asarray(number)
            continue
        call, bound = given if isinstance(given, tuple) else (given, False)
        if not callable(call):
            raise InvalidModel(f"model function {name!r} is {call!r}; expected a number or a function")
        function, defaults[name] = read_function(name, call, settings, bound=bound)
        functions.append(function)
    units = {p: u for f in functions for p, u in zip(f.parameters, f.units, strict=True) if u}
    space = _space(defaults, names, units)
    for name in settings:
        if name not in names and name not in space:
            raise UnknownName(f"no setting {name!r}; {near_names(name, [*space.names, *names, *attributes])}")
    return Model(tuple(functions), constants), space


def _found_in(cls: type, name: str) -> Any:
    """A number, or a function with whether it takes the source first."""
    raw = inspect.getattr_static(cls, name, None)
    raw = raw.value if isinstance(raw, Setting) else raw
    if raw is None:
        raise InvalidModel(f"{cls.__name__} has no model function {name!r}; define it")
    if isinstance(raw, staticmethod):
        return raw.__func__, False
    if as_number(raw) is not None:
        return raw
    method = getattr(cls, name)
    return method, next(iter(inspect.signature(method).parameters), "") == "self"


def _space(
    defaults: Mapping[str, Mapping[str, float]], names: Sequence[str], units: Mapping[str, str]
) -> ParameterSpace:
    """One parameter per name, from the defaults of every function."""
    found: dict[str, tuple[str, float]] = {}
    for function, own in defaults.items():
        for name, default in own.items():
            if name in names:
                raise InvalidModel(f"{name!r} is a model function and a parameter of {function!r}; rename one")
            first, other = found.setdefault(name, (function, default))
            if other != default:
                raise InvalidParameter(
                    f"parameter {name!r} is {other:g} in {first!r} and {default:g} in {function!r}; "
                    "make the defaults equal or rename one"
                )
    return ParameterSpace(tuple(Parameter(n, default, unit=units.get(n, "")) for n, (_, default) in found.items()))


def _length(columns: Columns) -> int:
    return next(iter(columns.values())).shape[0]


def _real(value: Any) -> Float[Array, ""]:
    return jnp.asarray(value, dtype=float)
