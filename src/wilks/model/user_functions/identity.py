"""A user's function in the role of a constant: hashed and compared by content, checked for later changes."""

import types
from collections.abc import Callable
from typing import Any

from wilks._base.digests import digest, is_verifiable
from wilks._base.errors import InvalidModel

_UNKNOWN = "unverifiable-content"


class IdentifiedFunction:
    """A function with the digest that it had when it was handed over.

    Two are equal if their code and digests are, so that a model built twice is compiled once; functions whose source
    text is not to be had are equal to themselves alone.

    Args:
        function: any callable.
        known_digest: digest from before, if this is a copy from another process.
    """

    def __init__(self, function: Callable[..., Any], known_digest: str = "") -> None:
        self.function = function
        self.digest = known_digest or _digest_of(function)

    @property
    def _key(self) -> Any:
        code = _code_of(self.function)
        verifiable = code is not None and is_verifiable(self.digest)
        return (self.digest, code if verifiable else id(self.function))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdentifiedFunction) and (self is other or self._key == other._key)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[Any, ...]:
        return IdentifiedFunction, (self.function, self.digest)

    def refuse_changes(self, name: str) -> None:
        """Make sure that the function, and the numbers of its module that it names, are still what they were.

        Raises:
            InvalidModel: if not; compiled programs would go on with the old numbers.
        """
        if is_verifiable(self.digest) and _digest_of(self.function) != self.digest:
            raise InvalidModel(
                f"the function {name!r}, or a number of its module that it reads, has changed since the model was "
                "built; build the model again"
            )


def _digest_of(function: Callable[..., Any]) -> str:
    try:
        return digest(function)
    except InvalidModel:  # a callable object whose content cannot be seen
        return _UNKNOWN


def _code_of(function: Any) -> types.CodeType | None:
    return function.__code__ if isinstance(function, types.FunctionType) else None
