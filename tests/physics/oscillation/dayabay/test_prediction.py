"""Expected counts: one pair recomputed from the formulas, the fast form against the full one, four neutrinos."""

import dataclasses
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from wilks.parameters.parameter import Parameter
from wilks.physics.constants import PHASE_PER_EV2_M_MEV
from wilks.physics.oscillation.dayabay import constants
from wilks.physics.oscillation.dayabay.analysis import analysis_of
from wilks.physics.oscillation.dayabay.choices import Choices
from wilks.physics.oscillation.dayabay.layout import PAIRS
from wilks.physics.oscillation.dayabay.mesh import release_mesh
from wilks.physics.oscillation.dayabay.spectrum import Correction
from wilks.physics.oscillation.spaces import PLANE, STERILE

PAIR = PAIRS.index(("AD31", "8AD"))
DETECTOR = 4
ANGLE, SPLITTING = 0.0856, 2.453e-3
"""Start values of the release model."""


def survival(energy: np.ndarray, length: float, angle: float = ANGLE, splitting: float = SPLITTING) -> np.ndarray:
    """Three neutrinos, normal ordering, as in any textbook."""
    solar, small = constants.SOLAR["sin2_2theta12"][0], constants.SOLAR["dm2_21_eV2"][0]
    s12, s13 = 0.5 * (1 - np.sqrt(1 - solar)), 0.5 * (1 - np.sqrt(1 - angle))
    d32, d31, d21 = (
        np.sin(PHASE_PER_EV2_M_MEV * m * length / energy) ** 2 for m in (splitting, splitting + small, small)
    )
    return 1 - angle * (s12 * d32 + (1 - s12) * d31) - solar * (1 - s13) ** 2 * d21


def four_neutrinos(energy: np.ndarray, length: float, s: float, m: float) -> np.ndarray:
    """1 - 4 sum u_i^2 u_j^2 sin^2, with the mixing written as squares."""
    solar, small = constants.SOLAR["sin2_2theta12"][0], constants.SOLAR["dm2_21_eV2"][0]
    s12, s13, s14 = (0.5 * (1 - np.sqrt(1 - x)) for x in (solar, ANGLE, s))
    u = np.array([(1 - s12) * (1 - s13) * (1 - s14), s12 * (1 - s13) * (1 - s14), s13 * (1 - s14), s14])
    masses = np.array([0.0, small, SPLITTING + small, m])
    lost = 0.0
    for i in range(4):
        for j in range(i):
            lost = lost + 4 * u[i] * u[j] * np.sin(PHASE_PER_EV2_M_MEV * (masses[i] - masses[j]) * length / energy) ** 2
    return 1 - lost


def counts_by_hand(release, oscillation) -> np.ndarray:
    """Expected counts of AD31 in the second period, step by step, with plain loops over cores and isotopes."""
    mesh = release_mesh()
    f, e = constants.FISSION_FRACTIONS, constants.FISSION_ENERGIES_MEV
    per_energy = f @ constants.NEUTRINOS_PER_FISSION / (f @ e)
    targets = constants.TARGET_PROTONS * constants.PROTON_CORRECTIONS[DETECTOR] * constants.EFFICIENCY
    spectra = []
    for logarithm in np.log(release.flux):
        last = (logarithm[-1] - logarithm[-2]) / (release.flux_MeV[-1] - release.flux_MeV[-2])
        beyond = np.maximum(mesh.energy_MeV - release.flux_MeV[-1], 0.0)
        spectra.append(np.exp(np.interp(mesh.energy_MeV, release.flux_MeV, logarithm) + last * beyond))
    fine = np.zeros(240)
    for core in range(6):
        length = release.baselines_m[DETECTOR, core]
        alive = oscillation(np.maximum(mesh.energy_MeV, 0.5), length)
        solid = targets / (4 * np.pi * length**2) * 1e-4
        energy = release.neutrinos[PAIR, core] / per_energy
        fuel = np.interp(mesh.energy_MeV, release.spent_fuel_MeV, release.spent_fuel[core], left=0.0, right=0.0)
        for i, isotope in enumerate(spectra):
            extra = np.interp(
                mesh.energy_MeV, release.nonequilibrium_MeV, release.nonequilibrium[i], left=0.0, right=0.0
            )
            emitted = solid * energy * f[i] / (f @ e) * (1 + extra)
            spent = solid * release.eff_livetime_s[PAIR] * constants.NOMINAL_POWER_MEV_PER_S / (f @ e) * f[i] * fuel
            fine += ((emitted + spent) * isotope * mesh.weight * alive).sum(axis=1)
    return detected(release, fine) + background(release)


def detected(release, fine: np.ndarray) -> np.ndarray:
    """Vessel, nonlinearity by overlaps of bins, resolution, final bins."""
    edges, centres = np.linspace(0, 12, 241), np.linspace(0.025, 11.975, 240)
    total = release.iav.sum(axis=0)
    lost = (release.iav / np.where(total > 0, total, 1.0)) @ fine
    table = release.nonlinearity_MeV
    inner = np.linspace(table[0], table[-1], 4 * (len(table) - 1) + 1)
    visible = CubicSpline(table, table * release.nonlinearity[0])(inner)
    seen = CubicSpline(inner, visible)  # linear beyond the table
    x = np.concatenate([np.linspace(0.5, inner[0], 50)[:-1], inner, np.linspace(inner[-1], 12.1, 50)[1:]])
    first, last = (visible[1] - visible[0]) / (inner[1] - inner[0]), (visible[-1] - visible[-2]) / (inner[1] - inner[0])
    y = np.where(x < inner[0], visible[0] + (x - inner[0]) * first, seen(x))
    y = np.where(x > inner[-1], visible[-1] + (x - inner[-1]) * last, y)
    inverse = np.interp(edges, y, x)
    overlap = np.minimum(edges[None, 1:], inverse[1:, None]) - np.maximum(edges[None, :-1], inverse[:-1, None])
    nonlinear = np.maximum(overlap, 0.0) / 0.05 @ lost
    a, b, c = constants.RESOLUTION
    sigma = centres * np.sqrt(a**2 + b**2 / centres + c**2 / centres**2)
    smear = 0.05 / np.sqrt(2 * np.pi) / sigma * np.exp(-0.5 * ((centres[:, None] - centres[None]) / sigma) ** 2)
    return rebinned(release, smear @ nonlinear)


def rebinned(release, fine: np.ndarray) -> np.ndarray:
    places = np.rint(release.edges_MeV / 0.05).astype(int)
    return np.array([fine[a:b].sum() for a, b in itertools.pairwise(places)])


def background(release) -> np.ndarray:
    days = release.eff_livetime_s[PAIR] / 86400
    events = [release.accidentals[PAIR], *(release.background_rates[PAIR] * days)]
    return sum(n * rebinned(release, shape) for n, shape in zip(events, release.background_shapes[PAIR], strict=True))


def of_pair(mean: np.ndarray) -> np.ndarray:
    return np.asarray(mean).reshape(21, 26)[PAIR]


def test_one_pair_is_what_the_formulas_say(release, standard):
    values = standard.likelihood.space.unpack(standard.likelihood.space.starts)
    expected = counts_by_hand(release, survival)
    # nodes for the mesh, entries of the resolution below 1e-10: both far below 1e-7
    np.testing.assert_allclose(of_pair(standard.likelihood.prediction(values)), expected, rtol=1e-7)
    np.testing.assert_allclose(of_pair(standard.systematics.mean), expected, rtol=1e-7)


def test_the_fast_form_is_the_full_one_away_from_the_start(standard):
    space = standard.likelihood.space
    theta = space.starts + np.concatenate([[0.02, 1e-4], np.linspace(-0.2, 0.2, 19)])
    values = space.unpack(theta)
    full = eqx.filter_jit(standard.prediction)(values)
    np.testing.assert_allclose(standard.likelihood.prediction(values), full, rtol=1e-12)  # rounding


@pytest.mark.parametrize("kind", ["exponential", "linear", None])
def test_second_derivatives_are_those_of_the_first(standard, kind):
    known = standard.likelihood.prediction
    correction = None if kind is None else Correction(known.correction.matrix, kind)
    prediction = dataclasses.replace(known, correction=correction)
    shape = [0.9] if kind is None else np.linspace(-0.2, 0.2, 19)
    theta, weights = jnp.asarray([0.06, 2.6e-3, *shape]), jnp.sin(jnp.arange(546.0))
    found = jax.jit(lambda at: prediction.curvature(at, weights))(theta)
    steps = np.array([1e-5, 1e-8, *(1e-5 for _ in shape)])
    slopes = jax.jit(jax.vmap(lambda at: prediction.linearised(at)[1] @ weights))
    above, below = (np.asarray(slopes(theta[None] + sign * np.diag(steps))) for sign in (1.0, -1.0))
    differences = (above - below) / (2.0 * steps[:, None])
    scale = np.abs(differences).max(axis=1)
    # central differences of exact slopes, a thousandth of an error apart: 1e-6 of the largest in a row
    np.testing.assert_allclose(found / scale[:, None], differences / scale[:, None], atol=1e-6)


def test_four_neutrinos_are_three_without_mixing_and_follow_the_formula_with_it(release):
    slow = (STERILE[0], Parameter("dm2_41_eV2", 0.05, lower=1e-3, upper=0.1))
    analysis = analysis_of(release, Choices(sterile=slow, nuisances="fixed"))
    space = analysis.likelihood.space
    assert {"sin2_2theta13", "dm2_32_eV2", *PLANE} == {p.name for p in space.parameters[:4]}
    start = space.unpack(space.starts)
    predict = eqx.filter_jit(analysis.likelihood.prediction)
    none = of_pair(predict({**start, "sin2_2theta_ee": 0.0}))
    np.testing.assert_allclose(none, counts_by_hand(release, survival), rtol=1e-7)
    mixed = of_pair(predict({**start, "sin2_2theta_ee": 0.1, "dm2_41_eV2": 0.03}))
    by_hand = counts_by_hand(release, lambda energy, length: four_neutrinos(energy, length, 0.1, 0.03))
    # the last bins of the mesh, where interpolation of the fast oscillation is worst, are right to 1e-6
    np.testing.assert_allclose(mixed, by_hand, rtol=1e-6)
    assert np.abs(mixed / none - 1).max() > 0.02


@pytest.mark.parametrize("name", ["sin2_2theta13", "dm2_32_eV2"])
def test_bounds_keep_oscillations_physical(standard, name):
    """The release model lets sin^2 2theta_13 leave [0, 1], where it takes the root of a negative number."""
    parameter = standard.likelihood.space[name]
    assert parameter.lower >= 0.0
    assert parameter.upper <= 1.0
    edge = {**standard.likelihood.space.unpack(standard.likelihood.space.starts), name: parameter.upper}
    assert np.isfinite(np.asarray(standard.likelihood.prediction(edge))).all()
