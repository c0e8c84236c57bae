"""Tables of G. J. Feldman and R. D. Cousins, Phys. Rev. D 57 (1998) 3873, at 90 % confidence."""

_WITHOUT_BACKGROUND = (
    (0.00, 2.44), (0.11, 4.36), (0.53, 5.91), (1.10, 7.42), (1.47, 8.60), (1.84, 9.99), (2.21, 11.47), (3.56, 12.53),
    (3.96, 13.99), (4.36, 15.30), (5.50, 16.50),
)  # fmt: skip
_BACKGROUND_3 = (
    (0.00, 1.08), (0.00, 1.88), (0.00, 3.04), (0.00, 4.42), (0.00, 5.60), (0.00, 6.99), (0.15, 8.47), (0.89, 9.53),
    (1.51, 10.99), (1.88, 12.30), (2.63, 13.50),
)  # fmt: skip
_NONE_SEEN = {0.5: 1.94, 1.0: 1.61, 1.5: 1.33, 2.0: 1.26, 2.5: 1.18, 3.5: 1.06, 4.0: 1.01, 5.0: 0.98}

COUNTING = (
    *((0.0, n, *ends) for n, ends in enumerate(_WITHOUT_BACKGROUND)),
    *((3.0, n, *ends) for n, ends in enumerate(_BACKGROUND_3)),
    *((background, 0, 0.0, upper) for background, upper in _NONE_SEEN.items()),
)
"""(background, observed count, lower end, upper end), table IV; upper ends made monotone in the background."""

GAUSSIAN = (
    (-3.0, 0.00, 0.26), (-2.0, 0.00, 0.40), (-1.0, 0.00, 0.81), (0.0, 0.00, 1.64), (1.0, 0.00, 2.64), (2.0, 0.58, 3.64),
    (3.0, 1.37, 4.64),
)  # fmt: skip
"""(measured value, lower end, upper end) of a Gaussian of unit width with mean at least 0, table X."""
