"""A workspace with what the command line says about it: measurement, patch, data, starts, bounds, fixed values."""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from wilks._base.errors import InvalidOption
from wilks.inference.minimisers import AbstractMinimiser, Auto, Bfgs, Minuit, Newton, Scipy
from wilks.interchange.histfactory import Workspace
from wilks.interchange.hs3 import Hs3Workspace, open_workspace
from wilks.interchange.strict_json import read_json
from wilks.likelihood.binned import CountsData
from wilks.likelihood.counts import PoissonCounts
from wilks.parameters.space import ParameterSpace

from .delivery import notice

_MINIMISERS: dict[str, Callable[[], AbstractMinimiser]] = {
    "auto": Auto,
    "newton": Newton,
    "bfgs": Bfgs,
    "minuit": Minuit,
    "scipy": Scipy,
}


@dataclass(frozen=True)
class Posed:
    """What a command is to answer.

    Args:
        workspace: the workspace read.
        likelihood: of its counts and constraints.
        data: observed, expected, or read from a file.
        space: with starts, bounds and fixed values of the command line.
        poi: parameter of interest, None if there is none.
        minimiser: as chosen.
    """

    workspace: Workspace | Hs3Workspace
    likelihood: PoissonCounts
    data: CountsData
    space: ParameterSpace
    poi: str | None
    minimiser: AbstractMinimiser


def workspace_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The workspace argument and its options, gathered into one argument ``posed``."""

    @click.argument("workspace", type=click.Path(allow_dash=True))
    @click.option("--measurement", help="Which measurement; the first by default.")
    @click.option("--poi", help="Parameter of interest; the measurement's by default.")
    @click.option(
        "--data", "data", default="observed", show_default=True, help="observed, asimov, or a JSON file of counts."
    )
    @click.option(
        "--code",
        "codes",
        multiple=True,
        metavar="KIND=CODE",
        help="Interpolation code: normsys=1|4 (4 by default), histosys=0|2|4p (4p).",
    )
    @click.option("--patch", help="JSON patch, or FILE:NAME of a patch set.")
    @click.option("--set", "starts", multiple=True, metavar="NAME=VALUE", help="Start value.")
    @click.option("--fix", "fixed", multiple=True, metavar="NAME[=VALUE]", help="Hold a parameter.")
    @click.option("--bounds", "bounds", multiple=True, metavar="NAME=LO:HI", help="Bounds of a parameter.")
    @click.option("--minimiser", type=click.Choice(list(_MINIMISERS)), default="auto", show_default=True)
    @functools.wraps(command)
    def wrapped(
        *,
        workspace: str,
        measurement: str | None,
        poi: str | None,
        data: str,
        codes: tuple[str, ...],
        patch: str | None,
        starts: tuple[str, ...],
        fixed: tuple[str, ...],
        bounds: tuple[str, ...],
        minimiser: str,
        **rest: Any,
    ) -> Any:
        opened = _open(workspace, patch)
        for sentence in opened.notices:
            notice(f"notice: {sentence}", getattr(rest.get("delivery"), "quiet", False))
        likelihood = opened.likelihood(measurement, dict(_pair(code) for code in codes))
        space = _adjusted(likelihood.space, starts, fixed, bounds)
        chosen = poi or opened.poi(measurement)
        if chosen is not None:
            space.index(chosen)
        prepared = _data(opened, likelihood, space, data, measurement)
        posed = Posed(opened, likelihood, prepared, space, chosen, _MINIMISERS[minimiser]())
        return command(posed=posed, **rest)

    return wrapped


def named_numbers(items: tuple[str, ...], option: str) -> dict[str, float]:
    """``NAME=VALUE`` texts as a mapping.

    Raises:
        InvalidOption: naming the text that is none.
    """
    found = {}
    for item in items:
        name, _, value = item.rpartition("=")
        found[name] = _number(value, option, item)
        if not name:
            raise InvalidOption(f"{option} {item!r}: expected NAME=VALUE")
    return found


def _open(workspace: str, patch: str | None) -> Workspace | Hs3Workspace:
    source: Any = sys.stdin.buffer if workspace == "-" else Path(workspace)
    if patch is None:
        return open_workspace(source)
    file, _, name = patch.partition(":")
    return open_workspace(source, patch=Path(file), patch_name=name or None)


def _adjusted(
    space: ParameterSpace, starts: tuple[str, ...], fixed: tuple[str, ...], bounds: tuple[str, ...]
) -> ParameterSpace:
    for item in bounds:
        name, _, text = item.rpartition("=")
        low, colon, high = text.partition(":")
        if not name or not colon:
            raise InvalidOption(f"--bounds {item!r}: expected NAME=LO:HI")
        lower, upper = _number(low, "--bounds", item), _number(high, "--bounds", item)
        start = float(np.clip(space[name].start, lower, upper)) if lower <= upper else space[name].start
        space = space.replace(name, lower=lower, upper=upper, start=start)
    for name, value in named_numbers(starts, "--set").items():
        space = space.replace(name, start=value)
    for item in fixed:
        if item in space:
            space = space.fix({item: space[item].start})
        else:
            space = space.fix(named_numbers((item,), "--fix") if "=" in item else {item: space[item].start})
    return space


def _data(
    workspace: Workspace | Hs3Workspace,
    likelihood: PoissonCounts,
    space: ParameterSpace,
    choice: str,
    measurement: str | None,
) -> CountsData:
    if choice == "observed":
        return workspace.data(measurement)
    if choice == "asimov":
        expected = likelihood.expected(space.unpack(space.starts))
        return likelihood.prepare(
            CountsData(*(np.asarray(a) for a in (expected.counts, expected.auxiliary, expected.simulation)))
        )
    document, _ = read_json(Path(choice))
    return likelihood.prepare(document)


def _pair(item: str) -> tuple[str, str]:
    kind, equals, code = item.partition("=")
    if not equals:
        raise InvalidOption(f"--code {item!r}: expected KIND=CODE")
    return kind, code


def _number(text: str, option: str, item: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidOption(f"{option} {item!r}: {text!r} is no number") from None
