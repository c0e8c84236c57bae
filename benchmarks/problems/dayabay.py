"""The problem of the rows on Daya Bay: chi-square with covariance at displaced parameters, and its fit."""

NAMES = ("sin2_2theta13", "dm2_32_eV2", *(f"knot_{i:02d}" for i in range(19)))
"""The 21 parameters in both sides' order."""

STARTS = (0.0856, 2.453e-3, *(0.0 for _ in range(19)))

SCALES = (2.4e-3, 6e-5, *(0.03 for _ in range(19)))
"""Errors, about: answers are compared in units of them, and parameters are moved by a tenth of them."""


def displaced(i: int) -> list[float]:
    """The starts with one parameter moved, another one at each call."""
    values = list(STARTS)
    k = i % len(values)
    values[k] += 0.1 * SCALES[k] * (1 + i // len(values))
    return values
