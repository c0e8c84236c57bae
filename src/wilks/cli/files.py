"""Commands on files: check them, draw them, report on them; none of them loads JAX, except to check HS3."""

import importlib
import json
from pathlib import Path
from typing import Any

import click

from wilks._base.errors import InvalidFile, InvalidOption
from wilks.interchange.hs3_fields import is_hs3
from wilks.interchange.strict_json import read_json
from wilks.interchange.workspace_schema import read_workspace
from wilks.results.result import AbstractResult
from wilks.results.store import load

_PICTURES = (".svg", ".png", ".pdf")


@click.command(help="Check a workspace or a result file; exit code 3 says where it is wrong.")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def validate(file: str, as_json: bool) -> None:
    """Check a file by its content."""
    path = Path(file)
    kind, notices, details = _check(path)
    if as_json:
        document = {
            "schema": "wilks.command/1",
            "command": "validate",
            "status": "ok",
            "flags": {},
            "result": {"file": path.name, "kind": kind, "notices": notices, **details},
            "provenance": {},
        }
        click.echo(json.dumps(document, allow_nan=False))
        return
    click.echo(f"{path}: a valid {kind}" + "".join(f"; {v} {k}" for k, v in details.items()))
    for sentence in notices:
        click.echo(f"  ! {sentence}")


@click.command(help="Draw a result file as SVG, PNG or PDF.")
@click.argument("file", type=click.Path(dir_okay=False))
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Picture; FILE.svg by default.")
def plot(file: str, output: Path | None) -> None:
    """Draw a saved result."""
    path = Path(file)
    output = output or path.with_suffix(".svg")
    if output.suffix not in _PICTURES:
        raise InvalidOption(f"--output {output} must end in {', '.join(_PICTURES)}")
    figure = importlib.import_module("wilks.plots.drawing").draw(load(path))  # loads matplotlib
    figure.savefig(output)
    click.echo(str(output))


@click.command(help="Write one HTML report from result files.")
@click.argument("files", nargs=-1, required=True, type=click.Path(dir_okay=False))
@click.option(
    "--output", type=click.Path(dir_okay=False, path_type=Path), default=Path("report.html"), show_default=True
)
@click.option("--title", default="Results", show_default=True)
def report(files: tuple[str, ...], output: Path, title: str) -> None:
    """Report on saved results."""
    results = {Path(file).name: load(Path(file)) for file in files}
    writer = importlib.import_module("wilks.cli.report")  # loads matplotlib
    drawn = importlib.import_module("wilks.plots.drawing")
    sections = [writer.Section(name, "", (result,), _figures(drawn, name, result)) for name, result in results.items()]
    click.echo(str(writer.write_report(output, title, sections)))


def _figures(drawn: Any, name: str, result: AbstractResult) -> dict[str, Any]:
    return {f"From {name}": drawn.draw(result)} if type(result) in drawn.DRAWN else {}


def _check(path: Path) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    if path.suffix == ".npz":
        return f"result of class {type(load(path)).__name__}", (), {}
    document, _ = read_json(path)
    if isinstance(document, dict) and str(document.get("schema", "")).startswith("wilks.result"):
        return f"result of class {type(load(path)).__name__}", (), {}
    if not isinstance(document, dict):
        raise InvalidFile(f"{path}: the document is no JSON object; expected a workspace or a result")
    if is_hs3(document):
        read = importlib.import_module("wilks.interchange.hs3").Hs3Workspace.read(path)  # loads JAX
        return "HS3 workspace", read.notices, {"channels": len(read.channels), "measurements": len(read.measurements)}
    checked = read_workspace(path)
    notices = tuple(checked[1]) if isinstance(checked, tuple) else ()
    details = {k: len(document[k]) for k in ("channels", "measurements")}
    return "HistFactory workspace", notices, details
