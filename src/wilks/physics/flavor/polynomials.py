"""Polynomials in named variables with exact coefficients: they evaluate, differentiate and print."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from wilks._base.errors import InvalidModel, UnknownName, near_names

from .exact import Exact, Number, evaluate_expression, exact

Monomial: TypeAlias = tuple[tuple[str, int], ...]
"""Names with their positive powers, sorted by name; the empty tuple is 1."""


@dataclass(frozen=True, repr=False)
class Polynomial:
    """A polynomial whose coefficients are exact numbers.

    Args:
        terms: monomials with their coefficients, sorted, without zeros; use `polynomial` or `variable` to make one.

    >>> (variable("x") + "2*y") ** 2
    x^2 + 4*x*y + 4*y^2
    """

    terms: tuple[tuple[Monomial, Exact], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Variables that occur, sorted."""
        return tuple(sorted({name for monomial, _ in self.terms for name, _ in monomial}))

    def coefficient(self, **powers: int) -> Exact:
        """Coefficient of the monomial with these powers, e.g. ``coefficient(x=2, y=1)``."""
        return dict(self.terms).get(_monomial(powers), Exact(()))

    def derivative(self, *names: str) -> "Polynomial":
        """Derivative with respect to each of the names in turn."""
        result = self
        for name in names:
            result = _sum(_differentiated(monomial, c, name) for monomial, c in result.terms)
        return result

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Value at named numbers or arrays (numpy or JAX).

        Raises:
            UnknownName: for a variable without a value.
        """
        for name in self.names:
            if name not in values:
                raise UnknownName(f"no value for {name!r} of the polynomial; {near_names(name, values)}")
        return sum((_value(monomial, c, values) for monomial, c in self.terms), 0.0)

    def __add__(self, other: "Entry") -> "Polynomial":
        return _sum([self, polynomial(other)])

    def __neg__(self) -> "Polynomial":
        return Polynomial(tuple((monomial, -c) for monomial, c in self.terms))

    def __sub__(self, other: "Entry") -> "Polynomial":
        return self + (-polynomial(other))

    def __mul__(self, other: "Entry") -> "Polynomial":
        right = polynomial(other).terms
        return _collected((_joined(m1, m2), c1 * c2) for m1, c1 in self.terms for m2, c2 in right)

    def __truediv__(self, other: "Entry") -> "Polynomial":
        inverse = exact(_constant(other)).inverse()
        return Polynomial(tuple((monomial, c * inverse) for monomial, c in self.terms))

    def __pow__(self, power: int) -> "Polynomial":
        if power < 0:
            raise InvalidModel(f"the power {power} of a polynomial is negative; only 0, 1, 2, ... are polynomials")
        result = polynomial(1)
        for _ in range(power):
            result = result * self
        return result

    def __radd__(self, other: "Entry") -> "Polynomial":
        return self + other

    def __rmul__(self, other: "Entry") -> "Polynomial":
        return self * other

    def __rsub__(self, other: "Entry") -> "Polynomial":
        return polynomial(other) - self

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __repr__(self) -> str:
        pieces = [_text(monomial, c) for monomial, c in self.terms]
        return " + ".join(pieces).replace("+ -", "- ") if pieces else "0"


Entry: TypeAlias = Polynomial | Exact | int | float | complex | Fraction | str


def variable(name: str) -> Polynomial:
    """The polynomial that is one variable; any text serves as a name."""
    return Polynomial(((((name, 1),), exact(1)),))


def polynomial(value: Entry) -> Polynomial:
    """The polynomial that a value stands for.

    Args:
        value: a number, or text: the name of a variable, or arithmetic of names, numbers and ``sqrt(n)``.

    Raises:
        InvalidModel: for text that is neither.
    """
    if isinstance(value, Polynomial):
        return value
    if isinstance(value, str):
        return evaluate_expression(value, variable, polynomial, "polynomial")
    number = exact(value)
    return Polynomial((((), number),) if number else ())


def coefficient_matrix(
    term: Polynomial, rows: Sequence[str], columns: Sequence[str]
) -> tuple[tuple[Polynomial, ...], ...]:
    """Matrix of second derivatives d^2 term/(d row_i d column_j): the mass matrix of a term bilinear in two multiplets.

    Args:
        term: an invariant contraction.
        rows: components of the multiplet on the left index.
        columns: components of that on the right index; the same names as ``rows`` for a Majorana term.
    """
    return tuple(tuple(term.derivative(row, column) for column in columns) for row in rows)


def _monomial(powers: Mapping[str, int]) -> Monomial:
    return tuple(sorted((name, power) for name, power in powers.items() if power))


def _joined(one: Monomial, two: Monomial) -> Monomial:
    powers = dict(one)
    for name, power in two:
        powers[name] = powers.get(name, 0) + power
    return _monomial(powers)


def _collected(terms: Iterable[tuple[Monomial, Exact]]) -> Polynomial:
    total: dict[Monomial, Exact] = {}
    for monomial, c in terms:
        total[monomial] = total[monomial] + c if monomial in total else c
    kept = [(monomial, c) for monomial, c in total.items() if c]
    return Polynomial(tuple(sorted(kept, key=lambda item: _order(item[0]))))


def _sum(polynomials: Iterable[Polynomial]) -> Polynomial:
    return _collected(term for item in polynomials for term in item.terms)


def _order(monomial: Monomial) -> tuple[Any, ...]:
    """Higher powers of earlier names first, as one writes by hand."""
    return (-sum(power for _, power in monomial), tuple((name, -power) for name, power in monomial))


def _differentiated(monomial: Monomial, coefficient: Exact, name: str) -> Polynomial:
    powers = dict(monomial)
    if name not in powers:
        return Polynomial(())
    return Polynomial(((_monomial({**powers, name: powers[name] - 1}), coefficient * powers[name]),))


def _value(monomial: Monomial, coefficient: Exact, values: Mapping[str, Any]) -> Any:
    result: Any = coefficient.value
    for name, power in monomial:
        result = result * values[name] ** power
    return result


def _constant(value: Entry) -> Number:
    if not isinstance(value, Polynomial):
        return value
    if any(monomial for monomial, _ in value.terms):
        raise InvalidModel(f"division by {value}, which is no number; a polynomial is divided by numbers only")
    return value.terms[0][1] if value.terms else 0


def _text(monomial: Monomial, coefficient: Exact) -> str:
    symbols = "*".join(name if power == 1 else f"{name}^{power}" for name, power in monomial)
    number = str(coefficient)
    if len(coefficient.terms) > 1:
        number = f"({number})"
    if not symbols:
        return number
    return {"1": symbols, "-1": f"-{symbols}"}.get(number, f"{number}*{symbols}")
