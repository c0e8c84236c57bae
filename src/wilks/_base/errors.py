"""All errors that Wilks raises on purpose.

WilksError
├── InvalidParameter    a parameter or a space of parameters is defined wrongly
├── UnknownName         a name that does not exist here; the message lists near names
├── InvalidOption       an option outside its allowed values; the message lists them
├── InvalidData         observed data of wrong shape, kind or value
│   └── NotAmortised        a posterior trained for one set of data is asked about another
├── InvalidModel        templates, modifiers or constraints that do not fit together
├── InvalidFile         a file that cannot be used; the message names file, place in it, value and expectation
├── MissingRole         an object lacks the role that a procedure needs (judging data, making data)
├── MissingExtra        an optional package is not installed; the message says which extra to install
└── ProcedureFailed     a procedure ended without a trustworthy result (``.result`` keeps what there is)
    ├── FitFailed           no minimum that can be trusted
    ├── TooManyFailures     more failed toys than a quotable number allows
    ├── ChunksMissing       work lost with its workers, listed chunk by chunk
    ├── TrainingDiverged    ten training steps in a row gave no finite loss
    └── RegionTooSmall      a truncated round keeps too little of the prior
"""

import difflib
from collections.abc import Iterable
from typing import Any


class WilksError(Exception):
    """Base of all errors raised on purpose."""


class InvalidParameter(WilksError, ValueError):
    """A parameter or a space of parameters is defined wrongly."""


class UnknownName(WilksError, LookupError):
    """A name that does not exist here."""


class InvalidOption(WilksError, ValueError):
    """An option outside its allowed values."""


class InvalidData(WilksError, ValueError):
    """Observed data of wrong shape, kind or value."""


class NotAmortised(InvalidData):
    """A posterior trained in truncated rounds for one set of data was asked about other data."""


class InvalidModel(WilksError, ValueError):
    """Templates, modifiers or constraints that do not fit together."""


class InvalidFile(WilksError, ValueError):
    """A file that cannot be used."""


class MissingRole(WilksError, TypeError):
    """An object lacks the role that a procedure needs."""


class MissingExtra(WilksError, ImportError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"this needs the package '{package}'; install it with: pip install 'wilks[{extra}]'")
        self._arguments = (package, extra)

    def __reduce__(self) -> tuple[Any, ...]:
        return MissingExtra, self._arguments


class ProcedureFailed(WilksError, RuntimeError):
    """A procedure ended without a trustworthy result; ``result`` keeps what there is."""

    def __init__(self, message: str, result: Any = None) -> None:
        super().__init__(message)
        self.result = result


class FitFailed(ProcedureFailed):
    """No minimum that can be trusted."""


class TooManyFailures(ProcedureFailed):
    """More failed toys than a quotable number allows."""


class ChunksMissing(ProcedureFailed):
    """Chunks of work that were lost with their workers."""


class TrainingDiverged(ProcedureFailed):
    """Ten training steps in a row without a finite loss; ``result`` keeps the last good network."""


class RegionTooSmall(ProcedureFailed):
    """A truncated round keeps less than a millionth of the prior; ``result`` keeps the posterior before it."""


def near_names(name: str, known: Iterable[str]) -> str:
    """The end of a message on an unknown name: the nearest known names, or all if they are few."""
    known = list(known)
    near = difflib.get_close_matches(str(name), known, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(repr(n) for n in near) + "?"
    shown = ", ".join(repr(n) for n in known[:12]) + (", ..." if len(known) > 12 else "")
    return f"known names are {shown}" if known else "there are none"


def check_option(what: str, value: str, allowed: Iterable[str]) -> None:
    """Refuse an option string outside its allowed values.

    Raises:
        InvalidOption: naming the option, the value and all allowed values.
    """
    allowed = tuple(allowed)
    if value not in allowed:
        raise InvalidOption(f"{what} {value!r} does not exist; choose one of {', '.join(allowed)}")
