"""Stand-ins for the modules numpy, math and cmath whose functions also take recording arrays."""

import builtins
import cmath
import functools
import math
import types
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .arrays import Cast, apply


def _of_complex(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda z, *others: function(jnp.asarray(z).astype(complex), *others)


def _logarithm(x: Any, base: Any = None) -> Any:
    return jnp.log(x) if base is None else jnp.log(x) / jnp.log(base)


_RENAMED = {
    **{
        short: getattr(jnp, long)
        for short, long in zip(
            ("asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh", "pow", "prod"),
            ("arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arccosh", "arctanh", "power", "prod"),
            strict=True,
        )
    },
    "log": _logarithm,
    "erf": jax.scipy.special.erf,
    "erfc": jax.scipy.special.erfc,
    "gamma": jax.scipy.special.gamma,
    "lgamma": jax.scipy.special.gammaln,
}
_COMPLEX_ONLY = {
    "phase": jnp.angle,
    "polar": lambda z: (jnp.abs(z), jnp.angle(z)),
    "rect": lambda r, phi: r * jnp.exp(1j * phi),
}


def _numpy_counterpart(module: Any) -> Callable[[str], Any]:
    return lambda name: getattr(module, name, None)


def _math_counterpart(name: str) -> Any:
    return _RENAMED.get(name) or getattr(jnp, name, None)


def _cmath_counterpart(name: str) -> Any:
    traced = _math_counterpart(name)
    return _COMPLEX_ONLY.get(name) or (traced and _of_complex(traced))


_COUNTERPARTS: dict[types.ModuleType, Callable[[str], Any]] = {
    np: _numpy_counterpart(jnp),
    np.linalg: _numpy_counterpart(jnp.linalg),
    np.fft: _numpy_counterpart(jnp.fft),
    math: _math_counterpart,
    cmath: _cmath_counterpart,
}


class TracingModule:
    """A module whose functions also take recording arrays."""

    def __init__(self, module: types.ModuleType) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return tracing_version(getattr(self._module, name))


def tracing_version(value: Any) -> Any:
    """The stand-in for a module, a function or a type of numbers; any other value as it is."""
    if isinstance(value, types.ModuleType):
        return TracingModule(value) if value in _COUNTERPARTS else value
    if isinstance(value, type):
        return Cast(value) if issubclass(value, float | complex | np.inexact) else value
    known = _functions().get(id(value))
    return functools.partial(apply, *known) if known else value


@functools.cache
def _functions() -> dict[int, tuple[Any, Any]]:
    """Every public function of the modules by identity: itself and its traced counterpart, None if there is none."""
    found: dict[int, tuple[Any, Any]] = {}
    for module, counterpart in _COUNTERPARTS.items():
        for name in dir(module):
            value = getattr(module, name) if not name.startswith("_") else None
            if callable(value) and not isinstance(value, type):
                found.setdefault(id(value), (value, counterpart(name)))
    return found


def tracing_builtins() -> dict[str, Any]:
    """Python's built-in names with casts that take recording arrays, and imports that give stand-ins."""

    def import_version(*args: Any, **settings: Any) -> Any:
        return tracing_version(builtins.__import__(*args, **settings))

    return {**vars(builtins), "float": Cast(float), "complex": Cast(complex), "__import__": import_version}
