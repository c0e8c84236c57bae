"""FlavorPy's symmetry groups: Z_N, U(1) and non-Abelian ones, whose products of components are text."""

import copy
import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from wilks._base.errors import UnknownName, near_names
from wilks.physics.flavor import charges, groups

Components: TypeAlias = dict[str, list[list[str]]]
"""Multiplets of a field by irrep, each a list of texts."""

Clebsches: TypeAlias = Mapping[str, Mapping[str, Sequence[Sequence[Sequence[Any]]]]]
"""``{"A x B": {"C": [matrix, ...]}}``."""


@dataclass(frozen=True, repr=False)
class AbelianGroup:
    """The group Z_N.

    Args:
        name: text for prints.
        order: N.
    """

    name: str
    order: int = 1

    @functools.cached_property
    def native(self) -> charges.AbelianGroup:
        """The group on which the rules live."""
        return charges.AbelianGroup(self.name, self.order)

    def __repr__(self) -> str:
        return self.name

    def copy(self) -> "AbelianGroup":
        """A deep copy, which is equal to the group."""
        return copy.deepcopy(self)

    def make_product(self, chargeA: int, chargeB: int) -> int:
        """(a + b) mod N."""
        return self.native.multiply(self.native.charge(chargeA), self.native.charge(chargeB))

    def is_desired(self, charge_field: int, charge_desired: int) -> bool:
        """Whether charges are equal modulo N."""
        return self.native.is_desired(charge_field, charge_desired)


@dataclass(frozen=True, repr=False)
class U1Group:
    """A U(1), whose charges are real numbers.

    Args:
        name: text for prints.
    """

    name: str

    @functools.cached_property
    def native(self) -> charges.U1Group:
        """The group on which the rules live."""
        return charges.U1Group(self.name)

    def __repr__(self) -> str:
        return self.name

    def copy(self) -> "U1Group":
        """A deep copy, which is equal to the group."""
        return copy.deepcopy(self)

    def make_product(self, chargeA: float | int, chargeB: float | int) -> float | int:
        """The sum."""
        return self.native.multiply(self.native.charge(chargeA), self.native.charge(chargeB))

    def is_desired(self, charge_field: float | int, charge_desired: float | int) -> bool:
        """Whether charges are equal within 1e-9."""
        return self.native.is_desired(charge_field, charge_desired)


@dataclass(frozen=True, repr=False, eq=False)
class NonAbelianGroup:
    """A finite non-Abelian group by its tensor products.

    Args:
        name: text for prints.
        gapid: number in the library of GAP.
        representations: names of irreps.
        tensor_products: entry [i][j] lists the irreps of representation i times j.
        clebsches: Clebsch-Gordan matrices of shape (dim C, dim A dim B), column i_A dim B + i_B.

    Raises:
        InvalidModel: if the table or a matrix contradicts itself.
    """

    name: str
    gapid: Sequence[int] = ()
    representations: Sequence[str] = ()
    tensor_products: Sequence[Sequence[Sequence[str]]] = ()
    clebsches: Clebsches | None = None

    def __post_init__(self) -> None:
        _ = self.native  # checks the table

    @functools.cached_property
    def native(self) -> groups.NonAbelianGroup:
        """The group on which the rules live."""
        return groups.NonAbelianGroup(
            self.name, self.gapid or (), self.representations or (), self.tensor_products or (), self.clebsches or {}
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NonAbelianGroup) and self.native == other.native

    def __hash__(self) -> int:
        return hash(self.native)

    def __repr__(self) -> str:
        return self.name

    def copy(self) -> "NonAbelianGroup":
        """A deep copy, which is equal to the group."""
        return copy.deepcopy(self)

    def make_product(self, repA: Iterable[str], repB: Iterable[str]) -> list[str]:
        """All irreps of the product, repeated ones repeatedly."""
        return list(self.native.multiply(self.native.charge(repA), self.native.charge(repB)))

    def is_desired(self, rep_field: Iterable[str], rep_desired: Iterable[str]) -> bool:
        """Whether any of the wanted irreps is contained."""
        return self.native.is_desired(self.native.charge(rep_field), self.native.charge(rep_desired))

    def make_product_components(
        self, compA: Mapping[str, Sequence[Sequence[str]]], compB: Mapping[str, Sequence[Sequence[str]]]
    ) -> Components:
        """All contractions of two fields' components, as text.

        Raises:
            UnknownName: if the Clebsch-Gordan matrices of a needed product were not given.
        """
        made: Components = {}
        for irrep_a, irrep_b in ((a, b) for a in compA for b in compB):
            given = self.clebsches or {}
            if f"{irrep_a} x {irrep_b}" in given:
                pair, firsts, seconds = f"{irrep_a} x {irrep_b}", compA[irrep_a], compB[irrep_b]
            elif f"{irrep_b} x {irrep_a}" in given:  # the other order of the same product
                pair, firsts, seconds = f"{irrep_b} x {irrep_a}", compB[irrep_b], compA[irrep_a]
            else:
                asked = f"{irrep_a} x {irrep_b}"
                raise UnknownName(f"group {self.name!r} has no clebsches of {asked!r}; {near_names(asked, given)}")
            for first, second in ((one, two) for one in firsts for two in seconds):
                for irrep, matrices in given[pair].items():
                    found = [[_sum(row, first, second) for row in matrix] for matrix in matrices]
                    made[irrep] = made.get(irrep, []) + found
        return made


def _sum(row: Sequence[Any], first: Sequence[str], second: Sequence[str]) -> str:
    """A line of a Clebsch-Gordan matrix as text, e.g. ``2/sqrt(3) a1 b1 - a2 b3``."""
    pieces = []
    for column, coefficient in enumerate(row):
        number = str(coefficient).strip()
        if number in ("0", "0.0"):
            continue
        sign, size = ("-", number[1:].strip()) if number.startswith("-") else ("+", number)
        one, two = first[column // len(second)], second[column % len(second)]
        factors = [_protected(one), _protected(two)]
        pieces.append(" ".join([sign, *([] if size in ("1", "1.0") else [size]), *factors]))
    return " ".join(pieces).removeprefix("+ ") or "0"


def _protected(text: str) -> str:
    """A sum, or a term with a sign, in brackets."""
    return f"({text})" if "+" in text or "-" in text else text
