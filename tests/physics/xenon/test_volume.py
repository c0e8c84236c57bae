"""Tests of wilks.physics.xenon.volume: sources of different volumes in one data set."""

import numpy as np
import pytest

from wilks._base.errors import InvalidData
from wilks.data.events import Events
from wilks.likelihood.unbinned import Unbinned
from wilks.physics.xenon.er import ERSource
from wilks.physics.xenon.spatial_source import SpatialRateERSource


@pytest.fixture(scope="module")
def events():
    return ERSource().draw(1, 40)


def test_sources_of_equal_density_have_equal_rates_whatever_their_volumes(events):
    whole, part = ERSource(), ERSource(fv_radius=30.0)
    (table,) = Unbinned({"whole": whole, "part": part}, free_rates=["whole", "part"]).prepare(events).tables
    inside = np.asarray(events["r"]) <= 30.0
    assert 0 < inside.sum() < len(events)
    # 1000 recoils in a smaller volume: the rate per volume is higher by the ratio of volumes
    higher = 2 * np.log(part.volume.fv_radius / whole.volume.fv_radius)
    difference = (table.prepared[0] - table.prepared[1])[: len(events)]
    np.testing.assert_allclose(difference[inside], higher, rtol=1e-12)  # rounding of a logarithm
    assert np.all(table.prepared[1][: len(events)][~inside] <= -1e290)


def test_a_flat_histogram_of_positions_is_a_uniform_source_also_beside_larger_volumes(events):
    whole, part = ERSource(), ERSource(fv_radius=30.0)
    edges = [np.array([0.0, 30.0]), np.array([0.0, 2 * np.pi]), np.array([whole.fv_low, whole.fv_high])]
    flat = SpatialRateERSource(np.ones((1, 1, 1)), edges, ("r", "theta", "z"), fv_radius=30.0)
    sources = {"whole": whole, "part": part, "flat": flat}
    (table,) = Unbinned(sources, free_rates=list(sources)).prepare(events).tables
    inside = np.asarray(events["r"])[: len(events)] <= 30.0
    rates = [np.asarray(p)[: len(events)] for p in table.prepared]
    np.testing.assert_allclose(rates[2][inside], rates[1][inside], atol=1e-10)  # rounding of the volume of the bin
    assert np.all(rates[2][~inside] <= -1e290)


def test_live_times_count_like_volumes():
    whole = ERSource()
    half = ERSource(t_stop=0.5 * (whole.volume.t_start + whole.volume.t_stop))
    events = whole.draw(2, 20)
    (table,) = Unbinned({"whole": whole, "half": half}, free_rates=["whole", "half"]).prepare(events).tables
    early = np.asarray(events["event_time"]) <= half.volume.t_stop
    difference = (table.prepared[0] - table.prepared[1])[: len(events)]
    np.testing.assert_allclose(difference[early], -np.log(2.0), rtol=1e-9)  # live times in ns are rounded to 1e-16


def test_one_volume_needs_no_positions_and_two_do(events):
    flat = Events({name: np.asarray(events[name]) for name in ("s1", "s2", "z", "drift_time")})
    Unbinned({"a": ERSource(), "b": ERSource()}, free_rates=["a"]).prepare(flat)
    with pytest.raises(InvalidData, match="different volumes need columns z, and r or x and y"):
        Unbinned({"a": ERSource(), "b": ERSource(fv_radius=30.0)}, free_rates=["a"]).prepare(flat)
