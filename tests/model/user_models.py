"""Functions as users write them: plain numpy for one point."""

import cmath
import math
from math import exp as natural_exp

import jax.numpy as jnp
import numpy as np
from numpy.linalg import inv

SCALE = 2.0
MIXING = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 1.0], [2.0, 1.0, 1.0]])


# --- rung 1: JAX


def with_jax(p):
    return jnp.array([[p["a"], 1.0], [jnp.exp(p["b"]), p["c"] ** 2]])


def nested_lists(p):
    return [[p["a"], 1], [p["b"] * p["c"], 2.5]]


def one_number(p):
    return p["a"] ** 2 + p["b"] / (1 + p["c"] ** 2)


# --- rung 2: numbers in arrays of objects


def charged_leptons(p):
    return np.array([[0.0048 * 0.0565, 0, 0], [0, 0.0565, 0], [0, 0, 1]])


def neutrinos(params):
    v1, v2, v3 = params["a"], params["b"], params["c"]
    return np.array([[1, v2, v3], [v1, 1, v3], [v1, v2, 1]])


def products(p):
    matrix = np.array([[p["a"], 1.0], [np.sin(p["b"]), abs(p["c"])]])
    return MIXING[:2, :2] @ matrix @ matrix.T * SCALE + np.exp(p["a"]) * np.eye(2)


def complex_entries(p):
    tau = p["a"] + 1j * p["b"]
    q = np.exp(2j * np.pi * tau)
    return np.array([[1 + 12 * q, -6 * q**2], [tau.conjugate(), p["c"] * tau.imag]])


# --- rung 3: numpy, math and cmath that need numbers


def first_form(tau):
    q = cmath.exp(2j * math.pi * tau)
    return 1 + 12 * q + 36 * q**2 + 12 * q**3


def second_form(tau):
    q = cmath.exp(2j * math.pi * tau)
    return -6 * q ** (1 / 3) * (1 + 7 * q + 8 * q**2)


def third_form(tau):
    q = cmath.exp(2j * math.pi * tau)
    return -18 * q ** (2 / 3) * (1 + 2 * q + 5 * q**2)


def modular_a4(params):
    tau = params["a"] + 1j * params["b"]
    y1, y2, y3 = first_form(tau), second_form(tau), third_form(tau)
    return params["n_scale"] * np.array([[2 * y1, -y3, -y2], [-y3, 2 * y2, -y1], [-y2, -y1, 2 * y3]], dtype=complex)


def theta_constants(tau):
    nome = np.exp(1j * np.pi * tau / 2)
    theta = sum(nome ** ((2 * k) ** 2) for k in range(-4, 5))
    return theta, 2 * sum(nome ** ((2 * k - 1) ** 2) for k in range(1, 5))


def modular_s4(params):
    t, e = theta_constants(complex(params["a"], params["b"]))
    forms = np.array([math.sqrt(2) * e * t, e**2, -(t**2)], dtype=complex)
    singlet = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0]], dtype=complex) / np.sqrt(3)
    b1, b2, b3 = forms
    triplet = np.array([[0, -b2, b3], [-b2, -b1, 0], [b3, 0, b1]], dtype=complex)
    return (singlet + params["c"] * triplet).T


def written_entry_by_entry(p):
    matrix = np.zeros((3, 3), dtype=complex)
    for i in range(3):
        matrix[i, i] = np.exp(1j * p["a"] * i)
    matrix[0, 1] += p["b"]
    matrix[1:, 2] = [p["c"], natural_exp(p["c"])]
    return MIXING @ np.linalg.inv(matrix + MIXING.T).conj()


def imported_inside(p):
    import numpy as xp  # noqa: ICN001  as users do
    from numpy import linalg

    return xp.dot(linalg.inv(xp.array([[p["a"], 1.0], [2.0, p["b"]]], dtype=float)), xp.ones(2)) + inv(MIXING)[0, :2]


def without_branches(p):
    return np.array([np.where(p["a"] > 0, p["a"] ** 2, 0.0), float(p["b"]), math.hypot(p["a"], p["c"])], dtype=float)


# --- rung 4: needs the numbers themselves


def with_a_branch(p):
    return np.array([[p["a"] if p["a"] > 0 else 0.5 * p["a"], 1.0], [p["b"] ** 2, p["c"]]])


def hidden_branch(p):
    try:
        if p["a"] > 0.0:
            return np.array([p["a"], p["b"]])
    except Exception:
        pass
    return np.array([0.0, p["b"]])


def writes_through_a_view(p):
    matrix = np.zeros((2, 2))
    row = matrix[1]
    row[0] = p["a"] ** 2
    return matrix + p["b"]


def larger_one(p):
    return np.array([max(p["a"], p["b"] - 2.0), p["c"]])


def counts_by_value(p):
    return np.array([float(f"{p['a']:.12f}"), p["b"] * p["c"]])


def one_number_by_cases(p):
    return p["a"] ** 2 if p["a"] > 0 else p["b"]


def far_branch_hidden(p):
    try:
        return p["b"] ** 2 if p["b"] > 1e6 else p["b"]
    except Exception:
        return p["b"]


def shielded(p):
    with np.errstate(all="ignore"):
        return np.array([np.exp(p["a"]), p["b"] * p["c"]])
