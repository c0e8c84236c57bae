"""The flavour models that both sides fit: three real couplings, generic complex matrices, and one that branches."""

import numpy as np

COUPLINGS = ("v1", "v2", "v3")
BEST = {"v1": 5.036863, "v2": -0.528403, "v3": 0.701039}
"""Documented best fit of the simple model (chi2 5.65)."""

GENERIC = (
    *(f"e{i}{j}{part}" for i in range(3) for j in range(3) for part in "ri"),
    *(f"n{i}{j}{part}" for i in range(3) for j in range(i, 3) for part in "ri"),
)
"""Parameters of the generic matrices: real and imaginary parts."""


def charged_leptons(params):
    """Diagonal."""
    return np.array([[0.0048 * 0.0565, 0, 0], [0, 0.0565, 0], [0, 0, 1]])


def neutrinos(params):
    """Three real couplings."""
    v1, v2, v3 = params["v1"], params["v2"], params["v3"]
    return np.array([[1, v2, v3], [v1, 1, v3], [v1, v2, 1]])


def branching_neutrinos(params):
    """The same, written with a branch on a value, which nothing can trace."""
    v1, v2, v3 = params["v1"], params["v2"], params["v3"]
    if v1 > 0:
        return np.array([[1, v2, v3], [v1, 1, v3], [v1, v2, 1]])
    return np.array([[1, v2, v3], [v1, 1, v3], [v1, v2, 1]])


def generic_charged(params):
    """Any complex matrix."""
    return np.array([[params[f"e{i}{j}r"] + 1j * params[f"e{i}{j}i"] for j in range(3)] for i in range(3)])


def generic_neutrinos(params):
    """Any complex symmetric matrix."""
    pairs = [[(min(i, j), max(i, j)) for j in range(3)] for i in range(3)]
    return np.array([[params[f"n{i}{j}r"] + 1j * params[f"n{i}{j}i"] for i, j in row] for row in pairs])


MODELS = {
    "seed": (COUPLINGS, charged_leptons, neutrinos),
    "generic": (GENERIC, generic_charged, generic_neutrinos),
    "branching": (COUPLINGS, charged_leptons, branching_neutrinos),
}
"""Name -> parameters, M_e, M_n."""


def points(model: str, n: int) -> dict[str, np.ndarray]:
    """Random points of a model by name; the first ones are the same for every ``n``."""
    names = MODELS[model][0]
    drawn = np.random.default_rng(1).normal(size=(n, len(names)))
    if model != "generic":
        drawn = np.array([BEST[name] for name in names]) * (1.0 + 0.02 * drawn)
    return dict(zip(names, drawn.T, strict=True))


def rows_of_plot(n: int) -> dict[str, np.ndarray]:
    """Columns for the plots: points around a best fit."""
    z = np.random.default_rng(2).normal(size=(4, n))
    return {
        "chisq": (z**2).sum(axis=0),
        "m1": 2e-3 * np.exp(0.3 * z[0]),
        "m_bb": 4e-3 * np.exp(0.3 * z[1]),
        "s23^2": 0.5 + 0.03 * z[2],
        "d/pi": np.mod(1.0 + 0.2 * z[3], 2.0),
    }
