"""Digests: one SHA-256 for a model or its data, the same in every process and on every machine."""

import dataclasses
import enum
import functools
import hashlib
import inspect
import struct
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import runtime  # noqa: F401  64 bit before any array exists
from .closed_code import closed_code, codes_of, enclosed, is_known_package, looks_outside
from .errors import InvalidModel

_UNVERIFIABLE = "unverifiable-"
_MARKS_FROM = 4096  # numbers, from where looking at them costs less than their digest


def digest(tree: Any) -> str:
    """SHA-256 over class names, fields, array bytes and the source text of functions, as 64 hexadecimal digits.

    Arrays enter with type, shape and little-endian bytes, so that it does not matter whether NumPy or JAX holds them;
    long ones of zeros and ones alone with a bit for each. Maps enter without their order. A function enters with its
    source text, its defaults, what it closes over and the functions and numbers of its module that it names; so does
    the source text of classes that are not of Wilks.

    If a function's source text is not to be had, the digest starts with ``"unverifiable-"``
    (see :func:`is_verifiable`): equal digests then do not promise equal functions.

    Args:
        tree: equinox modules, dataclasses, arrays, numbers, texts, functions, and containers of them.

    Raises:
        InvalidModel: if it holds an object whose content cannot be seen.
    """
    walk = _Walk()
    walk.add(tree)
    return walk.finish()


def is_verifiable(text: str) -> bool:
    """Whether equal digests mean equal content: False if a function without source text went in."""
    return not text.startswith(_UNVERIFIABLE)


def closed_digest(tree: Any) -> str | None:
    """The digest of a tree whose functions are all closed, by the code that runs; None if what it does is not known.

    See `wilks._base.closed_code`. Classes must belong to a library of known version.
    """
    walk = _Walk(by_code=True)
    try:
        walk.add(tree)
    except InvalidModel:
        return None
    return walk.finish() if is_verifiable(walk.finish()) else None


DIGEST_IF_SET = "digest if set"
"""Metadata of a field added later: left out of digests while it is empty, so that earlier ones, and the random numbers
that are keyed by them, stay what they were."""


@functools.cache
def _fields_of(kind: type) -> tuple[tuple[str, bool], ...]:
    """Names of the fields of a dataclass, and which enter a digest only if they are not empty."""
    return tuple((field.name, DIGEST_IF_SET in field.metadata) for field in dataclasses.fields(kind))


class _Walk:
    """One walk over a tree; each piece enters with kind and length, so that different trees give different bytes."""

    def __init__(self, functions: Iterable[int] = (), *, by_code: bool = False) -> None:
        self._sha = hashlib.sha256()
        self._by_code = by_code
        self._verifiable = True
        self._functions = list(functions)  # those met so far: functions may name each other in circles

    def finish(self) -> str:
        return ("" if self._verifiable else _UNVERIFIABLE) + self._sha.hexdigest()

    def add(self, item: Any) -> None:
        known = not self._by_code or is_known_package(type(item).__module__)
        self._verifiable &= known
        if add := _rule_for(type(item)):
            return add(self, item)
        if dataclasses.is_dataclass(item):
            return self.add_dataclass(item)
        if known and callable(item) and isinstance(inner := inspect.unwrap(item), types.FunctionType):
            return self.add_function(inner)  # jitted and otherwise wrapped functions
        raise InvalidModel(
            f"cannot make a digest of {item!r}: the content of {_full_name(type(item))} is unknown; "
            "use an equinox.Module, a dataclass, arrays, numbers, texts, functions or containers of them"
        )

    def piece(self, kind: str, content: bytes | memoryview = b"") -> None:
        self._sha.update(f"{kind}:{len(content)}:".encode())
        self._sha.update(content)

    def add_text(self, item: str) -> None:
        self.piece("text", item.encode("utf-8", "surrogatepass"))

    def add_number(self, item: bool | int | float | complex | bytes | None) -> None:
        if isinstance(item, float):
            self.piece("float", struct.pack("<d", item))
        elif isinstance(item, complex):
            self.piece("complex", struct.pack("<dd", item.real, item.imag))
        elif isinstance(item, bytes):
            self.piece("bytes", item)
        else:
            self.piece(type(item).__name__, repr(item).encode())

    def add_jax_array(self, item: jax.Array) -> None:
        if jnp.issubdtype(item.dtype, jax.dtypes.prng_key):
            self.add_text(str(jax.random.key_impl(item)))
            item = jax.random.key_data(item)
        self.add_array(np.asarray(item))

    def add_array(self, item: np.ndarray | np.generic) -> None:
        array = np.asarray(item)
        if array.dtype.hasobject:
            raise InvalidModel(f"cannot make a digest of an array of type {array.dtype}; use numbers or texts")
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        self.piece("array", f"{little.dtype.str}{little.shape}".encode())
        if _holds_marks(little):
            return self.piece("marks", np.packbits(little != 0).data)
        return self.piece("data", np.ascontiguousarray(little).reshape(-1).view(np.uint8).data)  # without a copy

    def add_sequence(self, item: tuple | list) -> None:
        self.piece("sequence", f"{_full_name(type(item))} {len(item)}".encode())
        for entry in item:
            self.add(entry)

    def add_unordered(self, kind: str, entries: Iterable[Any]) -> None:
        parts = []
        for entry in entries:
            part = _Walk(self._functions, by_code=self._by_code)
            part.add(entry)
            self._verifiable &= part._verifiable
            parts.append(part._sha.digest())
        self.piece(kind, b"".join(sorted(parts)))

    def add_map(self, item: Mapping) -> None:
        self.add_unordered("map", item.items())

    def add_set(self, item: set | frozenset) -> None:
        self.add_unordered("set", item)

    def add_enum(self, item: enum.Enum) -> None:
        self.add_text(f"{_full_name(type(item))}.{item.name}")

    def add_type(self, item: type) -> None:
        self.add_text(_full_name(item))
        if self._by_code:
            self._verifiable &= is_known_package(str(item.__module__))
        elif _package(item) not in {"wilks", "builtins"}:
            self.add_source(item)

    def add_dataclass(self, item: Any) -> None:
        self.piece("object")
        self.add_type(type(item))
        for name, if_set in _fields_of(type(item)):
            value = getattr(item, name, None)
            if if_set and not value:
                continue
            self.add_text(name)
            self.add(value)

    def add_partial(self, item: functools.partial) -> None:
        self.piece("partial")
        self.add((item.func, item.args, item.keywords))

    def add_method(self, item: types.MethodType) -> None:
        self.piece("method")
        self.add((item.__self__, item.__func__))

    def add_builtin(self, item: Any) -> None:
        bound = not isinstance(getattr(item, "__self__", None), (type(None), types.ModuleType))
        if self._by_code and (bound or _is_outside(item)):
            self._verifiable = False
        self.add_text(_full_name(item) if isinstance(item, types.BuiltinFunctionType) else repr(item))

    def add_module(self, item: types.ModuleType) -> None:
        known = is_known_package(item.__name__) and not looks_outside(item.__name__)
        self._verifiable &= not self._by_code or known
        self.piece("module", item.__name__.encode())

    def add_function(self, item: types.FunctionType) -> None:
        named = is_known_package(str(item.__module__)) if self._by_code else _package(item) == "wilks"
        if named and "<" not in item.__qualname__:
            if self._by_code and _package(item) != "wilks":  # whose files are known as well
                self._verifiable &= not _is_outside(item)
            return self.add_text(_full_name(item))
        self.piece("function")
        known = id(item) in self._functions
        if not known:
            self._functions.append(id(item))
        if self._by_code:
            return self.add_number(self._functions.index(id(item))) if known else self.add_code(item)
        self.add_source(item)
        if known:
            return None
        for inside in (*(item.__defaults__ or ()), *(item.__kwdefaults__ or {}).values(), *enclosed(item)):
            self.add_inside(inside)
        for name, value in _named_of_own_module(item):
            self.add_text(name)
            self.add(value)
        return None

    def add_code(self, item: types.FunctionType) -> None:
        self.add_text(_full_name(item))
        if (content := closed_code(item)) is None:
            self._verifiable = False
        else:
            self.add(content)

    def add_source(self, item: Callable | type) -> None:
        try:
            self.add_text(inspect.getsource(item))
        except (OSError, TypeError):
            self._verifiable = False
            code = item.__code__.co_code if isinstance(item, types.FunctionType) else b""
            self.piece("code", _full_name(item).encode() + code)

    def add_inside(self, item: Any) -> None:
        """Add what a function carries; content that cannot be seen makes the digest unverifiable instead of failing."""
        try:
            self.add(item)
        except InvalidModel:
            self._verifiable = False
            self.add_text(_full_name(type(item)))


_RULES: tuple[tuple[Any, Callable[[_Walk, Any], None]], ...] = (
    (enum.Enum, _Walk.add_enum),  # before numbers and texts: an enum may be one of them
    ((np.ndarray, np.generic), _Walk.add_array),  # before numbers: numpy.float64 is a float
    (jax.Array, _Walk.add_jax_array),
    (str, _Walk.add_text),
    ((type(None), bool, int, float, complex, bytes), _Walk.add_number),
    ((tuple, list), _Walk.add_sequence),
    (types.FunctionType, _Walk.add_function),
    (types.MethodType, _Walk.add_method),
    (functools.partial, _Walk.add_partial),
    ((types.BuiltinFunctionType, np.ufunc, np.dtype, slice), _Walk.add_builtin),
    (types.ModuleType, _Walk.add_module),
    (type, _Walk.add_type),
    ((set, frozenset), _Walk.add_set),
    ((dict, types.MappingProxyType), _Walk.add_map),
)


@functools.cache
def _rule_for(kind: type) -> Callable[[_Walk, Any], None] | None:
    return next((add for kinds, add in _RULES if issubclass(kind, kinds)), None)


def _holds_marks(array: np.ndarray) -> bool:
    """Whether a long array of numbers holds zeros and ones alone, as weights of padded events do."""
    if array.size < _MARKS_FROM or array.dtype.kind != "f" or array.flat[0] not in (0.0, 1.0):
        return False
    return bool(((array == 0.0) | (array == 1.0)).all())


def _full_name(item: Any) -> str:
    return f"{item.__module__}.{item.__qualname__}"


def _is_outside(item: Any) -> bool:
    """Whether a function is of no known library, or of one of those that read more than their arguments."""
    name = _full_name(item)
    return not is_known_package(name) or looks_outside(name)


def _package(item: Any) -> str:
    return str(item.__module__).partition(".")[0]


def _named_of_own_module(function: types.FunctionType) -> list[tuple[str, Any]]:
    """Functions, numbers and arrays at the top of the function's own module that its code names."""
    simple = (bool, int, float, complex, str, np.ndarray, np.generic, jax.Array)
    return [
        (name, value)
        for name in sorted({name for code in codes_of(function.__code__) for name in code.co_names})
        if isinstance(value := function.__globals__.get(name), simple)
        or (isinstance(value, types.FunctionType) and value.__module__ == function.__module__)
    ]
