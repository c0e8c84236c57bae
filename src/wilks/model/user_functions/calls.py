"""One plain call of a user's function: the mapping that it gets, and errors that name function, place and point."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from wilks._base.errors import InvalidModel, UnknownName, near_names

from .identity import IdentifiedFunction


class _UnknownParameter(KeyError):
    """A parameter that the mapping does not hold; caught where the function was called."""


class Point(dict[str, Any]):
    """The values of one point as a user's function gets them: an ordinary dict, made anew for each call."""

    def __missing__(self, name: str) -> Any:
        raise _UnknownParameter(name)


@dataclasses.dataclass(frozen=True)
class PlainFunction:
    """A user's function with the names of its parameters.

    Args:
        identified: the function itself.
        name: how messages call it.
        parameters: names that its mapping holds, in the order of a space.
        extras: further names with constant values.
    """

    identified: IdentifiedFunction
    name: str
    parameters: tuple[str, ...]
    extras: tuple[tuple[str, float], ...]

    def point(self, numbers: Iterable[Any]) -> Point:
        """The mapping for one point."""
        return Point({**dict(self.extras), **dict(zip(self.parameters, numbers, strict=True))})

    def at(self, theta: Iterable[Any]) -> np.ndarray:
        """Result at one point of ordinary numbers, as an array of floats or complex numbers.

        Raises:
            UnknownName: if the function asks for a parameter that does not exist.
            InvalidModel: if the result is no array of finite numbers.
            Exception: whatever the function raises, with a note on function and point.
        """
        point = self.point([float(x) for x in theta])
        shown = dict(point)  # the function may change its own copy
        try:
            with np.errstate(all="ignore"):  # results that are not finite are refused below
                result = self.identified.function(point)
        except _UnknownParameter as error:
            raise self.unknown(error) from error
        except Exception as error:
            error.add_note(f"raised by the function {self.name!r} at {_text(shown)}")
            raise
        return self._finite(numbers_of(result, self.name, shown), shown)

    def text(self, theta: Iterable[Any]) -> str:
        """A point in words, for messages."""
        return _text(self.point([float(x) for x in theta]))

    def unknown(self, error: KeyError) -> UnknownName:
        """The error that names the parameter asked for, and the known ones."""
        known = (*self.parameters, *(name for name, _ in self.extras))
        asked = error.args[0]
        shown = ", ".join(map(repr, known)) or "none"
        near = near_names(str(asked), known)
        hint = f"; {near}" if near.startswith("did you mean") else ""
        return UnknownName(f"the function {self.name!r} asks for parameter {asked!r}; known names are {shown}{hint}")

    def _finite(self, array: np.ndarray, point: Mapping[str, Any]) -> np.ndarray:
        finite = np.isfinite(array)
        if not finite.all():
            where = tuple(int(i) for i in np.argwhere(~finite)[0])
            place = f" in entry {list(where)}" if where else ""
            raise InvalidModel(f"the function {self.name!r} gives {array[where]}{place} at {_text(point)}")
        return array


def numbers_of(result: Any, name: str, point: Mapping[str, Any]) -> np.ndarray:
    """What a function returned as an array of floats or complex numbers.

    Raises:
        InvalidModel: for None, texts, other objects and ragged lists, naming type and place.
    """
    try:
        array = np.asarray(result)
    except ValueError as error:
        raise InvalidModel(f"the function {name!r} returns no rectangular array at {_text(point)}: {error}") from None
    if array.dtype.kind in "biufc":
        return array.astype(complex if array.dtype.kind == "c" else float)
    loose = np.empty(array.shape, dtype=object)
    loose[...] = array
    for where in np.ndindex(loose.shape):
        if not isinstance(loose[where], (bool, int, float, complex, np.number)):
            place = "".join(f"[{i}]" for i in where)
            raise InvalidModel(
                f"the function {name!r} returns {type(loose[where]).__name__}{' at ' + place if place else ''}, "
                f"{loose[where]!r}, where a number is expected, at {_text(point)}"
            )
    return loose.astype(complex if any(np.iscomplexobj(x) for x in loose.flat) else float)


def _text(point: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in point.items()) or "no parameters"
