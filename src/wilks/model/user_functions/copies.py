"""Copies of functions that look up other names: the user's own function and module are never touched."""

import functools
import types
from collections.abc import Callable
from typing import Any

from wilks._base.closed_code import enclosed

from .identity import names_in
from .modules import tracing_builtins, tracing_version


def tracing_copy(function: Callable[..., Any]) -> Callable[..., Any]:
    """A copy of a function that works with recording arrays.

    In it, and in all functions of the same package that it calls, the modules numpy, math and cmath, names imported
    from them, and what the function closes over are replaced by their stand-ins.
    """
    return _Copier(_package(getattr(function, "func", function))).version(function)


class _Copier:
    """One round of copying; each function, and each module's names, are copied once."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._copies: dict[int, types.FunctionType] = {}
        self._names: dict[int, dict[str, Any]] = {}

    def version(self, value: Any) -> Any:
        if isinstance(value, types.FunctionType) and _package(value) == self._package:
            return self._copies.get(id(value)) or self._copy(value)
        if isinstance(value, types.MethodType):
            return types.MethodType(self.version(value.__func__), value.__self__)
        if isinstance(value, functools.partial):
            return functools.partial(self.version(value.func), *value.args, **value.keywords)
        return tracing_version(value)

    def _copy(self, function: types.FunctionType) -> types.FunctionType:
        names = self._names.setdefault(
            id(function.__globals__), {**function.__globals__, "__builtins__": tracing_builtins()}
        )
        cells = tuple(types.CellType() for _ in function.__closure__ or ())
        copy = types.FunctionType(function.__code__, names, function.__name__, None, cells or None)
        self._copies[id(function)] = copy  # before its names: functions may call each other in circles
        copy.__defaults__ = tuple(map(self.version, function.__defaults__ or ())) or None
        copy.__kwdefaults__ = {k: self.version(v) for k, v in (function.__kwdefaults__ or {}).items()}
        for cell, value in zip(cells, enclosed(function), strict=True):
            cell.cell_contents = self.version(value)
        for name in names_in(function.__code__) & set(function.__globals__):
            names[name] = self.version(function.__globals__[name])
        return copy


def _package(function: Any) -> str:
    return str(getattr(function, "__module__", "")).partition(".")[0]
