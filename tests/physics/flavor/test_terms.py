import copy
import pickle

import pytest

from wilks._base.errors import InvalidModel, InvalidOption
from wilks.physics.flavor.charges import U1Group
from wilks.physics.flavor.groups import A4
from wilks.physics.flavor.polynomials import coefficient_matrix, polynomial, variable
from wilks.physics.flavor.terms import Field, list_allowed_terms

WEIGHT, HYPERCHARGE, K = U1Group("weight"), U1Group("hypercharge"), 20
LEPTONS = ("L1", "L2", "L3")


def field(name, irrep, weight, hypercharge, *components):
    charges = {A4: irrep, WEIGHT: weight, HYPERCHARGE: hypercharge}
    return Field(name, charges, {A4: {irrep: [components or (name,)]}})


# model 1 of arXiv:1706.08749, with the flavon in the direction (u, 0, 0)
FIELDS = (
    field("E1", "1", K, 1),
    field("E2", "1pp", K, 1),
    field("E3", "1p", K, 1),
    field("L", "3", -1, -0.5, *LEPTONS),
    field("Hd", "1", -K - 2, -0.5),
    field("Hu", "1", 0, 0.5),
    field("PhiT", "3", 3, 0, "u", "0", "0"),
    field("Y", "3", 2, 0, "Y1", "Y2", "Y3"),
)
SINGLET = Field("singlet", {A4: "1", WEIGHT: 0, HYPERCHARGE: 0})


@pytest.fixture(scope="module")
def found():
    return {term.name: term for term in list_allowed_terms(FIELDS, SINGLET, order=5)}


def test_the_worked_example_has_exactly_its_four_terms(found):
    assert list(found) == ["L L Hu Hu Y", "E1 L Hd PhiT", "E2 L Hd PhiT", "E3 L Hd PhiT"]


def test_the_terms_give_the_charged_lepton_matrix_of_the_model(found):
    for i in (1, 2, 3):
        (multiplet,) = found[f"E{i} L Hd PhiT"].multiplets(A4)["1"]
        column = [row[0] for row in coefficient_matrix(multiplet[0], LEPTONS, (f"E{i}",))]
        expected = [variable("u") * "Hd" if place == i else polynomial(0) for place in (1, 2, 3)]
        assert column == expected


def test_the_terms_give_the_neutrino_matrix_of_the_model(found):
    (multiplet,) = found["L L Hu Hu Y"].multiplets(A4)["1"]  # the antisymmetric contraction has dropped out
    matrix = coefficient_matrix(multiplet[0], LEPTONS, LEPTONS)
    expected = (("2*Y1", "-Y3", "-Y2"), ("-Y3", "2*Y2", "-Y1"), ("-Y2", "-Y1", "2*Y3"))
    scale = polynomial("2*Hu**2/sqrt(3)")
    assert matrix == tuple(tuple(polynomial(entry) * scale for entry in row) for row in expected)


def test_products_multiply_charges_and_join_names():
    term = FIELDS[0].times(FIELDS[3])
    assert term.name == repr(term) == "E1 L"
    assert term.charges == {A4: ("3",), WEIGHT: 19, HYPERCHARGE: 0.5}
    assert term.copy() == term == copy.deepcopy(term) == pickle.loads(pickle.dumps(term))


def test_the_groups_that_disagree_are_named(caplog):
    term = FIELDS[0].times(FIELDS[3])
    assert term.mismatches(SINGLET) == (A4, WEIGHT, HYPERCHARGE)
    assert not term.is_desired(SINGLET, print_cause=True)
    assert "A4, weight, hypercharge" in caplog.text
    assert term.is_desired(SINGLET, ignore=[A4, WEIGHT, HYPERCHARGE])


def test_charges_with_rounding_are_still_allowed():
    left, right = Field("x", {HYPERCHARGE: 0.1}), Field("y", {HYPERCHARGE: 0.2})
    wanted = Field("wanted", {HYPERCHARGE: 0.3})
    assert [t.name for t in list_allowed_terms([left, right], wanted, order=2)] == ["x y"]


def test_fields_under_different_groups_do_not_multiply():
    bare = Field("S", {WEIGHT: 1})
    with pytest.raises(InvalidModel, match=r"\['A4', 'hypercharge'\] only of the second"):
        bare.times(SINGLET)
    with pytest.raises(InvalidModel, match="components of 'E1' and 'singlet'"):
        FIELDS[0].times(SINGLET)
    with pytest.raises(InvalidModel, match="no charge there"):
        Field("S", {WEIGHT: 1}, {A4: {"1": [["s"]]}})


def test_too_many_candidates_are_refused():
    with pytest.raises(InvalidOption, match="order 9"):
        list_allowed_terms(FIELDS, SINGLET, order=9)
    with pytest.raises(InvalidOption, match="candidate terms"):
        list_allowed_terms([Field(f"f{i}", {WEIGHT: 1}) for i in range(60)], Field("s", {WEIGHT: 0}), order=7)
