"""Numbers and attributes of a class of sources that an instance can replace by keyword arguments."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from .volume import Cylinder

VOLUME = tuple(field.name for field in dataclasses.fields(Cylinder))
ATTRIBUTES = (*VOLUME, "energies", "rates_vs_energy", "check_acceptances", "check_efficiencies")
"""Settings that are neither model functions nor parameters."""


@dataclasses.dataclass(frozen=True)
class Options:
    """How a source works.

    Args:
        accuracy: "fast" or "exact".
        check_acceptances: whether events outside the cuts are an error; else their rate is 0.
        check_efficiencies: whether events at places where nothing is detected are an error.
    """

    accuracy: str
    check_acceptances: bool
    check_efficiencies: bool


@dataclasses.dataclass(frozen=True)
class Setting:
    """A default on a class; read from an instance it is what that instance was made with.

    Args:
        value: the default.
        name: name of the attribute.
    """

    value: Any
    name: str = ""

    def __set_name__(self, owner: type, name: str) -> None:
        object.__setattr__(self, "name", name)

    def __get__(self, source: Any, owner: type) -> Any:
        return self.value if source is None else source.setting(self.name)


def replaceable(function: Any) -> Any:
    """The same static method, which subclasses may replace by one of other columns and parameters, or by a number.

    Its declared type says nothing, so that type checkers do not compare the signature of what replaces it.
    """
    return function


def adopt_settings(cls: type) -> None:
    """Turn the plain numbers and arrays in the body of a class that replace settings of its bases into settings."""
    known = {name for base in cls.__mro__[1:] for name, value in vars(base).items() if isinstance(value, Setting)}
    for name in known & set(vars(cls)):
        value = vars(cls)[name]
        if not isinstance(value, (Setting, staticmethod)) and not callable(value):
            setattr(cls, name, Setting(value, name))


def split_settings(cls: type, given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes of a new instance, complete, and the settings of its model functions.

    Args:
        cls: class of the instance.
        given: keyword arguments.
    """
    complete = {name: given.get(name, getattr(cls, name)) for name in ATTRIBUTES}
    return complete, {name: value for name, value in given.items() if name not in ATTRIBUTES}
