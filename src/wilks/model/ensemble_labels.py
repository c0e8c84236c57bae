"""What an ensemble's predicted numbers and its variations are called, where that is known, and how names are joined."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from wilks._base.errors import InvalidModel
from wilks.parameters.space import ParameterSpace


@dataclass(frozen=True)
class EnsembleLabels:
    """Names of predicted numbers with their units, and names of variations; empty where they are not known.

    Args:
        names: one per predicted number, or none at all.
        units: one per predicted number (empty for no unit), or none at all.
        variations: one per variation, or none at all.
    """

    names: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    variations: tuple[str, ...] = ()

    @classmethod
    def of(cls, size: int, names: Sequence[str], unit: str | Sequence[str]) -> "EnsembleLabels":
        """Labels of ``size`` predicted numbers, with one unit for all or one for each.

        Raises:
            InvalidModel: for another number of names or units.
        """
        if not names and not unit:
            return NO_LABELS
        units = ((unit,) * size if unit else ()) if isinstance(unit, str) else tuple(unit)
        return cls(_as_many("names", names, size), _as_many("units", units, size))

    def with_variations(self, names: Sequence[str], size: int) -> "EnsembleLabels":
        """The labels with names of ``size`` variations.

        Raises:
            InvalidModel: for another number of names, or one that occurs twice.
        """
        if not names:
            return self
        variations = _as_many("names of variations", names, size)
        if len(set(variations)) < len(variations):
            twice = next(name for name in variations if variations.count(name) > 1)
            raise InvalidModel(f"two variations are called {twice!r}; give each its own name")
        return replace(self, variations=variations)


NO_LABELS = EnsembleLabels()
"""Of an ensemble of which nothing is known."""


def joined(parts: Sequence[EnsembleLabels], sizes: Sequence[int]) -> EnsembleLabels:
    """Labels of predictions one after the other; names only if every part has them."""
    names = tuple(name for part in parts for name in part.names) if all(part.names for part in parts) else ()
    if not any(part.units for part in parts):
        return EnsembleLabels(names)
    pairs = zip(parts, sizes, strict=True)
    return EnsembleLabels(names, tuple(unit for part, size in pairs for unit in part.units or ("",) * size))


def shared(parts: Sequence[EnsembleLabels]) -> EnsembleLabels:
    """Labels of a sum.

    Raises:
        InvalidModel: if two terms are called or measured differently.
    """
    found = NO_LABELS
    for part in parts:
        _compare("the terms of a sum", found.names, part.names)
        _compare("the units of the terms of a sum", found.units, part.units)
        found = EnsembleLabels(found.names or part.names, found.units or part.units)
    return found


def joined_variations(parts: Sequence[EnsembleLabels], sizes: Sequence[int], systematics: str) -> tuple[str, ...]:
    """Names of the variations of a combination: ``OUTER x INNER`` in a product, the common ones of a pair.

    Args:
        parts: labels of the parts, the one whose variations are slowest first.
        sizes: number of variations of each; a single one leaves no trace.
        systematics: ``"product"`` or ``"paired"``.

    Raises:
        InvalidModel: if paired variations are called differently.
    """
    varied = [part.variations for part, size in zip(parts, sizes, strict=True) if size > 1]
    if systematics == "paired":
        found: tuple[str, ...] = ()
        for names in varied:
            _compare("the variations of a pair", found, names)
            found = found or names
        return found
    if not varied or not all(varied):
        return ()
    return tuple(" x ".join(chosen) for chosen in itertools.product(*varied))


def check_joint(given: EnsembleLabels, taken: ParameterSpace) -> None:
    """Compare what an inner predictor gives with what an outer one takes.

    Raises:
        InvalidModel: naming both sides of the first difference.
    """
    if given is NO_LABELS:
        return
    _compare("what the inner predictor gives and the outer one takes", given.names, taken.names)
    if given.units:
        units = tuple(p.unit for p in taken.parameters)
        _compare("the units of what the inner predictor gives and the outer one takes", given.units, units)


def _as_many(what: str, given: Sequence[str], size: int) -> tuple[str, ...]:
    if len(given) not in (0, size):
        raise InvalidModel(f"{len(given)} {what} for {size}; expected one each, or none")
    return tuple(given)


def _compare(what: str, first: Sequence[str], second: Sequence[str]) -> None:
    if not first or not second:
        return
    for i, (one, other) in enumerate(zip(first, second, strict=True)):
        if one and other and one != other:
            raise InvalidModel(f"{what} differ: number {i} is {one!r} on one side and {other!r} on the other")
