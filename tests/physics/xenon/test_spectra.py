import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from wilks._base.errors import InvalidModel
from wilks.physics.xenon.places import average_nodes, dimensions_of, dimensions_seen, probe_points
from wilks.physics.xenon.sizes import Reach, Response, sizes_for
from wilks.physics.xenon.spectra import Comb, check_size, electronic_quanta, nuclear_quanta
from wilks.physics.xenon.volume import Cylinder


def test_energies_make_whole_numbers_of_quanta_and_none_is_kept_at_zero():
    comb = Comb(np.array([0.001, 0.02, 0.03, 1.0]), np.array([5.0, 1.0, 2.0, 3.0]))
    found = np.asarray(electronic_quanta(comb, jnp.asarray(13.7e-3), 80))
    assert found[[0, 1, 2, 72]].tolist() == [0.0, 1.0, 2.0, 3.0]
    assert found.sum() == 6.0
    assert comb.total == 11.0


def test_nuclear_quanta_are_poisson_distributed():
    comb = Comb(np.array([1.0, 5.0]), np.array([2.0, 3.0]))
    found = np.asarray(nuclear_quanta(comb, jnp.array([4.0, 30.0]), 60))
    n = np.arange(1, 60)
    expected = 2 * stats.poisson.pmf(n, 4.0) + 3 * stats.poisson.pmf(n, 30.0)
    assert found[1:] == pytest.approx(expected, rel=1e-10)
    assert found[0] == 0


def test_spectra_beyond_the_tables_are_refused():
    check_size(20_000.0, 270.0)
    with pytest.raises(InvalidModel, match="20001 quanta"):
        check_size(20_001.0, 270.0)


@pytest.mark.parametrize(
    "columns",
    [("z",), ("r",), ("z", "x"), ("event_time", "z"), ("z", "event_time", "theta")],
)
def test_averages_over_space_and_time(columns):
    volume = Cylinder()
    places = volume.from_unit_cube(probe_points())
    nodes, weights = average_nodes(volume, dimensions_seen({name: places[name] for name in columns}))
    assert weights.sum() == pytest.approx(1.0)
    if "z" in columns:
        # exact for a polynomial, 1e-4 with points of low discrepancy
        tolerance = 1e-9 if len(columns) < 3 else 2e-4
        assert weights @ nodes["z"] ** 2 == pytest.approx(97.6**2 / 3, rel=tolerance)
    if "x" in columns or "theta" in columns:
        assert weights @ nodes["x"] ** 2 == pytest.approx(47.9**2 / 4, rel=1e-3)
    if columns == ("r",):
        assert weights @ nodes["r"] ** 2 == pytest.approx(47.9**2 / 2)


def test_dimensions_seen_derived_columns_are_seen_in_their_values():
    places = Cylinder().from_unit_cube(probe_points())
    assert dimensions_seen({"map": places["x"] ** 2}) == {"plane"}
    assert dimensions_seen({"map": places["z"] * places["r"]}) == {"z", "r"}
    assert dimensions_seen({"map": np.ones(81)}) == frozenset()
    assert dimensions_of(("x", "r", "map")) == {"plane", "z", "time"}
    assert dimensions_seen({"s1": places["z"], "drift_time": places["z"]}) == {"z"}


def test_tables_end_where_nothing_is_accepted():
    light = Response((0.1, 0.1), 1.0, 0.5, 70.0, 0.2)
    charge = Response((0.2, 0.96), 20.0, 5.0, 6000.0)
    full = sizes_for(Reach(729, 729, 729), light, charge)
    assert (full.photons, full.electrons, full.quanta) == (730, 730, 730)
    large = sizes_for(Reach(20_000, 20_000, 20_000), light, charge)
    assert large.photons < 3000
    assert large.quanta == large.photons + large.electrons
    n = large.photons / 1.25
    assert stats.norm.cdf((70 - 0.12 * n) / np.sqrt(0.12 * n * 1.4)) < 1e-14
    assert sizes_for(Reach(5, 5, 5), light, charge).electrons > 24
