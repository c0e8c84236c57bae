"""Groups of uncertain inputs: numbers, correlations, formulas, conventions."""

import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidOption, UnknownName
from wilks.physics.oscillation.dayabay import nuisances
from wilks.physics.oscillation.dayabay.layout import layout_of


def test_there_are_1057_inputs_and_one_that_is_fixed():
    sizes = nuisances.group_sizes(layout_of())
    assert sum(sizes.values()) - sizes["absolute_efficiency"] == 1057  # README of dayabay-model 1.7.1
    assert sizes["background_rate"] == 61


def test_absolute_background_errors_enter_as_relative_ones_unless_asked_otherwise():
    layout = layout_of()
    rng = np.random.default_rng(2)
    days, rates = rng.uniform(100, 1000, 21), rng.uniform(0.1, 3.0, (21, 4))
    errors, accidentals = 0.2 * rates, rng.uniform(100, 1000, 21)
    release, physical = (
        nuisances.background_columns(layout, days, rates, errors, accidentals, kind) for kind in ("release", "physical")
    )
    np.testing.assert_allclose(release[-1, :, 3], days * rates[:, 2] * errors[:, 2], rtol=1e-14)
    np.testing.assert_allclose(physical[-1, :, 3], days * errors[:, 2], rtol=1e-14)
    np.testing.assert_array_equal(release[:42], physical[:42])  # accidentals and alpha-neutron are not concerned
    assert (np.count_nonzero(release.sum(axis=2), axis=1)[:42] == 1).all()


def test_treatments_have_exceptions_by_group():
    found = nuisances.treatments("covariance", {"eres": "pull"})
    assert [found[g] for g in ("eres", "lsnl", "absolute_efficiency")] == ["pull", "covariance", "fixed"]
    assert nuisances.treatments("pull", None, absolute=True)["absolute_efficiency"] == "pull"
    with pytest.raises(UnknownName, match="did you mean 'eres'"):
        nuisances.treatments("pull", {"ere": "pull"})
    with pytest.raises(InvalidOption, match="choose one of covariance, pull, fixed"):
        nuisances.treatments("pulls", None)


def test_pulls_are_in_units_of_their_errors_but_for_the_shared_ones():
    solar = nuisances.pull_parameters("survival_probability", 2)
    assert [p.name for p in solar] == ["dm2_21_eV2", "sin2_2theta12"]
    assert nuisances.pull_scales("survival_probability", 2)[1].tolist() == [0.18e-5, 0.020]
    first, *_, last = nuisances.pull_parameters("hm_uncorr", 904)
    assert (first.name, last.name) == ("dayabay_hm_uncorr_000", "dayabay_hm_uncorr_903")
    assert float(jnp.min(nuisances.resolution(jnp.full(3, nuisances.pull_parameters("eres", 3)[0].lower)))) >= 0.0
