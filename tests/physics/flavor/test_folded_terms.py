import numpy as np
import pytest

from wilks._base.errors import InvalidData, InvalidOption, UnknownName
from wilks.physics.flavor.building import build
from wilks.physics.flavor.model import FlavorModel
from wilks.physics.flavor.nufit_terms import nufit

from .user_matrices import SEED_SPACE, charged, neutral

# FlavorPy 0.2.0, get_chisq of one observable: inside, at the edges of and outside its windows
FLAVORPY = {
    ("5.2", "NO"): {
        "s12^2": (0.305, 0.0),
        "s13^2": (0.08, 10087.145557655927),
        "s23^2": (0.72, 236.2808163265309),
        "d/pi": (1.98, 10.203378290906787),
        "m21^2": (2e-3, 2895.211744699627),
        "m3l^2": (2.4e-3, 15.61469),
        "r": (0.0296, 0.0014299943779123526),
    },
    ("5.3", "IO"): {
        "s12^2": (0.5, 281.6559546313794),
        "s13^2": (0.005, 847.1111111111103),
        "s23^2": (0.26, 377.17750182615157),
        "d/pi": (1.999, 14.373856098001056),
        "m21^2": (2e-4, 3771.7572873289882),
        "m3l^2": (-4.5e-3, 6231.709342560486),
        "r": (-0.0296, 0.02970760875022405),
    },
}


@pytest.mark.parametrize(("release", "ordering"), FLAVORPY)
def test_numbers_are_those_of_flavorpy(release, ordering):
    terms = nufit(release, ordering, interpolation="flavorpy")
    for name, (value, chi2) in FLAVORPY[release, ordering].items():
        assert float(terms.term(name, value)) == pytest.approx(chi2, rel=1e-9, abs=1e-9), (name, value)


def test_the_documented_best_fit_of_the_seed_has_its_printed_chi_square():
    # FlavorPy's simple example, NuFIT 5.3 NO; the point is rounded to its printed digits
    point = {
        "me/mu": 0.0048, "mu/mt": 0.0565, "s12^2": 0.305, "s13^2": 0.0222, "s23^2": 0.499957, "d/pi": 1.0,
        "m21^2": 7.41485e-5, "m3l^2": 2.50536e-3,
    }  # fmt: skip
    judged = nufit("5.3", "NO", interpolation="flavorpy").chi2(point)
    assert sum(float(x) for x in judged.values()) == pytest.approx(5.651948, abs=5e-5)
    assert float(judged["s23^2"]) == pytest.approx(2.938339, abs=1e-5)
    assert float(judged["d/pi"]) == pytest.approx(2.71318, abs=1e-5)


def test_folded_terms_take_arrays_and_refuse_what_they_do_not_know():
    terms = nufit("5.3", "NO", interpolation="flavorpy")
    values = np.array([0.1, 0.3, 0.9])
    np.testing.assert_array_equal(terms.term("s12^2", values), [float(terms.term("s12^2", x)) for x in values])
    assert terms.ordering == "NO"
    with pytest.raises(UnknownName, match="did you mean"):
        terms.term("s12", 0.3)
    with pytest.raises(InvalidOption, match=r"5\.2 and 5\.3"):
        nufit("6.0", "NO", interpolation="flavorpy")


def test_folded_terms_are_not_fitted():
    model = FlavorModel(SEED_SPACE, mass_matrix_e=charged, mass_matrix_n=neutral)
    with pytest.raises(InvalidData, match="interpolation='wilks'"):
        build(model, nufit("5.3", "NO", interpolation="flavorpy"))
