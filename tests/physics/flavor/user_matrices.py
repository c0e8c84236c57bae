"""Mass matrices as users write them, at module level so that models with them pickle."""

import numpy as np

from wilks.parameters.parameter import Parameter
from wilks.parameters.space import ParameterSpace

SEED_SPACE = ParameterSpace((Parameter("v1", 1.0), Parameter("v2", 1.0), Parameter("v3", 1.0)))
SEED_POINT = {"v1": 1.5, "v2": 1.1, "v3": 1.3}


def charged(p):
    return np.array([[0.0048 * 0.0565, 0, 0], [0, 0.0565, 0], [0, 0, 1]])


def neutral(p):
    return np.array([[1, p["v2"], p["v3"]], [p["v1"], 1, p["v3"]], [p["v1"], p["v2"], 1]])


def symmetric(p):
    return np.array([[1, p["v2"], p["v3"]], [p["v2"], 2 + 1j, p["v1"]], [p["v3"], p["v1"], 4]])


def scaled(p):
    return p["n_scale"] * symmetric(p)


def down(p):
    return np.array([[p["v1"], 0.2, 0.1j], [0.3, 1.0, p["v2"]], [0.1, p["v3"], 6.0]])


def unknown(p):
    return np.eye(3) * p["v4"]


def wrong_shape(p):
    return np.ones((3, 2)) * p["v1"]


def text(p):
    return [[1, "a", 0], [0, 1, 0], [0, 0, 1]]


def ragged(p):
    return [[1, 0, 0], [0, 1], [0, 0, 1]]


def nothing(p):
    return None


def inverse(p):
    return np.diag([1 / p["v1"], 2.0, 3.0])


def failing(p):
    raise RuntimeError("no such vacuum")


def idle(p):
    return np.diag([p["v1"], 2.0 + p["v2"], 7.0])
