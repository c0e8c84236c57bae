"""Published and closed-form numbers that the tests compare with, each with its source.

CCGV = G. Cowan, K. Cranmer, E. Gross, O. Vitells, Eur. Phys. J. C 71 (2011) 1554, arXiv:1007.1727. Numbers without a
paper are roots of closed forms, to the digits printed.
"""

ASIMOV_Z = {(10.0, 100.0, 0.0): 0.9839916, (5.0, 1.0, 0.0): 3.3913292}
"""(s, b, 0) -> median discovery significance with known background, CCGV eq. 97."""

ASIMOV_Z_WITH_ERROR = {(10.0, 100.0, 10.0): 0.6901961, (20.0, 50.0, 5.0): 2.1332240}
"""(s, b, error of b) -> the same with an auxiliary measurement of b; closed form by G. Cowan (2012)."""

LI_MA = {
    (100.0, 300.0, 0.2): 4.2280861,
    (140.0, 100.0, 1.0): 2.5880260,
    (120.0, 160.0, 0.5): 3.3147014,
    (15.0, 30.0, 1 / 3): 1.2503920,
}
"""(n_on, n_off, alpha) -> significance; T.-P. Li, Y.-Q. Ma, Astrophys. J. 272 (1983) 317, eq. 17."""

POISSON_HALF_UNIT = {
    0: (0.0, 0.5),
    1: (0.3017096, 2.3576767),
    5: (3.0840842, 7.5811058),
    10: (7.1618946, 13.5040326),
}
"""Observed count -> ends at which -ln L of a Poisson mean has risen by 1/2; roots of mu - n ln mu."""

GARWOOD = {0: (0.0, 1.8410548), 1: (0.1727475, 3.2995697), 5: (2.8402757, 8.3825392), 10: (6.8912521, 14.2670355)}
"""Observed count -> central 68.27 % interval (tails 0.15865); F. Garwood, Biometrika 28 (1936) 437."""

LEVELS = (0.6827, 0.90, 0.9545, 0.9973)
THRESHOLDS = {
    1: (1.0000, 2.7055, 4.0000, 8.9999),
    2: (2.2958, 4.6052, 6.1801, 11.8290),
    3: (3.5268, 6.2514, 8.0249, 14.1563),
}
"""Degrees of freedom -> thresholds of 2 delta nll at LEVELS; chi-square quantiles."""

CHI2_2_BELOW_2_3 = 0.6833632
"""P(chi2 with 2 dof < 2.3) = 1 - exp(-1.15)."""

CHERNOFF_P_AT_4 = 0.0227501
CHERNOFF_95 = 2.70554
"""One bounded parameter at its bound: p-value of q0 = 4, and the 95 % critical value; H. Chernoff,
Ann. Math. Stat. 25 (1954) 573."""

PYHF_README = {
    "signal": (12.0, 11.0),
    "background": (50.0, 52.0),
    "uncertainty": (3.0, 7.0),
    "observed": (51.0, 48.0),
    "auxiliary": (277.7777778, 55.18367347),
    "twice_nll_at_start": 30.77525435,
    "twice_nll_at_minimum": 24.98393521,
    "mu": 0.0,
    "gamma": (1.00305, 0.96268),
}
"""The two-bin model of pyhf's README (J. Open Source Softw. 6 (2021) 2823) with a shapesys, and its numbers: pyhf
0.7.6, minimum from the exact profile."""

SEED_COUNTS = (
    *(4, 22, 26, 8, 1, 4, 6, 5, 21, 10, 7, 6, 7, 6, 6, 5, 8),
    *(4, 7, 4, 15, 15, 5, 12, 9, 10, 9, 8, 5, 13, 8, 8, 9, 7),
)
"""Four-lepton masses in 34 bins of 80 to 250 GeV, ATLAS Open Data 13 TeV with the tutorial's cuts:
ATL-OREACH-PUB-2020-001, CERN Open Data record 15005."""

PYHF_README_CLS = {
    "q": 3.93824,
    "q_asimov": 3.41887,
    "observed": 0.0525155,
    "band": (0.0026064, 0.0138206, 0.0644552, 0.2352609, 0.5730417),
}
"""The same model at mu = 1: q-tilde on data and on Asimov data, CLs observed and expected from the exact profile (pyhf
0.7.6 quotes 0.0525149705 and 0.0644531921, right to its minimiser's tolerance)."""

PYHF_README_LIMITS = {
    "root": (1.01157, 0.55988, 0.75703, 1.06236, 1.50118, 2.05080),
    "grid": (1.01419, 0.5709, 0.7591, 1.0692, 1.5014, 2.0562),
}
"""95 % CLs limits of the same, observed and from -2 to +2 sigma: roots, and pyhf's linear interpolation of 41 points on
[0, 5]."""

CLS_COUNTING = {(0, 3.0): 2.9957323, (3, 3.0): 5.3954495, (5, 10.0): 4.7345952}
"""(observed, background) -> 95 % CLs limit of an exact counting experiment: P(<= n | s + b)/P(<= n | b) = 0.05."""
