"""Whether all that a function does is known from its code, and what that code is.

A function is closed if every name that it looks up belongs to a library of known version, is a plain number, text or
array, or a function that is closed itself, and if nothing of a library among that looks outside: at files, clocks,
settings or random numbers of its own. Libraries do not say which of their functions do, so their names decide, whatever
the function calls them. Its code is what runs, not its source text, which may be edited meanwhile.
"""

import dis
import sys
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

_MODULES = {
    *("wilks", "jax", "jaxlib", "numpy", "scipy", "equinox"),
    *("builtins", "collections", "math", "cmath", "functools", "itertools", "operator"),
}
_BUILTINS = {
    *("abs", "all", "any", "bool", "complex", "dict", "divmod", "enumerate", "filter", "float", "frozenset", "int"),
    *("isinstance", "len", "list", "map", "max", "min", "next", "pow", "range", "reversed", "round", "set", "slice"),
    *("sorted", "str", "sum", "tuple", "zip", "ArithmeticError", "Exception", "IndexError", "KeyError", "RuntimeError"),
    *("TypeError", "ValueError", "ZeroDivisionError"),
}  # what they do depends on their arguments alone
_OUTSIDE = {
    *("load", "loads", "loadtxt", "genfromtxt", "fromfile", "fromregex", "memmap", "memmapped", "open", "read"),
    *("file", "files", "io", "datasource", "datasets", "ctypeslib", "environ", "getenv", "config", "settings", "cache"),
    *("random", "rng", "seed", "time", "now", "today", "callback", "reads", "setitem", "setattr", "geterr"),
    *("printoptions", "device", "devices", "process", "backend"),
}  # words of names; one too many costs a trace, one too few a wrong answer
_PLAIN = (bool, int, float, complex, str, bytes, type(None), np.ndarray, np.generic)


def closed_code(function: types.FunctionType) -> tuple[Any, ...] | None:
    """Code of a function with all that it looks up, functions among it as they are; None if it is not closed."""
    if vars(function):  # attributes may be anything, among them what a decorator wraps
        return None
    read: dict[str, Any] = {}
    for code in codes_of(function.__code__):
        if any(map(looks_outside, code.co_names)):  # attributes of attributes are seen here alone
            return None
        for path in _lookups(code):
            if path[0] not in function.__globals__ and path[0] in _BUILTINS:
                continue
            read[".".join(path)] = found = _looked_up(path, function.__globals__)
            if found is _UNKNOWN:
                return None
    kept = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
    return sys.version_info[:3], _content(function.__code__), kept, enclosed(function), read


_UNKNOWN = object()
_IMPORT = "import"  # no name of Python's; stands before a module, or before nothing where all is lost


def _looked_up(path: tuple[str, ...], names: dict[str, Any]) -> Any:
    """What stands for a name, or for an attribute of a module that is none of a library; `_UNKNOWN` as `_known`."""
    first = names.get(path[0], _UNKNOWN)
    if path[0] == _IMPORT:
        return path[1] if is_known_package(path[1]) else _UNKNOWN
    if len(path) > 1 and isinstance(first, types.ModuleType) and not is_known_package(first.__name__):
        return _known(vars(first).get(path[1], _UNKNOWN))
    return _known(first)


def _known(value: Any) -> Any:
    """What stands for something that a function looks up; `_UNKNOWN` if it is not known what that does."""
    if isinstance(value, (*_PLAIN, types.FunctionType)):
        return value
    if isinstance(value, types.ModuleType):
        known = is_known_package(value.__name__) and not looks_outside(value.__name__)
        return f"module {value.__name__}" if known else _UNKNOWN
    if isinstance(value, np.ufunc):
        return f"numpy.{value.__name__}"
    if isinstance(value, (type, types.BuiltinFunctionType)) or is_known_package(type(value).__module__):
        where, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        stateless = isinstance(getattr(value, "__self__", None), (type(None), types.ModuleType))
        known = stateless and isinstance(where, str) and isinstance(name, str) and is_known_package(where)
        return f"{where}.{name}" if known and not looks_outside(f"{where}.{name}") else _UNKNOWN
    return _UNKNOWN


def is_known_package(name: str) -> bool:
    """Whether a module, by its whole name, belongs to a library of known version."""
    return name.partition(".")[0] in _MODULES


def looks_outside(name: str) -> bool:
    """Whether the whole name of something in a library says that it reads more than its arguments."""
    return not _OUTSIDE.isdisjoint(name.lower().replace("_", ".").split("."))


def codes_of(code: types.CodeType) -> Iterator[types.CodeType]:
    """Code of a function and of the functions written inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes_of(constant)


def _lookups(code: types.CodeType) -> Iterator[tuple[str, ...]]:
    """The names that code looks up outside of itself, each with the attribute that is taken of it at once."""
    steps = list(dis.get_instructions(code))
    for i, step in enumerate(steps):
        if step.opname == "IMPORT_NAME":  # what stands before says from how many packages above, and which names
            yield _IMPORT, step.argval if steps[i - 2].argval == 0 else ""
        elif step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            taken = steps[i + 1].opname in ("LOAD_ATTR", "LOAD_METHOD")
            yield (step.argval, steps[i + 1].argval) if taken else (step.argval,)
        elif "GLOBAL" in step.opname:  # changed, or found in a way that this does not know
            yield _IMPORT, ""


def _content(code: types.CodeType) -> tuple[Any, ...]:
    """All of a code object that decides what it does."""
    inside = [_content(c) if isinstance(c, types.CodeType) else c for c in code.co_consts]
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    counts = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    return code.co_code, code.co_exceptiontable, inside, names, counts


def enclosed(function: types.FunctionType) -> list[Any]:
    """What a function closes over; None for a name that was never given a value."""
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:
            found.append(None)
    return found
