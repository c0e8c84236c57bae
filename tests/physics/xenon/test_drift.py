"""Tests of wilks.physics.xenon.drift: speeds between and at the temperatures of the table."""

import numpy as np
import pytest

from wilks._base.errors import InvalidOption
from wilks.physics.xenon.drift import drift_velocity

TABLE = (120.0, 140.0, 155.0, 157.0, 163.0, 165.0, 167.0, 184.0, 200.0)


@pytest.mark.parametrize("field", [23.0, 120.0, 500.0, 3000.0])
def test_speeds_are_continuous_at_the_temperatures_of_the_table(field):
    for temperature in TABLE:
        around = [drift_velocity(temperature + step, field) for step in (-1e-7, 0.0, 1e-7)]
        np.testing.assert_allclose(around, around[1], rtol=1e-5)  # slopes are below 10 per kelvin
        assert 1e-5 < around[1] < 1e-3  # cm/ns: 0.1 to 10 mm/us


def test_the_speed_at_a_temperature_of_the_table_is_its_formula():
    # 165 K, 100 V/cm: c + sum a exp(-F / b) by hand, mm/us
    by_hand = 2.8912 - 1.5389 * np.exp(-100 / 26.602) - 0.44589 * np.exp(-100 / 196.08) - 1.1516 * np.exp(-100 / 1810.8)
    np.testing.assert_allclose(drift_velocity(165.0, 100.0), 1e-4 * by_hand, rtol=1e-12)


@pytest.mark.parametrize(("temperature", "field"), [(99.0, 100.0), (231.0, 100.0), (170.0, 0.0)])
def test_what_is_not_known_is_refused(temperature, field):
    with pytest.raises(InvalidOption, match=r"expected more than 0|known from 100 to 230"):
        drift_velocity(temperature, field)
