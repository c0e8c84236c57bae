"""The base of all results: what every one carries, and how it prints and saves itself."""

import abc
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from .fields import conform_record
from .files import write
from .provenance import Provenance
from .text import Summary, as_html, as_text


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class AbstractResult(abc.ABC):
    """A number with its status, its history and one sentence on its calibration.

    To write one: a frozen dataclass with ``kw_only=True, repr=False, eq=False`` whose fields are plain values,
    tuples, dicts by name and numpy arrays with jaxtyping's shapes; a ``summary``; a row in `wilks.results.store`.
    Fields are converted to those types on construction (arrays become read-only copies) and their shapes checked.

    Args:
        provenance: versions, settings, seed, digests, time.
        flags: name -> sentence; what a careful reader must know before using the number.
        how: one sentence on the calibration.
    """

    provenance: Provenance
    flags: dict[str, str] = field(default_factory=dict)
    how: str

    def __post_init__(self) -> None:
        conform_record(self)

    @abc.abstractmethod
    def summary(self) -> Summary:
        """Title, sentences and table."""

    @final
    def __str__(self) -> str:
        return as_text(self.summary())

    @final
    def __repr__(self) -> str:
        return as_text(self.summary())

    @final
    def _repr_html_(self) -> str:
        return as_html(self.summary())

    @final
    def save(self, path: str | Path) -> Path:
        """Write to ``path``, which ends in ``.npz`` or ``.json``; `wilks.results.store.load` reads it back.

        Raises:
            InvalidOption: for another ending.
        """
        return write(self, Path(path))
