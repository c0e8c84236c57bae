"""Run a complete analysis by name, and list those that exist."""

import importlib
import json

import click

from wilks.studies.catalog import STUDIES, find


class _Studies(click.Group):
    """A group whose commands are the studies, each imported when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(STUDIES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        find(cmd_name)
        return getattr(importlib.import_module(f"wilks.cli.{cmd_name}"), cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Studies"):
            formatter.write_dl([(name, entry.sentence) for name, entry in STUDIES.items()])


@click.command(cls=_Studies, subcommand_metavar="STUDY [OPTIONS]")
def run() -> None:
    """Run a complete analysis by name; 'wilks run STUDY --help' lists its options."""


@click.command("list", help="List the analyses that 'wilks run' knows.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def list_studies(as_json: bool) -> None:
    """Names and sentences."""
    sentences = {name: entry.sentence for name, entry in STUDIES.items()}
    if as_json:
        click.echo(json.dumps(sentences))
        return
    width = max(map(len, sentences))
    for name, sentence in sentences.items():
        click.echo(f"{name.ljust(width)}  {sentence}")
