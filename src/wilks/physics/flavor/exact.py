"""Exact numbers: sums of rational multiples of square roots and of the third root of unity w = e^(2 pi i/3)."""

import ast
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeAlias

from wilks._base.errors import InvalidModel

Basis: TypeAlias = tuple[int, int]
"""A square-free number n > 0 and a power 0 or 1 of w: the basis element sqrt(n) w^power."""

_LARGEST = 10**9


@dataclass(frozen=True, repr=False)
class Exact:
    """A number of the field Q(sqrt(2), sqrt(3), sqrt(5), ..., w), in its unique form.

    With w^2 = -1 - w the numbers sqrt(n) and sqrt(n) w, n square-free, are linearly independent over the rationals.
    The imaginary unit belongs to the field: i = (1 + 2 w)/sqrt(3).

    Args:
        terms: basis elements with their rational coefficients, sorted, without zeros; use `exact` to make one.

    >>> exact("2/sqrt(3)") * exact("w") + 1
    1 + 2/3*sqrt(3)*w
    """

    terms: tuple[tuple[Basis, Fraction], ...]

    @property
    def is_real(self) -> bool:
        """Whether the imaginary part vanishes."""
        return all(power == 0 for (_, power), _ in self.terms)

    @property
    def value(self) -> float | complex:
        """The nearest number of double precision: a float if real."""
        return float(complex(self).real) if self.is_real else complex(self)

    def conjugate(self) -> "Exact":
        """Complex conjugate: w goes to w^2 = -1 - w."""
        return _sum(
            _sum([_single(n, 0, -c), _single(n, 1, -c)]) if power else _single(n, 0, c) for (n, power), c in self.terms
        )

    def inverse(self) -> "Exact":
        """One over this number.

        Raises:
            InvalidModel: for zero.
        """
        if not self.terms:
            raise InvalidModel("division by zero in an exact number")
        if not self.is_real:
            conjugate = self.conjugate()
            return conjugate * (self * conjugate).inverse()  # |x|^2 is real
        prime = max((_largest_prime(n) for (n, _), _ in self.terms), default=1)
        if prime == 1:
            return _single(1, 0, 1 / self.terms[0][1])
        flipped = _sum(_single(n, 0, -c if n % prime == 0 else c) for (n, _), c in self.terms)
        return flipped * (self * flipped).inverse()  # (A + B sqrt p)(A - B sqrt p) holds no sqrt p

    def __add__(self, other: "Number") -> "Exact":
        return _sum([self, exact(other)])

    def __neg__(self) -> "Exact":
        return Exact(tuple((basis, -c) for basis, c in self.terms))

    def __sub__(self, other: "Number") -> "Exact":
        return self + (-exact(other))

    def __mul__(self, other: "Number") -> "Exact":
        right = exact(other).terms
        return _sum(_product(b1, b2, c1 * c2) for b1, c1 in self.terms for b2, c2 in right)

    def __truediv__(self, other: "Number") -> "Exact":
        return self * exact(other).inverse()

    def __pow__(self, power: int) -> "Exact":
        base, result = (self if power >= 0 else self.inverse()), ONE
        for _ in range(abs(power)):
            result = result * base
        return result

    def __radd__(self, other: "Number") -> "Exact":
        return self + other

    def __rsub__(self, other: "Number") -> "Exact":
        return exact(other) - self

    def __rmul__(self, other: "Number") -> "Exact":
        return self * other

    def __rtruediv__(self, other: "Number") -> "Exact":
        return exact(other) / self

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __complex__(self) -> complex:
        real: dict[int, Fraction] = {}
        imaginary: dict[int, Fraction] = {}
        for (n, power), c in self.terms:  # w = -1/2 + sqrt(3)/2 i
            real[n] = real.get(n, Fraction(0)) + (-c / 2 if power else c)
            square, rest = _take_squares(3 * n)
            imaginary[rest] = imaginary.get(rest, Fraction(0)) + (c * square / 2 if power else 0)
        return complex(*(sum(float(c) * math.sqrt(n) for n, c in part.items()) for part in (real, imaginary)))

    def __repr__(self) -> str:
        pieces = [_text(basis, c) for basis, c in self.terms]
        return " + ".join(pieces).replace("+ -", "- ") if pieces else "0"


Number: TypeAlias = Exact | int | float | complex | Fraction | str


def exact(value: Number) -> Exact:
    """The exact number that a value stands for.

    Args:
        value: an integer, a fraction, a float or complex number (taken as the binary fraction it is), or text with
            ``+ - * / **``, ``sqrt(n)`` of an integer or a fraction, ``w`` or ``omega``, and ``i``.

    Raises:
        InvalidModel: for text that is none of these, and for nan or inf.
    """
    if isinstance(value, Exact):
        return value
    if isinstance(value, str):
        return _read(value)
    if isinstance(value, complex):
        return _rational(value.real) + I * _rational(value.imag)
    return _rational(value)


def square_root(value: int | Fraction) -> Exact:
    """The principal square root of a rational number.

    Raises:
        InvalidModel: if numerator times denominator exceeds 10^9.
    """
    fraction = Fraction(value)
    radicand = abs(fraction.numerator) * fraction.denominator
    if radicand > _LARGEST:
        raise InvalidModel(f"sqrt({value}) is too large for an exact root; at most {_LARGEST} is taken apart")
    square, rest = _take_squares(radicand)
    root = _single(rest, 0, Fraction(square, fraction.denominator)) if radicand else ZERO
    return root if fraction >= 0 else I * root


def evaluate_expression(
    text: str, names: Callable[[str], Any], numbers: Callable[[Any], Any], what: str = "expression"
) -> Any:
    """The value of arithmetic text, without Python's own evaluation.

    Args:
        text: numbers, names, ``+ - * / **`` with integer powers, brackets and ``sqrt`` of a rational number.
        names: the value of a name.
        numbers: the value of a number or of an exact root.
        what: what the text is, for errors.

    Raises:
        InvalidModel: quoting the text and the part that is not understood.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise InvalidModel(f"{what} {text!r} is no arithmetic; write for example '2/sqrt(3)' or '-w'") from None
    return _evaluate(tree, names, numbers, f"{what} {text!r}")


def _evaluate(node: ast.expr, names: Callable[[str], Any], numbers: Callable[[Any], Any], where: str) -> Any:
    match node:
        case ast.Constant(value=int() | float() | complex()):
            return numbers(node.value)
        case ast.Name(id=name):
            return names(name)
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_evaluate(inner, names, numbers, where)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _evaluate(inner, names, numbers, where)
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return _evaluate(left, names, numbers, where) ** _integer(right, where)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            operands = (_evaluate(side, names, numbers, where) for side in (left, right))
            return _OPERATIONS[type(op)](*operands)
        case ast.Call(func=ast.Name(id="sqrt"), args=[argument], keywords=[]):
            return numbers(square_root(_as_fraction(_evaluate(argument, _no_names(where), exact, where), where)))
    raise InvalidModel(f"{where}: {ast.unparse(node)!r} is not understood; use numbers, names, + - * / **, sqrt(n)")


_OPERATIONS: Mapping[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}


def _integer(node: ast.expr, where: str) -> int:
    power = _as_fraction(_evaluate(node, _no_names(where), exact, where), where)
    if power.denominator != 1 or abs(power) > 64:
        raise InvalidModel(f"{where}: the power {power} is no integer in [-64, 64]; roots are written sqrt(n)")
    return int(power)


def _as_fraction(value: Exact, where: str) -> Fraction:
    if any(basis != (1, 0) for basis, _ in value.terms):
        raise InvalidModel(f"{where}: {value} is not rational")
    return value.terms[0][1] if value.terms else Fraction(0)


def _no_names(where: str) -> Callable[[str], Any]:
    def refuse(name: str) -> Any:
        raise InvalidModel(f"{where}: {name!r} is not allowed inside a root or a power; give a rational number")

    return refuse


def _read(text: str) -> Exact:
    constants = {"w": OMEGA, "omega": OMEGA, "i": I, "I": I}

    def named(name: str) -> Exact:
        if name not in constants:
            raise InvalidModel(f"number {text!r}: {name!r} is not known; the constants are {', '.join(constants)}")
        return constants[name]

    return evaluate_expression(text, named, exact, "number")


def _rational(value: int | float | Fraction) -> Exact:
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidModel(f"the number {value} is not finite and has no exact form")
    return _single(1, 0, Fraction(value))


def _single(radicand: int, power: int, coefficient: Fraction) -> Exact:
    return Exact((((radicand, power), coefficient),)) if coefficient else Exact(())


def _sum(numbers: Iterable[Exact]) -> Exact:
    total: dict[Basis, Fraction] = {}
    for number in numbers:
        for basis, c in number.terms:
            total[basis] = total.get(basis, Fraction(0)) + c
    return Exact(tuple(sorted((basis, c) for basis, c in total.items() if c)))


def _product(one: Basis, two: Basis, coefficient: Fraction) -> Exact:
    shared = math.gcd(one[0], two[0])  # sqrt(n) sqrt(m) = gcd sqrt(n m/gcd^2)
    radicand, scaled = one[0] * two[0] // shared**2, coefficient * shared
    power = one[1] + two[1]
    if power < 2:
        return _single(radicand, power, scaled)
    return Exact((((radicand, 0), -scaled), ((radicand, 1), -scaled)))  # w^2 = -1 - w


def _take_squares(number: int) -> tuple[int, int]:
    """The largest s with s^2 a divisor, and the square-free rest."""
    square, factor = 1, 2
    while factor * factor <= number:
        while number % (factor * factor) == 0:
            number, square = number // (factor * factor), square * factor
        factor += 1
    return square, number


def _largest_prime(number: int) -> int:
    largest, factor = 1, 2
    while factor * factor <= number:
        while number % factor == 0:
            number, largest = number // factor, factor
        factor += 1
    return max(largest, number)


def _text(basis: Basis, coefficient: Fraction) -> str:
    symbols = ([f"sqrt({basis[0]})"] if basis[0] > 1 else []) + (["w"] if basis[1] else [])
    if symbols and abs(coefficient) == 1:
        return ("-" if coefficient < 0 else "") + "*".join(symbols)
    return "*".join([str(coefficient), *symbols])


ZERO = Exact(())
ONE = _single(1, 0, Fraction(1))
OMEGA = _single(1, 1, Fraction(1))
I = Exact((((3, 0), Fraction(1, 3)), ((3, 1), Fraction(2, 3))))  # noqa: E741  (1 + 2 w)/sqrt(3)
