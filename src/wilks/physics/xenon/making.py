"""How type checkers see the making of sources: subclasses take the keyword arguments of the class they come from."""

from typing import Any, TypeVar

import equinox as eqx

Made = TypeVar("Made")
_OfModules: Any = type(eqx.Module)


class SourceType(_OfModules, type):
    """The type of classes of sources.

    Type checkers take a class of `equinox` for a data class and write a constructor for each subclass that has none,
    with the fields as its arguments. The declared call says what really happens: keyword arguments go to the
    constructor that the subclass inherits, and its instance comes back.
    """

    def __call__(cls: type[Made], *arguments: Any, **settings: Any) -> Made:
        """An instance."""
        return super().__call__(*arguments, **settings)
