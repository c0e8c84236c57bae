"""A source written down: parameters, constants and attributes, as text and as a configuration file."""

import ast
import dataclasses
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from wilks._base.errors import InvalidFile
from wilks.results.text import Summary, as_text

_TABLES = ("parameters", "constants", "attributes")


@dataclasses.dataclass(frozen=True, repr=False)
class Configuration:
    """What a source was made of; prints itself as a table.

    Args:
        source: name of its class.
        parameters: defaults by name.
        constants: model functions that are numbers.
        attributes: volume, live time, spectrum and checks.
        functions: model functions with their arguments.
    """

    source: str
    parameters: Mapping[str, float]
    constants: Mapping[str, float]
    attributes: Mapping[str, Any]
    functions: Mapping[str, str]

    def __repr__(self) -> str:
        rows = [(name, f"{value:g}", "parameter") for name, value in self.parameters.items()]
        rows += [(name, f"{value:g}", "constant") for name, value in sorted(self.constants.items())]
        rows += [(name, text, "function") for name, text in sorted(self.functions.items())]
        rows += [(name, _shown(value), "attribute") for name, value in self.attributes.items()]
        return as_text(Summary(self.source, (), ("name", "value", "kind"), tuple(rows)))

    def toml(self) -> str:
        """Text of a configuration file; functions are not in it."""
        lines: list[str] = []
        for title in _TABLES:
            lines += [f"[{title}]", *(f"{name} = {_literal(x)}" for name, x in getattr(self, title).items()), ""]
        return "\n".join(lines)


def read_configuration(path: str | Path) -> dict[str, Any]:
    """Settings of a source from a file: TOML, or the plain assignments of a Python file, which is never run.

    Args:
        path: file ending in ``.toml`` or ``.py``; settings may stand in tables ``parameters``, ``constants`` and
            ``attributes``, or outside of them.

    Raises:
        InvalidFile: naming file and place.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidFile(f"configuration {path}: {error}") from None
    found = _assignments(path, text) if path.suffix == ".py" else _toml(path, text)
    return {name: np.asarray(value, dtype=float) if isinstance(value, list) else value for name, value in found.items()}


def _toml(path: Path, text: str) -> dict[str, Any]:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidFile(f"configuration {path}: {error}") from None
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if not isinstance(value, dict):
            flat[name] = value
        elif name in _TABLES:
            flat |= value
        else:
            raise InvalidFile(f"configuration {path}: unknown table [{name}]; expected {', '.join(_TABLES)}")
    return flat


def _assignments(path: Path, text: str) -> dict[str, Any]:
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        raise InvalidFile(f"configuration {path}, line {error.lineno}: {error.msg}") from None
    found: dict[str, Any] = {}
    for statement in body:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # a docstring
        target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
        if not isinstance(target, ast.Name):
            raise InvalidFile(
                f"configuration {path}, line {statement.lineno}: only 'name = value' is read, nothing is run"
            )
        try:
            found[target.id] = ast.literal_eval(statement.value)  # type: ignore[union-attr]
        except ValueError:
            raise InvalidFile(
                f"configuration {path}, line {statement.lineno}: {target.id!r} is no plain number, text or list"
            ) from None
    return found


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{len(value)} values from {value.min():g} to {value.max():g}"
    return str(value) if isinstance(value, bool) else f"{value:.10g}"


def _literal(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "[" + ", ".join(repr(float(x)) for x in value) + "]"
    return str(value).lower() if isinstance(value, bool) else repr(float(value))
