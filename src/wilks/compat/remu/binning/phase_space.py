"""Sets of variables, with the algebra of sets."""

from collections.abc import Iterable


class PhaseSpace:
    """The variables that events may have.

    Args:
        variables: names.

    >>> PhaseSpace(["x"]) < PhaseSpace(["x", "y"]), "y" in PhaseSpace(["x"]) * PhaseSpace(["y"])
    (True, True)
    """

    __hash__ = None  # type: ignore[assignment]  # the set may change

    def __init__(self, variables: Iterable[str]) -> None:
        self.variables = set(variables)

    def __contains__(self, variable: object) -> bool:
        return variable in self.variables

    def __len__(self) -> int:
        return len(self.variables)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PhaseSpace) and self.variables == other.variables

    def __le__(self, other: "PhaseSpace") -> bool:
        return self.variables <= other.variables

    def __ge__(self, other: "PhaseSpace") -> bool:
        return self.variables >= other.variables

    def __lt__(self, other: "PhaseSpace") -> bool:
        return self.variables < other.variables

    def __gt__(self, other: "PhaseSpace") -> bool:
        return self.variables > other.variables

    def __mul__(self, other: "PhaseSpace") -> "PhaseSpace":
        """Variables of either."""
        return PhaseSpace(self.variables | other.variables)

    def __truediv__(self, other: "PhaseSpace") -> "PhaseSpace":
        """Variables of this one only."""
        return PhaseSpace(self.variables - other.variables)

    def __str__(self) -> str:
        return "('" + "' X '".join(sorted(self.variables)) + "')"

    def __repr__(self) -> str:
        return f"PhaseSpace(variables={sorted(self.variables)!r})"

    def clone(self) -> "PhaseSpace":
        """A copy."""
        return PhaseSpace(self.variables)
