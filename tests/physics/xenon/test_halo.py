"""Tests of the halo: its distribution of speeds, and the speed of the Earth."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad

from wilks._base.errors import InvalidModel, InvalidOption
from wilks.physics.xenon.halo import Halo

DAY = 86_400e9
J2000 = 946_728_000e9


def inverse_speed(halo: Halo, slowest: float) -> float:
    return float(halo.mean_inverse_speed(jnp.asarray(slowest), halo.earth_speed()))


def integral(halo: Halo) -> float:
    """Of the distribution of speeds: f = -v d/dv of the mean inverse speed above v; by parts, that mean integrated."""
    fastest = halo.escape_speed + float(halo.earth_speed())
    return quad(lambda v: inverse_speed(halo, v), 0.0, fastest, limit=200, points=[halo.escape_speed - 252.13])[0]


def test_the_distribution_of_speeds_integrates_to_one():
    assert math.isclose(integral(Halo()), 1.0, rel_tol=1e-8)  # precision of the quadrature


def test_the_distribution_of_wimprates_integrates_to_the_square_of_its_factor():
    halo = Halo(normalisation="wimprates-0.5")
    z = halo.escape_speed / halo.speed
    kept = math.erf(z) - 2 * z * math.exp(-(z**2)) / math.sqrt(math.pi)
    assert math.isclose(integral(halo), kept**2, rel_tol=1e-8)
    assert round(kept**2, 3) == 0.970  # xenon.md, fault 21


@pytest.mark.parametrize(
    ("days", "speed"),
    [(None, 252.12892055513322), (59.37, 252.12892055513322), (7000.0, 252.3488280547026), (7100.0, 266.2875401459965)],
)
def test_the_speed_of_the_earth_is_that_of_wimprates(days, speed):
    # figures of wimprates 0.5.0, v_earth(t); 1e-6: a time in ns near 1.6e18 is rounded to 256 ns
    time = None if days is None else J2000 + days * DAY
    assert math.isclose(float(Halo().earth_speed(time)), speed, rel_tol=1e-6)


def test_speed_changes_by_a_part_of_the_orbital_speed_within_a_year():
    speeds = np.asarray(Halo().earth_speed(jnp.asarray(J2000 + np.arange(0, 365.25, 0.5) * DAY)))
    half = (speeds.max() - speeds.min()) / 2
    assert 0.45 < half / 29.8 < 0.55  # the orbit is inclined by about 60 degrees
    assert abs(np.argmax(speeds) / 2 - 152) < 5  # the first days of June


def test_the_mean_vanishes_above_the_fastest_wimps_and_never_rises():
    halo = Halo()
    speeds = jnp.linspace(0.0, 900.0, 500)
    means = np.asarray(halo.mean_inverse_speed(speeds, jnp.full(500, halo.earth_speed())))
    assert (np.diff(means) <= 1e-15).all()
    assert (means[np.asarray(speeds) > 544 + 253] == 0).all()


def test_the_mean_has_the_right_slope():
    halo = Halo()
    for speed in (100.0, 400.0, 700.0):
        slope = float(jax.grad(lambda v: halo.mean_inverse_speed(v, halo.earth_speed()))(jnp.asarray(speed)))
        step = (inverse_speed(halo, speed + 0.01) - inverse_speed(halo, speed - 0.01)) / 0.02
        assert math.isclose(slope, step, rel_tol=1e-5)  # error of a central difference


@pytest.mark.parametrize("change", [{"density": 0.0}, {"speed": -1.0}, {"escape_speed": 270.0}, {"speed": math.nan}])
def test_values_without_sense_are_refused(change):
    with pytest.raises(InvalidModel, match=next(iter(change))):
        dataclasses.replace(Halo(), **change)


def test_an_unknown_normalisation_is_refused():
    with pytest.raises(InvalidOption, match="choose one of unit"):
        Halo(normalisation="old")
