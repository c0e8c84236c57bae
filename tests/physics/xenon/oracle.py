"""The model of classic xenon sources summed term by term with scipy, sharing no line with the package."""

from dataclasses import dataclass

import numpy as np
from scipy import special, stats

W = 13.7e-3


@dataclass(frozen=True)
class Point:
    """Parameters of the default model."""

    elife: float = 452e3
    extraction_eff: float = 0.96
    g2: float = 20.0
    er_pel_a: float = 15.0
    er_pel_b: float = -27.7
    er_pel_c: float = 32.5
    er_pel_e0: float = 5.0
    min_photons: float = 3.0
    s1_min: float = 2.0
    s1_max: float = 70.0
    s2_min: float = 2.0
    s2_max: float = 6000.0
    photon_detection_eff: float = 0.1
    drift_velocity: float = 1.335e-4


def electronic_pairs(at, energies, rates):
    """Rate by electrons (rows) and photons (columns)."""
    quanta = np.floor(energies / W).astype(int)
    most = quanta.max()
    events = np.bincount(quanta, rates, minlength=most + 1)
    pairs = np.zeros((most + 1, most + 1))
    for n in np.flatnonzero(events):
        if n == 0:
            continue
        u = np.log10(n * 13.7e-3 / at.er_pel_e0 + 1e-9)
        p_el = np.clip(W * (at.er_pel_a * u**2 + at.er_pel_b * u + at.er_pel_c), 1e-5, 1 - 1e-5)
        m = np.clip(1 - np.clip(p_el, 1e-6, 1 - 1e-6), 0.011, 0.95)
        widest = max((m - 1) ** 2 * m / (2 - m), m**2 * (1 - m) / (1 + m))
        v = np.clip((0.041 * (1 - np.exp(-n / 123))) ** 2, 0.005**2, widest)
        alpha = m * (m / v - m**2 / v - 1)
        ph = np.arange(n + 1)
        pairs[n - ph, ph] = events[n] * stats.betabinom.pmf(ph, n, alpha, alpha * (1 / m - 1))
    return pairs


def nuclear_pairs(at, energies, rates, most, lindhard_k=0.138):
    """Rate by electrons (rows) and photons (columns), for up to ``most`` quanta."""
    eps = 11.5 * 54.0 ** (-7 / 3) * energies
    g = 3 * eps**0.15 + 0.7 * eps**0.6 + eps
    means = energies * lindhard_k * g / (1 + lindhard_k * g) / W
    pairs = np.zeros((most + 1, most + 1))
    for n in range(1, most + 1):
        events = np.sum(rates * stats.poisson.pmf(n, means))
        q = n + 1e-9
        ni = q / (1 + 1.280 * 120**-0.045 * (1 - np.exp(-273 * 0.9e-4 * q)))
        s = 0.0141 * 120**-0.062
        p_el = np.clip(np.log(1 + ni * s) / (ni * s) * ni / q, 1e-5, 1 - 1e-5)
        e = np.arange(n + 1)
        pairs[e, n - e] = events * stats.binom.pmf(e, n, p_el)
    return pairs


def light(at, photons, density):
    """For every number of photons: sum over detected photons and double photoelectrons of what weighs the latter."""
    ph = np.arange(photons)[None]
    d = np.arange(200)
    seen = np.zeros((200, photons))
    for detected in d[d >= at.min_photons]:
        k = np.arange(detected + 1)
        weight = np.sum(stats.binom.pmf(k, detected, 0.219) * density(detected + k))
        seen[detected] = stats.binom.pmf(detected, ph, at.photon_detection_eff) * weight
    return seen.sum(axis=0)


def charge(at, electrons, z, density):
    """For every number of electrons: sum over detected electrons of what weighs them."""
    e = np.arange(electrons)[:, None]
    n = np.arange(electrons)[None]
    p = at.extraction_eff * np.exp(z / at.drift_velocity / at.elife)
    factorial = special.gammaln(np.arange(electrons) + 1)
    log_pmf = factorial[e] - factorial[n] - factorial[abs(e - n)] + special.xlogy(n, p) + special.xlog1py(e - n, -p)
    return np.where(n <= e, np.exp(np.where(n <= e, log_pmf, 0.0)), 0.0) @ density(n[0])


def rate(at, pairs, s1, s2, z):
    """Differential rate of one event, PE^-2."""
    size = pairs.shape[0]
    by_light = light(at, size, lambda pe: stats.norm.pdf(s1, pe, np.sqrt(0.25 * pe + 0.01**2)))
    by_charge = charge(at, size, z, lambda n: stats.norm.pdf(s2, at.g2 * n, np.sqrt(25 * n + 3e-3**2)))
    return by_charge @ pairs @ by_light


def expected(at, pairs, nodes=40, depth=97.6):
    """Expected number of events, averaged over the depth."""
    size = pairs.shape[0]

    def between(low, high, mean, width):
        return stats.norm.cdf((high - mean) / width) - stats.norm.cdf((low - mean) / width)

    by_light = light(at, size, lambda pe: between(at.s1_min, at.s1_max, pe, np.sqrt(0.25 * pe + 0.01**2)))
    x, w = np.polynomial.legendre.leggauss(nodes)
    total = 0.0
    for z, weight in zip(-depth * (x + 1) / 2, w / 2, strict=True):
        by_charge = charge(at, size, z, lambda n: between(at.s2_min, at.s2_max, at.g2 * n, np.sqrt(25 * n + 3e-3**2)))
        total += weight * (by_charge @ pairs @ by_light)
    return total
