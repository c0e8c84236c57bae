"""From the body of a user's class to the settings of a source: model functions, constants, attributes."""

import inspect
import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from wilks._base.errors import InvalidModel
from wilks.data.events import Events
from wilks.physics.xenon.settings import ATTRIBUTES
from wilks.physics.xenon.source import AbstractXenonSource

from .frames import pandas, to_frame

_OLD_NAMES = {f"reconstruction_{what}_{s}": f"reconstruction_{what}_{s}_simulate"
              for what in ("bias", "smear") for s in ("s1", "s2")}  # fmt: skip
"""Model functions of flamedisx 1.x, and what they are called since 2.0."""

_OF_BLOCKS = {
    "model_blocks": "stages of the chain",
    "random_truth": "the draw of energies, positions and times",
    "draw_positions": "the draw of positions (a SpatialRateERSource or SpatialRateNRSource takes a histogram)",
    "draw_time": "the draw of times",
    "energy_spectrum": "the spectrum as a function of time (wilks.physics.xenon.VariableEnergySource takes one)",
    "mu_before_efficiencies": "the expected number of events",
    "_annotate": "annotation",
    "_simulate_response": "the simulation",
    "_differential_rate": "the differential rate",
}


def refuse_blocks(cls: type) -> None:
    """Refuse a class that replaces the inner parts of flamedisx, which do not exist here.

    Raises:
        InvalidModel: naming class and part.
    """
    for name in sorted(set(_OF_BLOCKS) & set(vars(cls))):
        raise InvalidModel(
            f"{cls.__name__}.{name} replaces {_OF_BLOCKS[name]}, which the drop-in does not take; override model "
            "functions, or write a source of Wilks: a subclass of wilks.model.sources.AbstractEventSource"
        )


def adopt(cls: type, native: type[AbstractXenonSource]) -> None:
    """Put the model functions and attributes of a source of Wilks into the body of a class of the drop-in."""
    for name in (*native.model_function_names, *ATTRIBUTES):
        if name not in vars(cls):
            static = inspect.getattr_static(native, name)
            setattr(cls, name, static if isinstance(static, staticmethod) else getattr(native, name))


def settings_of(face: Any, given: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """Settings of a source of Wilks: what the class of a source says, and over it what the instance was given.

    Args:
        face: the source.
        given: keyword arguments of the instance, which may also hold defaults of parameters.
        names: model functions.
    """
    found = {name: _function(face, name) for name in names} | {name: getattr(face, name) for name in ATTRIBUTES}
    for old, new in _OLD_NAMES.items():
        if inspect.getattr_static(type(face), old, None) is not None:
            found[new] = _function(face, old)
    renamed = {_OLD_NAMES.get(name, name): value for name, value in given.items()}
    return {name: _plain(name, value) for name, value in {**found, **renamed}.items()}


def extended(native: type[AbstractXenonSource], face: Any) -> type[AbstractXenonSource]:
    """A class of sources whose events have the columns that ``face.add_extra_columns`` puts into a frame."""

    def add_extra_columns(events: Events) -> dict[str, np.ndarray]:
        frame = to_frame(events)
        face.add_extra_columns(frame)
        return {str(name): frame[name].to_numpy() for name in frame.columns}

    body = {"add_extra_columns": staticmethod(add_extra_columns), "__module__": __name__, "__doc__": native.__doc__}
    return type(native.__name__, (native,), body)


def _function(face: Any, name: str) -> Any:
    """A number, or a function without ``self``."""
    raw = vars(face).get(name, inspect.getattr_static(type(face), name))
    if isinstance(raw, staticmethod):
        return raw.__func__
    takes_self = isinstance(raw, types.FunctionType) and next(iter(inspect.signature(raw).parameters), "") == "self"
    return getattr(face, name) if takes_self else raw


def _plain(name: str, value: Any) -> Any:
    """A setting in the form that sources of Wilks take: times in ns, arrays of numpy."""
    if name in ("t_start", "t_stop") and not isinstance(value, (int, float)):
        return float(pandas().Timestamp(value).value)
    return np.asarray(value, dtype=float) if name in ("energies", "rates_vs_energy") else value
