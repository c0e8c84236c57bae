"""Terms from symmetries through the face: FlavorPy's texts, right Clebsch-Gordan coefficients, the worked example."""

import copy
import re

import pytest

from wilks._base.errors import InvalidModel, InvalidOption, UnknownName
from wilks.compat.flavorpy import constructterms as ct

A4 = ct.groups.A4
WEIGHT, HYPERCHARGE = ct.U1Group("weight"), ct.U1Group("hypercharge")


def plain(text):
    """Text without blanks and brackets."""
    return re.sub(r"[\s()]", "", text)


def triplet(name, **charges):
    return ct.Field(name, {A4: ["3"]} | charges, {A4: {"3": [[f"{name}{i}" for i in (1, 2, 3)]]}})


# Printed by FlavorPy 0.2.0 for the product of two triplets.
PRODUCT = {
    "1": [["L1 P1 + L2 P3 + L3 P2"]],
    "1p": [["L1 P2 + L2 P1 + L3 P3"]],
    "1pp": [["L1 P3 + L2 P2 + L3 P1"]],
    "3": [
        [
            "2/sqrt(3) L1 P1  - 1/sqrt(3) L2 P3  - 1/sqrt(3) L3 P2",
            "- 1/sqrt(3) L1 P2  - 1/sqrt(3) L2 P1 +  2/sqrt(3) L3 P3",
            "- 1/sqrt(3) L1 P3 +  2/sqrt(3) L2 P2  - 1/sqrt(3) L3 P1",
        ],
        ["L2 P3 - L3 P2", "L1 P2 - L2 P1", "- L1 P3 + L3 P1"],
    ],
}


def test_products_have_the_texts_of_flavorpy():
    found = triplet("L").times(triplet("P"))
    assert repr(found) == "L P"
    assert found.charges[A4] == ["1", "1p", "1pp", "3", "3"]
    assert list(found.components[A4]) == list(PRODUCT)
    for irrep, multiplets in PRODUCT.items():
        assert [[plain(c) for c in m] for m in found.components[A4][irrep]] == [
            [plain(c) for c in m] for m in multiplets
        ]


def test_one_doubly_primed_times_a_triplet_keeps_every_component():
    single = ct.Field("E", {A4: ["1pp"]}, {A4: {"1pp": [["a"]]}})
    for found in (single.times(triplet("b")), triplet("b").times(single)):
        assert found.components[A4] == {"3": [["a b2", "a b3", "a b1"]]}


def test_brackets_protect_sums_with_minus_signs_too():
    found = triplet("a").times(triplet("b"))
    antisymmetric = ct.Field("x", {A4: ["3"]}, {A4: {"3": [found.components[A4]["3"][1]]}})
    product = antisymmetric.times(ct.Field("E", {A4: ["1p"]}, {A4: {"1p": [["e"]]}}))
    assert product.components[A4]["3"][0] == ["e (- a1 b3 + a3 b1)", "e (a2 b3 - a3 b2)", "e (a1 b2 - a2 b1)"]


def test_real_charges_are_equal_within_rounding():
    assert WEIGHT.is_desired(WEIGHT.make_product(0.1, 0.2), 0.3)
    assert not WEIGHT.is_desired(0.3, 0.3 + 1e-6)
    z3 = ct.AbelianGroup("Z3", 3)
    assert z3.make_product(2, 2) == 1
    assert z3.is_desired(4, 1)


def test_the_worked_example_lists_exactly_its_four_terms():
    # Charges of arXiv:1706.08749, model 1, with k = 20.
    def field(name, irrep, weight, hypercharge):
        components = [f"{name}{i}" for i in (1, 2, 3)] if irrep == "3" else [name]
        return ct.Field(name, {A4: [irrep], WEIGHT: weight, HYPERCHARGE: hypercharge}, {A4: {irrep: [components]}})

    fields = [
        field("E1", "1", 20, 1),
        field("E2", "1pp", 20, 1),
        field("E3", "1p", 20, 1),
        field("L", "3", -1, -0.5),
        field("Hd", "1", -22, -0.5),
        field("Hu", "1", 0, 0.5),
        field("PhiT", "3", 3, 0),
        field("Y", "3", 2, 0),
    ]
    wanted = ct.Field("wanted", {A4: ["1"], WEIGHT: 0, HYPERCHARGE: 0})
    found = ct.list_allowed_terms(fields, wanted, order=5)
    assert [term.name for term in found] == ["L L Hu Hu Y", "E1 L Hd PhiT", "E2 L Hd PhiT", "E3 L Hd PhiT"]
    electron = next(term for term in found if term.name == "E1 L Hd PhiT").components[A4]["1"]
    assert [plain(c) for c in electron[0]] == [plain("Hd E1 L1 PhiT1 + Hd E1 L2 PhiT3 + Hd E1 L3 PhiT2")]


def test_causes_are_printed_and_groups_may_be_ignored(capsys):
    one, two = ct.Field("x", {WEIGHT: 1, A4: ["3"]}), ct.Field("want", {WEIGHT: 2, A4: ["3"]})
    assert not one.is_desired(two, print_cause=True)
    assert "under weight" in capsys.readouterr().out
    assert one.is_desired(two, print_cause=True, ignore=[WEIGHT])
    assert capsys.readouterr().out == ""


def test_fields_and_groups_copy_and_stay_compatible():
    field = triplet("L")
    assert field.copy().times(field).name == "L L"
    assert copy.deepcopy(A4) == A4.copy() == A4
    assert {WEIGHT.copy(): 1}[WEIGHT] == 1
    assert ct.AbelianGroup("Z2", 2).copy() == ct.AbelianGroup("Z2", 2)
    assert [repr(group) for group in (A4, WEIGHT, ct.AbelianGroup("Z2", 2))] == ["A4", "weight", "Z2"]


def test_contradictions_are_refused():
    with pytest.raises(InvalidModel, match="different groups"):
        triplet("L").times(ct.Field("x", {WEIGHT: 1}))
    with pytest.raises(InvalidModel, match="different groups"):
        ct.list_allowed_terms([triplet("L")], ct.Field("x", {WEIGHT: 1}))
    with pytest.raises(InvalidOption, match="order 9"):
        ct.list_allowed_terms([ct.Field("x", {WEIGHT: 1})], ct.Field("y", {WEIGHT: 1}), order=9)
    with pytest.raises(InvalidModel, match="must be 2 x 2"):
        ct.NonAbelianGroup("bad", representations=["1", "2"], tensor_products=[[["1"]]])
    group = ct.NonAbelianGroup("S", representations=["1"], tensor_products=[[["1"]]])
    single = ct.Field("x", {group: ["1"]}, {group: {"1": [["x"]]}})
    with pytest.raises(UnknownName, match="no clebsches of '1 x 1'"):
        single.times(single)
