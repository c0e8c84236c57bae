"""Likelihoods of lists of events that the tests of procedures share, so that their programs are compiled once."""

import functools

import jax
import numpy as np

from tests.likelihood.event_sources import Decay, Peak
from wilks.data.events import Events
from wilks.likelihood.components import SUFFIX
from wilks.likelihood.unbinned import Unbinned
from wilks.model.predictor import Auxiliary

TRUTH = {"sig" + SUFFIX: 1.0, "bkg" + SUFFIX: 1.0, "m": 5.0, "s": 0.5}
RATE = "sig" + SUFFIX


@functools.cache
def lifetime() -> Unbinned:
    """Exponential decays without an end: rate and lifetime have closed forms."""
    return Unbinned({"decay": Decay(20.0, top=np.inf)}, free_rates=["decay"], free={"tau": (0.5, 40.0)})


@functools.cache
def counted() -> Unbinned:
    """Twenty expected events of one source, only their rate free."""
    return Unbinned({"decay": Decay(20.0)}, free_rates=["decay"])


@functools.cache
def mixture(scale: float = 0.02) -> Unbinned:
    """A peak on an exponential background, starting off the truth (problem c of the engine's benchmarks)."""
    sources = {"sig": Peak(2000.0 * scale, 4.7, 0.7), "bkg": Decay(8000.0 * scale)}
    return Unbinned(sources, free_rates=["sig", "bkg"], free={"m": (3.0, 7.0), "s": (0.1, 2.0)})


@functools.cache
def search() -> Unbinned:
    """A peak of known shape on a background whose rate was measured beside: 10 expected signal events on 30."""
    beside = Auxiliary("bkg" + SUFFIX, "gaussian", 0.2, 1.0)
    return Unbinned({"sig": Peak(10.0), "bkg": Decay(30.0)}, free_rates=["sig", "bkg"], constraints=[beside])


def drawn(likelihood: Unbinned, values: dict[str, float], seed: int) -> Events:
    """One simulated set of events."""
    (events,) = likelihood.simulate_events(jax.random.key(seed), values).values()
    return events
