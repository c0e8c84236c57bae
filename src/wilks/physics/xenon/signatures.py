"""What a model function depends on, read from its signature: a hidden variable, event columns, parameters."""

import dataclasses
import inspect
import math
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from wilks._base.errors import InvalidModel, InvalidParameter

from .plain_functions import point_by_point

HIDDEN = {
    "lindhard_l": "energy",
    "p_electron": "quanta_produced",
    "p_electron_fluctuation": "quanta_produced",
    "penning_quenching_eff": "photons_produced",
    "photon_acceptance": "photons_detected",
    "electron_loss": "electrons_produced",
    "electron_acceptance": "electrons_detected",
    **{f"reconstruction_{what}_{s}_simulate": f"{s}_raw" for what in ("bias", "smear") for s in ("s1", "s2")},
    **{f"reconstruction_{what}_{s}_annotate": s for what in ("bias", "smear") for s in ("s1", "s2")},
}
"""Special model functions, whose first argument is a variable that no event table holds, and that variable."""

COMMON_FUNCTIONS = (
    "energy_spectrum_rate_multiplier",
    "work",
    "p_electron",
    "penning_quenching_eff",
    "photon_detection_eff",
    "photon_acceptance",
    "double_pe_fraction",
    "photoelectron_gain_mean",
    "photoelectron_gain_std",
    *(f"reconstruction_{what}_s1_{when}" for when in ("simulate", "annotate") for what in ("bias", "smear")),
    "s1_acceptance",
    "electron_detection_eff",
    "electron_loss",
    "electron_acceptance",
    "electron_gain_mean",
    "electron_gain_std",
    *(f"reconstruction_{what}_s2_{when}" for when in ("simulate", "annotate") for what in ("bias", "smear")),
    "s2_acceptance",
)
"""Model functions of all classic sources, in the order of the chain."""


@dataclasses.dataclass(frozen=True)
class ModelFunction:
    """One model function of a source.

    Args:
        name: its name in the source.
        call: the user's function.
        columns: event columns that it takes, in the order of its positional arguments.
        parameters: names of its parameters.
        hidden: whether its first argument is a hidden variable.
        bound: whether it takes the source itself first.
        units: unit of each parameter, empty for none.
    """

    name: str
    call: Callable[..., Any]
    columns: tuple[str, ...]
    parameters: tuple[str, ...]
    hidden: bool
    bound: bool
    units: tuple[str, ...] = ()

    def traced(self, source: Any, arguments: tuple[Any, ...], values: Mapping[str, Any]) -> Any:
        """Call with numbers of compiled code; a function written with numpy is called as a copy on jax.numpy.

        One that cannot be compiled either way is called point by point.

        Raises:
            InvalidModel: if that is impossible, too: it takes the source, or arrays.
        """
        first = (source,) if self.bound else ()
        named = {name: values[name] for name in self.parameters}
        for call in (self.call, _on_jax_numpy(self.call)):
            try:
                return call(*first, *arguments, **named)
            except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
                reason = str(error).splitlines()[0][:120]
        numbers = [jnp.asarray(x, dtype=float) for x in (*arguments, *named.values())]
        if self.bound or any(x.ndim for x in numbers):
            raise InvalidModel(
                f"model function {self.name!r} cannot be compiled ({reason}); write it with jax.numpy, without "
                "branches on values"
            )
        return point_by_point(self.name, self.call, self.parameters, jnp.stack(numbers))


def read_function(
    name: str, call: Callable[..., Any], defaults: Mapping[str, Any], *, bound: bool
) -> tuple[ModelFunction, dict[str, float]]:
    """Read what a function depends on, and the defaults of its parameters.

    Positional arguments without default are event columns (the first one of a special function is hidden); arguments
    with a default, and keyword-only ones, are parameters. The first text in an annotation such as
    ``Annotated[float, "cm"]`` is the unit of a parameter.

    Args:
        name: its name in the source.
        call: the function.
        defaults: values that replace the defaults of its signature.
        bound: whether its first argument is the source.

    Raises:
        InvalidModel: for an argument that is neither, or a special function without its variable.
        InvalidParameter: for a parameter without a default, or whose default is no finite number.
    """
    columns: list[str] = []
    parameters: dict[str, float] = {}
    units: list[str] = []
    for argument in list(inspect.signature(call).parameters.values())[1 if bound else 0 :]:
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            raise InvalidModel(f"model function {name!r}: {argument} is neither an event column nor a parameter")
        if argument.kind is not argument.KEYWORD_ONLY and argument.default is argument.empty:
            columns.append(argument.name)
        else:
            parameters[argument.name] = _default(name, argument, defaults)
            units.append(next((x for x in typing.get_args(argument.annotation)[1:] if isinstance(x, str)), ""))
    hidden = name in HIDDEN
    if hidden and not columns:
        raise InvalidModel(
            f"model function {name!r} must take {HIDDEN[name]} as its first argument; it takes none without a default"
        )
    taken = tuple(columns[1 if hidden else 0 :])
    return ModelFunction(name, call, taken, tuple(parameters), hidden, bound, tuple(units)), parameters


def as_number(value: Any) -> float | None:
    """The number that stands for a constant model function, None for anything else."""
    if isinstance(value, (bool, str)) or not isinstance(value, (int, float, np.ndarray, np.number, jax.Array)):
        return None
    return float(value) if np.ndim(value) == 0 else None


def _default(function: str, argument: inspect.Parameter, defaults: Mapping[str, Any]) -> float:
    value = defaults.get(argument.name, argument.default)
    if value is argument.empty:
        raise InvalidParameter(
            f"model function {function!r}: parameter {argument.name!r} has no default; give it one as its start value"
        )
    number = as_number(value)
    if number is None or not math.isfinite(number):
        raise InvalidParameter(
            f"model function {function!r}: the default {value!r} of parameter {argument.name!r} is no finite number"
        )
    return number


def _on_jax_numpy(call: Callable[..., Any]) -> Callable[..., Any]:
    """A copy of a function in whose module ``numpy`` is ``jax.numpy``."""
    if not isinstance(call, types.FunctionType):
        return call
    swapped = {name: jnp if value is np else value for name, value in call.__globals__.items()}
    copy = types.FunctionType(call.__code__, swapped, call.__name__, call.__defaults__, call.__closure__)
    copy.__kwdefaults__ = call.__kwdefaults__
    return copy
