"""What a symmetry group does with charges, and the groups whose charges are numbers: Z_N and U(1)."""

import abc
import math
from dataclasses import dataclass
from typing import Any

from wilks._base.errors import InvalidModel

_U1_TOLERANCE = 1e-9


class AbstractGroup(abc.ABC):
    """A symmetry: it multiplies charges and says whether a charge is the wanted one.

    To write one: a frozen dataclass with a ``name`` and the three methods below. Equal groups are the same symmetry.
    """

    name: str

    @abc.abstractmethod
    def charge(self, value: Any) -> Any:
        """The charge in its standard form; refuses what is no charge of this group."""

    @abc.abstractmethod
    def multiply(self, one: Any, two: Any) -> Any:
        """Charge of a product."""

    @abc.abstractmethod
    def is_desired(self, value: Any, wanted: Any) -> bool:
        """Whether a charge is, or contains, the wanted one."""


@dataclass(frozen=True)
class AbelianGroup(AbstractGroup):
    """The cyclic group Z_N with charges 0, ..., N-1.

    Args:
        name: text for prints.
        order: N, at least 1.
    """

    name: str
    order: int = 1

    def __post_init__(self) -> None:
        if self.order < 1:
            raise InvalidModel(f"group {self.name!r}: the order {self.order} must be at least 1")

    def charge(self, value: Any) -> int:
        """The charge modulo N."""
        if value != int(value):
            raise InvalidModel(f"group {self.name!r}: charge {value!r} is no integer; use U1Group for real charges")
        return int(value) % self.order

    def multiply(self, one: int, two: int) -> int:
        """(one + two) mod N."""
        return (one + two) % self.order

    def is_desired(self, value: int, wanted: int) -> bool:
        """Whether the charges are equal modulo N."""
        return (value - wanted) % self.order == 0


@dataclass(frozen=True)
class U1Group(AbstractGroup):
    """A U(1) with real charges, which add; also modular weights and hypercharges.

    Args:
        name: text for prints.

    >>> U1Group("Y").is_desired(0.1 + 0.2, 0.3)
    True
    """

    name: str

    def charge(self, value: Any) -> float | int:
        """The charge as it is; it must be finite."""
        if not math.isfinite(value):
            raise InvalidModel(f"group {self.name!r}: charge {value!r} is not finite")
        return value

    def multiply(self, one: float | int, two: float | int) -> float | int:
        """one + two."""
        return one + two

    def is_desired(self, value: float | int, wanted: float | int) -> bool:
        """Whether the charges are equal within 1e-9, so that 0.1 + 0.2 is 0.3."""
        return abs(value - wanted) <= _U1_TOLERANCE
