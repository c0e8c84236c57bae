"""Drift speed of electrons in liquid xenon, by temperature and field."""

import numpy as np

from wilks._base.errors import InvalidOption

_PER_SPEED = 1e-4  # cm/ns for a speed of 1 mm/us
_TABLE = {  # K: a1 b1 a2 b2 a3 b3 c of speed = sum a exp(-F / b) + c in mm/us, F in V/cm
    100.0: (-3.1046, 27.037, -2.1668, 193.27, -4.8024, 646.04, 9.2471),
    120.0: (-2.7394, 22.760, -1.7775, 222.72, -5.0836, 724.98, 8.7189),
    140.0: (-2.3646, 164.91, -1.6984, 21.473, -4.4752, 1202.2, 7.9744),
    155.0: (-1.8097, 235.65, -1.7621, 36.855, -3.5925, 1356.2, 6.7865),
    157.0: (-1.5, 37.021, -1.1430, 6.4590, -4.0337, 855.43, 5.4238),
    163.0: (-1.4939, 47.879, 0.12608, 8.9095, -1.3480, 1310.9, 2.7598),
    165.0: (-1.5389, 26.602, -0.44589, 196.08, -1.1516, 1810.8, 2.8912),
    167.0: (-1.5, 28.510, -0.21948, 183.49, -1.4320, 1652.9, 2.884),
    184.0: (-1.1781, 49.072, -1.3008, 3438.4, -0.14817, 312.12, 2.8049),
    200.0: (1.2466, 85.975, -0.88005, 918.57, -3.0085, 27.568, 2.3823),
    230.0: (334.60, 37.556, 0.92211, 345.27, -338.00, 37.346, 1.9834),
}
_TEMPERATURES = np.array(list(_TABLE))


def drift_velocity(temperature: float, field: float) -> float:
    """Drift speed of electrons, cm/ns, to be given to sources as ``drift_velocity``.

    Between the temperatures of the table the speed is a straight line where it rises, and a hyperbola through both
    points where it falls; it is continuous everywhere.

    Args:
        temperature: K, from 100 to 230.
        field: V/cm, more than 0.

    Raises:
        InvalidOption: outside these ranges.

    >>> round(drift_velocity(177.15, 120.0) * 1e4, 2)  # mm/us
    1.39

    References:
        M. Szydagis et al., NEST (github.com/NESTCollaboration/nest), from whose table the constants are.
    """
    if not _TEMPERATURES[0] <= temperature <= _TEMPERATURES[-1]:
        raise InvalidOption(f"temperature {temperature} K; drift speeds are known from 100 to 230 K")
    if not field > 0:
        raise InvalidOption(f"drift field {field} V/cm; expected more than 0")
    above = int(np.clip(np.searchsorted(_TEMPERATURES, temperature, side="right"), 1, len(_TEMPERATURES) - 1))
    low, high = float(_TEMPERATURES[above - 1]), float(_TEMPERATURES[above])
    return _PER_SPEED * _between(temperature, (low, high), (_speed(low, field), _speed(high, field)))


def _speed(temperature: float, field: float) -> float:
    a1, b1, a2, b2, a3, b3, c = _TABLE[temperature]
    return float(np.sum(np.array([a1, a2, a3]) * np.exp(-field / np.array([b1, b2, b3]))) + c)


def _between(temperature: float, at: tuple[float, float], speeds: tuple[float, float]) -> float:
    """Straight line, or 1 / (T - s) + o through both points where the speed falls."""
    (low, high), (first, last) = at, speeds
    rise, room = last - first, high - low
    if rise >= 0:
        return first + rise * (temperature - low) / room
    root = np.sqrt(rise * (rise * room - 4) / room)  # of the quadratic equation for o
    offset = 0.5 * (root + first + last)
    shift = 0.5 * (low + high - root * room / rise)
    return float(1 / (temperature - shift) + offset)
