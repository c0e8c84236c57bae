"""Points as users hand them over: dictionaries, rows of frames, lmfit's parameters; read, never changed."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from wilks._base.errors import UnknownName

from .dimensions import Dimension
from .expressions import in_order

SCALE = "n_scale"
"""Name of the fixed scale of neutrino masses that every lepton model has."""


@runtime_checkable
class Point(Protocol):
    """Numbers by name: a dictionary, a pandas Series, lmfit.Parameters."""

    def keys(self) -> Any:
        """Names."""
        ...

    def __getitem__(self, name: Any, /) -> Any:
        """A number, or something that ``float`` takes."""
        ...


def numbers_of(point: Point, dimensions: Sequence[Dimension]) -> dict[str, Any]:
    """The point as a new dictionary of floats, with ``n_scale`` and dependent parameters filled in if they are absent.

    Args:
        point: numbers by name; other entries are kept.
        dimensions: of the model.
    """
    numbers = {str(name): _number(point[name]) for name in point.keys()}  # noqa: SIM118  a Series iterates over values
    numbers.setdefault(SCALE, 1.0)
    return completed(numbers, dimensions)


def completed(numbers: dict[str, Any], dimensions: Sequence[Dimension], library: Any = np) -> dict[str, Any]:
    """Numbers or columns by name, with those of dependent parameters computed where they are absent."""
    expressions = {d.name: d.expression for d in dimensions if d.expression is not None}
    for name in in_order(expressions, tuple(d.name for d in dimensions)):
        expression = expressions[name]
        if name not in numbers and all(used in numbers for used in expression.names):
            numbers[name] = expression.value(numbers, library)
    return numbers


def check_complete(numbers: Mapping[str, Any], dimensions: Sequence[Dimension], what: str) -> None:
    """Refuse a point or frame that lacks parameters.

    Raises:
        UnknownName: naming them.
    """
    missing = [d.name for d in dimensions if d.name not in numbers]
    if missing:
        known = ", ".join(repr(name) for name in list(numbers)[:12]) or "nothing"
        raise UnknownName(f"{what} has no {', '.join(map(repr, missing))}; it has {known}")


def _number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):  # text, complex numbers and the like are for the user's functions alone
        return value
