"""Where an outcome goes: printed for people or as one JSON document, written to a folder, and into the exit code."""

import importlib
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import click

from wilks.results.provenance import Provenance

from .failures import FLAGGED, UNTRUSTWORTHY, Untrustworthy
from .outcome import Outcome


@dataclass(frozen=True)
class Delivery:
    """Where an outcome goes: the options that all commands share."""

    as_json: bool = False
    output: Path | None = None
    quiet: bool = False
    strict: bool = False


def deliver(outcome: Outcome, delivery: Delivery) -> None:
    """Print the outcome, write the folder, and end with the exit code that its status and flags ask for.

    Raises:
        Untrustworthy: if the status is no trustworthy one (exit code 4), or flags count as failures (5).
    """
    outcome = replace(outcome, provenance=_with_command(outcome.provenance))
    if delivery.output is not None:
        importlib.import_module("wilks.cli.folder").write_folder(outcome, delivery.output)  # loads matplotlib
        notice(f"wrote {delivery.output / 'report.html'} and {delivery.output / 'results.json'}", delivery.quiet)
    if delivery.as_json:
        click.echo(json.dumps(outcome.document(), allow_nan=False, ensure_ascii=False))
    else:
        click.echo("\n\n".join([*outcome.notes, *(str(result) for result in outcome.results.values())]))
    if not outcome.trusted:
        raise Untrustworthy(f"{outcome.command}: status {outcome.status}: no trustworthy result", UNTRUSTWORTHY)
    if delivery.strict and outcome.flags:
        raise Untrustworthy(f"{outcome.command}: flags raised with --strict: {', '.join(outcome.flags)}", FLAGGED)


def notice(sentence: str, quiet: bool = False) -> None:
    """A line on standard error."""
    if not quiet:
        print(sentence, file=sys.stderr)


def _with_command(provenance: Provenance) -> Provenance:
    """Provenance with the command line, its program by bare name."""
    return replace(provenance, command=" ".join(["wilks", *sys.argv[1:]]))
