"""The command line: a table of commands, each loaded when it is called, so that help is instant."""

import importlib
import sys
from typing import Any

import click

from wilks import __version__

from .failures import report_failure

_COMMANDS = {
    "run": ("wilks.cli.run", "run", "Run a complete analysis by name, e.g. 'wilks run higgs4l'."),
    "list": ("wilks.cli.run", "list_studies", "List the analyses that 'wilks run' knows."),
    "fit": ("wilks.cli.workspace", "fit_command", "Fit a HistFactory workspace."),
    "scan": ("wilks.cli.workspace", "scan_command", "Profile one or two parameters of a workspace."),
    "interval": ("wilks.cli.workspace", "interval_command", "Confidence intervals of a workspace's parameters."),
    "limit": ("wilks.cli.limits", "limit_command", "Limit of a workspace's parameter of interest."),
    "impacts": ("wilks.cli.impacts", "impacts_command", "Rank the parameters of a workspace by what they do to one."),
    "gof": ("wilks.cli.checks", "gof_command", "Goodness of fit of a workspace, by law and by toys."),
    "toys": ("wilks.cli.checks", "toys_command", "Throw toys from a workspace and fit them."),
    "validate": ("wilks.cli.files", "validate", "Check a workspace or a result file."),
    "report": ("wilks.cli.files", "report", "Write one HTML report from result files."),
    "plot": ("wilks.cli.files", "plot", "Draw a result file."),
}


class _Table(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[cmd_name]
        return getattr(importlib.import_module(module), attribute)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, sentence) for name, (_, _, sentence) in _COMMANDS.items()])


@click.group(cls=_Table, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="wilks")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def wilks(context: click.Context, debug: bool) -> None:
    """Statistical inference for particle and astroparticle physics.

    Results go to standard output, notices and progress to standard error. Exit codes: 0 done, 1 internal error,
    2 usage, 3 bad input file, 4 no trustworthy result, 5 flags with --strict, 130 interrupted.
    """
    context.obj = {"debug": debug}


def run(arguments: list[str] | None = None) -> Any:
    """Entry point: run a command and turn failures into one sentence and an exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    try:
        code = wilks.main(args=given, prog_name="wilks", standalone_mode=False)
    except BaseException as error:  # every way out ends in an exit code
        code = report_failure(error, debug="--debug" in given)
    sys.exit(code if isinstance(code, int) else 0)
