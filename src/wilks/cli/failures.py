"""What goes wrong, as one sentence on standard error and an exit code."""

import sys
import traceback

import click

from wilks._base.errors import (
    InvalidData,
    InvalidFile,
    InvalidModel,
    InvalidOption,
    InvalidParameter,
    MissingExtra,
    MissingRole,
    ProcedureFailed,
    UnknownName,
)

DONE, INTERNAL, USAGE, BAD_FILE, UNTRUSTWORTHY, FLAGGED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130

_CODES = (
    (ProcedureFailed, UNTRUSTWORTHY),
    (InvalidFile, BAD_FILE),
    (InvalidData, BAD_FILE),
    (InvalidModel, BAD_FILE),
    (InvalidOption, USAGE),
    (InvalidParameter, USAGE),
    (UnknownName, USAGE),
    (MissingRole, USAGE),
    (MissingExtra, USAGE),
)


class Untrustworthy(click.ClickException):
    """A result was delivered, but it cannot be trusted, or its flags count as failures."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.exit_code = code


def report_failure(error: BaseException, *, debug: bool) -> int:
    """Say on standard error what went wrong; returns the exit code."""
    if debug and not isinstance(error, (SystemExit, click.exceptions.Exit)):
        traceback.print_exception(error)
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, (KeyboardInterrupt, click.exceptions.Abort)):
        return _say("interrupted; finished work is discarded, run the command again", INTERRUPTED)
    if isinstance(error, click.ClickException):
        hint = (
            f" ('{error.ctx.command_path} --help' explains)"
            if isinstance(error, click.UsageError) and error.ctx
            else ""
        )
        return _say(f"{error.format_message()}{hint}", error.exit_code)
    for kind, code in _CODES:
        if isinstance(error, kind):
            return _say(str(error), code)
    if isinstance(error, OSError):
        return _say(f"{error.strerror or error}: {error.filename}" if error.filename else str(error), BAD_FILE)
    return _say(f"internal error: {type(error).__name__}: {error}; '--debug' shows where", INTERNAL)


def _say(sentence: str, code: int) -> int:
    print("wilks: " + " ".join(sentence.split()), file=sys.stderr)
    return code
