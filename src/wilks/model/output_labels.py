"""Names and units of the numbers that an ensemble predicts, where they are known, and their comparison at a joint."""

from collections.abc import Sequence
from dataclasses import dataclass

from wilks._base.errors import InvalidModel
from wilks.parameters.space import ParameterSpace


@dataclass(frozen=True)
class OutputLabels:
    """What a prediction's numbers are called and measured in; empty where that is not known.

    Args:
        names: one per number, or none at all.
        units: one per number (empty for no unit), or none at all.
    """

    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    @classmethod
    def of(cls, size: int, names: Sequence[str], unit: str | Sequence[str]) -> "OutputLabels":
        """Labels of ``size`` numbers, with one unit for all or one for each.

        Raises:
            InvalidModel: for another number of names or units.
        """
        units = ((unit,) * size if unit else ()) if isinstance(unit, str) else tuple(unit)
        for what, given in (("names", names), ("units", units)):
            if len(given) not in (0, size):
                raise InvalidModel(f"{len(given)} {what} for {size} predicted numbers; expected one each, or none")
        return cls(tuple(names), units)


def joined(parts: Sequence[OutputLabels], sizes: Sequence[int]) -> OutputLabels:
    """Labels of predictions one after the other; names only if every part has them."""
    names = tuple(name for part in parts for name in part.names) if all(part.names for part in parts) else ()
    if not any(part.units for part in parts):
        return OutputLabels(names)
    pairs = zip(parts, sizes, strict=True)
    return OutputLabels(names, tuple(unit for part, size in pairs for unit in part.units or ("",) * size))


def shared(parts: Sequence[OutputLabels]) -> OutputLabels:
    """Labels of a sum.

    Raises:
        InvalidModel: if two terms are called or measured differently.
    """
    found = OutputLabels()
    for part in parts:
        _compare("the terms of a sum", found.names, part.names)
        _compare("the units of the terms of a sum", found.units, part.units)
        found = OutputLabels(found.names or part.names, found.units or part.units)
    return found


def check_joint(given: OutputLabels, taken: ParameterSpace) -> None:
    """Compare what an inner predictor gives with what an outer one takes.

    Raises:
        InvalidModel: naming both sides of the first difference.
    """
    _compare("what the inner predictor gives and the outer one takes", given.names, taken.names)
    if given.units:
        units = tuple(p.unit for p in taken.parameters)
        _compare("the units of what the inner predictor gives and the outer one takes", given.units, units)


def _compare(what: str, first: Sequence[str], second: Sequence[str]) -> None:
    if not first or not second:
        return
    for i, (one, other) in enumerate(zip(first, second, strict=True)):
        if one and other and one != other:
            raise InvalidModel(f"{what} differ: number {i} is {one!r} on one side and {other!r} on the other")
