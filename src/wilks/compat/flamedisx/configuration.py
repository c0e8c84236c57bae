"""The print of a source's parameters, constants and attributes."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from wilks._base.errors import check_option


def configuration_text(
    format: str,
    parameters: Mapping[str, Any],
    constants: Mapping[str, Any],
    attributes: Mapping[str, Any],
    column_widths: tuple[int, int],
    omit: tuple[str, ...],
) -> str:
    """Three tables, or the lines of a configuration file.

    Args:
        format: ``"table"`` or ``"config"``.
        parameters: defaults by name.
        constants: model functions that are numbers.
        attributes: volume, live time, spectrum and checks.
        column_widths: of the tables.
        omit: names that are left out.

    Raises:
        InvalidOption: for another format.
    """
    check_option("format", format, ("table", "config"))
    titles = ("Parameter", "Constant (could be made a function)", "Other attribute")
    lines: list[str] = []
    for title, items in zip(titles, (parameters, constants, attributes), strict=True):
        shown = {name: items[name] for name in sorted(items) if name not in omit}
        lines += _table(title, shown, column_widths) if format == "table" else _assignments(title, shown)
    return "\n".join(lines) + "\n"


def _table(title: str, items: Mapping[str, Any], widths: tuple[int, int]) -> Iterator[str]:
    yield _row((title, "Default"), widths)
    yield "-" * sum(widths)
    for name, value in items.items():
        yield _row((name, str(value)), widths)
    yield ""


def _row(cells: tuple[str, str], widths: tuple[int, int]) -> str:
    flat = [cell.replace("\n", "") for cell in cells]
    return "".join(
        cell.ljust(width) if len(cell) < width else cell[: width - 3] + "..."
        for cell, width in zip(flat, widths, strict=True)
    )


def _assignments(title: str, items: Mapping[str, Any]) -> Iterator[str]:
    yield f"# {title} = Default"
    for name, value in items.items():
        plain = value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
        yield f"{name} = {plain!r}"
    yield ""
