import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wilks._base.errors import InvalidOption, UnknownName
from wilks.physics.flavor.modular import modular_form, modular_forms, to_fundamental_domain
from wilks.physics.flavor.modular_generators import LEVELS, generators
from wilks.physics.flavor.modular_table import MULTIPLETS, representation

# high up, in the fundamental domain and just below it, below 0.5 where the laws carry back, and far below
POINTS = (0.3 + 1.7j, -0.41 + 0.93j, 0.13 + 0.61j, 0.2 + 0.31j, -0.37 + 0.05j)
LAWS = list(itertools.product(MULTIPLETS, POINTS))


@pytest.mark.parametrize(("row", "tau"), LAWS)
def test_every_multiplet_transforms_under_s_and_t(row, tau):
    level, weight, irrep = row
    inversion, shift = representation(level, irrep)
    here = np.asarray(modular_form(tau, *row))
    inverted, shifted = np.asarray(modular_form(-1 / tau, *row)), np.asarray(modular_form(tau + 1, *row))
    size = np.max(np.abs(inverted))
    # relative to the largest component: series to 1e-15, times the condition of moving tau, at most 20 here
    assert np.max(np.abs(inverted - (-tau) ** weight * inversion @ here)) < 1e-12 * size
    assert np.max(np.abs(shifted - shift @ here)) < 1e-12 * np.max(np.abs(here))


@pytest.mark.parametrize("level", [3, 4, 5])
@pytest.mark.parametrize("irrep", ["1", "3"])
def test_representations_obey_the_relations_of_the_group(level, irrep):
    s, t = representation(level, irrep)
    one = np.eye(len(s))
    for relation in (s @ s @ s @ s, np.linalg.matrix_power(s @ t, 3), np.linalg.matrix_power(t, level)):
        assert np.max(np.abs(relation - one)) < 1e-12  # rounding of a dozen products of unitary matrices


@pytest.mark.parametrize("irrep", ["1p", "2", "3p", "1hat", "1hatp", "2hat", "3hat", "3hatp"])
def test_representations_of_the_double_cover_obey_its_relations(irrep):
    s, t = representation(4, irrep)
    parity = -1.0 if "hat" in irrep else 1.0
    assert np.max(np.abs(s @ s - parity * np.eye(len(s)))) < 1e-12  # as above
    assert np.max(np.abs(np.linalg.matrix_power(t, 4) - np.eye(len(s)))) < 1e-12


def test_the_weight_two_triplet_of_level_three_has_its_published_series():
    # arXiv:1706.08749
    tau = 0.21 + 1.9j
    q = np.exp(2j * np.pi * tau)
    y1, y2, y3 = np.asarray(modular_form(tau, 3, 2, "3"))
    # |q| = 7e-6: the first left-out terms are 84 q^4, 18 q^3 and 40 q^3 of the leading one, below 1e-14
    assert y1 == pytest.approx(1 + 12 * q + 36 * q**2 + 12 * q**3, rel=1e-13)
    assert y2 == pytest.approx(-6 * q ** (1 / 3) * (1 + 7 * q + 8 * q**2), rel=1e-13)
    assert y3 == pytest.approx(-18 * q ** (2 / 3) * (1 + 2 * q + 5 * q**2), rel=1e-13)
    assert y2**2 + 2 * y1 * y3 == pytest.approx(0.0, abs=1e-15)  # |Y2|^2 = 3e-3, relative rounding 1e-15


def test_the_weight_four_singlet_of_level_three_is_the_eisenstein_series():
    q = np.exp(2j * np.pi * (0.1 + 1.1j))
    e4 = 1 + 240 * sum(n**3 * q**n / (1 - q**n) for n in range(1, 12))
    assert complex(modular_form(0.1 + 1.1j, 3, 4, "1")[0]) == pytest.approx(
        e4, rel=1e-13
    )  # 240 * 11^3 * |q|^12 < 1e-30


def test_the_generators_of_level_four_are_theta_constants():
    tau = -0.2 + 0.8j
    quarter = np.exp(1j * np.pi * tau / 2)
    theta = 1 + 2 * sum(quarter ** ((2 * k) ** 2) for k in range(1, 5))
    eps = 2 * sum(quarter ** ((2 * k - 1) ** 2) for k in range(1, 5))
    assert np.asarray(generators(tau, 4)) == pytest.approx(np.array([theta, eps]), rel=1e-14)  # rounding


def test_the_generators_of_level_five_are_their_products():
    q = np.exp(2j * np.pi * (0.3 + 0.7j))
    n = np.arange(1, 60)
    numerator = np.prod((1 - q**n) ** 0.4)
    f1 = numerator / np.prod((1 - q ** (5 * n - 4)) * (1 - q ** (5 * n - 1)))
    f2 = np.exp(2j * np.pi * (0.3 + 0.7j) / 5) * numerator / np.prod((1 - q ** (5 * n - 3)) * (1 - q ** (5 * n - 2)))
    assert np.asarray(generators(0.3 + 0.7j, 5)) == pytest.approx(np.array([f1, f2]), rel=1e-13)  # 60 products


@pytest.mark.parametrize("level", [3, 4, 5])
@pytest.mark.parametrize("tau", POINTS)
def test_generators_follow_their_laws(level, tau):
    law = LEVELS[level]
    here, inverted = np.asarray(generators(tau, level)), np.asarray(generators(-1 / tau, level))
    expected = (-1j * tau) ** (1 / law.degree) * law.inversion @ here
    assert inverted == pytest.approx(expected, abs=1e-13 * np.max(np.abs(inverted)))  # series to 1e-15, as above
    shift = np.array([1.0, np.exp(2j * np.pi / level)])
    assert np.asarray(generators(tau + 1, level)) == pytest.approx(shift * here, abs=1e-13 * np.max(np.abs(here)))


@pytest.mark.parametrize("place", [(0.3, 1.1), (0.2, 0.13)])
def test_derivatives_are_those_of_finite_differences(place):
    def probe(x, y):
        return sum(jnp.sum(jnp.abs(f) ** 2) for f in modular_forms(x + 1j * y, 4, (3, "3hat"), (2, "2")))

    step = 1e-6 * place[1]
    for argument in (0, 1):
        slope = float(jax.grad(probe, argument)(*place))
        ends = [tuple(v + sign * step * (i == argument) for i, v in enumerate(place)) for sign in (1, -1)]
        difference = float(probe(*ends[0]) - probe(*ends[1])) / (2 * step)
        # rounding 1e-15/1e-6 of the value, truncation (1e-6)^2 of the third derivative, the higher near the axis
        assert slope == pytest.approx(difference, rel=1e-7)


def test_arrays_of_points_and_compiled_code_give_the_same_numbers():
    taus = np.array([[0.1 + 1.0j, 0.2 + 0.03j], [0.4 + 2.0j, -0.3 + 0.4j]])
    together = np.asarray(modular_form(taus, 3, 4, "3"))
    assert together.shape == (2, 2, 3)
    compiled = jax.jit(lambda tau: modular_form(tau, 3, 4, "3"))
    for place in np.ndindex(2, 2):
        one = np.asarray(compiled(taus[place]))
        # fused code rounds differently; near the axis by up to 1e-15/Im tau
        assert together[place] == pytest.approx(one, rel=1e-12)


def test_points_outside_the_upper_half_plane_are_named():
    with pytest.raises(InvalidOption, match=r"tau = \(0.3-0.1j\)"):
        modular_form(0.3 - 0.1j, 3, 2, "3")
    with pytest.raises(InvalidOption, match="Im tau must be > 0"):
        to_fundamental_domain(0.5 + 0j)
    assert np.isnan(jax.jit(lambda tau: modular_form(tau, 3, 2, "3"))(0.3 - 0.1j)).all()


def test_unknown_multiplets_list_what_there_is():
    with pytest.raises(InvalidOption, match=r"\(3, 4, '1p'\)"):
        modular_form(1j, 3, 4, "1pp")
    with pytest.raises(InvalidOption, match="level 7"):
        generators(1j, 7)
    with pytest.raises(UnknownName, match="no irrep '4'"):
        representation(4, "4")
    with pytest.raises(InvalidOption, match="level 6"):
        representation(6, "3")


@given(st.floats(-50, 50), st.floats(-6, 3))
def test_every_point_moves_into_the_fundamental_domain(x, exponent):
    tau = complex(x, 10.0**exponent)
    found = to_fundamental_domain(tau)
    assert abs(found.tau.real) <= 0.5
    assert abs(found.tau) >= 1 - 1e-14  # the boundary to rounding
    (a, b), (c, d) = found.matrix
    assert a * d - b * c == 1
    moved = (a * tau + b) / (c * tau + d)
    # the map stretches the rounding 1e-16 |tau| by 1/|c tau + d|^2 = Im tau'/Im tau
    assert abs(moved - found.tau) <= 1e-14 * (1 + abs(tau)) * (1 + found.tau.imag) * (1 + found.tau.imag / tau.imag)


def test_the_word_leads_to_the_point():
    tau = 0.77 + 0.03j
    found, point = to_fundamental_domain(tau), tau
    for letter in reversed(found.word.split()):
        point = -1 / point if letter == "S" else point + int(letter[2:] or 1)
    assert point == pytest.approx(found.tau, abs=1e-12)  # the same steps; stretched by Im tau'/Im tau < 40
    assert to_fundamental_domain(0.1 + 1.5j).word == ""
