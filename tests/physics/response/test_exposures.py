"""Exposure with its uncertainty: filling, folding with cross sections, normalisation."""

import jax
import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidOption
from wilks.data.grid import Grid
from wilks.data.intervals import Intervals
from wilks.data.product import Product
from wilks.physics.response.exposures import Exposure

FLUX = Grid((Intervals("E", [0, 4, 8, np.inf]),))
TRUTH = Grid((Intervals("x", [0, 1, 2]),))
ENERGIES = np.random.default_rng(6).normal(8.0, 2.0, size=(10, 1000))


def test_each_variation_is_filled_by_itself():
    exposure = Exposure.throws(FLUX, {"E": ENERGIES}, weight=0.01, unit="years")
    expected = [FLUX.fill({"E": sample}, weight=0.01).values for sample in ENERGIES]
    assert np.array_equal(exposure.per_bin, expected)
    assert exposure.unit == "years"
    outside = Exposure.throws(FLUX, {"E": np.array([[-1.0, 1.0], [np.nan, 9.0]])})
    assert outside.per_bin.tolist() == [[1, 0, 0], [0, 0, 1]]


def test_events_are_sums_over_flux_bins():
    exposure = Exposure.of(FLUX, [[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    table = np.arange(6.0)
    assert exposure.events(table).tolist() == [[8, 26], [1, 4]]
    predictor = exposure.predictor(Product((TRUTH, FLUX)))
    assert np.array_equal(predictor.predict(table[None, :, None])[:, :, 0], exposure.events(table))
    assert predictor.space.lowers.tolist() == [0] * 6


def test_the_same_cross_section_gives_more_events_where_the_flux_is():
    exposure = Exposure.throws(FLUX, {"E": ENERGIES}, weight=0.01)
    product = Product((TRUTH, FLUX))
    many, few = (exposure.events(product.filled_at(E=E, x=0.5, value=100.0).values) for E in (9.0, 3.0))
    assert (many[:, 0] > 10 * few[:, 0]).all()
    assert (many[:, 1] == 0).all()


def test_names_of_parameters_differ_between_binnings():
    exposure = Exposure.of(FLUX, [1.0, 2.0, 3.0])
    other = Grid((Intervals("x", [0, 1, 3]),))
    names = [exposure.predictor(Product((truth, FLUX))).space.names for truth in (TRUTH, other)]
    assert not set(names[0]) & set(names[1])
    assert exposure.predictor(Product((TRUTH, FLUX)), name="s").space.names[0] == "s[0]"


def test_an_uncertain_normalisation_has_mean_one_and_its_error():
    exposure = Exposure.of(FLUX, np.ones((20_000, 3))).with_normalisation_error(0.1, jax.random.key(1))
    factors = exposure.per_bin[:, 0]
    assert np.array_equal(exposure.per_bin, np.repeat(factors[:, None], 3, axis=1))
    assert factors.mean() == pytest.approx(1.0, abs=4 * 0.1 / np.sqrt(20_000))
    assert factors.std() == pytest.approx(0.1, rel=4 / np.sqrt(2 * 20_000) * 1.2)  # 1.2: tails of the log-normal
    with pytest.raises(InvalidOption, match=r"relative error -0\.1"):
        exposure.with_normalisation_error(-0.1, jax.random.key(1))


def test_bad_exposures_are_refused():
    with pytest.raises(InvalidData, match="flux bin 1 of variation 0 is -1"):
        Exposure.of(FLUX, [1.0, -1.0, 0.0])
    with pytest.raises(InvalidData, match=r"shape \(1, 2\) for 1 weights and 3 flux bins"):
        Exposure.of(FLUX, [1.0, 1.0])
    with pytest.raises(InvalidData, match=r"expected one shape \(variations, particles\)"):
        Exposure.throws(FLUX, {"E": [1.0, 2.0]})
    with pytest.raises(InvalidData, match="no column 'E'"):
        Exposure.throws(FLUX, {"F": ENERGIES})
    exposure = Exposure.of(FLUX, [1.0, 1.0, 1.0])
    with pytest.raises(InvalidData, match="4 cross sections for 3 flux bins"):
        exposure.events(np.ones(4))
    with pytest.raises(InvalidData, match="as its last part"):
        exposure.predictor(Product((FLUX, TRUTH)))
