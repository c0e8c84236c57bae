"""Tests of WIMP recoils against wimprates 0.5.0."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from wilks._base.errors import InvalidModel
from wilks.physics.xenon.halo import Halo
from wilks.physics.xenon.wimps import helm_form_factor_squared, least_speed, wimp_rate

ENERGIES = np.array([0.7, 1.0, 2.0, 5.0, 10.0, 20.0, 35.0, 50.0])
OLD = Halo(normalisation="wimprates-0.5")
J2000, DAY = 946_728_000e9, 86_400e9
YEARS = 365.25 / 365.2564  # wimprates counts years of 365.2564 days

# Printed by wimprates 0.5.0: rate_wimp_std(ENERGIES, mass, cross section, ...), per keV, tonne and year.
REFERENCES = {
    "heavy": (
        {"mass": 1e3, "cross_section": 1e-45},
        [1.538167427, 1.514383171, 1.437507059, 1.227526727, 0.9379109649, 0.5337650404, 0.2112174415, 0.07236034851],
    ),
    "middle": (
        {"mass": 50.0, "cross_section": 1e-47},
        [0.3116592523, 0.3039515395, 0.2794793424, 0.2162087428, 0.1388729313, 0.05429481635, 0.01158361712,
         0.002027477568],
    ),
    "light": (
        {"mass": 8.0, "cross_section": 1e-45},
        [131.3902458, 97.28932319, 32.77132613, 0.4885411461, 0.0, 0.0, 0.0, 0.0],
    ),
    "light mediator": (
        {"mass": 50.0, "cross_section": 1e-45, "mediator_mass": 1e-3},
        [0.001050805528, 0.0005039148227, 0.0001163088145, 1.443178193e-05, 2.319312187e-06, 2.267866495e-07,
         1.580168121e-08, 1.355319462e-09],
    ),
    "day 7100": (
        {"mass": 50.0, "cross_section": 1e-45, "event_time": jnp.array([J2000 + 7100 * DAY])},
        [30.27052357, 29.55129145, 27.25425543, 21.28042227, 13.86965453, 5.568921965, 1.2318866, 0.2229280475],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFERENCES)
def test_rates_are_those_of_wimprates_with_its_normalisation(case):
    settings, expected = REFERENCES[case]
    rates = np.asarray(wimp_rate(jnp.asarray(ENERGIES), halo=OLD, **settings))[0]
    # 1e-4: wimprates integrates over speeds numerically, and its constants end after seven digits
    np.testing.assert_allclose(rates, np.array(expected) * YEARS, rtol=1e-4)


def test_the_right_rates_are_three_per_cent_above_those_of_wimprates():
    ratio = wimp_rate(jnp.asarray(ENERGIES), mass=100.0, cross_section=1e-46) / wimp_rate(
        jnp.asarray(ENERGIES), mass=100.0, cross_section=1e-46, halo=OLD
    )
    np.testing.assert_allclose(np.asarray(ratio), 1 / 0.970, rtol=1e-3)  # 0.970 is rounded


def test_the_form_factor_is_that_of_wimprates():
    # helm_form_factor_squared(ENERGIES, 131.293) of wimprates 0.5.0; 1e-5: digits of its constants
    expected = [
        0.9669292166, 0.9530550296, 0.908070906, 0.7841602521, 0.6104664212, 0.36080812, 0.1512917963, 0.05498157207,
    ]  # fmt: skip
    np.testing.assert_allclose(np.asarray(helm_form_factor_squared(jnp.asarray(ENERGIES))), expected, rtol=1e-5)


def test_the_form_factor_starts_at_one_and_joins_its_series_smoothly():
    assert float(helm_form_factor_squared(jnp.zeros(1))[0]) == 1.0
    energies = jnp.linspace(1e-6, 0.05, 400)
    slopes = np.diff(np.asarray(helm_form_factor_squared(energies)))
    np.testing.assert_allclose(slopes[1:], slopes[:-1], rtol=1e-3)  # a step would show as an outlier
    assert np.isfinite(jax.grad(lambda e: helm_form_factor_squared(e[None])[0])(jnp.asarray(1e-8)))


def test_heavier_wimps_need_less_speed():
    speeds = [float(least_speed(jnp.asarray(10.0), mass)) for mass in (10.0, 100.0, 1000.0)]
    assert speeds == sorted(speeds, reverse=True)


def test_the_rate_changes_with_the_season_around_that_of_the_average_speed():
    times = jnp.asarray(J2000 + np.linspace(0, 365.25, 49)[:-1] * DAY)
    rates = np.asarray(wimp_rate(jnp.asarray(ENERGIES), mass=50.0, cross_section=1e-45, event_time=times))
    assert rates.shape == (48, 8)
    mean = np.asarray(wimp_rate(jnp.asarray(ENERGIES), mass=50.0, cross_section=1e-45))[0]
    june, december = 20, 44  # of the 48 times, which start on 1 January
    assert rates[june, 0] < 0.95 * rates[december, 0]  # fast WIMPs make fewer small recoils, and more large ones
    assert rates[june, -1] > 1.15 * rates[december, -1]
    np.testing.assert_allclose(rates.mean(axis=0), mean, rtol=0.005)  # second order of a swing below 20 %


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"mass": 0.0, "cross_section": 1e-45}, "WIMP mass is 0.0 GeV"),
        ({"mass": 50.0, "cross_section": -1.0}, "cross section is -1.0"),
        ({"mass": 50.0, "cross_section": 1e-45, "mediator_mass": 0.0}, "mediator mass is 0.0"),
    ],
)
def test_values_without_sense_are_refused(settings, message):
    with pytest.raises(InvalidModel, match=message):
        wimp_rate(jnp.asarray(ENERGIES), **settings)
