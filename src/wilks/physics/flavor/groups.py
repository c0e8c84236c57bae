"""Non-Abelian groups: tensor products of irreps, Clebsch-Gordan matrices, and the table of A4."""

import functools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field
from typing import Any, TypeAlias

import numpy as np

from wilks._base.errors import InvalidModel, UnknownName, near_names

from .charges import AbstractGroup
from .exact import Exact, Number, exact
from .polynomials import Entry, Polynomial, polynomial

ExactMatrix: TypeAlias = tuple[tuple[Exact, ...], ...]
Multiplet: TypeAlias = tuple[Polynomial, ...]
Components: TypeAlias = Mapping[str, tuple[Multiplet, ...]]
"""Multiplets of a field or product, by irrep."""


@dataclass(frozen=True)
class NonAbelianGroup(AbstractGroup):
    """A finite non-Abelian group by its tensor products, with Clebsch-Gordan matrices if components are wanted.

    Args:
        name: text for prints.
        gapid: number of the group in the library of GAP, for reference only.
        representations: names of the irreps.
        tensor_products: entry [i][j] lists the irreps of representation i times representation j.
        clebsches: ``{"A x B": {"C": [matrix, ...]}}``; a matrix has the shape (dim C, dim A dim B), its column
            i_A dim B + i_B belongs to the product a_{i_A} b_{i_B}, and entries are numbers or text such as
            ``"2/sqrt(3)"``. ``B x A`` is found from ``A x B`` by exchange.

    Raises:
        InvalidModel: if the table is not square, not closed or not symmetric, if dimensions do not add up, or if a
            matrix has the wrong shape or loses a component.
    """

    name: str
    gapid: Sequence[int] = ()
    representations: Sequence[str] = ()
    tensor_products: Sequence[Sequence[Sequence[str]]] = ()
    clebsches: InitVar[Mapping[str, Mapping[str, Sequence[Sequence[Sequence[Number]]]]] | None] = None
    matrices: tuple[tuple[tuple[str, str], tuple[tuple[str, ExactMatrix], ...]], ...] = field(
        init=False, default=(), repr=False
    )
    dimensions: tuple[int, ...] = field(init=False, default=(), repr=False)

    def __post_init__(self, clebsches: Mapping[str, Mapping[str, Sequence[Sequence[Sequence[Number]]]]] | None) -> None:
        table = tuple(tuple(tuple(cell) for cell in row) for row in self.tensor_products)
        _check_table(self.name, tuple(self.representations), table)
        put = functools.partial(object.__setattr__, self)  # the only moment at which a frozen record is filled
        put("gapid", tuple(self.gapid))
        put("representations", tuple(self.representations))
        put("tensor_products", table)
        put("dimensions", _dimensions(self.name, self.representations, table))
        put("matrices", tuple(self._read(pair, found) for pair, found in (clebsches or {}).items()))

    @functools.cached_property
    def _hash(self) -> int:
        return hash((self.name, self.representations, self.tensor_products, self.matrices))

    def __hash__(self) -> int:
        return self._hash  # fields look their charges up by group all the time

    def dimension(self, irrep: str) -> int:
        """Dimension of an irrep."""
        return self.dimensions[self._place(irrep)]

    def charge(self, value: str | Iterable[str]) -> tuple[str, ...]:
        """The irreps of a field as a tuple; a single name stands for one irrep.

        Raises:
            UnknownName: for an irrep that the group does not have.
        """
        irreps = (value,) if isinstance(value, str) else tuple(value)
        for irrep in irreps:
            self._place(irrep)
        return irreps

    def multiply(self, one: Iterable[str], two: Iterable[str]) -> tuple[str, ...]:
        """All irreps of the product, repeated ones repeatedly."""
        two = tuple(two)
        return tuple(c for a in one for b in two for c in self.tensor_products[self._place(a)][self._place(b)])

    def is_desired(self, value: Iterable[str], wanted: str | Iterable[str]) -> bool:
        """Whether any of the wanted irreps is contained."""
        return bool(set(self.charge(wanted)) & set(value))

    def components(self, value: Mapping[str, Iterable[Sequence[Entry]]]) -> Components:
        """Components of a field in their standard form, with their number checked.

        Raises:
            InvalidModel: for a multiplet of the wrong length.
        """
        found = {
            irrep: tuple(tuple(polynomial(c) for c in m) for m in multiplets) for irrep, multiplets in value.items()
        }
        for irrep, multiplets in found.items():
            for multiplet in multiplets:
                if len(multiplet) != self.dimension(irrep):
                    raise InvalidModel(
                        f"group {self.name!r}: irrep {irrep!r} has {self.dimension(irrep)} components, got "
                        f"{len(multiplet)}: {multiplet}"
                    )
        return found

    def multiply_components(self, one: Components, two: Components) -> Components:
        """All contractions of two fields, by irrep; those that vanish drop out.

        Raises:
            UnknownName: if the Clebsch-Gordan matrices of a needed product were not given.
        """
        result: dict[str, tuple[Multiplet, ...]] = {}
        for a, firsts in one.items():
            for b, seconds in two.items():
                for c, matrix in self.contractions(a, b):
                    found = (_contract(matrix, first, second) for first in firsts for second in seconds)
                    result[c] = result.get(c, ()) + tuple(m for m in found if any(m))
        return {irrep: multiplets for irrep, multiplets in result.items() if multiplets}

    def contractions(self, one: str, two: str) -> tuple[tuple[str, ExactMatrix], ...]:
        """Clebsch-Gordan matrices of ``one x two`` with the irrep each leads to.

        Raises:
            UnknownName: if they were not given in either order.
        """
        known = dict(self.matrices)
        if (one, two) in known:
            return known[one, two]
        if (two, one) in known:
            rows, columns = self.dimension(two), self.dimension(one)
            return tuple((c, _exchanged(matrix, rows, columns)) for c, matrix in known[two, one])
        raise UnknownName(
            f"group {self.name!r} has no Clebsch-Gordan matrices of '{one} x {two}'; "
            + near_names(f"{one} x {two}", (f"{a} x {b}" for a, b in known))
        )

    def _place(self, irrep: str) -> int:
        if irrep not in self.representations:
            raise UnknownName(f"group {self.name!r} has no irrep {irrep!r}; {near_names(irrep, self.representations)}")
        return self.representations.index(irrep)

    def _read(
        self, pair: str, found: Mapping[str, Sequence[Sequence[Sequence[Number]]]]
    ) -> tuple[tuple[str, str], tuple[tuple[str, ExactMatrix], ...]]:
        one, _, two = (part.strip() for part in pair.partition(" x "))
        where = f"group {self.name!r}, Clebsch-Gordan matrices of {pair!r}"
        columns = self.dimension(one) * self.dimension(two)
        allowed = Counter(self.multiply([one], [two]))
        matrices = []
        for irrep, list_of_matrices in found.items():
            if len(list_of_matrices) > allowed[irrep]:
                raise InvalidModel(
                    f"{where}: {len(list_of_matrices)} for irrep {irrep!r}, but the table of tensor products has it "
                    f"{allowed[irrep]} times"
                )
            for matrix in list_of_matrices:
                _check_shape(where, irrep, matrix, (self.dimension(irrep), columns))
                matrices.append((irrep, tuple(tuple(exact(entry) for entry in row) for row in matrix)))
        _check_rank(where, matrices)
        return (one, two), tuple(matrices)


def _check_table(name: str, irreps: tuple[str, ...], table: Sequence[Sequence[Sequence[str]]]) -> None:
    if len(set(irreps)) != len(irreps):
        raise InvalidModel(f"group {name!r}: an irrep occurs twice in {irreps}")
    lengths = [len(row) for row in table]
    if lengths != [len(irreps)] * len(irreps):
        raise InvalidModel(
            f"group {name!r}: the table of tensor products must be {len(irreps)} x {len(irreps)}, one row per irrep; "
            f"its rows have lengths {lengths}"
        )
    for a, row in zip(irreps, table, strict=True):
        for b, cell in zip(irreps, row, strict=True):
            strangers = sorted(set(cell) - set(irreps))
            if strangers or not cell:
                raise InvalidModel(f"group {name!r}: {a} x {b} = {cell} is not closed; the irreps are {irreps}")
            if Counter(cell) != Counter(table[irreps.index(b)][irreps.index(a)]):
                raise InvalidModel(f"group {name!r}: {a} x {b} and {b} x {a} differ in the table of tensor products")


def _dimensions(name: str, irreps: Sequence[str], table: Sequence[Sequence[Sequence[str]]]) -> tuple[int, ...]:
    """The dimension of an irrep is the largest eigenvalue of its row of the table (Perron-Frobenius)."""
    multiplicities = np.array([[[cell.count(c) for c in irreps] for cell in row] for row in table], dtype=float)
    sizes = [round(float(np.max(np.abs(np.linalg.eigvals(m))))) for m in multiplicities]
    for i, a in enumerate(irreps):
        for j, b in enumerate(irreps):
            total = sum(sizes[irreps.index(c)] for c in table[i][j])
            if total != sizes[i] * sizes[j]:
                raise InvalidModel(
                    f"group {name!r}: dimensions do not add up: {a} x {b} has {sizes[i]} * {sizes[j]} components, but "
                    f"{' + '.join(table[i][j])} has {total}"
                )
    return tuple(sizes)


def _check_shape(where: str, irrep: str, matrix: Sequence[Sequence[Any]], shape: tuple[int, int]) -> None:
    if len(matrix) != shape[0] or any(len(row) != shape[1] for row in matrix):
        raise InvalidModel(
            f"{where}: the matrix to {irrep!r} has rows of lengths {[len(row) for row in matrix]}; expected "
            f"{shape[0]} rows of {shape[1]}"
        )


def _check_rank(where: str, matrices: Sequence[tuple[str, ExactMatrix]]) -> None:
    rows = np.array([[complex(entry) for entry in row] for _, matrix in matrices for row in matrix])
    rank = np.linalg.matrix_rank(rows) if rows.size else 0
    if rank < len(rows):
        raise InvalidModel(
            f"{where}: only {rank} of {len(rows)} rows are independent, so a component would be lost; check for a "
            "repeated row"
        )


def _contract(matrix: ExactMatrix, one: Multiplet, two: Multiplet) -> Multiplet:
    products = [a * b for a in one for b in two]
    return tuple(sum((p * c for c, p in zip(row, products, strict=True) if c), polynomial(0)) for row in matrix)


def _exchanged(matrix: ExactMatrix, rows: int, columns: int) -> ExactMatrix:
    """The same contraction with the two factors written in the other order."""
    return tuple(tuple(row[i * columns + j] for j in range(columns) for i in range(rows)) for row in matrix)


def contraction(*components: str, dimensions: tuple[int, int] = (3, 3)) -> ExactMatrix:
    """Clebsch-Gordan matrix of components written as bilinears, e.g. ``contraction("a1*b1 + a2*b3 + a3*b2")``.

    Args:
        components: text per component of the product, in a1, a2, ... and b1, b2, ...
        dimensions: dimensions of the two factors.
    """
    places = [(i, j) for i in range(1, dimensions[0] + 1) for j in range(1, dimensions[1] + 1)]
    return tuple(
        tuple(polynomial(text).coefficient(**{f"a{i}": 1, f"b{j}": 1}) for i, j in places) for text in components
    )


_ONE = contraction("a1*b1", dimensions=(1, 1))

# Basis with rho(T) = diag(1, w, w^2), rho(S) = [[-1, 2, 2], [2, -1, 2], [2, 2, -1]]/3; arXiv:1706.08749, appendix
A4 = NonAbelianGroup(
    "A4",
    gapid=(12, 3),
    representations=("1", "1p", "1pp", "3"),
    tensor_products=(
        (("1",), ("1p",), ("1pp",), ("3",)),
        (("1p",), ("1pp",), ("1",), ("3",)),
        (("1pp",), ("1",), ("1p",), ("3",)),
        (("3",), ("3",), ("3",), ("1", "1p", "1pp", "3", "3")),
    ),
    clebsches={
        "1 x 1": {"1": [_ONE]},
        "1 x 1p": {"1p": [_ONE]},
        "1 x 1pp": {"1pp": [_ONE]},
        "1p x 1p": {"1pp": [_ONE]},
        "1pp x 1pp": {"1p": [_ONE]},
        "1p x 1pp": {"1": [_ONE]},
        "1 x 3": {"3": [contraction("a1*b1", "a1*b2", "a1*b3", dimensions=(1, 3))]},
        "1p x 3": {"3": [contraction("a1*b3", "a1*b1", "a1*b2", dimensions=(1, 3))]},
        "1pp x 3": {"3": [contraction("a1*b2", "a1*b3", "a1*b1", dimensions=(1, 3))]},
        "3 x 3": {
            "1": [contraction("a1*b1 + a2*b3 + a3*b2")],
            "1p": [contraction("a3*b3 + a1*b2 + a2*b1")],
            "1pp": [contraction("a2*b2 + a1*b3 + a3*b1")],
            "3": [
                contraction(
                    "(2*a1*b1 - a2*b3 - a3*b2)/sqrt(3)",
                    "(2*a3*b3 - a1*b2 - a2*b1)/sqrt(3)",
                    "(2*a2*b2 - a1*b3 - a3*b1)/sqrt(3)",
                ),
                contraction("a2*b3 - a3*b2", "a1*b2 - a2*b1", "a3*b1 - a1*b3"),
            ],
        },
    },
)
