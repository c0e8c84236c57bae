"""Tests of pools of simulated events."""

import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidModel, InvalidOption, UnknownName
from wilks.inference.fitting import fit
from wilks.likelihood.unbinned import Unbinned
from wilks.physics.xenon.reservoir import make_event_reservoir, reservoir_sources
from wilks.physics.xenon.template_source import TemplateSource

EDGES = [[0.0, 1.0, 2.0]]
SOURCES = {
    "sig": TemplateSource([2.0, 18.0], EDGES, ("x",), events_per_bin=True),
    "bkg": TemplateSource([50.0, 50.0], EDGES, ("x",), events_per_bin=True),
}


def test_the_pool_holds_events_of_all_sources_with_their_rates():
    pool = make_event_reservoir(0, SOURCES, toys=20, most={"sig": 3.0})
    numbers = {name: int(np.sum(np.asarray(pool["source"]) == name)) for name in SOURCES}
    assert abs(numbers["sig"] - 1200) < 4 * np.sqrt(1200)  # four standard deviations
    assert abs(numbers["bkg"] - 2000) < 4 * np.sqrt(2000)
    for name, source in SOURCES.items():
        np.testing.assert_allclose(pool[f"{name}_diff_rate"], source.rate(None, pool))


def test_toys_from_the_pool_are_fitted_as_toys_of_the_sources():
    frozen = reservoir_sources(make_event_reservoir(1, SOURCES, toys=50), SOURCES)
    names = list(SOURCES)
    likelihood, original = (Unbinned(sources, free_rates=names) for sources in (frozen, SOURCES))
    events = likelihood.simulate_events(jax.random.key(3), {f"{n}_rate_multiplier": 1.0 for n in names})["events"]
    assert len(events) > 0
    found, expected = fit(likelihood, events), fit(original, events)
    for name, value in found.values.items():
        assert np.isclose(value, expected.values[name], rtol=1e-5)  # both end at the minimum within their tolerance


def test_wrong_use_is_refused():
    with pytest.raises(UnknownName, match="no source 'signal'"):
        make_event_reservoir(0, SOURCES, toys=1, most={"signal": 2.0})
    with pytest.raises(InvalidOption, match="at least 1"):
        make_event_reservoir(0, SOURCES, toys=0)
    with pytest.raises(InvalidOption, match="'sig' is -1"):
        make_event_reservoir(0, SOURCES, toys=1, most={"sig": -1.0})
    pool = make_event_reservoir(0, {"bkg": SOURCES["bkg"]}, toys=1)
    with pytest.raises(InvalidModel, match="no events of source 'sig'"):
        reservoir_sources(pool, SOURCES)
