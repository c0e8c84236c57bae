"""A user's function in the role of a constant: hashed and compared by content, checked for later changes."""

import dataclasses
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from wilks._base.closed_code import codes_of, enclosed
from wilks._base.digests import digest, is_verifiable
from wilks._base.errors import InvalidModel

_SIMPLE = (bool, int, float, complex, str, bytes, np.ndarray, np.generic)


@dataclasses.dataclass(frozen=True, eq=False)
class IdentifiedFunction:
    """A function with the digests that it had when it was handed over.

    Two are equal if their code and digests are, so that a model built twice is compiled once; functions whose source
    text is not to be had are equal to themselves alone.

    Args:
        function: a function, method, or other callable whose digest is known; see `identified`.
        content: its digest.
        surroundings: digest of the code, numbers and functions of its module that it reads.
    """

    function: Callable[..., Any]
    content: str
    surroundings: str

    @property
    def _key(self) -> tuple[str, Any]:
        known = isinstance(self.function, types.FunctionType) and is_verifiable(self.content)
        return self.content, self.function.__code__ if known else id(self.function)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdentifiedFunction) and (self is other or self._key == other._key)

    def __hash__(self) -> int:
        return hash(self.content)

    def refuse_changes(self, name: str) -> None:
        """Make sure that the numbers and functions of its module that it reads are still what they were.

        Raises:
            InvalidModel: if not; compiled programs would go on with the old ones.
        """
        if _surroundings(self.function) != self.surroundings:
            raise InvalidModel(
                f"a number or function that {name!r} reads from its module has changed since the model was built; "
                "build the model again"
            )


def identified(function: Callable[..., Any]) -> IdentifiedFunction:
    """Any callable with its digests."""
    try:
        return IdentifiedFunction(function, digest(function), _surroundings(function))
    except InvalidModel:  # an object, or a method of one, whose content cannot be seen

        def call(point: Any) -> Any:
            return function(point)

        return IdentifiedFunction(call, digest(call), _surroundings(call))


def functions_within(function: Callable[..., Any]) -> list[types.FunctionType]:
    """A function, and those of its module that it names or closes over, each once."""
    inner = getattr(function, "func", getattr(function, "__func__", function))  # of a partial, of a method
    found: list[types.FunctionType] = []
    waiting = [inner]
    while waiting:
        here = waiting.pop()
        if isinstance(here, types.FunctionType) and here.__module__ == inner.__module__ and here not in found:
            found.append(here)
            waiting += [here.__globals__.get(name) for name in names_in(here.__code__)]
            waiting += enclosed(here)
    return found


def _surroundings(function: Callable[..., Any]) -> str:
    """Digest of the code of a function and of those within it, and of the numbers of the module that they read."""
    read = {}
    for inner in functions_within(function):
        names = names_in(inner.__code__) & set(inner.__globals__)
        numbers = {name: value for name in names if isinstance(value := inner.__globals__[name], _SIMPLE)}
        read[f"{inner.__module__}.{inner.__qualname__}"] = (_text_of(inner.__code__), numbers)
    return digest(read)


def _text_of(code: types.CodeType) -> tuple[Any, ...]:
    inside = [_text_of(c) if isinstance(c, types.CodeType) else c for c in code.co_consts]
    return code.co_code, code.co_names, tuple(c for c in inside if isinstance(c, (*_SIMPLE, tuple)))


def names_in(code: types.CodeType) -> set[str]:
    """Names that a function looks up, in the functions inside it too."""
    return {name for inner in codes_of(code) for name in inner.co_names}
