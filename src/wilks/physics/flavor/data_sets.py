"""Data sets as a user hands them to a flavour fit: put together, and checked against the model's ordering."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from wilks._base.errors import InvalidData, InvalidModel

from .chi2_terms import ChiSquareTerms
from .datasets import GaussianTable
from .folded_terms import FoldedTerms

Set: TypeAlias = ChiSquareTerms | GaussianTable | FoldedTerms  # the last are refused, with the reason
Sets: TypeAlias = Set | Sequence[Set]
Data: TypeAlias = Sets | Mapping[str, Sets]

_ORDERINGS = ("NO", "IO")


@dataclass(frozen=True, eq=False)
class Origin:
    """Where data come from, for reports; all origins compare equal, so that exchanged data share compiled programs.

    Args:
        sources: what they are, with the form of their correlations.
        citations: publications to cite.
        digests: SHA-256 of the files of the tables.
    """

    sources: tuple[str, ...]
    citations: tuple[str, ...]
    digests: tuple[str, ...]

    @classmethod
    def of(cls, sets: Sequence[ChiSquareTerms]) -> "Origin":
        """The origin of one data set, or of those of both orderings."""
        names = tuple(f"{data.source}, correlations {'full' if data.correlated else '1d'}" for data in sets)
        return cls(names, tuple(data.citation for data in sets), tuple(data.digest for data in sets))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Origin)

    def __hash__(self) -> int:
        return hash(Origin)


def by_ordering(terms: Data, ordering: str) -> list[ChiSquareTerms]:
    """Data for the ordering of a model: one set, or those of NO and IO for ``"auto"``.

    Raises:
        InvalidModel: if model and data assume different orderings.
        InvalidData: if data are missing, or two sets have data on one observable.
    """
    if ordering != "auto":
        data = merged(terms[ordering] if isinstance(terms, Mapping) and ordering in terms else terms)
        check_ordering(ordering, data)
        return [data]
    if not isinstance(terms, Mapping) or set(terms) != set(_ORDERINGS):
        raise InvalidData(
            "a model with ordering='auto' needs data of both orderings: {'NO': nufit('5.3', 'NO'), 'IO': nufit('5.3', "
            "'IO')}"
        )
    both = [merged(terms[name]) for name in _ORDERINGS]
    for name, data in zip(_ORDERINGS, both, strict=True):
        check_ordering(name, data)
    return both


def merged(terms: Data) -> ChiSquareTerms:
    """Data sets as one.

    Raises:
        InvalidData: if there are none, if two have data on one observable, or if they cannot be fitted.
    """
    sets = list(terms) if isinstance(terms, Sequence) else [terms]
    if not sets:
        raise InvalidData("no data given; give nufit(...), a GaussianTable, or several of them")
    parts = [_terms_of(part) for part in sets]
    total = parts[0]
    for part in parts[1:]:
        total = total | part
    return total


def _terms_of(part: object) -> ChiSquareTerms:
    if isinstance(part, GaussianTable):
        return part.terms()
    if isinstance(part, ChiSquareTerms):
        return part
    raise InvalidData(
        f"data of type {type(part).__name__} cannot be fitted; give nufit(...) with interpolation='wilks', or a "
        "GaussianTable"
    )


def check_ordering(ordering: str, data: ChiSquareTerms) -> None:
    """Refuse data that assume another ordering than the model.

    Raises:
        InvalidModel: naming both.
    """
    if data.ordering is not None and data.ordering != ordering:
        raise InvalidModel(
            f"the model has ordering {ordering}, the data ({data.source}) assume {data.ordering}; "
            "take the same for both"
        )
