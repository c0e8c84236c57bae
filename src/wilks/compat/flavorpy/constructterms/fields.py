"""FlavorPy's fields, their products, and the list of all terms that the symmetries allow."""

import copy
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from wilks._base.errors import InvalidModel
from wilks.physics.flavor import terms

from .symmetries import AbelianGroup, NonAbelianGroup, U1Group

Group: TypeAlias = AbelianGroup | U1Group | NonAbelianGroup


class Field:
    """A field, or a product of fields.

    Args:
        name: text for prints.
        charges: group -> charge: an integer (Z_N), a number (U(1)), a list of irreps (non-Abelian).
        components: non-Abelian group -> irrep -> multiplets: ``{A4: {"3": [["x1", "x2", "x3"]]}}``.
    """

    def __init__(
        self, name: str, charges: Mapping[Any, Any] | None = None, components: Mapping[Any, Any] | None = None
    ) -> None:
        self.name = name
        self.charges, self.components = dict(charges or {}), dict(components or {})

    def __repr__(self) -> str:
        return self.name

    def copy(self) -> "Field":
        """A deep copy."""
        return copy.deepcopy(self)

    def times(self, other_field: "Field") -> "Field":
        """Product of two fields: charges multiplied, components contracted.

        Raises:
            InvalidModel: if the fields are not charged under the same groups, naming the missing ones.
        """
        _check_same(self, other_field, "charges", self.charges, other_field.charges)
        _check_same(self, other_field, "components", self.components, other_field.components)
        return Field(
            f"{self.name} {other_field.name}",
            {group: group.make_product(charge, other_field.charges[group]) for group, charge in self.charges.items()},
            {
                group: group.make_product_components(found, other_field.components[group])
                for group, found in self.components.items()
            },
        )

    def is_desired(
        self, desired_field: "Field", print_cause: bool = False, ignore: Iterable[Any] | None = None
    ) -> bool:
        """Whether all charges agree with, or contain, those of the wanted field.

        Args:
            desired_field: a field with the wanted charges.
            print_cause: print which groups disagree.
            ignore: groups that are not compared.

        Raises:
            InvalidModel: if the fields are not charged under the same groups.
        """
        _check_same(self, desired_field, "charges", self.charges, desired_field.charges)
        compared = [group for group in self.charges if group not in tuple(ignore or ())]
        causes = [g for g in compared if not g.is_desired(self.charges[g], desired_field.charges[g])]
        for group in causes if print_cause else ():
            sys.stdout.write(f"'{self.name}' has not the charge of '{desired_field.name}' under {group.name}\n")
        return not causes


def list_allowed_terms(all_fields: Sequence[Field], allowed: Field, order: int = 4) -> list[Field]:
    """All products of at most ``order`` fields that the symmetries allow.

    Args:
        all_fields: the fields to multiply; each may occur several times in a term.
        allowed: a field with the wanted charges.
        order: number of fields of the longest terms, 1 to 8.

    Returns:
        First the terms of ``order`` fields, then those of 1, 2, ..., order - 1, each in the order of the fields.

    Raises:
        InvalidOption: for another order, or more than 1e7 candidates.
        InvalidModel: if the fields are not charged under the same groups.
    """
    for field in all_fields:
        _check_same(field, allowed, "charges", field.charges, allowed.charges)
    numbered = [_charges_alone(str(i), field) for i, field in enumerate(all_fields)]
    found = terms.list_allowed_terms(numbered, _charges_alone("allowed", allowed), order)
    return [_product([all_fields[int(i)] for i in term.name.split()]) for term in found]


def _charges_alone(name: str, field: Field) -> terms.Field:
    return terms.Field(name, {group.native: charge for group, charge in field.charges.items()})


def _product(members: Sequence[Field]) -> Field:
    made = members[0]
    for member in members[1:]:
        made = made.times(member)
    return made


def _check_same(one: Field, two: Field, what: str, mine: Mapping[Any, Any], theirs: Mapping[Any, Any]) -> None:
    if set(mine) != set(theirs):
        first, second = ({group.name for group in groups} for groups in (mine, theirs))
        raise InvalidModel(
            f"{what} of {one.name!r} and {two.name!r} belong to different groups: {sorted(first - second)} only of the "
            f"first, {sorted(second - first)} only of the second; give every field a charge under every group"
        )
