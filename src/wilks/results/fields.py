"""Brings values into the declared types of a record's fields: plain Python values and read-only numpy arrays."""

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import AbstractArray

from wilks._base.errors import InvalidData

_DTYPES = {"Float": np.float64, "Int": np.int64, "Int8": np.int8, "Bool": np.bool_}
_KINDS = {"Float": "fiu", "Int": "iu", "Int8": "iu", "Bool": "b"}
_SCALARS = {float: "fiu", int: "iu", bool: "b"}
_PLAIN = frozenset({bool, float, int, str})
_DEEPEST = 64


@functools.cache
def hints_of(record: type) -> dict[str, Any]:
    """Declared type of each field of a dataclass, in order."""
    hints = typing.get_type_hints(record)
    return {f.name: hints[f.name] for f in dataclasses.fields(record)}


@functools.cache
def _fields_of(record: type) -> tuple[tuple[str, Any, Callable[[Any], bool], str], ...]:
    """Name, declared type, its `_exactly`, and place of each field of a dataclass."""
    return tuple((name, hint, _exactly(hint), f"{record.__name__}.{name}") for name, hint in hints_of(record).items())


@functools.cache
def _array_fields(record: type) -> tuple[tuple[str, Any, str], ...]:
    """Name, declared type and place of the fields of a dataclass that can hold arrays."""
    fields = ((name, hint, where) for name, hint, _, where in _fields_of(record))
    return tuple(field for field in fields if is_array(field[1]) or _arrays_inside(field[1]))


@functools.cache
def _origin_of(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    return typing.get_origin(hint), typing.get_args(hint)


def conform_record(record: Any) -> None:
    """Bring all fields of a frozen dataclass into their declared types, and check that the shapes fit together.

    Raises:
        InvalidData: naming the field, the value and what was expected.
    """
    kind, values, changed = type(record), {}, {}
    for name, hint, exactly, where in _fields_of(kind):
        value = values[name] = getattr(record, name)
        if type(value) is hint or exactly(value):
            continue
        values[name] = conform(hint, value, where)
        if values[name] is not value:
            changed[name] = values[name]
    _check_shapes(kind, values)
    for name, value in changed.items():
        object.__setattr__(record, name, value)


def conform(hint: Any, value: Any, where: str) -> Any:
    """The value as the declared type has it.

    Args:
        hint: declared type: a scalar, tuple, dict, enumeration, record, or array with jaxtyping's shape.
        value: what was handed over; lists stand for tuples and arrays, words for members of an enumeration.
        where: place named in errors.

    Raises:
        InvalidData: naming the place, the value and what was expected.
    """
    if _exactly(hint)(value):
        return value
    origin, arguments = _origin_of(hint)
    if hint is Any:
        return plain(value)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        return conform(next(a for a in arguments if a is not types.NoneType), value, where)
    if origin is tuple:
        return _conform_tuple(arguments, value, where)
    if origin is dict:
        return _conform_dict(arguments[1], value, where)
    if is_array(hint):
        return _conform_array(hint, value, where)
    if hint in _SCALARS:
        return _conform_scalar(hint, value, where)
    if isinstance(value, hint):
        return value
    if issubclass(hint, enum.Enum) and isinstance(value, str) and value.upper() in hint.__members__:
        return hint[value.upper()]
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return build(hint, value, where)
    raise InvalidData(f"{where} is {_shown(value)}; expected {hint.__name__}")


def build(record: type, values: dict[str, Any], where: str) -> Any:
    """A record from a mapping of its fields; those with a default may be missing, as in files of earlier versions.

    Raises:
        InvalidData: for missing, unknown or unfit fields.
    """
    hints = hints_of(record)
    missing, unknown = [n for n in _needed(record) if n not in values], [n for n in values if n not in hints]
    if missing or unknown:
        raise InvalidData(f"{where} does not hold a {record.__name__}: missing {missing}, unknown {unknown}")
    fields = {name: conform(hint, values[name], f"{where}.{name}") for name, hint in hints.items() if name in values}
    _check_shapes(record, fields)
    return record(**fields)


@functools.cache
def _needed(record: type) -> tuple[str, ...]:
    """Names of the fields without a default."""
    none = dataclasses.MISSING
    return tuple(f.name for f in dataclasses.fields(record) if f.default is none and f.default_factory is none)


def is_array(hint: Any) -> bool:
    """Whether a declared type is an array with a shape."""
    return isinstance(hint, type) and issubclass(hint, AbstractArray)


def plain(value: Any, depth: int = 0) -> Any:
    """Settings as JSON knows them: arrays and tuples become lists, unknown objects their text.

    Raises:
        InvalidData: for values nested deeper than 64 levels.
    """
    if depth > _DEEPEST:
        raise InvalidData(f"settings are nested deeper than {_DEEPEST} levels")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, float, np.generic)):
        return value.item() if isinstance(value, np.generic) else value
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {str(k): plain(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v, depth + 1) for v in value]
    return value.name.lower() if isinstance(value, enum.Enum) else str(value)


@functools.cache
def _exactly(hint: Any) -> Callable[[Any], bool]:
    """Whether a value is a plain one, or a tuple of such, of exactly the declared type: then it may stay as it is."""
    if hint in _PLAIN:
        return lambda value: type(value) is hint
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    inner = [_exactly(kind) for kind in arguments if kind is not Ellipsis]
    if origin is not tuple or not inner:
        return lambda _: False
    if _PLAIN.issuperset(arguments):
        return lambda value: type(value) is tuple and tuple(map(type, value)) == arguments
    if arguments[-1] is Ellipsis:
        return lambda value: type(value) is tuple and all(map(inner[0], value))
    return lambda value: (
        type(value) is tuple
        and len(value) == len(inner)
        and all(exactly(item) for exactly, item in zip(inner, value, strict=True))
    )


def _conform_tuple(arguments: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if isinstance(value, (str, dict)) or not np.iterable(value):
        raise InvalidData(f"{where} is {_shown(value)}; expected a sequence")
    items = list(value)
    hints = [arguments[0]] * len(items) if arguments[-1] is Ellipsis else list(arguments)
    if len(hints) != len(items):
        raise InvalidData(f"{where} has {len(items)} entries; expected {len(hints)}")
    return tuple(conform(h, v, f"{where}[{i}]") for i, (h, v) in enumerate(zip(hints, items, strict=True)))


def _conform_dict(hint: Any, value: Any, where: str) -> dict[str, Any]:
    mapping = type(value) is dict or isinstance(value, typing.Mapping)
    if not mapping or not all(isinstance(k, str) for k in value):
        raise InvalidData(f"{where} is {_shown(value)}; expected a mapping with names as keys")
    if not value:
        return {}
    exactly = _exactly(hint)
    return {k: v if exactly(v) else conform(hint, v, f"{where}[{k!r}]") for k, v in value.items()}


def _conform_array(hint: Any, value: Any, where: str) -> np.ndarray:
    kind = hint.dtype.__name__
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise InvalidData(f"{where} is no rectangular array: {error}") from None
    if array.size and array.dtype.kind not in _KINDS[kind]:
        raise InvalidData(f"{where} holds {array.dtype}; expected {np.dtype(_DTYPES[kind])}")
    array = np.array(array, dtype=_DTYPES[kind], order="C")
    array.flags.writeable = False
    return array


def _conform_scalar(hint: type, value: Any, where: str) -> Any:
    array = np.asarray(value)
    if array.ndim != 0 or array.dtype.kind not in _SCALARS[hint]:
        raise InvalidData(f"{where} is {_shown(value)}; expected one {hint.__name__}")
    return hint(array.item())


def _check_shapes(record: type, values: dict[str, Any]) -> None:
    """Axis names mean the same length in all fields of one record (``isinstance`` of jaxtyping would import JAX)."""
    lengths: dict[str, tuple[int, ...]] = {}
    for name, hint, place in _array_fields(record):
        for where, shape, array in _arrays(hint, values.get(name), place):
            if not _fits(shape.dim_str.split(), array.shape, lengths):
                known = ", ".join(f"{axis} = {length}" for axis, length in lengths.items())
                raise InvalidData(
                    f"{where} has shape {array.shape}; expected '{shape.dim_str}'" + (f" with {known}" if known else "")
                )


def _arrays(hint: Any, value: Any, where: str) -> Iterator[tuple[str, Any, np.ndarray]]:
    """All arrays of one field, each with the type that declares its shape."""
    if is_array(hint):
        if value is not None:  # left out: it has a default
            yield where, hint, value
        return
    inner = _arrays_inside(hint)
    if not inner or value is None:
        return
    items = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
    for item in items:
        yield where, inner[0], item


@functools.cache
def _arrays_inside(hint: Any) -> tuple[Any, ...]:
    return tuple(h for h in typing.get_args(hint) if is_array(h))


def _fits(axes: list[str], shape: tuple[int, ...], lengths: dict[str, tuple[int, ...]]) -> bool:
    """Whether a shape has the named axes: ``name``, ``_`` (any), a number, ``*name`` or ``...`` (several, first)."""
    if axes and (axes[0] == "..." or axes[0].startswith("*")):
        several, axes = axes[0].lstrip("*"), axes[1:]
        cut = len(shape) - len(axes)
        if cut < 0 or (several != "..." and lengths.setdefault(several, shape[:cut]) != shape[:cut]):
            return False
        shape = shape[cut:]
    return len(axes) == len(shape) and all(
        axis == "_" or (length == int(axis) if axis.isdigit() else lengths.setdefault(axis, (length,)) == (length,))
        for axis, length in zip(axes, shape, strict=True)
    )


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 80 else f"{text[:77]}..."
