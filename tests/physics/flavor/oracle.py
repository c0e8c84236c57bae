"""Observables of mass matrices in 60-digit arithmetic, by other formulas than those of the package.

Its singular vectors are mpmath's; the CP phase comes from another quartet for its sine and from a modulus for its
cosine, Majorana phases from Takagi's factorisation carried out, m_bb from the sum of its three terms.
"""

import mpmath as mp
import numpy as np

mp.mp.dps = 60


def matrix(entries):
    return mp.matrix([[mp.mpc(complex(x)) for x in row] for row in np.asarray(entries)])


def _columns(m, order):
    return mp.matrix([[m[i, k] for k in order] for i in range(3)])


def decomposed(entries):
    """Ascending masses and U of M = U diag(m) V^dagger."""
    left, masses, _ = mp.svd_c(matrix(entries))
    order = sorted(range(3), key=lambda k: masses[k])
    return [masses[k] for k in order], _columns(left, order)


def _angles(v):
    s13 = abs(v[0, 2])
    s12 = abs(v[0, 1]) / mp.sqrt(abs(v[0, 0]) ** 2 + abs(v[0, 1]) ** 2)
    s23 = abs(v[1, 2]) / mp.sqrt(abs(v[1, 2]) ** 2 + abs(v[2, 2]) ** 2)
    return s12, s13, s23


def _cosine(sine):
    return mp.sqrt(1 - sine**2)


def _delta(v):
    """From J = Im(V_e1 V_mu2 V_e2^* V_mu1^*) = Jmax sin(delta), and cos(delta) by the modulus of V_tau1."""
    s12, s13, s23 = _angles(v)
    c12, c13, c23 = map(_cosine, (s12, s13, s23))
    jmax = s12 * c12 * s23 * c23 * s13 * c13**2
    jarlskog = (v[0, 0] * v[1, 1] * mp.conj(v[0, 1]) * mp.conj(v[1, 0])).imag
    cosine = (s12**2 * s23**2 + c12**2 * c23**2 * s13**2 - abs(v[2, 0]) ** 2) / (2 * s12 * s23 * c12 * c23 * s13)
    return mp.atan2(jarlskog / jmax, cosine) % (2 * mp.pi), jarlskog, jmax


def leptons(me, mn, inverted=False, majorana=True):
    """Observables, with neutrino masses unscaled."""
    flavours, left_e = decomposed(me)
    ascending, left_n = decomposed(mn)
    order = [1, 2, 0] if inverted else [0, 1, 2]
    masses, left_n = [ascending[k] for k in order], _columns(left_n, order)
    if majorana:
        takagi = left_n.transpose_conj() * matrix(mn) * left_n.apply(mp.conj)
        phases = [mp.expj(mp.arg(takagi[k, k]) / 2) for k in range(3)]
        left_n = left_n * mp.diag(phases)
    p = left_e.T * left_n.apply(mp.conj)
    s12, s13, s23 = _angles(p)
    delta, jarlskog, jmax = _delta(p)
    a = masses[1] ** 2 - masses[0] ** 2
    b = masses[2] ** 2 - masses[1 if inverted else 0] ** 2
    found = {
        "me/mu": flavours[0] / flavours[1],
        "mu/mt": flavours[1] / flavours[2],
        "s12^2": s12**2,
        "s13^2": s13**2,
        "s23^2": s23**2,
        "d/pi": delta / mp.pi,
        "r": a / b,
        **{f"m{k + 1}": masses[k] for k in range(3)},
        "m21^2": a,
        "m3l^2": b,
        "J": jarlskog,
        "Jmax": jmax,
        "m_b": mp.sqrt(sum(abs(p[0, k]) ** 2 * masses[k] ** 2 for k in range(3))),
    }
    if majorana:
        eta = [(mp.arg(p[0, k] / p[0, 2]) - delta) / mp.pi % 1 for k in (0, 1)]
        found |= {"eta1": eta[0], "eta2": eta[1]}
        found["m_bb"] = abs(sum(p[0, k] ** 2 * masses[k] for k in range(3)))
    return found


def quarks(mu, md, weyl=False):
    """Mass ratios, angles in degrees and Wolfenstein's parameters."""
    up, left_u = decomposed(mu)
    down, left_d = decomposed(md)
    v = left_u.transpose_conj() * left_d
    v = v.apply(mp.conj) if weyl else v
    s12, s13, s23 = _angles(v)
    apex = -v[0, 0] * mp.conj(v[0, 2]) / (v[1, 0] * mp.conj(v[1, 2]))
    lambda_ = s12
    return {
        "mu/mc": up[0] / up[1],
        "mc/mt": up[1] / up[2],
        "md/ms": down[0] / down[1],
        "ms/mb": down[1] / down[2],
        **{name: mp.degrees(mp.asin(s)) for name, s in (("t12", s12), ("t13", s13), ("t23", s23))},
        "dq": mp.degrees(_delta(v)[0]),
        "lambda": lambda_,
        "A": abs(v[1, 2] / v[0, 1]) / lambda_,
        "rhobar": apex.real,
        "etabar": apex.imag,
    }
