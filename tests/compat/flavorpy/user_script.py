"""What a user of FlavorPy brings: the mass matrices and the space of its simple example, at module level."""

import numpy as np

import wilks.compat.flavorpy as mf

POINT = {"v1": 1.5, "v2": 1.1, "v3": 1.3}
BEST = {"v1": 5.036863, "v2": -0.528403, "v3": 0.701039}  # the documented best fit, rounded as printed


def charged(params):
    return np.array([[0.0048 * 0.0565, 0, 0], [0, 0.0565, 0], [0, 0, 1]])


def neutral(params):
    v1, v2, v3 = params["v1"], params["v2"], params["v3"]
    return np.array([[1, v2, v3], [v1, 1, v3], [v1, v2, 1]])


def symmetric(params):
    return np.array([[1, params["v2"], 0.3j], [params["v2"], 2 + 1j, params["v1"]], [0.3j, params["v1"], params["v3"]]])


def up(params):
    return np.array([[0.002 * params["a"], 0, 0], [0, 0.003, 0], [0, 0, 1]])


def down(params):
    return np.array([[0.001, 0.004 * params["a"], 0.001j], [0, 0.018, 0.04 * params["a"]], [0, 0, 1.0]])


def space(*names, **settings):
    made = mf.ParameterSpace()
    for name in names or ("v1", "v2", "v3"):
        made.add_dim(name=name, **settings)
    return made


def seed_model(**settings):
    settings = {"mass_matrix_e": charged, "mass_matrix_n": neutral, "parameterspace": space()} | settings
    return mf.FlavorModel(**settings)


QUARK_TABLE = {
    name: {"best": best, "1sig_min": best - error, "1sig_max": best + error}
    for name, (best, error) in {
        "mu/mc": (1.9286e-3, 0.3e-3),
        "mc/mt": (2.8213e-3, 0.06e-3),
        "md/ms": (5.0523e-2, 0.31e-2),
        "ms/mb": (1.8241e-2, 0.05e-2),
        "t12": (13.03, 0.02),
        "t13": (0.2, 0.004),
        "t23": (2.3, 0.018),
        "dq": (69.2, 1.6),
        "lambda": (0.2265, 0.0005),
        "A": (0.79, 0.017),
        "rhobar": (0.141, 0.016),
        "etabar": (0.357, 0.011),
    }.items()
}
