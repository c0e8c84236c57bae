"""Fields charged under symmetry groups, their products, and the list of all terms that the symmetries allow."""

import copy
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wilks._base.errors import InvalidModel, InvalidOption
from wilks._base.notices import notice

from .charges import AbstractGroup
from .groups import Components, NonAbelianGroup
from .polynomials import Entry

_HIGHEST_ORDER = 8
_MOST_TERMS = 10_000_000


@dataclass(frozen=True)
class Field:
    """A field, or a product of fields, with its charges and components.

    Args:
        name: text for prints; a product joins the names by spaces.
        charges: charge under each group: an integer (Z_N), a number (U(1)), an irrep or several (non-Abelian).
        components: per non-Abelian group and irrep the multiplets, whose entries are names, text or polynomials:
            ``{A4: {"3": [["L1", "L2", "L3"]]}}``.

    Raises:
        InvalidModel: for components under a group without charge, or of wrong length.

    >>> from wilks.physics.flavor.charges import U1Group
    >>> Y = U1Group("hypercharge")
    >>> Field("H", {Y: 0.5}).times(Field("L", {Y: -0.5})).is_desired(Field("none", {Y: 0}))
    True
    """

    name: str
    charges: Mapping[AbstractGroup, Any] = field(default_factory=dict)
    components: Mapping[NonAbelianGroup, Mapping[str, Iterable[Sequence[Entry]]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        strangers = [group.name for group in self.components if group not in self.charges]
        if strangers:
            raise InvalidModel(f"field {self.name!r} has components under {strangers}, but no charge there; give both")
        object.__setattr__(self, "charges", {group: group.charge(value) for group, value in self.charges.items()})
        components = {group: group.components(found) for group, found in self.components.items()}
        object.__setattr__(self, "components", components)

    def times(self, other: "Field") -> "Field":
        """Product of two fields: charges multiplied, components contracted in all ways.

        Raises:
            InvalidModel: if the fields are not charged under the same groups, naming the missing ones.
        """
        _check_same_groups(self, other, "charges", self.charges, other.charges)
        _check_same_groups(self, other, "components", self.components, other.components)
        return Field(
            f"{self.name} {other.name}",
            {group: group.multiply(charge, other.charges[group]) for group, charge in self.charges.items()},
            {
                group: group.multiply_components(self.multiplets(group), other.multiplets(group))
                for group in self.components
            },
        )

    def multiplets(self, group: NonAbelianGroup) -> Components:
        """Components under a group, by irrep: tuples of multiplets, each a tuple of polynomials."""
        return {irrep: tuple(tuple(m) for m in found) for irrep, found in self.components[group].items()}  # type: ignore[misc]

    def is_desired(
        self, field: "Field", print_cause: bool = False, ignore: Iterable[AbstractGroup] | None = None
    ) -> bool:
        """Whether all charges agree with, or contain, those of the wanted field.

        Args:
            field: a field with the wanted charges.
            print_cause: say on the log which groups disagree.
            ignore: groups that are not compared.

        Raises:
            InvalidModel: if the fields are not charged under the same groups.
        """
        causes = self.mismatches(field, ignore)
        if print_cause and causes:
            notice(f"{self.name!r} has not the charges of {field.name!r} under {', '.join(g.name for g in causes)}")
        return not causes

    def mismatches(self, field: "Field", ignore: Iterable[AbstractGroup] | None = None) -> tuple[AbstractGroup, ...]:
        """Groups under which the charges differ from the wanted ones.

        Args:
            field: a field with the wanted charges.
            ignore: groups that are not compared.
        """
        _check_same_groups(self, field, "charges", self.charges, field.charges)
        compared = [group for group in self.charges if group not in tuple(ignore or ())]
        return tuple(g for g in compared if not g.is_desired(self.charges[g], field.charges[g]))

    def copy(self) -> "Field":
        """An equal field; fields never change, so this is for scripts that expect to copy."""
        return copy.copy(self)

    def __repr__(self) -> str:
        return self.name


def list_allowed_terms(all_fields: Sequence[Field], allowed: Field, order: int = 4) -> list[Field]:
    """All products of at most ``order`` fields that the symmetries allow.

    Args:
        all_fields: the fields to multiply; each may occur several times in a term.
        allowed: a field with the wanted charges, for example the singlet with the charges of the Lagrangian.
        order: number of fields of the longest terms, 1 to 8.

    Returns:
        First the terms of ``order`` fields, then those of 1, 2, ..., order - 1, each in the order of the fields.

    Raises:
        InvalidOption: for another order, or more than 1e7 candidates.
    """
    lengths = _lengths(len(all_fields), order)
    combinations = itertools.chain(*(itertools.combinations_with_replacement(all_fields, n) for n in lengths))
    return [_product(members) for members in combinations if _charges_match(members, allowed)]


def _lengths(fields: int, order: int) -> list[int]:
    if not 1 <= order <= _HIGHEST_ORDER:
        raise InvalidOption(f"order {order} lies outside [1, {_HIGHEST_ORDER}]; terms of more fields are not listed")
    candidates = sum(math.comb(fields + n - 1, n) for n in range(1, order + 1)) if fields else 0
    if candidates > _MOST_TERMS:
        raise InvalidOption(
            f"{fields} fields up to order {order} make {candidates} candidate terms, more than {_MOST_TERMS}; lower "
            "the order or leave out fields that cannot contribute"
        )
    return [order, *range(1, order)]


def _charges_match(members: Sequence[Field], allowed: Field) -> bool:
    """The cheap test, without components."""
    total = dict(members[0].charges)
    for member in members:
        _check_same_groups(member, allowed, "charges", member.charges, allowed.charges)
    for member in members[1:]:
        for group, charge in total.items():
            total[group] = group.multiply(charge, member.charges[group])
    return all(group.is_desired(charge, allowed.charges[group]) for group, charge in total.items())


def _product(members: Sequence[Field]) -> Field:
    result = members[0]
    for member in members[1:]:
        result = result.times(member)
    return result


def _check_same_groups(one: Field, two: Field, what: str, mine: Iterable[Any], theirs: Iterable[Any]) -> None:
    first, second = {g.name for g in mine}, {g.name for g in theirs}
    if set(mine) != set(theirs):
        raise InvalidModel(
            f"{what} of {one.name!r} and {two.name!r} belong to different groups: {sorted(first - second)} only of the "
            f"first, {sorted(second - first)} only of the second; give every field a charge under every group"
        )
