"""A table of a study that no other class of results holds: cutflows, findings, comparisons row by row."""

from dataclasses import dataclass
from typing import final

from wilks.results.result import AbstractResult
from wilks.results.text import Summary


@final
@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class StudyTable(AbstractResult):
    """A printed table with the sentences that explain it.

    Args:
        title: one line.
        sentences: lines before the table.
        columns: headings.
        rows: cells as text, one tuple per row.
    """

    title: str
    sentences: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    def summary(self) -> Summary:
        """The table as it is."""
        return Summary(self.title, (*self.sentences, self.how), self.columns, self.rows, tuple(self.flags.items()))
