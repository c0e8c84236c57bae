"""The sources of the study and the likelihoods of its fits."""

from typing import Any

import numpy as np
from jaxtyping import Float

from wilks.data.events import Events
from wilks.likelihood.unbinned import Unbinned
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.source import compiled_log_rate
from wilks.physics.xenon.wimp_source import WIMPSource

from .model_functions import absorbed, parabola

MASS, CROSS_SECTION, EXPOSURE = 50.0, 1e-47, 1.0
"""The WIMPs that are searched for: GeV, cm^2, tonne years."""

YIELDS = {"a": (-0.5, 0.5), "b": (-0.5, -0.2), "c": (0.35, 0.45), "elife": (400e3, 500e3), "g2": (18.0, 22.0)}
"""Hard bounds of the six-parameter fit, as in the tutorial."""

_LIFETIMES = (50e3, 5e6)  # ns: wide, so that they do not shape the fit
_LENGTHS = (6.0, 700.0)  # cm, the same lifetimes times the drift velocity
_TOGETHER = 32  # events per compiled call: the bucket of small samples


def recoils(preset: str, **settings: Any) -> ERSource:
    """Electronic recoils with a selection of events and other settings."""
    make: Any = ERSource  # a checker of types takes the fields of a module for the arguments of its constructor
    return make(preset=preset, **settings)


def lifetime_likelihood(source: ERSource) -> Unbinned:
    """Rate and electron lifetime."""
    return Unbinned({"er": source}, free_rates=["er"], free={"elife": _LIFETIMES})


def absorption_likelihood(preset: str) -> Unbinned:
    """Rate and absorption length, with the user's model function in place of the lifetime's."""
    source = recoils(preset, electron_detection_eff=absorbed)
    return Unbinned({"er": source}, free_rates=["er"], free={"absorption_length": _LENGTHS})


def yields_likelihood(preset: str) -> Unbinned:
    """Rate, lifetime, gain, and the three parameters of the user's share of electrons."""
    source = recoils(preset, p_electron=parabola)
    return Unbinned({"er": source}, free_rates=["er"], free=YIELDS)


def search_likelihood(source: ERSource, preset: str) -> Unbinned:
    """Rates of electronic recoils and of WIMPs, both shapes known."""
    return Unbinned({"er": source, "wimp": wimps_of(preset)}, free_rates=["er", "wimp"])


def wimps_of(preset: str) -> WIMPSource:
    """The signal that is searched for."""
    return WIMPSource(mw=MASS, sigma_nucleon=CROSS_SECTION, exposure_tonneyear=EXPOSURE, preset=preset)


def log_rates(source: ERSource, values: Any, events: Events) -> Float[np.ndarray, " events"]:
    """ln of the differential rate of every event, PE^-2, through the compiled program of small samples."""
    pieces = [
        compiled_log_rate(source, values, source.prepare(events.where(slice(first, first + _TOGETHER))))
        for first in range(0, len(events), _TOGETHER)
    ]
    return np.concatenate(pieces) if pieces else np.zeros(0)
