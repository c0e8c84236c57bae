"""The command that ranks the parameters of a workspace by what they do to the best value of one."""

from pathlib import Path
from typing import Any

import click

from wilks._base.errors import InvalidFile, InvalidOption
from wilks.inference.rankings import impacts
from wilks.interchange.strict_json import read_json
from wilks.results.impacts import Impacts
from wilks.results.status import Status

from .delivery import Delivery, deliver
from .figures import figure_of
from .options import delivery_options
from .outcome import Outcome
from .posed import Posed, workspace_options

_COLUMNS = ("values", "errors", "pull", "constraint", "up", "down", "up_prefit", "down_prefit", "linear")
_COLUMNS += ("shift_up", "shift_down", "clipped")


@click.command("impacts", help="Rank the parameters of a workspace by what they do to one.")
@workspace_options
@delivery_options
@click.option("--groups", type=click.Path(dir_okay=False), help="JSON file: name of a group -> list of parameters.")
@click.option("--top", type=click.IntRange(min=1), help="Deliver only so many parameters, the largest impacts first.")
@click.option("--plot", "plot_file", type=click.Path(dir_okay=False), help="Also draw the ranking into this file.")
def impacts_command(
    posed: Posed, delivery: Delivery, groups: str | None, top: int | None, plot_file: str | None
) -> None:
    """Rank and deliver."""
    if posed.poi is None:
        raise InvalidOption("a ranking needs a parameter of interest; name it with --poi")
    result = impacts(
        posed.likelihood,
        posed.data,
        posed.poi,
        groups=_groups(groups),
        space=posed.space,
        minimiser=posed.minimiser,
    )
    if plot_file:
        figure_of(result).savefig(plot_file)
    deliver(
        Outcome(
            command="impacts",
            title=f"Impacts on {posed.poi}",
            status="ok" if (result.status <= Status.FALLBACK_OK.code).all() else "failed",
            result=_document(result, top),
            results={"impacts": result},
            provenance=result.provenance,
            flags=result.flags,
            draw=lambda: {f"Impacts on {result.name}": figure_of(result)},
        ),
        delivery,
    )


def _groups(file: str | None) -> dict[str, list[str]] | None:
    if file is None:
        return None
    found, _ = read_json(Path(file))
    if not isinstance(found, dict):
        raise InvalidFile(f"{file} holds a {type(found).__name__}; expected an object: name of a group -> parameters")
    for group, names in found.items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InvalidFile(f"{file}: group {group!r} holds {names!r}; expected a list of names of parameters")
    return found


def _document(result: Impacts, top: int | None) -> dict[str, Any]:
    """The ranking with the words of the fields in the singular where there is one number each."""
    shown = [{"values": "value", "errors": "error"}.get(column, column) for column in _COLUMNS]
    rows = zip(*(getattr(result, column).tolist() for column in _COLUMNS), strict=True)
    ranked = [{"name": n} | dict(zip(shown, row, strict=True)) for n, row in zip(result.names, rows, strict=True)]
    return {
        "name": result.name,
        "best": result.best,
        "error": result.sigma,
        "statistical": result.statistical,
        "groups": dict(result.groups),
        "parameters": ranked[:top],
    }
